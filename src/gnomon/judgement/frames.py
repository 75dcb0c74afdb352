"""Rows of stored measurements as Polars frames."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from gnomon.errors import SchemaError
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import OTHER_DIMENSIONS, SCHEMA

__all__ = ["Rows", "to_frame"]

Rows: TypeAlias = pa.Table | pl.DataFrame  # noqa: UP040  # a plain union, so that isinstance takes it
"""A table in the schema of `gnomon.measurements.rows`."""

_TYPES: dict[str, Any] = {
    **dict(pl.DataFrame(SCHEMA.empty_table()).schema),
    OTHER_DIMENSIONS: ENTRIES,
}


def to_frame(rows: Rows, columns: Iterable[str]) -> pl.DataFrame:
    """Give some columns of a table as a frame.

    Parameters
    ----------
    rows
        A table; optional columns of the schema may be absent.
    columns
        Which of the schema's columns are wanted; absent ones that may be null become null.

    Returns
    -------
    polars.DataFrame
        Those columns, with the schema's types; the map of other dimensions as a list of pairs.

    Raises
    ------
    SchemaError
        If ``rows`` is no table, or lacks a column, or has one of another type.
    """
    if isinstance(rows, pa.Table):
        rows = pl.DataFrame(rows.select([name for name in columns if name in rows.column_names]))
    if not isinstance(rows, pl.DataFrame):
        raise SchemaError(
            f"Measurements come as a pyarrow.Table or polars.DataFrame, not {type(rows).__name__}."
        )
    chosen = []
    for name in columns:
        field = SCHEMA.field(name)
        target = _TYPES[name]
        if name not in rows.columns:
            if not field.nullable:
                raise SchemaError(f"The column {name!r} of a stored measurement is missing.")
            chosen.append(pl.lit(None, dtype=target).alias(name))
        elif rows.schema[name] == target:
            chosen.append(pl.col(name))
        else:
            chosen.append(pl.col(name).cast(target))
    try:
        return rows.select(chosen)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"These are not stored measurements: {error}") from error
