"""The Arrow schema of a stored measurement: one row, one value.

Every producer of rows (harvest, Jobs, collated tables) hands over a `pyarrow.Table` of `SCHEMA`; every
consumer (the store, judgement, pages) reads one. Data IDs are expanded: implied dimensions are filled.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gnomon.dataids import INTEGER_DIMENSIONS, STANDARD_DIMENSIONS
from gnomon.errors import SchemaError, nearest

__all__ = [
    "DATA_ID_COLUMNS",
    "NO_METRIC",
    "OTHER_DIMENSIONS",
    "SCHEMA",
    "check_dataset_type",
    "conform",
    "conform_to",
    "from_records",
]

DATA_ID_COLUMNS: tuple[str, ...] = STANDARD_DIMENSIONS
"""The columns that hold a data ID; null where a dimension does not apply."""

OTHER_DIMENSIONS = "dimensions"
"""The map column for dimensions that have no column of their own, values as strings."""

NO_METRIC = ""
"""In place of a metric's name: the row says only that there is a dataset, which holds no measurement.

Such a dataset still stands before those of later collections; no answer shows the row.
"""

_DATASET_TYPE = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.]{0,127})?")

_TAI = pa.timestamp("us")

SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("dataset_id", pa.binary(16), nullable=False, metadata={"doc": "UUID of the dataset"}),
        pa.field("metric", pa.string(), nullable=False, metadata={"doc": "package.metric"}),
        pa.field("value", pa.float64(), metadata={"doc": "in the metric's unit; NaN is a value"}),
        pa.field("unit", pa.string(), nullable=False, metadata={"doc": "astropy unit; '' is dimensionless"}),
        pa.field("uncertainty", pa.float64(), metadata={"doc": "standard uncertainty, same unit"}),
        pa.field("count", pa.int64(), metadata={"doc": "how many samples made the value"}),
        pa.field("run", pa.string(), nullable=False, metadata={"doc": "RUN collection"}),
        pa.field("dataset_type", pa.string(), nullable=False),
        *(
            pa.field(name, pa.int64() if name in INTEGER_DIMENSIONS else pa.string())
            for name in DATA_ID_COLUMNS
        ),
        pa.field(OTHER_DIMENSIONS, pa.map_(pa.string(), pa.string())),
        pa.field("obs_begin", _TAI, metadata={"doc": "TAI; null when the data ID has no time"}),
        pa.field("obs_end", _TAI, metadata={"doc": "TAI; null when the data ID has no time"}),
        pa.field("measured_at", _TAI, metadata={"doc": "TAI; when the value was computed"}),
        pa.field("software", pa.string(), metadata={"doc": "version of what computed it"}),
        pa.field("extras", pa.string(), metadata={"doc": "JSON object"}),
    ]
)
"""Columns of a stored measurement. Times are TAI as ``timestamp[us]`` without a zone (see `gnomon.times`)."""


def conform(table: pa.Table) -> pa.Table:
    """Bring a table into `SCHEMA`: order, types, absent optional columns as nulls.

    Parameters
    ----------
    table
        At least the columns that may not be null.

    Returns
    -------
    pyarrow.Table
        The same rows in `SCHEMA`.

    Raises
    ------
    SchemaError
        If a column is unknown, missing, of another type, or null where it may not be; or a dataset type has a
        name that it cannot have.
    """
    result = conform_to(table, SCHEMA, what="a stored measurement")
    for name in pc.unique(result["dataset_type"]).to_pylist():
        check_dataset_type(name)
    return result


def check_dataset_type(name: str) -> None:
    """Refuse a name that no dataset type of the Butler has.

    Parameters
    ----------
    name
        Letters, digits, ``_`` and ``.``, 128 at most; empty for what is no dataset of a Butler.

    Raises
    ------
    SchemaError
        If it is another one.
    """
    if not _DATASET_TYPE.fullmatch(name):
        shown = name if len(name) <= 40 else f"{name[:40]}..."
        raise SchemaError(
            f"{shown!r} cannot be the name of a dataset type: those are letters, digits, '_' and '.', "
            "128 at most."
        )


def conform_to(table: pa.Table, schema: pa.Schema, *, what: str) -> pa.Table:
    """Bring a table into a schema: order, types, absent optional columns as nulls.

    Parameters
    ----------
    table
        At least the columns that may not be null.
    schema
        What is wanted.
    what
        What a row is, for messages.

    Returns
    -------
    pyarrow.Table
        The same rows in ``schema``.

    Raises
    ------
    SchemaError
        If a column is unknown, missing, of another type, or null where it may not be.
    """
    if unknown := [name for name in table.column_names if name not in schema.names]:
        raise SchemaError(
            f"{what.capitalize()} has no column {unknown[0]!r}.{nearest(unknown[0], schema.names)}"
        )
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            if not field.nullable:
                raise SchemaError(f"The column {field.name!r} of {what} is missing.")
            columns.append(pa.nulls(len(table), field.type))
            continue
        column = table[field.name]
        try:
            column = column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SchemaError(
                f"The column {field.name!r} of {what} is {field.type}, not {column.type}."
            ) from error
        if not field.nullable and column.null_count:
            raise SchemaError(f"The column {field.name!r} of {what} may not be null.")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def from_records(records: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Make a table of a sequence of mappings.

    Parameters
    ----------
    records
        One mapping a row, from column names to values; absent keys are null. Times are `datetime.datetime`
        in TAI or microseconds of TAI. For bulk work build columns and call `conform`.

    Returns
    -------
    pyarrow.Table
        Rows in `SCHEMA`.

    Raises
    ------
    SchemaError
        As `conform`.
    """
    rows = list(records)
    for row in rows:
        if unknown := row.keys() - set(SCHEMA.names):
            name = sorted(unknown)[0]
            raise SchemaError(f"A stored measurement has no column {name!r}.{nearest(name, SCHEMA.names)}")
    try:
        table = pa.Table.from_arrays(
            [pa.array([row.get(f.name) for row in rows], type=f.type) for f in SCHEMA], names=SCHEMA.names
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaError(f"These records are not stored measurements: {error}") from error
    return conform(table)
