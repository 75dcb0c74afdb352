"""Units of metrics and thresholds, read once and remembered."""

import re
from functools import lru_cache
from typing import Any

import astropy.units as u
import numpy as np
import numpy.typing as npt
from astropy.units.function.core import FunctionUnitBase

from gnomon.errors import DefinitionError, UnitMismatchError

__all__ = ["IncompatibleUnitsError", "convert", "parse_unit", "same_quantity", "unit_string"]


class IncompatibleUnitsError(UnitMismatchError, u.UnitConversionError):  # type: ignore[misc]  # untyped
    """Units that do not convert into one another, for those who catch astropy's own error too."""


def parse_unit(unit: Any) -> u.UnitBase:
    """Read a unit.

    Parameters
    ----------
    unit
        An astropy unit, or the string of one; the empty string and `None` are dimensionless.

    Returns
    -------
    astropy.units.UnitBase
        The unit.

    Raises
    ------
    DefinitionError
        If there is no such unit.

    Examples
    --------
    >>> parse_unit("mmag")
    Unit("mmag")
    """
    if isinstance(unit, u.UnitBase | FunctionUnitBase):
        return unit
    if unit is None:
        return u.dimensionless_unscaled
    if not isinstance(unit, str):
        raise DefinitionError(f"A unit is a string such as 'mmag', not {type(unit).__name__}: {unit!r}.")
    return _parse(unit)


_LONGEST = 1000
# Astropy computes powers of ten exactly, so one of a billion would take minutes.
_HUGE_POWER = re.compile(r"(?:\*\*|\^|[+-])[\s(+-]*\d{4,}")


@lru_cache(maxsize=1024)
def _parse(text: str) -> u.UnitBase:
    if len(text) > _LONGEST or _HUGE_POWER.search(text):
        raise DefinitionError(f"{text!r:.60} is not a unit.")
    try:
        unit = u.Unit(text)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        # The rest of what astropy says is for those who define units.
        hint = re.search(r" Did you mean [^?]*\?", " ".join(str(error).split()))
        raise DefinitionError(f"{text!r:.60} is not a unit.{hint[0] if hint else ''}") from error
    scale = getattr(unit, "scale", 1.0)
    # Astropy has units of structured arrays, and scales that no number can be converted with.
    if not isinstance(unit, u.UnitBase | FunctionUnitBase) or not np.isfinite(scale) or scale == 0:
        raise DefinitionError(f"{text!r:.60} is not the unit of a number.")
    return unit


def unit_string(unit: u.UnitBase) -> str:
    """Write a unit so that `parse_unit` reads it back.

    Parameters
    ----------
    unit
        The unit.

    Returns
    -------
    str
        Its generic string; empty for a dimensionless one.
    """
    # A physical unit hashes by what it is made of, so the string can be remembered safely.
    return _format(unit)


@lru_cache(maxsize=1024)
def _format(unit: u.UnitBase) -> str:
    return str(unit.to_string())


def convert(values: npt.ArrayLike, unit: u.UnitBase, target: u.UnitBase) -> npt.NDArray[np.float64]:
    """Convert numbers from one unit into another.

    Parameters
    ----------
    values
        Numbers, any shape.
    unit
        Their unit.
    target
        The wanted unit.

    Returns
    -------
    numpy.ndarray of float64
        The same shape; NaN stays NaN, and what is too large for the unit is infinite.

    Raises
    ------
    IncompatibleUnitsError
        If the units do not convert.
    """
    array = np.asarray(values, dtype=np.float64)
    if unit is target or unit == target:
        return array
    try:
        with np.errstate(over="ignore"):
            return np.asarray(u.Quantity(array, unit, subok=True).to_value(target), dtype=np.float64)
    except u.UnitConversionError as error:
        raise IncompatibleUnitsError(
            f"Values in {unit_string(unit) or 'no unit'} do not convert into "
            f"{unit_string(target) or 'no unit'}."
        ) from error


def same_quantity(a: u.Quantity, b: u.Quantity) -> bool:
    """Say whether two quantities are the same but for rounding, whatever their units.

    Parameters
    ----------
    a, b
        Quantities, of the same shape or not.

    Returns
    -------
    bool
        Whether shapes agree, units convert, and values agree to 1 part in 10^12; NaN equals NaN.
    """
    if a.shape != b.shape:
        return False
    try:
        values = convert(b.value, b.unit, a.unit)
    except IncompatibleUnitsError:
        return False
    return bool(np.allclose(a.value, values, rtol=1e-12, atol=0.0, equal_nan=True))
