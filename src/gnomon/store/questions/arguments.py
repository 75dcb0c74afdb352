"""What a person gives to the store, as the store takes it."""

import datetime
from collections.abc import Sequence

import numpy as np
from astropy.time import Time

from gnomon import times
from gnomon.errors import SchemaError, TimeFormatError, nearest
from gnomon.measurements import observations
from gnomon.measurements.rows import SCHEMA

__all__ = ["Moment", "Names", "to_columns", "to_interval", "to_list", "to_metadata", "to_moment"]

type Moment = Time | str | int | None
"""A time: astropy's, an ISO string in UTC, or TAI microseconds since 1970-01-01 TAI."""

type Names = str | Sequence[str]
"""One name or several."""


def to_list(given: Names) -> list[str]:
    """Give names as a list, one name too."""
    return [given] if isinstance(given, str) else list(given)


def to_columns(given: Sequence[str] | None) -> list[str]:
    """Check the names of columns of a stored measurement; `None` is all of them."""
    if given is None:
        return list(SCHEMA.names)
    for name in given:
        if name not in SCHEMA.names:
            raise SchemaError(f"A stored measurement has no column {name!r}.{nearest(name, SCHEMA.names)}")
    return list(dict.fromkeys(given))


def to_metadata(given: bool | Sequence[str]) -> tuple[str, ...]:
    """Check the names of columns of an observation; `True` is all of them."""
    if isinstance(given, bool):
        return observations.METADATA if given else ()
    for name in given:
        if name not in observations.METADATA:
            raise SchemaError(
                f"Of an observation, no {name!r} is kept.{nearest(name, observations.METADATA)}"
            )
    return tuple(dict.fromkeys(given))


def to_interval(given: tuple[Moment, Moment]) -> tuple[int | None, int | None]:
    """Give an interval in TAI microseconds.

    Raises
    ------
    TimeFormatError
        If it is none.
    """
    begin, end = (to_moment(moment) for moment in given)
    if begin is not None and end is not None and end < begin:
        raise TimeFormatError(f"The interval from {given[0]} to {given[1]} ends before it begins.")
    return begin, end


def to_moment(given: Moment) -> int | None:
    """Give a moment in TAI microseconds.

    Raises
    ------
    TimeFormatError
        If it is none.
    """
    match given:
        case None | int():
            return given
        case np.integer():
            return int(given)
        case str():
            return times.from_utc_iso(given)
        case Time() if given.isscalar:
            return int(times.to_tai_us(given))
        case datetime.datetime():
            raise TimeFormatError(
                "A datetime does not say its scale; give an astropy Time or a string in UTC."
            )
    raise TimeFormatError(f"A time is an astropy Time or a string in UTC, not {given!r}.")
