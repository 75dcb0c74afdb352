"""Datasets that hold many measurements, as rows with a column a metric."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.store.strategies import rows

from gnomon.measurements.rows import NO_METRIC, conform, from_records
from gnomon.store import AppendResult, Store
from gnomon.store.layout.bundles import MetricColumn, fold, metric_columns, unfold
from gnomon.store.layout.schema import STORED_SCHEMA, TableName, table_names

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


def stored(table: pa.Table) -> pl.DataFrame:
    frame = pl.DataFrame(table).with_columns(
        recorded_at=pl.lit(5).cast(pl.Datetime("us")),
        source=pl.lit("test"),
        superseded_at=pl.lit(None, pl.Datetime("us")),
    )
    return frame.select(STORED_SCHEMA.names)


def in_order(frame: pl.DataFrame) -> list[str]:
    return sorted(map(repr, frame.select(STORED_SCHEMA.names).rows()))


@given(st.lists(rows(), max_size=12))
def test_whatever_is_folded_unfolds_to_the_same_rows(given_rows: list[dict[str, Any]]) -> None:
    frame = stored(from_records(given_rows))
    folded = fold(frame)
    assert in_order(unfold(folded, metric_columns(folded.columns))) == in_order(frame)


def test_a_dataset_is_one_row_however_many_metrics_it_has() -> None:
    table = from_records(
        {
            "dataset_id": bytes([dataset]) * 16,
            "metric": f"demo.m{metric}",
            "value": float(metric),
            "unit": "mmag",
            "run": "run",
            "dataset_type": "metricbundle_demo_x",
            "measured_at": 1_000 + metric,
        }
        for metric in range(20)
        for dataset in range(3)
    )
    assert len(fold(stored(table))) == 3


@given(st.text(min_size=1), st.text())
def test_every_name_and_unit_has_a_column_of_its_own(metric: str, unit: str) -> None:
    column = MetricColumn.of(metric, unit)
    assert metric_columns([column.name, column.part("uncertainty")]) == [column]
    assert not set(column.name) & set(" ,;{}()\n\t=%")


@given(st.text(min_size=1), st.lists(st.sampled_from(["instrument", "visit", "detector"]), unique=True))
def test_the_folder_of_a_table_tells_its_name(dataset_type: str, dimensions: list[str]) -> None:
    ordered = tuple(name for name in ("instrument", "visit", "detector") if name in dimensions)
    for name in (TableName(dataset_type, ordered), TableName("", ordered)):
        assert TableName.of_folder(name.folder) == name


def test_tools_that_emit_the_same_last_part_do_not_merge(store: Store, row: Make, put: Put) -> None:
    first = row("pkg.e1Diff.g_highSNStars_median", 1.0, dataset_type="objectTable_metrics")
    put(first, first | {"metric": "pkg.e2Diff.g_highSNStars_median", "value": 2.0})
    assert store.load("pkg.e1Diff.*").polars()["value"].to_list() == [1.0]
    assert store.load("*.g_highSNStars_median").polars()["value"].to_list() == [1.0, 2.0]


def test_metrics_that_come_later_get_columns_and_earlier_rows_lack_them(
    store: Store, row: Make, put: Put
) -> None:
    put(row("demo.a", 1.0, dataset_type="metricbundle_demo_x"))
    put(row("demo.b", 2.0, dataset_type="metricbundle_demo_x", unit="arcsec"))
    put(row("demo.b", 3.0, dataset_type="metricbundle_demo_x", unit="deg"))
    found = store.load().polars().select("metric", "value", "unit").rows()
    assert found == [("demo.a", 1.0, "mmag"), ("demo.b", 2.0, "arcsec"), ("demo.b", 3.0, "deg")]


def test_a_dataset_without_measurements_stands_before_one_of_a_later_run(
    store: Store, row: Make, put: Put
) -> None:
    for kind in ("metricbundle_demo_x", "metricvalue_demo_a"):
        empty = row(NO_METRIC, None, run="new", dataset_type=kind, unit="")
        put(empty, row("demo.a", 1.0, run="old", dataset_type=kind))
        assert len(store.load(collections=["new", "old"], dataset_type=kind)) == 0
        assert len(store.load(collections=["old", "new"], dataset_type=kind)) == 1
        assert len(store.load(dataset_type=kind)) == 1
        assert empty["dataset_id"] in set(store.dataset_ids(dataset_type=kind))


def test_rows_of_several_tables_are_divided_without_loss() -> None:
    table = conform(
        from_records(
            {
                "dataset_id": bytes([i]) * 16,
                "metric": "demo.a",
                "value": 1.0,
                "unit": "",
                "run": "r",
                "dataset_type": ("metricvalue_demo_a", "metricbundle_demo_x", "")[i % 3],
                "instrument": "Cam",
                **({"visit": i} if i % 2 else {}),
            }
            for i in range(12)
        )
    )
    parts = table_names(stored(table))
    assert len(parts) == 4
    assert in_order(pl.concat(part for _, part in parts)) == in_order(stored(table))
