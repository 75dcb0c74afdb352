"""Saving a file so that an old one stays until the new one is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsst.resources import ResourcePath

from gnomon.errors import RepositoryError

__all__ = ["check_place", "replacing"]

_EXTENSIONS = (".qg", ".qgraph")


def check_place(place: str) -> None:
    """Refuse a place to which no graph can be saved, before the work of building one.

    Parameters
    ----------
    place
        A path or URI.

    Raises
    ------
    RepositoryError
        If its name does not end as that of a graph must, or its folder is missing or cannot be written to.
    """
    target = ResourcePath(place, forceAbsolute=True)
    if (extension := target.getExtension()) not in _EXTENSIONS:
        raise RepositoryError(
            f"A quantum graph cannot be saved to {place!r}: its name ends in {extension or 'nothing'!r}; "
            "expected is .qg (or .qgraph for the old format)."
        )
    if not target.isLocal:
        return
    path = Path(target.ospath)
    if path.is_dir():
        raise RepositoryError(f"A quantum graph cannot be saved to {place!r}, which is a folder.")
    folder = path.parent
    if not folder.is_dir():
        raise RepositoryError(f"A quantum graph cannot be saved to {place!r}: there is no folder {folder}.")
    if not os.access(folder, os.W_OK):
        raise RepositoryError(f"A quantum graph cannot be saved to {place!r}: {folder} cannot be written to.")


@contextmanager
def replacing(place: str) -> Iterator[str]:
    """Give a place to write to that takes the place of a file when all went well.

    Parameters
    ----------
    place
        A path or URI.

    Yields
    ------
    str
        Where to write: a file beside the one that is meant, or the URI itself where it is not local, since
        an object store shows an object only when it is whole.

    Raises
    ------
    RepositoryError
        If it cannot be written, for example since the disk is full.
    """
    target = ResourcePath(place, forceAbsolute=True)
    if not target.isLocal:
        yield place
        return
    path = Path(target.ospath)
    # The extension says the format, and so stays the last part of the name.
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.unfinished{path.suffix}")
    try:
        yield str(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise RepositoryError(f"A quantum graph cannot be saved to {place!r}: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
