"""The log as a file: JSON Lines, a header and then one event a line, each after those that it answers."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from gnomon.annotations.cuts import Cut
from gnomon.annotations.log.events import Event, canonical
from gnomon.errors import AnnotationError, FormatError, GnomonError

__all__ = ["FORMAT", "events_of", "lines_of"]

FORMAT = "gnomon annotations"
"""What the header says."""

_VERSION = 1
_MAX_LINE = 256_000_000


def lines_of(events: Iterable[Event], *, cut: Cut, after: Cut, number: int) -> Iterator[str]:
    """Write events.

    Parameters
    ----------
    events
        The events, each after its parents.
    cut, after
        Up to where they go, and after what they begin.
    number
        How many there are.

    Yields
    ------
    str
        Lines without their ends.
    """
    header = {"format": FORMAT, "version": _VERSION, "cut": str(cut), "after": str(after), "events": number}
    yield canonical(header)
    digest = hashlib.sha256()
    for event in events:
        line = canonical(event.to_dict())
        digest.update(f"{line}\n".encode())
        yield line
    yield canonical({"end": FORMAT, "sha256": digest.hexdigest()})


def events_of(lines: Iterable[str | bytes], *, name: str) -> Iterator[Event]:
    """Read what `lines_of` wrote.

    Parameters
    ----------
    lines
        Lines of text or UTF-8.
    name
        What they come from, for messages.

    Yields
    ------
    Event
        One after the other.

    Raises
    ------
    FormatError
        If they are something else, a line is no event, or some are missing; with the line.
    """
    digest, number = hashlib.sha256(), 0
    expected: int | None = None
    ended = False
    for place, line in enumerate(lines, 1):
        try:
            text = line.decode() if isinstance(line, bytes) else line
        except UnicodeDecodeError:
            raise FormatError("This line is not UTF-8.", file=name, line=place) from None
        if len(text) > _MAX_LINE:
            raise FormatError(f"This line has more than {_MAX_LINE} characters.", file=name, line=place)
        text = text.strip()
        if not text:
            continue
        values = _json(text, name, place)
        if expected is None:
            expected = _header(values, name, place)
            continue
        if ended:
            raise FormatError("There are lines after the end of the log.", file=name, line=place)
        if isinstance(values, dict) and values.get("end") == FORMAT:
            ended = True
            if number != expected or values.get("sha256") != digest.hexdigest():
                raise FormatError(
                    f"The file holds {number} events, and not the {expected} that were written: it was "
                    "changed.",
                    file=name,
                    line=place,
                )
            continue
        try:
            event = Event.from_dict(values)
        except AnnotationError as error:
            raise FormatError(error.message, file=name, line=place) from None
        digest.update(f"{canonical(values)}\n".encode())
        number += 1
        yield event
    if expected is None:
        raise FormatError("The file is empty: a log of annotations begins with a header.", file=name)
    if not ended:
        raise FormatError(
            f"The file ends after {number} of {expected} events: it was cut off. Nothing was taken in.",
            file=name,
        )


def _json(text: str, name: str, place: int) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    try:
        values = json.loads(text, parse_constant=refuse)
        if "\\ud" in text.lower():
            canonical(values).encode()  # half of a surrogate pair has no bytes
    except (ValueError, RecursionError) as error:
        if isinstance(error, GnomonError):
            raise
        raise FormatError(f"This line is no JSON: {error}.", file=name, line=place) from None
    return values


def _header(values: object, name: str, place: int) -> int:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise FormatError(
            "This is no log of annotations: its first line would say so. `gnomon annotations export` "
            "writes one.",
            file=name,
            line=place,
        )
    if values.get("version") != _VERSION or type(values.get("events")) is not int:
        raise FormatError(
            f"The file has version {values.get('version')!r}, and this gnomon reads {_VERSION}.",
            file=name,
            line=place,
        )
    return int(values["events"])
