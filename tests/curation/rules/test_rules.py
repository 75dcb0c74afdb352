"""Rules at work: what they say of measurements, and what of that is recorded."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.rules import Proposal, Rule, RuleRun, TrendRemoval, evaluate, run_rules
from gnomon.errors import AnnotationError, DefinitionError, MetricNotFoundError
from gnomon.store import Store, open_store

Rows = Callable[..., pl.DataFrame]

BRIGHT = Rule(name="bright_sky", flag="questionable", metric="demo.sky", when="value > 70")
TREND = Rule(
    name="zero_point_outlier",
    flag="questionable",
    metric="demo.zero_point",
    trend=TrendRemoval(against="demo.airmass"),
    when="abs(residual) > 3 * scatter",
    reason="{deviation:+.0f} sigma",
)
AIRMASS = np.linspace(1.0, 2.0, 12)


def said(proposals: Iterable[Proposal]) -> dict[int, str]:
    """Give what is proposed by place in the night."""
    return {int((p.target.data_id or {})["visit"]) % 1000: p.state for p in proposals}


def test_a_rule_says_set_or_examined_of_each_data_id(rows: Rows) -> None:
    proposals = evaluate(BRIGHT, rows("demo.sky", [60.0, 80.0, 70.0], unit="adu"))
    assert said(proposals) == {1: "examined", 2: "set", 3: "examined"}
    assert proposals[1].reason == "80 adu"
    assert proposals[1].target.element == "visit"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_rule_has_nothing_to_say_of_what_is_not_measured(rows: Rows, value: float | None) -> None:
    assert said(evaluate(BRIGHT, rows("demo.sky", [60.0, value]))) == {1: "examined"}


def test_where_the_condition_is_unknown_a_rule_has_nothing_to_say(rows: Rows) -> None:
    rule = BRIGHT.model_copy(update={"when": "value > 70 AND detector > 3"})
    assert said(evaluate(rule, rows("demo.sky", [60.0, 80.0]))) == {1: "examined"}


def test_a_rule_looks_at_its_own_metric_only(rows: Rows) -> None:
    both = pl.concat([rows("demo.sky", [80.0]), rows("demo.airmass", [90.0, 90.0])])
    assert said(evaluate(BRIGHT, both)) == {1: "set"}
    assert not evaluate(BRIGHT, both.clear())
    assert not evaluate(TREND, both)


def night(rows: Rows, *, cloudy: int | None = 5, slope: float = 150.0, **columns: str | int) -> pl.DataFrame:
    """Make a night whose zero point follows airmass, with a little noise and a cloud."""
    noise = np.random.default_rng(7).uniform(-1.0, 1.0, 12)
    points = slope * AIRMASS + noise
    if cloudy is not None:
        points[cloudy - 1] += 30.0
    return pl.concat(
        [
            rows("demo.zero_point", points.tolist(), **columns),
            rows("demo.airmass", AIRMASS.tolist(), unit="", **columns),
        ]
    )


def test_the_trend_is_taken_off_before_the_rule_judges(rows: Rows) -> None:
    proposals = evaluate(TREND, night(rows))
    assert [place for place, state in said(proposals).items() if state == "set"] == [5]
    assert len(proposals) == 12
    reason = next(p.reason for p in proposals if p.state == "set")
    assert reason.startswith("+")
    assert reason.endswith(" sigma")


def test_each_group_has_a_trend_of_its_own(rows: Rows) -> None:
    first, second = night(rows), night(rows, cloudy=None, slope=-400.0, physical_filter="R", band="R")
    shifted = second.with_columns(pl.col("visit") + 100)
    proposals = said(evaluate(TREND, pl.concat([first, shifted])))
    assert [place for place, state in proposals.items() if state == "set"] == [5]
    assert len(proposals) == 24


def test_a_trend_can_be_that_of_all_measurements(rows: Rows) -> None:
    rule = TREND.model_copy(update={"trend": TrendRemoval(against="demo.airmass", within=())})
    assert [place for place, state in said(evaluate(rule, night(rows))).items() if state == "set"] == [5]


def test_without_a_trend_a_rule_has_nothing_to_say(rows: Rows) -> None:
    few = pl.concat([rows("demo.zero_point", [1.0, 2.0]), rows("demo.airmass", [1.0, 1.1])])
    assert not evaluate(TREND, few)
    assert not evaluate(TREND, rows("demo.zero_point", [1.0, 2.0, 3.0]))


def test_a_visit_whose_airmass_is_not_known_is_passed_over(rows: Rows) -> None:
    frame = night(rows)
    unknown = (pl.col("metric") == "demo.airmass") & (pl.col("visit") % 1000 == 3)
    proposals = evaluate(
        TREND, frame.with_columns(pl.when(unknown).then(None).otherwise(pl.col("value")).alias("value"))
    )
    assert 3 not in said(proposals)
    assert len(proposals) == 11


def test_dimensions_without_a_column_are_part_of_what_is_flagged(rows: Rows) -> None:
    nothing: dict[str, None] = dict.fromkeys(("instrument", "visit", "day_obs", "physical_filter"))
    frame = pl.concat(
        rows(metric, [value], dimensions=[("healpix9", str(pixel))], **nothing)
        for pixel in range(5)
        for metric, value in (("demo.sky", 60.0 + 5 * pixel), ("demo.airmass", 1.0 + pixel))
    )
    proposals = evaluate(BRIGHT, frame)
    assert [p.target for p in proposals if p.state == "set"] == [
        Target.dimension("band", {"band": "V", "healpix9": pixel}) for pixel in (3, 4)
    ]
    trended = BRIGHT.model_copy(
        update={"trend": TrendRemoval(against="demo.airmass", within=()), "when": "residual < 1"}
    )
    assert len(evaluate(trended, frame)) == 5


def test_what_was_measured_of_the_whole_repository_cannot_be_flagged(rows: Rows) -> None:
    nothing: dict[str, None] = dict.fromkeys(("instrument", "visit", "day_obs", "physical_filter", "band"))
    with pytest.raises(
        DefinitionError, match=r"The rule bright_sky cannot mark what demo\.sky was measured of"
    ):
        evaluate(BRIGHT, rows("demo.sky", [80.0], **nothing))


@pytest.fixture
def store(rows: Rows, tmp_path: Path) -> Store:
    store = open_store(tmp_path / "store")
    store.append(rows("demo.sky", [60.0, 80.0, 65.0], unit="adu").to_arrow(), source="test")
    return store


def run(store: Store, log: Annotations, rule: Rule = BRIGHT) -> RuleRun:
    (ran,) = run_rules(store, log, [rule], collections="night/1")
    return ran


def test_one_run_is_one_annotation_under_the_name_of_the_rule(store: Store, log: Annotations) -> None:
    annotation = run(store, log).annotation
    assert annotation is not None
    assert (annotation.actor.name, annotation.actor.kind) == ("bright_sky", "bot")
    assert [a.state for a in annotation.assertions] == ["examined", "set", "examined"]
    assert annotation.tags[0] == "rule"
    assert annotation.text == "Rule bright_sky, version 1."
    assert log.search() == [annotation]


def test_saying_the_same_again_records_nothing(store: Store, log: Annotations) -> None:
    first = run(store, log)
    second = run(store, log)
    assert second.annotation is None
    assert list(second.proposals) == list(first.proposals)
    assert len(log.search()) == 1


def test_only_what_changed_is_proposed_anew(store: Store, log: Annotations, rows: Rows) -> None:
    run(store, log)
    changed = rows("demo.sky", [60.0, 80.0, 90.0], unit="adu")
    store.append(changed.to_arrow(), source="test")
    annotation = run(store, log).annotation
    assert annotation is not None
    assert [(a.state, a.reason) for a in annotation.assertions] == [("set", "90 adu")]
    assert len(annotation.targets) == 1


def test_a_new_version_of_a_rule_speaks_anew(store: Store, log: Annotations) -> None:
    run(store, log)
    annotation = run(store, log, BRIGHT.model_copy(update={"version": 2})).annotation
    assert annotation is not None
    assert {a.version for a in annotation.assertions} == {2}
    assert len(annotation.targets) == 3


def test_a_run_that_was_withdrawn_is_proposed_again(store: Store, log: Annotations, alice: Actor) -> None:
    first = run(store, log).annotation
    assert first is not None
    log.retract(first.id, actor=alice)
    again = run(store, log).annotation
    assert again is not None
    assert again.assertions == first.assertions


def test_a_bot_never_changes_what_a_person_said(
    store: Store, log: Annotations, alice: Actor, visit: Callable[..., Target]
) -> None:
    log.add(targets=[visit(2)], flags=[Assertion("questionable", "clear")], actor=alice)
    log.add(targets=[visit(1)], flags=[Assertion("questionable", "set")], actor=alice)
    run(store, log)
    held = {flag.target: (flag.state, flag.by.name) for flag in log.effective([visit(1), visit(2), visit(3)])}
    assert held == {
        visit(1): ("set", "alice"),
        visit(2): ("clear", "alice"),
        visit(3): ("examined", "bright_sky"),
    }
    assert run(store, log).annotation is None


def test_a_person_who_answers_a_bot_is_not_argued_with(
    store: Store, log: Annotations, alice: Actor, visit: Callable[..., Target]
) -> None:
    run(store, log)
    log.add(targets=[visit(2)], flags=[Assertion("questionable", "clear")], actor=alice)
    assert run(store, log).annotation is None
    (held,) = log.effective([visit(2)])
    assert (held.state, held.by.name, held.challenged_by) == ("clear", "alice", ())


def test_a_flag_that_nobody_knows_is_refused_before_anything_is_recorded(
    store: Store, log: Annotations
) -> None:
    wrong = BRIGHT.model_copy(update={"name": "wrong", "flag": "questionabel"})
    with pytest.raises(AnnotationError, match="Did you mean questionable"):
        run_rules(store, log, [BRIGHT, wrong], collections="night/1")
    assert log.search() == []


def test_a_metric_that_was_never_measured_is_named(store: Store, log: Annotations) -> None:
    with pytest.raises(MetricNotFoundError, match=r"Did you mean demo\.sky"):
        run(store, log, BRIGHT.model_copy(update={"metric": "demo.skky"}))
