"""Taking out of a store what nobody needs any more, while others read and write.

That is rows of the history that are older than the retention, and files that no table has: those that
maintenance has replaced, and those that killed processes left. A file is deleted only some time after it went
out of its table, for somebody may be reading it, and only some time after it was written, for somebody may be
about to commit it.
"""

import datetime
import math
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError

from gnomon import times
from gnomon.errors import StoreError
from gnomon.notebook import ShownFields
from gnomon.store.layout.engine_errors import reading_of
from gnomon.store.layout.files import FileWriter
from gnomon.store.layout.kept import TABLES, Kept
from gnomon.store.layout.place import Entry
from gnomon.store.layout.schema import STATE, SUPERSEDED, SUPERSEDED_AT, TableName
from gnomon.store.layout.tables import Snapshot, Tables, collect
from gnomon.store.upkeep.maintenance import Progress, compact, silent
from gnomon.store.upkeep.retention import (
    KEYS_OF_KEPT,
    complete_since,
    files_with_removed_rows,
    record_complete_since,
    spent_removals,
    without_outdated,
)
from gnomon.store.upkeep.rewriting import replace_files, withdraw

__all__ = ["GRACE", "RETENTION", "UNFINISHED", "Vacuumed", "unreferenced", "vacuum", "vacuum_table"]

RETENTION = datetime.timedelta(days=30)
"""How long what no longer holds is kept."""

GRACE = datetime.timedelta(hours=1)
"""How long a file stays that no table has."""

_APPLICATION = "gnomon-vacuum"
_BLOCK = 500_000  # rows that are in memory at once
_SMALL = 200_000  # rows of a file that is worth being put together with others
_MANY = 8  # such files
UNFINISHED = re.compile(r"\.unfinished-|\.tmp$|#\d+$")
"""How the names of files end that a process is writing still, or never finished."""

_FOLDERS = ("catalog", "history")


@dataclass(frozen=True)
class Vacuumed(ShownFields):
    """What a vacuum did, or would do.

    Attributes
    ----------
    complete_since
        The earliest moment as of which questions can be answered, TAI microseconds; `None` if nothing was
        ever dropped.
    rows
        Rows of measurements that were dropped.
    kept_rows
        Rows of removals, collections, observations and definitions that were dropped.
    files, bytes
        What was deleted.
    dry_run
        Whether nothing was changed.
    """

    complete_since: int | None
    rows: int
    kept_rows: int
    files: int
    bytes: int
    dry_run: bool


def vacuum(
    tables: Tables,
    kept: Kept,
    *,
    waiting: pl.DataFrame,
    retention: datetime.timedelta = RETENTION,
    grace: datetime.timedelta = GRACE,
    alone: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> Vacuumed:
    """Take out of a store what nobody needs any more.

    Parameters
    ----------
    tables
        The store's tables.
    kept
        Its small tables.
    waiting
        Rows in the buffer of this host.
    retention
        How long what no longer holds is kept.
    grace
        How long files stay that no table has.
    alone
        Whether nobody else uses the store, so that ``grace`` may be less than `GRACE`.
    dry_run
        Whether only to say what would be done.
    progress
        Told how many of how many tables are done.

    Returns
    -------
    Vacuumed
        What was done.

    Raises
    ------
    StoreError
        If a time is too short, or the store cannot be read or written; what was done before stays done.
    """
    check_times(retention, grace, alone=alone)
    # A row that was stamped before a removal may come after it, but not that long after.
    before = times.now() - _microseconds(max(retention, datetime.timedelta(0) if alone else grace))
    removals = kept.all_removals()
    names = tables.names()
    total = len(names) + len(TABLES) + 1
    rows = kept_rows = 0
    gone: list[Entry] = []
    for done, name in enumerate(names):
        dropped, files = vacuum_table(
            tables, name, kept=kept, removals=removals, before=before, grace=grace, dry_run=dry_run
        )
        rows += dropped
        gone += files
        progress(done + 1, total)
    for done, small in enumerate(TABLES, len(names)):
        kept_rows += _shorten(tables, small, before, waiting, dry_run=dry_run)
        gone += _delete(tables, unreferenced(tables, f"kept/{small}", grace), dry_run=dry_run)
        progress(done + 1, total)
    leftovers = [
        entry
        for folder in ("", *_FOLDERS)
        for entry in tables.place.tree(folder, recursive=False)
        if UNFINISHED.search(entry.name) and entry.age > grace.total_seconds()
    ]
    gone += _delete(tables, leftovers, dry_run=dry_run)
    progress(total, total)
    return Vacuumed(
        complete_since(tables.place),
        rows,
        kept_rows,
        len(gone),
        sum(entry.size for entry in gone),
        dry_run,
    )


def check_times(retention: datetime.timedelta, grace: datetime.timedelta, *, alone: bool) -> None:
    """Refuse times that cannot be, or with which others lose what they are doing.

    Raises
    ------
    StoreError
        If one is such a time.
    """
    if retention < datetime.timedelta(0):
        raise StoreError(f"History cannot be kept for {retention.total_seconds():g} s; 0 is the least.")
    if grace < datetime.timedelta(0):
        raise StoreError(f"Files cannot stay for {grace.total_seconds():g} s; 0 is the least.")
    if grace < GRACE and not alone:
        raise StoreError(
            f"Files that no table has stay for {GRACE.total_seconds():g} s at least, not "
            f"{grace.total_seconds():g} s: another process may be reading them, or about to commit them. If "
            "nobody else uses the store, say so (alone=True, --alone)."
        )


def vacuum_table(
    tables: Tables,
    name: TableName,
    *,
    kept: Kept,
    removals: pl.DataFrame,
    before: int,
    grace: datetime.timedelta = GRACE,
    dry_run: bool = False,
) -> tuple[int, list[Entry]]:
    """Take out of one table of measurements what nobody needs any more.

    Parameters
    ----------
    tables
        The store's tables.
    name
        The table.
    kept
        The store's small tables.
    removals
        What was ever removed.
    before
        What was superseded before this moment goes, TAI microseconds.
    grace
        How long files stay that no table has.
    dry_run
        Whether only to say what would be done.

    Returns
    -------
    tuple
        How many rows were dropped, and which files.

    Raises
    ------
    StoreError
        If the table cannot be read or written.
    """
    snapshot = tables.open(name)
    if snapshot is None:
        return 0, []
    removed = files_with_removed_rows(snapshot, removals, before)
    if removed and not dry_run:
        compact(tables, name, removals=kept.removals(), also=removed)
    dropped = _drop_superseded(tables, name, before, dry_run=dry_run)
    if not dry_run:
        _tidy_log(tables, name.folder)
    return dropped, _delete(tables, unreferenced(tables, name.folder, grace), dry_run=dry_run)


def _drop_superseded(tables: Tables, name: TableName, before: int, *, dry_run: bool) -> int:
    """Drop rows that were superseded before a moment; put small files of the others together."""
    snapshot = tables.open(name)
    if snapshot is None:
        return 0
    files = snapshot.files.filter(pl.col(STATE) == SUPERSEDED)
    old = pl.col(SUPERSEDED_AT).cast(pl.Int64) < before
    counts = [
        collect(snapshot.scan((SUPERSEDED,), paths=[path]).select(old.sum().alias("old"), pl.len())).row(0)
        for path in files["path"]
    ]
    files = files.with_columns(
        pl.Series("old", [count for count, _ in counts], pl.Int64),
        pl.Series("rows", [count for _, count in counts], pl.Int64),
    )
    small = pl.col("rows") < _SMALL
    together = int(files.select(small.sum()).item()) > _MANY if len(files) else False
    chosen = files.filter((pl.col("old") > 0) | (small & together))
    dropped = int(chosen["old"].sum())
    if chosen.is_empty() or dry_run:
        return dropped
    writer = FileWriter(tables.place, name, SUPERSEDED, uuid.uuid4().hex)
    try:
        if dropped:
            record_complete_since(tables.place, before)
        for part in _blocks(snapshot, chosen.filter(pl.col("old") < pl.col("rows"))):
            writer.write(part.filter(~old.fill_null(value=False)))
        writer.close()
        added = [writer.added()] if writer.rows else []
        replace_files(snapshot, chosen, added, application=_APPLICATION)
    except BaseException as error:
        writer.abandon()
        withdraw(tables, name.folder, [writer.path])
        if isinstance(error, CommitFailedError):  # somebody else does it at this moment
            return 0
        if isinstance(error, DeltaError | OSError):
            raise tables.unwritable(error) from error
        raise
    return dropped


def _blocks(snapshot: Snapshot, files: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for path, rows in files.select("path", "rows").iter_rows():
        frame = snapshot.scan((SUPERSEDED,), paths=[path])
        for begin in range(0, rows, _BLOCK):
            yield collect(frame.slice(begin, _BLOCK))


def _shorten(tables: Tables, name: str, before: int, waiting: pl.DataFrame, *, dry_run: bool) -> int:
    """Write a small table anew without what makes no difference any more, as one file."""
    folder = f"kept/{name}"
    snapshot = tables.open_folder(folder)
    frame = tables.kept(name, TABLES[name])
    if snapshot is None or frame is None:
        return 0
    rows = collect(frame)
    if name in KEYS_OF_KEPT:
        stay = without_outdated(rows, KEYS_OF_KEPT[name], before)
    else:
        stay = rows.filter(~spent_removals(tables, rows, before, waiting))
    dropped = len(rows) - len(stay)
    if dry_run or not (dropped or len(snapshot.files) > 1):
        return dropped
    path = f"{uuid.uuid4().hex}.parquet"
    try:
        if dropped:
            record_complete_since(tables.place, before)
        added = tables.write_kept(folder, path, stay.to_arrow().cast(TABLES[name]))
        replace_files(snapshot, snapshot.files, [added], application=_APPLICATION)
    except BaseException as error:
        withdraw(tables, folder, [path])
        if isinstance(error, CommitFailedError):
            return 0
        if isinstance(error, DeltaError | OSError):
            raise tables.unwritable(error) from error
        raise
    _tidy_log(tables, folder)
    return dropped


def unreferenced(tables: Tables, folder: str, grace: datetime.timedelta) -> list[Entry]:
    """Name the files in the folder of a table that it has no more, or never had.

    Parameters
    ----------
    tables
        The store's tables.
    folder
        The table's folder.
    grace
        How long they have been so at least.

    Returns
    -------
    list of Entry
        Files of measurements, and unfinished ones.

    Raises
    ------
    StoreError
        If the table cannot be read.
    """
    # The files first: what is committed after that is in the table that is loaded, or too young.
    found = tables.place.tree(folder)
    snapshot = tables.open_folder(folder)
    if snapshot is None:
        return []
    hours = math.ceil(grace.total_seconds() / 3600)
    with reading_of(f"The table {tables.place.uri}/{folder}"):
        left, expired = (
            set(snapshot.delta.vacuum(retention_hours=h, dry_run=True, enforce_retention_duration=False))
            for h in (0, hours)
        )
    held = set(snapshot.files["path"])
    start = len(folder) + 1
    result = []
    for entry in found:
        path = entry.name[start:]
        old = entry.age > grace.total_seconds()
        if path.startswith("_"):  # the log, which cleans itself
            if old and UNFINISHED.search(path):
                result.append(entry)
        elif path not in held and (path in expired or (old and path not in left)):
            result.append(entry)
    return result


def _delete(tables: Tables, entries: Sequence[Entry], *, dry_run: bool) -> list[Entry]:
    if dry_run:
        return list(entries)
    gone = []
    for entry in entries:
        try:
            tables.place.delete(entry.name)
        except FileNotFoundError:  # another vacuum
            continue
        except OSError as error:
            raise tables.unwritable(error) from error
        gone.append(entry)
    return gone


def _tidy_log(tables: Tables, folder: str) -> None:
    try:
        tables.checkpoint(folder)
    except (DeltaError, OSError) as error:
        raise tables.unwritable(error) from error


def _microseconds(duration: datetime.timedelta) -> int:
    return duration // datetime.timedelta(microseconds=1)
