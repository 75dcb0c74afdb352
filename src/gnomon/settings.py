"""Where gnomon keeps things: arguments, environment, `config.toml`, defaults, in that order of precedence.

Everything has a default, so that a first command needs no configuration. A key that nobody knows is refused
with its file and line, because a misspelt key that is passed over is a store in the wrong place. A value may
hold a password (``postgresql://me:secret@host/db``), so whatever is shown goes through `redact`.
"""

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gnomon.errors import SettingsError, nearest

__all__ = ["Settings", "default_home", "load", "redact"]

_PREFIX = "GNOMON_"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two characters at least: `C:\` is a path
# SQLAlchemy takes a password with a slash in it, so a slash does not end one here either.
_PASSWORD = re.compile(r"(?<=://)([^/:\s]*):[^\s'\"]*@")
_SECRET_PARAMETER = re.compile(
    r"([?&][^=&\s]*(?:password|secret|token|key)[^=&\s]*=)[^&\s'\"]*", re.IGNORECASE
)
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{1,9})?)\s*(?P<unit>s|min|h|d)")
_DURATION_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


def default_home() -> Path:
    r"""Give the folder for a user's data, by the convention of the platform.

    Returns
    -------
    pathlib.Path
        ``$XDG_DATA_HOME/gnomon`` or ``~/.local/share/gnomon``; ``~/Library/Application Support/gnomon`` on
        macOS; ``%LOCALAPPDATA%\gnomon`` on Windows. It need not exist.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "gnomon"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "gnomon"
    base = os.environ.get("XDG_DATA_HOME", "")
    # The convention's own rule: a relative XDG_DATA_HOME is invalid and passed over.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "gnomon"


def redact(text: str) -> str:
    """Take passwords out of a text that is going to be shown.

    Parameters
    ----------
    text
        Any text; URIs in it may hold a password or, in their query, tokens and keys.

    Returns
    -------
    str
        The same text with ``***`` in their place.

    Examples
    --------
    >>> redact("postgresql://me:secret@host/db?sslmode=require")
    'postgresql://me:***@host/db?sslmode=require'
    """
    return _SECRET_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def _path(value: object) -> object:
    if isinstance(value, str | Path):
        if not str(value).strip():
            raise ValueError("it is empty")
        # A relative path would mean another place after a change of directory; links are left to stand.
        return Path(os.path.abspath(Path(value).expanduser()))  # noqa: PTH100
    return value


def _local(value: object) -> object:
    if isinstance(value, str) and _SCHEME.match(value):
        raise ValueError("expected is a folder on a local disk, not a URI")
    return _path(value)


def _uri(value: object) -> object:
    if isinstance(value, str) and _SCHEME.match(value):
        return value
    path = _path(value)
    return str(path) if isinstance(path, Path) else path


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError("expected are 1 to 63 letters, digits and ._-, a letter or a digit first")
    return value


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("expected is a length of time such as '12 h' or '2 d'; units are s, min, h and d")
    return timedelta(**{_DURATION_UNITS[match["unit"]]: float(match["number"])})


class Settings(BaseSettings):
    """What every part of gnomon needs to know about its surroundings.

    Get one from `load`, which tells a mistake as `SettingsError`.

    Attributes
    ----------
    home : pathlib.Path
        The folder that holds, unless told otherwise, everything else.
    config : pathlib.Path
        The configuration file; only one that was asked for must exist.
    store : str
        URI of the metrics store, by default the folder ``store`` in `home`; a path is absolute.
    annotations : str
        URI of the annotations, by default the SQLite file ``annotations.db`` in `home`; a path is absolute.
    lineage : str
        URI of the edges between datasets, by default the SQLite file ``lineage.db`` in `home`; a path is
        absolute.
    buffer : pathlib.Path
        The folder, on a local disk of this host, in which single measurements wait for their way into the
        store; by default ``buffer`` in `home`.
    origin : str
        The name under which this installation writes events.
    max_age : datetime.timedelta or None
        How old the newest annotation and measurement may be where data are left out by them, such as ``2 d``;
        any age by default.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Annotated[Path, BeforeValidator(_path)] = Field(default_factory=default_home)
    config: Annotated[Path, BeforeValidator(_path)] = Field(
        default_factory=lambda data: data["home"] / "config.toml"
    )
    store: Annotated[str, BeforeValidator(_uri)] = Field(
        default_factory=lambda data: str(data["home"] / "store")
    )
    annotations: Annotated[str, BeforeValidator(_uri)] = Field(
        default_factory=lambda data: str(data["home"] / "annotations.db")
    )
    lineage: Annotated[str, BeforeValidator(_uri)] = Field(
        default_factory=lambda data: str(data["home"] / "lineage.db")
    )
    buffer: Annotated[Path, BeforeValidator(_local)] = Field(
        default_factory=lambda data: data["home"] / "buffer"
    )
    origin: Annotated[str, AfterValidator(_origin)] = "local"
    max_age: Annotated[timedelta | None, BeforeValidator(_duration)] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the configuration file last, and leave out ``.env`` files, which nobody asked for."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, _FileSource(settings_cls, init_settings(), env_settings()))

    def __repr__(self) -> str:
        shown = (f"{name}={redact(str(getattr(self, name)))!r}" for name in type(self).model_fields)
        return f"Settings({', '.join(shown)})"

    __str__ = __repr__


class _FileSource(PydanticBaseSettingsSource):
    """The configuration file as a source, whose place the sources before it decide."""

    def __init__(self, settings_cls: type[BaseSettings], *stronger: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._path, self._asked_for = _config_path(*stronger)

    def __call__(self) -> dict[str, Any]:
        return _read(self._path, must_exist=self._asked_for)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self().get(field_name), field_name, False


def _config_path(*stronger: Mapping[str, Any]) -> tuple[Path, bool]:
    """Say where the configuration file is, and whether a person named it."""
    given: dict[str, Any] = {}
    for source in reversed(stronger):
        given |= source
    for name in ("config", "home"):
        if name in given:
            try:
                path = _path(given[name])
            except ValueError:
                path = None
            if not isinstance(path, Path):
                break  # validation of the field will say what is wrong with it
            return (path, True) if name == "config" else (path / "config.toml", False)
    return default_home() / "config.toml", False


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    """Read a configuration file; its relative paths start from its own folder."""
    try:
        text = path.read_bytes().decode()
        values = tomllib.loads(text)
    except FileNotFoundError:
        if must_exist:
            raise SettingsError("This configuration file does not exist.", file=str(path)) from None
        return {}
    except OSError as error:
        raise SettingsError(
            f"This configuration file cannot be read: {error.strerror}.", file=str(path)
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError("This is not a TOML file: it is not UTF-8.", file=str(path), line=line) from None
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        at = int(place[1]) if place and place[1] else len(text.splitlines())
        what = _TOML_PLACE.sub("", str(error))
        raise SettingsError(f"This is not a TOML file: {what}.", file=str(path), line=max(at, 1)) from None
    known = [name for name in Settings.model_fields if name != "config"]
    for key in values:
        if key not in known:
            raise SettingsError(
                f"The key {key!r} is not a setting.{nearest(key, known)}",
                file=str(path),
                line=_line(text, key),
            )
    for key in ("home", "store", "annotations", "lineage", "buffer"):
        value = values.get(key)
        if isinstance(value, str) and value.strip() and not _SCHEME.match(value):
            values[key] = str(path.parent / Path(value).expanduser())
    return values


def _line(text: str, key: str) -> int | None:
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    return next((i for i, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)


def load(**overrides: str | Path | None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    **overrides
        Settings by name (``home``, ``config``, ``store``, ``annotations``, ``lineage``, ``buffer``,
        ``origin``), which go before the environment (``GNOMON_HOME`` and so on); `None` means that nothing
        was given.

    Returns
    -------
    Settings
        Complete: what nobody gave has its default.

    Raises
    ------
    SettingsError
        If a value cannot be one, a key is not known, or a configuration file that was named does not exist;
        with the file and line, or the variable, in which the mistake stands.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in given:
        if name not in Settings.model_fields:
            raise SettingsError(f"{name!r} is not a setting.{nearest(name, Settings.model_fields)}")
    global _remembered
    if given:
        return _load(given)
    if _remembered is not None and _remembered[1] == _surroundings(_remembered[0].config):
        return _remembered[0]
    settings = _load(given)
    _remembered = settings, _surroundings(settings.config)
    return settings


_remembered: tuple[Settings, object] | None = None
_HOMES = ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA")


def _surroundings(config: Path) -> object:
    """Give all that settings follow from, so that who asks for them often need not have the file read."""
    try:
        status = config.stat()
        file: object = (status.st_ino, status.st_mtime_ns, status.st_size)
    except OSError:
        file = None
    variables = [item for item in os.environ.items() if item[0].startswith(_PREFIX) or item[0] in _HOMES]
    return variables, os.getcwd(), file  # noqa: PTH109 - what a relative path starts from


def _load(given: Mapping[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _explained(error, given) from None


def _explained(error: ValidationError, given: Mapping[str, object]) -> SettingsError:
    """Say in which source the first wrong value stands."""
    wrong = next(item for item in error.errors() if item["type"] != "default_factory_not_called")
    name = str(wrong["loc"][0])
    reason = wrong["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:].rstrip(".")
    variable = f"{_PREFIX}{name.upper()}"
    if name in given:
        value = given[name]
        return SettingsError(f"The setting {name} cannot be {redact(repr(value))}: {reason}.")
    if value := os.environ.get(variable):
        return SettingsError(f"{variable} cannot be {redact(repr(value))}: {reason}.")
    path, _ = _config_path(given, _environment())
    text = path.read_text(encoding="utf-8")
    value = tomllib.loads(text).get(name)
    return SettingsError(
        f"The key {name} cannot be {redact(repr(value))}: {reason}.", file=str(path), line=_line(text, name)
    )


def _environment() -> dict[str, str]:
    names = ((name, os.environ.get(f"{_PREFIX}{name.upper()}")) for name in Settings.model_fields)
    return {name: value for name, value in names if value}
