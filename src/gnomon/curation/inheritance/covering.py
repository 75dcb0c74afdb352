"""Which flags cover which things: a flag on a data ID holds of every data ID that contains it.

A thing is a row with the UUID, dataset type and data ID of a dataset, or a data ID alone. All rows are
answered by one join for each sort of data ID that carries flags, of which there are few.

Where a flag is set on a visit and a person cleared it on one detector of it, the more specific word holds
there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import polars as pl

from gnomon.annotations import Actor, EffectiveFlag, Target
from gnomon.dataids import key

__all__ = ["THINGS", "Covering", "Held", "cleared_by_person", "things_of"]

THINGS = pl.Schema({"thing": pl.Int64, "dataset": pl.Binary, "dataset_type": pl.String, "data_id": pl.String})
"""The columns of things; ``data_id`` is a JSON object."""

_COVERED = pl.Schema({"thing": pl.Int64, "held": pl.Int64, "exact": pl.Boolean})


class Held(Protocol):
    """What is needed of an effective or inherited flag."""

    @property
    def target(self) -> Target:
        """Of what it is said."""

    @property
    def flag(self) -> str:
        """What is said."""

    @property
    def state(self) -> str:
        """Whether it is set."""

    @property
    def by(self) -> Actor:
        """Who said so."""


class _Shape(NamedTuple):
    """What sort of target carries a flag: a dataset, or a data ID, perhaps of one dataset type."""

    dataset: bool
    typed: bool
    names: tuple[str, ...]

    def within(self, other: "_Shape") -> bool:
        """Say whether this is at least as specific, both covering the same thing."""
        if other.dataset:
            return self.dataset
        return self.dataset or (self.typed >= other.typed and set(self.names) >= set(other.names))


def cleared_by_person(flag: Held) -> bool:
    """Say whether a person said that a flag does not hold.

    Parameters
    ----------
    flag
        What holds in the end.

    Returns
    -------
    bool
        Of a virtual flag, whether a person said so of one of those that it follows from.
    """
    if flag.state != "clear":
        return False
    if isinstance(flag, EffectiveFlag) and flag.causes:
        return any(cleared_by_person(cause) for cause in flag.causes)
    return flag.by.is_human


def things_of(targets: Iterable[Target]) -> pl.DataFrame:
    """Bring targets into rows.

    Parameters
    ----------
    targets
        Of any kind; what is neither a data ID nor a dataset is covered by nothing.

    Returns
    -------
    polars.DataFrame
        In the schema `THINGS`, ``thing`` being the place. Of datasets only the UUID is known.
    """
    rows: list[tuple[int, bytes | None, str | None, str | None]] = []
    for place, target in enumerate(targets):
        if target.kind == "dataset" and target.dataset_id is not None:
            rows.append((place, target.dataset_id.bytes, None, None))
        elif target.kind in ("dimension", "data_id") and target.data_id is not None:
            rows.append((place, None, target.dataset_type, key(target.data_id)))
    return pl.DataFrame(rows, schema=THINGS, orient="row")


class Covering:
    """Flags arranged so that any number of things is answered at once.

    Parameters
    ----------
    held
        Effective flags in every state, and inherited ones. Only what is set covers; what a person cleared
        stands against it at what is as specific or more.
    """

    def __init__(self, held: Sequence[Held]) -> None:
        self.held = held
        self._rows: dict[_Shape, list[tuple[object, ...]]] = {}
        self._clears = False
        for place, flag in enumerate(held):
            shape = _shape(flag.target)
            cleared = cleared_by_person(flag)
            if shape is None or not (cleared or flag.state == "set"):
                continue
            self._clears = self._clears or cleared
            own = not hasattr(flag, "sources")
            target = flag.target
            values = (
                (target.dataset_id.bytes,)
                if target.dataset_id is not None
                else _values(target.data_id or {}, shape.names)
            )
            typed = (target.dataset_type,) if shape.typed else ()
            whole = key(target.data_id) if target.data_id else None
            row = (place, flag.flag, not cleared, own, whole, *typed, *values)
            self._rows.setdefault(shape, []).append(row)

    def __bool__(self) -> bool:
        return bool(self._rows)

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that the data IDs of things should have, where they imply them."""
        return frozenset(name for shape in self._rows for name in shape.names)

    def of(self, things: pl.DataFrame) -> pl.DataFrame:
        """Say what covers things.

        Parameters
        ----------
        things
            In the schema `THINGS`; perhaps with implied dimensions beside, as `with_implied` gives them.

        Returns
        -------
        polars.DataFrame
            The columns ``thing``, ``held`` (the place of the flag among those given) and ``exact``, whether
            it was said of the very thing and not of a part of its data ID; by thing and place.
        """
        found = []
        shapes = list(self._rows)
        names = sorted({name for shape in shapes for name in shape.names})
        wide = things.with_columns(
            pl.coalesce(
                pl.col("data_id").str.json_path_match(f"$.{name}"),
                *(column for column in (f"implied={name}",) if column in things.columns),
            ).alias(f"={name}")
            for name in names
        )
        for number, shape in enumerate(shapes):
            keys = ["dataset"] if shape.dataset else [f"={name}" for name in shape.names]
            columns = (["dataset_type"] if shape.typed else []) + keys
            kinds = [pl.Binary if name == "dataset" else pl.String for name in columns]
            schema = dict(
                zip(
                    ["held", "flag", "set", "own", "whole", *columns],
                    [pl.Int64, pl.String, pl.Boolean, pl.Boolean, pl.String, *kinds],
                    strict=True,
                )
            )
            flags = pl.DataFrame(self._rows[shape], schema=schema, orient="row")
            whole = pl.lit(shape.dataset) | (
                (pl.col("data_id") == pl.col("whole"))
                & pl.col("dataset").is_null()
                & (pl.lit(shape.typed) | pl.col("dataset_type").is_null())
            )
            found.append(
                wide.join(flags, on=columns, how="inner").select(
                    "thing",
                    "held",
                    "flag",
                    "set",
                    "own",
                    whole.alias("exact"),
                    pl.lit(number).alias("shape"),
                )
            )
        if not found:
            return pl.DataFrame(schema=_COVERED)
        every = pl.concat(found)
        covers = every.filter("set")
        if self._clears:
            covers = self._without_cleared(covers, every.filter(~pl.col("set")), shapes)
        return covers.select("thing", "held", "exact").sort("thing", "held")

    def _without_cleared(
        self, covers: pl.DataFrame, clears: pl.DataFrame, shapes: Sequence[_Shape]
    ) -> pl.DataFrame:
        """Leave out what a person cleared of something more specific, or of the same if it is inherited."""
        stands = [
            (number, other, own)
            for number, shape in enumerate(shapes)
            for other, against in enumerate(shapes)
            for own in (True, False)
            if against.within(shape) and (not own or number != other)
        ]
        schema = {"shape": pl.Int32, "against": pl.Int32, "own": pl.Boolean}
        ranks = pl.DataFrame(stands, schema=schema, orient="row")
        gone = covers.join(
            clears.select("thing", "flag", pl.col("shape").alias("against")), on=("thing", "flag")
        ).join(ranks, on=("shape", "against", "own"))
        return covers.join(gone.select("thing", "held").unique(), on=("thing", "held"), how="anti")


def _shape(target: Target) -> _Shape | None:
    if target.kind == "dataset":
        return _Shape(True, False, ())
    if target.kind in ("dimension", "data_id") and target.data_id:
        return _Shape(False, target.kind == "data_id", tuple(sorted(target.data_id)))
    return None


def _values(data_id: Mapping[str, int | str], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(data_id[name]) for name in names)
