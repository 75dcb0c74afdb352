"""A store that an earlier version wrote becomes one of the present format, whatever happens meanwhile."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake

from gnomon.errors import StoreError
from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store import init_store, open_store

type Make = Callable[..., dict[str, Any]]

RECORDED_AT = pa.field("recorded_at", pa.timestamp("us"), nullable=False)


class First:
    """Writes a store as the first format was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "gnomon-store.json").write_text(json.dumps({"format": 1}) + "\n")

    def measurements(self, dimensions: str, at: int, *rows: dict[str, Any], source: str = "first") -> None:
        moments = pa.array([at] * len(rows), pa.timestamp("us"))
        table = from_records(rows).append_column(RECORDED_AT, moments)
        self._write(f"tidy/{dimensions}", table, source)

    def chain(self, at: int, name: str, *children: str) -> None:
        fields = [("name", pa.string()), ("children", pa.list_(pa.string()))]
        schema = pa.schema([*(pa.field(*item, nullable=False) for item in fields), RECORDED_AT])
        rows = [{"name": name, "children": list(children), "recorded_at": at}]
        self._write("chains", pa.Table.from_pylist(rows, schema=schema), "define_chain")

    def removal(self, at: int, dataset_id: bytes, reason: str) -> None:
        fields = [("dataset_id", pa.binary(16)), ("reason", pa.string())]
        schema = pa.schema([*(pa.field(*item, nullable=False) for item in fields), RECORDED_AT])
        rows = [{"dataset_id": dataset_id, "reason": reason, "recorded_at": at}]
        self._write("removals", pa.Table.from_pylist(rows, schema=schema), "remove")

    def _write(self, name: str, table: pa.Table, source: str) -> None:
        properties = CommitProperties(custom_metadata={"gnomon.source": source})
        write_deltalake((self.folder / name).as_uri(), table, mode="append", commit_properties=properties)


@pytest.fixture
def first(tmp_path: Path, row: Make) -> First:
    """Measurements with and without dimensions, a bundle, a replaced value, a removal and a chain."""
    store = First(tmp_path / "store")
    again, removed = row(value=1.0, measured_at=1), row(visit=9)
    bundle = {"dataset_type": "metricbundle_demo_x", "dataset_id": b"b" * 16}
    store.measurements("instrument-visit", 1_000, again, removed, row(visit=2, dimensions=[("htm7", "5")]))
    store.measurements("instrument-visit", 2_000, again | {"value": 2.0, "measured_at": 2}, source="harvest")
    store.measurements("instrument-visit", 3_000, row("demo.b", **bundle), row("demo.c", **bundle))
    store.measurements("repository", 3_000, row("demo.d", instrument=None, visit=None))
    store.removal(4_000, removed["dataset_id"], "pruned")
    store.chain(4_000, "chain", "run")
    store.chain(5_000, "chain", "other", "run")
    return store


def check_taken_over(folder: Path) -> None:
    store = open_store(folder)
    assert json.loads((folder / "gnomon-store.json").read_text()) == {"format": 2}
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [
        "bundle", "catalog", "kept", "single"
    ]  # fmt: skip
    found = store.load(collections="chain").polars()
    assert found.select("metric", "value").rows() == [
        ("demo.a", 2.0), ("demo.a", 1.0), ("demo.b", 1.0), ("demo.c", 1.0), ("demo.d", 1.0)
    ]  # fmt: skip
    assert store.load("demo.a", where="visit = 2").qtable()["htm7"].tolist() == ["5"]
    history = store.history("demo.a", where="visit IN (1, 9)")
    assert history.select("value", pl.col("recorded_at").cast(pl.Int64), "source", "reason").rows() == [
        (1.0, 1_000, "first", "superseded"),
        (2.0, 2_000, "harvest", None),
        (1.0, 1_000, "first", "pruned"),
    ]
    assert len(store.load(as_of=1_500)) == 3
    assert store.check() == []


def test_a_store_of_the_first_format_is_refused_with_what_to_do(first: First) -> None:
    with pytest.raises(StoreError, match=r"has format 1, .* `gnomon store init` brings it up to date"):
        open_store(first.folder)


def test_a_store_of_the_first_format_is_brought_up_to_date(first: First) -> None:
    seen: list[tuple[int, int]] = []
    made = init_store(str(first.folder), progress=lambda done, total: seen.append((done, total)))
    assert (made.is_new, made.former, made.rows) == (False, 1, 7)
    assert (7, 7) in seen
    check_taken_over(first.folder)
    again = init_store(str(first.folder))
    assert (again.is_new, again.former, again.rows) == (False, None, 0)
    check_taken_over(first.folder)


def test_what_an_earlier_version_wrote_until_the_end_is_taken_over(first: First, row: Make) -> None:
    init_store(str(first.folder))
    # As if the process had been killed between the marker and the end, and somebody had not.
    first.measurements("instrument-visit", 6_000, row("demo.late", visit=30))
    assert [finding.kind for finding in open_store(first.folder).check()] == ["leftover"]
    init_store(str(first.folder))
    assert len(open_store(first.folder).load("demo.late")) == 1
    check = open_store(first.folder).check()
    assert check == []


def test_an_empty_store_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    first = First(tmp_path / "store")
    assert init_store(str(first.folder)).former == 1
    assert len(open_store(first.folder).load()) == 0


def test_a_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert init_store(str(tmp_path / "store")).is_new
    assert not init_store(str(tmp_path / "store")).is_new
    assert open_store(tmp_path / "store").status().format == 2


def test_a_damaged_former_table_is_told_and_nothing_is_lost(first: First) -> None:
    (file,) = (first.folder / "tidy" / "repository").glob("*.parquet")
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        init_store(str(first.folder))
    assert (first.folder / "tidy" / "instrument-visit").is_dir()
    assert json.loads((first.folder / "gnomon-store.json").read_text()) == {"format": 1}
    file.write_bytes(content)
    init_store(str(first.folder))
    check_taken_over(first.folder)


MIGRATE = """
import sys
from gnomon.store import init_store
print("ready", flush=True)
init_store(sys.argv[1])
print("done", flush=True)
"""


@pytest.mark.long
def test_a_migration_that_is_killed_anywhere_is_completed_by_the_next(first: First) -> None:
    kills = 0
    for delay in [*(number * 0.04 for number in range(1, 8)), 30.0]:
        process = subprocess.Popen(
            [sys.executable, "-c", MIGRATE, str(first.folder)], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            end = time.monotonic() + delay
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            elif process.returncode == 0 and json.loads((first.folder / "gnomon-store.json").read_text()) == {
                "format": 2
            }:
                break
    assert kills
    init_store(str(first.folder))
    check_taken_over(first.folder)


def test_rows_have_the_columns_of_the_present_schema(first: First) -> None:
    init_store(str(first.folder))
    assert open_store(first.folder).load().arrow().schema.equals(SCHEMA)
