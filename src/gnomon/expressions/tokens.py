"""From text to tokens, and the place of a mistake in the text."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn

from gnomon.errors import ExpressionError
from gnomon.expressions.tree import RESERVED

__all__ = ["LENGTH_LIMIT", "Kind", "Token", "fail", "tokenize"]

LENGTH_LIMIT = 1_000_000
"""How many characters an expression may have."""

_SHOWN = 70  # characters of a long line that are shown around a mistake


class Kind(Enum):
    """What a token is."""

    SPACE = auto()
    TIME = auto()
    TEXT = auto()
    NUMBER = auto()
    UNIT = auto()
    NAME = auto()
    BIND = auto()
    SIGN = auto()
    WORD = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text.

    Attributes
    ----------
    kind
        What it is.
    text
        As it stands; a reserved word in upper case.
    position
        Where it starts, counted in characters from 0.
    """

    kind: Kind
    text: str
    position: int


# Each alternative is read in one pass without turning back, whatever the text.
_TOKEN = re.compile(
    r"""
      (?P<SPACE>  [ \t\r\n]+ )
    | (?P<TIME>   [Tt]'[^']*' )
    | (?P<TEXT>   '[^']*(?:''[^']*)*' )
    | (?P<NUMBER> (?: [0-9]+ (?: \.(?!\.) [0-9]* )? | \.[0-9]+ ) (?: [eE][-+]?[0-9]+ )? )
    | (?P<UNIT>   \[[^\[\]\r\n]*\] )
    | (?P<NAME>   [A-Za-z_][A-Za-z0-9_]* (?: \.[A-Za-z_][A-Za-z0-9_]* )* )
    | (?P<BIND>   :[A-Za-z_][A-Za-z0-9_]* )
    | (?P<SIGN>   == | != | <= | >= | \.\. | [-+*/%=<>!&|(),:] )
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> list[Token]:
    """Take a text apart.

    Parameters
    ----------
    text
        An expression.

    Returns
    -------
    list of Token
        Without the white space, and with an `Kind.END` at the end.

    Raises
    ------
    ExpressionError
        If something in the text belongs to no expression, or the text is too long.
    """
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(
            f"The expression has {len(text):,} characters; at most {LENGTH_LIMIT:,} are allowed."
        )
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _fail_at_character(text, position)
        kind, piece = Kind[str(match.lastgroup)], match[0]
        if kind is Kind.NAME and piece.upper() in RESERVED:
            kind, piece = Kind.WORD, piece.upper()
        if kind is not Kind.SPACE:
            tokens.append(Token(kind, piece, position))
        position = match.end()
    tokens.append(Token(Kind.END, "", len(text)))
    return tokens


def _fail_at_character(text: str, position: int) -> NoReturn:
    character = text[position]
    if character == "'":
        fail("this quote is never closed", text, position)
    if character == '"':
        fail("text stands in single quotes, not in double ones", text, position)
    fail(f"the character {character!r} has no meaning here", text, position)


def fail(what: str, text: str, position: int) -> NoReturn:
    """Raise an error that shows where in the text the mistake is.

    Parameters
    ----------
    what
        What is wrong, beginning in lower case, without a full stop unless more sentences follow.
    text
        The whole expression; empty if there is none to show.
    position
        Where the mistake is.

    Raises
    ------
    ExpressionError
        Always.
    """
    if not what.endswith((".", "?")):
        what += "."
    if not text:
        raise ExpressionError(f"In the expression, {what}")
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    number, column = text.count("\n", 0, position) + 1, position - start
    first = max(0, min(column - _SHOWN // 2, len(line) - _SHOWN))
    shown = "".join(c if c.isprintable() else " " for c in line[first : first + _SHOWN])
    raise ExpressionError(
        f"In the expression, at {number}:{column + 1}, {what}\n  {shown}\n  {' ' * (column - first)}^"
    )
