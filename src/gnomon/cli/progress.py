"""A progress bar for long work, on standard error, so that what is printed can be read by a program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far some work is.

    Parameters
    ----------
    label
        What is done, such as ``Checking files``.

    Yields
    ------
    Callable
        To be called with how many are done of how many; a total that changes begins anew.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
