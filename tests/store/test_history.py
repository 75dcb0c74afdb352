"""What held when: the history, questions as of a moment, and what vacuum leaves of both."""

import datetime
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon import times
from gnomon.errors import MetricNotFoundError, StoreError
from gnomon.measurements.rows import from_records
from gnomon.store import AppendResult, Chain, Store, Tagged, open_store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]

AT_ONCE = {"grace": datetime.timedelta(0), "alone": True}


def ends(store: Store, **more: Any) -> list[tuple[Any, ...]]:
    found = store.history(**more)
    return found.select("value", pl.col("held_until").is_not_null(), "reason").rows()


def now() -> int:
    return times.now()


def vacuum_until(store: Store, moment: int) -> int:
    """Drop what was superseded before a moment, or one that is little later; say which."""
    retention = datetime.timedelta(microseconds=now() - moment)
    return store.vacuum(retention=retention, **AT_ONCE).complete_since or 0  # type: ignore[arg-type]


def test_the_history_has_what_was_replaced_and_removed_and_why(store: Store, row: Make, put: Put) -> None:
    first, second = row(value=1.0, measured_at=1), row(value=5.0, visit=2)
    put(first, second)
    put(first | {"value": 2.0, "measured_at": 2})
    store.remove([second["dataset_id"]], reason="pruned")
    expected = [(1.0, True, "superseded"), (2.0, False, None), (5.0, True, "pruned")]
    assert ends(store) == expected
    store.compact()
    assert ends(store) == expected
    found = store.history()
    assert found["source"].to_list() == ["test"] * 3
    assert found["held_until"][0] == found["recorded_at"][1]


def test_a_measurement_that_comes_late_never_held(store: Store, row: Make, put: Put) -> None:
    new = row(value=2.0, measured_at=2)
    put(new)
    put(new | {"value": 1.0, "measured_at": 1})
    found = store.history()
    assert found["value"].to_list() == [2.0, 1.0]
    assert found["held_until"].to_list() == [None, found["recorded_at"][1]]


def test_what_came_again_after_its_removal_held_twice(store: Store, row: Make, put: Put) -> None:
    again = row()
    put(again)
    put(again)
    store.drop_runs("run", reason="reprocessed")
    store.compact()
    put(again)
    assert ends(store) == [(1.0, True, "reprocessed"), (1.0, False, None)]
    assert len(store.load()) == 1


def test_the_history_of_a_bundle_goes_by_metric(store: Store, row: Make, put: Put) -> None:
    bundle = {"dataset_type": "metricbundle_demo_x", "dataset_id": bytes(16)}
    put(row("demo.a", 1.0, **bundle), row("demo.b", 1.5, **bundle))
    put(row("demo.a", 2.0, **bundle, measured_at=2_000))
    assert ends(store, metrics="demo.a") == [(1.0, True, "superseded"), (2.0, False, None)]
    assert ends(store, metrics="demo.b") == [(1.5, False, None)]


def test_the_history_is_asked_as_measurements_are(store: Store, row: Make, put: Put) -> None:
    one, two = row(visit=1), row(visit=2, run="other", value=2.0)
    put(one, two, row("demo.b", visit=3, value=3.0))
    store.define_chain(Chain("chain", ("run", "other")))
    store.define_tagged(Tagged("tagged", frozenset([two["dataset_id"]])))
    assert ends(store, where="visit = 2") == [(2.0, False, None)]
    assert ends(store, collections="tagged") == [(2.0, False, None)]
    assert len(ends(store, collections="chain")) == 3
    assert ends(store, dataset_ids=[one["dataset_id"]]) == [(1.0, False, None)]
    assert ends(store, dataset_type="*_b") == [(3.0, False, None)]
    with pytest.raises(MetricNotFoundError, match=r"Did you mean demo\.a"):
        store.history("demo.aa")


def test_what_waits_in_the_buffer_is_in_the_history(store: Store, row: Make, put: Put) -> None:
    first = row()
    put(first)
    with store.writer(source="writer") as writer:
        writer.write(first | {"value": 2.0, "measured_at": 2_000})
        found = store.history()
    assert found["source"].to_list() == ["test", "writer"]
    assert found["reason"].to_list() == ["superseded", None]


def test_vacuum_drops_what_no_longer_held_and_says_since_when_questions_can_be_answered(
    store: Store, row: Make, put: Put
) -> None:
    first = row(value=1.0, measured_at=1)
    put(first, row(visit=2, value=7.0))
    before = now()
    put(first | {"value": 2.0, "measured_at": 2})
    between = now()
    time.sleep(0.5)
    put(first | {"value": 3.0, "measured_at": 3})
    store.compact()
    assert store.vacuum().complete_since is None, "nothing is older than the retention"
    # Maintenance saw the three values at once, and says of the first two that the third superseded them.
    vacuum_until(store, between)
    assert len(store.history()) == 4
    vacuum_until(store, now())
    assert ends(store) == [(3.0, False, None), (7.0, False, None)]
    done = store.vacuum()
    assert done.complete_since is not None
    assert before < between < done.complete_since
    with pytest.raises(StoreError, match=r"history of .* begins at"):
        store.load(as_of=before)
    assert len(store.load(as_of=done.complete_since)) == 2


def test_a_dry_run_changes_nothing_and_says_what_would_go(
    store: Store, folder: Path, row: Make, put: Put
) -> None:
    first = row(value=1.0, measured_at=1)
    put(first)
    put(first | {"value": 2.0, "measured_at": 2})
    store.compact()
    files = sorted(folder.rglob("*"))
    would = store.vacuum(retention=datetime.timedelta(0), **AT_ONCE, dry_run=True)  # type: ignore[arg-type]
    assert (would.rows, would.complete_since) == (1, None)
    assert would.files == 2
    assert sorted(folder.rglob("*")) == files
    done = store.vacuum(retention=datetime.timedelta(0), **AT_ONCE)  # type: ignore[arg-type]
    assert (done.rows, done.files) == (1, 3), "the file of the dropped row goes too"
    assert done.bytes > would.bytes


def test_a_run_that_was_dropped_leaves_the_disk(store: Store, folder: Path, row: Make, put: Put) -> None:
    put(*(row(run="bad", visit=visit) for visit in range(50)))
    put(*(row(run="good", visit=visit) for visit in range(50)))
    store.compact()
    store.drop_runs("bad", reason="bad")
    assert len(store.load()) == 50
    done = store.vacuum(retention=datetime.timedelta(0), **AT_ONCE)  # type: ignore[arg-type]
    assert (done.rows, done.kept_rows) == (50, 1)
    held = pl.read_parquet(list((folder / "single").glob("*/state=*/*.parquet")), columns=["run"])
    assert held["run"].unique().to_list() == ["good"]
    assert len(store.load()) == 50
    put(*(row(run="bad", visit=visit) for visit in range(5)))
    assert len(store.load(collections="bad")) == 5


def test_a_removal_stays_for_what_waits_in_the_buffer(store: Store, row: Make, put: Put) -> None:
    put(row(visit=1))
    waiting = row(visit=2)
    store._buffer.put(from_records([waiting]), source="waits")
    store.remove([waiting["dataset_id"]], reason="removed before it was in a table")
    assert store.vacuum(retention=datetime.timedelta(0), **AT_ONCE).kept_rows == 0  # type: ignore[arg-type]
    store.flush()
    assert len(store.load()) == 1
    store.compact()
    assert store.vacuum(retention=datetime.timedelta(0), **AT_ONCE).kept_rows == 1  # type: ignore[arg-type]
    assert len(store.load()) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"retention": datetime.timedelta(days=-1)}, "0 is the least"),
        ({"grace": datetime.timedelta(minutes=5)}, "say so .alone=True"),
        ({"grace": datetime.timedelta(minutes=-5), "alone": True}, "0 is the least"),
    ],
)
def test_times_with_which_others_would_lose_something_are_refused(
    store: Store, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        store.vacuum(**given)


def test_former_definitions_go_with_the_history(store: Store, folder: Path, row: Make, put: Put) -> None:
    put(row(run="a"), row(run="b"))
    for child in "ababab":
        store.define_chain(Chain("chain", (child,)))
    moment = now()
    time.sleep(0.5)
    store.define_chain(Chain("chain", ("a",)))
    since = vacuum_until(store, moment)
    assert store.load(collections="chain", as_of=since).polars()["run"].to_list() == ["b"]
    assert store.load(collections="chain").polars()["run"].to_list() == ["a"]
    kept = pl.read_parquet(list((folder / "kept" / "chains").glob("*.parquet")))
    assert len(kept) == 2


ACTIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.lists(
                st.tuples(
                    st.integers(0, 2),  # dataset
                    st.sampled_from(["demo.a", "demo.b"]),
                    st.integers(0, 3),  # value
                    st.none() | st.integers(0, 3),  # measured at
                ),
                min_size=1,
                max_size=4,
                unique_by=lambda item: item[:2],
            ),
            st.booleans(),  # as bundles
        ),
        st.tuples(st.just("remove"), st.integers(0, 2)),
        st.tuples(st.just("drop"), st.sampled_from(["run0", "run1"])),
        st.tuples(st.just("compact"), st.booleans()),
    ),
    min_size=2,
    max_size=8,
)


def perform(store: Store, action: tuple[Any, ...]) -> None:
    match action:
        case ("put", measured, bundle):
            store.append(
                from_records(
                    {
                        "dataset_id": (dataset + 10 * bundle).to_bytes(16),
                        "metric": metric,
                        "value": float(value),
                        "unit": "",
                        "run": f"run{dataset % 2}",
                        "dataset_type": "bundle" if bundle else "metricvalue_x",
                        "instrument": "Cam",
                        "visit": dataset,
                        "measured_at": moment,
                    }
                    for dataset, metric, value, moment in measured
                ),
                source="test",
            )
        case ("remove", dataset):
            store.remove([dataset.to_bytes(16), (dataset + 10).to_bytes(16)], reason="removed")
        case ("drop", run):
            if run in store.load().polars()["run"]:
                store.drop_runs(run, reason="dropped")
        case ("compact", whole):
            store.compact(whole=whole)


def answer(store: Store, moment: int) -> list[tuple[Any, ...]]:
    return sorted(store.load(as_of=moment).polars().select("dataset_id", "metric", "value").rows())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(ACTIONS, st.integers(0, 7))
def test_history_and_answers_as_of_any_moment_agree_and_vacuum_changes_neither_within_its_bounds(
    actions: list[tuple[Any, ...]], kept: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store")
        moments = []
        for action in actions:
            perform(store, action)
            moments.append(now())
        answers = [answer(store, moment) for moment in moments]
        history = store.history()
        for moment, expected in zip(moments, answers, strict=True):
            at = times.to_datetime(moment)
            held = history.filter(
                pl.col("recorded_at") <= at, (pl.col("held_until") > at).fill_null(value=True)
            )
            assert sorted(held.select("dataset_id", "metric", "value").rows()) == expected
        begin = min(kept, len(moments) - 1)
        since = vacuum_until(store, moments[begin])
        for moment, expected in zip(moments, answers, strict=True):
            if moment >= since:
                assert answer(store, moment) == expected
        assert answer(store, now()) == answers[-1]
        store.vacuum(retention=datetime.timedelta(0), **AT_ONCE)  # type: ignore[arg-type]
        assert answer(store, now()) == answers[-1]
        left = store.history()
        assert left["held_until"].null_count() == len(answers[-1])
