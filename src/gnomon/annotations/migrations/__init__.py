"""From the tables of an older gnomon to the present ones, with Alembic.

A step in ``versions`` changes only what is true: the events, and those that are held. Everything else is
computed from them, so that it is thrown away and made anew once all steps are done. A log is upgraded in one
transaction, as a whole or not at all: a SQLite file when it is opened, a PostgreSQL database when somebody
says so.
"""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, select, update

from gnomon.annotations.log import audit
from gnomon.annotations.storage import schema, text_index
from gnomon.annotations.storage.names import Names

__all__ = ["upgrade"]

_TRUE = frozenset({"meta", "event", "held", "alembic_version"})


def upgrade(connection: Connection, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Take a log to the present tables.

    Parameters
    ----------
    connection
        A writing transaction.
    progress
        Told how many events are done, and of how many.

    Raises
    ------
    AnnotationLogError
        If the events do not fit together.
    """
    columns = schema.meta.c
    version = connection.execute(select(columns.value).where(columns.name == "schema_version")).scalar_one()
    config = Config()
    config.set_main_option("script_location", "gnomon.annotations:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    # What the log says of itself is what counts, also where Alembic never was.
    command.stamp(config, f"{int(version):04d}", purge=True)
    command.upgrade(config, "head")
    quote = connection.dialect.identifier_preparer.quote
    ours = {table.name for table in schema.metadata.sorted_tables} | {"annotation", "target", "assertion"}
    for name in sorted(ours & set(inspect(connection).get_table_names()) - _TRUE):
        cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TABLE {quote(name)}{cascade}")
    text_index.drop(connection)
    schema.metadata.create_all(connection)
    text_index.create(connection)
    audit.rebuild(connection, Names(), progress)
    connection.execute(
        update(schema.meta).where(columns.name == "schema_version"), {"value": str(schema.SCHEMA_VERSION)}
    )
