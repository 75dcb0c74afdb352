"""What is asked of the store, apart from who answers it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import polars as pl
from astropy.units import Quantity, UnitConversionError

from gnomon import expressions
from gnomon.definitions import parse_unit
from gnomon.errors import UnitMismatchError
from gnomon.expressions import tree
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA
from gnomon.store.layout.bounds import Bounds, bounds_of, conjuncts
from gnomon.store.layout.search_path import SearchPath

__all__ = ["Query", "expand"]

_FIELDS = {
    "begin": "obs_begin",
    "end": "obs_end",
    "timespan.begin": "obs_begin",
    "timespan.end": "obs_end",
    "name": "obs_id",
}

_STORED: Mapping[str, pl.DataType] = dict(pl.DataFrame(SCHEMA.empty_table()).schema)

type Bound = float | Quantity | None
type Interval = tuple[int | None, int | None]


@dataclass(frozen=True)
class Query:
    """A question to the store; every condition must hold.

    Attributes
    ----------
    metrics
        Full names; `None` is all.
    path
        Collections in order of preference; `None` is all runs, each dataset kept.
    dataset_types
        Names of dataset types; `None` is all.
    where
        An expression over the columns, and over what is known of observations.
    bind
        Values for names in ``where`` that start with a colon.
    observed, measured
        Half-open intervals [begin, end) in TAI microseconds, either end `None`; a row without a time is not
        in any. What was observed in a moment is where the moment is.
    software
        Names or shell patterns of versions; `None` is all.
    values
        Least and greatest value, either `None`; a plain number is in the unit of the row.
    latest
        Whether to keep only the last measurement of each metric and data ID.
    as_of
        The moment whose answer is wanted, in TAI microseconds; `None` is now.
    metadata
        What is wanted of observations, besides what ``where`` needs.
    """

    metrics: Sequence[str] | None = None
    path: SearchPath | None = None
    dataset_types: Sequence[str] | None = None
    where: str | None = None
    bind: Mapping[str, Any] = field(default_factory=dict)
    observed: Interval = (None, None)
    measured: Interval = (None, None)
    software: Sequence[str] | None = None
    values: tuple[Bound, Bound] = (None, None)
    latest: bool = False
    as_of: int | None = None
    metadata: Sequence[str] = ()

    @cached_property
    def condition(self) -> expressions.Expression | None:
        """What ``where`` says."""
        return None if self.where is None else expressions.parse(self.where)

    @cached_property
    def observed_columns(self) -> tuple[str, ...]:
        """The columns of observations that must be at hand."""
        names = frozenset(self.metadata) | (frozenset() if self.condition is None else self.condition.names)
        plain = {_plain(name) for name in names}
        return tuple(name for name in observations.METADATA if name in plain)

    @cached_property
    def _parts(self) -> list[tree.Node]:
        return [] if self.condition is None else conjuncts(self.condition.root)

    @cached_property
    def bounds(self) -> Bounds:
        """Between which values ``where`` leaves a dimension."""
        return bounds_of(self._parts, bind=self.bind)

    def pushed(self, dimensions: Sequence[str]) -> list[pl.Expr]:
        """Give the parts of ``where`` that hold of a data ID for ever, and can be asked for before all else.

        Parameters
        ----------
        dimensions
            The dimensions that identify in a table.
        """
        own = frozenset(dimensions)
        parts = [expressions.Expression(node, str(node)) for node in self._parts]
        return [
            part.to_polars(_STORED, bind=self.bind, condition=True)
            for part in parts
            if part.names and part.names <= own
        ]

    @cached_property
    def columns(self) -> frozenset[str]:
        """The stored columns that the conditions are about."""
        names = set() if self.condition is None else {_plain(name) for name in self.condition.names}
        if self.observed_columns:
            names |= {"instrument", *observations.ELEMENTS}
        if self.observed != (None, None):
            names |= {"obs_begin", "obs_end"}
        if self.measured != (None, None):
            names.add("measured_at")
        if self.software is not None:
            names.add("software")
        if self.values != (None, None):
            names |= {"value", "unit"}
        return frozenset(names)

    def in_time(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep what was observed and measured in the intervals asked for."""
        begin, end = self.observed
        if begin is not None:
            frame = frame.filter(
                (pl.col("obs_end") > _moment(begin)) | (pl.col("obs_begin") >= _moment(begin))
            )
        if end is not None:
            frame = frame.filter(pl.col("obs_begin") < _moment(end))
        begin, end = self.measured
        if begin is not None:
            frame = frame.filter(pl.col("measured_at") >= _moment(begin))
        if end is not None:
            frame = frame.filter(pl.col("measured_at") < _moment(end))
        return frame

    def in_software(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep what the versions asked for have computed."""
        if self.software is None:
            return frame
        known = frame["software"].drop_nulls().unique()
        wanted = [name for name in known if any(fnmatchcase(name, given) for given in self.software)]
        return frame.filter(pl.col("software").is_in(wanted))

    def in_range(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep the values in the range asked for; NaN is in none.

        Raises
        ------
        UnitMismatchError
            If an end is a quantity that does not convert into the unit of a row.
        """
        for bound, is_lower in zip(self.values, (True, False), strict=True):
            if bound is None:
                continue
            limit = _limit(bound, frame)
            inside = pl.col("value") >= limit if is_lower else pl.col("value") <= limit
            frame = frame.filter(inside & pl.col("value").is_not_nan())
        return frame

    def satisfy(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows for which ``where`` holds; it comes last, for it may be about what was superseded."""
        if self.condition is None:
            return frame
        columns = {**_STORED, **frame.schema}
        for name in self.condition.names:
            plain = _plain(name)
            if name not in columns and plain in columns:
                # `visit.seq_num` is what is known of the visit, and nothing where a row has none.
                there = pl.col(name.partition(".")[0]).is_not_null()
                frame = frame.with_columns(pl.when(there).then(pl.col(plain)).alias(name))
                columns[name] = columns[plain]
        return frame.filter(self.condition.to_polars(columns, bind=self.bind, condition=True))


def _plain(name: str) -> str:
    """Give the column that the Butler's name of a field of a dimension's record stands for."""
    element, dot, rest = name.partition(".")
    if not dot or element not in DATA_ID_COLUMNS:
        return name
    if element in observations.ELEMENTS:
        return _FIELDS.get(rest, element if rest == "id" else rest)
    return element if rest in ("id", "name") else name


def _limit(bound: float | Quantity, frame: pl.DataFrame) -> pl.Expr:
    if not isinstance(bound, Quantity):
        return pl.lit(float(bound))
    limits = {}
    for unit in frame["unit"].unique():
        try:
            limits[unit] = float(bound.to_value(parse_unit(unit)))
        except UnitConversionError as error:
            raise UnitMismatchError(
                f"A value in {unit or 'no unit'} cannot be compared with {bound}: the units do not convert."
            ) from error
    return pl.col("unit").replace_strict(limits, return_dtype=pl.Float64) if limits else pl.lit(0.0)


def expand(patterns: Sequence[str], known: Iterable[str]) -> list[str]:
    """Resolve names and shell patterns into the names that exist.

    Parameters
    ----------
    patterns
        Exact names or shell patterns, by case.
    known
        The names that exist.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    LookupError
        With the pattern as its argument, if one matches nothing.
    """
    names = set(known)
    found: set[str] = set()
    for pattern in patterns:
        matched = {pattern} & names or {name for name in names if fnmatchcase(name, pattern)}
        if not matched:
            raise LookupError(pattern)
        found |= matched
    return sorted(found)


def _moment(microseconds: int) -> pl.Expr:
    return pl.lit(microseconds).cast(pl.Datetime("us"))
