"""What the engines below the store raise, turned into errors of the store at one place.

Delta Lake, Polars and Arrow each have errors of their own, and on a damaged file one of them may panic, which
is not even an `Exception`. Whatever it is, a person gets one sentence and no trace.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from types import TracebackType
from typing import Concatenate

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from gnomon.errors import GnomonError, StoreError, StoreFileGoneError
from gnomon.settings import redact

__all__ = ["again_where_a_file_went", "in_one_line", "reading_of"]

_ABSENT = ("No such file", "NoSuchKey", "Not Found", "not found", "404")
_LONGEST = 400
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|\u21b3")
_ENGINES = (pl.exceptions.PolarsError, pa.ArrowException, DeltaError, OSError)
_HINT = "`gnomon store check` says what is wrong."


def in_one_line(error: BaseException) -> str:
    """Say what an engine had to say, without its stack and without secrets."""
    text = _COLOURS.sub("", str(error)).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    # What follows is where in its own code the engine noticed it.
    ends = [place for place, line in enumerate(lines) if line.startswith(("0:", "stack backtrace"))]
    return redact(" ".join(lines[: ends[0] if ends else None])[:_LONGEST])


def reading_of(what: str) -> AbstractContextManager[None, None]:
    """Turn whatever goes wrong while something is read into an error of the store.

    Parameters
    ----------
    what
        What is read, as the beginning of a sentence.

    Returns
    -------
    contextlib.AbstractContextManager
        It raises `StoreFileGoneError` if a file is not there, and `StoreError` if something cannot be read
        for another reason.
    """
    return _Reading(what)


class _Reading(AbstractContextManager[None, None]):
    def __init__(self, what: str) -> None:
        self._what = what

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Each library compiled from Rust has a class of its own for panics, not all of which can be imported.
        if error is not None and type(error).__name__ == "PanicException":
            raise StoreError(
                f"{self._what} cannot be read, because it is damaged: {in_one_line(error)}. {_HINT}"
            ) from None
        if not isinstance(error, _ENGINES) or isinstance(error, GnomonError):
            return
        text = in_one_line(error)
        gone = isinstance(error, FileNotFoundError) or any(sign in text for sign in _ABSENT)
        gone = gone and "NoSuchBucket" not in str(error)
        raise (StoreFileGoneError if gone else StoreError)(
            f"{self._what} cannot be read: {text.rstrip('.')}. {_HINT}"
        ) from error


def again_where_a_file_went[**P, S, R](
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Answer once more where a file went while it was to be read.

    Maintenance deletes files that no table has any more, and a reader may have looked at a table before. The
    table has been changed since then, and is loaded again; a file that is lost is missed a second time.

    Parameters
    ----------
    method
        What reads.

    Returns
    -------
    Callable
        The same.
    """

    @wraps(method)
    def twice(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except StoreFileGoneError:
            return method(self, *args, **kwargs)

    return twice
