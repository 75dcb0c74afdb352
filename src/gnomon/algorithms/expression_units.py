"""The units of expressions, from those of the columns.

Polars calculates with bare numbers. What can be said of the units beforehand is said here: which one a result
has, and where numbers in different units would be added or compared as if they were in the same.
"""

from collections.abc import Iterable, Mapping

import astropy.units as u
from astropy.units.function.core import FunctionUnitBase

from gnomon.definitions.units import parse_unit, unit_string
from gnomon.errors import UnitMismatchError
from gnomon.expressions import Expression, tree

__all__ = ["BARE", "Bare", "UnitOrBare", "product_of", "same_unit", "sum_of", "unit_of"]

_ANGLES = (u.rad, u.dimensionless_unscaled)
_SAME = frozenset({"abs", "ceil", "floor"})
_ALIKE = frozenset({"hypot", "max", "min"})


class Bare:
    """Of a number in the expression: it is taken to be in whatever unit it meets."""


BARE = Bare()
"""The unit of a number that has none."""

type UnitOrBare = u.UnitBase | Bare | None
"""A unit, that of a bare number, or `None` where it is not known."""


def unit_of(expression: Expression, units: Mapping[str, u.UnitBase]) -> u.UnitBase | None:
    """Say in which unit the values of an expression are.

    Parameters
    ----------
    expression
        The expression.
    units
        Those of the columns, where they are known.

    Returns
    -------
    astropy.units.UnitBase or None
        `None` where it cannot be known: a column has no unit, or a function, such as a logarithm, makes of a
        value what no unit says; and of a condition.

    Raises
    ------
    UnitMismatchError
        If values are added or compared that are known to be in different units, or an angle in another unit
        than radians is handed to a function that takes radians.
    """
    unit = _unit(expression.root, units)
    return None if isinstance(unit, Bare) else unit


def _unit(node: tree.Node, units: Mapping[str, u.UnitBase]) -> UnitOrBare:
    parts = [_unit(child, units) for child in node.children()]
    match node:
        case tree.Name():
            return units.get(node.name)
        case tree.Number():
            return BARE
        case tree.Quantity():
            return parse_unit(node.unit)
        case tree.Negative():
            return parts[0]
        case tree.Arithmetic(operator="*" | "/" as operator):
            return product_of(operator, *parts)
        case tree.Arithmetic():
            return sum_of(node, *parts)
        case tree.Comparison():
            same_unit(node, parts)
        case tree.Call():
            return _called(node, parts)
    return None


def _called(node: tree.Call, parts: list[UnitOrBare]) -> UnitOrBare:
    name, unit = node.function, parts[0]
    if name in _SAME:
        return unit
    if name in _ALIKE:
        return same_unit(node, parts)
    if name in ("sin", "cos", "tan", "degrees"):
        if not isinstance(unit, Bare) and unit is not None and unit not in _ANGLES:
            raise UnitMismatchError(f"{name} takes radians; {node.arguments[0]} is in {_shown(unit)}.")
        return u.deg if name == "degrees" else u.dimensionless_unscaled
    if name in ("atan2", "radians"):
        if name == "atan2":
            same_unit(node, parts)
        return u.rad
    power = _power(node)
    if power is None or unit is None or isinstance(unit, FunctionUnitBase):
        return None
    return unit if isinstance(unit, Bare) else unit**power


def _power(node: tree.Call) -> float | None:
    if node.function == "sqrt":
        return 0.5
    if node.function != "pow":
        return None
    exponent = node.arguments[1]
    sign = 1
    if isinstance(exponent, tree.Negative):
        sign, exponent = -1, exponent.operand
    return sign * exponent.value if isinstance(exponent, tree.Number) else None


def product_of(operator: str, left: UnitOrBare, right: UnitOrBare) -> UnitOrBare:
    """Say in which unit a product or quotient is."""
    if isinstance(left, Bare) and isinstance(right, Bare):
        return BARE
    first, second = (u.dimensionless_unscaled if isinstance(unit, Bare) else unit for unit in (left, right))
    if first is None or second is None or isinstance(first, FunctionUnitBase):
        return None
    if isinstance(second, FunctionUnitBase):
        return None
    product: u.UnitBase = first * second if operator == "*" else first / second
    return product


def sum_of(node: tree.Arithmetic, left: UnitOrBare, right: UnitOrBare) -> UnitOrBare:
    """Say in which unit a sum or difference is."""
    logarithmic = [unit for unit in (left, right) if isinstance(unit, FunctionUnitBase)]
    if not logarithmic or isinstance(left, Bare) or isinstance(right, Bare):
        return same_unit(node, [left, right])
    if left is None or right is None:
        return None
    # Magnitudes of one system differ by plain magnitudes, and take them on.
    scale = logarithmic[0].function_unit
    if left == right:
        return scale if node.operator == "-" else None
    if scale in (left, right):
        system: u.UnitBase = logarithmic[0]
        return system
    return same_unit(node, [left, right])


def same_unit(node: tree.Node, parts: Iterable[UnitOrBare]) -> UnitOrBare:
    """Say which unit values share; refuse values that are known to be in different ones."""
    found: UnitOrBare = BARE
    for unit in parts:
        if unit is None or isinstance(unit, Bare):
            found = None if unit is None else found
        elif isinstance(found, Bare):
            found = unit
        elif found is not None and unit != found:
            raise UnitMismatchError(
                f"{node} takes values in {_shown(found)} and in {_shown(unit)} as if they were in one unit."
            )
    return found


def _shown(unit: u.UnitBase) -> str:
    return unit_string(unit) or "no unit"
