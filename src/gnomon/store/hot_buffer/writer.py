"""Writing measurements one by one, as they come.

A `Writer` puts each into the hot buffer at once, and a thread of its own moves what has gathered into the
tables.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from gnomon.errors import StoreError
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import Sink, drain

__all__ = ["Writer"]

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE = 60.0
_POLL_SECONDS = 0.05


class Writer:
    """Takes measurements one by one; many threads may use it.

    It is a context manager, and ends at the latest with the interpreter. Whatever `write` took is safe in
    the hot buffer from then on, also if the process is killed; readers on this host see it at once, others
    when it is in the tables. That happens after ``interval`` seconds, after ``rows`` measurements and at the
    end, whichever comes first, and takes along what processes that died have left.

    Parameters
    ----------
    buffer
        Where measurements go first.
    sink
        The tables into which they are moved.
    source
        Who writes, for the history.
    interval
        How many seconds a measurement waits at most.
    rows
        How many measurements wait at most.
    patience
        How many seconds `flush` and `close` wait for another process that is draining the same buffer.
    """

    def __init__(
        self,
        buffer: Buffer,
        sink: Sink,
        *,
        source: str,
        interval: float = 5.0,
        rows: int = 10_000,
        patience: float = 60.0,
    ) -> None:
        self._buffer = buffer
        # A connection of its own: whoever writes need not wait while the drainer reads.
        self._draining = Buffer(buffer.path, durable=buffer.durable)
        self._sink = sink
        self._source = source
        self._interval = interval
        self._rows = rows
        self._patience = patience
        self._closed = False
        self._last = 0
        self._error: Exception | None = None
        self._begin_again(forked=False)
        _writers.add(self)
        if buffer.pending().entries:
            self._start()

    @property
    def buffer(self) -> Buffer:
        """Where measurements go first."""
        return self._buffer

    @property
    def error(self) -> Exception | None:
        """Why the last attempt to move measurements into the tables failed; `None` if it did not."""
        return self._error

    def write(self, row: Mapping[str, Any]) -> int:
        """Write one measurement.

        Parameters
        ----------
        row
            As for `gnomon.store.hot_buffer.buffer.Buffer.add`.

        Returns
        -------
        int
            Its number in the buffer.

        Raises
        ------
        SchemaError
            If it is no stored measurement; nothing was written then.
        BufferFileError
            If the hot buffer cannot be written.
        StoreError
            If the writer is closed.
        """
        self._check_open()
        number = self._buffer.add(row, source=self._source)
        self._wrote(number, 1)
        return number

    def write_table(self, table: pa.Table) -> int:
        """Write a small batch, all or none.

        Parameters
        ----------
        table
            As for `gnomon.store.hot_buffer.buffer.Buffer.put`. Large ones go to `gnomon.store.Store.append`
            better.

        Returns
        -------
        int
            The number of its last row in the buffer.

        Raises
        ------
        SchemaError
            As `write`.
        BufferFileError
            As `write`.
        StoreError
            As `write`.
        """
        self._check_open()
        number = self._buffer.put(table, source=self._source)
        self._wrote(number, len(table))
        return number

    def flush(self) -> None:
        """Return when everything that this writer took is in the tables.

        Raises
        ------
        StoreError
            If it cannot be brought there; it is safe in the buffer, and tried again later.
        """
        last = self._last
        until = time.monotonic() + self._patience
        while True:
            if self._forked:
                time.sleep(min(_POLL_SECONDS, self._patience))
            else:
                self._drain(wait=max(until - time.monotonic(), 0.0))
            # Another process may have begun to drain before, and have ended without the last ones.
            oldest = self._draining.pending().oldest
            if oldest is None or oldest > last:
                return
            if time.monotonic() > until:
                raise self._undrained()

    def close(self) -> None:
        """Bring everything into the tables and end; closing twice is no mistake.

        Raises
        ------
        StoreError
            If it cannot be brought there; it is safe in the buffer, and the next drain takes it along.
        """
        with self._condition:
            if self._closed:
                return
            self._closed = True
            self._condition.notify_all()
        _writers.discard(self)
        if self._thread is not None:
            self._thread.join()
        try:
            if not self._forked:
                self.flush()
        finally:
            self._draining.close()
            self._buffer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except StoreError as failure:
            if error is None:
                raise
            # What went wrong inside is what the person has to see.
            error.add_note(f"Besides, the store was not written: {failure}")

    def _undrained(self) -> StoreError:
        place, seconds = self._buffer.path, f"{self._patience:g} s"
        what = (
            f"No other process has drained the hot buffer {place} for {seconds}, and a forked child cannot."
            if self._forked
            else f"Another process has been draining the hot buffer {place} for more than {seconds}."
        )
        return StoreError(f"{what} What was written is safe there, and goes into the tables later.")

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("This writer is closed.")

    def _wrote(self, number: int, rows: int) -> None:
        with self._condition:
            self._last = max(self._last, number)
            self._waiting += rows
            if self._thread is None and not self._closed and not self._forked:
                self._start()
            if self._waiting >= self._rows:
                self._condition.notify_all()

    def _begin_again(self, *, forked: bool) -> None:
        """Set up what does not survive a fork."""
        self._forked = forked
        self._condition = threading.Condition()
        self._waiting = 0  # rows since the last drain
        self._thread: threading.Thread | None = None

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="gnomon-writer", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        pause = self._interval
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._waiting >= self._rows, timeout=pause)
                if self._closed:
                    return
            try:
                self._drain(wait=0.0)
                pause = self._interval
            # A panic of a library is no Exception, and must not end the thread either.
            except BaseException as error:
                pause = min(2 * pause, max(_LONGEST_PAUSE, self._interval))
                _LOG.warning(
                    "Measurements wait in %s, because the store cannot be written; next attempt in %g s: %s",
                    self._buffer.path,
                    pause,
                    error,
                    exc_info=not isinstance(error, StoreError),
                )

    def _drain(self, *, wait: float) -> None:
        with self._condition:
            self._waiting = 0
        try:
            drain(self._draining, self._sink, wait=wait)
        except Exception as error:
            self._error = error
            raise
        self._error = None


_writers: set[Writer] = set()


def _close_all() -> None:
    for writer in list(_writers):
        try:
            writer.close()
        except BaseException as error:
            _LOG.error("Measurements stay in %s until the next writer: %s", writer.buffer.path, error)


def _after_fork_in_child() -> None:
    for writer in _writers:
        writer._begin_again(forked=True)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
