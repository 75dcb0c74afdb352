"""Runs of rules: only what changed is said, what vanished is taken back, and a run is withdrawn as one."""

import datetime
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.rules import (
    MetricUse,
    Rule,
    RuleRun,
    TrendRemoval,
    preview_rules,
    recorded_runs,
    run_rules,
    withdraw_runs,
)
from gnomon.errors import AnnotationError, AnnotationNotFoundError, DefinitionError
from gnomon.measurements import observations
from gnomon.store import Store, open_store
from gnomon.store.layout.search_path import Chain

Rows = Callable[..., pl.DataFrame]
Visit = Callable[..., Target]

BRIGHT = Rule(name="bright_sky", flag="questionable", metric="demo.sky", when="value > 70")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def measure(store: Store, frame: pl.DataFrame) -> None:
    store.append(frame.to_arrow(), source="test")


def run(
    store: Store,
    log: Annotations,
    rule: Rule = BRIGHT,
    collections: str = "night/1",
    where: str | None = None,
) -> RuleRun:
    (ran,) = run_rules(store, log, [rule], collections=collections, where=where)
    return ran


def changes(ran: RuleRun) -> dict[int, str]:
    """Give what was said anew by place in the night."""
    if ran.annotation is None:
        return {}
    return {
        int((a.target.data_id or {})["visit"]) % 1000: a.state
        for a in ran.annotation.assertions
        if a.target is not None
    }


def held(log: Annotations, flag: str = "questionable") -> dict[int, str]:
    """Give what holds by place in the night."""
    found = log.effective(None, flags=[flag])
    return {int((f.target.data_id or {})["visit"]) % 1000: f.state for f in found}


def of(frame: pl.DataFrame, *places: int) -> list[bytes]:
    return frame.filter((pl.col("visit") % 1000).is_in(places))["dataset_id"].to_list()


def test_what_is_no_longer_measured_is_taken_back(store: Store, log: Annotations, rows: Rows) -> None:
    frame = rows("demo.sky", [80.0, 80.0, 60.0])
    measure(store, frame)
    run(store, log)
    store.remove(of(frame, 1, 3), reason="reprocessed")
    assert changes(run(store, log)) == {1: "withdrawn", 3: "withdrawn"}
    assert held(log) == {2: "set"}
    assert run(store, log).annotation is None
    assert log.check() == []


def test_where_the_condition_is_unknown_again_the_rule_takes_its_word_back(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    run(store, log)
    measure(store, rows("demo.sky", [float("nan"), 80.0]))
    assert changes(run(store, log)) == {1: "withdrawn"}
    assert held(log) == {2: "set"}


def test_what_is_taken_back_says_nothing_against_another_bot(
    store: Store, log: Annotations, rows: Rows, visit: Visit, bot: Actor
) -> None:
    frame = rows("demo.sky", [80.0])
    measure(store, frame)
    run(store, log)
    log.add(targets=[visit(1)], flags=[Assertion("questionable", "set", "trailed")], actor=bot, parents=[])
    store.remove(of(frame, 1), reason="gone")
    run(store, log)
    (flag,) = log.effective([visit(1)])
    assert (flag.state, flag.by.name) == ("set", bot.name)


def test_two_rules_about_one_flag_do_not_answer_each_other(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, pl.concat([rows("demo.sky", [80.0, 60.0]), rows("demo.seeing", [1.0, 1.0])]))
    poor = Rule(name="poor_seeing", flag="questionable", metric="demo.seeing", when="value > 2")
    run_rules(store, log, [BRIGHT, poor], collections="night/1")
    assert held(log) == {1: "set", 2: "examined"}
    run_rules(store, log, [poor, BRIGHT], collections="night/1")
    assert held(log) == {1: "set", 2: "examined"}


def test_a_reason_that_is_worded_otherwise_is_no_change(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0, 60.0]))
    run(store, log)
    measure(store, rows("demo.sky", [81.0, 61.0]))
    assert run(store, log).annotation is None


# --- observations ---


def observe(store: Store, types: list[str]) -> None:
    """Keep what the records of the first visits of the night say."""
    begin = datetime.datetime(2026, 3, 1)
    number = len(types)
    columns = {
        "element": ["visit"] * number,
        "instrument": ["DemoCamera"] * number,
        "id": [2026030100000 + place for place in range(1, number + 1)],
        "day_obs": [20260301] * number,
        "physical_filter": ["V"] * number,
        "observation_type": types,
        "obs_begin": [begin + datetime.timedelta(minutes=place) for place in range(number)],
        "obs_end": [begin + datetime.timedelta(minutes=place, seconds=30) for place in range(number)],
    }
    store.keep_observations(observations.conform(pl.DataFrame(columns).to_arrow()))


def test_what_the_store_knows_of_observations_decides_what_is_looked_at(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0, 60.0]))
    observe(store, ["science", "flat", "science"])
    assert store.observations()["observation_type"].to_list() == ["science", "flat", "science"]
    rule = BRIGHT.model_copy(update={"only": "visit.observation_type = 'science'"})
    assert changes(run(store, log, rule)) == {1: "set", 3: "examined"}
    observe(store, ["science", "science", "flat"])
    assert changes(run(store, log, rule)) == {2: "set", 3: "withdrawn"}
    assert changes(run(store, log, rule, where="observation_type = 'flat'")) == {}


def test_a_visit_that_was_taken_and_not_measured_ends_a_row(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0, 80.0, 80.0])[[0, 1, 3]])
    rule = BRIGHT.model_copy(update={"when": "value > 70 for 3 consecutive visits"})
    assert set(changes(run(store, log, rule)).values()) == {"set"}
    observe(store, ["science"] * 4)
    assert set(changes(run(store, log, rule)).values()) == {"examined"}


def test_a_dataset_that_is_gone_is_no_longer_marked(store: Store, log: Annotations, rows: Rows) -> None:
    frame = rows("demo.sky", [80.0, 80.0])
    measure(store, frame)
    rule = BRIGHT.model_copy(update={"of": "dataset"})
    run(store, log, rule)
    store.remove(of(frame, 1), reason="gone")
    run(store, log, rule, where="visit % 1000 = 1")
    (flag,) = log.effective(None, flags=["questionable"])
    assert flag.target.dataset_id is not None
    assert [flag.target.dataset_id.bytes] == of(frame, 2)


# --- parts ---


def two_nights(rows: Rows) -> pl.DataFrame:
    first = rows("demo.sky", [80.0, 80.0], unit="adu")
    second = rows("demo.sky", [80.0, 80.0, 80.0], unit="adu", day_obs=20260302)[1:]
    return pl.concat([first, second.with_columns(pl.col("visit") + 10)])


def test_what_lies_outside_a_part_is_left_as_it_is(store: Store, log: Annotations, rows: Rows) -> None:
    frame = two_nights(rows)
    measure(store, frame)
    run(store, log)
    store.remove(of(frame, 1, 12), reason="gone")
    measure(store, rows("demo.sky", [80.0, 60.0], unit="adu", day_obs=20260301))
    assert changes(run(store, log, where="day_obs = 20260302")) == {12: "withdrawn"}
    assert held(log) == {1: "set", 2: "set", 13: "set"}


def test_a_part_is_run_before_the_whole_and_then_is_part_of_it(
    store: Store, log: Annotations, rows: Rows
) -> None:
    frame = two_nights(rows)
    measure(store, frame)
    assert changes(run(store, log, where="day_obs = 20260302")) == {12: "set", 13: "set"}
    store.remove(of(frame, 12), reason="gone")
    assert changes(run(store, log)) == {1: "set", 2: "set", 12: "withdrawn"}


def test_what_was_measured_elsewhere_is_left_as_it_is(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    second = rows("demo.sky", [60.0, 80.0], run="night/2").with_columns(pl.col("visit") + 1)
    measure(store, second)
    run(store, log)
    assert changes(run(store, log, collections="night/2")) == {2: "examined", 3: "set"}
    assert held(log) == {1: "set", 2: "examined", 3: "set"}


def test_what_no_longer_fulfils_the_condition_of_a_part_lies_outside_it(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    run(store, log)
    measure(store, rows("demo.sky", [75.0, 80.0]))
    assert run(store, log, where="value > 78").annotation is None
    assert held(log) == {1: "set", 2: "set"}


def test_what_is_gone_from_one_collection_may_be_measured_in_another_of_which_the_rule_spoke(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    second = rows("demo.sky", [80.0, 80.0], run="night/2")
    measure(store, second)
    run(store, log)
    store.remove(of(second, 1, 2), reason="gone")
    assert run(store, log, collections="night/2").annotation is None
    store.remove(of(rows("demo.sky", [80.0, 80.0]), 1), reason="gone")
    assert changes(run(store, log, collections="night/2")) == {1: "withdrawn"}
    assert held(log) == {2: "set"}


def test_what_a_chain_no_longer_leads_to_is_taken_back(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    measure(store, rows("demo.sky", [80.0], run="night/2").with_columns(pl.col("visit") + 10))
    store.define_chain(Chain("nightly", ("night/1", "night/2")))
    run(store, log, collections="nightly")
    store.define_chain(Chain("nightly", ("night/2",)))
    assert changes(run(store, log, collections="nightly")) == {1: "withdrawn", 2: "withdrawn"}


def test_a_part_is_judged_by_the_trend_of_the_whole_group(store: Store, log: Annotations, rows: Rows) -> None:
    airmass = [1.0 + 0.1 * n for n in range(10)]
    points = [3 * x + (0.01 if n % 2 else -0.01) for n, x in enumerate(airmass)]
    points[4] += 5
    measure(store, pl.concat([rows("demo.zp", points), rows("demo.airmass", airmass, unit="")]))
    rule = Rule(
        name="off", flag="junk", metric="demo.zp", trend=TrendRemoval(against="demo.airmass"),
        when="abs(residual) > 5 * scatter",
    )  # fmt: skip
    assert changes(run(store, log, rule, where="visit % 1000 = 5")) == {5: "set"}
    row = Rule(name="row", flag="junk", metric="demo.zp", when="value > 3 mmag for 3 consecutive visits")
    assert changes(run(store, log, row, where="visit % 1000 = 3")) == {3: "set"}


# --- versions ---


def test_a_new_version_takes_the_place_of_the_old_one(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0, 60.0]))
    run(store, log)
    second = BRIGHT.model_copy(update={"version": 2, "flag": "junk", "when": "value > 50"})
    run(store, log, second)
    assert (held(log), held(log, "junk")) == ({}, {1: "set", 2: "set"})
    with pytest.raises(
        DefinitionError, match="has spoken as version 2 already, and this is version 1: raise it to 3"
    ):
        run(store, log)
    withdraw_runs(log, rule="bright_sky", version=2, actor=Actor("alice", "human"))
    assert (held(log), held(log, "junk")) == ({1: "set", 2: "examined"}, {})
    assert run(store, log).annotation is None


def test_a_new_version_may_mark_something_else(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0], detector=3))
    run(store, log)
    whole = Rule(
        name="bright_sky", version=2, flag="questionable", of="visit",
        metrics={"sky": MetricUse(metric="demo.sky", take="median")}, when="sky > 70",
    )  # fmt: skip
    run(store, log, whole)
    (flag,) = log.effective(None, flags=["questionable"])
    assert flag.target.element == "visit"


# --- withdrawing ---


def test_a_withdrawn_run_leaves_what_was_there_before(
    store: Store, log: Annotations, rows: Rows, alice: Actor
) -> None:
    measure(store, rows("demo.sky", [80.0, 60.0]))
    first = run(store, log)
    before = held(log)
    measure(store, rows("demo.sky", [60.0, 80.0, 80.0]))
    second = run(store, log)
    assert held(log) == {1: "examined", 2: "set", 3: "set"}
    (gone,) = withdraw_runs(log, second.run, actor=alice, reason="wrong calibration")
    assert (gone.run, gone.rule, dict(gone.counts)) == (second.run, "bright_sky", {"examined": 1, "set": 2})
    assert held(log) == before
    assert withdraw_runs(log, second.run, actor=alice) == []
    assert [(one.run, one.withdrawn) for one in recorded_runs(log)] == [
        (first.run, False),
        (second.run, True),
    ]
    assert changes(run(store, log)) == {1: "examined", 2: "set", 3: "set"}


def test_of_an_earlier_run_only_what_no_later_one_replaced_goes(
    store: Store, log: Annotations, rows: Rows, alice: Actor
) -> None:
    measure(store, rows("demo.sky", [80.0, 80.0]))
    first = run(store, log)
    measure(store, rows("demo.sky", [60.0, 80.0]))
    run(store, log)
    withdraw_runs(log, str(first.annotation_ids[0]), actor=alice)
    assert held(log) == {1: "examined"}
    assert changes(run(store, log)) == {2: "set"}


def test_a_run_that_nobody_knows_is_named_with_the_nearest(
    store: Store, log: Annotations, rows: Rows
) -> None:
    measure(store, rows("demo.sky", [80.0]))
    name = str(run(store, log).run)
    alice = Actor("alice", "human")
    with pytest.raises(AnnotationNotFoundError, match=rf"Did you mean {name}\?"):
        withdraw_runs(log, name[:-1], actor=alice)
    with pytest.raises(AnnotationNotFoundError, match=r"No rule 'bright_skies'.*Did you mean bright_sky\?"):
        withdraw_runs(log, rule="bright_skies", actor=alice)
    with pytest.raises(AnnotationNotFoundError, match="there are runs of 1"):
        withdraw_runs(log, rule="bright_sky", version=7, actor=alice)
    with pytest.raises(AnnotationError, match="Say which run is to be withdrawn"):
        withdraw_runs(log, actor=alice)
    assert held(log) == {1: "set"}


def test_a_run_that_a_person_edited_is_still_a_run_of_its_rule(
    store: Store, log: Annotations, rows: Rows, alice: Actor
) -> None:
    measure(store, rows("demo.sky", [80.0]))
    ran = run(store, log)
    assert ran.annotation is not None
    id = ran.annotation.id
    log.edit(id, actor=alice, expected=ran.annotation.event_id, tags=["seen"])
    assert [one.annotation_ids for one in recorded_runs(log, rule="bright_sky")] == [(id,)]
    with pytest.raises(AnnotationNotFoundError, match="No rule 'alice'"):
        withdraw_runs(log, rule="alice", actor=alice)
    (gone,) = withdraw_runs(log, str(id), actor=alice)
    assert gone.withdrawn
    assert held(log) == {}


def test_two_at_once_record_one_run(store: Store, log: Annotations, rows: Rows, tmp_path: Path) -> None:
    measure(store, rows("demo.sky", [80.0, 60.0]))
    with open_annotations(tmp_path / "annotations.db", origin="summit") as other:
        with ThreadPoolExecutor() as pool:
            ran = list(pool.map(lambda one: run(store, one), [log, other]))
        assert held(log) == {1: "set", 2: "examined"}
    assert len(recorded_runs(log)) == 1
    assert {one.run for one in ran} - {None} == {recorded_runs(log)[0].run}


def test_what_would_be_said_is_shown_and_not_recorded(store: Store, log: Annotations, rows: Rows) -> None:
    frame = rows("demo.sky", [80.0, 60.0, 60.0], unit="adu")
    measure(store, frame)
    run(store, log)
    store.remove(of(frame, 1), reason="gone")
    measure(store, rows("demo.sky", [80.0, 90.0, 60.0], unit="adu")[1:])
    cut = log.cut()
    (found,) = preview_rules(store, log, [BRIGHT], collections="night/1")
    assert log.cut() == cut
    assert found.table().select("target", "state", "before", "reason").rows() == [
        ("DemoCamera visit=2026030100002", "set", "examined", "90 adu"),
        (
            "DemoCamera visit=2026030100001",
            "withdrawn",
            "set",
            "there is no such measurement any more, or the rule has nothing to say of it",
        ),
    ]
    assert found.table(changes_only=False)["before"].to_list() == ["examined", "examined", "set"]


def test_a_rule_speaks_under_one_name(store: Store, log: Annotations, rows: Rows) -> None:
    measure(store, rows("demo.sky", [80.0]))
    with pytest.raises(AnnotationError, match="Two rules are called bright_sky"):
        run_rules(store, log, [BRIGHT, BRIGHT], collections="night/1")


def test_two_datasets_of_one_thing_are_bad_if_one_is(store: Store, log: Annotations, rows: Rows) -> None:
    frame = pl.concat([rows("demo.sky", [60.0, 60.0]), rows("demo.sky", [80.0], dataset_type="other")])
    measure(store, frame)
    run(store, log)
    assert held(log) == {1: "set", 2: "examined"}
    assert run(store, log).annotation is None


# --- laws ---

NIGHT = st.lists(st.sampled_from([60.0, 80.0, None]), min_size=3, max_size=3)


@given(st.lists(st.tuples(NIGHT, st.sampled_from([None, "visit % 1000 < 3"])), min_size=1, max_size=4))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_running_twice_is_running_once_and_withdrawing_undoes_a_run(
    tmp_path: Path, rows: Rows, nights: list[tuple[list[float | None], str | None]]
) -> None:
    folder = tmp_path / uuid.uuid4().hex
    store, alice = open_store(folder / "store"), Actor("alice", "human")
    measure(store, rows("demo.sky", [None, None, None]))
    with open_annotations(folder / "annotations.db", origin="summit") as log:
        chain: list[tuple[RuleRun, dict[int, str]]] = []
        for values, where in nights:
            measure(store, rows("demo.sky", values))
            before = held(log)
            ran = run(store, log, where=where)
            outside = {} if where is None else {place: state for place, state in before.items() if place == 3}
            said = {n: "set" if v > 70 else "examined" for n, v in enumerate(values, 1) if v is not None}
            if where is not None:
                said.pop(3, None)
            assert held(log) == {**outside, **said}
            assert run(store, log, where=where).annotation is None
            if ran.annotation is not None:
                chain.append((ran, before))
        for ran, before in reversed(chain):
            withdraw_runs(log, ran.run, actor=alice)
            assert held(log) == before
        assert log.check() == []


@pytest.mark.long
def test_very_many_changes_are_one_run_over_several_annotations(
    store: Store, log: Annotations, rows: Rows, alice: Actor
) -> None:
    first = rows("demo.sky", [80.0])
    many = pl.concat([first] * 25_000).with_columns(
        visit=pl.int_range(25_000, dtype=pl.Int64),
        dataset_id=pl.Series([place.to_bytes(16) for place in range(25_000)]),
    )
    measure(store, many)
    ran = run(store, log)
    assert len(ran.annotation_ids) == 2
    assert len(log.effective(None, flags=["questionable"])) == 25_000
    assert run(store, log).annotation is None
    (gone,) = withdraw_runs(log, ran.run, actor=alice)
    assert gone.counts["set"] == 25_000
    assert log.effective(None, flags=["questionable"]) == []
