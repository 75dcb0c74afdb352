"""Running ``pipetask`` as a person would type it."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gnomon.errors import RepositoryError
from gnomon.repository.configuration import environment

__all__ = ["run_pipetask", "typed"]

_DONE = "Execution of task "  # what the executor logs when a quantum ends
_LAST_LINES = 15


def typed(arguments: Sequence[str]) -> str:
    """Write a command as a person would type it.

    Parameters
    ----------
    arguments
        What follows ``pipetask``.

    Returns
    -------
    str
        One line for a shell.
    """
    return shlex.join(["pipetask", *arguments])


def run_pipetask(arguments: Sequence[str], *, cwd: Path, log: Path, progress: Callable[[int], None]) -> None:
    """Run ``pipetask`` in a process of its own.

    Parameters
    ----------
    arguments
        What follows ``pipetask``.
    cwd
        The folder that relative paths in ``arguments`` start from.
    log
        The file that takes what the command prints.
    progress
        Told how many quanta have ended.

    Raises
    ------
    RepositoryError
        If the command fails, with the end of what it printed.
    """
    # The script beside this interpreter, which is the one that has the same packages.
    command = Path(sys.executable).with_name("pipetask")
    if not command.exists():
        raise RepositoryError("There is no pipetask beside this Python: install lsst-ctrl-mpexec.")
    log.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [command, *arguments],
            cwd=cwd,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                output.write(line)
                if _DONE in line:
                    done += 1
                    progress(done)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        tail = "".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[-_LAST_LINES:])
        raise RepositoryError(f"`{typed(arguments)}` ended with status {process.returncode}:\n{tail}")
