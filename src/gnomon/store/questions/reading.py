"""Answering a question from one table: what holds, of which dataset, in which collection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from gnomon.measurements import observations, other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS, NO_METRIC, OTHER_DIMENSIONS
from gnomon.store.layout import bundles
from gnomon.store.layout.keys import KEY, newest
from gnomon.store.layout.removals import Removals
from gnomon.store.layout.schema import (
    CURRENT_STATES,
    RECORDED_AT,
    STORED_SCHEMA,
    SUPERSEDED,
    TableName,
)
from gnomon.store.layout.search_path import SearchPath
from gnomon.store.layout.tables import Snapshot, collect
from gnomon.store.questions.query import Query

__all__ = ["as_texts", "dataset_ids", "identity", "identity_columns", "read", "with_observations"]

_RANK = "_rank"
_OTHERS = "_others"
_EMPTY = pl.DataFrame(STORED_SCHEMA.empty_table())
_TYPES: Mapping[str, pl.DataType] = dict(_EMPTY.schema)


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
    dataset_types: Sequence[str] | None,
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
        Those of its dataset types that can matter; `None` if all can.
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
    plan = _Plan(snapshot, name, query, dataset_types, removals, buffered is not None, frozenset(columns))
    measured: list[pl.DataFrame] = []
    datasets: list[pl.DataFrame] = []
    for rows, metrics in plan.sources(snapshot, buffered):
        there = rows if removals is None else removals.apply(rows)
        if query.path is not None:
            rank = query.path.rank(there)
            there = there.with_columns(rank.alias(_RANK)).filter(pl.col(_RANK).is_not_null())
            datasets.append(there)
        measured.append(there if metrics is None else _unfolded(there, metrics))
    if not measured:
        return _EMPTY.select(columns)
    own = {name: None for frame in measured for name in frame.columns}
    found = measured[0] if len(measured) == 1 else pl.concat(_with(frame, [*own]) for frame in measured)
    if plan.is_ranked:
        found = _first_match(found, datasets, name.dimensions)
    if plan.is_ranked and query.metrics is not None:
        found = found.filter(pl.col("metric").is_in(list(query.metrics)))
    elif query.metrics is None and (buffered is not None or not name.is_bundle):
        # What stands for a dataset without measurements is needed no longer.
        found = found.filter(pl.col("metric") != NO_METRIC)
    if not plan.is_settled:
        found = newest(found, KEY)
    found = query.in_time(found)
    if query.latest:
        found = newest(found, identity(found, name.dimensions, "metric"))
    return _with(found, columns)


_MEASURED = ("metric", "value", "unit", "uncertainty", "count", "extras")


@dataclass(frozen=True)
class _Plan:
    """What must be read of a table to answer a question."""

    snapshot: Snapshot | None
    name: TableName
    query: Query
    dataset_types: Sequence[str] | None
    removals: Removals | None
    has_buffered: bool
    columns: frozenset[str]

    @property
    def is_settled(self) -> bool:
        """Whether no key can be in two rows."""
        if self.query.as_of is not None or self.has_buffered:
            return False
        return self.snapshot is not None and self.snapshot.is_settled

    @property
    def is_ranked(self) -> bool:
        """Whether a dataset can stand before another one."""
        return self.query.path is not None and len(self.query.path.entries) > 1

    @cached_property
    def needed(self) -> list[str]:
        """The stored columns that are needed, save for those in which nothing can stand."""
        wanted = {*self.columns, "metric"}
        if not self.is_settled:
            wanted |= {*KEY, "measured_at", RECORDED_AT}
        if self.removals is not None:
            wanted |= {"dataset_id", "run", RECORDED_AT}
        if self.query.path is not None:
            wanted |= {"dataset_id", "run"}
        if self.is_ranked or self.query.latest:
            wanted |= {"dataset_type", "measured_at", RECORDED_AT, OTHER_DIMENSIONS, *self.name.dimensions}
        wanted |= self.query.columns
        absent = frozenset(DATA_ID_COLUMNS) - frozenset(self.name.expanded)
        return [name for name in _EMPTY.columns if name in wanted and name not in absent]

    def sources(
        self, snapshot: Snapshot | None, buffered: pl.DataFrame | None
    ) -> Iterator[tuple[pl.DataFrame, list[bundles.MetricColumn] | None]]:
        """Read the table and the buffer: rows, and the metrics that they are folded of if they are."""
        if snapshot is not None:
            now = self.query.as_of is None
            constants = snapshot.constants if now else {}
            metrics = self._metrics(snapshot) if self.name.is_bundle else None
            there = self.needed if metrics is None else [*self.needed, *_columns_of(metrics, snapshot)]
            read = [name for name in there if name in snapshot.columns and name not in constants]
            same = [
                pl.lit(constants[name]).alias(name)
                for name in there
                if constants.get(name) is not None and name not in _MEASURED
            ]
            bounds = {key: ends for key, ends in self.query.bounds.items() if key in self.name.dimensions}
            states = CURRENT_STATES if now else (*CURRENT_STATES, SUPERSEDED)
            frame = self._narrow(snapshot.scan(states, bounds=bounds))
            yield collect(frame.select(*(read or ["dataset_id"]), *same)), metrics
        if buffered is not None:
            names = [name for name in _EMPTY.columns if name in self.needed or name in _MEASURED]
            yield self._narrow(buffered.lazy()).select(names).collect(), None

    def _metrics(self, snapshot: Snapshot) -> list[bundles.MetricColumn]:
        if self.query.metrics is None:
            return snapshot.metrics
        wanted = frozenset(self.query.metrics)
        return [column for column in snapshot.metrics if column.metric in wanted]

    def _narrow(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Keep what can matter, by conditions that hold of a whole dataset for ever."""
        query = self.query
        if self.dataset_types is not None and not self.name.is_bundle:
            frame = frame.filter(pl.col("dataset_type").is_in(list(self.dataset_types)))
        # Of bundles, the columns are chosen.
        has_metrics = "metric" in frame.collect_schema()
        if query.metrics is not None and has_metrics and not self.is_ranked:
            frame = frame.filter(pl.col("metric").is_in(list(query.metrics)))
        runs = None if query.path is None else query.path.runs
        if runs is not None:
            frame = frame.filter(pl.col("run").is_in(list(runs)))
        if query.as_of is not None:
            frame = frame.filter(pl.col(RECORDED_AT).cast(pl.Int64) <= query.as_of)
        pushed = query.pushed(self.name.dimensions)
        return frame.filter(*pushed) if pushed else frame


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
    columns = ["dataset_id"] if removals is None else ["dataset_id", "run", RECORDED_AT]
    frame = snapshot.scan().filter(pl.col("dataset_type").is_in(list(dataset_types)))
    if path is not None:
        frame = frame.filter(pl.col("run").is_in(list(path.entries)))
    found = collect(frame.select(columns).unique())
    return (found if removals is None else removals.apply(found))["dataset_id"].unique()


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
