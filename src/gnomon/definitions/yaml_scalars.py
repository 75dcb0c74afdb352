"""What plain scalars of YAML mean."""

import math
import re
from typing import Any

__all__ = ["is_plain_string", "resolve"]

_BOOLEANS = {
    spelling: value
    for value, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(
    r"[-+]?(?:(?P<binary>0b[01_]+)|(?P<hexadecimal>0x[0-9a-fA-F_]+)|(?P<octal>0[0-7_]+)"
    r"|(?P<decimal>0|[1-9][0-9_]*)|(?P<sixties>[1-9][0-9_]*(?::[0-5]?[0-9])+))"
)
_FLOAT_11 = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_FLOAT_12 = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+")
_NUMERIC_START = frozenset("+-.0123456789")
_WORD_START = frozenset("~nNyYtTfFoO")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")


def resolve(text: str, *, exponents: bool) -> Any:
    """Give the value of a plain scalar: YAML 1.1, but a date stays the text that was written.

    Parameters
    ----------
    text
        The scalar.
    exponents
        Whether ``1e-6`` is a number, which YAML 1.1 takes for a string.

    Returns
    -------
    bool, int, float, str or None
        Its value.

    Raises
    ------
    ValueError
        If it looks like a number and cannot be one; the reader knows the line and says it.
    """
    if not text:
        return None
    first = text[0]
    if first in _WORD_START:
        if text in _NULLS:
            return None
        return _BOOLEANS.get(text, text)
    if first not in _NUMERIC_START:
        return text
    if match := _INTEGER.fullmatch(text):
        return _integer(match)
    if _FLOAT_11.fullmatch(text) or (exponents and _FLOAT_12.fullmatch(text)):
        return _float(text)
    return text


_LONGEST_INTEGER = 1000


def _integer(match: re.Match[str]) -> int:
    sign = -1 if match[0].startswith("-") else 1
    digits = match[match.lastgroup or 0].replace("_", "")
    if len(digits) > _LONGEST_INTEGER:  # Python would neither write it out nor read all of them quickly
        raise ValueError(f"it has {len(digits):,} digits")
    match match.lastgroup:
        case "binary":
            return sign * int(digits[2:], 2)
        case "hexadecimal":
            return sign * int(digits[2:], 16)
        case "octal":
            return sign * int(digits, 8)
        case "sixties":
            total = 0
            for part in digits.split(":"):
                total = total * 60 + int(part)
            return sign * total
        case _:
            return sign * int(digits)


def _float(text: str) -> float:
    text = text.replace("_", "")
    lowered = text.lower()
    if lowered.endswith(".inf"):
        return -math.inf if text.startswith("-") else math.inf
    if lowered == ".nan":
        return math.nan
    if ":" not in text:
        return float(text)
    total = 0.0
    for part in text.lstrip("+-").split(":"):
        total = total * 60 + float(part)
    return -total if text.startswith("-") else total


def is_plain_string(text: str) -> bool:
    """Say whether a string, written without quotes, is read back as that string.

    Parameters
    ----------
    text
        The string.

    Returns
    -------
    bool
        Whether no reader of YAML 1.1 or 1.2 takes it for a number, boolean, null, date or merge key. Its
        punctuation is the emitter's business.
    """
    if not text or text in ("<<", "="):
        return False
    first = text[0]
    if first in _WORD_START:
        return text not in _NULLS and text not in _BOOLEANS and len(text) > 1
    if first not in _NUMERIC_START:
        return True
    numeric = _INTEGER.fullmatch(text) or _FLOAT_11.fullmatch(text) or _FLOAT_12.fullmatch(text)
    return not numeric and not _DATE.match(text)
