"""What may be recorded: every check of what a person or a program hands in.

The log is for ever and is copied between databases, so what one of them could not keep (NUL), or no encoder
could write (half a surrogate pair), or a page would have to distrust (``javascript:`` links) stops here.
"""

import re
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from gnomon.errors import AnnotationError, nearest

__all__ = [
    "LEVELS",
    "checksum",
    "identifier",
    "label",
    "level",
    "moment",
    "origin",
    "several",
    "tags",
    "text",
    "uri",
    "urls",
]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
"""The names of the usual levels."""

_TAG = re.compile(r"[a-z][a-z0-9_]+")
_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")
# Whatever a browser would run, and what holds the data itself instead of naming it.
_REFUSED_SCHEMES = frozenset({"javascript", "vbscript", "data", "blob"})
_CHECKSUMS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
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
    if isinstance(value, str) and value.lower() in LEVELS:
        return LEVELS[value.lower()]
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
    for value in several(values, "tags"):
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
    for value in several(values, "urls"):
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


def uri(value: object) -> str:
    """Check the address of an attachment.

    Parameters
    ----------
    value
        An absolute address of any kind of storage, such as ``s3://bucket/image.png``.

    Returns
    -------
    str
        The same address.

    Raises
    ------
    AnnotationError
        If it has no scheme, or one that a browser would run.
    """
    address = text(value, "address of an attachment")
    try:
        parts = urlsplit(address)
        good = bool(_SCHEME.fullmatch(parts.scheme)) and bool(parts.netloc or parts.path)
    except ValueError:
        good = False
    if not good or parts.scheme in _REFUSED_SCHEMES or _CONTROL.search(address) or " " in address:
        raise AnnotationError(
            f"{value!r} is not the address of an attachment; expected is for example s3://bucket/image.png."
        )
    return address


def checksum(value: object) -> str:
    """Check the checksum of an attachment.

    Parameters
    ----------
    value
        The algorithm, a colon and hexadecimal digits.

    Returns
    -------
    str
        The same in lower case.

    Raises
    ------
    AnnotationError
        If the algorithm is not known or the digits are not as many as it gives.
    """
    checked = text(value, "checksum").lower()
    algorithm, _, digits = checked.partition(":")
    if algorithm not in _CHECKSUMS:
        raise AnnotationError(
            f"{value!r} is not a checksum; expected is for example sha256:9f86d0...."
            f"{nearest(algorithm, _CHECKSUMS)}"
        )
    if not re.fullmatch(rf"[0-9a-f]{{{_CHECKSUMS[algorithm]}}}", digits):
        raise AnnotationError(f"A {algorithm} checksum has {_CHECKSUMS[algorithm]} hexadecimal digits.")
    return checked


def origin(value: object) -> str:
    """Check the name of an origin.

    Parameters
    ----------
    value
        What was given.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    AnnotationError
        If it is not one; it may stand in a cut, so it holds no colon and no comma.
    """
    if not isinstance(value, str) or not _ORIGIN.fullmatch(value):
        raise AnnotationError(
            f"{value!r} is not the name of an origin: expected are 1 to 63 letters, digits and ._-, a "
            "letter or a digit first."
        )
    return value


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


def several(values: object, what: str) -> Iterable[object]:
    """Refuse one text where a list of them is expected.

    Parameters
    ----------
    values
        What was given.
    what
        What they are, for the message.

    Returns
    -------
    iterable
        The same.

    Raises
    ------
    AnnotationError
        If it is a text, which would silently be taken for as many entries as it has letters, or no list.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise AnnotationError(f"The {what} must be a list of texts, not {values!r}.")
    return values
