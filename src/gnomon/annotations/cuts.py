"""Which events an answer rests on.

A *cut* says for each origin up to which number its events count. Answers as of a cut depend on the events
within it and on nothing else, so they never change, whatever arrives later; that is why a cut, and not a
moment, is what is written down. A moment is turned into a cut once, by `gnomon.annotations.Annotations.cut`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from gnomon.annotations import checks
from gnomon.errors import AnnotationError, CutError

__all__ = ["Cut"]

_PART = re.compile(r"(?P<origin>[A-Za-z0-9][A-Za-z0-9._-]{0,62}):(?P<number>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Cut:
    """For each origin, the number of its last event that counts.

    Parameters
    ----------
    numbers
        Origins with at least one event, sorted, each with a number from 1.

    Examples
    --------
    >>> cut = Cut.parse("usdf:77,summit:1042")
    >>> str(cut), cut.holds("summit", 1042), cut.holds("summit", 1043), cut.holds("base", 1)
    ('summit:1042,usdf:77', True, False, False)
    """

    numbers: tuple[tuple[str, int], ...] = ()
    _known: Mapping[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        known = dict(self.numbers)
        for origin, number in self.numbers:
            try:
                checks.origin(origin)
            except AnnotationError as error:
                raise CutError(str(error)) from None
            if type(number) is not int or not 0 < number < 2**63:
                raise CutError(f"The number of an event is an integer from 1, not {number!r}.")
        if tuple(sorted(known.items())) != self.numbers:
            raise CutError(f"A cut names each origin once, in order; given was {self.numbers!r}.")
        object.__setattr__(self, "_known", known)

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> Self:
        """Make a cut from a mapping.

        Parameters
        ----------
        numbers
            The last number of each origin; those with 0 are left out.

        Returns
        -------
        Cut
            The cut.

        Raises
        ------
        CutError
            If a name or number cannot be one.
        """
        return cls(tuple(sorted((origin, number) for origin, number in numbers.items() if number != 0)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Parameters
        ----------
        text
            Such as ``summit:1042,usdf:77``, in any order; empty means before all events.

        Returns
        -------
        Cut
            The cut.

        Raises
        ------
        CutError
            If the text is no cut.
        """
        numbers: dict[str, int] = {}
        for part in (part.strip() for part in text.split(",") if text.strip()):
            match = _PART.fullmatch(part)
            if match is None or match["origin"] in numbers:
                raise CutError(
                    f"{text!r} is not a cut; expected is for example summit:1042,usdf:77, each origin once."
                )
            numbers[match["origin"]] = int(match["number"])
        return cls.of(numbers)

    def holds(self, origin: str, number: int) -> bool:
        """Say whether an event is within the cut.

        Parameters
        ----------
        origin, number
            The event's origin and number.

        Returns
        -------
        bool
            True if it counts.
        """
        return number <= self._known.get(origin, 0)

    def number(self, origin: str) -> int:
        """Give the last number of an origin that counts.

        Parameters
        ----------
        origin
            The origin.

        Returns
        -------
        int
            0 if none of its events do.
        """
        return self._known.get(origin, 0)

    def __le__(self, other: "Cut") -> bool:
        return all(other.holds(origin, number) for origin, number in self.numbers)

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self.numbers)

    def __str__(self) -> str:
        return ",".join(f"{origin}:{number}" for origin, number in self.numbers)
