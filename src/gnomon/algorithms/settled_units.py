"""Expressions over quantities made into expressions over bare numbers.

Polars calculates with bare numbers, so before it does, every number with a unit and every column in another
unit is brought into the unit of what it meets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import astropy.units as u
from astropy.units.function.core import FunctionUnitBase

from gnomon.algorithms.expression_units import BARE, Bare, UnitOrBare, product_of, same_unit, sum_of, unit_of
from gnomon.definitions.units import convert, parse_unit, unit_string
from gnomon.errors import DefinitionError, ExpressionError, UnitMismatchError
from gnomon.expressions import Expression, tree
from gnomon.expressions.tokens import fail

__all__ = ["has_bare_numbers", "settle_units", "without_units"]

_ALIKE = frozenset({"hypot", "max", "min", "atan2"})
_OF_RADIANS = frozenset({"sin", "cos", "tan", "degrees"})

type _Settled = tuple[tree.Node, UnitOrBare]


def settle_units(expression: Expression, units: Mapping[str, u.UnitBase | Bare]) -> Expression:
    """Bring all that an expression compares or adds into one unit each.

    Parameters
    ----------
    expression
        The expression; its numbers may have units.
    units
        Those of the columns, where they are known; `gnomon.algorithms.expression_units.BARE` for a column
        that has no values, and so may be in any.

    Returns
    -------
    Expression
        One that means the same of the columns' bare numbers. A number without a unit is left as it is: it is
        in the unit of what it meets.

    Raises
    ------
    UnitMismatchError
        If units do not convert, or a number with a unit meets what has none that is known.
    ExpressionError
        If a unit cannot be read; the message shows where.

    Examples
    --------
    >>> from gnomon.expressions import parse
    >>> str(settle_units(parse("seeing > 2 arcsec"), {"seeing": u.mas}))
    'seeing > 2000.0'
    """
    root, _ = _Settling(units, expression.text).node(expression.root)
    return Expression(root, expression.text)


def has_bare_numbers(expression: Expression, units: Mapping[str, u.UnitBase | Bare]) -> bool:
    """Say whether a number without a unit, other than 0, is compared with or added to what has one.

    Parameters
    ----------
    expression, units
        As of `settle_units`.

    Returns
    -------
    bool
        If not, the expression means the same in whatever units its columns are.

    Raises
    ------
    UnitMismatchError, ExpressionError
        As `settle_units`.
    """
    settling = _Settling(units, expression.text)
    settling.node(expression.root)
    return settling.has_bare


def without_units(expression: Expression) -> Expression:
    """Leave the units of numbers away, for who wants to check the rest before any unit of a column is known.

    Parameters
    ----------
    expression
        The expression.

    Returns
    -------
    Expression
        The same of bare numbers.

    Raises
    ------
    ExpressionError
        If a unit cannot be read; the message shows where.
    """
    return Expression(_Settling({}, expression.text).bare(expression.root), expression.text)


class _Settling:
    def __init__(self, units: Mapping[str, u.UnitBase | Bare], text: str) -> None:
        self.units = units
        self.text = text
        self.has_bare = False

    def node(self, node: tree.Node) -> _Settled:
        match node:
            case tree.Name():
                return node, self.units.get(node.name)
            case tree.Number():
                return node, BARE
            case tree.Quantity():
                return tree.Number(node.value, position=node.position), self.read(node)
            case tree.Negative():
                inner, unit = self.node(node.operand)
                return replace(node, operand=inner), unit
            case tree.Arithmetic(operator="*" | "/" as operator):
                (left, first), (right, second) = self.node(node.left), self.node(node.right)
                return replace(node, left=left, right=right), product_of(operator, first, second)
            case tree.Arithmetic():
                return self.sum(node)
            case tree.Comparison():
                (left, right), _ = self.alike(node, (node.left, node.right))
                return replace(node, left=left, right=right), None
            case tree.In():
                parts, _ = self.alike(node, (node.operand, *node.items))
                items: Any = tuple(parts[1:])
                return replace(node, operand=parts[0], items=items), None
            case tree.Call():
                return self.call(node)
            case tree.IsNull() | tree.Not():
                return replace(node, operand=self.node(node.operand)[0]), None
            case tree.And() | tree.Or():
                return replace(node, operands=tuple(self.node(n)[0] for n in node.operands)), None
        return node, None

    def bare(self, node: tree.Node) -> tree.Node:
        if isinstance(node, tree.Quantity):
            self.read(node)
            return tree.Number(node.value, position=node.position)
        changed: dict[str, Any] = {}
        for item in fields(node):
            value = getattr(node, item.name)
            if isinstance(value, tree.Node):
                changed[item.name] = self.bare(value)
            elif isinstance(value, tuple):
                changed[item.name] = tuple(self.bare(part) for part in value)
        return replace(node, **changed) if changed else node

    def read(self, node: tree.Quantity) -> u.UnitBase:
        try:
            return parse_unit(node.unit)
        except DefinitionError as error:
            fail(error.message, self.text, node.position)

    def sum(self, node: tree.Arithmetic) -> _Settled:
        (left, first), (right, second) = self.node(node.left), self.node(node.right)
        if isinstance(first, FunctionUnitBase) or isinstance(second, FunctionUnitBase):
            # Magnitudes of a system and plain ones add up in a way of their own.
            return replace(node, left=left, right=right), sum_of(node, first, second)
        (left, right), unit = self.brought(node, [(left, first), (right, second)])
        return replace(node, left=left, right=right), unit

    def call(self, node: tree.Call) -> _Settled:
        if node.function in _ALIKE:
            arguments, unit = self.alike(node, node.arguments)
            settled = replace(node, arguments=tuple(arguments))
            return settled, u.rad if node.function == "atan2" else unit
        parts = [self.node(argument) for argument in node.arguments]
        if node.function in _OF_RADIANS:
            parts = [self.in_radians(node, part) for part in parts]
        settled = replace(node, arguments=tuple(part for part, _ in parts))
        # What a function makes of a unit is told of the call on columns of these units.
        names = [f"a{place}" for place in range(len(parts))]
        bare = [isinstance(unit, Bare) for _, unit in parts]
        columns = {n: unit for n, (_, unit) in zip(names, parts, strict=True) if isinstance(unit, u.UnitBase)}
        of_columns = replace(
            settled,
            arguments=tuple(
                part if plain else tree.Name(name)
                for name, (part, _), plain in zip(names, parts, bare, strict=True)
            ),
        )
        return settled, BARE if all(bare) else unit_of(Expression(of_columns), columns)

    def in_radians(self, node: tree.Call, part: _Settled) -> _Settled:
        operand, unit = part
        if unit is None or isinstance(unit, Bare) or unit == u.dimensionless_unscaled:
            return part
        return self.convert(node, operand, unit, u.rad), u.rad

    def alike(self, node: tree.Node, operands: Sequence[tree.Node]) -> tuple[list[tree.Node], UnitOrBare]:
        return self.brought(node, [self.node(operand) for operand in operands])

    def brought(self, node: tree.Node, parts: Sequence[_Settled]) -> tuple[list[tree.Node], UnitOrBare]:
        """Bring operands into one unit: that of the first which is no constant, if there is one."""
        known = [(part, unit) for part, unit in parts if unit is not None and not isinstance(unit, Bare)]
        constants = [part for part, _ in known if not _names(part)]
        if constants and any(unit is None and _names(part) for part, unit in parts):
            part = next(part for part, unit in parts if unit is None and _names(part))
            raise UnitMismatchError(f"In {node}, the unit of {part} is not known: write a plain number.")
        if not known:
            return [part for part, _ in parts], same_unit(node, [unit for _, unit in parts])
        target = next((unit for part, unit in known if _names(part)), known[0][1])
        self.has_bare |= any(isinstance(unit, Bare) and not _is_zero(part) for part, unit in parts)
        brought = [
            part if unit is None or isinstance(unit, Bare) else self.convert(node, part, unit, target)
            for part, unit in parts
        ]
        return brought, None if any(unit is None for _, unit in parts) else target

    def convert(self, node: tree.Node, part: tree.Node, unit: u.UnitBase, target: u.UnitBase) -> tree.Node:
        if unit == target:
            return part
        try:
            if isinstance(part, tree.Number):
                return _constant(_converted(part.value, unit, target), part)
            if isinstance(part, tree.Negative) and isinstance(part.operand, tree.Number):
                return _constant(_converted(-part.operand.value, unit, target), part)
            if isinstance(unit, FunctionUnitBase) or isinstance(target, FunctionUnitBase):
                raise UnitMismatchError("")  # no factor leads from one to the other
            factor = _converted(1.0, unit, target)
        except (UnitMismatchError, ExpressionError) as error:
            raise UnitMismatchError(
                f"In {node}, what is in {_shown(unit)} cannot be compared with what is in {_shown(target)}."
            ) from error
        return tree.Arithmetic("*", part, tree.Number(factor), position=part.position)


def _converted(value: float, unit: u.UnitBase, target: u.UnitBase) -> float:
    # An arcsecond is a thousand milliarcseconds, and not a rounding error less.
    return float(f"{float(convert(value, unit, target)):.15g}")


def _constant(value: float, part: tree.Node) -> tree.Node:
    number = tree.Number(abs(value), position=part.position)
    return tree.Negative(number, position=part.position) if value < 0 else number


def _is_zero(node: tree.Node) -> bool:
    return isinstance(node, tree.Number) and node.value == 0


def _names(node: tree.Node) -> bool:
    return any(isinstance(part, tree.Name) for part in node.walk())


def _shown(unit: u.UnitBase) -> str:
    return unit_string(unit) or "no unit"
