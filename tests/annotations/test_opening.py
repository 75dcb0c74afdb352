import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gnomon.annotations import Actor, Target, open_annotations
from gnomon.errors import AnnotationError, AnnotationLogError, NotOursError

NOBODY = 65534


def test_a_log_is_made_where_there_is_none_and_found_again(tmp_path: Path, alice: Actor) -> None:
    path = tmp_path / "new" / "folder" / "annotations.db"
    with open_annotations(path, origin="summit") as log:
        added = log.add(targets=[Target.collection("c")], text="x", actor=alice)
    assert [entry.name for entry in path.parent.iterdir()] == ["annotations.db"]
    with open_annotations(f"sqlite:///{path}", origin="summit") as log:
        assert log.get(added.id) == added


def test_place_and_origin_come_from_the_settings_where_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alice: Actor
) -> None:
    monkeypatch.setenv("GNOMON_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GNOMON_ORIGIN", "usdf")
    monkeypatch.delenv("GNOMON_ANNOTATIONS", raising=False)
    with open_annotations() as log:
        added = log.add(targets=[Target.collection("c")], text="x", actor=alice)
        assert log.history(added.id)[0].origin == "usdf"
    assert (tmp_path / "home" / "annotations.db").is_file()


@pytest.mark.parametrize("uri", ["http://site/annotations", "https://site/annotations"])
def test_a_service_is_not_supported_yet(uri: str) -> None:
    with pytest.raises(AnnotationLogError, match="not supported yet"):
        open_annotations(uri, origin="x")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        " ",
        "a\0b",
        "mysql://host/db",
        "nonsense://host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "postgresql+psycopg://host:port/db",
    ],
)
def test_a_place_that_is_none_is_refused(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnnotationLogError):
        open_annotations(uri, origin="x")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(AnnotationLogError, match="cannot be opened") as caught:
        open_annotations("postgresql+psycopg://me:secret@127.0.0.1:1/db", origin="x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("origin", ["", "a:1", "-x", "x" * 64, "a b"])
def test_an_origin_is_a_name(path: Path, origin: str) -> None:
    with pytest.raises(AnnotationError, match="not the name of an origin"):
        open_annotations(path, origin=origin)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"notes of the night\n", b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotOursError):
        open_annotations(path, origin="x")
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_database_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE event (id INTEGER)")
        other.commit()
    content = path.read_bytes()
    with pytest.raises(NotOursError, match="something else"):
        open_annotations(path, origin="x")
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(AnnotationLogError, match="cannot be opened"):
        open_annotations(tmp_path, origin="x")


def test_a_log_of_a_newer_gnomon_is_refused(path: Path) -> None:
    open_annotations(path, origin="x").close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
        raw.commit()
    with pytest.raises(AnnotationLogError, match="99"):
        open_annotations(path, origin="x")


def test_a_damaged_database_is_told(path: Path) -> None:
    open_annotations(path, origin="x").close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(AnnotationLogError, match=r"annotations\.db"):
        open_annotations(path, origin="x")


@pytest.fixture
def public() -> Iterator[Path]:
    """Make a folder that every user of the computer reaches, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_folder_in_which_nothing_may_be_written_is_told(public: Path) -> None:
    public.chmod(0o555)
    script = (
        "import os\n"
        "from gnomon.annotations import open_annotations\n"
        "from gnomon.errors import AnnotationLogError\n"
        # Permissions do not bind root; everything is imported before it becomes nobody.
        f"os.geteuid() or os.setuid({NOBODY})\n"
        "try:\n"
        "    open_annotations('annotations.db', origin='x')\n"
        "except AnnotationLogError as error:\n"
        "    print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=public, capture_output=True, text=True, check=True
    )
    assert "annotations.db cannot be opened" in told.stdout
    assert list(public.iterdir()) == []


def test_a_log_that_may_only_be_read_is_read_and_says_why_it_cannot_be_written(public: Path) -> None:
    public.chmod(0o777)
    script = (
        "import os\n"
        "from gnomon.annotations import Actor, Target, open_annotations\n"
        "from gnomon.errors import AnnotationLogError\n"
        "said = dict(targets=[Target.collection('c')], text='kept', actor=Actor('alice', 'human'))\n"
        # Used once before root becomes nobody, who may not be able to import anything more.
        "with open_annotations('annotations.db', origin='x') as log:\n"
        "    log.add(**said)\n"
        "os.chmod('annotations.db', 0o444)\n"
        f"os.geteuid() or os.setuid({NOBODY})\n"
        "with open_annotations('annotations.db', origin='x') as log:\n"
        "    print(log.search()[0].text)\n"
        "    try:\n"
        "        log.add(**said)\n"
        "    except AnnotationLogError as error:\n"
        "        print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=public,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("kept\n")
    assert "readonly" in told.stdout


def test_a_closed_log_says_so_and_may_be_closed_again(path: Path) -> None:
    log = open_annotations(path, origin="x")
    log.close()
    log.close()
    with pytest.raises(AnnotationLogError, match="were closed"):
        log.search()


def test_the_room_is_light_and_knows_no_butler_and_no_other_room() -> None:
    script = (
        "import sys, gnomon.annotations\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}\n"
        "      & {'lsst', 'pydantic', 'polars', 'pyarrow', 'deltalake', 'pandas', 'alembic'}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('gnomon.')\n"
        "      and not name.startswith('gnomon.annotations')))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    packages, modules = told.stdout.splitlines()
    assert packages == ""
    rooms = {name.split(".")[1] for name in modules.split()}
    assert rooms == {"databases", "dataids", "errors", "expressions", "times"}
