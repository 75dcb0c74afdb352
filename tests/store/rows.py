"""Measurements of every kind, for laws."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from gnomon import times
from gnomon.measurements.rows import SCHEMA, from_records

type Row = dict[str, Any]

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _values(field: pa.Field) -> st.SearchStrategy[Any]:
    if field.name == "dataset_type":
        return st.from_regex(r"\A([A-Za-z_][A-Za-z0-9_.]{0,9})?\Z")
    if pa.types.is_timestamp(field.type):
        return st.datetimes().map(times.from_datetime)
    if pa.types.is_map(field.type):
        return st.dictionaries(TEXT, TEXT, min_size=1, max_size=3)
    return {
        pa.binary(16): st.binary(min_size=16, max_size=16),
        pa.string(): TEXT,
        pa.float64(): st.floats(),
        pa.int64(): INT64,
    }[field.type]


RECORDS = st.fixed_dictionaries(
    {field.name: _values(field) for field in SCHEMA if not field.nullable},
    optional={field.name: st.none() | _values(field) for field in SCHEMA if field.nullable},
)


def stored(records: list[Row]) -> pl.DataFrame:
    """What the tables would hold; a map in the one spelling that the buffer has for it."""
    plain = [dict(record) for record in records]
    for record in plain:
        if record.get("dimensions"):
            record["dimensions"] = sorted(record["dimensions"].items())
    return pl.DataFrame(from_records(plain))


def bits(frame: pl.DataFrame) -> list[list[int]]:
    """Floats as integers, so that signs of zeros and NaNs count."""
    return [
        np.where(np.isnan(values), np.nan, values).view(np.int64).tolist()
        for values in (frame[name].fill_null(1.5).to_numpy().copy() for name in ("value", "uncertainty"))
    ]
