"""Finding a definition package on disk."""

import os
import re
from pathlib import Path

from gnomon.errors import DefinitionError, PackageNotFoundError, nearest

__all__ = ["find_package", "metric_files", "read_file", "specification_directories"]


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
    PackageNotFoundError
        If there is none (also an `OSError`).
    """
    given = os.fspath(directory_or_name)
    path = Path(given).expanduser()
    if not path.is_dir():
        variable = re.sub(r"[^A-Za-z0-9]", "_", given).upper() + "_DIR"
        directory = os.environ.get(variable)
        if directory is None:
            known = [
                name for name, folder in os.environ.items() if name.endswith("_DIR") and _is_package(folder)
            ]
            hint = nearest(variable, known) if given.isidentifier() else ""
            raise PackageNotFoundError(
                f"There is no definition package {given!r}: it is not a directory, and ${variable} is not "
                f"set.{hint}"
            )
        path = Path(directory)
        if not path.is_dir():
            raise PackageNotFoundError(f"${variable} is {directory!r}, which is not a directory.")
    if not _is_package(path):
        raise PackageNotFoundError(f"{path} is not a definition package: it has neither metrics/ nor specs/.")
    return path


def metric_files(package: Path, subset: str | None = None) -> list[Path]:
    """List the files of metrics of a definition package.

    Parameters
    ----------
    package
        Its directory.
    subset
        Only that of this package; it may have specifications and no metrics.

    Returns
    -------
    list of pathlib.Path
        Sorted.

    Raises
    ------
    PackageNotFoundError
        If nothing is defined for the package of ``subset``.
    """
    files = sorted((package / "metrics").glob("*.yaml"))
    if subset is None:
        return files
    _check_subset(package, subset)
    return [path for path in files if path.stem == subset]


def specification_directories(package: Path, subset: str | None = None) -> list[Path]:
    """List the directories of specifications of a definition package.

    Parameters
    ----------
    package
        Its directory.
    subset
        Only that of this package; it may have metrics and no specifications.

    Returns
    -------
    list of pathlib.Path
        Sorted.

    Raises
    ------
    PackageNotFoundError
        If nothing is defined for the package of ``subset``.
    """
    root = package / "specs"
    directories = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if subset is None:
        return directories
    _check_subset(package, subset)
    return [path for path in directories if path.name == subset]


def _check_subset(package: Path, subset: str) -> None:
    known = {path.stem for path in metric_files(package)}
    known.update(path.name for path in specification_directories(package))
    if subset not in known:
        raise PackageNotFoundError(
            f"{package} defines nothing for the package {subset!r}.{nearest(subset, known)}"
        )


def _is_package(folder: str | os.PathLike[str]) -> bool:
    return any((Path(folder) / part).is_dir() for part in ("metrics", "specs"))


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
        If it cannot be read; a `PackageNotFoundError` if it is not there (also an `OSError`).
    """
    try:
        return path.read_bytes()
    except OSError as error:
        kind = PackageNotFoundError if isinstance(error, FileNotFoundError) else DefinitionError
        unreadable = kind(f"It cannot be read: {error.strerror or error}.", file=str(path))
        unreadable.rule = "unreadable-file"
        raise unreadable from error
