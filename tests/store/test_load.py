"""What is asked of the store, and what it answers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.time import Time

from gnomon import times
from gnomon.errors import (
    CollectionNotFoundError,
    DatasetTypeNotFoundError,
    ExpressionError,
    MetricNotFoundError,
    StoreError,
    TimeFormatError,
)
from gnomon.store import AppendResult, Chain, Store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


def values(store: Store, *arguments: Any, **question: Any) -> list[Any]:
    return sorted(store.load(*arguments, **question).polars()["value"].to_list())


def test_metrics_and_dataset_types_are_named_or_matched(store: Store, row: Make, put: Put) -> None:
    put(row("demo.seeing", 1.0), row("demo.sky", 2.0), row("other.sky", 3.0, dataset_type="bundle"))
    assert values(store, "demo.sky") == [2.0]
    assert values(store, "demo.*") == [1.0, 2.0]
    assert values(store, ["*.sky", "demo.seeing"]) == [1.0, 2.0, 3.0]
    assert values(store, []) == []
    assert values(store, dataset_type="metricvalue_*") == [1.0, 2.0]
    assert values(store, "*.sky", dataset_type="bundle") == [3.0]


def test_what_was_never_measured_is_refused_with_the_nearest(store: Store, row: Make, put: Put) -> None:
    put(row("demo.seeing"))
    with pytest.raises(MetricNotFoundError, match=r"demo\.seing.*Did you mean demo\.seeing"):
        store.load("demo.seing")
    with pytest.raises(MetricNotFoundError, match=r"no metric 'other\.\*'"):
        store.load("other.*")
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean metricvalue_demo_seeing"):
        store.load(dataset_type="metricvalue_demo_seing")
    with pytest.raises(CollectionNotFoundError, match="Did you mean run"):
        store.load(collections="rum")


def test_a_condition_selects_by_any_column(store: Store, row: Make, put: Put) -> None:
    put(*(row(value=float(visit), visit=visit, band="r") for visit in range(1, 6)))
    assert values(store, where="visit > 2 AND value < 5") == [3.0, 4.0]
    assert values(store, where="visit IN (:chosen)", bind={"chosen": [1, 5]}) == [1.0, 5.0]
    with pytest.raises(ExpressionError, match="visit"):
        store.load(where="vist > 2")


def test_times_of_observation_overlap_the_half_open_interval(store: Store, row: Make, put: Put) -> None:
    put(
        row(value=1.0, obs_begin=100, obs_end=200),
        row(value=2.0, obs_begin=200, obs_end=300),
        row(value=3.0, obs_begin=200, obs_end=200),
        row(value=4.0, obs_begin=250, obs_end=None),
        row(value=5.0),
    )
    assert values(store, observed=(200, 300)) == [2.0, 3.0, 4.0]
    assert values(store, observed=(None, 200)) == [1.0]
    assert values(store, observed=(199, 200)) == [1.0]
    assert values(store, observed=(300, None)) == []
    assert values(store) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_times_of_measuring_lie_in_the_half_open_interval(store: Store, row: Make, put: Put) -> None:
    moment = times.from_utc_iso("2025-01-01T00:00:00Z")
    put(row(value=1.0, measured_at=moment), row(value=2.0, measured_at=moment + 1), row(measured_at=None))
    assert values(store, measured=("2025-01-01T00:00:00Z", None)) == [1.0, 2.0]
    assert values(store, measured=(None, np.int64(moment + 1))) == [1.0]
    assert values(store, measured=(Time("2025-01-01T00:00:00", scale="utc"), moment + 1)) == [1.0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("yesterday", "not a time in UTC"),
        (times.to_datetime(0), "does not say its scale"),
        (1.5, "astropy Time or a string"),
        (Time(["2025-01-01", "2025-01-02"]), "astropy Time or a string"),
    ],
)
def test_what_is_no_time_is_refused(store: Store, given: Any, message: str) -> None:
    with pytest.raises(TimeFormatError, match=message):
        store.load(observed=(given, None))


def test_an_interval_that_ends_before_it_begins_is_refused(store: Store) -> None:
    with pytest.raises(TimeFormatError, match="ends before it begins"):
        store.load(measured=(2, 1))


def test_the_latest_of_each_data_id_is_taken_whatever_its_run(store: Store, row: Make, put: Put) -> None:
    put(
        row(value=1.0, run="a", measured_at=1),
        row(value=2.0, run="b", measured_at=2, band="r"),
        row(value=3.0, visit=2, measured_at=None),
        row("demo.b", 4.0, measured_at=1),
    )
    assert values(store, latest=True) == [2.0, 3.0, 4.0]
    assert values(store, latest=True, measured=(None, 2)) == [1.0, 4.0]


def test_a_condition_never_brings_back_what_a_later_value_superseded(
    store: Store, row: Make, put: Put
) -> None:
    put(row(value=9.0, measured_at=1), row(value=2.0, measured_at=2))
    assert values(store, latest=True, where="value > 5") == []
    entry = row("demo.b", 9.0, measured_at=1)
    put(entry, entry | {"value": 2.0, "measured_at": 2})
    assert values(store, "demo.b", where="value > 5") == []


def test_a_chain_gives_the_first_match_of_each_dataset_type_and_data_id(
    store: Store, row: Make, put: Put
) -> None:
    put(
        row(value=1.0, run="new", visit=1, band="r", physical_filter="R"),
        row(value=2.0, run="old", visit=1),  # whose band nobody filled in
        row(value=3.0, run="old", visit=2),
        row("demo.b", 4.0, run="old", visit=1),
        row(value=5.0, run="unrelated", visit=3),
    )
    store.define_chain(Chain("chain", ("new", "old")))
    assert values(store, collections="chain") == [1.0, 3.0, 4.0]
    assert values(store, collections=["old", "new"]) == [2.0, 3.0, 4.0]
    assert values(store, collections="old") == [2.0, 3.0, 4.0]
    assert values(store, collections=[]) == []


def test_a_later_runs_metric_does_not_show_through_a_dataset_without_it(
    store: Store, row: Make, put: Put
) -> None:
    bundle = row("demo.a", 1.0, run="new", dataset_type="bundle")
    old = row("demo.a", 2.0, run="old", dataset_type="bundle")
    put(bundle, old, old | {"metric": "demo.b", "value": 3.0})
    assert values(store, collections=["new", "old"]) == [1.0]
    assert values(store, "demo.b", collections=["new", "old"]) == []
    assert values(store, "demo.b", collections="old") == [3.0]


def test_a_condition_does_not_uncover_a_shadowed_dataset(store: Store, row: Make, put: Put) -> None:
    put(row(value=1.0, run="new"), row(value=9.0, run="old"))
    assert values(store, collections=["new", "old"], where="value > 5") == []


def test_dimensions_without_a_column_tell_data_ids_apart(store: Store, row: Make, put: Put) -> None:
    def at(value: float, run: str, moment: int, **dimensions: str) -> dict[str, Any]:
        return row(value=value, run=run, measured_at=moment, dimensions=dimensions)

    put(
        at(1.0, "new", 1, htm7="5", healpix9="1"),
        at(2.0, "old", 2, healpix9="1", htm7="5"),
        at(3.0, "old", 1, htm7="6", healpix9="1"),
        at(4.0, "old", 1, htm7="5"),
        row(value=5.0, run="old"),
    )
    assert values(store, collections=["new", "old"]) == [1.0, 3.0, 4.0, 5.0]
    assert values(store, latest=True) == [2.0, 3.0, 4.0, 5.0]
    wide = store.load(latest=True, wide=True).polars()
    assert wide.select("healpix9", "htm7", "demo.a").sort("demo.a").rows() == [
        ("1", "5", 2.0),
        ("1", "6", 3.0),
        (None, "5", 4.0),
        (None, None, 5.0),
    ]


def test_chains_are_resolved_in_depth_and_what_holds_nothing_adds_nothing(
    store: Store, row: Make, put: Put
) -> None:
    put(*(row(value=value, run=run) for value, run in [(1.0, "a"), (2.0, "b"), (3.0, "c")]))
    store.define_chain(Chain("outer", ("inner", "empty", "a")))
    store.define_chain(Chain("inner", ("hollow", "b", "c")))
    store.define_chain(Chain("hollow", ()))
    assert values(store, collections="outer") == [2.0]
    assert values(store, collections="hollow") == []
    store.define_chain(Chain("inner", ("c",)))
    assert values(store, collections="outer") == [3.0]


def test_a_chain_that_contains_itself_is_refused_by_its_path(store: Store, row: Make, put: Put) -> None:
    put(row())
    store.define_chain(Chain("outer", ("inner",)))
    store.define_chain(Chain("inner", ("run", "outer")))
    with pytest.raises(StoreError, match="outer > inner > outer"):
        store.load(collections="outer")


def test_chains_that_share_children_are_resolved_in_no_time(store: Store, row: Make, put: Put) -> None:
    put(row())
    for level in range(20):
        below = "run" if level == 0 else f"level{level - 1}"
        store.define_chain(Chain(f"level{level}", (below, below, below)))
    assert values(store, collections="level19") == [1.0]


def test_rows_are_sorted_by_metric_time_and_data_id(store: Store, row: Make, put: Put) -> None:
    put(
        row("demo.b", 1.0, obs_begin=1),
        row("demo.a", 2.0, obs_begin=2, visit=8),
        row("demo.a", 3.0, obs_begin=2, visit=7),
        row("demo.a", 4.0, obs_begin=1, visit=9),
    )
    assert store.load().polars()["value"].to_list() == [4.0, 3.0, 2.0, 1.0]
