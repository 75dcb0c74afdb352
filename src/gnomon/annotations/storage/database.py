"""Where the log is kept: what sort of database that is."""

import os

from sqlalchemy import Connection

from gnomon import databases
from gnomon.annotations.storage import schema, text_index
from gnomon.databases import Database, Progress
from gnomon.errors import AnnotationLogError

__all__ = ["Database", "Progress", "open_database"]


def open_database(
    uri: str | os.PathLike[str], *, upgrade: bool = False, progress: Progress | None = None
) -> Database:
    """Open the database of a log; make it if there is none.

    Parameters
    ----------
    uri, upgrade, progress
        As of `gnomon.databases.open_database`; progress is counted in events.

    Returns
    -------
    Database
        With our tables.

    Raises
    ------
    AnnotationLogError
        If ``uri`` cannot be understood or what it names cannot be opened.
    NotOursError
        If it names a file or database that gnomon did not make; it is left as it is.
    MissingExtraError
        If PostgreSQL is asked for and its driver is not installed.
    """
    return databases.open_database(uri, _KIND, upgrade=upgrade, progress=progress)


def _make(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    text_index.create(connection)


def _upgrade(connection: Connection, progress: Progress | None) -> None:
    # Only here: a step that is needed once need not slow down every start.
    from gnomon.annotations import migrations

    migrations.upgrade(connection, progress=progress)


_KIND = databases.Kind(
    what="annotations",
    format=schema.FORMAT,
    version=schema.SCHEMA_VERSION,
    application_id=schema.APPLICATION_ID,
    meta=schema.meta,
    landmark=schema.event,
    make=_make,
    error=AnnotationLogError,
    newer=_upgrade,
    advice="When nobody uses an older gnomon any more, run `gnomon annotations upgrade`: it takes the log to "
    "the new tables whole or not at all.",
    # Numbers without gaps and one chain of hashes need writers in single file.
    alone=schema.event,
)
