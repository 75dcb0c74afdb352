"""From the tree to Polars.

Types are checked here, before any data are read. Comparisons take NaN for null, which makes them unknown in
the three-valued logic that Polars has for null already.
"""

import datetime
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from numbers import Integral, Real
from typing import Any, NoReturn

import polars as pl

from gnomon.errors import ExpressionError, nearest
from gnomon.expressions import tree
from gnomon.expressions.tokens import fail
from gnomon.expressions.tree import INTEGER_LIMIT, Node

__all__ = ["translate"]


class Type(Enum):
    """What kind of value an expression has, in words for a message."""

    INTEGER = "an integer"
    FLOAT = "a number"
    TEXT = "text"
    TIME = "a time"
    TRUTH = "true or false"
    NOTHING = "always null"
    OTHER = "of a type that only IS NULL understands"


_NUMBERS = frozenset({Type.INTEGER, Type.FLOAT, Type.NOTHING})
_ORDERED = frozenset({Type.INTEGER, Type.FLOAT, Type.TEXT, Type.TIME, Type.NOTHING})
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_OF_ONE: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "ceil": pl.Expr.ceil,
    "cos": pl.Expr.cos,
    "degrees": pl.Expr.degrees,
    "exp": pl.Expr.exp,
    "floor": pl.Expr.floor,
    "ln": pl.Expr.log,
    "log10": pl.Expr.log10,
    "radians": pl.Expr.radians,
    "sin": pl.Expr.sin,
    "sqrt": pl.Expr.sqrt,
    "tan": pl.Expr.tan,
}
_OF_TWO: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "atan2": pl.arctan2,
    "hypot": lambda x, y: (x * x + y * y).sqrt(),
    "pow": pl.Expr.pow,
}
_TESTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "isfinite": pl.Expr.is_finite,
    "isnan": pl.Expr.is_nan,
}
_US = pl.Datetime("us")


@dataclass(frozen=True)
class _Value:
    """A translated node: NaN can be in it only if its type is `Type.FLOAT` and it is no literal."""

    expr: pl.Expr
    type: Type
    literal: bool = False

    @property
    def comparable(self) -> pl.Expr:
        return self.expr.fill_nan(None) if self.type is Type.FLOAT and not self.literal else self.expr


def translate(
    root: Node,
    columns: Mapping[str, pl.DataType] | pl.DataFrame | pl.LazyFrame,
    *,
    bind: Mapping[str, Any],
    condition: bool,
    text: str = "",
) -> pl.Expr:
    """Translate a tree.

    Parameters
    ----------
    root
        The tree.
    columns
        The columns that there are and their types.
    bind
        The values that are given.
    condition
        Whether the result must be true or false.
    text
        What was parsed, for messages.

    Returns
    -------
    polars.Expr
        Null where it is unknown.

    Raises
    ------
    ExpressionError
        If a name is no column or not given, or types do not fit together.
    """
    if isinstance(columns, pl.DataFrame | pl.LazyFrame):
        columns = columns.collect_schema()
    value = _Translation(columns, bind, text).value(root)
    if condition and value.type not in (Type.TRUTH, Type.NOTHING):
        fail(f"a condition is expected, but this is {value.type.value}", text, root.position)
    return value.expr.cast(pl.Boolean) if condition and value.type is Type.NOTHING else value.expr


class _Translation:
    def __init__(self, columns: Mapping[str, pl.DataType], bind: Mapping[str, Any], text: str) -> None:
        self.columns = columns
        self.bind = bind
        self.text = text

    def fail(self, what: str, node: Node) -> NoReturn:
        fail(what, self.text, node.position)

    def no_unit(self, node: Node) -> NoReturn:
        self.fail(f"units are not understood here, as in {node}", node)

    def value(self, node: Node) -> _Value:
        match node:
            case tree.Name():
                return self.column(node)
            case tree.Number() | tree.Text() | tree.Truth():
                return self.literal(node.value, node)
            case tree.Quantity():
                self.no_unit(node)
            case tree.Moment():
                return self.literal(node.datetime, node)
            case tree.Bind():
                return self.literal(self.given(node), node)
            case tree.Negative():
                return self.negative(node)
            case tree.Arithmetic():
                return self.arithmetic(node)
            case tree.Call():
                return self.call(node)
            case tree.Comparison():
                return self.comparison(node)
            case tree.In():
                return self.membership(node)
            case tree.IsNull():
                expr = self.value(node.operand).expr
                return _Value(expr.is_not_null() if node.negated else expr.is_null(), Type.TRUTH)
            case tree.Not():
                return _Value(~self.condition(node.operand), Type.TRUTH)
            case tree.And():
                return _Value(_joined(operator.and_, [self.condition(n) for n in node.operands]), Type.TRUTH)
            case tree.Or():
                return _Value(_joined(operator.or_, [self.condition(n) for n in node.operands]), Type.TRUTH)
        self.fail(f"{type(node).__name__} cannot stand here", node)

    def column(self, node: tree.Name) -> _Value:
        dtype = self.columns.get(node.name)
        if dtype is None:
            self.fail(f"{node.name!r} is not a column.{nearest(node.name, self.columns)}", node)
        expr = pl.col(node.name)
        if dtype.is_integer():
            return _Value(expr, Type.INTEGER)
        if dtype.is_float() or dtype.is_decimal():
            return _Value(expr if dtype == pl.Float64 else expr.cast(pl.Float64), Type.FLOAT)
        if dtype == pl.String:
            return _Value(expr, Type.TEXT)
        if dtype in (pl.Categorical, pl.Enum):
            # These have an order of their own, which is not that of their text.
            return _Value(expr.cast(pl.String), Type.TEXT)
        if dtype == pl.Boolean:
            return _Value(expr, Type.TRUTH)
        if isinstance(dtype, pl.Datetime):
            if dtype.time_zone is not None:
                self.fail(
                    f"the column {node.name} has a zone, {dtype.time_zone}; times are in TAI without one",
                    node,
                )
            return _Value(expr, Type.TIME)
        return _Value(expr, Type.NOTHING if dtype == pl.Null else Type.OTHER)

    def given(self, node: tree.Bind) -> object:
        if node.name not in self.bind:
            self.fail(f"no value is given for :{node.name}.{nearest(node.name, self.bind)}", node)
        return self.bind[node.name]

    def literal(self, value: object, node: Node) -> _Value:
        plain = self.plain(value, node)
        kind = _type_of(plain)
        if isinstance(plain, datetime.datetime):
            return _Value(pl.lit(plain, dtype=_US), kind, literal=True)
        # A NaN that was given must make its comparison unknown like one in a column.
        return _Value(pl.lit(plain), kind, literal=not (isinstance(plain, float) and math.isnan(plain)))

    def plain(self, value: object, node: Node) -> bool | int | float | str | datetime.datetime:
        """Turn a given value into one of Python's own."""
        what = f":{node.name}" if isinstance(node, tree.Bind) else "the value"
        if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "item"):
            value = value.item()
        match value:
            case bool() | str():
                return self.encodable(value, node) if isinstance(value, str) else value
            case Integral():
                if not -INTEGER_LIMIT < int(value) < INTEGER_LIMIT:
                    self.fail(f"{what} is an integer beyond 2^63", node)
                return int(value)
            case Real():
                return float(value)
            case datetime.datetime() if isinstance(node, tree.Moment):
                return value
            case datetime.datetime() if value.tzinfo is None:
                self.fail(f"{what} is a time without a zone; give an aware one or an astropy Time", node)
            case datetime.datetime():
                return self.moment(value.astimezone(datetime.UTC).replace(tzinfo=None), node)
            case None:
                self.fail(f"{what} is None: write IS NULL for what has no value", node)
        if type(value).__module__.partition(".")[0] == "astropy" and hasattr(value, "tai"):
            return self.moment(value, node)
        self.fail(
            f"{what} is {type(value).__name__}; expected is a number, a text, a truth value or a time", node
        )

    def encodable(self, value: str, node: Node) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail("this text is no Unicode: it has half a character in it", node)
        return value

    def moment(self, value: object, node: Node) -> datetime.datetime:
        from astropy.time import Time

        from gnomon.times import to_datetime, to_tai_us

        time = value if isinstance(value, Time) else Time(value, scale="utc")
        if not time.isscalar:
            self.fail("one time is expected, not an array of them", node)
        return to_datetime(to_tai_us(time))

    def number(self, node: Node, what: str) -> _Value:
        value = self.value(node)
        if value.type not in _NUMBERS:
            self.fail(f"{what} takes numbers, but this is {value.type.value}", node)
        if value.type is Type.NOTHING:
            return _Value(value.expr.cast(pl.Float64), Type.FLOAT)
        # A narrow integer would wrap: 3 - 5 is 254 in eight bits without a sign.
        return _Value(value.expr.cast(pl.Int64), Type.INTEGER) if value.type is Type.INTEGER else value

    def condition(self, node: Node) -> pl.Expr:
        value = self.value(node)
        if value.type is Type.NOTHING:
            return value.expr.cast(pl.Boolean)
        if value.type is not Type.TRUTH:
            self.fail(f"a condition is expected, but this is {value.type.value}", node)
        return value.expr

    def negative(self, node: tree.Negative) -> _Value:
        operand = self.number(node.operand, "a sign")
        return _Value(-operand.expr, operand.type, literal=operand.literal)

    def arithmetic(self, node: tree.Arithmetic) -> _Value:
        left, right = (self.number(n, f"{node.operator!r}") for n in (node.left, node.right))
        whole = left.type is right.type is Type.INTEGER and node.operator != "/"
        expr = _OPERATORS[node.operator](left.expr, right.expr)
        return _Value(expr, Type.INTEGER if whole else Type.FLOAT)

    def call(self, node: tree.Call) -> _Value:
        name, arguments = node.function, node.arguments
        if name == "isnull":
            return _Value(self.value(arguments[0]).expr.is_null(), Type.TRUTH)
        if name in ("min", "max"):
            return self.extreme(node)
        if name in _OF_TWO:
            return self.of_two(node)
        operand = self.number(arguments[0], name)
        if name == "abs":
            return _Value(operand.expr.abs(), operand.type)
        if name in _OF_ONE:
            return _Value(_OF_ONE[name](operand.expr.cast(pl.Float64)), Type.FLOAT)
        if name in _TESTS:
            return _Value(_TESTS[name](operand.expr.cast(pl.Float64)).fill_null(value=False), Type.TRUTH)
        self.fail(f"there is no function {name!r}", node)

    def of_two(self, node: tree.Call) -> _Value:
        left, right = (self.number(n, node.function).expr.cast(pl.Float64) for n in node.arguments)
        # The mathematical libraries say that 1 to whatever power is 1; here what is unknown stays so.
        unknown = left.is_nan() | right.is_nan()
        found = pl.when(unknown).then(math.nan).otherwise(_OF_TWO[node.function](left, right))
        return _Value(pl.when(left.is_null() | right.is_null()).then(None).otherwise(found), Type.FLOAT)

    def extreme(self, node: tree.Call) -> _Value:
        values = [self.value(argument) for argument in node.arguments]
        times = any(value.type is Type.TIME for value in values)
        allowed = {Type.TIME, Type.NOTHING} if times else _NUMBERS
        for argument, value in zip(node.arguments, values, strict=True):
            if value.type not in allowed:
                self.fail(
                    f"{node.function} takes numbers, or times, but this is {value.type.value}", argument
                )
        whole = all(value.type is Type.INTEGER for value in values)
        kind = Type.TIME if times else Type.INTEGER if whole else Type.FLOAT
        dtype: Any = _US if times else pl.Int64 if whole else pl.Float64
        exprs = [value.expr.cast(dtype) for value in values]
        found = (pl.min_horizontal if node.function == "min" else pl.max_horizontal)(exprs)
        if kind is Type.FLOAT:
            # Polars lets the least pass a NaN over; here what is unknown stays so.
            found = (
                pl.when(_joined(operator.or_, [e.is_nan() for e in exprs])).then(math.nan).otherwise(found)
            )
        unknown = _joined(operator.or_, [expr.is_null() for expr in exprs])
        return _Value(pl.when(unknown).then(None).otherwise(found), kind)

    def comparison(self, node: tree.Comparison) -> _Value:
        left, right = self.value(node.left), self.value(node.right)
        self.check_comparable(left, right, node)
        for side, value in ((node.left, left), (node.right, right)):
            if node.operator not in ("=", "!=") and value.type not in _ORDERED:
                self.fail(f"{node.operator!r} takes numbers, text and times, not {value.type.value}", side)
        if Type.NOTHING in (left.type, right.type):
            return _Value(pl.lit(None, dtype=pl.Boolean), Type.TRUTH)
        return _Value(_OPERATORS[node.operator](left.comparable, right.comparable), Type.TRUTH)

    def check_comparable(self, left: _Value, right: _Value, node: Node) -> None:
        kinds = {left.type, right.type} - {Type.NOTHING}
        if Type.OTHER in kinds:
            self.fail(f"a side of this is {Type.OTHER.value}", node)
        if len(kinds) > 1 and not kinds <= _NUMBERS:
            self.fail(f"{left.type.value} cannot be compared with {right.type.value}", node)

    def membership(self, node: tree.In) -> _Value:
        operand = self.value(node.operand)
        plain: list[Any] = []
        ranges: list[tree.Range] = []
        for item in node.items:
            if isinstance(item, tree.Range):
                self.check_comparable(operand, _Value(operand.expr, Type.INTEGER), item)
                ranges.append(item)
                continue
            for value in self.members(item):
                self.check_comparable(operand, _Value(operand.expr, _type_of(value)), item)
                if isinstance(value, float) and math.isnan(value):
                    self.fail("a list cannot hold NaN, which equals nothing: write isnan(...)", item)
                plain.append(value)
        if operand.type is Type.NOTHING:
            return _Value(pl.lit(None, dtype=pl.Boolean), Type.TRUTH)
        parts = [_between(operand, item) for item in ranges]
        if plain or not parts:
            parts.append(_among(operand, plain))
        found = _joined(operator.or_, parts)
        return _Value(~found if node.negated else found, Type.TRUTH)

    def members(self, item: tree.Item) -> Iterable[Any]:
        match item:
            case tree.Bind():
                given = self.given(item)
                if isinstance(given, str | bytes) or not isinstance(given, Iterable):
                    return [self.plain(given, item)]
                return [self.plain(value, item) for value in given]
            case tree.Negative(operand=tree.Number(value=value)):
                return [-value]
            case tree.Quantity() | tree.Negative(operand=tree.Quantity()):
                self.no_unit(item)
            case tree.Moment():
                return [item.datetime]
            case tree.Text():
                return [self.encodable(item.value, item)]
            case tree.Number():
                return [item.value]
        self.fail("a constant is expected", item)


def _type_of(value: object) -> Type:
    match value:
        case bool():
            return Type.TRUTH
        case int():
            return Type.INTEGER
        case float():
            return Type.FLOAT
        case str():
            return Type.TEXT
        case datetime.datetime():
            return Type.TIME
    raise ExpressionError(f"{value!r} is no value of an expression.")


def _joined(join: Callable[[pl.Expr, pl.Expr], pl.Expr], parts: Sequence[pl.Expr]) -> pl.Expr:
    """Join expressions in a balanced tree, since a chain of ten thousand would exhaust the engine's stack."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_joined(join, parts[:middle]), _joined(join, parts[middle:]))


def _between(operand: _Value, item: tree.Range) -> pl.Expr:
    expr = operand.comparable
    inside = (expr >= item.start) & (expr <= item.stop)
    if operand.type is Type.INTEGER and item.step == 1:
        return inside
    expr = expr.cast(pl.Int64) if operand.type is Type.INTEGER else expr
    return inside & (expr % item.step == item.start % item.step)


def _among(operand: _Value, values: list[Any]) -> pl.Expr:
    """Say whether a value is among plain ones."""
    expr = operand.comparable
    match operand.type:
        case Type.INTEGER:
            # No integer equals 2.5, and comparing as floats would confuse large integers.
            whole = [int(v) for v in values if float(v).is_integer() and abs(v) < INTEGER_LIMIT]
            return _is_in(expr, whole, pl.Int64())
        case Type.FLOAT:
            return _is_in(expr, [float(value) for value in values], pl.Float64())
        case Type.TIME:
            # A list of times in microseconds would cut a column in nanoseconds short.
            parts = [expr == pl.lit(value, dtype=_US) for value in values]
            return _joined(operator.or_, parts or [expr.is_null() & pl.lit(None, dtype=pl.Boolean)])
        case Type.TRUTH:
            return _is_in(expr, values, pl.Boolean())
        case _:
            return _is_in(expr, values, pl.String())


def _is_in(expr: pl.Expr, values: list[Any], dtype: pl.DataType) -> pl.Expr:
    return expr.is_in(pl.Series(values, dtype=dtype).implode())
