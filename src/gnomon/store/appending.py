"""Appending: by which way rows go into which tables."""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from gnomon import times
from gnomon.errors import BufferFileError, StoreError
from gnomon.measurements.rows import OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.notebook import ShownFields
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import drain
from gnomon.store.layout.catalog import Catalog
from gnomon.store.layout.kept import Kept
from gnomon.store.layout.keys import KEY
from gnomon.store.layout.schema import RECORDED_AT, SOURCE, SUPERSEDED_AT, TableName, table_names
from gnomon.store.layout.tables import Tables
from gnomon.store.upkeep.maintenance import compact
from gnomon.store.upkeep.vacuum import RETENTION, vacuum_table

__all__ = ["AppendResult", "Appender"]

_LOG = logging.getLogger(__name__)
_COMMITS = 64  # after so many, a table is put in order
_PATIENCE = 60.0  # seconds for which another process that drains is waited for


@dataclass(frozen=True)
class AppendResult(ShownFields):
    """What became of the rows that were handed to the store.

    Attributes
    ----------
    added
        Rows that were written. Whether the store had them before is not looked up: an answer has each key
        once, and maintenance puts repetitions together.
    repeated
        Rows that were in the same table twice, to the letter.
    """

    added: int
    repeated: int = 0


class Appender:
    """Brings rows into the tables of a store.

    Parameters
    ----------
    tables, catalog, kept
        Of the store.
    """

    def __init__(self, tables: Tables, catalog: Catalog, kept: Kept) -> None:
        self._tables = tables
        self._catalog = catalog
        self._kept = kept

    def append(self, table: pa.Table, *, source: str, buffer: Buffer) -> AppendResult:
        """Append measurements, by way of the buffer if they belong to several tables."""
        given = pl.DataFrame(_with_sorted_dimensions(conform(table)))
        if given.is_empty():
            return AppendResult(0)
        rows = self._stamped(given, source)
        divided = table_names(rows)
        if len(divided) == 1 or not self._through_buffer(rows, source, buffer):
            self._write(divided)
        return AppendResult(len(rows), len(given) - len(rows))

    def _through_buffer(self, rows: pl.DataFrame, source: str, buffer: Buffer) -> bool:
        """Append rows of several tables by way of the buffer: all or none, whatever happens.

        Where there can be no buffer, on a network file system for one, each table is whole by itself.
        """
        moment = rows[RECORDED_AT].cast(pl.Int64).max()
        if not isinstance(moment, int) or moment > times.now():
            return False  # a clock was set back, and the buffer goes by the clock
        self._tables.init()
        try:
            buffer.put(rows.select(SCHEMA.names).to_arrow(), source=source)
        except BufferFileError as error:
            _LOG.debug("Appending without the buffer: %s", error)
            return False
        self.flush(buffer)
        return True

    def flush(self, buffer: Buffer) -> int:
        """Bring what waits in a buffer into the tables; give how many rows were handed over."""
        return drain(buffer, self, wait=_PATIENCE)

    def append_buffered(self, rows: pl.DataFrame, *, application: str, numbers: pl.Series, last: int) -> None:
        """Append rows of a hot buffer, each to its table, unless they are there already.

        Parameters
        ----------
        rows
            In `gnomon.measurements.rows.SCHEMA`, then ``recorded_at`` and ``source``.
        application
            The identity of the buffer.
        numbers
            The number of each row, growing.
        last
            The greatest of them.

        Raises
        ------
        StoreError
            If the store cannot be written; the same call later completes what is missing.
        """
        rows = rows.with_columns(
            pl.lit(None, pl.Datetime("us")).alias(SUPERSEDED_AT), numbers.alias("_number")
        )
        # What came of a dataset within a drain came at one moment, so that a bundle is one row of its table.
        if not rows.select(KEY).is_duplicated().any():
            rows = rows.with_columns(pl.col(RECORDED_AT).max().over("dataset_id"))
        self._write(table_names(rows), application=application, last=last)

    def _write(
        self, divided: Sequence[tuple[TableName, pl.DataFrame]], *, application: str = "", last: int = 0
    ) -> None:
        self._tables.init()
        try:
            for name, part in divided:
                self._catalog.add(name, part)
            commits = [
                (name, self._tables.append(name, part, application=application, last=last))
                for name, part in divided
            ]
        except (DeltaError, OSError) as error:
            raise self._tables.unwritable(error) from error
        for name, version in commits:
            # One of many writers, and not each of them, has what they appended put in order.
            if version is not None and version % _COMMITS == _COMMITS - 1:
                self._tidy_up(name)

    def _tidy_up(self, name: TableName) -> None:
        try:
            compact(self._tables, name, removals=self._kept.removals())
            before = times.now() - RETENTION // datetime.timedelta(microseconds=1)
            removals = self._kept.all_removals()
            vacuum_table(self._tables, name, kept=self._kept, removals=removals, before=before)
            self._catalog.compact()
        except StoreError as error:
            _LOG.warning(
                "The table %s of %s was not put in order: %s", name.folder, self._tables.place.uri, error
            )

    def _stamped(self, given: pl.DataFrame, source: str) -> pl.DataFrame:
        """Say when rows came in and who brought them; leave out repetitions."""
        fresh = given
        if given.select(KEY).is_duplicated().any():
            fresh = given.unique(keep="first", maintain_order=True)
        # Later than any removal, even where a clock was set back: what comes again is there again.
        moment = pl.lit(self._kept.after(["kept/removals"]))
        if len(fresh.select(KEY).unique()) < len(fresh):
            # Of several rows with one key the later one was recorded later, so that an answer does not
            # depend on the order of the files.
            moment = moment + pl.int_range(pl.len()).over(KEY)
        return fresh.with_columns(
            moment.cast(pl.Datetime("us")).alias(RECORDED_AT),
            pl.lit(source).alias(SOURCE),
            pl.lit(None, pl.Datetime("us")).alias(SUPERSEDED_AT),
        )


def _with_sorted_dimensions(table: pa.Table) -> pa.Table:
    """Put the entries of each map in order, so that equal maps are equal rows; an empty one is none."""
    index = SCHEMA.get_field_index(OTHER_DIMENSIONS)
    if table[OTHER_DIMENSIONS].null_count == len(table):
        return table
    entries = [sorted(given) if given else None for given in table[OTHER_DIMENSIONS].to_pylist()]
    return table.set_column(index, SCHEMA.field(index), pa.array(entries, type=SCHEMA.field(index).type))
