"""The Delta tables of a store: opened, read, appended to, and rewritten.

Only this room and `gnomon.store.upkeep` know Delta Lake. ``single/<dimensions>`` holds measurements of which
each is a dataset, ``bundle/<dataset type>@<dimensions>`` datasets that hold many, a row each; ``kept/<name>``
the definitions and removals that apply to them.
"""

import datetime
import json
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError, TableNotFoundError
from deltalake.transaction import AddAction

from gnomon import times
from gnomon.errors import NotOursError, StoreError
from gnomon.store.layout import bundles
from gnomon.store.layout.bounds import Bounds
from gnomon.store.layout.engine_errors import in_one_line, reading_of
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import (
    CURRENT_STATES,
    DATASET_COLUMNS,
    FORMAT_VERSION,
    MERGED,
    NEW,
    RECORDED_AT,
    STATE,
    STORED_SCHEMA,
    TableName,
)

__all__ = ["MARKER", "Snapshot", "Tables", "collect", "read_format", "write_format"]

MARKER = "gnomon-store.json"
"""The file that says that a folder is a store, and of which format."""

_CONTENT = f'A store of this version has {{"format": {FORMAT_VERSION}}} there: write that if it is one.'
_NUMBER = "_number"
_ATTEMPTS = 12
_KEPT = "kept"
_STATISTICS = ("metric", "run", "dataset_type", "visit", "exposure", "day_obs", "tract", "recorded_at")
_CONFIGURATION = {
    # Opening a table replays its log from the last checkpoint on.
    "delta.checkpointInterval": "20",
    # The history is in the rows, so that nobody needs the log of yesterday.
    "delta.logRetentionDuration": "interval 1 hours",
}
_WRITER = WriterProperties(compression="LZ4_RAW")
_TYPES = dict(pl.DataFrame(STORED_SCHEMA.empty_table()).schema)


_SNAPSHOTS: "dict[str, tuple[Snapshot, Commit | None]]" = {}
_MOST_SNAPSHOTS = 256

type Commit = tuple[int, int, int]


@dataclass(frozen=True)
class Snapshot:
    """A table at one moment, whatever happens to it meanwhile.

    Attributes
    ----------
    place
        Where the store is.
    folder
        Where the table is, relative to the store.
    delta
        The table as it was loaded.
    """

    place: Place
    folder: str
    delta: DeltaTable

    @cached_property
    def name(self) -> TableName:
        """The name of a table of measurements."""
        return TableName.of_folder(self.folder)

    @cached_property
    def columns(self) -> dict[str, pl.DataType]:
        """The columns and their types, the state aside."""
        names = [item.name for item in self.delta.schema().fields if item.name != STATE]
        return {name: _type_of(name) for name in names}

    @cached_property
    def files(self) -> pl.DataFrame:
        """The files: ``path``, ``size_bytes``, ``num_records``, ``state``, statistics as ``min.visit``."""
        actions = pl.DataFrame(pa.table(self.delta.get_add_actions(flatten=True)))
        return (
            actions.rename({f"partition.{STATE}": STATE})
            if f"partition.{STATE}" in actions.columns
            else (actions.with_columns(pl.lit(NEW).alias(STATE)))
        )

    @cached_property
    def is_settled(self) -> bool:
        """Whether no key is in two rows: all that holds was written by one compaction."""
        current = self.files.filter(pl.col(STATE).is_in(CURRENT_STATES))
        paths = current["path"].to_list()
        generations = {path.rpartition("/")[2].partition("-")[0] for path in paths}
        return (current[STATE] == MERGED).all() and len(generations) < 2

    @cached_property
    def constants(self) -> dict[str, object]:
        """What is the same in all rows that hold, null included, as far as the log of the table says."""
        current = self.files.filter(pl.col(STATE).is_in(CURRENT_STATES))
        # What Delta Lake itself writes into its log may be cut short.
        if current.is_empty() or not (current[STATE] == MERGED).all():
            return {}
        found: dict[str, object] = {}
        rows = current["num_records"]
        for name in (*DATASET_COLUMNS, bundles.WITHOUT_VALUE):
            nulls, low, high = f"null_count.{name}", f"min.{name}", f"max.{name}"
            if nulls not in current.columns or current[nulls].null_count():
                continue
            if (current[nulls] == rows).all():
                found[name] = None
            elif low in current.columns and current[low].dtype == pl.String and not current[nulls].sum():
                values = {*current[low], *current[high]}
                if len(values) == 1:
                    found[name] = values.pop()
        return found

    @cached_property
    def metrics(self) -> list[bundles.MetricColumn]:
        """The columns of metrics of a table of bundles."""
        return bundles.metric_columns(self.columns)

    def scan(
        self,
        states: Sequence[str] = CURRENT_STATES,
        *,
        paths: Iterable[str] | None = None,
        bounds: Bounds | None = None,
    ) -> pl.LazyFrame:
        """Read rows, lazily.

        Parameters
        ----------
        states
            The states of the files to read.
        paths
            Only of these files.
        bounds
            Files without any row between these values are passed over; others are read whole.

        Returns
        -------
        polars.LazyFrame
            With the columns of `columns`.
        """
        chosen = self.files.filter(pl.col(STATE).is_in(list(states)))
        for name, (low, high) in (bounds or {}).items():
            if low is not None and f"max.{name}" in chosen.columns:
                chosen = chosen.filter((pl.col(f"max.{name}") >= low).fill_null(value=True))
            if high is not None and f"min.{name}" in chosen.columns:
                chosen = chosen.filter((pl.col(f"min.{name}") <= high).fill_null(value=True))
        files = chosen["path"].to_list()
        if paths is not None:
            wanted = frozenset(paths)
            files = [path for path in files if path in wanted]
        if not files:
            return pl.LazyFrame(schema=self.columns)
        return pl.scan_parquet(
            [self.place.file(f"{self.folder}/{path}") for path in files],
            glob=False,
            hive_partitioning=False,
            schema=self.columns,
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=self.place.storage_options,
        )


def _type_of(name: str) -> pl.DataType:
    if name in _TYPES:
        return _TYPES[name]
    if name == bundles.WITHOUT_VALUE:
        return pl.List(pl.String())
    _, _, role = name.partition("#")
    return _TYPES[role or "value"]


class Tables:
    """The tables of one store.

    Parameters
    ----------
    place
        Where it is.
    oldest
        The oldest format that is not refused; only a migration takes one that is not the present one.

    Raises
    ------
    StoreError
        If the place cannot hold a store, or the store was written by another version of gnomon.
    NotOursError
        If there is something else.
    """

    def __init__(self, place: Place, *, oldest: int = FORMAT_VERSION) -> None:
        self.place = place
        self._oldest = oldest
        self._is_store = self.format() is not None

    def format(self) -> int | None:
        """Give the format of the store that is there, which is the one of this version; `None` if none is."""
        version = read_format(self.place)
        if version is not None and version < self._oldest:
            raise StoreError(
                f"The store {self.place.uri} has format {version}, and this version of gnomon writes "
                f"{FORMAT_VERSION}: `gnomon store init` brings it up to date."
            )
        if version is not None and version > FORMAT_VERSION:
            raise StoreError(
                f"The store {self.place.uri} has format {version}; this version of gnomon knows "
                f"{FORMAT_VERSION}."
            )
        return version

    def init(self) -> bool:
        """Make the store where there is none yet.

        Returns
        -------
        bool
            Whether it was made.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        if self.format() is not None:
            return False
        try:
            write_format(self.place, FORMAT_VERSION)
        except OSError as error:
            raise self.unwritable(error) from error
        return True

    def names(self) -> list[TableName]:
        """Name the tables of measurements that there are."""
        return [
            TableName.of_folder(f"{kind}/{folder}")
            for kind in ("single", "bundle")
            for folder in self.place.folders(kind)
        ]

    def open(self, name: TableName) -> Snapshot | None:
        """Load a table of measurements.

        Returns
        -------
        Snapshot or None
            `None` if nothing was ever stored there.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        return self._snapshot(name.folder)

    def open_folder(self, folder: str) -> Snapshot | None:
        """Load a table by its folder, small ones too; as `open` otherwise."""
        return self._snapshot(folder)

    def append(
        self, name: TableName, rows: pl.DataFrame, *, application: str = "", last: int = 0
    ) -> int | None:
        """Append measurements to a table; all of them become visible at once.

        Parameters
        ----------
        name
            The table.
        rows
            In the stored schema. With an ``application`` there is a column ``_number`` besides.
        application
            Whose transaction this is: rows whose number is not above that of its last one in this table are
            there already, and are left out.
        last
            The number of this transaction.

        Returns
        -------
        int or None
            The version of the table before it has them; `None` if they were there already.

        Raises
        ------
        OSError, deltalake.exceptions.DeltaError
            If they cannot be written; nothing of them is visible then.
        """
        for attempt in range(_ATTEMPTS):
            delta = self._load(name.folder)
            fresh = rows
            if application:
                done = None if delta is None else delta.transaction_version(application)
                fresh = rows.filter(pl.col(_NUMBER) > (-1 if done is None else done))
            if fresh.is_empty():
                return None
            try:
                self._write(name.folder, delta, _physical(name, fresh), STATE, application, last)
                return 0 if delta is None else int(delta.version())
            except (CommitFailedError, SchemaMismatchError):  # nothing of it is visible
                if attempt == _ATTEMPTS - 1:
                    raise
                _wait(attempt)
        return None

    def kept(self, name: str, schema: pa.Schema) -> pl.LazyFrame | None:
        """Give the rows of a small table, all that ever held; `None` if there never were any."""
        folder = f"{_KEPT}/{name}"
        snapshot = self._snapshot(folder)
        if snapshot is None:
            return None
        paths = snapshot.files["path"].to_list()
        if not paths:
            return pl.LazyFrame(schema.empty_table())
        return pl.scan_parquet(
            [self.place.file(f"{folder}/{path}") for path in paths],
            glob=False,
            hive_partitioning=False,
            storage_options=self.place.storage_options,
        )

    def keep(self, name: str, rows: pa.Table) -> None:
        """Append rows to a small table.

        Raises
        ------
        StoreError
            If they cannot be written.
        """
        folder = f"{_KEPT}/{name}"
        self.init()
        try:
            for attempt in range(_ATTEMPTS):
                try:
                    self._write(folder, self._load(folder), rows, None)
                except CommitFailedError:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    _wait(attempt)
                else:
                    return
        except (DeltaError, OSError) as error:
            raise self.unwritable(error) from error

    def write_kept(self, folder: str, path: str, rows: pa.Table) -> AddAction:
        """Write a file of a small table, which nobody sees until it is committed.

        Returns
        -------
        deltalake.transaction.AddAction
            What makes it a part of the table.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        name = f"{folder}/{path}"
        with self.place.output(name) as stream:
            pq.write_table(rows, stream, compression="zstd", store_schema=False, write_page_checksum=True)
        return AddAction(
            path=path,
            size=self.place.size(name),
            partition_values={},
            modification_time=int(time.time() * 1000),
            data_change=False,
            stats=json.dumps({"numRecords": len(rows)}),
        )

    def checkpoint(self, folder: str) -> None:
        """Put the log of a table together, so that opening it need not replay all of it."""
        delta = self._load(folder)
        if delta is not None:
            delta.create_checkpoint()
            delta.cleanup_metadata()

    def newest(self, folder: str) -> int | None:
        """Say when the last row of a table came in, or a moment that is a millisecond later at the most.

        Parameters
        ----------
        folder
            The table's folder.

        Returns
        -------
        int or None
            TAI microseconds; `None` if there are no rows.
        """
        snapshot = self._snapshot(folder)
        if snapshot is None:
            return None
        column = f"max.{RECORDED_AT}"
        newest = snapshot.files[column].max() if column in snapshot.files.columns else None
        # The statistics of Delta Lake count milliseconds.
        return times.from_datetime(newest) + 1_000 if isinstance(newest, datetime.datetime) else None

    def unwritable(self, error: Exception) -> StoreError:
        """Say that something could not be written."""
        return StoreError(f"The store {self.place.uri} cannot be written: {in_one_line(error)}")

    def _snapshot(self, folder: str) -> Snapshot | None:
        """Load a table, or take what this process loaded before if nothing was committed since."""
        address = self.place.table(folder)
        if (known := _SNAPSHOTS.get(address)) is not None:
            snapshot, commit = known
            if commit is not None and commit == self._last_commit(folder, snapshot.delta.version()):
                return snapshot
        delta = self._load(folder)
        if delta is None:
            return None
        snapshot = Snapshot(self.place, folder, delta)
        if len(_SNAPSHOTS) >= _MOST_SNAPSHOTS:
            _SNAPSHOTS.pop(next(iter(_SNAPSHOTS)), None)
        _SNAPSHOTS[address] = (snapshot, self._last_commit(folder, delta.version()))
        return snapshot

    def _last_commit(self, folder: str, version: int) -> Commit | None:
        """Tell the commit of a version from any other one; `None` if it is not the last, or not there."""
        log = f"{folder}/_delta_log"
        # The versions of a table have no gaps.
        if self.place.stamp(f"{log}/{version + 1:020d}.json") is not None:
            return None
        return self.place.stamp(f"{log}/{version:020d}.json")

    def _load(self, folder: str) -> DeltaTable | None:
        if self.place.folder is not None and not (self.place.folder / folder / "_delta_log").is_dir():
            return None
        with reading_of(f"The table {self.place.uri}/{folder}"), suppress(TableNotFoundError):
            return DeltaTable(self.place.table(folder), storage_options=self.place.storage_options)
        return None  # its first commit is still being written

    def _write(
        self,
        folder: str,
        delta: DeltaTable | None,
        rows: pa.Table,
        partition: str | None,
        application: str = "",
        last: int = 0,
    ) -> None:
        new = delta is None
        configuration = dict(_CONFIGURATION)
        if partition is not None:
            there = [name for name in _STATISTICS if name in rows.column_names]
            configuration["delta.dataSkippingStatsColumns"] = ",".join(there)
        write_deltalake(
            self.place.table(folder) if delta is None else delta,
            rows,
            mode="append",
            schema_mode="merge",
            partition_by=[partition] if partition else None,
            configuration=configuration if new else None,
            storage_options=self.place.storage_options if new else None,
            writer_properties=_WRITER,
            commit_properties=CommitProperties(
                app_transactions=[Transaction(application, last)] if application else None
            ),
        )


def _wait(attempt: int) -> None:
    """Wait a moment, longer with each attempt, so that writers who met do not meet again."""
    time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))


def _physical(name: TableName, rows: pl.DataFrame) -> pa.Table:
    stored = rows.select(STORED_SCHEMA.names)
    frame = bundles.fold(stored) if name.is_bundle else stored.sort("metric", "visit", maintain_order=True)
    return frame.with_columns(pl.lit(NEW).alias(STATE)).to_arrow(compat_level=pl.CompatLevel.oldest())


def read_format(place: Place) -> int | None:
    """Give the format of the store at a place.

    Parameters
    ----------
    place
        Where it may be.

    Returns
    -------
    int or None
        `None` where there is nothing yet.

    Raises
    ------
    StoreError
        If the marker cannot be read.
    NotOursError
        If there is something else.
    """
    content = place.read(MARKER)
    if content is None:
        # A process that was killed can leave the marker under its unfinished name, which is not listed.
        foreign = [name for name in (*place.files(""), *place.folders("")) if not name.startswith(MARKER)]
        in_the_way = place.folder is not None and place.folder.exists() and not place.folder.is_dir()
        # Another process may have made the store since we looked for the marker.
        if (foreign or in_the_way) and place.read(MARKER) is None:
            raise NotOursError(
                f"{place.uri} exists and is not a metrics store: it has no {MARKER}. Nothing was changed."
            )
        return None if not foreign else read_format(place)
    try:
        found = json.loads(content)
    except ValueError as error:
        raise StoreError(f"{place.uri}/{MARKER} cannot be read: {error}. {_CONTENT}") from error
    version = found.get("format") if isinstance(found, dict) else None
    if not isinstance(version, int):
        raise StoreError(
            f"{place.uri}/{MARKER} cannot be read: it does not say the store's format. {_CONTENT}"
        )
    return version


def write_format(place: Place, version: int) -> None:
    """Say at a place that there is a store of a format.

    Parameters
    ----------
    place
        Where it is.
    version
        Its format.

    Raises
    ------
    OSError
        If that cannot be written.
    """
    place.write(MARKER, json.dumps({"format": version}).encode() + b"\n")


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Read what a question came to.

    Parameters
    ----------
    frame
        A question to the tables.

    Returns
    -------
    polars.DataFrame
        The answer.

    Raises
    ------
    StoreFileGoneError
        If a file of a table is not there.
    StoreError
        If one is damaged.
    """
    with reading_of("The store"):
        return frame.collect()
