"""What metric and specification files have in common: keys, types, lists of strings."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u

from gnomon.definitions.units import parse_unit
from gnomon.definitions.yaml_source import Located, Place, Problems
from gnomon.errors import DefinitionError, DefinitionTypeError, nearest

__all__ = ["Fields", "broken", "check_keys", "expect", "located", "strings"]

_MANY = 100

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
    DefinitionTypeError
        If it is of another type.
    """
    if isinstance(value, kind):
        return value
    given = _WORDS.get(type(value), type(value).__name__)
    shown = "" if isinstance(value, dict | list | frozenset) or value is None else f" ({value!r})"
    raise broken(f"{what} is {_WORDS.get(kind, kind.__name__)}, not {given}{shown}.", place, "wrong-type")


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
    for count, key in enumerate(key for key in mapping if key not in known):
        # Where nearly nothing is known, no more help is of use, and it would take long.
        hint = nearest(str(key), known) if count < _MANY else ""
        problems.add(f"{key!r} is no key of {what}.{hint}", mapping.where(key), "unknown-key")


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
            problems.add(
                f"An item of {key!r} is a string, not {item!r}: put it in quotes.", place, "wrong-type"
            )
        items.append(str(item))
    return items


def broken(message: str, place: Place, rule: str) -> DefinitionError:
    """Make an error about a place.

    Parameters
    ----------
    message
        What is wrong.
    place
        Where.
    rule
        The linter's rule that is broken.

    Returns
    -------
    DefinitionError
        To be raised.
    """
    kind = DefinitionTypeError if rule == "wrong-type" else DefinitionError
    error = kind(message, file=place.file, line=place.line)
    error.rule = rule
    return error


def located(value: Any) -> Any:
    """Make of plain dictionaries what reading them from YAML would have made, but for their places.

    Parameters
    ----------
    value
        Plain values.

    Returns
    -------
    object
        The same with every mapping a `Located`.
    """
    if isinstance(value, Mapping):
        mapping = Located(Place(None, 0))
        mapping.update({key: located(item) for key, item in value.items()})
        return mapping
    return [located(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of one mapping in a document, read with errors that say where.

    Attributes
    ----------
    mapping
        The mapping.
    what
        What it is, to end a sentence with.
    problems
        What to do about unknown keys.
    """

    mapping: Located
    what: str
    problems: Problems

    @classmethod
    def of(cls, document: Located, key: str, what: str, problems: Problems) -> Self:
        """Take the mapping under a key of a document."""
        return cls(expect(document[key], Located, f"{key!r}", document.where(key)), what, problems)

    def check_keys(self, *known: str) -> None:
        """Report keys that mean nothing."""
        check_keys(self.mapping, known, self.what, self.problems)

    def error(self, message: str, key: str, rule: str = "wrong-value") -> DefinitionError:
        """Make an error about one of the keys."""
        return broken(f"In {self.what}: {message}", self.mapping.where(key), rule)

    def missing(self, key: str) -> DefinitionError:
        """Make an error about a key that is not there."""
        return self.error(f"{key!r} is missing.", key, "missing-key")

    def number(self, key: str, default: float | None = None) -> float:
        """Give a number, for which a string of digits may stand, as established packages have it.

        Raises
        ------
        DefinitionError
            If it is none, or missing without a default.
        """
        if key not in self.mapping and default is None:
            raise self.missing(key)
        value = self.mapping.get(key, default)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{key!r} is a number, not {value!r:.60}.", key, "wrong-type")
        try:
            return float(value)
        except OverflowError as error:
            raise self.error(f"{key!r}, {value!r:.40}..., is too large.", key) from error

    def optional(self, key: str) -> float | None:
        """Give a number, or `None` where there is none."""
        return None if self.mapping.get(key) is None else self.number(key)

    def integer(self, key: str) -> int | None:
        """Give an integer that is not negative, or `None` where there is none."""
        value = self.mapping.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(f"{key!r} is an integer, 0 or more, not {value!r:.60}.", key, "wrong-type")
        return value

    def unit(self, key: str = "unit") -> u.UnitBase:
        """Give a unit; dimensionless where there is none."""
        try:
            return parse_unit(self.mapping.get(key))
        except DefinitionError as error:
            raise self.error(error.message, key, "unknown-unit") from error

    def choice(self, key: str, options: Iterable[str], default: str | None = None) -> str:
        """Give one of some words."""
        options = tuple(options)
        if key not in self.mapping and default is None:
            raise self.missing(key)
        value = self.mapping.get(key, default)
        if not isinstance(value, str) or value not in options:
            hint = nearest(str(value), options)
            article = "an" if key[0] in "aeiou" else "a"
            raise self.error(f"{value!r} is not {article} {key}.{hint}", key)
        return value
