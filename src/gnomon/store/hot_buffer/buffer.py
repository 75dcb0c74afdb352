"""The hot buffer: measurements of one store that are on this host and not in the tables yet.

A table of the store takes a new file for each append, which is far too much for one measurement. So single
ones and small batches go into a SQLite file first, in microseconds each, and
`gnomon.store.hot_buffer.draining` moves them on. What `Buffer.add` acknowledged survives the end of its
process, however it comes.

Every row has a *number*: the moment at which it was written (microseconds of TAI), pushed on by one where
the clock stands still or goes back. So numbers grow, are never used again, and are the ``recorded_at`` of
the row.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import url2pathname

import numpy as np
import polars as pl
import pyarrow as pa

from gnomon import times
from gnomon.errors import BufferFileError, SchemaError
from gnomon.measurements.rows import conform
from gnomon.store.hot_buffer import row_text
from gnomon.store.hot_buffer.buffer_file import BufferFile
from gnomon.store.layout.schema import RECORDED_AT, SOURCE

__all__ = ["Batch", "Buffer", "Pending"]

_NUMBER = "number"
_BATCH_ROWS = 10_000
_NEXT = "SELECT max(?, seq + 1) + ? - 1, ?, ?, ?, ?, ? FROM sqlite_sequence WHERE name = 'entry'"
_INSERT = f"INSERT INTO entry (number, rows, source, layout, line, batch) {_NEXT}"
_ALL = "SELECT number, rows, source, layout, line, batch FROM entry ORDER BY number"
_UP_TO = "SELECT number, rows, source, layout, line, batch FROM entry WHERE number <= ? ORDER BY number"
# Where the row stands with which `limit` rows are reached, without reading what the rows hold.
_CUT = """
SELECT max(number) FROM (
    SELECT number, sum(rows) OVER (ORDER BY number) - rows AS before
    FROM (SELECT number, rows FROM entry ORDER BY number LIMIT :limit)
) WHERE before < :limit
"""

type _Entry = tuple[int, int, str, int | None, str | None, bytes | None]


class Pending(NamedTuple):
    """How much waits in a buffer.

    Attributes
    ----------
    entries
        Calls of `Buffer.add` and, of large tables, parts.
    rows
        Measurements.
    oldest
        When the first of them was written, in microseconds of TAI; `None` if nothing waits.
    """

    entries: int
    rows: int
    oldest: int | None


@dataclass(frozen=True)
class Batch:
    """The oldest rows of a buffer.

    Attributes
    ----------
    rows
        In `gnomon.measurements.rows.SCHEMA`, then ``recorded_at`` and ``source``.
    numbers
        The number of each row, growing.
    last
        The greatest of them: what `Buffer.discard` takes when the rows are in the tables.
    """

    rows: pl.DataFrame
    numbers: pl.Series
    last: int


class Buffer:
    """Rows of one store, on this host, that are not in its tables yet.

    One object may be used by many threads, one file by many processes. A forked child may go on with the
    object of its parent. Nothing is opened or made before it is needed.

    Parameters
    ----------
    path
        The file, on a local disk.
    store
        URI of the store whose rows these are; by default whichever the file names.
    durable
        Whether what is acknowledged survives a power cut as well, which costs a write to the disk each time.

    Examples
    --------
    >>> import tempfile
    >>> buffer = Buffer(Path(tempfile.mkdtemp()) / "buffer.db")
    >>> row = {"dataset_id": bytes(16), "metric": "demo.a", "value": 0.5, "unit": "", "dataset_type": "t"}
    >>> number = buffer.add(row | {"run": "u/me"}, source="an example")
    >>> buffer.pending().rows, buffer.rows()["value"].to_list()
    (1, [0.5])
    >>> buffer.discard(number)
    >>> buffer.rows() is None
    True
    """

    def __init__(self, path: Path, *, store: str | None = None, durable: bool = False) -> None:
        self._file = BufferFile(path, store=store, durable=durable)
        self.durable = durable
        self._layout: tuple[str, int] | None = None

    @classmethod
    def beside(cls, folder: Path, store_uri: str, *, durable: bool = False) -> "Buffer":
        """Give the buffer of a store.

        Parameters
        ----------
        folder
            The folder of buffers, such as the settings name in ``buffer``.
        store_uri
            The store's address; a local path means the same with ``file://`` and by way of a link.
        durable
            As in the constructor.

        Returns
        -------
        Buffer
            Its file is named after the store, and says inside which one it is of.
        """
        from gnomon.settings import redact

        uri = redact(_canonical(store_uri))
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", uri.rpartition("/")[2])[:40].strip("-") or "store"
        digest = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(folder / f"{name}-{digest}.db", store=uri, durable=durable)

    def __repr__(self) -> str:
        return f"<Buffer {self.path}>"

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def identity(self) -> str:
        """A UUID of this file, under which Delta tables remember how far its rows went in.

        It is made with the file; a copy of the file at another place or on another machine has its own.
        """
        return self._file.identity()

    @property
    def store(self) -> str:
        """URI of its store without passwords; empty if nobody named one."""
        return self._file.about()["store"]

    def add(self, row: Mapping[str, Any], *, source: str) -> int:
        """Write one measurement.

        When this returns, the measurement survives the end of the process; if it raises, nothing was written.

        Parameters
        ----------
        row
            From the columns of `gnomon.measurements.rows.SCHEMA` to values; absent is null, and NaN is a
            value. Times are `datetime.datetime` in TAI or microseconds of TAI.
        source
            Who brings it, for the history.

        Returns
        -------
        int
            The row's number.

        Raises
        ------
        SchemaError
            If a column is unknown, a required one missing or null, or a value of another type or out of
            range.
        BufferFileError
            If the file cannot be written: full disk, network file system, damage.
        NotOursError
            If something else is at its place.
        """
        line = row_text.write(row)
        _check_source(source)
        with self._file.use("written") as connection:
            entry = (_now(), 1, 1, source, row_text.LAYOUT, line, None)
            return self._number(connection.execute(_INSERT, entry))

    def put(self, table: pa.Table, *, source: str) -> int:
        """Write many measurements, all or none.

        Parameters
        ----------
        table
            Rows in `gnomon.measurements.rows.SCHEMA`; columns may be absent or in another order as for
            `gnomon.measurements.rows.conform`.
        source
            Who brings them, for the history.

        Returns
        -------
        int
            The number of the last row; 0 if there is none.

        Raises
        ------
        SchemaError
            If the table is not of that schema; nothing is written then.
        BufferFileError
            As `add`.
        NotOursError
            As `add`.
        """
        rows = conform(table.combine_chunks())
        row_text.check_moments(rows)
        _check_source(source)
        parts = [rows.slice(start, _BATCH_ROWS) for start in range(0, len(rows), _BATCH_ROWS)]
        packed = [(len(part), _pack(part)) for part in parts]
        number = 0
        if packed:
            with self._file.use("written") as connection:
                connection.execute("BEGIN IMMEDIATE")
                for count, blob in packed:
                    entry = (_now(), count, count, source, None, None, blob)
                    number = self._number(connection.execute(_INSERT, entry))
                connection.execute("COMMIT")
        return number

    def rows(self) -> pl.DataFrame | None:
        """Give everything that was written and not discarded, as of one moment.

        Read it before the tables: what is drained meanwhile is then seen twice rather than never.

        Returns
        -------
        polars.DataFrame or None
            In `gnomon.measurements.rows.SCHEMA`, then ``recorded_at`` and ``source``, in the order of
            writing; `None` if there is nothing.

        Raises
        ------
        BufferFileError
            If the file cannot be read.
        """
        if not self._file.exists():
            return None
        with self._file.use("read") as connection:
            entries = connection.execute(_ALL).fetchall()
        return self._decode(entries).drop(_NUMBER) if entries else None

    def pending(self) -> Pending:
        """Say how much waits.

        Returns
        -------
        Pending
            Nothing, if there is no file.
        """
        if not self._file.exists():
            return Pending(0, 0, None)
        with self._file.use("read") as connection:
            return Pending(
                *connection.execute(
                    "SELECT count(*), coalesce(sum(rows), 0), min(number - rows + 1) FROM entry"
                ).fetchone()
            )

    def newest(self) -> int:
        """Give the greatest number that was ever used.

        Returns
        -------
        int
            0 if nothing was ever written.
        """
        if not self._file.exists():
            return 0
        with self._file.use("read") as connection:
            (number,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entry'").fetchone()
        return int(number)

    def take(self, *, limit: int) -> Batch | None:
        """Give the oldest rows, which stay where they are until they are discarded.

        They are on the disk when this returns, so that after a power cut no number up to the last one of the
        batch is used again.

        Parameters
        ----------
        limit
            About how many; what was written at once is not divided, except for large tables.

        Returns
        -------
        Batch or None
            `None` if there is nothing.

        Raises
        ------
        BufferFileError
            If the file cannot be read.
        """
        if not self._file.exists():
            return None
        with self._file.use("read") as connection:
            (last,) = connection.execute(_CUT, {"limit": max(limit, 1)}).fetchone()
            if last is None:
                return None
            entries = connection.execute(_UP_TO, (last,)).fetchall()
            self._file.sync()
        rows = self._decode(entries)
        return Batch(rows.drop(_NUMBER), rows[_NUMBER], last)

    def discard(self, last: int) -> None:
        """Forget rows that are in the tables.

        Parameters
        ----------
        last
            The number of the last of them; all before it go too.

        Raises
        ------
        BufferFileError
            If the file cannot be written; the rows are then still there.
        """
        if not self._file.exists():
            return
        with self._file.use("written") as connection:
            connection.execute("DELETE FROM entry WHERE number <= ?", (last,))
            connection.execute("PRAGMA incremental_vacuum").fetchall()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def _number(self, cursor: Any) -> int:
        if cursor.rowcount != 1:
            raise BufferFileError(
                f"The hot buffer {self.path} has lost count of its rows: nothing was written."
            )
        return int(cursor.lastrowid)

    def _decode(self, entries: Sequence[_Entry]) -> pl.DataFrame:
        """Make a table of entries, in the order of their numbers, which come as a column too."""
        frames = []
        try:
            for layout in sorted({entry[3] for entry in entries if entry[3] is not None}):
                lines = [entry for entry in entries if entry[3] == layout]
                numbers, _, sources, _, texts, _ = zip(*lines, strict=True)
                frames.append(_labelled(row_text.read(texts, layout=layout), numbers, sources))
            for number, count, source, _, _, blob in entries:
                if blob is not None:
                    rows = _unpack(blob)
                    frames.append(
                        _labelled(rows, np.arange(number - count + 1, number + 1), [source] * count)
                    )
        except (pa.ArrowException, pl.exceptions.PolarsError, ValueError, OSError) as error:
            if isinstance(error, SchemaError):
                raise
            raise self._file.damaged(f"a measurement in it cannot be read ({error})") from error
        return frames[0] if len(frames) == 1 else pl.concat(frames).sort(_NUMBER)


def _labelled(rows: pl.DataFrame, numbers: Any, sources: Sequence[str]) -> pl.DataFrame:
    """Add what is known of rows besides their content; a length that does not fit is a `ValueError`."""
    if len(rows) != len(numbers):
        raise ValueError(f"{len(rows)} rows instead of {len(numbers)}")
    number = pl.Series(_NUMBER, numbers, pl.Int64)
    recorded_at = number.cast(pl.Datetime("us")).alias(RECORDED_AT)
    return rows.with_columns(recorded_at, pl.Series(SOURCE, sources, pl.String), number)


def _pack(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
        stream.write_table(rows)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _unpack(blob: bytes) -> pl.DataFrame:
    with pa.ipc.open_stream(blob) as stream:
        return pl.DataFrame(conform(stream.read_all()))


def _check_source(source: object) -> None:
    if not isinstance(source, str):
        raise SchemaError(f"The source of a measurement is a text, not {source!r}.")
    try:
        source.encode()
    except UnicodeEncodeError:
        raise SchemaError(f"The source {source!r} cannot be written as UTF-8.") from None


def _canonical(uri: str) -> str:
    """Spell an address so that the same store has the same one."""
    path = url2pathname(uri.removeprefix("file://")) if uri.startswith("file:///") else uri
    return uri.rstrip("/") if "://" in path else str(Path(path).expanduser().resolve())


class _Clock:
    """TAI for each measurement, without astropy's tenth of a millisecond for it."""

    def __init__(self) -> None:
        self._hour = -1
        self._ahead = 0

    def now(self) -> int:
        moment = time.time_ns() // 1_000
        hour = moment // 3_600_000_000
        if hour != self._hour:  # a leap second comes at a full hour
            self._ahead = round((times.now() - time.time_ns() // 1_000) / 1_000_000) * 1_000_000
            self._hour = hour
        return moment + self._ahead


_now = _Clock().now
