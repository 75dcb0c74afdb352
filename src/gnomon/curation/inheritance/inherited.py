"""What is inherited: a flag at a thing of which nobody said it, with all that it came from."""

import uuid
from collections.abc import Iterable
from typing import Literal, NamedTuple

from gnomon.annotations import Actor, EffectiveFlag, Target
from gnomon.curation.inheritance.rules import Effect

__all__ = ["InheritedFlag", "Source", "causes_of"]

_SHOWN = 10


class Source(NamedTuple):
    """One thing of which a flag holds, and from which another inherits it.

    Parameters
    ----------
    target
        The exposure, visit or dataset.
    name
        What it is called, for people.
    """

    target: Target
    name: str


class InheritedFlag(NamedTuple):
    """A flag that a thing has from others; always *set*.

    Parameters
    ----------
    target, flag
        What is inherited.
    causes
        The effective flags from which it follows, by target and flag: what persons and programs said.
    of
        How many things were looked at: the exposures of the visit, the inputs of one type.
    rule
        The inheritance and its flow, such as ``standard@1: exposures to visit``.
    sources
        Those of them at which the flag holds, by name.
    what
        What was counted: *exposures*, *visits*, or the dataset type of inputs; empty for what a thing has
        because it is a part.
    effect
        Whether it *counts*, as if somebody had said it here, or only *informs*.
    """

    target: Target
    flag: str
    causes: tuple[EffectiveFlag, ...]
    of: int
    rule: str
    sources: tuple[Source, ...] = ()
    what: str = "inputs"
    effect: Effect = "counts"

    def __hash__(self) -> int:
        return hash((self.target.key, self.flag, self.rule, self.what))

    @property
    def state(self) -> Literal["set"]:
        """Only what is set is inherited."""
        return "set"

    @property
    def counts(self) -> bool:
        """Whether it leaves data out."""
        return self.effect == "counts"

    @property
    def reason(self) -> str:
        """How many, of how many, and which."""
        if not self.what:
            return f"{self.sources[0].name} is {self.flag}"
        number = len(self.sources)
        names = ", ".join(source.name for source in self.sources[:_SHOWN])
        if number > _SHOWN:
            names += f" and {number - _SHOWN} more"
        verb = "is" if number == 1 else "are"
        return f"{number} of {self.of} {self.what} {verb} {self.flag}: {names}"

    @property
    def by(self) -> Actor:
        """Who said the first of the causes."""
        return self.causes[0].by

    @property
    def recorded_at(self) -> int:
        """When the last of the causes was said, in TAI microseconds since 1970-01-01 TAI."""
        return max(cause.recorded_at for cause in self.causes)

    @property
    def annotation_id(self) -> uuid.UUID:
        """The annotation of the first of the causes."""
        return self.causes[0].annotation_id


def causes_of(flags: Iterable[EffectiveFlag | InheritedFlag]) -> tuple[EffectiveFlag, ...]:
    """Say what persons and programs said of which flags follow.

    Parameters
    ----------
    flags
        Effective flags, and inherited ones, whose causes count.

    Returns
    -------
    tuple of EffectiveFlag
        Each once, by target and flag.
    """
    found: dict[tuple[str, str], EffectiveFlag] = {}
    for flag in flags:
        for cause in flag.causes if isinstance(flag, InheritedFlag) else (flag,):
            found[cause.target.key, cause.flag] = cause
    return tuple(found[key] for key in sorted(found))
