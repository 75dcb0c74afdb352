"""The metrics store."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from gnomon import settings
from gnomon.definitions import MetricSet
from gnomon.errors import (
    SchemaError,
    StoreError,
)
from gnomon.measurements import observations
from gnomon.notebook import html_block
from gnomon.store.appending import Appender, AppendResult
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.writer import Writer
from gnomon.store.keeping import Upkeep
from gnomon.store.layout.catalog import Catalog, names_of
from gnomon.store.layout.engine_errors import again_where_a_file_went
from gnomon.store.layout.kept import Kept
from gnomon.store.layout.place import Place
from gnomon.store.layout.search_path import Chain, Tagged, flatten
from gnomon.store.layout.tables import Tables
from gnomon.store.questions.arguments import Moment, Names, to_list
from gnomon.store.questions.asking import Asker
from gnomon.store.questions.correlation import Correlating
from gnomon.store.questions.exporting import write_parquet
from gnomon.store.questions.query import Bound
from gnomon.store.questions.result import Result
from gnomon.store.questions.showing import store_html, store_text
from gnomon.store.upkeep.maintenance import Progress, silent

__all__ = ["AppendResult", "Store", "open_store"]


def open_store(uri: str | os.PathLike[str] | None = None) -> "Store":
    """Open the metrics store; it comes into being with the first rows.

    Parameters
    ----------
    uri
        A folder or ``s3://bucket/prefix``; by default what the settings say (``GNOMON_STORE``).

    Returns
    -------
    Store
        Ready to use; nothing needs closing.

    Raises
    ------
    NotOursError
        If there is something else.
    StoreError
        If a store cannot be there, or the one that is there has another format.
    """
    if uri is None:
        uri = settings.load().store
    return Store(os.fspath(uri))


class Store(Correlating, Upkeep):
    """A metrics store.

    Parameters
    ----------
    uri
        Where it is.
    """

    def __init__(self, uri: str) -> None:
        self._place = Place(uri)
        self._tables = Tables(self._place)
        self._catalog = Catalog(self._place)
        self._kept = Kept(self._tables)
        self._appender = Appender(self._tables, self._catalog, self._kept)
        self._buffer_folder = settings.load().buffer

    @cached_property
    def _buffer(self) -> Buffer:
        return Buffer.beside(self._buffer_folder, self.uri)

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self._tables, self._catalog, self._kept, self._buffer)

    @property
    def uri(self) -> str:
        """Where the store is."""
        return self._place.uri

    def __repr__(self) -> str:
        return f"<Store {self.uri}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # as IPython calls it
        del cycle
        try:
            printer.text(store_text(self.status(), set(names_of(self._catalog.load(), "metrics"))))
        except (StoreError, OSError) as error:
            printer.text(f"{self!r}\n{error}")

    def _repr_html_(self) -> str:
        try:
            known = self._catalog.load()
            return store_html(self.status(), *(set(names_of(known, of)) for of in ("metrics", "runs")))
        except (StoreError, OSError) as error:
            return html_block(f"Store {self.uri}", str(error))

    def append(self, table: pa.Table, *, source: str) -> AppendResult:
        """Append measurements; what is there already counts once.

        Parameters
        ----------
        table
            Rows in `gnomon.measurements.rows.SCHEMA`. The key is (``dataset_id``, ``metric``); of rows with
            the same key the one with the newest ``measured_at`` holds, and the others stay in the history.
        source
            Who brings them, for the history.

        Returns
        -------
        AppendResult
            How many were written.

        Raises
        ------
        SchemaError
            If the table is not of that schema; nothing is stored then.
        StoreError
            If the store cannot be written.
        """
        return self._appender.append(table, source=source, buffer=self._buffer)

    def writer(self, *, source: str, durable: bool = False) -> Writer:
        """Open the store for measurements that come one by one.

        Parameters
        ----------
        source
            Who writes, for the history.
        durable
            Whether each measurement survives a power cut, and not only the end of the process.

        Returns
        -------
        Writer
            A context manager. What it took is safe in the hot buffer of this host at once, where readers of
            this host see it, and in the tables within seconds.
        """
        self._tables.init()
        buffer = Buffer.beside(self._buffer_folder, self.uri, durable=durable)
        return Writer(buffer, self._appender, source=source)

    def flush(self) -> int:
        """Bring what waits in the hot buffer of this host into the tables, also what killed processes left.

        Returns
        -------
        int
            How many rows were handed over.

        Raises
        ------
        StoreError
            If the store cannot be written; the rows stay in the buffer.
        """
        return self._appender.flush(self._buffer)

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
            self._remove("dataset_id", ids, reason)
        return len(ids)

    def drop_runs(self, runs: Names, *, reason: str) -> int:
        """Make all datasets of RUN collections vanish from answers; the rows stay in the history.

        Parameters
        ----------
        runs
            Names of RUN collections. What comes into them later is there.
        reason
            Why they are gone.

        Returns
        -------
        int
            How many were named.

        Raises
        ------
        CollectionNotFoundError
            If the store knows no such run; nothing is removed then.
        StoreError
            If the store cannot be written.
        """
        names = list(dict.fromkeys(to_list(runs)))
        flatten(names, runs=names_of(self._catalog.load(), "runs"), definitions={})
        if names:
            self._remove("run", names, reason)
        return len(names)

    def _remove(self, key: str, values: Sequence[object], reason: str) -> None:
        folders = [name.folder for name in self._tables.names()]
        self._kept.remove(key, values, reason=reason, after=folders, not_before=self._buffer.newest())

    def define_chain(self, chain: Chain) -> None:
        """Keep the definition of a CHAINED collection; the newest one holds.

        Parameters
        ----------
        chain
            Name and children.
        """
        self._kept.define([chain])

    def define_tagged(self, tagged: Tagged) -> None:
        """Keep the definition of a TAGGED collection; the newest one holds.

        Parameters
        ----------
        tagged
            Name and datasets.
        """
        self._kept.define([tagged])

    def define_metrics(self, metrics: MetricSet) -> int:
        """Keep what metrics mean and how they are tagged; the newest definition holds.

        Parameters
        ----------
        metrics
            Metrics, with tags that `load` can ask for.

        Returns
        -------
        int
            How many were new or changed.
        """
        return self._kept.define_metrics(metrics)

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
        return self._kept.keep_observations(table)

    def observations(self) -> pl.DataFrame:
        """Give what is known of exposures and visits.

        Returns
        -------
        polars.DataFrame
            In `gnomon.measurements.observations.SCHEMA`, one row each.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        return self._kept.observations().select(observations.SCHEMA.names)

    @again_where_a_file_went
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
        return self._asker.dataset_ids(collections=collections, dataset_type=dataset_type)

    @again_where_a_file_went
    def load(
        self,
        metrics: Names | None = None,
        *,
        tags: Names | None = None,
        collections: Names | None = None,
        definitions: Iterable[Chain | Tagged] | None = None,
        dataset_type: Names | None = None,
        where: str | None = None,
        bind: Mapping[str, Any] | None = None,
        observed: tuple[Moment, Moment] = (None, None),
        measured: tuple[Moment, Moment] = (None, None),
        software: Names | None = None,
        values: tuple[Bound, Bound] = (None, None),
        latest: bool = False,
        as_of: Moment = None,
        columns: Sequence[str] | None = None,
        metadata: bool | Sequence[str] = False,
        wide: bool = False,
    ) -> Result:
        """Load measurements.

        Parameters
        ----------
        metrics
            Full names or shell patterns such as ``demo.*``; all by default.
        tags
            Only metrics that have all of these tags, by the definitions that `define_metrics` kept.
        collections
            RUN, CHAINED or TAGGED collections. With any given, of several datasets of the same dataset type
            and data ID the one in the first collection is taken; by default all runs, and every dataset.
        definitions
            CHAINED and TAGGED collections as they are in a live repository, which go before those that were
            kept at harvest.
        dataset_type
            Names or shell patterns of dataset types.
        where
            An expression over the columns, such as ``visit > 5 AND band = 'r'``, and over what is known of
            observations, such as ``visit.exposure_time > 20 AND observation_type = 'science'``; it comes
            last, so that ``latest`` with a condition on the value never gives a value that a later one
            superseded.
        bind
            Values for names in ``where`` that start with a colon.
        observed
            Begin and end; what was observed at least partly in [begin, end).
        measured
            Begin and end; what was computed in [begin, end).
        software
            Versions of what computed the values, by name or shell pattern.
        values
            Least and greatest value, both included; a plain number is in the unit of the row. NaN is in no
            range.
        latest
            Whether to keep only the last measurement of each metric and data ID.
        as_of
            The moment whose answer is wanted: what came in, was superseded, removed or defined later does not
            count.
        columns
            The columns of `gnomon.measurements.rows.SCHEMA` that are wanted, so that others need not be read;
            all by default.
        metadata
            Columns of `gnomon.measurements.observations.METADATA` to join, such as ``exposure_time``; `True`
            for all.
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
            If the store has never seen a metric that was named, or has none with these tags.
        CollectionNotFoundError
            If it knows no such collection.
        DatasetTypeNotFoundError
            If it has no such dataset type.
        ExpressionError
            If ``where`` cannot be understood.
        SchemaError
            If a column does not exist.
        TimeFormatError
            If an interval is not one of times.
        UnitMismatchError
            If a metric's values cannot share a wide column, or a range is in a unit that does not convert.
        StoreError
            If several values would share a place in a wide row, ``as_of`` lies before the history begins, or
            the store cannot be read.
        """
        return self._asker.load(
            metrics,
            tags=tags,
            collections=collections,
            definitions=definitions,
            dataset_type=dataset_type,
            where=where,
            bind=bind,
            observed=observed,
            measured=measured,
            software=software,
            values=values,
            latest=latest,
            as_of=as_of,
            columns=columns,
            metadata=metadata,
            wide=wide,
        )

    @again_where_a_file_went
    def history(
        self,
        metrics: Names | None = None,
        *,
        tags: Names | None = None,
        dataset_ids: Iterable[bytes] | None = None,
        collections: Names | None = None,
        definitions: Iterable[Chain | Tagged] | None = None,
        dataset_type: Names | None = None,
        where: str | None = None,
        bind: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """Give all measurements that ever came in, and until when each held.

        The history goes back for as long as vacuum has left it (`status` says since when it is complete).

        Parameters
        ----------
        metrics, tags, collections, definitions, dataset_type, where, bind
            As for `load`, save that of several collections none hides another.
        dataset_ids
            Only of these datasets, UUIDs of 16 bytes; all by default.

        Returns
        -------
        polars.DataFrame
            The columns of `gnomon.measurements.rows.SCHEMA`, then ``recorded_at`` (when it came in),
            ``source`` (who brought it), ``held_until`` (null if it still holds) and ``reason``:
            ``superseded``, or what was given for the removal. One that came in later than one with a newer
            ``measured_at`` never held, and ends when it came in. Sorted as answers of `load`, then by
            ``recorded_at``. Times are TAI.

        Raises
        ------
        MetricNotFoundError, CollectionNotFoundError, DatasetTypeNotFoundError, ExpressionError
            As `load`.
        StoreError
            If the store cannot be read.
        """
        return self._asker.history(
            metrics,
            tags=tags,
            dataset_ids=dataset_ids,
            collections=collections,
            definitions=definitions,
            dataset_type=dataset_type,
            where=where,
            bind=bind,
        )

    def export(
        self,
        path: str | os.PathLike[str],
        metrics: Names | None = None,
        *,
        overwrite: bool = False,
        progress: Progress = silent,
        **asked: Any,
    ) -> int:
        """Write measurements into a Parquet file in `gnomon.measurements.rows.SCHEMA`, a row a value.

        Each metric is as of one moment, and as many measurements are in memory as the greatest one has.

        Parameters
        ----------
        path
            The file: a path, or ``s3://bucket/name``.
        metrics
            Full names or shell patterns; all by default.
        overwrite
            Whether a file that is there already may be replaced.
        progress
            Told how many of how many metrics are done.
        **asked
            What `load` takes to say which measurements; not ``wide``, ``columns`` and ``metadata``, which say
            how they are shown.

        Returns
        -------
        int
            How many measurements were written.

        Raises
        ------
        NotOursError
            If there is such a file already; it is left as it is.
        StoreError
            If the file cannot be written, or the store cannot be read; there is no such file then.
        GnomonError
            As `load` for what is asked.
        """
        if shown := {"wide", "columns", "metadata"} & asked.keys():
            raise StoreError(f"An export has one form; {min(shown)!r} cannot be asked of it.")
        names = self._asker.metrics(metrics, asked.pop("tags", None))
        if not names:  # for the errors of what is asked
            self.load(**asked)
        return write_parquet(
            os.fspath(path),
            names,
            lambda metric: self.load(metric, **asked).arrow(),
            overwrite=overwrite,
            progress=progress,
        )
