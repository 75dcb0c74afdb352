"""Moving rows from the hot buffer into the tables, exactly once.

One process drains at a time, under a lock of the kernel that goes with its process. It takes the oldest
rows, hands them to the tables and only then discards them; a process that dies in between leaves rows that
are in both. Each table therefore keeps, in the commit that brings rows, the number of the last one, under
the buffer's identity: rows up to that number are passed over, whoever comes with them again.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import polars as pl

from gnomon.errors import BufferFileError
from gnomon.store.hot_buffer.buffer import Buffer

__all__ = ["Sink", "drain"]

_BATCH_ROWS = 100_000
_POLL_SECONDS = 0.02


class Sink(Protocol):
    """The tables of a store, as far as draining goes."""

    def append_buffered(self, rows: pl.DataFrame, *, application: str, numbers: pl.Series, last: int) -> None:
        """Append rows, each to its table, unless it is there already.

        For each table: load it, look up the last number of ``application`` in it, and append, *with what was
        loaded*, the rows with a greater number, noting ``last`` in the same commit. Somebody who does the
        same at the same time makes the commit fail; then load and look again.

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
        """


def drain(
    buffer: Buffer,
    sink: Sink,
    *,
    wait: float = 0.0,
    limit: int = _BATCH_ROWS,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Bring the rows of a buffer into the tables, those of other processes too.

    It ends with the rows that were there when it began, however many are written meanwhile.

    Parameters
    ----------
    buffer
        Where they are.
    sink
        Where they go.
    wait
        How many seconds to wait while another process drains; by default it is left to that one.
    limit
        About how many rows to append at once.
    progress
        Called with the number of rows after each append.

    Returns
    -------
    int
        How many rows were handed over, those included that the tables had already.

    Raises
    ------
    BufferFileError
        If the buffer cannot be read or written; nothing is lost then, and nothing doubled by trying again.
    StoreError
        If the tables cannot be written; the rows stay in the buffer.
    """
    if not buffer.pending().entries:
        return 0
    count = 0
    with _alone(buffer.path.with_name(f"{buffer.path.name}.lock"), wait=wait) as allowed:
        if not allowed:
            return 0
        newest = buffer.newest()
        done = False
        while not done and (batch := buffer.take(limit=limit)) is not None:
            sink.append_buffered(
                batch.rows, application=buffer.identity, numbers=batch.numbers, last=batch.last
            )
            if buffer.durable:
                # The files of the tables may not be on the disk yet, and after this they are all there is.
                os.sync()
            buffer.discard(batch.last)
            count += len(batch.rows)
            done = batch.last >= newest
            if progress is not None:
                progress(len(batch.rows))
    return count


@contextmanager
def _alone(path: Path, *, wait: float) -> Iterator[bool]:
    """Hold a lock between processes and threads; give `False` if somebody else has it."""
    import fcntl  # there is none on Windows, where the rest of the store works

    until = time.monotonic() + wait
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise BufferFileError(
            f"The lock {path} of the hot buffer cannot be opened: {error.strerror}. GNOMON_BUFFER names "
            "another folder."
        ) from error
    with _descriptors_lock:
        _descriptors.add(descriptor)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    yield False
                    return
                time.sleep(_POLL_SECONDS)
            else:
                break
        try:
            yield True
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        with _descriptors_lock:
            _descriptors.discard(descriptor)
        os.close(descriptor)


_descriptors: set[int] = set()
_descriptors_lock = threading.Lock()


def _after_fork_in_child() -> None:
    """Let go of a lock that the parent holds: it would outlive the parent in its child."""
    global _descriptors_lock
    _descriptors_lock = threading.Lock()
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
