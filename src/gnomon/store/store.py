"""The metrics store."""

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from astropy.time import Time

from gnomon import times
from gnomon.errors import (
    DatasetTypeNotFoundError,
    GnomonError,
    MetricNotFoundError,
    SchemaError,
    TimeFormatError,
    nearest,
)
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.store import query as queries
from gnomon.store.chains import Chain, Tagged, flatten
from gnomon.store.query import Query
from gnomon.store.result import DATA_ID, Result, widen
from gnomon.store.tables import (
    CHAINS_SCHEMA,
    OBSERVATIONS_SCHEMA,
    RECORDED_AT,
    REMOVALS_SCHEMA,
    STORED_SCHEMA,
    TAGGED_SCHEMA,
    Tables,
    collect,
    dimensions_of,
)

__all__ = ["AppendResult", "Store", "open_store"]

type Moment = Time | str | int | None
"""A time: astropy's, an ISO string in UTC, or TAI microseconds since 1970-01-01 TAI."""

type Names = str | Sequence[str]


@dataclass(frozen=True)
class AppendResult:
    """What became of the rows that were handed to the store.

    Attributes
    ----------
    added
        Rows whose key was new.
    replaced
        Rows whose key was known and whose content is not; the newest ``measured_at`` holds.
    unchanged
        Rows that the store already had.
    """

    added: int
    replaced: int
    unchanged: int


def open_store(uri: str | os.PathLike[str] | None = None) -> "Store":
    """Open the metrics store; it comes into being with the first rows.

    Parameters
    ----------
    uri
        A folder; by default what the settings say (``GNOMON_STORE``).

    Returns
    -------
    Store
        Ready to use; nothing needs closing.

    Raises
    ------
    NotOursError
        If the folder holds something else.
    """
    if uri is None:
        from gnomon import settings

        uri = settings.load().store
    return Store(os.fspath(uri))


class Store:
    """A metrics store.

    Parameters
    ----------
    uri
        Where it is.
    """

    def __init__(self, uri: str) -> None:
        self._tables = Tables(uri)

    @property
    def uri(self) -> str:
        """Where the store is."""
        return self._tables.uri

    def __repr__(self) -> str:
        return f"<Store {self.uri}>"

    def append(self, table: pa.Table, *, source: str) -> AppendResult:
        """Append measurements; those that are there already stay as they are.

        Parameters
        ----------
        table
            Rows in `gnomon.measurements.rows.SCHEMA`. The key is (``dataset_id``, ``metric``).
        source
            Who brings them, for the history.

        Returns
        -------
        AppendResult
            How many were new.

        Raises
        ------
        SchemaError
            If the table is not of that schema; nothing is stored then.
        StoreError
            If the store cannot be written.
        """
        given = pl.DataFrame(_with_sorted_dimensions(conform(table))).with_row_index("given")
        if given.is_empty():
            return AppendResult(0, 0, 0)
        # Later than any removal, even where a clock was set back: what comes again is there again.
        now = self._now([self._tables.removals()])
        added = replaced = 0
        groups = given.with_columns(dimensions_of(given).alias("table")).partition_by("table", as_dict=True)
        for (name,), group in groups.items():
            dimensions = str(name)
            known = self._known(dimensions, group)
            fresh = group.unique(subset=SCHEMA.names, keep="first", maintain_order=True)
            if known is not None:
                fresh = fresh.join(
                    known, on=SCHEMA.names, how="anti", nulls_equal=True, maintain_order="left"
                )
            if fresh.is_empty():
                continue
            keys = fresh.select(queries.KEY).unique()
            old = 0 if known is None else len(keys.join(known, on=queries.KEY, how="semi"))
            replaced += old + len(fresh) - len(keys)
            added += len(keys) - old
            # Of several rows with one key the later one was recorded later, so that an answer does not depend
            # on the order of the files.
            place = pl.int_range(pl.len()).over(queries.KEY)
            recorded = (pl.lit(now) + place).cast(pl.Datetime("us")).alias(RECORDED_AT)
            stored = fresh.with_columns(recorded).sort("metric", "visit", "given").select(STORED_SCHEMA.names)
            self._tables.append_measurements(dimensions, stored.to_arrow().cast(STORED_SCHEMA), source=source)
        return AppendResult(added, replaced, len(given) - added - replaced)

    def remove(self, dataset_ids: Iterable[bytes], *, reason: str) -> int:
        """Make datasets vanish from answers; the rows stay in the history.

        Parameters
        ----------
        dataset_ids
            UUIDs, 16 bytes each.
        reason
            Why they are gone.

        Returns
        -------
        int
            How many were named.

        Raises
        ------
        SchemaError
            If one is not such a UUID; nothing is removed then.
        StoreError
            If the store cannot be written.
        """
        ids = sorted(set(dataset_ids))
        if wrong := [given for given in ids if len(given) != 16]:
            raise SchemaError(f"A dataset's UUID has 16 bytes; {wrong[0]!r} has {len(wrong[0])}.")
        if ids:
            moment = times.to_datetime(self._now(table.rows for table in self._tables.measurements()))
            self._tables.append_removals(
                pa.table([ids, [reason] * len(ids), [moment] * len(ids)], schema=REMOVALS_SCHEMA)
            )
        return len(ids)

    def define_chain(self, chain: Chain) -> None:
        """Keep the definition of a CHAINED collection; the newest one holds.

        Parameters
        ----------
        chain
            Name and children.
        """
        if self._chains().get(chain.name) == chain.children:
            return
        moment = times.to_datetime(self._now([self._tables.chains()]))
        self._tables.append_chains(
            pa.table([[chain.name], [list(chain.children)], [moment]], schema=CHAINS_SCHEMA)
        )

    def define_tagged(self, tagged: Tagged) -> None:
        """Keep the definition of a TAGGED collection; the newest one holds.

        Parameters
        ----------
        tagged
            Name and datasets.
        """
        known = self._tables.tagged()
        ids = sorted(tagged.dataset_ids)
        if known is not None:
            last = collect(known.filter(pl.col("name") == tagged.name).sort(RECORDED_AT).tail(1))
            if len(last) and last["dataset_ids"][0].to_list() == ids:
                return
        moment = times.to_datetime(self._now([known]))
        self._tables.append_tagged(pa.table([[tagged.name], [ids], [moment]], schema=TAGGED_SCHEMA))

    def keep_observations(self, table: pa.Table) -> int:
        """Keep what the records of exposures and visits say; the newest holds.

        Parameters
        ----------
        table
            Rows in `gnomon.measurements.observations.SCHEMA`.

        Returns
        -------
        int
            How many were new or changed.

        Raises
        ------
        SchemaError
            If the table is not of that schema; nothing is stored then.
        StoreError
            If the store cannot be written.
        """
        given = pl.DataFrame(observations.conform(table)).unique(observations.KEY, keep="last")
        known = self._tables.observations()
        if known is not None:
            held = known.sort(RECORDED_AT).unique(observations.KEY, keep="last", maintain_order=True)
            given = given.join(
                collect(held.drop(RECORDED_AT)), on=given.columns, how="anti", nulls_equal=True
            )
        if len(given):
            moment = pl.lit(self._now([known])).cast(pl.Datetime("us"))
            rows = given.with_columns(moment.alias(RECORDED_AT)).to_arrow()
            self._tables.append_observations(rows.cast(OBSERVATIONS_SCHEMA))
        return len(given)

    def dataset_ids(
        self, *, collections: Names | None = None, dataset_type: Names | None = None
    ) -> pl.Series:
        """Give the datasets whose measurements are in the store and were not removed.

        Parameters
        ----------
        collections
            Only of these RUN collections, whether or not they hold any; all by default.
        dataset_type
            Only of these dataset types, by their names; all by default.

        Returns
        -------
        polars.Series
            UUIDs, 16 bytes each, every one once.
        """
        question = Query(
            runs=None if collections is None else _names(collections),
            dataset_types=None if dataset_type is None else _names(dataset_type),
        )
        removals = self._tables.removals()
        frames = [
            queries.without_removed(question.narrow(table.rows), removals).select("dataset_id").unique()
            for table in self._tables.measurements()
        ]
        if not frames:
            return pl.Series("dataset_id", [], pl.Binary)
        return collect(pl.concat(frames))["dataset_id"].unique()

    def load(
        self,
        metrics: Names | None = None,
        *,
        collections: Names | None = None,
        dataset_type: Names | None = None,
        where: str | None = None,
        bind: Mapping[str, Any] | None = None,
        observed: tuple[Moment, Moment] = (None, None),
        measured: tuple[Moment, Moment] = (None, None),
        latest: bool = False,
        wide: bool = False,
    ) -> Result:
        """Load measurements.

        Parameters
        ----------
        metrics
            Full names or shell patterns such as ``demo.*``; all by default.
        collections
            RUN or CHAINED collections. With any given, of several datasets of the same dataset type and data
            ID the one in the first collection is taken; by default all runs, and every dataset.
        dataset_type
            Names or shell patterns of dataset types.
        where
            An expression over the columns, such as ``visit > 5 AND band = 'r'``; it comes last, so that
            ``latest`` with a condition on the value never gives a value that a later one superseded.
        bind
            Values for names in ``where`` that start with a colon.
        observed
            Begin and end; what was observed at least partly in [begin, end).
        measured
            Begin and end; what was computed in [begin, end).
        latest
            Whether to keep only the last measurement of each metric and data ID.
        wide
            Whether to give a row a data ID with a column a metric, in one unit a metric; with neither
            ``collections`` nor ``latest``, a row a run and data ID.

        Returns
        -------
        Result
            Sorted by metric, time of observation and data ID.

        Raises
        ------
        MetricNotFoundError
            If the store has never seen a metric that was named.
        CollectionNotFoundError
            If it knows no such collection.
        DatasetTypeNotFoundError
            If it has no such dataset type.
        ExpressionError
            If ``where`` cannot be understood.
        TimeFormatError
            If an interval is not one of times.
        UnitMismatchError
            If a metric's values cannot share a wide column, since their units do not convert.
        StoreError
            If several values would share a place in a wide row, or the store cannot be read.
        """
        runs = None if collections is None else self._resolve(_names(collections))
        wanted = None if metrics is None else self._expand(_names(metrics), "metric", MetricNotFoundError)
        question = Query(
            metrics=wanted,
            runs=runs,
            dataset_types=self._dataset_types(dataset_type, wanted),
            where=where,
            bind=bind or {},
            observed=_interval(observed),
            measured=_interval(measured),
        )
        removals = self._tables.removals()
        frames = []
        for table in self._tables.measurements():
            data_id = queries.identity(table.dimensions)
            frame = queries.current(queries.without_removed(question.narrow(table.rows), removals))
            if runs is not None:
                frame = queries.first_match(frame, runs, data_id)
            frame = question.filter(frame)
            if latest:
                frame = queries.latest(frame, data_id)
            frame = question.satisfy(frame)
            if wide:
                names = [pl.lit(name) for name in table.dimensions]
                frame = frame.with_columns(pl.concat_str(*names, *data_id, separator="\x1d").alias(DATA_ID))
            frames.append(frame)
        columns = [*SCHEMA.names, DATA_ID] if wide else SCHEMA.names
        nothing = pl.DataFrame(STORED_SCHEMA.append(pa.field(DATA_ID, pa.string())).empty_table())
        found = (collect(pl.concat(frames)) if frames else nothing).sort(
            "metric", "obs_begin", *DATA_ID_COLUMNS, "run", "dataset_type", "dataset_id", maintain_order=True
        )
        found = found.select(columns)
        if not wide:
            return Result(found, wide=False)
        broad, units = widen(found, by_run=runs is None and not latest)
        return Result(broad, wide=True, units=units)

    def _now(self, frames: Iterable[pl.LazyFrame | None]) -> int:
        """Give the present moment, or one later than what was recorded if that seems to lie ahead."""
        moment = times.now()
        for frame in frames:
            newest = None if frame is None else collect(frame.select(pl.col(RECORDED_AT).max())).item()
            if newest is not None:
                moment = max(moment, times.from_datetime(newest) + 1)
        return moment

    def _known(self, dimensions: str, rows: pl.DataFrame) -> pl.DataFrame | None:
        """Give the stored rows that have a key of ``rows``."""
        table = self._tables.measurements_at(dimensions)
        if table is None:
            return None
        keys = rows.lazy().select(queries.KEY).unique()
        known = table.join(keys, on=queries.KEY, how="semi")
        return collect(queries.without_removed(known, self._tables.removals()))

    def _resolve(self, collections: Sequence[str]) -> list[str]:
        return flatten(collections, runs=self._distinct("run"), chains=self._chains())

    def _chains(self) -> dict[str, tuple[str, ...]]:
        table = self._tables.chains()
        if table is None:
            return {}
        newest = collect(table.sort(RECORDED_AT).unique(subset="name", keep="last", maintain_order=True))
        return {name: tuple(children) for name, children in newest.select("name", "children").iter_rows()}

    def _dataset_types(self, given: Names | None, metrics: Sequence[str] | None) -> list[str] | None:
        """Give the dataset types that can hold what is asked for; `None` if all can."""
        if given is not None:
            return self._expand(_names(given), "dataset_type", DatasetTypeNotFoundError)
        if metrics is None:
            return None
        frames = [
            table.rows.filter(pl.col("metric").is_in(list(metrics))).select("dataset_type").unique()
            for table in self._tables.measurements()
        ]
        return collect(pl.concat(frames))["dataset_type"].to_list() if frames else []

    def _expand(self, patterns: Sequence[str], column: str, error: type[GnomonError]) -> list[str]:
        known = self._distinct(column)
        try:
            return queries.expand(patterns, known)
        except LookupError as missing:
            pattern = missing.args[0]
            what = column.replace("_", " ")
            raise error(f"The store has no {what} {pattern!r}.{nearest(pattern, known)}") from None

    def _distinct(self, column: str) -> set[str]:
        frames = [table.rows.select(column).unique() for table in self._tables.measurements()]
        return set(collect(pl.concat(frames))[column].to_list()) if frames else set()


def _names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _with_sorted_dimensions(table: pa.Table) -> pa.Table:
    """Put the entries of each map in order, so that equal maps are equal rows; an empty one is none."""
    index = SCHEMA.get_field_index(OTHER_DIMENSIONS)
    if table[OTHER_DIMENSIONS].null_count == len(table):
        return table
    entries = [sorted(given) if given else None for given in table[OTHER_DIMENSIONS].to_pylist()]
    return table.set_column(index, SCHEMA.field(index), pa.array(entries, type=SCHEMA.field(index).type))


def _interval(given: tuple[Moment, Moment]) -> tuple[int | None, int | None]:
    begin, end = (_moment(moment) for moment in given)
    if begin is not None and end is not None and end < begin:
        raise TimeFormatError(f"The interval from {given[0]} to {given[1]} ends before it begins.")
    return begin, end


def _moment(given: Moment) -> int | None:
    match given:
        case None | int():
            return given
        case np.integer():
            return int(given)
        case str():
            return times.from_utc_iso(given)
        case Time() if given.isscalar:
            return int(times.to_tai_us(given))
        case datetime.datetime():
            raise TimeFormatError(
                "A datetime does not say its scale; give an astropy Time or a string in UTC."
            )
    raise TimeFormatError(f"A time is an astropy Time or a string in UTC, not {given!r}.")
