"""Times: TAI inside, UTC at the edges.

Inside gnomon a moment is a count of microseconds of TAI since 1970-01-01T00:00:00 TAI, alone (`int`) or in
an array (``int64``); in Arrow tables the same number is a ``timestamp[us]`` without a time zone. At the
edges it is an ISO 8601 string in UTC that ends in ``Z``. `astropy.time.Time` does every conversion of scale.
"""

import datetime
import time
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.time import Time
from astropy.utils import iers

from gnomon.errors import TimeFormatError

__all__ = [
    "RUBIN_DAY_OBS_OFFSET",
    "day_obs",
    "from_datetime",
    "from_tai_us",
    "from_utc_iso",
    "from_utc_us",
    "now",
    "to_datetime",
    "to_tai_us",
    "to_utc_iso",
    "to_utc_isos",
    "to_utc_us",
]

# Nothing here needs Earth rotation, and no step may wait for a download.
iers.conf.auto_download = False

RUBIN_DAY_OBS_OFFSET = datetime.timedelta(hours=12)
"""How far behind TAI the Rubin observing day runs."""

_EPOCH_JD = 2440587.5  # 1970-01-01T00:00:00, in the scale of the time itself
_UTC_BY_SECONDS = 63_072_000_000_000  # 1972-01-01, a count of UTC
_US_PER_DAY = 86_400_000_000


def to_tai_us(moment: Time) -> Any:
    """Express times in TAI microseconds since 1970-01-01 TAI.

    Parameters
    ----------
    moment
        Scalar or array time, any scale that leads to TAI.

    Returns
    -------
    int or numpy.ndarray of int64
        The same shape as ``moment``.

    Notes
    -----
    Goes by Julian-date arithmetic, which keeps a microsecond exactly and is a hundred times quicker than a
    detour over ``datetime64``.
    """
    tai = moment.tai
    days = np.round(tai.jd1 - _EPOCH_JD)
    rest = (tai.jd1 - _EPOCH_JD - days) + tai.jd2
    result = days.astype(np.int64) * _US_PER_DAY + np.round(rest * _US_PER_DAY).astype(np.int64)
    return int(result) if np.ndim(result) == 0 else result


def from_tai_us(microseconds: int | npt.NDArray[np.int64]) -> Time:
    """Turn TAI microseconds since 1970-01-01 TAI into times.

    Parameters
    ----------
    microseconds
        A number or an array of them.

    Returns
    -------
    astropy.time.Time
        Scale ``tai``, the same shape.
    """
    days, rest = np.divmod(np.asarray(microseconds, dtype=np.int64), _US_PER_DAY)
    return Time(_EPOCH_JD + days, rest / _US_PER_DAY, format="jd", scale="tai")


def from_utc_iso(text: str) -> int:
    """Read an ISO 8601 moment in UTC.

    Parameters
    ----------
    text
        Such as ``2025-06-21T03:04:05``, with or without a ``Z``. Another offset is refused.

    Returns
    -------
    int
        TAI microseconds since 1970-01-01 TAI.

    Raises
    ------
    TimeFormatError
        If ``text`` is not such a moment.

    Examples
    --------
    >>> from_utc_iso("2025-06-21T03:04:05Z") - from_utc_iso("2025-06-21T03:04:04Z")
    1000000
    """
    try:
        return int(to_tai_us(Time(text.removesuffix("Z").strip(), format="isot", scale="utc")))
    except (ValueError, TypeError, AttributeError) as error:
        raise TimeFormatError(
            f"{text!r} is not a time in UTC; expected for example 2025-06-21T03:04:05Z."
        ) from error


def from_utc_us(microseconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Turn many counts of UTC into TAI microseconds since 1970-01-01 TAI.

    Parameters
    ----------
    microseconds
        Any shape: microseconds of UTC since 1970-01-01T00:00:00 UTC as Unix, Arrow and pandas count them,
        leap seconds left out, so that a leap second has the same counts as the one after it.

    Returns
    -------
    numpy.ndarray of int64
        The same shape; later counts never become earlier moments.

    Raises
    ------
    TimeFormatError
        If one lies before 1972, when UTC did not run by seconds.

    Notes
    -----
    There are few leap seconds, so that an addition for each of them, to all counts at once, does.

    Examples
    --------
    >>> (from_utc_us([1_483_228_799_000_000, 1_483_228_800_000_000]) - 1_483_228_800_000_000).tolist()
    [35000000, 37000000]
    """
    utc = np.asarray(microseconds, dtype=np.int64)
    if not utc.size:
        return utc.copy()
    months, offsets = _leap_seconds(int(utc.min()), int(utc.max()))
    tai = np.asarray(utc + offsets[0])
    for month, step in zip(months[1:], np.diff(offsets), strict=True):
        tai += (utc >= month) * step
    return tai


def to_utc_us(microseconds: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Turn TAI microseconds since 1970-01-01 TAI into counts of UTC.

    Parameters
    ----------
    microseconds
        Any shape.

    Returns
    -------
    numpy.ndarray of int64
        The same shape: what `from_utc_us` takes.

    Raises
    ------
    TimeFormatError
        If one lies before 1972, when UTC did not run by seconds.
    """
    tai = np.asarray(microseconds, dtype=np.int64)
    if not tai.size:
        return tai.copy()
    # A minute earlier, since that is more than UTC is behind.
    begin = int(tai.min())
    months, offsets = _leap_seconds(max(begin - 60_000_000, min(begin, _UTC_BY_SECONDS)), int(tai.max()))
    return np.asarray(tai - offsets[np.searchsorted(months + offsets, tai, side="right") - 1])


def _leap_seconds(begin: int, end: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Say from which counts of UTC on TAI is ahead of UTC by how much; the first is not after ``begin``."""
    if begin < _UTC_BY_SECONDS:
        raise TimeFormatError(
            f"{np.datetime64(begin, 'us')} is before 1972, when UTC did not run by seconds: give such times "
            "in TAI."
        )
    first, last = (np.datetime64(moment, "us").astype("datetime64[M]") for moment in (begin, end))
    months = np.arange(first, last + np.timedelta64(1, "M"))
    utc = months.astype("datetime64[us]").astype(np.int64)
    with warnings.catch_warnings():
        # Of the far future, astropy warns that leap seconds are not known.
        warnings.simplefilter("ignore")
        tai = to_tai_us(Time(_EPOCH_JD + utc // _US_PER_DAY, 0.0, format="jd", scale="utc"))
    offsets = np.asarray(tai - utc, dtype=np.int64)
    changes = np.flatnonzero(np.diff(offsets, prepend=np.int64(0)))
    return utc[changes], offsets[changes]


def to_utc_iso(microseconds: int, *, precision: int = 3) -> str:
    """Write a moment as ISO 8601 in UTC.

    Parameters
    ----------
    microseconds
        TAI microseconds since 1970-01-01 TAI.
    precision
        Digits after the second's point, 0 to 6.

    Returns
    -------
    str
        Such as ``2025-06-21T03:04:05.000Z``.
    """
    return to_utc_isos([microseconds], precision=precision)[0]


def to_utc_isos(microseconds: Iterable[int], *, precision: int = 3) -> list[str]:
    """Write many moments as ISO 8601 in UTC, in one conversion.

    Parameters
    ----------
    microseconds
        TAI microseconds since 1970-01-01 TAI.
    precision
        Digits after the second's point, 0 to 6.

    Returns
    -------
    list of str
        One each, in order.
    """
    values = np.fromiter(microseconds, dtype=np.int64)
    if not len(values):
        return []
    times = from_tai_us(values).utc
    times.precision = precision
    return [f"{text}Z" for text in times.isot]


def now() -> int:
    """Give the present moment.

    Returns
    -------
    int
        TAI microseconds since 1970-01-01 TAI.
    """
    utc = time.time_ns() // 1000
    # Leap seconds come with a new day, and a conversion by astropy costs as much as writing to disk.
    return utc + _tai_minus_utc(utc // _US_PER_DAY)


@lru_cache(maxsize=8)
def _tai_minus_utc(day: int) -> int:
    """Give what TAI is ahead of UTC on a day, counted from 1970, in microseconds."""
    noon = Time(_EPOCH_JD + day, 0.5, format="jd", scale="utc")
    return int(to_tai_us(noon)) - day * _US_PER_DAY - _US_PER_DAY // 2


def to_datetime(microseconds: int) -> datetime.datetime:
    """Give a moment as the naive `datetime.datetime` (TAI) that Arrow's ``timestamp[us]`` holds.

    Parameters
    ----------
    microseconds
        TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    datetime.datetime
        Without a time zone; the clock reads TAI.
    """
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=int(microseconds))


def from_datetime(moment: datetime.datetime) -> int:
    """Read the naive `datetime.datetime` (TAI) that Arrow's ``timestamp[us]`` holds.

    Parameters
    ----------
    moment
        Without a time zone; the clock reads TAI.

    Returns
    -------
    int
        TAI microseconds since 1970-01-01 TAI.

    Raises
    ------
    TimeFormatError
        If it has a time zone, and so is not TAI.
    """
    if moment.tzinfo is not None:
        raise TimeFormatError(f"{moment!r} has a time zone; a naive datetime in TAI is expected.")
    return (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def day_obs(microseconds: int, *, offset: datetime.timedelta = RUBIN_DAY_OBS_OFFSET) -> int:
    """Give the observing day of a moment.

    Parameters
    ----------
    microseconds
        TAI microseconds since 1970-01-01 TAI.
    offset
        How far behind TAI the instrument's day runs.

    Returns
    -------
    int
        ``YYYYMMDD``, the date of TAI minus ``offset``.

    Examples
    --------
    >>> day_obs(from_utc_iso("2025-06-21T03:04:05Z"))
    20250620
    """
    date = to_datetime(microseconds) - offset
    return date.year * 10_000 + date.month * 100 + date.day
