"""Between which values of a dimension a condition leaves anything, so that whole files can be passed over."""

from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.expressions import tree

__all__ = ["Bounds", "bounds_of", "conjuncts"]

type Bounds = dict[str, tuple[int | None, int | None]]
"""Least and greatest value by dimension, either `None` where there is no limit."""

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def conjuncts(node: tree.Node) -> list[tree.Node]:
    """Take a condition apart into those that must all hold."""
    if isinstance(node, tree.And):
        return [part for child in node.children() for part in conjuncts(child)]
    return [node]


def bounds_of(parts: Sequence[tree.Node], *, bind: Mapping[str, Any]) -> Bounds:
    """Say between which values conditions leave a dimension.

    Parameters
    ----------
    parts
        Conditions that must all hold.
    bind
        The values of names that start with a colon.

    Returns
    -------
    dict
        The bounds of names that are compared with integers; other conditions bound nothing.
    """
    found: Bounds = {}
    for part in parts:
        match part:
            case tree.Comparison(operator=operator, left=tree.Name(name=name), right=right):
                _restrict(found, name, operator, _integer(right, bind))
            case tree.Comparison(operator=operator, left=left, right=tree.Name(name=name)):
                _restrict(found, name, _MIRRORED.get(operator, ""), _integer(left, bind))
            case tree.In(operand=tree.Name(name=name), items=items, negated=False):
                ends = [_ends(item, bind) for item in items]
                known = [end for end in ends if end is not None]
                if len(known) == len(ends):
                    _restrict(found, name, ">=", min(low for low, _ in known))
                    _restrict(found, name, "<=", max(high for _, high in known))
    return found


def _restrict(found: Bounds, name: str, operator: str, value: int | None) -> None:
    if value is None:
        return
    low, high = found.get(name, (None, None))
    if operator in ("=", ">", ">="):
        low = value if low is None else max(low, value)
    if operator in ("=", "<", "<="):
        high = value if high is None else min(high, value)
    if (low, high) != (None, None):
        found[name] = (low, high)


def _integer(node: tree.Node, bind: Mapping[str, Any]) -> int | None:
    match node:
        case tree.Number(value=int() as value):
            return value
        case tree.Negative(operand=tree.Number(value=int() as value)):
            return -value
        case tree.Bind(name=name):
            given = bind.get(name)
            return given if isinstance(given, int) and not isinstance(given, bool) else None
    return None


def _ends(item: tree.Node, bind: Mapping[str, Any]) -> tuple[int, int] | None:
    if isinstance(item, tree.Range):
        return item.start, item.stop
    only = _integer(item, bind)
    return None if only is None else (only, only)
