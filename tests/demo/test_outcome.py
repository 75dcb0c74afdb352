"""What the demonstration found, as plain data and as rows for people."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.definitions import MetricSet, SpecificationSet
from gnomon.demo.outcome import Outcome, Run
from gnomon.demo.summary import next_steps, night_rows, quantity_text, specification_rows
from gnomon.judgement import compare, judge
from gnomon.measurements.rows import from_records

BEGIN = datetime(2026, 3, 2, 2)
ZERO_POINTS = [1.0, 2.0, float("nan"), 40.0]


def row(metric: str, value: float | None, unit: str, **columns: Any) -> dict[str, Any]:
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{metric} {columns}")
    return {
        "dataset_id": identity.bytes,
        "metric": metric,
        "value": value,
        "unit": unit,
        "run": "demo/all/1",
        "dataset_type": f"metricvalue_{metric.replace('.', '_')}",
        "instrument": "DemoCamera",
        "day_obs": 20260301,
        "physical_filter": "V",
    } | columns


def visit_row(metric: str, place: int, value: float | None, unit: str) -> dict[str, Any]:
    begin = BEGIN + timedelta(minutes=2 * place)
    times = {"obs_begin": begin, "obs_end": begin + timedelta(minutes=1)}
    return row(metric, value, unit, visit=2026030100000 + place, **times)


def run(records: list[dict[str, Any]]) -> Run:
    frame = pl.from_arrow(from_records(records))
    assert isinstance(frame, pl.DataFrame)
    return Run("demo/all/1", "pipetask run", frame)


NIGHT = [
    # Not in the order of time, which a store does not promise.
    *(visit_row("demo.zero_point_offset", n, ZERO_POINTS[n - 1], "mmag") for n in (4, 2, 3, 1)),
    row("demo.zero_point_drift", 60.0, "mmag", uncertainty=0.5),
    row("demo.photometric_repeatability", 7.0, "mmag"),
]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Annotations]:
    with open_annotations(tmp_path / "annotations.db", origin="summit") as annotations:
        yield annotations


def visit(place: int) -> Target:
    return Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100000 + place})


MakeOutcome = Callable[..., Outcome]


@pytest.fixture
def outcome(log: Annotations, tmp_path: Path) -> MakeOutcome:
    """Make the outcome of a night of which something was said."""
    log.add(
        targets=[visit(2), visit(4)],
        flags=[
            Assertion("questionable", "examined", "fine", visit(2)),
            Assertion("questionable", "set", "off", visit(4)),
        ],
        text="By the rule.",
        actor=Actor("a rule", "bot"),
    )
    log.add(targets=[visit(99)], flags=[Assertion("junk", "set")], actor=Actor("alice", "human"))

    def make(records: list[dict[str, Any]] = NIGHT, after: list[dict[str, Any]] | None = None) -> Outcome:
        before, second = run(records), run(records if after is None else after)
        with as_file(files("gnomon.demo").joinpath("definitions")) as folder:
            metrics = MetricSet.load_metrics_package(str(folder))
            specifications = SpecificationSet.load_metrics_package(str(folder))
        flags = log.effective([visit(place) for place in (1, 2, 3, 4, 99)])
        return Outcome(
            folder=tmp_path / "a folder",
            source="night.ecsv",
            metrics=metrics,
            before=before,
            after=second,
            verdicts=judge(before.rows, specifications),
            annotations=log.search(),
            history=log.history(visit(4)),
            flags=flags,
            excluded=find_exclusions(
                Selection(exclude_flags=("junk", "questionable")), annotations=log
            ).marks,
            comparison=compare(before.rows, second.rows),
        )

    return make


def test_the_outcome_is_json_without_nan(outcome: MakeOutcome) -> None:
    found = outcome().to_dict()
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    assert {"metrics", "verdicts", "annotations", "excluded_visits", "runs"} <= found.keys()


def test_a_metric_of_visits_has_all_their_values_in_order_of_time(outcome: MakeOutcome) -> None:
    metric = outcome().to_dict()["metrics"]["demo.zero_point_offset"]
    assert (metric["per"], metric["unit"], metric["count"]) == ("visit", "mmag", 4)
    assert list(metric["values"].values()) == [1.0, 2.0, None, 40.0]
    assert (metric["first"], metric["last"]) == (1.0, 40.0)
    assert (metric["value"], metric["minimum"], metric["maximum"]) == (2.0, 1.0, 40.0)
    assert metric["largest_at_visit"] == 2026030100004
    assert metric["description"].startswith("Median offset")


def test_a_metric_of_the_night_has_its_value(outcome: MakeOutcome) -> None:
    metric = outcome().to_dict()["metrics"]["demo.zero_point_drift"]
    assert {name: metric[name] for name in ("per", "value", "unit", "uncertainty")} == {
        "per": "night",
        "value": 60.0,
        "unit": "mmag",
        "uncertainty": 0.5,
    }


def test_a_metric_of_several_nights_has_a_value_for_each(outcome: MakeOutcome) -> None:
    second = row("demo.zero_point_drift", None, "mmag", day_obs=20260302, physical_filter="R")
    found = outcome([*NIGHT, second])
    metric = found.to_dict()["metrics"]["demo.zero_point_drift"]
    assert metric["value"] is None
    assert "uncertainty" not in metric
    assert metric["values"] == {
        '{"day_obs":20260301,"instrument":"DemoCamera","physical_filter":"V"}': 60.0,
        '{"day_obs":20260302,"instrument":"DemoCamera","physical_filter":"R"}': None,
    }
    assert {r.metric: r.before for r in night_rows(found)}["demo.zero_point_drift"] == "—"


def test_a_metric_that_no_visit_has_is_described_without_a_value(outcome: MakeOutcome) -> None:
    records = [visit_row("demo.zero_point_offset", n, float("nan"), "mmag") for n in (1, 2)]
    metric = outcome(records).to_dict()["metrics"]["demo.zero_point_offset"]
    assert (metric["value"], metric["largest_at_visit"], metric["count"]) == (None, None, 2)


def test_the_night_begins_and_ends_with_its_visits(outcome: MakeOutcome) -> None:
    night = outcome().to_dict()["night"]
    assert night["visits"] == 4
    assert night["day_obs"] == [20260301]
    assert night["begin"] < night["end"]
    assert night["begin"].startswith("2026-03-02T02:01:23")  # 2:02 TAI


def test_visits_that_are_left_out_are_those_of_the_night(outcome: MakeOutcome) -> None:
    assert outcome().to_dict()["excluded_visits"] == [
        {
            "visit": 2026030100004,
            "seq_num": 4,
            "flag": "questionable",
            "by": "a rule",
            "kind": "bot",
            "reason": "off",
        }
    ]


def test_marks_are_those_of_visits_that_were_flagged(outcome: MakeOutcome) -> None:
    marks = [mark for mark in outcome().visit_marks() if mark.seq_num]
    assert [(m.seq_num, m.state, m.by, m.outcome, m.rule) for m in marks] == [
        (4, "set", "a rule", "holds", "unopposed")
    ]


def test_the_two_runs_stand_side_by_side(outcome: MakeOutcome) -> None:
    after = [*NIGHT[:-2], row("demo.zero_point_drift", 58.5, "mmag")]
    rows = {r.metric: r for r in night_rows(outcome(after=after))}
    drift = rows["demo.zero_point_drift"]
    assert (drift.before, drift.after, drift.difference) == ("60 mmag", "58.5 mmag", "-1.5 mmag")
    gone = rows["demo.photometric_repeatability"]
    assert (gone.before, gone.after, gone.difference) == ("7 mmag", "—", "—")


def test_each_specification_says_what_was_asked_and_measured(outcome: MakeOutcome) -> None:
    rows = {r.specification: r for r in specification_rows(outcome())}
    drift = rows["demo.zero_point_drift.drift"]
    assert (drift.requirement, drift.measured) == ("zero_point_drift <= 50 mmag", "60 mmag")
    assert (drift.verdict, drift.words, drift.passed, drift.failed) == ("fail", "fail", 0, 1)
    absent = rows["demo.star_count.enough"]
    assert (absent.verdict, absent.measured) == ("not measured", "—")


@pytest.mark.parametrize(
    ("value", "unit", "sign", "text"),
    [
        (None, "mag", False, "—"),
        (12.3456, "mmag", False, "12.35 mmag"),
        (12.3456, "mmag", True, "+12.35 mmag"),
        (-1.0, "", True, "-1"),
        (41, "", False, "41"),
    ],
)
def test_a_quantity_has_four_digits_and_its_unit(
    value: float | None, unit: str, sign: bool, text: str
) -> None:
    assert quantity_text(value, unit, sign=sign) == text


def test_the_next_steps_can_be_typed(outcome: MakeOutcome) -> None:
    steps = next_steps(outcome())
    commands = [command for _, command in steps]
    assert any(command.startswith("pipetask run -b '") for command in commands)  # a blank in the folder
    assert any("--collections demo/all " in command for command in commands)
    assert all(why.endswith(".") for why, _ in steps)
