"""What metric and specification files have in common: keys, types, lists of strings."""

from collections.abc import Iterable
from typing import Any

from gnomon.definitions.yaml_source import Located, Place, Problems
from gnomon.errors import DefinitionError, nearest

__all__ = ["check_keys", "expect", "strings"]

_WORDS: dict[type, str] = {
    Located: "a mapping",
    dict: "a mapping",
    list: "a list",
    frozenset: "a set",
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    type(None): "nothing",
}


def expect[T](value: Any, kind: type[T], what: str, place: Place) -> T:
    """Give a value that must be of a type.

    Parameters
    ----------
    value
        The value.
    kind
        Its type.
    what
        What it is, to begin a sentence with.
    place
        Where it stands.

    Returns
    -------
    object
        ``value``.

    Raises
    ------
    DefinitionError
        If it is of another type.
    """
    if isinstance(value, kind):
        return value
    given = _WORDS.get(type(value), type(value).__name__)
    shown = "" if isinstance(value, dict | list | frozenset) or value is None else f" ({value!r})"
    raise DefinitionError(
        f"{what} is {_WORDS.get(kind, kind.__name__)}, not {given}{shown}.", file=place.file, line=place.line
    )


def check_keys(mapping: Located, known: Iterable[str], what: str, problems: Problems) -> None:
    """Report keys that mean nothing.

    Parameters
    ----------
    mapping
        The mapping.
    known
        Keys that mean something.
    what
        What the mapping is, to end a sentence with.
    problems
        Where to report.
    """
    known = tuple(known)
    for key in mapping:
        if key not in known:
            problems.add(f"{key!r} is no key of {what}.{nearest(str(key), known)}", mapping.where(key))


def strings(mapping: Located, key: str, problems: Problems) -> list[str]:
    """Give a list of strings, for which a single string or a set may stand.

    Parameters
    ----------
    mapping
        Where it is kept.
    key
        Under which key; it may be absent or empty.
    problems
        Where to report an item that is no string; it is taken as the string it was written as.

    Returns
    -------
    list of str
        The strings in order; those of a set are sorted.

    Raises
    ------
    DefinitionError
        If it is neither a list, a set nor a string.
    """
    value = mapping.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    place = mapping.where(key)
    if isinstance(value, frozenset):
        value = sorted(value, key=str)
    items = []
    for item in expect(value, list, f"{key!r}", place):
        if isinstance(item, dict | list | frozenset):
            expect(item, str, f"An item of {key!r}", place)
        if not isinstance(item, str):
            problems.add(f"An item of {key!r} is a string, not {item!r}: put it in quotes.", place)
        items.append(str(item))
    return items
