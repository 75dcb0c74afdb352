"""What is asked of the store, apart from who answers it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import polars as pl

from gnomon.measurements import other_dimensions
from gnomon.store.tables import RECORDED_AT

__all__ = ["KEY", "Query", "current", "expand", "first_match", "identity", "latest", "without_removed"]

KEY = ("dataset_id", "metric")
"""The columns of which no two rows of an answer share the values."""


@dataclass(frozen=True)
class Query:
    """A question to the store; every condition must hold.

    Attributes
    ----------
    metrics
        Full names; `None` is all.
    runs
        RUN collections in order of preference; `None` is all of them, each kept.
    dataset_types
        Names of dataset types; `None` is all.
    where
        An expression over the data-ID columns and the value.
    bind
        Values for names in ``where`` that start with a colon.
    observed, measured
        Half-open intervals [begin, end) in TAI microseconds, either end `None`; a row without a time is not
        in any. What was observed in a moment is where the moment is.
    """

    metrics: Sequence[str] | None = None
    runs: Sequence[str] | None = None
    dataset_types: Sequence[str] | None = None
    where: str | None = None
    bind: Mapping[str, Any] = field(default_factory=dict)
    observed: tuple[int | None, int | None] = (None, None)
    measured: tuple[int | None, int | None] = (None, None)

    def narrow(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Keep the runs and dataset types that can matter: conditions that hold of a whole dataset, for ever.

        Parameters
        ----------
        frame
            Rows in the stored schema.

        Returns
        -------
        polars.LazyFrame
            The same columns.
        """
        if self.runs is not None:
            frame = frame.filter(pl.col("run").is_in(list(self.runs)))
        if self.dataset_types is not None:
            frame = frame.filter(pl.col("dataset_type").is_in(list(self.dataset_types)))
        return frame

    def filter(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Keep the metrics and times asked for.

        Parameters
        ----------
        frame
            Rows in the stored schema, none superseded.

        Returns
        -------
        polars.LazyFrame
            The same columns.
        """
        if self.metrics is not None:
            frame = frame.filter(pl.col("metric").is_in(list(self.metrics)))
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

    def satisfy(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Keep the rows for which ``where`` holds; it comes last, for it may be about what was superseded.

        Parameters
        ----------
        frame
            Rows in the stored schema.

        Returns
        -------
        polars.LazyFrame
            The same columns.
        """
        if self.where is None:
            return frame
        from gnomon import expressions

        condition = expressions.parse(self.where).to_polars(
            frame.collect_schema(), bind=self.bind, condition=True
        )
        return frame.filter(condition)


def identity(dimensions: Sequence[str]) -> list[pl.Expr]:
    """Give what tells one data ID of a table from another.

    Parameters
    ----------
    dimensions
        The table's required dimensions. Implied ones do not count: a row may lack the band of its visit.

    Returns
    -------
    list of polars.Expr
        The columns, and a string of the dimensions that have no column.
    """
    return [*(pl.col(name) for name in dimensions), other_dimensions.as_text().alias("_others")]


def current(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Keep, of rows with the same dataset and metric, the one that was measured last.

    Parameters
    ----------
    frame
        Rows in the stored schema.

    Returns
    -------
    polars.LazyFrame
        At most one row a key; of equals the one that was recorded last.
    """
    return frame.sort("measured_at", RECORDED_AT, nulls_last=False).unique(
        subset=KEY, keep="last", maintain_order=True
    )


def without_removed(frame: pl.LazyFrame, removals: pl.LazyFrame | None) -> pl.LazyFrame:
    """Leave out datasets that were removed after they were recorded.

    Parameters
    ----------
    frame
        Rows in the stored schema.
    removals
        Removed datasets, or `None`.

    Returns
    -------
    polars.LazyFrame
        The same columns.
    """
    if removals is None:
        return frame
    last = removals.group_by("dataset_id").agg(pl.col(RECORDED_AT).max().alias("removed_at"))
    return (
        frame.join(last, on="dataset_id", how="left", maintain_order="left")
        .filter(pl.col("removed_at").is_null() | (pl.col(RECORDED_AT) > pl.col("removed_at")))
        .drop("removed_at")
    )


def first_match(frame: pl.LazyFrame, runs: Sequence[str], data_id: Sequence[pl.Expr]) -> pl.LazyFrame:
    """Keep, for each dataset type and data ID, the datasets of the first run that has one.

    Parameters
    ----------
    frame
        Rows in the stored schema, of all metrics of the dataset types concerned: a later run's metric must
        not show through where an earlier run has the dataset without it.
    runs
        RUN collections in order of preference.
    data_id
        What `identity` gave.

    Returns
    -------
    polars.LazyFrame
        The same columns.
    """
    if len(runs) < 2:
        return frame
    rank = pl.col("run").replace_strict({run: i for i, run in enumerate(runs)}, return_dtype=pl.Int64)
    return frame.filter(rank == rank.min().over("dataset_type", *data_id))


def latest(frame: pl.LazyFrame, data_id: Sequence[pl.Expr]) -> pl.LazyFrame:
    """Keep, for each metric and data ID, the row that was measured last.

    Parameters
    ----------
    frame
        Rows in the stored schema.
    data_id
        What `identity` gave.

    Returns
    -------
    polars.LazyFrame
        The same columns.
    """
    order = [pl.col("measured_at"), pl.col(RECORDED_AT)]
    return frame.sort(order, nulls_last=False).unique(
        subset=["metric", *data_id], keep="last", maintain_order=True
    )


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
