"""Flags and what each means; a vocabulary of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, nearest

__all__ = ["Flag", "Severity", "VirtualFlag", "Vocabulary", "VocabularyDocument"]

Severity = Literal["low", "medium", "high"]
"""How much a set flag costs whoever uses the data."""

Meaning = Literal["bad", "good", "neutral"]
"""What it means for the data if a flag is set; a neutral one asks for attention."""

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
    set_means
        What it means for the data if the flag is set.
    description
        The meaning, for people.
    version
        The version of the meaning, from 1.
    aliases
        Other words for it.
    instruments
        Only for data of these; empty means all.
    targets
        Only of these kinds of targets or dimensions; empty means all.
    deprecated
        Why it is no longer to be asserted; empty if it is.
    vocabulary
        The vocabulary that has it, as ``name@version``.
    """

    name: str
    severity: Severity
    set_means: Meaning
    description: str
    version: int
    aliases: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    deprecated: str = ""
    vocabulary: str = ""

    @property
    def bad(self) -> bool:
        """Whether *set* means that the data are worse for it."""
        return self.set_means == "bad"

    def refuse_beyond_scope(self, about: Iterable[Target]) -> None:
        """Refuse targets for which the flag has no meaning.

        Parameters
        ----------
        about
            What it is to be asserted of.

        Raises
        ------
        AnnotationError
            If one is of another kind or another instrument.
        """
        for target in about:
            if self.targets and not {target.kind, target.element} & set(self.targets):
                what = target.element or target.kind
                raise AnnotationError(
                    f"{self.name} is a flag of {' and '.join(self.targets)}, not of {what}."
                )
            if self.instruments and target.instrument not in (None, *self.instruments):
                raise AnnotationError(
                    f"{self.name} is a flag of {' and '.join(self.instruments)}, not of {target.instrument}."
                )


@dataclass(frozen=True, slots=True)
class VirtualFlag:
    """A flag that nobody asserts: an expression over others, evaluated when it is asked for.

    Parameters
    ----------
    name, severity, description, version, vocabulary
        As of a `Flag`.
    expression
        In the language of `gnomon.expressions`, with flags as names.
    needs
        The flags in it, virtual ones among them.
    """

    name: str
    severity: Severity
    description: str
    version: int
    expression: str
    needs: tuple[str, ...]
    vocabulary: str = ""


@dataclass(frozen=True, slots=True)
class VocabularyDocument:
    """One file of flags.

    Parameters
    ----------
    name, version
        Together they mean these flags for ever.
    flags, virtual
        What it defines.
    document
        The file as plain values.
    """

    name: str
    version: int
    flags: Mapping[str, Flag]
    virtual: Mapping[str, VirtualFlag]
    document: Mapping[str, Any] = field(compare=False, hash=False, repr=False)

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Vocabulary:
    """The flags that a log knows: those that ship with gnomon, and those that its site laid down.

    Parameters
    ----------
    flags, virtual
        Both by name.
    documents
        The labels of the files that they come from.
    """

    flags: Mapping[str, Flag]
    virtual: Mapping[str, VirtualFlag] = field(default_factory=dict)
    documents: Sequence[str] = ()

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """The flag for each of the other words."""
        return {alias: flag.name for flag in self.flags.values() for alias in flag.aliases}

    def check(self, name: str) -> str:
        """Refuse a flag that is neither curated nor free, and give the one that is meant.

        Parameters
        ----------
        name
            The flag, or another word for it.

        Returns
        -------
        str
            The flag.

        Raises
        ------
        AnnotationError
            If it is unknown; the message names the nearest one.

        Examples
        --------
        >>> from gnomon.annotations.vocabulary import load
        >>> load().check("user/ghosts"), load().check("cloudy")
        ('user/ghosts', 'clouds')
        >>> load().check("vignettting")
        Traceback (most recent call last):
            ...
        gnomon.errors.AnnotationError: 'vignettting' is not a flag. Did you mean vignetting?
        """
        if name in self.flags or (len(name) <= _MAX_NAME and _USER.fullmatch(name) is not None):
            return name
        if name in self.aliases:
            return self.aliases[name]
        if name in self.virtual:
            raise AnnotationError(
                f"{name} is a virtual flag: it follows from {', '.join(self.virtual[name].needs)}, and is "
                "asked for but not asserted."
            )
        if name.startswith("user/"):
            raise AnnotationError(
                f"{name!r} is not a free flag: after user/ come lower-case letters, digits and underscores, "
                f"at most {_MAX_NAME} characters in all."
            )
        close = nearest(name, [*self.flags, *self.aliases])
        for alias, flag in self.aliases.items():
            if close == f" Did you mean {alias}?":
                close = f" Did you mean {flag}?"
        raise AnnotationError(f"{name!r} is not a flag.{close}")

    def check_asked(self, name: str) -> str:
        """Refuse a flag that cannot be asked for, and give the one that is meant.

        Parameters
        ----------
        name
            The flag, another word for it, or a virtual flag.

        Returns
        -------
        str
            The flag.

        Raises
        ------
        AnnotationError
            If it is unknown; the message names the nearest one.
        """
        return name if name in self.virtual else self.check(name)

    def check_asserted(self, name: str, about: Iterable[Target]) -> str:
        """Refuse a flag that cannot be asserted of some targets, and give the one that is meant.

        Parameters
        ----------
        name
            The flag, or another word for it.
        about
            The targets.

        Returns
        -------
        str
            The flag.

        Raises
        ------
        AnnotationError
            If it is unknown or deprecated, or has no meaning for a target.
        """
        flag = self.flags.get(self.check(name))
        if flag is None:
            return name
        if flag.deprecated:
            raise AnnotationError(f"The flag {flag.name} is no longer used: {flag.deprecated}")
        if flag.targets or flag.instruments:
            flag.refuse_beyond_scope(about)
        return flag.name

    def meaning(self, name: str) -> Meaning:
        """Say what it means for the data if a flag is set.

        Parameters
        ----------
        name
            The flag.

        Returns
        -------
        str
            *bad* for free flags and those that this log does not know, so that no data is used by mistake.
        """
        flag = self.flags.get(name)
        return "bad" if flag is None else flag.set_means
