"""Reading the files that people write about flags, in YAML: vocabularies, policies, rules of inheritance."""

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import yaml

from gnomon.annotations import checks
from gnomon.errors import AnnotationError, nearest

__all__ = ["Labelled", "Reader", "load", "read_yaml", "shipped_in", "split_label"]

_LABEL = re.compile(r"(?P<name>[a-z][a-z0-9_-]{0,62})@(?P<version>[1-9]\d{0,8})")
_MAX_BYTES = 10_000_000


def read_yaml(path: Path, error: type[AnnotationError]) -> Any:
    """Read one YAML document, safely.

    Parameters
    ----------
    path
        The file.
    error
        The class of the error to raise.

    Returns
    -------
    object
        Plain values.

    Raises
    ------
    AnnotationError
        Of the class given, with file and line, if the file cannot be read as YAML.
    """
    try:
        content = path.read_bytes()
        if len(content) > _MAX_BYTES:
            raise error(f"The file has {len(content)} bytes; at most {_MAX_BYTES} are read.", file=str(path))
        return yaml.safe_load(content.decode())
    except OSError as problem:
        raise error(f"The file cannot be read: {problem.strerror}.", file=str(path)) from None
    except UnicodeDecodeError:
        raise error("This is no YAML file: it is not UTF-8.", file=str(path)) from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        what = getattr(problem, "problem", None) or str(problem)
        line = None if mark is None else mark.line + 1
        raise error(f"This is no YAML file: {what}.", file=str(path), line=line) from None
    except (ValueError, RecursionError):  # a date of the 31st of June, or a thousand brackets
        raise error("This is no YAML file that can be understood.", file=str(path)) from None


class Labelled(Protocol):
    """What has a name and a version, and means the same for ever."""

    @property
    def label(self) -> str:
        """``name@version``."""
        ...


def load[T](path: Path, parse: Callable[[object], T], error: type[AnnotationError]) -> T:
    """Read what one file holds.

    Parameters
    ----------
    path
        A YAML file.
    parse
        Makes something of its plain values.
    error
        The class of the error to raise.

    Returns
    -------
    object
        What ``parse`` gives.

    Raises
    ------
    AnnotationError
        Of the class given, with the file.
    """
    document = read_yaml(path, error)
    try:
        return parse(document)
    except error as problem:
        raise error(problem.message, file=str(path), line=problem.line) from None


def shipped_in[T: Labelled](package: str, parse: Callable[[object], T]) -> dict[str, T]:
    """Read all files that ship with a package.

    Parameters
    ----------
    package
        The package whose YAML files they are.
    parse
        Makes something of the plain values of one.

    Returns
    -------
    dict
        By label.
    """
    found = [
        parse(yaml.safe_load(entry.read_text(encoding="utf-8")))
        for entry in files(package).iterdir()
        if entry.name.endswith(".yaml")
    ]
    return {one.label: one for one in found}


def split_label(label: str, error: type[AnnotationError]) -> tuple[str, int]:
    """Take the name of a vocabulary or policy apart.

    Parameters
    ----------
    label
        Such as ``standard@1``.
    error
        The class of the error to raise.

    Returns
    -------
    tuple of str and int
        Name and version.

    Raises
    ------
    AnnotationError
        Of the class given, if it is not of that form.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        raise error(f"{label!r} is not of the form NAME@VERSION, such as standard@1.")
    return match["name"], int(match["version"])


class Reader:
    """Takes the values of one mapping, with messages that say where a mistake stands.

    Parameters
    ----------
    values
        What should be a mapping.
    where
        Its place in the document, for messages.
    error
        The class of the error to raise.
    known
        The keys that there may be.

    Raises
    ------
    AnnotationError
        Of the class given, if it is no mapping, or has a key that is not known.
    """

    def __init__(
        self, values: object, where: str, error: type[AnnotationError], *, known: Iterable[str]
    ) -> None:
        self._where, self._error = where, error
        if not isinstance(values, Mapping):
            raise error(f"{where} must be a mapping, not {values!r}.")
        self.values: Mapping[str, Any] = values
        names = list(known)
        for key in values:
            if key not in names:
                raise error(f"{where} has the unknown key {key!r}.{nearest(str(key), names)}")

    def fail(self, message: str) -> AnnotationError:
        """Make an error that names the place.

        Parameters
        ----------
        message
            What is wrong, as the end of a sentence.

        Returns
        -------
        AnnotationError
            To be raised.
        """
        return self._error(f"{self._where}: {message}")

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text.

        Parameters
        ----------
        key
            Its key.
        default
            What counts if there is none; None means that there must be one.

        Returns
        -------
        str
            The text.

        Raises
        ------
        AnnotationError
            If it is missing or no text that can be kept.
        """
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.fail(f"{key} must be a text, not {value!r}.")
        try:
            return checks.text(value, key)
        except AnnotationError as error:
            raise self.fail(str(error)) from None

    def number(self, key: str, default: int | None = None) -> int:
        """Take a version.

        Parameters
        ----------
        key
            Its key.
        default
            What counts if there is none; None means that there must be one.

        Returns
        -------
        int
            From 1.

        Raises
        ------
        AnnotationError
            If it is missing or no such integer.
        """
        value = self.values.get(key, default)
        if type(value) is not int or not 0 < value < 10**9:
            raise self.fail(f"{key} must be an integer from 1, not {value!r}.")
        return value

    def choice(self, key: str, among: Iterable[str], default: str | None = None) -> str:
        """Take one of several words.

        Parameters
        ----------
        key
            Its key.
        among
            The words.
        default
            What counts if there is none; None means that there must be one.

        Returns
        -------
        str
            One of them.

        Raises
        ------
        AnnotationError
            If it is missing or another.
        """
        value, words = self.values.get(key, default), list(among)
        if value not in words:
            raise self.fail(f"{key} is {value!r}.{nearest(str(value), words)}")
        return str(value)

    def names(self, key: str) -> tuple[str, ...]:
        """Take a list of names; one alone may stand without a list.

        Parameters
        ----------
        key
            Its key.

        Returns
        -------
        tuple of str
            Each once; empty if the key is not there.

        Raises
        ------
        AnnotationError
            If one is no name.
        """
        value = self.values.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list):
            raise self.fail(f"{key} must be a list of names, not {value!r}.")
        try:
            return tuple(dict.fromkeys(checks.label(item, key) for item in values))
        except AnnotationError as error:
            raise self.fail(str(error)) from None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Take a mapping.

        Parameters
        ----------
        key
            Its key.

        Returns
        -------
        mapping
            Empty if the key is not there.

        Raises
        ------
        AnnotationError
            If it is something else, or a key of it is no text.
        """
        value = self.values.get(key) or {}
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self.fail(f"{key} must be a mapping with texts as keys, not {value!r}.")
        return value

    def entries(self, key: str) -> list[Any]:
        """Take a list.

        Parameters
        ----------
        key
            Its key.

        Returns
        -------
        list
            Empty if the key is not there.

        Raises
        ------
        AnnotationError
            If it is something else.
        """
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(f"{key} must be a list, not {value!r}.")
        return value
