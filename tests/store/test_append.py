"""What is appended: the key, removals, and the tables that rows go into."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon import times
from gnomon.errors import SchemaError
from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store import AppendResult, Store, open_store

NAN = float("nan")

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


def values(store: Store, **question: Any) -> list[Any]:
    return store.load(**question).polars()["value"].to_list()


def test_the_same_value_again_is_no_change(store: Store, row: Make, put: Put) -> None:
    rows = [row(value=NAN), row(value=None), row(extras='{"a": 1}', dimensions={"htm7": "5"})]
    assert put(*rows) == AppendResult(3)
    before = store.load().arrow()
    assert put(*rows) == AppendResult(3)
    assert len(store.load()) == 3
    assert store.load().arrow().drop_columns("value") == before.drop_columns("value")


def test_the_order_of_the_entries_of_a_map_is_no_difference(store: Store, row: Make, put: Put) -> None:
    one = row(dimensions=[("htm7", "5"), ("healpix9", "1")])
    other = one | {"dimensions": [("healpix9", "1"), ("htm7", "5")]}
    assert put(one) == AppendResult(1)
    assert put(other, other) == AppendResult(1, repeated=1)
    assert len(store.load()) == 1
    nothing = row()
    assert put(nothing, nothing | {"dimensions": {}}) == AppendResult(1, repeated=1)


def test_of_two_values_the_one_measured_last_holds(store: Store, row: Make, put: Put) -> None:
    first = row(value=1.0, measured_at=2_000)
    put(first)
    put(first | {"value": 0.0, "measured_at": 1_000})
    assert values(store) == [1.0]
    put(first | {"value": 3.0, "measured_at": 3_000})
    assert values(store) == [3.0]


def test_a_value_without_a_time_gives_way_to_one_with_a_time(store: Store, row: Make, put: Put) -> None:
    timed = row(value=1.0, measured_at=-5)
    put(timed)
    put(timed | {"value": 2.0, "measured_at": None})
    assert values(store) == [1.0]


@pytest.mark.parametrize("moment", [None, 1_000])
def test_of_values_of_the_same_time_the_one_that_came_last_holds(
    store: Store, row: Make, put: Put, moment: int | None
) -> None:
    first = row(value=1.0, measured_at=moment)
    assert put(first, first, first | {"value": 3.0}, first | {"value": 2.0}) == AppendResult(3, repeated=1)
    assert values(store) == [2.0]
    put(first | {"value": 4.0})
    assert values(store) == [4.0]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=st.lists(
        st.tuples(st.integers(1, 2), st.sampled_from(["demo.a", "demo.b"]), st.integers(0, 5)),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    data=st.data(),
)
def test_no_order_of_appends_changes_what_holds(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    rows = [
        {
            "dataset_id": dataset.to_bytes(16),
            "metric": metric,
            "value": float(moment),
            "unit": "",
            "run": "run",
            "dataset_type": "bundle",
            "instrument": "Cam",
            "visit": dataset,
            "measured_at": moment or None,
        }
        for dataset, metric, moment in written
    ]
    shuffled = data.draw(st.permutations([*rows, *rows[:2]]))
    batches = data.draw(st.integers(1, 3))
    store = open_store(tmp_path_factory.mktemp("law") / "store")
    for i in range(batches):
        store.append(from_records(shuffled[i::batches]), source="test")
    newest: dict[tuple[bytes, str], float] = {}
    for dataset, metric, moment in written:
        key = (dataset.to_bytes(16), metric)
        newest[key] = max(newest.get(key, 0.0), float(moment))
    found = store.load().polars().select("dataset_id", "metric", "value").rows()
    assert sorted(found) == sorted((*key, value) for key, value in newest.items())


def test_removed_datasets_vanish_and_come_back_when_they_are_appended_again(
    store: Store, row: Make, put: Put
) -> None:
    gone, stays = row(value=1.0, measured_at=9_000), row(value=2.0)
    put(gone, stays)
    assert store.remove([gone["dataset_id"]], reason="deleted") == 1
    assert values(store) == [2.0]
    assert store.dataset_ids().to_list() == [stays["dataset_id"]]
    put(gone)
    assert sorted(values(store)) == [1.0, 2.0]
    assert set(store.dataset_ids(collections="run")) == {gone["dataset_id"], stays["dataset_id"]}


def test_a_removed_value_does_not_stand_before_one_that_came_after(store: Store, row: Make, put: Put) -> None:
    old = row(value=1.0, measured_at=9_000)
    put(old)
    store.remove([old["dataset_id"]], reason="deleted")
    put(old | {"value": 2.0, "measured_at": 5_000})
    assert values(store) == [2.0]


def test_a_clock_that_was_set_back_does_not_undo_an_append_or_a_removal(
    store: Store, row: Make, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The only part that is not real: nobody may set the machine's clock.
    entry = row()
    now = times.now()
    put(entry)
    monkeypatch.setattr(times, "now", lambda: now - 3_600_000_000)
    store.remove([entry["dataset_id"]], reason="deleted")
    assert values(store) == []
    put(entry)
    assert values(store) == [1.0]


def test_removing_what_is_no_uuid_is_refused(store: Store) -> None:
    with pytest.raises(SchemaError, match="16 bytes"):
        store.remove([b"short"], reason="deleted")


def test_nothing_appended_is_nothing_made(store: Store, folder: Path) -> None:
    assert store.append(from_records([]), source="test") == AppendResult(0)
    assert store.remove([], reason="none") == 0
    assert not folder.exists()
    assert store.load().arrow() == from_records([])
    assert len(store.dataset_ids()) == 0


def test_a_table_of_another_schema_is_refused_and_nothing_is_stored(store: Store, folder: Path) -> None:
    with pytest.raises(SchemaError, match="metrc"):
        store.append(pa.table({"metrc": ["demo.a"]}), source="test")
    assert not folder.exists()


def test_a_dataset_type_that_no_folder_could_be_named_after_is_refused_by_every_way(
    store: Store, folder: Path, row: Make, put: Put
) -> None:
    entry = row(dataset_type="x" * 129)
    with pytest.raises(SchemaError, match="128 at most"):
        put(entry)
    with store.writer(source="test") as writer:
        with pytest.raises(SchemaError, match="128 at most"):
            writer.write(entry)
        with pytest.raises(SchemaError, match="128 at most"):
            writer.write_table(_with_long_name(row()))
    with pytest.raises(SchemaError, match="letters, digits"):
        put(row(dataset_type="a/b"))
    put(row(dataset_type="x" * 128))
    assert len(store.load()) == 1


def _with_long_name(entry: dict[str, Any]) -> pa.Table:
    table = from_records([entry])
    place = table.schema.get_field_index("dataset_type")
    return table.set_column(place, table.schema.field(place), pa.array(["x" * 129]))


@pytest.mark.parametrize(
    ("data_id", "table"),
    [
        ({}, "repository"),
        ({"instrument": "Cam", "visit": 1, "band": "r", "day_obs": 2}, "instrument-visit"),
        ({"instrument": "Cam", "visit": 1, "detector": 3}, "instrument-visit-detector"),
        ({"instrument": "Cam", "exposure": 1, "group": "g", "band": "r"}, "instrument-exposure"),
        (
            {"instrument": "Cam", "day_obs": 1, "physical_filter": "R", "band": "r"},
            "instrument-day_obs-physical_filter",
        ),
        ({"skymap": "s", "tract": 1, "patch": 2, "band": "r"}, "band-skymap-tract-patch"),
        ({"dimensions": {"htm7": "5"}}, "repository"),
    ],
)
def test_each_set_of_required_dimensions_has_a_table(
    store: Store, folder: Path, row: Make, put: Put, data_id: dict[str, Any], table: str
) -> None:
    entry = {name: value for name, value in row().items() if name not in ("instrument", "visit")} | data_id
    put(entry)
    assert [path.name for path in (folder / "single").iterdir()] == [table]
    put(entry)
    expected = from_records([entry])
    assert store.load().arrow() == expected
    assert store.load().arrow().schema == SCHEMA


def test_rows_of_many_dimensions_are_loaded_together(store: Store, row: Make, put: Put) -> None:
    put(row("demo.b"), row("demo.a", detector=4), row("demo.c", instrument=None, visit=None))
    found = store.load().polars()
    assert found.select("metric", "visit", "detector").rows() == [
        ("demo.a", 1, 4),
        ("demo.b", 1, None),
        ("demo.c", None, None),
    ]
