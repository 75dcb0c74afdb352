"""Answering a question from one table: what holds, of which dataset, in which collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from gnomon.measurements import observations, other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS, NO_METRIC, OTHER_DIMENSIONS
from gnomon.store import bundles
from gnomon.store.query import Query
from gnomon.store.schema import (
    CURRENT_STATES,
    MERGED,
    NEW,
    RECORDED_AT,
    STORED_SCHEMA,
    SUPERSEDED,
    TableName,
)
from gnomon.store.search_path import SearchPath
from gnomon.store.tables import Snapshot, collect

__all__ = ["KEY", "Removals", "identity", "identity_columns", "newest", "read"]

KEY = ("dataset_id", "metric")
"""The columns of which no two rows of an answer share the values."""

_RANK = "_rank"
_OTHERS = "_others"
_EMPTY = pl.DataFrame(STORED_SCHEMA.empty_table())
_TYPES: Mapping[str, pl.DataType] = dict(_EMPTY.schema)
_NO_TIME = pl.lit(-(2**63), pl.Int64)


@dataclass(frozen=True)
class Removals:
    """What was removed, and when for the last time.

    Attributes
    ----------
    datasets
        ``dataset_id`` and ``removed_at``.
    runs
        ``run`` and ``removed_at``.
    """

    datasets: pl.DataFrame
    runs: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.LazyFrame, *, as_of: int | None = None) -> "Removals":
        """Take them from the table of removals, as it was at a moment."""
        if as_of is not None:
            frame = frame.filter(pl.col(RECORDED_AT).cast(pl.Int64) <= as_of)
        whole = collect(frame)
        newest = pl.col(RECORDED_AT).max().alias("removed_at")
        datasets, runs = (whole.drop_nulls(key).group_by(key).agg(newest) for key in ("dataset_id", "run"))
        return cls(datasets, runs)

    def moments(self, frame: pl.DataFrame) -> pl.Series:
        """Say when the dataset of each row was removed after the row had come in; null if it was not."""
        by_dataset, by_run = (
            frame.select(key).join(removed, on=key, how="left", maintain_order="left")["removed_at"]
            for key, removed in (("dataset_id", self.datasets), ("run", self.runs))
        )
        at = pl.max_horizontal(by_dataset, by_run)
        return frame.select(pl.when(at > pl.col(RECORDED_AT)).then(at).alias("removed_at")).to_series()

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Leave out what was removed."""
        if frame.is_empty() or (self.datasets.is_empty() and self.runs.is_empty()):
            return frame
        return frame.filter(self.moments(frame).is_null())


def identity_columns(dimensions: Sequence[str]) -> list[str]:
    """Name the columns that tell one data ID of a table from another.

    Parameters
    ----------
    dimensions
        The table's required dimensions. Implied ones do not count: a row may lack the band of its visit.
    """
    return [*dimensions, OTHER_DIMENSIONS]


def identity(frame: pl.DataFrame, dimensions: Sequence[str], kind: str) -> list[pl.Expr]:
    """Give what tells the rows of a frame apart, as briefly as that frame allows.

    Parameters
    ----------
    frame
        Rows of one table.
    dimensions
        The table's required dimensions.
    kind
        A further column that tells rows apart.

    Returns
    -------
    list of polars.Expr
        At least one; what is the same in all rows is left out.
    """
    names = [name for name in (kind, *dimensions) if not _is_constant(frame[name])]
    columns = [pl.col(name) for name in names]
    if OTHER_DIMENSIONS in frame.columns and frame[OTHER_DIMENSIONS].null_count() < len(frame):
        columns.append(other_dimensions.as_text().alias(_OTHERS))
    return columns or [pl.col(kind)]


def _is_constant(values: pl.Series) -> bool:
    if len(values) < 2:
        return True
    first = values[0]
    same = values.is_null() if first is None else values.eq_missing(first)
    return bool(same.all())


def read(
    snapshot: Snapshot | None,
    name: TableName,
    query: Query,
    *,
    dataset_types: Sequence[str],
    buffered: pl.DataFrame | None,
    removals: Removals | None,
    columns: Sequence[str],
) -> pl.DataFrame:
    """Answer a question from one table, save for what needs more than the table.

    Parameters
    ----------
    snapshot
        The table; `None` if all its rows are in the buffer still.
    name
        Its name.
    query
        The question.
    dataset_types
        Those of its dataset types that can matter.
    buffered
        Rows of this table that are in the buffer, in the stored schema.
    removals
        What was removed.
    columns
        The stored columns that are wanted; what the question needs is read besides.

    Returns
    -------
    polars.DataFrame
        Rows with ``columns`` at least. The conditions of ``where``, on values and on software are still to be
        put to them.
    """
    pushed = query.pushed(name.dimensions, _TYPES)
    needed = _needed(name, query, columns, removals)
    sources: list[tuple[pl.DataFrame, list[bundles.MetricColumn] | None]] = []
    if snapshot is not None:
        states = CURRENT_STATES if query.as_of is None else (NEW, MERGED, SUPERSEDED)
        frame = _narrow(snapshot.scan(states), name, query, dataset_types, pushed)
        metrics = _metric_columns(snapshot, query) if name.is_bundle else []
        physical = [column for column in needed if column in snapshot.columns]
        if name.is_bundle:
            physical += _columns_of(metrics, snapshot)
        sources.append((collect(frame.select(physical)), metrics if name.is_bundle else None))
    if buffered is not None:
        frame = _narrow(buffered.lazy(), name, query, dataset_types, pushed)
        names = [column for column in _EMPTY.columns if column in needed or column in _MEASURED]
        sources.append((frame.select(names).collect(), None))
    measured: list[pl.DataFrame] = []
    datasets: list[pl.DataFrame] = []
    for rows, folded in sources:
        there = rows if removals is None else removals.apply(rows)
        if query.path is not None:
            there = there.with_columns(query.path.rank(there).alias(_RANK)).filter(
                pl.col(_RANK).is_not_null()
            )
            datasets.append(there)
        measured.append(there if folded is None else _unfolded(there, folded))
    if not measured:
        return _EMPTY.select(columns)
    own = [
        column
        for column in (*needed, *_MEASURED, _RANK)
        if any(column in frame.columns for frame in measured)
    ]
    found = pl.concat([_with(frame, own) for frame in measured]) if len(measured) > 1 else measured[0]
    if query.path is not None and len(query.path.entries) > 1:
        found = _first_match(found, datasets, name.dimensions)
    if query.metrics is not None:
        found = found.filter(pl.col("metric").is_in(list(query.metrics)))
    found = found.filter(pl.col("metric") != NO_METRIC) if (found["metric"] == NO_METRIC).any() else found
    found = newest(found, KEY)
    found = query.in_time(found.lazy()).collect() if _has_times(query) else found
    if query.latest:
        found = newest(found, identity(found, name.dimensions, "metric"))
    return _with(found, columns)


_MEASURED = ("metric", "value", "unit", "uncertainty", "count", "extras")


def _has_times(query: Query) -> bool:
    return any(end is not None for interval in (query.observed, query.measured) for end in interval)


def _needed(name: TableName, query: Query, columns: Sequence[str], removals: Removals | None) -> list[str]:
    """Name the columns that must be read: never those in which nothing can stand."""
    wanted = {*columns, *KEY, *name.dimensions, "measured_at", RECORDED_AT, "dataset_type", OTHER_DIMENSIONS}
    if query.path is not None or removals is not None:
        wanted.add("run")
    if query.observed != (None, None):
        wanted |= {"obs_begin", "obs_end"}
    if query.condition is not None:
        wanted |= query.condition.names
    if query.values != (None, None):
        wanted |= {"value", "unit"}
    absent = frozenset(DATA_ID_COLUMNS) - frozenset(name.expanded)
    measured = frozenset(_MEASURED) if name.is_bundle else frozenset[str]()
    return [column for column in _EMPTY.columns if column in wanted and column not in absent | measured]


def _narrow(
    frame: pl.LazyFrame,
    name: TableName,
    query: Query,
    dataset_types: Sequence[str],
    pushed: Sequence[pl.Expr],
) -> pl.LazyFrame:
    """Keep what can matter, by conditions that hold of a whole dataset for ever."""
    if name.is_bundle is False or len(dataset_types) != 1:
        frame = frame.filter(pl.col("dataset_type").is_in(list(dataset_types)))
    if (
        query.metrics is not None
        and not name.is_bundle
        and (query.path is None or len(query.path.entries) < 2)
    ):
        frame = frame.filter(pl.col("metric").is_in(list(query.metrics)))
    runs = None if query.path is None else query.path.runs
    if runs is not None:
        frame = frame.filter(pl.col("run").is_in(list(runs)))
    if query.as_of is not None:
        frame = frame.filter(pl.col(RECORDED_AT).cast(pl.Int64) <= query.as_of)
    return frame.filter(*pushed) if pushed else frame


def _metric_columns(snapshot: Snapshot, query: Query) -> list[bundles.MetricColumn]:
    found = bundles.metric_columns(snapshot.columns)
    if query.metrics is None:
        return found
    wanted = frozenset(query.metrics)
    return [column for column in found if column.metric in wanted]


def _columns_of(metrics: Sequence[bundles.MetricColumn], snapshot: Snapshot) -> list[str]:
    roles = ("uncertainty", "count", "measured_at", "extras")
    names = [name for column in metrics for name in (column.name, *map(column.part, roles))]
    return [name for name in (*names, bundles.WITHOUT_VALUE) if name in snapshot.columns]


def _unfolded(datasets: pl.DataFrame, metrics: Sequence[bundles.MetricColumn]) -> pl.DataFrame:
    rank = [_RANK] if _RANK in datasets.columns else []
    return bundles.unfold(datasets, metrics, also=rank)


def _with(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Give the columns in this order, null where the table has none of that name."""
    kinds = {**_TYPES, _RANK: pl.Int32()}
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, kinds[name]).alias(name) for name in columns
    )


def _first_match(
    found: pl.DataFrame, datasets: Sequence[pl.DataFrame], dimensions: Sequence[str]
) -> pl.DataFrame:
    """Keep, for each dataset type and data ID, the datasets of the first collection that has one.

    A later run's metric must not show through where an earlier run has the dataset without it, so that this
    goes by datasets and not by measurements.
    """
    columns = ["dataset_type", *identity_columns(dimensions), _RANK]
    there = pl.concat([_with(frame, columns) for frame in datasets])
    if _is_constant(there[_RANK]):
        return found
    by = identity(there, dimensions, "dataset_type")
    keys = [expression.meta.output_name() for expression in by]
    first = there.group_by(by).agg(pl.col(_RANK).min().alias("_first"))
    found = found.with_columns(*(key for key in by if key.meta.output_name() == _OTHERS))
    return (
        found.join(first, on=keys, how="left", maintain_order="left", nulls_equal=True)
        .filter(pl.col(_RANK) == pl.col("_first"))
        .drop("_first", _OTHERS, strict=False)
    )


def newest(frame: pl.DataFrame, by: Sequence[str] | Sequence[pl.Expr]) -> pl.DataFrame:
    """Keep, of rows that are alike, the one that was measured last.

    Parameters
    ----------
    frame
        Rows with ``measured_at`` and ``recorded_at``.
    by
        In what they are alike.

    Returns
    -------
    polars.DataFrame
        At most one row of each kind; of those measured at the same time the one that was recorded last. One
        without a time gives way to one with a time.
    """
    # Most tables have each dataset once, which is quick to see.
    if by == KEY and frame["dataset_id"].n_unique() == len(frame):
        return frame
    alike = frame.select(by).is_duplicated()
    if not alike.any():
        return frame
    rivals = frame.filter(alike).sort("measured_at", RECORDED_AT, nulls_last=False, maintain_order=True)
    last = (
        rivals.select(*by)
        .with_row_index("_row")
        .group_by(pl.exclude("_row"))
        .agg(pl.col("_row").max())["_row"]
    )
    return pl.concat([frame.filter(~alike), rivals[last.sort()]])


def dataset_ids(
    snapshot: Snapshot,
    dataset_types: Sequence[str],
    *,
    path: SearchPath | None,
    removals: Removals | None,
) -> pl.Series:
    """Give the datasets that a table has and that were not removed.

    Parameters
    ----------
    snapshot
        The table.
    dataset_types
        Of these types.
    path
        In these collections; `None` is all.
    removals
        What was removed.

    Returns
    -------
    polars.Series
        UUIDs, each once.
    """
    query = Query(path=path)
    columns = ["dataset_id"] if removals is None else ["dataset_id", "run", RECORDED_AT]
    frame = collect(
        _narrow(snapshot.scan(), snapshot.name, query, dataset_types, []).select(columns).unique()
    )
    return (frame if removals is None else removals.apply(frame))["dataset_id"].unique()


def as_texts(columns: Sequence[str]) -> list[pl.Expr]:
    """Write the columns that tell data IDs apart so that they can be joined to one text."""
    return [
        other_dimensions.as_text() if name == OTHER_DIMENSIONS else pl.col(name).cast(pl.String)
        for name in columns
    ]


def with_observations(frame: pl.DataFrame, known: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Join what is known of the exposure, or else of the visit, of each measurement.

    Parameters
    ----------
    frame
        Measurements with ``instrument``, ``exposure`` and ``visit``.
    known
        Observations in the schema of `gnomon.measurements.observations`.
    columns
        Which of its columns.

    Returns
    -------
    polars.DataFrame
        The same rows with these columns, null where nothing is known.
    """
    exposure = pl.col("exposure").is_not_null()
    keyed = frame.with_columns(
        pl.when(exposure).then(pl.lit("exposure")).otherwise(pl.lit("visit")).alias("element"),
        pl.when(exposure).then("exposure").otherwise("visit").alias("id"),
    )
    return keyed.join(
        known.select(*observations.KEY, *columns), on=observations.KEY, how="left", maintain_order="left"
    ).drop("element", "id")
