"""Whether what is asked is recent enough to be believed."""

from datetime import timedelta

from gnomon import times
from gnomon.annotations import Annotations, Cut
from gnomon.errors import ExclusionsOutOfDateError, ExclusionsUnavailableError

__all__ = ["check_annotations", "check_moment", "newest_event"]


def newest_event(annotations: Annotations) -> int | None:
    """Say when the newest event of a log was recorded.

    Parameters
    ----------
    annotations
        The log.

    Returns
    -------
    int or None
        TAI microseconds; None if there is no event.
    """
    reached = annotations.cut()
    before = Cut.of({origin: number - 1 for origin, number in reached})
    return max((event.recorded_at for event in annotations.events(after=before)), default=None)


def check_annotations(annotations: Annotations, max_age: timedelta | None) -> None:
    """Refuse a log that is empty, or whose newest event is too old.

    A log that nobody ever wrote into is most likely not the one that is meant: an empty one is made wherever
    a path is mistyped.

    Parameters
    ----------
    annotations
        The log.
    max_age
        How old it may be; None means any age.

    Raises
    ------
    ExclusionsUnavailableError
        If there is no event at all.
    ExclusionsOutOfDateError
        If the newest is older.
    """
    if not annotations.cut():
        raise ExclusionsUnavailableError(
            "The log of annotations has no event at all, so that nothing can be left out by it. Is it the "
            "right one?"
        )
    if max_age is not None:
        check_moment(newest_event(annotations), max_age, "event of the annotations")


def check_moment(newest: int | None, max_age: timedelta, what: str) -> None:
    """Refuse what is too old.

    Parameters
    ----------
    newest
        The moment of the newest entry, TAI microseconds; None if there is none.
    max_age
        How old it may be.
    what
        What sort of entry.

    Raises
    ------
    ExclusionsOutOfDateError
        If it is older, or there is none.
    """
    if newest is None:
        raise ExclusionsOutOfDateError(
            f"There is no {what} at all, and it may be at most {_in_words(max_age)} old."
        )
    age = timedelta(microseconds=times.now() - newest)
    if age > max_age:
        raise ExclusionsOutOfDateError(
            f"The newest {what} is of {times.to_utc_iso(newest)}, {_in_words(age)} ago; at most "
            f"{_in_words(max_age)} is allowed. Bring it up to date, or allow a greater age."
        )


def _in_words(age: timedelta) -> str:
    seconds = age.total_seconds()
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} seconds"
