"""What may be recorded: every check of what a person or a program hands in.

The log is for ever and is copied between databases, so what one of them could not keep (NUL), or no encoder
could write (half a surrogate pair), or a page would have to distrust (``javascript:`` links) stops here.
"""

import re
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from gnomon.errors import AnnotationError

__all__ = ["identifier", "label", "level", "moment", "tags", "text", "urls"]

_TAG = re.compile(r"[a-z][a-z0-9_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_LABEL = 500
_INT32 = 2**31
_INT64 = 2**63


def text(value: object, what: str) -> str:
    """Check a text of any length.

    Parameters
    ----------
    value
        What was given.
    what
        What it is, for the message.

    Returns
    -------
    str
        The same text.

    Raises
    ------
    AnnotationError
        If it is no string, holds a NUL character or is not encodable in UTF-8.
    """
    if not isinstance(value, str):
        raise AnnotationError(f"The {what} must be a text, not {value!r}.")
    if "\0" in value:
        raise AnnotationError(f"The {what} holds a NUL character at position {value.index(chr(0))}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise AnnotationError(
            f"The {what} holds half of a surrogate pair at position {error.start}: it is not Unicode text."
        ) from None
    return value


def label(value: object, what: str) -> str:
    """Check a name: one line, not empty, of bounded length.

    Parameters
    ----------
    value
        What was given.
    what
        What it is, for the message.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    AnnotationError
        If it is empty, blank at an end, holds control characters or is longer than 500 characters.
    """
    checked = text(value, what)
    if not checked.strip():
        raise AnnotationError(f"The {what} is empty.")
    if checked != checked.strip() or _CONTROL.search(checked):
        raise AnnotationError(f"The {what} must be one line without white space at its ends, not {value!r}.")
    if len(checked) > _MAX_LABEL:
        raise AnnotationError(f"The {what} has {len(checked)} characters; at most {_MAX_LABEL} are kept.")
    return checked


def level(value: object) -> int:
    """Check the level of an annotation.

    Parameters
    ----------
    value
        What was given.

    Returns
    -------
    int
        The same level.

    Raises
    ------
    AnnotationError
        If it is not an integer of 32 bits.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not -_INT32 <= value < _INT32:
        raise AnnotationError(
            f"The level must be an integer of 32 bits, such as 10 (debug), 20 (info) or 30 (warning), "
            f"not {value!r}."
        )
    return value


def moment(value: object, what: str) -> int:
    """Check a moment.

    Parameters
    ----------
    value
        What was given.
    what
        What it is, for the message.

    Returns
    -------
    int
        TAI microseconds since 1970-01-01 TAI.

    Raises
    ------
    AnnotationError
        If it is not an integer of 64 bits.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
        raise AnnotationError(f"The {what} must be an integer, TAI microseconds since 1970, not {value!r}.")
    return value


def tags(values: Iterable[str]) -> tuple[str, ...]:
    """Bring tags into their form.

    Parameters
    ----------
    values
        Tags in any case.

    Returns
    -------
    tuple of str
        Lower case, each once, in the order given.

    Raises
    ------
    AnnotationError
        If one does not match ``[a-z][a-z0-9_]+``.
    """
    result: dict[str, None] = {}
    for value in _several(values, "tags"):
        tag = text(value, "tag").lower()
        if not _TAG.fullmatch(tag):
            raise AnnotationError(
                f"{value!r} is not a tag: a letter, then letters, digits and underscores, such as bad_focus."
            )
        result[tag] = None
    return tuple(result)


def urls(values: Iterable[str]) -> tuple[str, ...]:
    """Check links.

    Parameters
    ----------
    values
        Addresses.

    Returns
    -------
    tuple of str
        Each once, in the order given.

    Raises
    ------
    AnnotationError
        If one is not an absolute ``http`` or ``https`` address.
    """
    result: dict[str, None] = {}
    for value in _several(values, "urls"):
        address = text(value, "link")
        try:
            parts = urlsplit(address)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if not good or any(character.isspace() for character in address) or _CONTROL.search(address):
            raise AnnotationError(
                f"{value!r} is not a link: expected is an address such as https://site/ticket/1."
            )
        result[address] = None
    return tuple(result)


def identifier(value: object, what: str) -> uuid.UUID:
    """Read a UUID.

    Parameters
    ----------
    value
        A `uuid.UUID` or its text.
    what
        What it names, for the message.

    Returns
    -------
    uuid.UUID
        The identifier.

    Raises
    ------
    AnnotationError
        If it is neither.
    """
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise AnnotationError(f"{value!r} is not the id of {what}: a UUID is expected.") from None


def _several(values: object, what: str) -> Iterable[object]:
    # A string is iterable, and would silently be taken for as many entries as it has letters.
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise AnnotationError(f"The {what} must be a list of texts, not {values!r}.")
    return values
