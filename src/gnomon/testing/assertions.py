"""Saying what a measurement ought to be."""

from typing import Any

import astropy.units as u
import numpy as np

from gnomon.measurements import Measurement

__all__ = ["assert_measured"]


def assert_measured(
    measurement: Measurement | None,
    metric: str,
    quantity: Any,
    *,
    rtol: float = 1e-9,
    atol: Any = 0.0,
    uncertainty: Any = None,
    count: int | None = None,
) -> None:
    """Assert that a metric was measured, with a value in a unit.

    Parameters
    ----------
    measurement
        What a task gave.
    metric
        The name of the metric, ``package.metric``.
    quantity
        The expected value: a quantity, in any unit that converts; a bare number is dimensionless. NaN equals
        NaN.
    rtol
        How far the value, and the uncertainty, may be off, as a part of what is expected.
    atol
        How far the value may be off at least: a quantity, or a number in the unit of ``quantity``.
    uncertainty
        The expected standard uncertainty: a quantity, or a number in the unit of ``quantity``. Not looked at
        by default.
    count
        The expected number of samples. Not looked at by default.

    Raises
    ------
    AssertionError
        If it is otherwise; it says what was measured.
    """
    if measurement is None:
        raise AssertionError(f"{metric} was not measured.")
    if str(measurement.metric_name) != metric:
        raise AssertionError(f"{measurement.metric_name} was measured, not {metric}.")
    if measurement.quantity is None:
        raise AssertionError(f"{metric} has no value.")
    expected = u.Quantity(quantity, subok=True)
    _compare(f"{metric} is", measurement.quantity, expected, rtol, _number(atol, expected))
    if uncertainty is not None:
        if measurement.uncertainty is None:
            raise AssertionError(f"{metric} has no uncertainty.")
        wanted = u.Quantity(_number(uncertainty, expected), expected.unit, subok=True)
        _compare(f"The uncertainty of {metric} is", measurement.uncertainty, wanted, rtol, 0.0)
    if count is not None and measurement.count != count:
        raise AssertionError(f"{metric} was made of {measurement.count} samples, not of {count}.")


def _number(value: Any, expected: u.Quantity) -> float:
    return float(value.to_value(expected.unit) if isinstance(value, u.Quantity) else value)


def _compare(what: str, found: u.Quantity, expected: u.Quantity, rtol: float, atol: float) -> None:
    try:
        value = found.to_value(expected.unit)
    except u.UnitConversionError:
        raise AssertionError(f"{what} {found}, which is not in {expected.unit}.") from None
    if not np.isclose(value, expected.value, rtol=rtol, atol=atol, equal_nan=True):
        raise AssertionError(f"{what} {found}, not {expected}: off by {value - expected.value:.3g}.")
