"""What maintenance may change, and what it may not."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.strategies import RUNS, rows

from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store import AppendResult, Store, open_store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]

QUESTIONS: list[dict[str, Any]] = [
    {},
    {"metrics": "demo.*"},
    {"collections": list(RUNS)},
    {"metrics": "demo.a", "collections": list(RUNS[::-1])},
    {"latest": True},
    {"where": "visit = 1"},
    {"where": "value > -2 AND band = 'r'"},
    {"observed": (None, 200)},
    {"software": "gnomon*"},
]


def answers(store: Store) -> list[pl.DataFrame]:
    return [_ask(store, question) for question in QUESTIONS]


def _ask(store: Store, question: dict[str, Any]) -> pl.DataFrame:
    known = set(store.load().polars()["metric"])
    if "metrics" in question and not any(name.startswith("demo.") for name in known):
        question = {key: value for key, value in question.items() if key != "metrics"}
    if "metrics" in question and "demo.a" not in known:
        question = {**question, "metrics": "demo.*"}
    if "collections" in question:
        runs = set(store.load().polars()["run"])
        question = {**question, "collections": [run for run in question["collections"] if run in runs]}
    return store.load(**question).polars()


def same(one: list[pl.DataFrame], other: list[pl.DataFrame]) -> bool:
    return all(
        sorted(map(repr, a.rows())) == sorted(map(repr, b.rows())) for a, b in zip(one, other, strict=True)
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(rows(), min_size=1, max_size=6), min_size=1, max_size=4),
    removed=st.lists(st.integers(1, 6), max_size=2),
    compactions=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_no_answer_changes_by_compaction_whatever_was_appended_and_removed(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[dict[str, Any]]],
    removed: list[int],
    compactions: list[bool],
) -> None:
    folder = tmp_path_factory.mktemp("law")
    kept, tidied = open_store(folder / "kept"), open_store(folder / "tidied")
    for number, (batch, whole) in enumerate(zip(batches, compactions, strict=False)):
        for store in (kept, tidied):
            store.append(from_records(batch), source="test")
        tidied.compact(whole=whole)
        if number == 0 and removed:
            for store in (kept, tidied):
                store.remove([dataset.to_bytes(16) for dataset in removed], reason="test")
    assert same(answers(kept), answers(tidied))
    tidied.compact(whole=True)
    assert same(answers(kept), answers(tidied))
    assert tidied.load().arrow().schema == SCHEMA


def test_compaction_leaves_one_file_and_an_answer_in_the_same_order(
    store: Store, folder: Path, row: Make, put: Put
) -> None:
    for visit in (3, 1, 2):
        put(row("demo.b", 1.0, visit=visit), row("demo.a", 2.0, visit=visit))
    before = store.load().arrow()
    (done,) = store.compact()
    assert (done.files_before, done.files_after, done.rows, done.superseded) == (3, 1, 6, 0)
    assert store.load().arrow() == before
    assert store.compact() == []
    table = DeltaTable((folder / "single" / "instrument-visit").as_uri())
    assert len(table.file_uris()) == 1


def test_a_value_that_holds_no_longer_is_put_aside_and_not_thrown_away(
    store: Store, folder: Path, row: Make, put: Put
) -> None:
    first = row(value=1.0, measured_at=1)
    put(first)
    put(first | {"value": 2.0, "measured_at": 2})
    put(first)
    (done,) = store.compact()
    assert (done.rows, done.superseded) == (1, 2)
    assert store.load().polars()["value"].to_list() == [2.0]
    table = DeltaTable((folder / "single" / "instrument-visit").as_uri()).to_pyarrow_table()
    aside = table.filter((pl.Series(table["state"]) == "superseded").to_arrow())
    assert aside["value"].to_pylist() == [1.0, 1.0]


def test_an_answer_as_of_a_moment_outlives_compaction(store: Store, row: Make, put: Put) -> None:
    from gnomon import times

    entry, other = row(value=1.0, measured_at=1), row(value=7.0)
    put(entry, other)
    then = times.now()
    put(entry | {"value": 2.0, "measured_at": 2})
    store.remove([other["dataset_id"]], reason="test")
    for _ in range(2):
        assert store.load(as_of=then).polars()["value"].to_list() == [1.0, 7.0]
        assert store.load().polars()["value"].to_list() == [2.0]
        store.compact(whole=True)


def test_what_was_removed_and_came_again_is_there(store: Store, row: Make, put: Put) -> None:
    entry = row(value=1.0, dataset_type="metricbundle_demo_x")
    put(entry, entry | {"metric": "demo.b"})
    store.drop_runs("run", reason="test")
    assert len(store.load()) == 0
    store.compact(whole=True)
    put(entry)
    store.compact()
    assert store.load().polars()["metric"].to_list() == ["demo.a"]


def test_a_table_is_put_in_order_by_itself_after_many_appends(
    store: Store, folder: Path, row: Make, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gnomon.store.appending._COMMITS", 8)
    for visit in range(20):
        put(row(visit=visit))
    table = DeltaTable((folder / "single" / "instrument-visit").as_uri())
    assert len(table.file_uris()) < 10
    assert len(store.load()) == 20


def test_bundles_of_many_row_groups_keep_every_value(store: Store) -> None:
    # More datasets than a row group has, and more metrics than one question asks for.
    datasets, metrics = 5_000, 3
    ids = [uuid.UUID(int=number).bytes for number in range(datasets)]
    for start in range(0, datasets, 2_500):
        store.append(
            from_records(
                {
                    "dataset_id": ids[number],
                    "metric": f"demo.m{metric}",
                    "value": float(number * metrics + metric),
                    "unit": "",
                    "run": "run",
                    "dataset_type": "metricbundle_demo_x",
                    "instrument": "Cam",
                    "visit": datasets - number,
                }
                for number in range(start, start + 2_500)
                for metric in range(metrics)
            ),
            source="test",
        )
    store.compact()
    found = store.load("demo.m1").polars()
    assert found["visit"].to_list() == list(range(1, datasets + 1))
    assert found["value"].to_list() == [float(n * metrics + 1) for n in reversed(range(datasets))]
