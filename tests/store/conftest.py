"""What the tests of the room share: a place for a store, and rows to put there."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gnomon.measurements.rows import from_records
from gnomon.store import Store, open_store

type Row = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Store:
    return open_store(folder)


@pytest.fixture
def row() -> Callable[..., Row]:
    """Make a row of a dataset of its own, a visit's by default."""
    numbers = itertools.count(1)

    def make(metric: str = "demo.a", value: float | None = 1.0, **more: Any) -> Row:
        return {
            "dataset_id": next(numbers).to_bytes(16),
            "metric": metric,
            "value": value,
            "unit": "mmag",
            "run": "run",
            "dataset_type": f"metricvalue_{metric.replace('.', '_')}",
            "instrument": "Cam",
            "visit": 1,
            "measured_at": 1_000,
            **more,
        }

    return make


@pytest.fixture
def put(store: Store) -> Callable[..., Any]:
    """Append rows."""

    def append(*rows: Row) -> Any:
        table: pa.Table = from_records(rows)
        return store.append(table, source="test")

    return append
