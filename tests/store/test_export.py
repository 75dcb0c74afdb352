"""Measurements as one Parquet file, and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from gnomon.errors import MetricNotFoundError, NotOursError, StoreError
from gnomon.measurements.rows import SCHEMA
from gnomon.store import AppendResult, Chain, Store, open_store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


@pytest.fixture
def full(store: Store, row: Make, put: Put) -> Store:
    bundle = {"dataset_type": "metricbundle_demo_x"}
    put(*(row(name, visit=visit, value=visit / 7) for name in ("demo.a", "demo.b") for visit in range(20)))
    put(*(row("demo.c", run="other", visit=visit, **bundle) for visit in range(5)))
    put(row("demo.d", visit=None, instrument=None, dimensions=[("htm7", "3")], extras='{"a": 1}'))
    store.define_chain(Chain("chain", ("other",)))
    return store


def test_what_is_exported_can_be_appended_and_is_the_same(full: Store, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    file = tmp_path / "out.parquet"
    assert full.export(file, progress=lambda done, total: seen.append((done, total))) == 46
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    table = pq.read_table(file)
    assert table.schema.equals(SCHEMA)
    copy = open_store(tmp_path / "copy")
    copy.append(table, source="copy")
    assert copy.load().polars().equals(full.load().polars())
    assert [path.name for path in tmp_path.glob("out*")] == ["out.parquet"]


def test_an_export_is_asked_as_measurements_are(full: Store, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    assert full.export(file, "demo.[ab]", where="visit < 3", values=(0.1, None)) == 4
    assert pl.read_parquet(file)["visit"].to_list() == [1, 2, 1, 2]
    assert full.export(file, collections="chain", overwrite=True) == 5
    with pytest.raises(MetricNotFoundError, match=r"Did you mean demo\.a"):
        full.export(tmp_path / "wrong.parquet", "demo.aa")
    with pytest.raises(StoreError, match="'wide' cannot be asked"):
        full.export(tmp_path / "wrong.parquet", wide=True)
    assert not (tmp_path / "wrong.parquet").exists()


def test_a_file_that_is_there_is_left_as_it_is(full: Store, tmp_path: Path) -> None:
    file = tmp_path / "out.parquet"
    file.write_text("mine")
    with pytest.raises(NotOursError, match="exists already"):
        full.export(file)
    assert file.read_text() == "mine"


def test_an_export_that_fails_leaves_no_file(full: Store, folder: Path, tmp_path: Path) -> None:
    (lost, *_) = (folder / "bundle").rglob("state=new/*.parquet")
    lost.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        full.export(tmp_path / "out.parquet")
    assert not list(tmp_path.glob("out*"))
    with pytest.raises(StoreError, match="names no file"):
        full.export(f"{tmp_path}/")


def test_an_empty_store_is_an_empty_file(store: Store, tmp_path: Path) -> None:
    assert store.export(tmp_path / "out.parquet") == 0
    assert pq.read_table(tmp_path / "out.parquet").schema.equals(SCHEMA)
