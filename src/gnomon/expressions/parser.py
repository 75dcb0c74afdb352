"""From tokens to the tree, by precedence climbing."""

import re
import warnings
from typing import NoReturn, TypeVar

from gnomon.errors import ExpressionError, nearest
from gnomon.expressions import tree
from gnomon.expressions.tokens import Kind, Token, fail, tokenize
from gnomon.expressions.tree import DEPTH_LIMIT, Level, Node

__all__ = ["FUNCTIONS", "parse_tree"]

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "abs": (1, 1),
    "atan2": (2, 2),
    "ceil": (1, 1),
    "cos": (1, 1),
    "degrees": (1, 1),
    "exp": (1, 1),
    "floor": (1, 1),
    "hypot": (2, 2),
    "isfinite": (1, 1),
    "isnan": (1, 1),
    "isnull": (1, 1),
    "ln": (1, 1),
    "log10": (1, 1),
    "max": (2, None),
    "min": (2, None),
    "pow": (2, 2),
    "radians": (1, 1),
    "sin": (1, 1),
    "sqrt": (1, 1),
    "tan": (1, 1),
}
"""The functions, with the least and the largest number of their arguments."""

_BINARY = {
    "OR": Level.OR,
    "|": Level.OR,
    "AND": Level.AND,
    "&": Level.AND,
    "+": Level.SUM,
    "-": Level.SUM,
    "*": Level.PRODUCT,
    "/": Level.PRODUCT,
    "%": Level.PRODUCT,
} | dict.fromkeys(("=", "==", "!=", "<", "<=", ">", ">=", "IN", "NOT", "IS"), Level.COMPARISON)

_TIME = re.compile(
    r"""
    (?: (?P<format> [a-z]+ ) / )?
    (?P<value> (?P<number> -?[0-9]+(?:\.[0-9]*)? ) | (?P<yday> [0-9]{4}:[0-9:.]+ ) | [0-9]{4}-[0-9T:. -]+ )
    (?: Z | \+00:00 )?
    (?: / (?P<scale> [a-z]+ ) )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A node inside another costs at most its operator and a parenthesis.
_NESTING_LIMIT = 2 * DEPTH_LIMIT + 1

_FORMATS = ("iso", "isot", "jd", "mjd", "unix", "yday")
_SCALES = ("tai", "tdb", "tt", "utc")

NodeT = TypeVar("NodeT", bound=Node)


def parse_tree(text: str) -> Node:
    """Parse an expression.

    Parameters
    ----------
    text
        An expression.

    Returns
    -------
    Node
        The root of its tree.

    Raises
    ------
    ExpressionError
        If the text is no expression; the message shows where.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.token
        self.index += 1
        return token

    def at(self, *texts: str) -> bool:
        return self.token.kind in (Kind.SIGN, Kind.WORD) and self.token.text in texts

    def take(self, *texts: str) -> Token | None:
        return self.advance() if self.at(*texts) else None

    def expect(self, text: str, where: str) -> Token:
        if not self.at(text):
            self.fail(f"{text!r} is expected {where}, not {self.found()}")
        return self.advance()

    def fail(self, what: str, token: Token | None = None) -> NoReturn:
        fail(what, self.text, (token or self.token).position)

    def found(self) -> str:
        token = self.token
        return "the end" if token.kind is Kind.END else f"{token.text[:40]!r}"

    def make(self, token: Token, kind: type[NodeT], *parts: object) -> NodeT:
        try:
            return kind(*parts, position=token.position)
        except ExpressionError as error:
            what = error.message
            fail(what[:1].lower() + what[1:] if what[1:2].islower() else what, self.text, token.position)

    def whole(self) -> Node:
        if self.tokens[0].kind is Kind.END:
            raise ExpressionError("The expression is empty.")
        node = self.expression(Level.OR)
        if self.token.kind is Kind.UNIT:
            self.fail("a unit stands right behind a number")
        if self.token.kind is not Kind.END:
            self.fail(f"nothing or an operator is expected, not {self.found()}")
        return node

    def enter(self) -> None:
        # Refused here and not only by the tree, since the parser itself must not run out of stack.
        self.nesting += 1
        if self.nesting > _NESTING_LIMIT:
            self.fail(f"the expression is nested more than {DEPTH_LIMIT} deep")

    def expression(self, least: Level) -> Node:
        """Parse what binds at least as tightly as a level."""
        self.enter()
        # A condition is no operand of what binds more tightly than AND.
        most = Level.AND if self.at("NOT", "!") else Level.PRODUCT
        left = self.prefix(least)
        while (level := self.operator()) is not None and least <= level <= most:
            if level is Level.COMPARISON:
                left = self.comparison(left)
                most = Level.AND
                if self.operator() is Level.COMPARISON:
                    self.fail("comparisons do not chain: join two of them by AND")
            elif level in (Level.OR, Level.AND):
                left = self.chain(left, level)
            else:
                token = self.advance()
                right = self.expression(Level(level + 1))
                left = self.make(token, tree.Arithmetic, token.text, left, right)
        self.nesting -= 1
        return left

    def operator(self) -> Level | None:
        """Say how tightly the operator binds that comes next, if one does."""
        return _BINARY.get(self.token.text) if self.token.kind in (Kind.SIGN, Kind.WORD) else None

    def chain(self, first: Node, level: Level) -> Node:
        start = self.token
        operands = [first]
        while self.operator() is level:
            self.advance()
            operands.append(self.expression(Level(level + 1)))
        return self.make(start, tree.Or if level is Level.OR else tree.And, tuple(operands))

    def prefix(self, least: Level) -> Node:
        """Parse NOT, a sign, or what has neither."""
        if self.at("NOT", "!"):
            if least > Level.NOT:
                self.fail("NOT needs parentheses here")
            token = self.advance()
            return self.make(token, tree.Not, self.expression(Level.NOT))
        if minus := self.take("-"):
            return self.make(minus, tree.Negative, self.expression(Level.SIGN))
        if self.take("+"):
            return self.expression(Level.SIGN)
        return self.primary()

    def comparison(self, left: Node) -> Node:
        token = self.advance()
        if token.text == "IS":
            negated = self.take("NOT") is not None
            self.expect("NULL", "after IS")
            return self.make(token, tree.IsNull, left, negated)
        if token.text in ("IN", "NOT"):
            if token.text == "NOT":
                self.expect("IN", "after NOT")
            return self.make(token, tree.In, left, self.items(), token.text == "NOT")
        operator = "=" if token.text == "==" else token.text
        if null := self.take("NULL"):
            if operator not in ("=", "!="):
                self.fail("nothing is less or greater than NULL", null)
            return self.make(token, tree.IsNull, left, operator == "!=")
        return self.make(token, tree.Comparison, operator, left, self.expression(Level.SUM))

    def items(self) -> tuple[Node, ...]:
        self.expect("(", "after IN")
        found = [self.item()]
        while self.take(","):
            found.append(self.item())
        self.expect(")", "at the end of the list")
        return tuple(found)

    def item(self) -> Node:
        token = self.token
        if self.at("NULL"):
            self.fail("a list cannot hold NULL: write OR ... IS NULL")
        sign = self.take("-", "+")
        if self.token.kind is Kind.NUMBER:
            number = self.primary()
            if self.at(".."):
                return self.range(token, self.integer(number, sign))
            return self.make(token, tree.Negative, number) if sign and sign.text == "-" else number
        if sign is None and self.token.kind in (Kind.TEXT, Kind.TIME, Kind.BIND):
            return self.primary()
        hint = f"; a value to be given is written :{self.token.text}" if self.token.kind is Kind.NAME else ""
        self.fail(f"a number, a range, a text, a time or a :name is expected, not {self.found()}{hint}")

    def range(self, token: Token, start: int) -> Node:
        self.expect("..", "in a range")
        sign = self.take("-")
        stop = self.integer(self.primary(), sign)
        step = 1
        if self.take(":"):
            step = self.integer(self.primary(), None)
        return self.make(token, tree.Range, start, stop, step)

    def integer(self, node: Node, sign: Token | None) -> int:
        if not isinstance(node, tree.Number) or not isinstance(node.value, int):
            fail("a range has integers only", self.text, node.position)
        return -node.value if sign is not None and sign.text == "-" else node.value

    def primary(self) -> Node:
        token = self.advance()
        match token.kind:
            case Kind.NUMBER:
                return self.number(token)
            case Kind.TEXT:
                return self.make(token, tree.Text, token.text[1:-1].replace("''", "'"))
            case Kind.TIME:
                return self.make(token, tree.Moment, self.time(token))
            case Kind.BIND:
                return self.make(token, tree.Bind, token.text[1:])
            case Kind.NAME if self.at("("):
                return self.call(token)
            case Kind.NAME:
                return self.make(token, tree.Name, token.text)
            case Kind.WORD if token.text in ("TRUE", "FALSE"):
                return self.make(token, tree.Truth, token.text == "TRUE")
            case Kind.WORD if token.text == "NULL":
                return self.null(token)
            case Kind.SIGN if token.text == "(":
                inner = self.expression(Level.OR)
                self.expect(")", f"to close the parenthesis at {self.place(token)}")
                return inner
        self.index -= 1
        self.fail(f"a value or a name is expected, not {self.found()}")

    def null(self, token: Token) -> Node:
        operator = self.take("=", "==", "!=")
        if operator is None:
            self.fail("NULL is no value: write IS NULL or IS NOT NULL", token)
        return self.make(operator, tree.IsNull, self.expression(Level.SUM), operator.text == "!=")

    def place(self, token: Token) -> str:
        line = self.text.count("\n", 0, token.position) + 1
        return f"{line}:{token.position - self.text.rfind('\n', 0, token.position)}"

    def number(self, token: Token) -> Node:
        if token.text.isdecimal():
            if len(token.text.lstrip("0")) > 19:
                self.fail("an integer must be below 2^63", token)
            value: int | float = int(token.text)
        else:
            value = float(token.text)
        unit = self.unit(token)
        if unit is None:
            return self.make(token, tree.Number, value)
        return self.make(token, tree.Quantity, value, unit)

    def unit(self, number: Token) -> str | None:
        """Parse the unit of a number, if it has one: a word apart from it, or anything in brackets."""
        if self.token.kind is Kind.UNIT:
            unit = self.token.text[1:-1].strip()
            if not unit:
                self.fail("the brackets of a unit are empty")
            self.advance()
            return unit
        following = self.tokens[self.index + 1 : self.index + 2]
        called = bool(following) and following[0].kind is Kind.SIGN and following[0].text == "("
        apart = self.token.position > number.position + len(number.text)
        if self.token.kind is Kind.NAME and apart and "." not in self.token.text and not called:
            return self.advance().text
        return None

    def call(self, token: Token) -> Node:
        name = token.text.lower()
        if name not in FUNCTIONS:
            self.fail(f"there is no function {token.text[:40]!r}.{nearest(name, FUNCTIONS)}", token)
        self.expect("(", "after a function")
        arguments: list[Node] = []
        if not self.at(")"):
            arguments.append(self.expression(Level.OR))
            while self.take(","):
                arguments.append(self.expression(Level.OR))
        self.expect(")", f"after the arguments of {name}")
        least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            wanted = f"{least} argument{'s' if least > 1 else ''}"
            self.fail(f"{name} takes {wanted}{'' if most else ' or more'}, not {len(arguments)}", token)
        return self.make(token, tree.Call, name, tuple(arguments))

    def time(self, token: Token) -> int:
        given = token.text[2:-1].strip()
        match = _TIME.fullmatch(given)
        if match is None:
            self.fail(
                f"{given[:40]!r} is not a time; expected is for example T'2025-06-21T03:04:05/utc'", token
            )
        numeric = match["number"] is not None
        value = match["value"].replace("t", "T")
        guess = "mjd" if numeric else "yday" if match["yday"] else "isot" if "T" in value else "iso"
        format = (match["format"] or guess).lower()
        scale = (match["scale"] or ("tai" if format in ("mjd", "jd") else "utc")).lower()
        for word, known, what in ((format, _FORMATS, "format"), (scale, _SCALES, "scale")):
            if word not in known:
                self.fail(f"{word!r} is not a {what} of times.{nearest(word, known)}", token)
        return self.moment(token, float(value) if numeric else value, format, scale)

    def moment(self, token: Token, value: float | str, format: str, scale: str) -> int:
        # Imported here because it takes longer than everything else, and few expressions have a time.
        from astropy.time import Time

        from gnomon.times import to_tai_us

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of leap seconds that nobody can know yet
                return int(to_tai_us(Time(value, format=format, scale=scale)))
        except (ValueError, OverflowError):
            self.fail(f"{token.text[2:-1][:40]!r} is not a time in the format {format}", token)
