"""Questions by what is known beside the measurement: collections, observations, tags, versions, values."""

from collections.abc import Callable
from typing import Any

import astropy.units as u
import pyarrow as pa
import pytest

from gnomon import times
from gnomon.definitions import Metric, MetricSet
from gnomon.errors import (
    CollectionNotFoundError,
    ExpressionError,
    MetricNotFoundError,
    SchemaError,
    UnitMismatchError,
)
from gnomon.store import AppendResult, Chain, Store, Tagged

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


def values(store: Store, *arguments: Any, **question: Any) -> list[Any]:
    return sorted(store.load(*arguments, **question).polars()["value"].to_list())


def observe(store: Store, *records: dict[str, Any]) -> int:
    names = sorted({name for record in records for name in record})
    return store.keep_observations(
        pa.table({name: pa.array([record.get(name) for record in records]) for name in names})
    )


def test_a_tagged_collection_holds_the_datasets_it_names(store: Store, row: Make, put: Put) -> None:
    rows = [row(value=float(visit), visit=visit, run=f"run{visit % 2}") for visit in range(4)]
    put(*rows)
    store.define_tagged(Tagged("good", frozenset(entry["dataset_id"] for entry in rows[:2])))
    assert values(store, collections="good") == [0.0, 1.0]
    assert values(store, collections=["run1", "good"]) == [0.0, 1.0, 3.0]
    store.define_tagged(Tagged("good", frozenset([rows[3]["dataset_id"]])))
    assert values(store, collections="good") == [3.0]


def test_a_tagged_collection_stands_in_a_chain_where_the_chain_has_it(
    store: Store, row: Make, put: Put
) -> None:
    old, new, other = row(value=1.0, run="old"), row(value=2.0, run="new"), row(value=3.0, run="old", visit=2)
    put(old, new, other)
    store.define_tagged(Tagged("good", frozenset([old["dataset_id"]])))
    store.define_chain(Chain("defaults", ("good", "new", "old")))
    assert values(store, collections="defaults") == [1.0, 3.0]
    store.define_chain(Chain("defaults", ("new", "good")))
    assert values(store, collections="defaults") == [2.0]


def test_a_collection_is_resolved_as_it_was_defined_at_the_moment(store: Store, row: Make, put: Put) -> None:
    put(row(value=1.0, run="a"), row(value=2.0, run="b"))
    store.define_chain(Chain("chain", ("a", "b")))
    then = times.now()
    store.define_chain(Chain("chain", ("b", "a")))
    assert values(store, collections="chain") == [2.0]
    assert values(store, collections="chain", as_of=then) == [1.0]


def test_what_a_live_repository_says_of_a_collection_goes_before_what_was_kept(
    store: Store, row: Make, put: Put
) -> None:
    put(row(value=1.0, run="a"), row(value=2.0, run="b"))
    store.define_chain(Chain("chain", ("a", "b")))
    live = [Chain("chain", ("inner",)), Chain("inner", ("b", "empty"))]
    assert values(store, collections="chain", definitions=live) == [2.0]
    assert values(store, collections="inner", definitions=live) == [2.0]
    with pytest.raises(CollectionNotFoundError, match="Did you mean inner"):
        store.load(collections="iner", definitions=live)


def test_fields_of_visits_and_exposures_are_joined_and_filtered(store: Store, row: Make, put: Put) -> None:
    put(
        row(value=1.0, visit=1),
        row(value=2.0, visit=2),
        row(value=3.0, visit=None, exposure=1),
        row(value=4.0, visit=3),
    )
    assert (
        observe(
            store,
            {"element": "visit", "instrument": "Cam", "id": 1, "exposure_time": 30.0, "seq_num": 7},
            {"element": "visit", "instrument": "Cam", "id": 2, "exposure_time": 15.0, "seq_num": 8},
            {"element": "exposure", "instrument": "Cam", "id": 1, "exposure_time": 1.0, "obs_id": "E1"},
        )
        == 3
    )
    assert values(store, where="visit.exposure_time > 20") == [1.0]
    assert values(store, where="exposure_time < 20") == [2.0, 3.0]
    assert values(store, where="exposure.obs_id = 'E1' AND exposure.exposure_time = 1") == [3.0]
    assert values(store, where="visit.seq_num IN (7, 8) AND visit.id != 2") == [1.0]
    found = store.load(metadata=["exposure_time", "obs_id"], columns=["visit", "exposure", "value"]).polars()
    assert found.columns == ["visit", "exposure", "value", "exposure_time", "obs_id"]
    assert dict(found.select("value", "exposure_time").rows()) == {1.0: 30.0, 2.0: 15.0, 3.0: 1.0, 4.0: None}
    assert "target_name" in store.load(metadata=True).polars().columns
    wide = store.load(metadata=["seq_num"], wide=True, latest=True).polars()
    assert set(wide["seq_num"].to_list()) == {7, 8, None}


def test_a_newer_record_of_an_observation_replaces_the_older_one(store: Store, row: Make, put: Put) -> None:
    put(row(visit=1))
    record = {"element": "visit", "instrument": "Cam", "id": 1, "target_name": "A"}
    assert observe(store, record) == 1
    then = times.now()
    assert observe(store, record) == 0
    assert observe(store, record | {"target_name": "B"}) == 1
    assert len(store.load(where="target_name = 'B'")) == 1
    assert len(store.load(where="target_name = 'B'", as_of=then)) == 0


def test_times_of_a_record_are_those_of_the_row(store: Store, row: Make, put: Put) -> None:
    begin = times.from_utc_iso("2025-06-21T03:04:05Z")
    put(row(value=1.0, obs_begin=begin, obs_end=begin + 1), row(value=2.0, obs_begin=begin - 10, visit=2))
    assert values(store, where="visit.timespan.begin >= T'2025-06-21T03:04:05'") == [1.0]
    assert values(store, where="visit.begin < T'2025-06-21T03:04:05'") == [2.0]


def test_a_field_that_nobody_keeps_is_refused(store: Store, row: Make, put: Put) -> None:
    put(row())
    with pytest.raises(ExpressionError, match="azimut"):
        store.load(where="visit.azimut > 2")
    with pytest.raises(SchemaError, match="Did you mean exposure_time"):
        store.load(metadata=["exposure_tim"])
    with pytest.raises(SchemaError, match="Did you mean visit"):
        store.load(columns=["vist"])


def test_metrics_are_found_by_their_tags(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a", 1.0), row("demo.b", 2.0), row("other.c", 3.0))
    metrics = MetricSet(
        [
            Metric("demo.a", "A", "mmag", tags=["photometry", "chromatic"]),
            Metric("demo.b", "B", "mmag", tags=["photometry"]),
        ]
    )
    assert store.define_metrics(metrics) == 2
    assert store.define_metrics(metrics) == 0
    assert values(store, tags="photometry") == [1.0, 2.0]
    assert values(store, tags=["photometry", "chromatic"]) == [1.0]
    assert values(store, "demo.b", tags="photometry") == [2.0]
    with pytest.raises(MetricNotFoundError, match="Did you mean photometry"):
        store.load(tags="fotometry")


def test_versions_of_software_are_named_or_matched(store: Store, row: Make, put: Put) -> None:
    put(
        row(value=1.0, software="lsst_distrib w_2025_10"),
        row(value=2.0, software="lsst_distrib w_2025_11"),
        row(value=3.0, software=None),
    )
    assert values(store, software="lsst_distrib w_2025_10") == [1.0]
    assert values(store, software="*w_2025_*") == [1.0, 2.0]
    assert values(store, software=[]) == []


def test_values_lie_in_a_range_with_both_ends_in_the_unit_of_the_row(
    store: Store, row: Make, put: Put
) -> None:
    put(row(value=1.0), row(value=2.0), row(value=float("nan")), row(value=None), row(value=3e-3, unit="mag"))
    assert values(store, values=(1, 2)) == [1.0, 2.0]
    assert values(store, values=(2 * u.mmag, None)) == [3e-3, 2.0]
    assert values(store, values=(None, 1.5 * u.mmag)) == [1.0]
    with pytest.raises(UnitMismatchError, match="do not convert"):
        store.load(values=(1 * u.s, None))


def test_a_question_about_visits_reads_only_the_files_that_have_them(
    store: Store, row: Make, put: Put
) -> None:
    for visit in (1, 5, 9):
        put(row(value=float(visit), visit=visit))
    for where, expected in {
        "visit = 5": [5.0],
        "visit IN (1, 9)": [1.0, 9.0],
        "visit > 4 AND 9 > visit": [5.0],
        "visit = :v": [9.0],
        "visit IN (2..6)": [5.0],
        "visit = -1": [],
        "NOT visit = 5": [1.0, 9.0],
        "visit = 1 OR visit = 9": [1.0, 9.0],
    }.items():
        assert values(store, where=where, bind={"v": 9}) == expected, where


def test_a_part_of_the_columns_is_the_same_part_of_the_whole(store: Store, row: Make, put: Put) -> None:
    put(*(row(f"demo.{name}", 1.0, visit=visit, band="r") for name in "ab" for visit in (2, 1)))
    whole = store.load().polars()
    for columns in (["value"], ["band", "metric"], ["dataset_id", "visit", "value"]):
        assert store.load(columns=columns).polars().equals(whole.select(columns))
    assert store.load("demo.a", columns=["visit"]).polars()["visit"].to_list() == [1, 2]
