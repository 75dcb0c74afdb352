"""The hot buffer's file: a SQLite database in WAL mode, made once and whole, opened by many processes.

It is made under another name and linked in when it is complete, so that an empty or cut file at its place is
always damage and never a beginning. What SQLite cannot bear is kept from it: a network file system, a forked
child that goes on with its parent's connection, a log that outlived its database.
"""

import os
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from gnomon.errors import BufferFileError, GnomonError, NotOursError, SchemaError
from gnomon.store.hot_buffer.filesystems import network_file_system

__all__ = ["BufferFile"]

_APPLICATION_ID = 0x676E6F62  # "gnob"
_VERSION = 1
_HEADER = b"SQLite format 3\0"
_BUSY_SECONDS = 60.0
_PAGE = 4096
# A checkpoint waits for the disk, so it comes only after tens of thousands of measurements.
_CHECKPOINT_PAGES = 8_000
_MACHINE = Path("/etc/machine-id")

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    rows INTEGER NOT NULL,
    source TEXT NOT NULL,
    layout INTEGER,
    line TEXT,
    batch BLOB,
    CHECK ((line IS NULL) <> (batch IS NULL) AND (line IS NULL) = (layout IS NULL))
) STRICT;
INSERT INTO sqlite_sequence VALUES ('entry', 0);
"""


class BufferFile:
    """An SQLite file with the tables of a buffer; it is made when something is to be written.

    Parameters
    ----------
    path
        Where it is.
    store
        URI of its store; kept in the file when it is made, compared when it is there.
    durable
        Whether a transaction survives a power cut too, and not only the end of a process.
    """

    def __init__(self, path: Path, *, store: str | None, durable: bool) -> None:
        self.path = path.absolute()
        self._store = store
        self._durable = durable
        self._lock = threading.RLock()
        self._held: list[sqlite3.Connection] = []  # one or none
        self._inode = 0
        self._about: dict[str, str] = {}
        # Not `__del__`, which would find the connection finalized before it where objects form a ring.
        weakref.finalize(self, _close, self._held)
        _register(self)

    @property
    def log(self) -> Path:
        """The file with what was written last."""
        return self.path.with_name(f"{self.path.name}-wal")

    def exists(self) -> bool:
        """Say whether the file is there."""
        return os.path.exists(self.path)  # noqa: PTH110  # a third of the time of pathlib's, and readers pay it

    @contextmanager
    def use(self, action: str) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread at a time; make and open the file if need be.

        Parameters
        ----------
        action
            What is going to be done, for messages: ``written``, ``read``.

        Yields
        ------
        sqlite3.Connection
            Each statement is a transaction of its own unless ``BEGIN`` says otherwise.

        Raises
        ------
        BufferFileError
            If the file cannot be used.
        NotOursError
            If something else is at its place.
        """
        with self._lock:
            try:
                connection = self._opened()
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:
                        with suppress(sqlite3.Error):
                            connection.rollback()
                    raise
            except sqlite3.Error as error:
                raise self._explained(error, action) from error
            except GnomonError:  # some of them are an OSError too
                raise
            except OSError as error:
                raise BufferFileError(
                    f"The hot buffer {self.path} cannot be {action}: {error.strerror or error}. "
                    "GNOMON_BUFFER names another folder."
                ) from error

    def about(self) -> dict[str, str]:
        """Give what the file says of itself: ``identity`` and ``store``."""
        with self.use("read"):
            return dict(self._about)

    def identity(self) -> str:
        """Give the name of this file among all buffers; a copy elsewhere has another one.

        Two files with one name would each take the other's rows for its own that are in the tables already.
        """
        with self.use("read"):
            try:
                machine = _MACHINE.read_text(encoding="ascii").strip()
            except (OSError, ValueError):
                machine = ""
            return str(uuid.uuid5(uuid.UUID(self._about["identity"]), f"{machine} {self._inode}"))

    def sync(self) -> None:
        """Bring what was written onto the disk, which needs no room there."""
        with self.log.open("rb") as file:
            os.fsync(file.fileno())

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            _close(self._held)

    def _opened(self) -> sqlite3.Connection:
        if self._held:
            with suppress(OSError):
                if os.stat(self.path).st_ino == self._inode:  # noqa: PTH116  # for each measurement
                    return self._held[0]
            # Somebody removed or replaced the file: what goes into the old one is seen by nobody.
            self.close()
        if kind := network_file_system(self.path.parent):
            raise BufferFileError(
                f"The hot buffer cannot be in {self.path.parent}, which is on a network file system "
                f"({kind}): it needs a local disk of this host. Name a folder on one in GNOMON_BUFFER."
            )
        if not self.path.exists():
            self._refuse_orphaned_log()
            self._make()
        self._held.append(self._connect())
        return self._held[0]

    def _refuse_orphaned_log(self) -> None:
        """SQLite would read the log of the former file into the new one."""
        if self.log.exists() and not self.path.exists():
            raise BufferFileError(
                f"The hot buffer {self.path} is gone, and its log {self.log.name} is still there. Put the "
                "file back if you have it; to begin anew and lose what it held, remove the log."
            )

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.new")
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA page_size = {_PAGE}")
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.executescript(_TABLES)
                about = {"identity": str(uuid.uuid4()), "store": self._store or ""}
                connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            with suppress(FileExistsError):  # another process was quicker, and its file is as good
                os.link(fresh, self.path)
        finally:
            fresh.unlink(missing_ok=True)
            for rest in ("-wal", "-shm", "-journal"):
                fresh.with_name(fresh.name + rest).unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _connect(self) -> sqlite3.Connection:
        with self.path.open("rb") as file:
            header = file.read(len(_HEADER))
        if header != _HEADER:
            raise self.damaged("it does not begin as a database does")
        inode = self.path.stat().st_ino
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",  # never make one: a file without tables is damage
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        self._inode = inode
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION_ID,):
            raise NotOursError(f"{self.path} is a database of something else; it is left as it is.")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            raise BufferFileError(
                f"The hot buffer {self.path} has version {version}, and this gnomon knows {_VERSION}: use "
                "the newer gnomon."
            )
        self._about = dict(connection.execute("SELECT name, value FROM about"))
        if self._about.keys() < {"identity", "store"}:
            raise self.damaged("it does not say whose it is")
        if self._store is not None and self._about["store"] != self._store:
            raise BufferFileError(
                f"The hot buffer {self.path} is the one of the store {self._about['store'] or '(none)'}, not "
                f"of {self._store}. GNOMON_BUFFER names another folder."
            )

    def _explained(self, error: sqlite3.Error, action: str) -> Exception:
        name = getattr(error, "sqlite_errorname", "") or ""
        place = f"The hot buffer {self.path} cannot be {action}"
        if name.startswith("SQLITE_FULL"):
            return BufferFileError(
                f"{place}: the disk is full. What was written before is safe; make room, or name a folder on "
                "another disk in GNOMON_BUFFER."
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")):
            return self.damaged(str(error))
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
            return BufferFileError(
                f"{place}: {error}. Its folder has to be writable, for reading too; GNOMON_BUFFER names "
                "another one."
            )
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return BufferFileError(
                f"{place}: another process has held it for {_BUSY_SECONDS:.0f} s. See which one with `fuser`."
            )
        if name.startswith("SQLITE_TOOBIG"):
            return SchemaError("This measurement is too large: a gigabyte is the most that a text can have.")
        return BufferFileError(f"{place}: {error} ({name or type(error).__name__}).")

    def damaged(self, what: str) -> BufferFileError:
        """Make the error that says what is wrong with the file's content, and what to do."""
        return BufferFileError(
            f"The hot buffer {self.path} is damaged: {what}. It is left as it is, and what is already in the "
            f"store's tables is not touched by this. Move it and {self.log.name} aside to go on with an "
            f"empty one, and try `sqlite3 {self.path.name} .recover` on the copy to get at what it held."
        )


def _close(held: list[sqlite3.Connection]) -> None:
    while held:
        with suppress(sqlite3.Error):  # it could not tidy up, which the next one does
            held.pop().close()


_files: "weakref.WeakSet[BufferFile]" = weakref.WeakSet()
_files_lock = threading.Lock()
_forking: list[BufferFile] = []


def _register(file: BufferFile) -> None:
    with _files_lock:
        _files.add(file)


def _before_fork() -> None:
    """Close what is open: SQLite in a child would believe that it holds its parent's locks."""
    _files_lock.acquire()
    _forking.extend(_files)
    for file in _forking:
        file._lock.acquire()
        file.close()


def _after_fork_in_parent() -> None:
    for file in _forking:
        file._lock.release()
    _forking.clear()
    _files_lock.release()


def _after_fork_in_child() -> None:
    # A lock that another thread of the parent waits for cannot be released here in an orderly way.
    global _files_lock
    for file in _forking:
        file._lock = threading.RLock()
    _forking.clear()
    _files_lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
