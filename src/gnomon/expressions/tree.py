"""What a parsed expression is made of, and how it is written.

Every node writes itself so that parsing the text gives an equal node; hence each checks what it is given. No
tree is deeper than `DEPTH_LIMIT`, so whatever walks one may recurse.
"""

import dataclasses
import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from gnomon.errors import ExpressionError

__all__ = [
    "COMPARISONS",
    "DEPTH_LIMIT",
    "INTEGER_LIMIT",
    "RESERVED",
    "And",
    "Arithmetic",
    "Bind",
    "Call",
    "Comparison",
    "In",
    "IsNull",
    "Item",
    "Moment",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "Or",
    "Quantity",
    "Range",
    "Text",
    "Truth",
]

DEPTH_LIMIT = 64
"""How many nodes may lie inside one another."""

INTEGER_LIMIT = 2**63
"""Integers are smaller than this."""

RESERVED = frozenset({"AND", "FALSE", "IN", "IS", "NOT", "NULL", "OR", "OVERLAPS", "TRUE"})
"""Words, in any case, that cannot be names."""

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BRACKETED = re.compile(r"[^\[\]\r\n]+")
_EPOCH = datetime.datetime(1970, 1, 1)


class Level(IntEnum):
    """How tightly a node binds, when it is written inside another."""

    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    PRIMARY = 8


@dataclass(frozen=True)
class Node:
    """A part of an expression.

    Attributes
    ----------
    position
        Where it stands in the text, counted in characters from 0; no part of what it means.
    """

    position: int = field(default=0, kw_only=True, compare=False, repr=False)
    depth: int = field(default=1, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.check()
        depth = 1 + max((child.depth for child in self.children()), default=0)
        if depth > DEPTH_LIMIT:
            raise ExpressionError(f"The expression is nested more than {DEPTH_LIMIT} deep.")
        object.__setattr__(self, "depth", depth)

    def check(self) -> None:
        """Refuse contents that could not be written."""

    def children(self) -> Iterator["Node"]:
        """Give the nodes directly inside this one."""
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from value

    def walk(self) -> Iterator["Node"]:
        """Give this node and all inside it."""
        waiting: list[Node] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children())

    def within(self, level: Level) -> str:
        """Write the node where something of a level is expected."""
        return str(self) if _level(self) >= level else f"({self})"


@dataclass(frozen=True)
class Number(Node):
    """A number without a sign."""

    value: int | float

    def check(self) -> None:
        """Refuse what has a sign or no digits."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{value!r} is not a number.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ExpressionError(f"The number {value!r} is not finite.")
        if isinstance(value, int) and value >= INTEGER_LIMIT:
            raise ExpressionError("An integer must be below 2^63.")
        if math.copysign(1, value) < 0:
            raise ExpressionError(f"The number {value!r} has a sign; that is a node of its own.")

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Quantity(Node):
    """A number without a sign, in a unit."""

    value: int | float
    unit: str

    def check(self) -> None:
        """Refuse what is no number, and a unit that could not be written."""
        Number(self.value)
        if not self.unit or self.unit != self.unit.strip() or not _BRACKETED.fullmatch(self.unit):
            raise ExpressionError(f"{self.unit!r} cannot be a unit in an expression.")

    def __str__(self) -> str:
        is_word = _PLAIN.fullmatch(self.unit) and self.unit.upper() not in RESERVED
        return f"{self.value!r} {self.unit}" if is_word else f"{self.value!r} [{self.unit}]"


@dataclass(frozen=True)
class Text(Node):
    """A text."""

    value: str

    def __str__(self) -> str:
        return "'" + self.value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Moment(Node):
    """A time, in microseconds of TAI since 1970-01-01 TAI."""

    tai: int

    def check(self) -> None:
        """Refuse years that have not four digits."""
        try:
            self.datetime  # noqa: B018  # it is the attempt that counts
        except OverflowError:
            raise ExpressionError("The years of a time are 1 to 9999.") from None

    @property
    def datetime(self) -> datetime.datetime:
        """The time as Arrow and Polars hold it: TAI, without a time zone."""
        return _EPOCH + datetime.timedelta(microseconds=self.tai)

    def __str__(self) -> str:
        return f"T'{self.datetime.isoformat(timespec='microseconds')}/tai'"


@dataclass(frozen=True)
class Truth(Node):
    """``TRUE`` or ``FALSE``."""

    value: bool

    def __str__(self) -> str:
        return "TRUE" if self.value else "FALSE"


@dataclass(frozen=True)
class Name(Node):
    """The name of a column."""

    name: str

    def check(self) -> None:
        """Refuse what would not be read as a name."""
        if not all(_PLAIN.fullmatch(part) for part in self.name.split(".")) or self.name.upper() in RESERVED:
            raise ExpressionError(f"{self.name!r} cannot be a name in an expression.")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Bind(Node):
    """The name of a value that is given at evaluation."""

    name: str

    def check(self) -> None:
        """Refuse what would not be read as a bind name."""
        if not _PLAIN.fullmatch(self.name):
            raise ExpressionError(f"{self.name!r} cannot be a bind name.")

    def __str__(self) -> str:
        return f":{self.name}"


@dataclass(frozen=True)
class Negative(Node):
    """A number with its sign changed."""

    operand: Node

    def __str__(self) -> str:
        return f"-{self.operand.within(Level.SIGN)}"


@dataclass(frozen=True)
class Arithmetic(Node):
    """Two numbers and ``+``, ``-``, ``*``, ``/`` or ``%``."""

    operator: str
    left: Node
    right: Node

    def check(self) -> None:
        """Refuse operators that there are not."""
        if self.operator not in ARITHMETIC:
            raise ExpressionError(f"{self.operator!r} is not an operator of arithmetic.")

    def __str__(self) -> str:
        level = _level(self)
        return f"{self.left.within(level)} {self.operator} {self.right.within(Level(level + 1))}"


@dataclass(frozen=True)
class Call(Node):
    """A function of some arguments; its name is in lower case."""

    function: str
    arguments: tuple[Node, ...]

    def check(self) -> None:
        """Refuse what would not be read as a function."""
        name = self.function
        if not _PLAIN.fullmatch(name) or name.upper() in RESERVED or name != name.lower():
            raise ExpressionError(f"{name!r} cannot be the name of a function.")

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Comparison(Node):
    """Two values and ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``."""

    operator: str
    left: Node
    right: Node

    def check(self) -> None:
        """Refuse operators that there are not."""
        if self.operator not in COMPARISONS:
            raise ExpressionError(f"{self.operator!r} is not a comparison.")

    def __str__(self) -> str:
        return f"{self.left.within(Level.SUM)} {self.operator} {self.right.within(Level.SUM)}"


@dataclass(frozen=True)
class Range(Node):
    """Integers from start to stop, both included, every step-th."""

    start: int
    stop: int
    step: int = 1

    def check(self) -> None:
        """Refuse a range that holds nothing or does not end."""
        if not -INTEGER_LIMIT < self.start <= self.stop < INTEGER_LIMIT:
            raise ExpressionError(
                f"The range {self.start}..{self.stop} ends before it starts, or beyond 2^63."
            )
        if not 1 <= self.step < INTEGER_LIMIT:
            raise ExpressionError(f"The step of a range is at least 1, not {self.step}.")

    def __str__(self) -> str:
        return f"{self.start}..{self.stop}" + (f":{self.step}" if self.step != 1 else "")


type Item = Number | Quantity | Negative | Text | Moment | Range | Bind
"""What may stand in the list of an ``IN``; a `Negative` is one of a `Number` or `Quantity`."""


@dataclass(frozen=True)
class In(Node):
    """Whether a value is among others."""

    operand: Node
    items: tuple[Item, ...]
    negated: bool = False

    def check(self) -> None:
        """Refuse an empty list, and what is no constant."""
        if not self.items:
            raise ExpressionError("The list after IN is empty.")
        for item in self.items:
            number = item.operand if isinstance(item, Negative) else item
            plain = isinstance(item, Text | Moment | Range | Bind)
            if not plain and not isinstance(number, Number | Quantity):
                raise ExpressionError(f"The list after IN holds constants and :names, not {item}.")

    def __str__(self) -> str:
        word = "NOT IN" if self.negated else "IN"
        return f"{self.operand.within(Level.SUM)} {word} ({', '.join(map(str, self.items))})"


@dataclass(frozen=True)
class IsNull(Node):
    """Whether there is no value."""

    operand: Node
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.operand.within(Level.SUM)} IS {'NOT ' if self.negated else ''}NULL"


@dataclass(frozen=True)
class Not(Node):
    """The opposite of a condition."""

    operand: Node

    def __str__(self) -> str:
        return f"NOT {self.operand.within(Level.NOT)}"


@dataclass(frozen=True)
class _Chain(Node):
    """Conditions joined by one word: flat, so that ten thousand of them are no deeper than two."""

    operands: tuple[Node, ...]

    def check(self) -> None:
        """Refuse what joins nothing."""
        if len(self.operands) < 2:
            raise ExpressionError(f"{type(self).__name__.upper()} joins at least two conditions.")

    def __str__(self) -> str:
        word = f" {type(self).__name__.upper()} "
        return word.join(operand.within(Level(_level(self) + 1)) for operand in self.operands)


@dataclass(frozen=True)
class And(_Chain):
    """Whether all conditions hold."""


@dataclass(frozen=True)
class Or(_Chain):
    """Whether one condition at least holds."""

    @property
    def level(self) -> Level:
        """How tightly the node binds."""
        return Level.OR


def _level(node: Node) -> Level:
    """Say how tightly a node binds."""
    match node:
        case Or():
            return Level.OR
        case And():
            return Level.AND
        case Not():
            return Level.NOT
        case Comparison() | In() | IsNull():
            return Level.COMPARISON
        case Arithmetic():
            return Level.SUM if node.operator in "+-" else Level.PRODUCT
        case Negative():
            return Level.SIGN
    return Level.PRIMARY
