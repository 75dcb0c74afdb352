"""Finding a definition package on disk."""

import os
import re
from pathlib import Path

from gnomon.errors import DefinitionError, nearest

__all__ = ["find_package", "read_file"]


def find_package(directory_or_name: str | os.PathLike[str]) -> Path:
    """Find the directory of a definition package.

    Parameters
    ----------
    directory_or_name
        A directory, or a name such as ``verify_metrics`` whose variable ``VERIFY_METRICS_DIR`` holds one.

    Returns
    -------
    pathlib.Path
        The directory; it has ``metrics`` or ``specs`` or both.

    Raises
    ------
    DefinitionError
        If there is none.
    """
    given = os.fspath(directory_or_name)
    path = Path(given).expanduser()
    if not path.is_dir():
        variable = re.sub(r"[^A-Za-z0-9]", "_", given).upper() + "_DIR"
        directory = os.environ.get(variable)
        if directory is None:
            known = [name for name in os.environ if name.endswith("_DIR")]
            hint = nearest(variable, known) if given.isidentifier() else ""
            raise DefinitionError(
                f"There is no definition package {given!r}: it is not a directory, and ${variable} is not "
                f"set.{hint}"
            )
        path = Path(directory)
        if not path.is_dir():
            raise DefinitionError(f"${variable} is {directory!r}, which is not a directory.")
    if not (path / "metrics").is_dir() and not (path / "specs").is_dir():
        raise DefinitionError(f"{path} is not a definition package: it has neither metrics/ nor specs/.")
    return path


def read_file(path: Path) -> bytes:
    """Read a definition file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bytes
        What it holds.

    Raises
    ------
    DefinitionError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DefinitionError(f"It cannot be read: {error.strerror or error}.", file=str(path)) from error
