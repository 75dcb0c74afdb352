"""Looking after a store: what `Store` has for whoever runs one."""

import datetime
from abc import ABC, abstractmethod

import polars as pl

from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.layout.catalog import Catalog
from gnomon.store.layout.kept import Kept
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import RECORDED_AT, STORED_SCHEMA
from gnomon.store.layout.tables import Tables
from gnomon.store.upkeep.checking import Finding, check
from gnomon.store.upkeep.maintenance import Compaction, Progress, compact, silent
from gnomon.store.upkeep.status import Status, status
from gnomon.store.upkeep.vacuum import GRACE, RETENTION, Vacuumed, vacuum

__all__ = ["Upkeep"]


class Upkeep(ABC):
    """What keeps a store in order, small and known to be whole; others read and write meanwhile."""

    _place: Place
    _tables: Tables
    _catalog: Catalog
    _kept: Kept

    @property
    @abstractmethod
    def _buffer(self) -> Buffer:
        """The hot buffer of this host."""

    def compact(self, *, whole: bool = False, progress: Progress = silent) -> list[Compaction]:
        """Put the store in order while others read and write: what comes fast, reads slowly until then.

        Parameters
        ----------
        whole
            Whether to write everything anew, instead of what was appended since and files that are small
            beside it.
        progress
            Told how many of how many rows of a table are done.

        Returns
        -------
        list of Compaction
            What was done to each table to which something was done.

        Raises
        ------
        StoreError
            If a table cannot be read or written; what was done before stays done.
        """
        removals = self._kept.removals()
        done = [
            compact(self._tables, name, removals=removals, whole=whole, progress=progress)
            for name in self._tables.names()
        ]
        self._catalog.compact()
        return [item for item in done if item is not None]

    def vacuum(
        self,
        *,
        retention: datetime.timedelta = RETENTION,
        grace: datetime.timedelta = GRACE,
        alone: bool = False,
        dry_run: bool = False,
        progress: Progress = silent,
    ) -> Vacuumed:
        """Drop history that is older than the retention, and delete files that no table has.

        Others may read and write meanwhile. A file that this takes out of its table is deleted by a later
        vacuum, when the grace is over.

        Parameters
        ----------
        retention
            How long what no longer holds is kept: superseded and removed measurements, former definitions. It
            is the grace at least, unless ``alone``.
        grace
            How long a file stays that no table has, since somebody may be reading it, or about to commit it;
            an hour at least, unless ``alone``. Whole hours.
        alone
            Whether it is certain that nobody else uses the store.
        dry_run
            Whether only to say what would be done.
        progress
            Told how many of how many tables are done.

        Returns
        -------
        Vacuumed
            What was done, and the earliest moment as of which questions can be answered.

        Raises
        ------
        StoreError
            If a time is too short, or the store cannot be read or written; what was done before stays done.
        """
        waiting = self._buffer.rows()
        nothing = pl.DataFrame(STORED_SCHEMA.empty_table())
        done = vacuum(
            self._tables,
            self._kept,
            waiting=(nothing if waiting is None else waiting).select("dataset_id", "run", RECORDED_AT),
            retention=retention,
            grace=grace,
            alone=alone,
            dry_run=dry_run,
            progress=progress,
        )
        if not dry_run:
            self._catalog.compact()
        return done

    def status(self) -> Status:
        """Say what there is, without reading measurements.

        Returns
        -------
        Status
            Tables, metrics and runs; what waits in the buffer of this host; since when the history is
            complete.

        Raises
        ------
        StoreError
            If a log cannot be read.
        """
        return status(self._tables, self._catalog, self._buffer)

    def check(
        self,
        *,
        repair: bool = False,
        forget_damaged: bool = False,
        alone: bool = False,
        progress: Progress = silent,
    ) -> list[Finding]:
        """Look for what is wrong: every file is read whole.

        Parameters
        ----------
        repair
            Whether to mend the catalog, and tables in which a measurement holds twice.
        forget_damaged
            Whether, with ``repair``, tables go on without files that are lost or damaged.
        alone
            Whether it is certain that nobody else uses the store, so that a repair may take out of the
            catalog what no table has.
        progress
            Told how many of how many files are done.

        Returns
        -------
        list of Finding
            What was found, worst first.

        Raises
        ------
        StoreError
            If the store cannot be listed, or a repair cannot be written.
        """
        return check(
            self._tables,
            self._catalog,
            self._kept,
            self._buffer,
            repair=repair,
            forget_damaged=forget_damaged,
            alone=alone,
            progress=progress,
        )
