"""Releases of the established pipelines: their tags, and the time that a tag stands for.

A weekly release has a tag such as ``w_2025_10``, a daily one such as ``d_2025_03_04``, an official one such
as ``v29_0_0``; dots stand for the underscores in some places. Only the first two say a date.
"""

import datetime
import re

from gnomon import times
from gnomon.errors import TimeFormatError

__all__ = ["release_tags", "released_at"]

_TAG = re.compile(
    r"(?<![A-Za-z0-9_.])(?:"
    r"w(?P<weekly>[_.])\d{4}(?P=weekly)\d{2}"
    r"|d(?P<daily>[_.])\d{4}(?P=daily)\d{2}(?P=daily)\d{2}"
    r"|v(?P<official>\d+(?:[_.]\d+)+(?:[_.]rc\d+)?)"
    r")(?![A-Za-z0-9_.])",
    re.ASCII,
)
_THURSDAY = 4  # of the ISO week, the day from which a weekly release is to be had


def release_tags(text: str) -> list[str]:
    """Find the tags of releases in a text.

    Parameters
    ----------
    text
        Such as the version of a package, ``g4bb8b1bd21+9b30730ed8 (w_2025_10 d_2025_03_04)``.

    Returns
    -------
    list of str
        With underscores; official ones first, then weekly, then daily ones, each kind as it stood.

    Examples
    --------
    >>> release_tags("g4bb8b1bd21+9b30730ed8 (d_2025_03_04 w_2025_10)")
    ['w_2025_10', 'd_2025_03_04']
    """
    found = [match[0].replace(".", "_") for match in _TAG.finditer(text)]
    return sorted(dict.fromkeys(found), key=lambda tag: "vwd".index(tag[0]))


def released_at(text: str) -> int | None:
    """Give the time that the tag of a weekly or daily release stands for.

    Parameters
    ----------
    text
        A tag, or a text with tags in it, such as the software of a stored measurement.

    Returns
    -------
    int or None
        TAI microseconds: midnight UTC of the day of a daily release, and of the Thursday of a weekly one. Of
        several tags the earliest counts. `None` where none says a date.

    Raises
    ------
    TimeFormatError
        If there is no such day or week.

    Notes
    -----
    Established pipelines send their metrics to dashboards under this time, and count the weeks so: by the ISO
    calendar, but a week earlier in years that begin on a Friday or Saturday.

    Examples
    --------
    >>> times.to_utc_iso(released_at("lsst_distrib w_2025_10"), precision=0)
    '2025-03-06T00:00:00Z'
    """
    dates = [date for tag in release_tags(text) if (date := _date(tag)) is not None]
    return times.from_utc_iso(f"{min(dates).isoformat()}T00:00:00Z") if dates else None


def _date(tag: str) -> datetime.date | None:
    kind, *numbers = tag.split("_")
    if kind not in ("w", "d"):
        return None
    try:
        if kind == "d":
            year, month, day = map(int, numbers)
            return datetime.date(year, month, day)
        year, week = map(int, numbers)
        late = datetime.date(year, 1, 1).isoweekday() in (5, 6)
        if late and week > 1:
            return datetime.date.fromisocalendar(year, week - 1, _THURSDAY)
        first = datetime.date.fromisocalendar(year, week, _THURSDAY)
        return first - datetime.timedelta(weeks=1) if late else first
    except ValueError as error:
        raise TimeFormatError(
            f"{tag!r} is not the tag of a release, since there is no such date; expected for example "
            "w_2025_10 or d_2025_03_04."
        ) from error
