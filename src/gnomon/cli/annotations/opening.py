"""Which log is meant, and the options that all of these commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import annotations_option

if TYPE_CHECKING:
    from gnomon.annotations import Annotations, Cut

__all__ = ["log_options", "opened", "progress_bar", "read_moment", "refuse_missing"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_config_option: Decorator = click.option(
    "--config", metavar="FILE", help="A configuration file; by default $GNOMON_CONFIG or the one in the home."
)


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which log is meant.

    Parameters
    ----------
    command
        A command with parameters ``annotations`` and ``config``.

    Returns
    -------
    callable
        The command.
    """
    return annotations_option(_config_option(command))


@contextmanager
def opened(
    annotations: str | None,
    config: str | None,
    *,
    existing: bool = False,
    upgrade: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> "Iterator[Annotations]":
    """Open the log that is meant.

    Parameters
    ----------
    annotations, config
        What the options say.
    existing
        Whether a log that the option names must be there, since the command only reads: a mistyped name would
        otherwise be answered by the emptiness of a new log.
    upgrade, progress
        As of `gnomon.annotations.open_annotations`.

    Yields
    ------
    Annotations
        The log.

    Raises
    ------
    AnnotationLogError
        If it must be there and is not.
    """
    from gnomon import settings
    from gnomon.annotations import open_annotations

    if existing and annotations:
        refuse_missing(annotations)
    configured = settings.load(config=config, annotations=annotations)
    with open_annotations(
        configured.annotations, origin=configured.origin, upgrade=upgrade, progress=progress
    ) as log:
        yield log


def refuse_missing(uri: str) -> None:
    """Refuse a log that is not there, where opening it would make an empty one.

    Parameters
    ----------
    uri
        A path or URI.

    Raises
    ------
    AnnotationLogError
        If it names a file that does not exist.
    """
    from gnomon.databases import missing_file
    from gnomon.errors import AnnotationLogError

    if (path := missing_file(uri)) is not None:
        raise AnnotationLogError(f"There is no log of annotations at {path}.")


def read_moment(text: str | None) -> "Cut | int | None":
    """Read a cut or a time.

    Parameters
    ----------
    text
        Such as ``summit:1042,usdf:77``, or a time in UTC such as ``2025-06-21T03:04:05Z``.

    Returns
    -------
    Cut, int or None
        A cut, TAI microseconds, or None for no text.
    """
    if text is None:
        return None
    from gnomon import times
    from gnomon.annotations import Cut
    from gnomon.errors import CutError, TimeFormatError

    try:
        return times.from_utc_iso(text)
    except TimeFormatError:
        try:
            return Cut.parse(text)
        except CutError:
            raise CutError(
                f"{text!r} is neither a cut, such as summit:1042,usdf:77, nor a time in UTC, such as "
                "2025-06-21T03:04:05Z."
            ) from None


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far something is.

    Parameters
    ----------
    what
        What is being done.

    Yields
    ------
    callable
        To be told how much is done, and of how much.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
