"""Units of metrics and thresholds, read once and remembered."""

from functools import lru_cache
from typing import Any

import astropy.units as u
from astropy.units.function.core import FunctionUnitBase

from gnomon.errors import DefinitionError

__all__ = ["parse_unit", "unit_string"]


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


@lru_cache(maxsize=1024)
def _parse(text: str) -> u.UnitBase:
    try:
        return u.Unit(text)
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"{text!r} is not a unit: {error}") from error


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
