"""Replacing files of a table by others in one step, while others append to it."""

import time
from collections.abc import Iterable
from contextlib import suppress

import polars as pl
from deltalake import CommitProperties, Transaction
from deltalake.transaction import AddAction, RemoveAction

from gnomon.errors import StoreError
from gnomon.store.layout.schema import STATE
from gnomon.store.layout.tables import Snapshot, Tables

__all__ = ["replace_files", "withdraw"]


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


def withdraw(tables: Tables, folder: str, paths: Iterable[str]) -> None:
    """Delete files that were written for a commit that did not come about.

    Whether it did, an error does not say: what comes after a commit can fail too, on a full disk for one, and
    the files are the table's then. So it is asked, and where no answer is to be had, vacuum will see.

    Parameters
    ----------
    tables
        The store's tables.
    folder
        The table's folder.
    paths
        The files, relative to it.
    """
    try:
        snapshot = tables.open_folder(folder)
    except StoreError:
        return
    held = set() if snapshot is None else set(snapshot.files["path"])
    for path in paths:
        if path not in held:
            with suppress(OSError, StoreError):
                tables.place.delete(f"{folder}/{path}")
