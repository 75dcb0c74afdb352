"""The Arrow schema of a stored measurement."""

import datetime

import pyarrow as pa
import pytest

from gnomon.errors import SchemaError
from gnomon.measurements.rows import SCHEMA, conform, from_records

LEAST = {
    "dataset_id": b"0" * 16,
    "metric": "demo.scatter",
    "unit": "mmag",
    "run": "run",
    "dataset_type": "metricvalue_demo_scatter",
}


def test_absent_optional_columns_become_nulls_in_the_order_of_the_schema() -> None:
    table = conform(pa.Table.from_pylist([LEAST]).select(list(LEAST)[::-1]).cast(
        pa.schema([pa.field(n, SCHEMA.field(n).type) for n in list(LEAST)[::-1]])
    ))  # fmt: skip
    assert table.schema == SCHEMA
    assert table["value"].null_count == 1
    assert conform(table) == table


def test_records_keep_their_values() -> None:
    moment = datetime.datetime(2025, 1, 1)
    row = LEAST | {"value": float("nan"), "visit": 42, "dimensions": {"healpix9": "5"}, "measured_at": moment}
    (read,) = from_records([row]).to_pylist()
    assert read["visit"] == 42
    assert read["value"] != read["value"]
    assert read["dimensions"] == [("healpix9", "5")]
    assert read["measured_at"] == moment
    assert from_records([]).schema == SCHEMA


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(SchemaError, match="Did you mean metric"):
        from_records([LEAST | {"metrc": "x"}])
    with pytest.raises(SchemaError, match="Did you mean visit"):
        conform(from_records([LEAST]).rename_columns([n.replace("visit", "visitt") for n in SCHEMA.names]))


def test_what_may_not_be_null_or_is_of_another_type_is_refused() -> None:
    with pytest.raises(SchemaError, match="'run' of a stored measurement may not be null"):
        from_records([{k: v for k, v in LEAST.items() if k != "run"}])
    with pytest.raises(SchemaError, match="'run' of a stored measurement is missing"):
        conform(from_records([LEAST]).drop_columns(["run"]))
    with pytest.raises(SchemaError, match="not stored measurements"):
        from_records([LEAST | {"visit": "forty-two"}])
