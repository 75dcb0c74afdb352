"""The tables opened by other engines as they stand, with the SQL that the guide shows."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datafusion
import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from gnomon.store import AppendResult, Store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]
type Ask = Callable[[str, Path], pl.DataFrame]

PAGE = Path(__file__).parents[2] / "docs" / "user" / "store-in-other-engines.md"
SINGLE, BUNDLE = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
FOLDERS = {
    "measurements": "single/instrument-visit",
    "bundles": "bundle/metricbundle_demo_x@instrument-visit",
    "removals": "kept/removals",
}


def with_datafusion(question: str, folder: Path) -> pl.DataFrame:
    context = datafusion.SessionContext()
    for name, table in FOLDERS.items():
        context.register_table(name, DeltaTable(str(folder / table)))
    return pl.DataFrame(context.sql(question).to_arrow_table())


def with_duckdb(question: str, folder: Path) -> pl.DataFrame:
    connection = duckdb.connect()
    for name, table in FOLDERS.items():
        files = DeltaTable(str(folder / table)).file_uris()
        connection.read_parquet(files, hive_partitioning=True, union_by_name=True).create_view(name)
    return pl.DataFrame(connection.sql(question).to_arrow_table())


@pytest.fixture
def lively(store: Store, row: Make, put: Put) -> Store:
    """A store in every state: in order, new, replaced, removed, dropped and there again."""
    bundle = {"dataset_type": "metricbundle_demo_x"}
    singles = [row(visit=visit, value=float(visit)) for visit in range(20)]
    bundles = [row("demo.b", float(visit), visit=visit, **bundle) for visit in range(10)]
    put(*singles, *bundles, *(row("demo.c", visit=visit, run="bad") for visit in range(3)))
    put(*(item | {"value": 0.5, "measured_at": 2_000} for item in (*singles[:4], *bundles[:4])))
    store.compact()
    put(*(item | {"value": 7.5, "measured_at": 3_000} for item in (*singles[2:6], *bundles[2:6])))
    put(row("demo.d", visit=1, **bundle), row(visit=30, extras='{"a": 1}', count=3))
    store.remove([singles[9]["dataset_id"], bundles[9]["dataset_id"]], reason="pruned")
    store.drop_runs("bad", reason="bad")
    put(row("demo.c", visit=5, run="bad"))
    put(singles[0] | {"value": -1.0, "measured_at": 1})
    return store


@pytest.mark.parametrize("ask", [with_datafusion, with_duckdb])
def test_what_holds_is_the_same_for_another_engine(lively: Store, folder: Path, ask: Ask) -> None:
    expected = lively.load(dataset_type="metricvalue_*").polars().sort("metric", "visit")
    columns = ["visit", "metric", "value", "unit"]
    assert ask(SINGLE, folder).select(columns).rows() == expected.select(columns).rows()
    bundled = lively.load("demo.b").polars().sort("visit")
    assert ask(BUNDLE, folder).rows() == bundled.select("visit", "value").rows()


@pytest.mark.parametrize("ask", [with_datafusion, with_duckdb])
def test_what_holds_is_the_same_after_maintenance(lively: Store, folder: Path, ask: Ask) -> None:
    before = ask(SINGLE, folder), ask(BUNDLE, folder)
    lively.compact()
    lively.vacuum()
    assert (ask(SINGLE, folder).rows(), ask(BUNDLE, folder).rows()) == tuple(frame.rows() for frame in before)


def test_a_table_demands_of_a_reader_no_more_than_the_guide_says(lively: Store, folder: Path) -> None:
    for table in FOLDERS.values():
        assert DeltaTable(str(folder / table)).protocol().reader_features == ["timestampNtz"]
