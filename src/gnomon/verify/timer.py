"""Timing code into a measurement."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import astropy.units as u

from gnomon import times
from gnomon.measurements import Datum, Measurement

__all__ = ["time_this_to_measurement"]


@contextmanager
def time_this_to_measurement(measurement: Measurement) -> Iterator[None]:
    """Time a block, or as a decorator each call of a function, and make the duration the measurement's value.

    Parameters
    ----------
    measurement
        Its metric must be a time; value, extras ``start`` and ``end`` (UTC) and note ``estimator`` are set,
        also where the block raises. A function that is called again overwrites them.

    Raises
    ------
    UnitMismatchError
        If the metric is no time.

    Examples
    --------
    >>> measurement = Measurement("demo.step_time")
    >>> with time_this_to_measurement(measurement):
    ...     total = sum(range(10))
    >>> measurement.unit_str, measurement.value >= 0
    ('s', True)
    """
    began, start = times.now(), time.perf_counter()
    try:
        yield
    finally:
        duration = time.perf_counter() - start
        measurement.quantity = duration * u.s
        # What the established tasks that measure times note, for those who look for it.
        measurement.notes["estimator"] = "verify.timer.time_this_to_measurement"
        measurement.extras["start"] = Datum(times.to_utc_iso(began, precision=6))
        measurement.extras["end"] = Datum(times.to_utc_iso(times.now(), precision=6))
