"""Settings: who wins, what is refused, and that no password is shown."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from gnomon.errors import SettingsError
from gnomon.settings import Settings, default_home, load, redact


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GNOMON_{name.upper()}", raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("GNOMON_HOME", str(folder))
    return folder


def test_everything_has_a_default_beside_home(home: Path) -> None:
    settings = load()
    assert settings.home == home
    assert settings.config == home / "config.toml"
    assert settings.store == str(home / "store")
    assert settings.annotations == str(home / "annotations.db")
    assert settings.buffer == home / "buffer"
    assert settings.origin == "local"


def test_an_argument_goes_before_the_environment_and_that_before_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config.toml").write_text('store = "s3://file/store"\norigin = "file"\n')
    assert load().store == "s3://file/store"
    monkeypatch.setenv("GNOMON_STORE", "s3://environment/store")
    assert load().store == "s3://environment/store"
    assert load(store="s3://argument/store").store == "s3://argument/store"
    assert load(store="s3://argument/store").origin == "file"


def test_none_means_that_nothing_was_given(home: Path) -> None:
    assert load(store=None).store == str(home / "store")


def test_an_empty_variable_means_that_nothing_was_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_STORE", "")
    assert load().store == str(home / "store")


def test_a_home_given_as_argument_moves_the_file_and_the_defaults(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.toml").write_text('origin = "there"')
    settings = load(home=other)
    assert settings.origin == "there"
    assert settings.store == str(other / "store")


def test_the_configuration_file_can_be_elsewhere_and_its_paths_start_from_its_folder(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.toml").write_text('store = "metrics"\n')
    monkeypatch.setenv("GNOMON_CONFIG", str(site / "site.toml"))
    settings = load()
    assert settings.store == str(site / "metrics")
    assert settings.annotations == str(home / "annotations.db")


def test_a_home_in_a_named_file_moves_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GNOMON_HOME")
    file = tmp_path / "site.toml"
    file.write_text('home = "data"')
    assert load(config=file).annotations == str(tmp_path / "data" / "annotations.db")


def test_a_relative_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(store="here").store == str(tmp_path / "here")


def test_a_tilde_is_the_users_folder() -> None:
    assert load(store="~/metrics").store == str(Path.home() / "metrics")


def test_the_buffer_is_a_folder_of_this_host(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text('buffer = "scratch"\n')
    assert load().buffer == home / "scratch"
    monkeypatch.setenv("GNOMON_BUFFER", "/var/tmp/gnomon")
    assert load().buffer == Path("/var/tmp/gnomon")
    monkeypatch.setenv("GNOMON_BUFFER", "s3://bucket/buffer")
    with pytest.raises(SettingsError, match=r"GNOMON_BUFFER cannot be .*a folder on a local disk, not a URI"):
        load()
    with pytest.raises(SettingsError, match="The setting buffer cannot be ' ': it is empty"):
        load(buffer=" ")


def test_a_named_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: This configuration file does not exist"):
        load(config=tmp_path / "none.toml")


def test_an_unknown_key_is_refused_with_file_line_and_the_nearest(home: Path) -> None:
    (home / "config.toml").write_text('origin = "x"\n\nstroe = "s3://a"\n')
    with pytest.raises(SettingsError, match=r"config\.toml:3: .*'stroe'.* Did you mean store\?"):
        load()


def test_an_unknown_table_is_refused(home: Path) -> None:
    (home / "config.toml").write_text("\n[stor]\na = 1\n")
    with pytest.raises(SettingsError, match=r"config\.toml:2: The key 'stor' is not a setting"):
        load()


def test_a_file_cannot_name_another_file(home: Path) -> None:
    (home / "config.toml").write_text('config = "other.toml"')
    with pytest.raises(SettingsError, match=r"config\.toml:1: The key 'config'"):
        load()


@pytest.mark.parametrize(
    ("content", "line"), [(b"origin = 'a'\nstore =\n", 2), (b"a = 1\n\n\xff = 2", 3), (b"store = '''a\n", 1)]
)
def test_a_file_that_is_not_toml_is_an_error_with_its_line(home: Path, content: bytes, line: int) -> None:
    (home / "config.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"config\.toml:{line}: This is not a TOML file"):
        load()


def test_a_folder_in_place_of_the_file_is_an_error(home: Path) -> None:
    (home / "config.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load()


def test_a_wrong_type_in_the_file_is_an_error_with_its_line(home: Path) -> None:
    (home / "config.toml").write_text('origin = "a"\nstore = 3\n')
    with pytest.raises(SettingsError, match=r"config\.toml:2: The key store cannot be 3: .*valid string"):
        load()


@pytest.mark.parametrize("origin", ["", " ", "a b", "-a", "a" * 64, "a/b", "ä"])
def test_an_origin_is_a_short_plain_name(origin: str) -> None:
    with pytest.raises(SettingsError, match="The setting origin cannot be"):
        load(origin=origin)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_ORIGIN", "a b")
    with pytest.raises(SettingsError, match="GNOMON_ORIGIN cannot be 'a b'"):
        load()


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(SettingsError, match="Did you mean annotations"):
        load(annotation="x")


def test_an_empty_home_is_refused() -> None:
    with pytest.raises(SettingsError, match="The setting home cannot be ' ': it is empty"):
        load(home=" ")


def test_other_variables_of_ours_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_TEST_APT", "1")
    assert load().origin == "local"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load().origin = "elsewhere"


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:hush@host/db",
        "postgresql://me:a/hush@host/db",
        "postgresql://:hush@host/db",
        "postgresql://me:a@hush@host/db",
        "s3://bucket/store?AWS_SECRET_ACCESS_KEY=hush&region=x",
        "https://host/?token=hush",
    ],
)
def test_no_password_is_shown(uri: str) -> None:
    assert "hush" not in redact(uri)
    settings = load(store=uri)
    assert settings.store == uri
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


def test_what_is_no_secret_is_shown_whole() -> None:
    for text in ("s3://bucket/a?region=x", "postgresql://me@host:5432/db", "C:/data@home:1"):
        assert redact(text) == text


@pytest.mark.skipif(sys.platform != "linux", reason="the convention of one platform")
def test_home_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_home() == tmp_path / "gnomon"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_home() == Path.home() / ".local" / "share" / "gnomon"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_home() == Path.home() / ".local" / "share" / "gnomon"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90 s", 90), ("1.5 min", 90), ("12h", 43200), (" 2 d", 172800), ("", None)]
)
def test_a_greatest_age_is_a_number_with_a_unit(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float | None
) -> None:
    monkeypatch.setenv("GNOMON_MAX_AGE", text)
    found = load().max_age
    assert (None if found is None else found.total_seconds()) == seconds


@pytest.mark.parametrize("text", ["2", "d", "-1 d", "1 week", "1 d 2 h"])
def test_an_age_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GNOMON_MAX_AGE", text)
    with pytest.raises(SettingsError, match="GNOMON_MAX_AGE"):
        load()
