"""The text of a job's file: JSON, read with errors that say where."""

import json
from pathlib import Path
from typing import Any

from gnomon.errors import FormatError, GnomonError
from gnomon.measurements.documents import hint, shown

__all__ = ["PARTS", "parse_document", "read_document"]

PARTS = ("measurements", "blobs", "metrics", "specs", "meta")
"""The keys of a job. Established readers refuse any other."""


def read_document(path: Path) -> tuple[dict[str, Any], list[GnomonError]]:
    """Read a job's file as plain values.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    tuple
        As of `parse_document`.

    Raises
    ------
    FormatError
        If it cannot be read, or as `parse_document`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"It cannot be read: {error.strerror or error}.", file=str(path)) from error
    return parse_document(content, file=str(path))


def parse_document(
    content: bytes | str, *, file: str | None = None
) -> tuple[dict[str, Any], list[GnomonError]]:
    """Read a job's text as plain values.

    Parameters
    ----------
    content
        JSON.
    file
        What to call it in messages.

    Returns
    -------
    tuple
        What it holds by the keys in `PARTS`, and what is not quite JSON in it.

    Raises
    ------
    FormatError
        If it is not JSON, has a key twice, or is no object with those keys.
    """
    doubled: list[tuple[dict[str, Any], str]] = []
    constants: list[str] = []

    def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            doubled.append((made, next(key for key, _ in pairs if key in seen or seen.add(key))))  # type: ignore[func-returns-value]
        return made

    def make_constant(text: str) -> float:
        constants.append(text)
        return float(text)

    try:
        document = json.loads(content, object_pairs_hook=make_object, parse_constant=make_constant)
    except json.JSONDecodeError as error:
        raise FormatError(f"This is not JSON: {error.msg}.", file=file, line=error.lineno) from error
    except UnicodeError as error:
        raise FormatError(f"This is not JSON in UTF-8: {error}.", file=file) from error
    except ValueError as error:
        raise FormatError(f"This is not JSON that can be read: {error}.", file=file) from error
    except RecursionError as error:
        raise FormatError("Its lists and objects are nested too deeply.", file=file) from error
    if doubled:
        target, key = doubled[0]
        where = _path_of(target, document) or "The file"
        raise FormatError(f"{where} has the key {shown(key)} twice.", file=file)
    if not isinstance(document, dict):
        raise FormatError(f"A job's file is one JSON object, not {shown(document)}.", file=file)
    if unknown := [key for key in document if key not in PARTS]:
        near = hint(unknown[0], PARTS)
        raise FormatError(f"A job has no key {shown(unknown[0])}.{near}", file=file)
    problems: list[GnomonError] = []
    if constants:
        problems.append(
            FormatError(
                f"{constants[0]} stands in it ({len(constants)} such), which is not JSON; null is written "
                "instead.",
                file=file,
            )
        )
    return document, problems


def _path_of(target: Any, root: Any) -> str:
    """Give the path to a value by identity."""
    waiting: list[tuple[Any, str]] = [(root, "")]
    while waiting:
        value, path = waiting.pop()
        if value is target:
            return path.removeprefix(".")
        if isinstance(value, dict):
            waiting.extend((item, f"{path}.{key:.60}") for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend((item, f"{path}[{index}]") for index, item in enumerate(value))
    return ""
