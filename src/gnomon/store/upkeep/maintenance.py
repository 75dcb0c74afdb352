"""Putting a store in order while others read and write: compaction and clustering.

Appended files hold whatever came together, and the same key perhaps several times. Compaction reads them,
divides what holds from what does not, and writes both anew, in order. It commits by Delta Lake's transactions
with a number of its own, so that of two at once one lands; what is appended meanwhile stays as it is. A
process that is killed leaves files that nobody sees, which `vacuum` deletes.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from deltalake.exceptions import CommitFailedError, DeltaError

from gnomon.notebook import ShownFields
from gnomon.store.layout.files import FileWriter
from gnomon.store.layout.order import in_order
from gnomon.store.layout.place import Place
from gnomon.store.layout.removals import Removals
from gnomon.store.layout.schema import MERGED, NEW, STATE, SUPERSEDED, TableName
from gnomon.store.layout.tables import Snapshot, Tables, collect
from gnomon.store.upkeep.rewriting import replace_files, withdraw
from gnomon.store.upkeep.settling import Settled, settle, settle_bundles

__all__ = ["LEADING", "Compaction", "Progress", "compact", "in_parts", "silent"]

_APPLICATION = "gnomon-maintenance"
_GROWTH = 4  # a file is written again when so many times less has come since
_BLOCK = 1_000_000  # rows of single measurements that are in memory, and in order, at once
_CELLS = 24_000_000  # of bundles
_FILE_CELLS = 200_000_000

LEADING = ("visit", "exposure", "day_obs", "tract")
"""The dimensions by which tables are divided, where they have one of them."""

type Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Compaction(ShownFields):
    """What compaction did to a table.

    Attributes
    ----------
    table
        The table's folder.
    files_before, files_after
        How many files there were of those that it took, and of those that it wrote.
    rows
        How many rows hold.
    superseded
        How many do not.
    """

    table: str
    files_before: int
    files_after: int
    rows: int
    superseded: int


def compact(
    tables: Tables,
    name: TableName,
    *,
    removals: Removals | None,
    whole: bool = False,
    also: Collection[str] = (),
    progress: Progress = silent,
) -> Compaction | None:
    """Put a table in order.

    Parameters
    ----------
    tables
        The store's tables.
    name
        The table.
    removals
        What was removed: its rows are put with those that do not hold.
    whole
        Whether to write everything anew, instead of what was appended and files that are small beside it.
    also
        Paths of files to write anew whatever their size.
    progress
        Told how many of how many rows are done.

    Returns
    -------
    Compaction or None
        `None` if there was nothing to do, or somebody else did it meanwhile.

    Raises
    ------
    StoreError
        If the table cannot be read or written; nothing has changed then.
    """
    snapshot = tables.open(name)
    chosen = None if snapshot is None else _choose(snapshot.files, whole=whole, also=also)
    if snapshot is None or chosen is None:
        return None
    written = _Output(tables.place, name)
    done, total = 0, int(chosen["num_records"].sum())
    try:
        for part in in_parts(snapshot, chosen):
            settled = (settle_bundles if name.is_bundle else settle)(part, removals)
            written.write(settled)
            done += len(part)
            progress(done, total)
        written.close()
        added = [writer.added() for writer in written.files]
        replace_files(snapshot, chosen, added, application=_APPLICATION)
        tables.checkpoint(name.folder)
    except BaseException as error:
        withdraw(tables, name.folder, written.abandon())
        if isinstance(error, CommitFailedError):
            return None
        if isinstance(error, DeltaError | OSError):
            raise tables.unwritable(error) from error
        raise
    return Compaction(name.folder, len(chosen), len(written.files), written.rows, written.superseded)


def _choose(files: pl.DataFrame, *, whole: bool, also: Collection[str] = ()) -> pl.DataFrame | None:
    """Choose the files to write anew: all that were appended, and merged ones not large beside them."""
    named = pl.col("path").is_in(list(also))
    new = files.filter((pl.col(STATE) == NEW) | ((pl.col(STATE) == MERGED) & named))
    merged = files.filter((pl.col(STATE) == MERGED) & ~named).sort("num_records")
    if whole:
        chosen = pl.concat([new, merged])
        return chosen if len(chosen) else None
    rows = int(new["num_records"].sum())
    taken = 0
    for size in merged["num_records"]:
        if not rows or size > _GROWTH * rows:
            break
        rows += size
        taken += 1
    chosen = pl.concat([new, merged.head(taken)])
    return chosen if len(new) else None


def in_parts(
    snapshot: Snapshot, files: pl.DataFrame, *, columns: Sequence[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Read files of a table in parts that fit into memory, in order: no key is in two of them.

    A part is a range of visits with all its metrics, so that a question for one visit reads one part, and a
    question for one metric a small piece of each.

    Parameters
    ----------
    snapshot
        The table.
    files
        Of its `Snapshot.files`.
    columns
        The columns that are wanted, where the table has them; the metric and the one by which the table is
        divided are among them. All by default.

    Yields
    ------
    polars.DataFrame
        Rows.
    """
    frame = snapshot.scan((NEW, MERGED), paths=files["path"])
    if columns is not None:
        frame = frame.select(name for name in columns if name in snapshot.columns)
    name = snapshot.name
    rows = _CELLS // len(snapshot.columns) if name.is_bundle else _BLOCK
    by = next((dimension for dimension in LEADING if dimension in name.dimensions), None)
    if by is None:
        yield from _by_metric(frame, name, rows)
        return
    begin: int | None = None
    size = 0
    for value, count in collect(frame.group_by(by).len()).sort(by).iter_rows():
        if begin is not None and size + count > rows:
            yield from _by_metric(frame.filter(pl.col(by) >= begin, pl.col(by) < value), name, 2 * rows, size)
            begin, size = None, 0
        begin = value if begin is None else begin
        size += count
    if begin is not None:
        yield from _by_metric(frame.filter(pl.col(by) >= begin), name, 2 * rows, size)


def _by_metric(
    frame: pl.LazyFrame, name: TableName, rows: int, total: int | None = None
) -> Iterator[pl.DataFrame]:
    """Divide what is too large still, if it can be divided."""
    if name.is_bundle or (total is not None and total <= rows):
        yield collect(frame)
        return
    together: list[str] = []
    size = 0
    for metric, count in collect(frame.group_by("metric").len()).sort("metric").iter_rows():
        if together and size + count > rows:
            yield collect(frame.filter(pl.col("metric").is_in(together)))
            together, size = [], 0
        together.append(metric)
        size += count
    yield collect(frame.filter(pl.col("metric").is_in(together)))


class _Output:
    """The files that compaction writes."""

    def __init__(self, place: Place, name: TableName) -> None:
        self._place = place
        self._name = name
        self._generation = uuid.uuid4().hex
        self._current: FileWriter | None = None
        self._superseded: FileWriter | None = None
        self._full: list[FileWriter] = []
        self.rows = self.superseded = 0

    @property
    def files(self) -> list[FileWriter]:
        """All files with something in them."""
        opened = (*self._full, self._current, self._superseded)
        return [writer for writer in opened if writer is not None and writer.rows]

    def write(self, settled: Settled) -> None:
        """Write a part, which comes after all parts before."""
        current = _in_order(settled.current, self._name)
        if self._current is None:
            self._current = FileWriter(self._place, self._name, MERGED, self._generation)
        self._current.write(current)
        if self._current.rows * len(current.columns) >= _FILE_CELLS:
            self._current.close()
            self._full.append(self._current)
            self._current = None
        if len(settled.superseded):
            if self._superseded is None:
                self._superseded = FileWriter(self._place, self._name, SUPERSEDED, self._generation)
            self._superseded.write(_in_order(settled.superseded, self._name))
        self.rows += len(settled.current)
        self.superseded += len(settled.superseded)

    def close(self) -> None:
        for writer in self.files:
            writer.close()

    def abandon(self) -> list[str]:
        """Let go of all files, and name them."""
        writers = [writer for writer in (*self._full, self._current, self._superseded) if writer is not None]
        for writer in writers:
            writer.abandon()
        return [writer.path for writer in writers]


def _in_order(rows: pl.DataFrame, name: TableName) -> pl.DataFrame:
    if not name.is_bundle:
        return in_order(rows)
    return in_order(rows.with_columns(pl.lit("").alias("metric"))).drop("metric")
