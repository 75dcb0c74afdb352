"""Which flags there are, and what each means.

A flag is a word that is asserted of a target. Curated flags stand in ``vocabulary.yaml`` beside this
module, so that everyone means the same by them; ``user/<name>`` is free for whoever wants to try something.
A flag outside both is refused, because a misspelt flag would exclude nothing and tell nobody.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import yaml

from gnomon.errors import AnnotationError, nearest

__all__ = ["Flag", "Severity", "Vocabulary", "load"]

Severity = Literal["low", "medium", "high"]
"""How much a set flag costs whoever uses the data."""

_USER = re.compile(r"user(/[a-z][a-z0-9_]*)+")
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Flag:
    """The meaning of one flag.

    Parameters
    ----------
    name
        The word.
    severity
        How much a set flag costs whoever uses the data.
    bad
        Whether *set* means that the data are worse for it.
    description
        The meaning, for people.
    version
        The version of the meaning, from 1.
    """

    name: str
    severity: Severity
    bad: bool
    description: str
    version: int


@dataclass(frozen=True)
class Vocabulary:
    """The curated flags of a site.

    Parameters
    ----------
    flags
        The flags by name.
    """

    flags: Mapping[str, Flag]

    def check(self, name: str) -> str:
        """Refuse a flag that is neither curated nor free.

        Parameters
        ----------
        name
            The flag.

        Returns
        -------
        str
            The same name.

        Raises
        ------
        AnnotationError
            If it is unknown; the message names the nearest one.

        Examples
        --------
        >>> load().check("user/ghosts")
        'user/ghosts'
        >>> load().check("vignettting")
        Traceback (most recent call last):
            ...
        gnomon.errors.AnnotationError: 'vignettting' is not a flag. Did you mean vignetting?
        """
        if name in self.flags or (len(name) <= _MAX_NAME and _USER.fullmatch(name)):
            return name
        if name.startswith("user/"):
            raise AnnotationError(
                f"{name!r} is not a free flag: after user/ come lower-case letters, digits and underscores, "
                f"at most {_MAX_NAME} characters in all."
            )
        raise AnnotationError(f"{name!r} is not a flag.{nearest(name, self.flags)}")


@cache
def load() -> Vocabulary:
    """Give the vocabulary that ships with the package.

    Returns
    -------
    Vocabulary
        Read once per process.

    Raises
    ------
    AnnotationError
        If the shipped file has been damaged.
    """
    resource = files("gnomon.annotations").joinpath("vocabulary.yaml")
    entries = yaml.safe_load(resource.read_text(encoding="utf-8"))
    try:
        flags = {name: Flag(name=name, **entry) for name, entry in entries.items()}
    except (AttributeError, TypeError) as error:
        raise AnnotationError(f"The vocabulary cannot be read: {error}.", file=str(resource)) from error
    for flag in flags.values():
        if flag.severity not in get_args(Severity):
            raise AnnotationError(
                f"The severity of {flag.name} is {flag.severity!r}."
                f"{nearest(str(flag.severity), get_args(Severity))}",
                file=str(resource),
            )
    return Vocabulary(flags)
