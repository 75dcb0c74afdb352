"""The texts of a rule: its conditions and its reason, checked beforehand and filled in afterwards."""

import re
import string
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from astropy.units import Quantity, UnitConversionError

from gnomon import expressions
from gnomon.algorithms.settled_units import without_units
from gnomon.curation.rules.columns import BASELINE_COLUMNS, TREND_COLUMNS, field_of, type_of
from gnomon.errors import DefinitionError, nearest
from gnomon.expressions import tree

if TYPE_CHECKING:
    from gnomon.curation.rules.rule import Rule

__all__ = [
    "check_condition",
    "check_examples",
    "check_reason",
    "column_of",
    "fields_in",
    "names_in",
    "read_duration",
    "write_reason",
]

_ABSENT = "unknown"
# Two digits of width are enough for a sentence, and none can ask for a gigabyte of blanks.
_FORMAT = re.compile(r"([^{}]?[<>=^])?[-+ ]?0?\d{0,2}[,_]?(\.\d{1,2})?[bdeEfFgGosxX%]?")


def column_of(name: str, rule: "Rule") -> str | None:
    """Give the column that a name in a rule stands for.

    Parameters
    ----------
    name
        As it stands in a condition, a reason or an example.
    rule
        The rule.

    Returns
    -------
    str or None
        `None` if the rule knows no such thing.
    """
    names = rule.names
    return names[name] if name in names else field_of(name)


def names_in(text: str) -> list[str]:
    """Give the names in an expression.

    Parameters
    ----------
    text
        The expression.

    Returns
    -------
    list of str
        Each once, in the order of the text.

    Raises
    ------
    ExpressionError
        If it is none; the message shows where.
    """
    nodes = [node for node in expressions.parse(text).root.walk() if isinstance(node, tree.Name)]
    return list(dict.fromkeys(node.name for node in sorted(nodes, key=lambda node: node.position)))


def check_condition(text: str, rule: "Rule", *, before: bool = False) -> None:
    """Refuse a condition that names what a rule cannot know, or that could not be evaluated.

    Parameters
    ----------
    text
        The condition.
    rule
        The rule.
    before
        Whether it is evaluated before a trend is removed and a baseline taken.

    Raises
    ------
    DefinitionError, ExpressionError
        If it is wrong; the message shows where.
    """
    condition = expressions.parse(text)
    later = (*TREND_COLUMNS, *BASELINE_COLUMNS) if before else ()
    types: dict[str, pl.DataType] = {}
    for name in sorted(condition.names):
        column = column_of(name, rule)
        if column is None or column in later:
            known = [known for known, column in rule.names.items() if column not in later]
            raise DefinitionError(f"The condition names {name!r}.{nearest(name, known)}")
        types[name] = type_of(column)
    if condition.binds:
        raise DefinitionError(f"The condition needs a value for :{min(condition.binds)}, which nobody gives.")
    without_units(condition).to_polars(types, condition=True)


def check_reason(reason: str, rule: "Rule") -> None:
    """Refuse a reason that names or asks for anything but a column in a plain format.

    Parameters
    ----------
    reason
        The reason.
    rule
        The rule.

    Raises
    ------
    DefinitionError
        If it does.
    """
    known = rule.names
    for name, form, conversion in _fields(reason):
        column = column_of(name, rule)
        if column is None:
            raise DefinitionError(f"The reason names {name!r}.{nearest(name, known)}")
        if conversion is not None or not _FORMAT.fullmatch(form):
            raise DefinitionError(f"The reason has a format for {name} that is not plain: {form!r}.")
        try:
            format(_sample(column), form)
        except ValueError as error:
            raise DefinitionError(
                f"The reason has a format for {name} that does not fit: {error}."
            ) from error


def check_examples(rule: "Rule") -> None:
    """Refuse an example that gives what the rule does not know, or expects what it never says.

    Parameters
    ----------
    rule
        The rule.

    Raises
    ------
    DefinitionError
        If one does.
    """
    for number, example in enumerate(rule.examples, start=1):
        for given in example.given:
            for name in given:
                column = column_of(name, rule)
                if column is None or column in (*TREND_COLUMNS, *BASELINE_COLUMNS):
                    near = nearest(str(name), rule.names)
                    raise DefinitionError(
                        f"Example {number} gives {name!r}, which the rule does not know.{near}"
                    )
        wrong = [state for state in example.expect if state not in ("set", rule.otherwise, "nothing")]
        if wrong:
            raise DefinitionError(f"Example {number} expects {wrong[0]!r}, which the rule never says.")


def fields_in(reason: str) -> list[str]:
    """Give the names in a reason.

    Parameters
    ----------
    reason
        The reason.

    Returns
    -------
    list of str
        In the order of the text; none of what is no format.
    """
    try:
        return [name for name, _, _ in _fields(reason)]
    except DefinitionError:
        return []


def write_reason(reason: str, row: Mapping[str, Any]) -> str:
    """Fill a rule's reason in.

    Parameters
    ----------
    reason
        As a rule has it, checked when that was made.
    row
        Values by the names in the reason; `None` where there is none.

    Returns
    -------
    str
        One sentence about this row.
    """
    written = []
    for literal, name, form, _ in string.Formatter().parse(reason):
        written.append(literal)
        if name is not None:
            value = row[name]
            written.append(_ABSENT if value is None else format(value, form or ""))
    return "".join(written)


def read_duration(text: str) -> int:
    """Read a stretch of time.

    Parameters
    ----------
    text
        Such as ``20 min``.

    Returns
    -------
    int
        Microseconds.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    try:
        microseconds = float(Quantity(text).to_value("us"))
    except (TypeError, ValueError, UnitConversionError) as error:
        raise DefinitionError(f"{text!r} is not a time such as '20 min'.") from error
    if not 0 <= microseconds < 2**53:
        raise DefinitionError(f"{text!r} is not a time such as '20 min'.")
    return round(microseconds)


def _fields(reason: str) -> Iterator[tuple[str, str, str | None]]:
    try:
        parts = list(string.Formatter().parse(reason))
    except ValueError as error:
        raise DefinitionError(f"The reason is not a format: {error}.") from error
    for _, name, form, conversion in parts:
        if name is not None:
            yield name, form or "", conversion


def _sample(column: str) -> Any:
    """Give a value of a column's type."""
    kind = type_of(column)
    if kind.is_float():
        return 1.5
    return 1 if kind.is_integer() else ""
