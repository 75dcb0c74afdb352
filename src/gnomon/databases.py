"""Databases of gnomon's own: from a URI to one that is ours, opened safely.

A new SQLite file is made beside its place under another name and linked in when it is complete, so that
of many processes that start at once one makes it and the others find it whole. A file that is not ours is
recognised by its first hundred bytes, without letting SQLite near it. In PostgreSQL one maker at a time makes
the tables.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uuid_utils.compat as uuid_utils
from sqlalchemy import Connection, Engine, NullPool, Table, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from gnomon.errors import GnomonError, MissingExtraError, NotOursError

__all__ = ["Database", "Kind", "Progress", "missing_file", "open_database"]

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

_BUSY_SECONDS = 60
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two characters at least: `C:\\` is a path
_HEADER = b"SQLite format 3\0"
_IMMEDIATE = "gnomon_immediate"


@dataclass(frozen=True)
class Kind:
    """What sort of database it is.

    Attributes
    ----------
    what
        What is kept there, as messages call it; a word in the plural.
    format, version, application_id
        What a database of this kind says of itself: in its table ``meta``, and in the header of a file.
    meta
        The table that says it, with the columns ``name`` and ``value``.
    landmark
        A table that no other kind of database has.
    make
        Makes all tables, ``meta`` among them.
    error
        What is raised if the database cannot be used.
    newer
        What a newer gnomon does with the tables of an older one; `None` if there are none.
    advice
        What is to be done where a PostgreSQL database has older tables.
    alone
        A table that is locked while somebody writes to PostgreSQL, where writers have to come in single file.
    durable
        Whether what was acknowledged has to survive a power cut, and not only a crash of the process.
    """

    what: str
    format: str
    version: int
    application_id: int
    meta: Table
    landmark: Table
    make: Callable[[Connection], None]
    error: type[GnomonError]
    newer: Callable[[Connection, Progress | None], None] | None = None
    advice: str = ""
    alone: Table | None = None
    durable: bool = True


class Database:
    """An open database; hands out transactions.

    Parameters
    ----------
    engine
        Connected to a database that has our tables.
    place
        Its address without passwords, for messages.
    kind
        What sort of database it is.
    """

    def __init__(self, engine: Engine, place: str, kind: Kind) -> None:
        self._engine = engine
        self._kind = kind
        self.place = place
        self._open = True

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """``sqlite`` or ``postgresql``."""
        return "sqlite" if self._engine.dialect.name == "sqlite" else "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read one consistent state of the database.

        Yields
        ------
        sqlalchemy.Connection
            Inside a transaction.

        Raises
        ------
        GnomonError
            That of the kind, if the database fails, or was closed.
        """
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write: to a file, or where the kind asks for it, alone. Other writers wait, readers do not.

        Yields
        ------
        sqlalchemy.Connection
            Inside a transaction that is committed at the end, or rolled back on any error.

        Raises
        ------
        GnomonError
            That of the kind, if the database fails, or was closed.
        """
        options: dict[str, Any] = {_IMMEDIATE: True}
        if self.dialect == "postgresql" and self._kind.alone is None:
            # Several writers at once have to see each other's rows after having waited for them.
            options["isolation_level"] = "READ COMMITTED"
        with self._translated(), self._engine.execution_options(**options).begin() as connection:
            if self.dialect == "postgresql" and self._kind.alone is not None:
                connection.execute(text(f"LOCK TABLE {self._kind.alone.name} IN SHARE ROW EXCLUSIVE MODE"))
            if self.dialect == "postgresql" and not self._kind.durable:
                connection.execute(text("SET LOCAL synchronous_commit TO off"))
            yield connection

    def close(self) -> None:
        """Close every connection; closing twice is no mistake."""
        self._open = False
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if not self._open:
            raise self._kind.error(f"The {self._kind.what} in {self.place} were closed.")
        try:
            yield
        except DBAPIError as error:
            raise self._kind.error(f"The {self._kind.what} in {self.place} failed: {error.orig}.") from error
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise self._kind.error(f"The {self._kind.what} in {self.place} failed: {error}.") from error


def open_database(
    uri: str | os.PathLike[str], kind: Kind, *, upgrade: bool = False, progress: Progress | None = None
) -> Database:
    """Open a database; make it if there is none.

    Parameters
    ----------
    uri
        A path, ``sqlite:///path`` or ``postgresql+psycopg://host/database``.
    kind
        What sort of database it is to be.
    upgrade
        Whether older tables on PostgreSQL are taken to the present version. A site's database may be in use
        by an older gnomon, so that somebody has to decide; a SQLite file is one person's and always upgraded.
    progress
        Told how much is done, and of how much, when tables are upgraded.

    Returns
    -------
    Database
        With our tables.

    Raises
    ------
    GnomonError
        That of the kind, if ``uri`` cannot be understood or what it names cannot be opened.
    NotOursError
        If it names a file or database that gnomon did not make; it is left as it is.
    MissingExtraError
        If PostgreSQL is asked for and its driver is not installed.
    """
    given = os.fspath(uri)
    if not given.strip() or "\0" in given:
        raise kind.error(f"{given!r} is no place for {kind.what}: expected is a path or a URI.")
    scheme = match[1].lower() if (match := _SCHEME.match(given)) else ""
    if scheme in ("http", "https"):
        raise kind.error(
            f"{kind.what.capitalize()} behind a service are not supported yet: give a path, sqlite:///path "
            "or postgresql+psycopg://host/database."
        )
    if not scheme:
        return _open_sqlite(Path(given).expanduser(), kind, progress)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise kind.error(
            f"The place of the {kind.what} is no valid URI; expected is for example sqlite:///path or "
            "postgresql+psycopg://host/database."
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(_path_of(url, kind), kind, progress)
    if backend == "postgresql":
        return _open_postgresql(url, kind, upgrade=upgrade, progress=progress)
    raise kind.error(
        f"{kind.what.capitalize()} cannot be kept in {backend!r}: give a path, sqlite:///path or "
        "postgresql+psycopg://host/database."
    )


def missing_file(uri: str) -> Path | None:
    """Say which file a database would be made anew in, before it is.

    Parameters
    ----------
    uri
        A path or URI, as of `open_database`.

    Returns
    -------
    pathlib.Path or None
        The file that is not there; `None` if it is, for a server, which is not asked, and for what is no
        valid URI, of which opening it says more.
    """
    given: str | None = uri
    if _SCHEME.match(uri):
        try:
            url = make_url(uri)
            given = url.database if url.get_backend_name() == "sqlite" else None
        except (ArgumentError, ValueError, NoSuchModuleError):
            given = None
    path = None if given is None else Path(given).expanduser()
    return None if path is None or path.exists() else path


def _path_of(url: URL, kind: Kind) -> Path:
    if url.drivername not in ("sqlite", "sqlite+pysqlite") or url.host or url.query:
        raise kind.error(f"{url} is not a plain sqlite:///path; options and other drivers are not used.")
    if not url.database or url.database == ":memory:":
        raise kind.error(f"{url} names no file, and what is kept has to outlive its process.")
    return Path(url.database).expanduser()


def _open_sqlite(path: Path, kind: Kind, progress: Progress | None) -> Database:
    path = path.absolute()  # connections are opened as needed, perhaps after a change of directory
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_sqlite(path, kind)
        _refuse_foreign(path, kind)
    except (OSError, SQLAlchemyError) as error:
        if isinstance(error, NotOursError):
            raise
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise kind.error(f"The {kind.what} in {path} cannot be opened: {cause}.") from error
    database = Database(_sqlite_engine(path, kind), str(path), kind)
    return _checked(database, kind, upgrade=True, progress=progress)


def _make_sqlite(path: Path, kind: Kind) -> None:
    fresh = path.with_name(f".{path.name}.{uuid_utils.uuid7()}.new")
    engine = _sqlite_engine(fresh, kind, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")  # these two cannot be set inside a transaction
            connection.exec_driver_sql(f"PRAGMA application_id = {kind.application_id}")
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with engine.begin() as connection:
            _make_tables(connection, kind)
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


def _refuse_foreign(path: Path, kind: Kind) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(_HEADER):
        raise NotOursError(f"{path} exists and is no database; it is left as it is.")
    if int.from_bytes(header[68:72], "big") != kind.application_id:
        raise NotOursError(f"{path} is a database of something else; it is left as it is.")


def _sqlite_engine(path: Path, kind: Kind, **options: Any) -> Engine:
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
        cursor.execute(f"PRAGMA synchronous = {'FULL' if kind.durable else 'NORMAL'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_IMMEDIATE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _open_postgresql(url: URL, kind: Kind, *, upgrade: bool, progress: Progress | None) -> Database:
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
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": kind.application_id})
            if not (present := set(inspect(connection).get_table_names())):
                _make_tables(connection, kind)
            elif not {kind.meta.name, kind.landmark.name} <= present:
                raise NotOursError(f"{place} is a database of something else; it is left as it is.")
    except SQLAlchemyError as error:
        engine.dispose()
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise kind.error(f"The {kind.what} in {place} cannot be opened: {cause}.") from error
    except NotOursError:
        engine.dispose()
        raise
    return _checked(Database(engine, place, kind), kind, upgrade=upgrade, progress=progress)


def _make_tables(connection: Connection, kind: Kind) -> None:
    kind.make(connection)
    connection.execute(
        kind.meta.insert(),
        [
            {"name": "format", "value": kind.format},
            {"name": "schema_version", "value": str(kind.version)},
        ],
    )


def _checked(database: Database, kind: Kind, *, upgrade: bool, progress: Progress | None) -> Database:
    try:
        version = _version(database, kind)
        if version < kind.version and kind.newer is not None:
            if not upgrade:
                raise kind.error(
                    f"The tables of the {kind.what} in {database.place} have version {version}, and this "
                    f"gnomon needs {kind.version}. {kind.advice}"
                )
            with database.write() as connection:
                if _found(connection, kind).get("schema_version") == str(version):  # nobody did it meanwhile
                    kind.newer(connection, progress)
            version = _version(database, kind)
        if version != kind.version:
            raise kind.error(
                f"The tables of the {kind.what} in {database.place} have version {version}, and this gnomon "
                f"knows {kind.version}: use the newer gnomon."
            )
    except BaseException:
        database.close()
        raise
    return database


def _version(database: Database, kind: Kind) -> int:
    with database.read() as connection:
        found = _found(connection, kind)
    if found.get("format") != kind.format:
        raise NotOursError(f"{database.place} is a database of something else; it is left as it is.")
    try:
        return int(found["schema_version"])
    except (KeyError, ValueError):
        raise kind.error(
            f"The {kind.what} in {database.place} do not say which version their tables have."
        ) from None


def _found(connection: Connection, kind: Kind) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(kind.meta))}
