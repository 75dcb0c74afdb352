"""Where the log is kept: from a URI to a database that is ours, opened safely.

A new SQLite file is made beside its place under another name and linked in when it is complete, so that
of many processes that start at once one makes it and the others find it whole. A file that is not ours is
recognised by its first hundred bytes, without letting SQLite near it.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uuid_utils.compat as uuid_utils
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from gnomon.annotations.storage import schema, text_index
from gnomon.errors import AnnotationLogError, MissingExtraError, NotOursError

__all__ = ["Database", "Progress", "open_database"]

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

_BUSY_SECONDS = 60
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two characters at least: `C:\\` is a path
_HEADER = b"SQLite format 3\0"
_IMMEDIATE = "gnomon_immediate"


class Database:
    """An open database; hands out transactions.

    Parameters
    ----------
    engine
        Connected to a database that has our tables.
    place
        Its address without passwords, for messages.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self.place = place
        self._open = True

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read one consistent state of the database.

        Yields
        ------
        sqlalchemy.Connection
            Inside a transaction.

        Raises
        ------
        AnnotationLogError
            If the database fails, or was closed.
        """
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write, alone: other writers wait, readers do not.

        Yields
        ------
        sqlalchemy.Connection
            Inside a transaction that is committed at the end, or rolled back on any error.

        Raises
        ------
        AnnotationLogError
            If the database fails, or was closed.
        """
        with self._translated(), self._engine.execution_options(**{_IMMEDIATE: True}).begin() as connection:
            if self.dialect == "postgresql":
                # Numbers without gaps and one chain of hashes need writers in single file.
                connection.execute(text("LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    def close(self) -> None:
        """Close every connection; closing twice is no mistake."""
        self._open = False
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if not self._open:
            raise AnnotationLogError(f"The annotations in {self.place} were closed.")
        try:
            yield
        except DBAPIError as error:
            raise AnnotationLogError(f"The annotations in {self.place} failed: {error.orig}.") from error
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise AnnotationLogError(f"The annotations in {self.place} failed: {error}.") from error


def open_database(
    uri: str | os.PathLike[str], *, upgrade: bool = False, progress: Progress | None = None
) -> Database:
    """Open the database of a log; make it if there is none.

    Parameters
    ----------
    uri
        A path, ``sqlite:///path`` or ``postgresql+psycopg://host/database``.
    upgrade
        Whether older tables on PostgreSQL are taken to the present version. A site's database may be in use
        by an older gnomon, so that somebody has to decide; a SQLite file is one person's and always upgraded.
    progress
        Told how many events are done, and of how many, when tables are upgraded.

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
    given = os.fspath(uri)
    if not given.strip() or "\0" in given:
        raise AnnotationLogError(f"{given!r} is no place for annotations: expected is a path or a URI.")
    scheme = match[1].lower() if (match := _SCHEME.match(given)) else ""
    if scheme in ("http", "https"):
        raise AnnotationLogError(
            "Annotations behind a service are not supported yet: give a path, sqlite:///path or "
            "postgresql+psycopg://host/database."
        )
    if not scheme:
        return _open_sqlite(Path(given).expanduser(), progress)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise AnnotationLogError(
            "The place of the annotations is no valid URI; expected is for example sqlite:///path or "
            "postgresql+psycopg://host/database."
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(_path_of(url), progress)
    if backend == "postgresql":
        return _open_postgresql(url, upgrade=upgrade, progress=progress)
    raise AnnotationLogError(
        f"Annotations cannot be kept in {backend!r}: give a path, sqlite:///path or "
        "postgresql+psycopg://host/database."
    )


def _path_of(url: URL) -> Path:
    if url.drivername not in ("sqlite", "sqlite+pysqlite") or url.host or url.query:
        raise AnnotationLogError(
            f"{url} is not a plain sqlite:///path; options and other drivers are not used."
        )
    if not url.database or url.database == ":memory:":
        raise AnnotationLogError(f"{url} names no file, and a log has to outlive its process.")
    return Path(url.database).expanduser()


def _open_sqlite(path: Path, progress: Progress | None) -> Database:
    path = path.absolute()  # connections are opened as needed, perhaps after a change of directory
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_sqlite(path)
        _refuse_foreign(path)
    except (OSError, SQLAlchemyError) as error:
        if isinstance(error, NotOursError):
            raise
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise AnnotationLogError(f"The annotations in {path} cannot be opened: {cause}.") from error
    return _checked(Database(_sqlite_engine(path), str(path)), upgrade=True, progress=progress)


def _make_sqlite(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{uuid_utils.uuid7()}.new")
    engine = _sqlite_engine(fresh, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")  # these two cannot be set inside a transaction
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with engine.begin() as connection:
            _make_tables(connection)
        engine.dispose()
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was quicker, and its file is as good
        except OSError:
            # A file system without links: the short moment in which two could both see nothing is accepted.
            if not path.exists():
                fresh.rename(path)
    finally:
        engine.dispose()
        fresh.unlink(missing_ok=True)


def _refuse_foreign(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(_HEADER):
        raise NotOursError(f"{path} exists and is no database; it is left as it is.")
    if int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        raise NotOursError(f"{path} is a database of something else; it is left as it is.")


def _sqlite_engine(path: Path, **options: Any) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_SECONDS}, **options
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        # The driver begins transactions by its own rules, too late for a consistent read before a write.
        connection.isolation_level = None
        cursor = connection.cursor()
        # A question about ten thousand things touches as many pages.
        cursor.execute("PRAGMA mmap_size = 4294967296")
        cursor.execute("PRAGMA cache_size = -65536")
        # What was acknowledged has to survive a power cut, not only a crash of the process.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_IMMEDIATE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _open_postgresql(url: URL, *, upgrade: bool, progress: Progress | None) -> Database:
    place = url.render_as_string(hide_password=True)
    try:
        # A read of many chunks must see one state.
        engine = create_engine(url, isolation_level="REPEATABLE READ")
    except (ImportError, NoSuchModuleError) as error:
        raise MissingExtraError(
            f"{place} needs a PostgreSQL driver: pip install 'gnomon[postgres]', and postgresql+psycopg://."
        ) from error
    try:
        # Whoever waited for another maker has to see what that one made.
        with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            # One maker at a time; the number is our mark, as in the header of our files.
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": schema.APPLICATION_ID})
            if not (present := set(inspect(connection).get_table_names())):
                _make_tables(connection)
            elif schema.meta.name not in present or schema.event.name not in present:
                raise NotOursError(f"{place} is a database of something else; it is left as it is.")
    except SQLAlchemyError as error:
        engine.dispose()
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise AnnotationLogError(f"The annotations in {place} cannot be opened: {cause}.") from error
    except NotOursError:
        engine.dispose()
        raise
    return _checked(Database(engine, place), upgrade=upgrade, progress=progress)


def _make_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    text_index.create(connection)
    connection.execute(
        schema.meta.insert(),
        [
            {"name": "format", "value": schema.FORMAT},
            {"name": "schema_version", "value": str(schema.SCHEMA_VERSION)},
        ],
    )


def _checked(database: Database, *, upgrade: bool, progress: Progress | None) -> Database:
    try:
        version = _version(database)
        if version < schema.SCHEMA_VERSION:
            if not upgrade:
                raise AnnotationLogError(
                    f"The tables of the annotations in {database.place} have version {version}, and this "
                    f"gnomon needs {schema.SCHEMA_VERSION}. When nobody uses an older gnomon any more, run "
                    "`gnomon annotations upgrade`: it takes the log to the new tables whole or not at all."
                )
            # Only here: a step that is needed once need not slow down every start.
            from gnomon.annotations import migrations

            with database.write() as connection:
                if _found(connection).get("schema_version") == str(version):  # nobody else did it meanwhile
                    migrations.upgrade(connection, progress=progress)
            version = _version(database)
        if version != schema.SCHEMA_VERSION:
            raise AnnotationLogError(
                f"The tables of the annotations in {database.place} have version {version}, and this gnomon "
                f"knows {schema.SCHEMA_VERSION}: use the newer gnomon."
            )
    except BaseException:
        database.close()
        raise
    return database


def _version(database: Database) -> int:
    with database.read() as connection:
        found = _found(connection)
    if found.get("format") != schema.FORMAT:
        raise NotOursError(f"{database.place} is a database of something else; it is left as it is.")
    try:
        return int(found["schema_version"])
    except (KeyError, ValueError):
        raise AnnotationLogError(
            f"The annotations in {database.place} do not say which version their tables have."
        ) from None


def _found(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(schema.meta))}
