"""Where two jobs say different things under one name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gnomon.errors import MeasurementTypeError
from gnomon.measurements.plain import jsonify

__all__ = ["Conflict", "ConflictKind", "conflicts_between", "conflicts_of_metadata"]

type ConflictKind = Literal["measurement", "metric", "specification", "metadata"]
"""What two jobs disagree about."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing that two jobs have under the same name and that differs.

    Attributes
    ----------
    kind
        What it is.
    name
        Its name, or the key of metadata.
    mine
        What the one job has.
    theirs
        What the other has, which takes its place where the other is added.
    """

    kind: ConflictKind
    name: str
    mine: Any
    theirs: Any

    def __str__(self) -> str:
        shown = f"{self.kind} {self.name}: {self.mine!s:.80} and {self.theirs!s:.80}"
        # JSON can hold halves of surrogate pairs, which no log or terminal takes.
        return shown.encode(errors="backslashreplace").decode()


def conflicts_between(kind: ConflictKind, mine: Any, theirs: Any) -> Iterator[Conflict]:
    """Find what two sets have under the same name and that differs.

    Parameters
    ----------
    kind
        What the sets hold.
    mine, theirs
        The sets.

    Yields
    ------
    Conflict
        In the order of the second set.
    """
    for name, their in theirs.items():
        if name in mine and (my := mine[name]) != their:
            yield Conflict(kind, str(name), my, their)


def conflicts_of_metadata(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Conflict]:
    """Find the keys that two mappings have with different values.

    Parameters
    ----------
    mine, theirs
        The mappings. NaN is the same as NaN.

    Yields
    ------
    Conflict
        In the order of the second mapping.
    """
    for key, their in theirs.items():
        if key in mine and not _same(mine[key], their):
            yield Conflict("metadata", key, mine[key], their)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return bool(jsonify(a) == jsonify(b))
    except MeasurementTypeError:  # something that no file can hold
        return False
