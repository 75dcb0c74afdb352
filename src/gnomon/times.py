"""Times: TAI inside, UTC at the edges.

Inside gnomon a moment is a count of microseconds of TAI since 1970-01-01T00:00:00 TAI, alone (`int`) or in
an array (``int64``); in Arrow tables the same number is a ``timestamp[us]`` without a time zone. At the
edges it is an ISO 8601 string in UTC that ends in ``Z``. `astropy.time.Time` does every conversion of scale.
"""

import datetime
from collections.abc import Iterable
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
    "now",
    "to_datetime",
    "to_tai_us",
    "to_utc_iso",
    "to_utc_isos",
]

# Nothing here needs Earth rotation, and no step may wait for a download.
iers.conf.auto_download = False

RUBIN_DAY_OBS_OFFSET = datetime.timedelta(hours=12)
"""How far behind TAI the Rubin observing day runs."""

_EPOCH_JD = 2440587.5  # 1970-01-01T00:00:00, in the scale of the time itself
_US_PER_DAY = 86_400_000_000


def to_tai_us(time: Time) -> Any:
    """Express times in TAI microseconds since 1970-01-01 TAI.

    Parameters
    ----------
    time
        Scalar or array time, any scale that leads to TAI.

    Returns
    -------
    int or numpy.ndarray of int64
        The same shape as ``time``.

    Notes
    -----
    Goes by Julian-date arithmetic, which keeps a microsecond exactly and is a hundred times quicker than a
    detour over ``datetime64``.
    """
    tai = time.tai
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
    return int(to_tai_us(Time.now()))


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
