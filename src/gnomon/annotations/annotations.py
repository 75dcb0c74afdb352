"""The room's front door: say something of the data, and ask what was said and what holds."""

import os
from types import TracebackType
from typing import Self

from gnomon.annotations import checks
from gnomon.annotations.asking import Asking
from gnomon.annotations.keeping import Keeping
from gnomon.annotations.storage.database import Progress, open_database
from gnomon.annotations.writing import Writing

__all__ = ["Annotations", "open_annotations"]


def open_annotations(
    uri: str | os.PathLike[str] | None = None,
    *,
    origin: str | None = None,
    upgrade: bool = False,
    progress: Progress | None = None,
) -> "Annotations":
    """Open the annotations; make an empty log if there is none.

    Parameters
    ----------
    uri
        A path, ``sqlite:///path`` or ``postgresql+psycopg://host/database``; None takes it from the settings.
    origin
        The name under which events are recorded; None takes it from the settings.
    upgrade
        Whether the tables of an older gnomon on PostgreSQL are taken to the present version; a SQLite file
        always is.
    progress
        Told how many events are done, and of how many, when tables are upgraded.

    Returns
    -------
    Annotations
        To be closed, or used as a context manager.

    Raises
    ------
    AnnotationLogError
        If ``uri`` cannot be understood or what it names cannot be opened, or has tables of another version.
    NotOursError
        If it names a file or database that gnomon did not make; it is left as it is.
    AnnotationError
        If ``origin`` is not a name.
    """
    if uri is None or origin is None:
        from gnomon import settings  # only here: whoever says both needs no configuration

        configured = settings.load()
        uri = configured.annotations if uri is None else uri
        origin = configured.origin if origin is None else origin
    checks.origin(origin)
    return Annotations(open_database(uri, upgrade=upgrade, progress=progress), origin=origin)


class Annotations(Writing, Asking, Keeping):
    """What people and bots say about the data. Get one from `open_annotations`.

    Parameters
    ----------
    database
        Where the log is kept.
    origin
        The name under which events are recorded.

    Notes
    -----
    May be shared between threads. Every method is one transaction: it happens as a whole or not at all, and
    when it has returned it is on disk. What it does stands in three parts: `gnomon.annotations.writing` says
    something, `gnomon.annotations.asking` asks, `gnomon.annotations.keeping` looks after the log itself.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
