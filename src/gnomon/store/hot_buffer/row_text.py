"""A measurement as a line of text, the form in which single ones wait in the hot buffer.

The text is comma-separated, a field a column: an empty field is null, and text stands in quotation marks, so
that an empty text is no null. Numbers are written as Python writes them, which reads back to the same bits;
NaN is ``nan``. Making a line costs microseconds, and reading ten thousand of them milliseconds: Arrow parses
them all at once.
"""

import datetime
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gnomon import times
from gnomon.errors import SchemaError, TimeFormatError, nearest
from gnomon.measurements.rows import OTHER_DIMENSIONS, SCHEMA, check_dataset_type, conform

__all__ = ["COLUMNS", "LAYOUT", "check_moments", "read", "write"]

LAYOUT = 1
"""The number of the columns that `write` writes, in order; it stands beside each line that is kept."""

# Lines that a former version left behind are read in its layout: a change of `SCHEMA` adds one here.
_LAYOUTS: Mapping[int, tuple[str, ...]] = {
    1: (
        *("dataset_id", "metric", "value", "unit", "uncertainty", "count", "run", "dataset_type"),
        *("instrument", "visit", "exposure", "detector", "day_obs", "physical_filter", "band"),
        *("skymap", "tract", "patch", "group", "dimensions", "obs_begin", "obs_end", "measured_at"),
        *("software", "extras"),
    )
}
COLUMNS = _LAYOUTS[LAYOUT]
"""The columns that `write` writes, in order."""

_INTEGERS = range(-(2**63), 2**63)
# What a calendar cannot say stops whoever reads the table, and would stop the draining of all other rows.
_MOMENTS = range(times.from_datetime(datetime.datetime.min), times.from_datetime(datetime.datetime.max) + 1)
_EXACT_FLOATS = range(-(2**53), 2**53 + 1)
_ID = "dataset_id"
_ID_BYTES = 16
_MAX_BLOCK = 2**30


def write(row: Mapping[str, Any]) -> str:
    """Write a measurement as a line.

    Parameters
    ----------
    row
        From the columns of `gnomon.measurements.rows.SCHEMA` to values; absent is null. NaN is a value.
        Times are `datetime.datetime` in TAI or microseconds of TAI.

    Returns
    -------
    str
        Without an end of line, though a text in it may hold one.

    Raises
    ------
    SchemaError
        If a column is unknown, a required one missing or null, or a value of another type or out of range.

    Examples
    --------
    >>> row = {"dataset_id": bytes(16), "metric": "demo.a", "value": 0.5, "unit": ""}
    >>> write(row | {"run": "u/me", "dataset_type": "t"})
    '00000000000000000000000000000000,"demo.a",0.5,"",,,"u/me","t",,,,,,,,,,,,,,,,,'
    """
    fields = []
    found = 0
    for name, required, encode in _FIELDS:
        if (value := row.get(name)) is None:
            if required:
                raise _absent(row, name)
            found += name in row
            fields.append("")
        else:
            found += 1
            fields.append(encode(name, value))
    if found != len(row):
        unknown = sorted(str(name) for name in row.keys() - set(COLUMNS))[0]
        raise SchemaError(f"A stored measurement has no column {unknown!r}.{nearest(unknown, COLUMNS)}")
    line = ",".join(fields)
    try:
        line.encode()
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise SchemaError(f"A text of this measurement cannot be written as UTF-8: {wrong!r}.") from None
    return line


def check_moments(table: pa.Table) -> None:
    """Refuse a table with a time that `write` would refuse.

    Parameters
    ----------
    table
        In `gnomon.measurements.rows.SCHEMA`.

    Raises
    ------
    SchemaError
        If a time is not of the years 1 to 9999.
    """
    for name in COLUMNS:
        if pa.types.is_timestamp(table.schema.field(name).type):
            ends = pc.min_max(table[name].cast(pa.int64())).as_py()
            for moment in ends.values():
                if moment is not None:
                    _moment(name, moment)


def read(lines: Iterable[str], *, layout: int = LAYOUT) -> pl.DataFrame:
    """Read lines back.

    Parameters
    ----------
    lines
        As `write` made them.
    layout
        The number of their columns.

    Returns
    -------
    polars.DataFrame
        In `gnomon.measurements.rows.SCHEMA`.

    Raises
    ------
    SchemaError
        If a newer gnomon wrote them.
    pyarrow.ArrowInvalid
        If the lines are damaged.
    """
    if layout not in _LAYOUTS:
        raise SchemaError(
            f"The lines have layout {layout}, and this gnomon knows {LAYOUT}: use the newer gnomon."
        )
    # Arrow takes an empty field that ends the text, and not its line, for an empty text.
    data = "\n".join([*lines, ""]).encode()
    if not data:
        return pl.DataFrame(SCHEMA.empty_table())
    names = list(_LAYOUTS[layout])
    table = csv.read_csv(
        pa.BufferReader(data),
        # One block for all, where Arrow can count it, spares it the search for ends of lines inside of text.
        read_options=csv.ReadOptions(column_names=names, block_size=min(len(data) + 1, _MAX_BLOCK)),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types={name: _READ_TYPES[name] for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    for name, decode in ((_ID, _ids), (OTHER_DIMENSIONS, _maps)):
        table = table.set_column(names.index(name), SCHEMA.field(name), decode(table[name]))
    return pl.DataFrame(conform(table))


def _ids(texts: pa.ChunkedArray) -> pa.Array:
    joined = bytes.fromhex("".join(texts.to_pylist()))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_ID_BYTES), len(texts), [None, pa.py_buffer(joined)]
    )


def _maps(texts: pa.ChunkedArray) -> pa.Array:
    """Turn JSON objects into maps; the same one is read once."""
    kind = SCHEMA.field(OTHER_DIMENSIONS).type
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), kind)
    encoded = texts.combine_chunks().dictionary_encode()
    distinct = [list(json.loads(text).items()) for text in encoded.dictionary.to_pylist()]
    return pa.array(distinct, type=kind).take(encoded.indices)


def _absent(row: Mapping[str, Any], name: str) -> SchemaError:
    if name in row:
        return SchemaError(f"The column {name!r} of a stored measurement may not be null.")
    # A misspelt column is why a required one is missing more often than not.
    if unknown := sorted(str(given) for given in row.keys() - set(COLUMNS)):
        return SchemaError(
            f"A stored measurement has no column {unknown[0]!r}.{nearest(unknown[0], COLUMNS)}"
        )
    return SchemaError(f"The column {name!r} of a stored measurement is missing.")


def _wrong(name: str, value: object, expected: str) -> SchemaError:
    given = repr(value)
    given = given if len(given) <= 80 else f"{given[:77]}..."
    return SchemaError(
        f"The column {name!r} of a stored measurement is {expected}, not {given} ({type(value).__name__})."
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return '"' + value.replace('"', '""') + '"'


def _float(name: str, value: Any) -> str:
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, np.floating):
        return repr(float(value))
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if int(value) not in _EXACT_FLOATS:
            raise _wrong(name, value, "a number that a 64-bit float can hold")
        return repr(float(value))
    raise _wrong(name, value, "a number")


def _integer(name: str, value: Any) -> str:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise _wrong(name, value, "an integer")
    if int(value) not in _INTEGERS:
        raise _wrong(name, value, "an integer of 64 bits with a sign")
    return str(int(value))


def _moment(name: str, value: Any) -> str:
    if isinstance(value, datetime.datetime):
        try:
            return str(times.from_datetime(value))
        except TimeFormatError as error:
            raise SchemaError(f"The column {name!r} of a stored measurement: {error}") from None
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise _wrong(name, value, "a datetime in TAI or microseconds of TAI")
    if int(value) not in _MOMENTS:
        raise _wrong(name, value, "a moment of the years 1 to 9999, in microseconds of TAI")
    return str(int(value))


def _id(name: str, value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return value.hex
    if not isinstance(value, bytes) or len(value) != _ID_BYTES:
        raise _wrong(name, value, f"{_ID_BYTES} bytes")
    return value.hex()


def _map(name: str, value: Any) -> str:
    try:
        pairs = sorted(dict(value).items())
    except (TypeError, ValueError):
        raise _wrong(name, value, "a mapping from texts to texts") from None
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise _wrong(name, value, "a mapping from texts to texts")
    # No dimensions and an empty map are the same thing, and one spelling keeps equal rows equal.
    return _text(name, json.dumps(dict(pairs), ensure_ascii=False)) if pairs else ""


def _dataset_type(name: str, value: Any) -> str:
    text = _text(name, value)
    check_dataset_type(value)
    return text


def _encoder(field: pa.Field) -> Callable[[str, Any], str]:
    if field.name == "dataset_type":
        return _dataset_type
    if pa.types.is_timestamp(field.type):
        return _moment
    if pa.types.is_map(field.type):
        return _map
    by_type = {pa.binary(_ID_BYTES): _id, pa.string(): _text, pa.float64(): _float, pa.int64(): _integer}
    return by_type[field.type]


def _read_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return kind if kind in (pa.float64(), pa.int64()) else pa.string()


_FIELDS = tuple((name, not SCHEMA.field(name).nullable, _encoder(SCHEMA.field(name))) for name in COLUMNS)
_READ_TYPES = {field.name: _read_type(field.type) for field in SCHEMA}
