"""What the reading of JSON documents has in common: errors that say where, and units that are units."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import astropy.units as u

from gnomon.definitions import parse_unit
from gnomon.errors import DefinitionError, MeasurementTypeError, nearest

__all__ = [
    "MAX_DEPTH",
    "SCHEMA_KEY",
    "SCHEMA_VERSION",
    "DocumentError",
    "check_keys",
    "hint",
    "is_deep",
    "read_text",
    "read_unit",
    "schema_complaint",
    "shown",
]

SCHEMA_KEY = "gnomon_schema"
"""The key of the version of our additions to the established formats, where other readers pass it over."""

SCHEMA_VERSION = 1
"""The version that is written."""

MAX_DEPTH = 64
"""How deep lists and mappings may stand in one another; so much is kept by YAML files too."""

_LONGEST_UNIT = 200
_MANY = 1000


class DocumentError(MeasurementTypeError):
    """A part of a JSON document that is not what it should be.

    Parameters
    ----------
    predicate
        What is wrong, to be read after the path.
    where
        The path, such as ``[3].value`` or ``.unit``.
    """

    def __init__(self, predicate: str, where: str = "") -> None:
        self.predicate = predicate
        self.where = where
        super().__init__(f"{where.removeprefix('.')} {predicate}")

    def within(self, prefix: str) -> "DocumentError":
        """Give the same error, its path being below another."""
        return DocumentError(self.predicate, prefix + self.where)


def shown(value: Any) -> str:
    """Write a value that was given, in few characters, for a message.

    Parameters
    ----------
    value
        Any value.

    Returns
    -------
    str
        One short text, however large the value.
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."


def schema_complaint(version: Any) -> str | None:
    """Say what is wrong with the version that a file states.

    Parameters
    ----------
    version
        What stands under `SCHEMA_KEY`.

    Returns
    -------
    str or None
        A sentence; `None` where it can be read.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return f"{SCHEMA_KEY!r} is an integer, 1 or more, not {shown(version)}."
    if version > SCHEMA_VERSION:
        return (
            f"This was written by a newer gnomon: its {SCHEMA_KEY!r} is {shown(version)}, and this gnomon "
            f"reads up to {SCHEMA_VERSION}."
        )
    return None


def hint(given: Any, known: Collection[Any]) -> str:
    """Say which known name comes nearest, unless there are so many that the search would take long.

    Parameters
    ----------
    given
        What was not found.
    known
        The names that exist.

    Returns
    -------
    str
        A clause to append to a message; it can be empty.
    """
    return nearest(str(given), map(str, known)) if len(known) <= _MANY else ""


def check_keys(document: Mapping[str, Any], known: frozenset[str], where: str = "") -> None:
    """Refuse a key that means nothing.

    Parameters
    ----------
    document
        The document.
    known
        Keys that mean something.
    where
        Its path.

    Raises
    ------
    DocumentError
        If there is another key.
    """
    if document.keys() <= known:
        return
    key = next(iter(document.keys() - known))
    raise DocumentError(f"has the unknown key {shown(key)}.{nearest(str(key), known)}", where)


def read_text(document: Mapping[str, Any], key: str) -> str | None:
    """Give a string of a document.

    Parameters
    ----------
    document
        The document.
    key
        Under which key.

    Returns
    -------
    str or None
        `None` where it is null or missing.

    Raises
    ------
    DocumentError
        If it is anything else.
    """
    value = document.get(key)
    if value is None or isinstance(value, str):
        return value
    raise DocumentError(f"is a string or null, not {shown(value)}.", f".{key}")


def read_unit(unit: Any) -> u.UnitBase:
    """Read the unit of a document.

    Parameters
    ----------
    unit
        What stands under ``unit``.

    Returns
    -------
    astropy.units.UnitBase
        The unit.

    Raises
    ------
    DocumentError
        If it is not the string of one.
    """
    if not isinstance(unit, str) or len(unit) > _LONGEST_UNIT:
        raise DocumentError(f"is the string of a unit, not {shown(unit)}.", ".unit")
    try:
        return parse_unit(unit)
    except DefinitionError as error:
        raise DocumentError(f"is no unit: {error.message}", ".unit") from error


def is_deep(values: Iterable[Any]) -> bool:
    """Say whether lists and mappings stand deeper in one another than `MAX_DEPTH`.

    Parameters
    ----------
    values
        Plain values.

    Returns
    -------
    bool
        Whether one of them goes deeper. It is found without recursion.
    """
    level = [value for value in values if isinstance(value, dict | list)]
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
    return True
