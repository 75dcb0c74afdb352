"""The metrics store."""

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from astropy.time import Time

from gnomon import times
from gnomon.errors import GnomonError, MetricNotFoundError, StoreError, TimeFormatError, nearest
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA, conform
from gnomon.store import query as queries
from gnomon.store.chains import Chain, flatten
from gnomon.store.query import Query
from gnomon.store.result import Result, widen
from gnomon.store.tables import (
    CHAINS_SCHEMA,
    RECORDED_AT,
    REMOVALS_SCHEMA,
    STORED_SCHEMA,
    Tables,
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
        rows = pl.DataFrame(conform(table)).with_row_index("given")
        if rows.is_empty():
            return AppendResult(0, 0, 0)
        now = pl.lit(times.to_datetime(times.now())).cast(pl.Datetime("us"))
        rows = rows.with_columns(now.alias(RECORDED_AT), dimensions_of(rows).alias("table"))
        added = replaced = 0
        for (dimensions,), group in rows.partition_by("table", as_dict=True).items():
            known = self._known(str(dimensions), group)
            fresh = group.join(known, on=SCHEMA.names, how="anti", nulls_equal=True) if known is not None else group
            fresh = fresh.unique(subset=SCHEMA.names, keep="first", maintain_order=True)
            if fresh.is_empty():
                continue
            keys = fresh.select("dataset_id", "metric").unique()
            old = 0 if known is None else len(keys.join(known, on=["dataset_id", "metric"], how="semi"))
            replaced += old + len(fresh) - len(keys)
            added += len(keys) - old
            stored = fresh.sort("metric", "visit", "given").select(STORED_SCHEMA.names).to_arrow()
            self._tables.append_measurements(str(dimensions), stored.cast(STORED_SCHEMA), source=source)
        return AppendResult(added, replaced, len(rows) - added - replaced)

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
        """
        ids = sorted(set(dataset_ids))
        if ids:
            moment = times.to_datetime(times.now())
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
        moment = times.to_datetime(times.now())
        self._tables.append_chains(
            pa.table([[chain.name], [list(chain.children)], [moment]], schema=CHAINS_SCHEMA)
        )

    def dataset_ids(self, *, collections: Names | None = None) -> set[bytes]:
        """Give the datasets whose measurements are in the store and were not removed.

        Parameters
        ----------
        collections
            Only of these RUN collections, whether or not they hold any; all by default.

        Returns
        -------
        set of bytes
            UUIDs, 16 bytes each.
        """
        question = Query(runs=None if collections is None else _names(collections))
        frames = [
            queries.without_removed(question.narrow(table), self._tables.removals()).select("dataset_id").unique()
            for table in self._tables.measurements()
        ]
        return set(pl.concat(frames).collect()["dataset_id"].to_list()) if frames else set()

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
            An expression over the columns, such as ``visit > 5 AND band = 'r'``.
        bind
            Values for names in ``where`` that start with a colon.
        observed
            Begin and end; what was observed at least partly in [begin, end).
        measured
            Begin and end; what was computed in [begin, end).
        latest
            Whether to keep only the last measurement of each metric and data ID.
        wide
            Whether to give a row a data ID with a column a metric.

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
        ExpressionError
            If ``where`` cannot be understood.
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
            frame = queries.without_removed(queries.current(question.narrow(table)), removals)
            if runs is not None:
                frame = queries.first_match(frame, runs)
            frame = question.filter(frame)
            frames.append(queries.latest(frame) if latest else frame)
        found = pl.concat(frames).collect() if frames else pl.DataFrame(STORED_SCHEMA.empty_table())
        frame = found.sort("metric", "obs_begin", "visit", "exposure", "detector", "run").select(SCHEMA.names)
        units = dict(frame.select("metric", "unit").unique().iter_rows())
        if wide:
            keys = frame.select("run", "metric", *DATA_ID_COLUMNS)
            if keys.is_duplicated().any():
                raise StoreError(
                    "Several measurements of one metric and data ID in one run cannot share a wide row: name "
                    "one dataset type, or ask for the latest."
                )
            frame = widen(frame)
        return Result(frame, wide=wide, units=units)

    def _known(self, dimensions: str, rows: pl.DataFrame) -> pl.DataFrame | None:
        """Give the stored rows that have a key of ``rows``."""
        table = self._tables.measurements_at(dimensions)
        if table is None:
            return None
        keys = rows.lazy().select("dataset_id", "metric").unique()
        known = table.join(keys, on=["dataset_id", "metric"], how="semi")
        return queries.without_removed(known, self._tables.removals()).collect()

    def _resolve(self, collections: Sequence[str]) -> list[str]:
        return flatten(collections, runs=self._distinct("run"), chains=self._chains())

    def _chains(self) -> dict[str, tuple[str, ...]]:
        table = self._tables.chains()
        if table is None:
            return {}
        newest = table.sort(RECORDED_AT).unique(subset="name", keep="last").collect()
        return {name: tuple(children) for name, children in newest.select("name", "children").iter_rows()}

    def _dataset_types(self, given: Names | None, metrics: Sequence[str] | None) -> list[str] | None:
        """Give the dataset types that can hold what is asked for; `None` if all can."""
        if given is not None:
            return self._expand(_names(given), "dataset_type", StoreError)
        if metrics is None:
            return None
        frames = [
            table.filter(pl.col("metric").is_in(list(metrics))).select("dataset_type").unique()
            for table in self._tables.measurements()
        ]
        return pl.concat(frames).collect()["dataset_type"].to_list() if frames else []

    def _expand(self, patterns: Sequence[str], column: str, error: type[GnomonError]) -> list[str]:
        known = self._distinct(column)
        try:
            return queries.expand(patterns, known)
        except LookupError as missing:
            pattern = missing.args[0]
            what = column.replace("_", " ")
            raise error(f"The store has no {what} {pattern!r}.{nearest(pattern, known)}") from None

    def _distinct(self, column: str) -> set[str]:
        frames = [table.select(column).unique() for table in self._tables.measurements()]
        return set(pl.concat(frames).collect()[column].to_list()) if frames else set()


def _names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _interval(given: tuple[Moment, Moment]) -> tuple[int | None, int | None]:
    begin, end = given
    return _moment(begin), _moment(end)


def _moment(given: Moment) -> int | None:
    match given:
        case None | int():
            return given
        case str():
            return times.from_utc_iso(given)
        case Time():
            return int(times.to_tai_us(given))
        case datetime.datetime():
            raise TimeFormatError("A datetime does not say its scale; give an astropy Time or a string in UTC.")
    raise TimeFormatError(f"A time is an astropy Time or a string in UTC, not {given!r}.")
