"""Replacing files of a table by others in one step, while others append to it."""

import time
from collections.abc import Iterable

import polars as pl
from deltalake import CommitProperties, Transaction
from deltalake.transaction import AddAction, RemoveAction

from gnomon.store.schema import STATE
from gnomon.store.tables import Snapshot

__all__ = ["replace_files"]


def replace_files(
    snapshot: Snapshot, old: pl.DataFrame, new: Iterable[AddAction], *, application: str
) -> None:
    """Commit that some files stand in place of others.

    Parameters
    ----------
    snapshot
        The table as it was when ``old`` was chosen.
    old
        Of its `Snapshot.files`.
    new
        Files that are written.
    application
        Who does this kind of work: of two who do it at once with what they loaded at the same time, one
        lands. What is appended meanwhile stays.

    Raises
    ------
    deltalake.exceptions.CommitFailedError
        If somebody else was quicker; nothing has changed by this then.
    """
    last = snapshot.delta.transaction_version(application)
    partitioned = STATE in snapshot.delta.metadata().partition_columns
    now = int(time.time() * 1000)
    removed = [
        RemoveAction(
            path=path,
            data_change=False,
            deletion_timestamp=now,
            size=size,
            partition_values={STATE: state} if partitioned else {},
        )
        for path, size, state in old.select("path", "size_bytes", STATE).iter_rows()
    ]
    snapshot.delta.create_write_transaction(
        [*new, *removed],
        "append",
        snapshot.delta.schema(),
        [STATE] if partitioned else None,
        commit_properties=CommitProperties(
            app_transactions=[Transaction(application, 0 if last is None else last + 1)]
        ),
    )
