"""What rules say of measurements: several metrics, units, observations in a row, nights before."""

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon import dataids
from gnomon.annotations import Target
from gnomon.curation.rules import Baseline, Consecutive, MetricUse, Proposals, Rule, TrendRemoval, evaluate
from gnomon.errors import DefinitionError, UnitMismatchError
from gnomon.measurements import observations
from gnomon.measurements.rows import from_records

Rows = Callable[..., pl.DataFrame]
NIGHT = datetime.datetime(2026, 3, 1)
POOR = "seeing > 2 arcsec"


def seeing(when: str = POOR, **more: Any) -> Rule:
    return Rule(name="poor_seeing", flag="questionable", metric="demo.seeing", when=when, **more)


def said(proposals: Proposals) -> dict[int, str]:
    """Give what is proposed by place in the night."""
    return {int((p.target.data_id or {})["visit"]) % 1000: p.state for p in proposals}


def set_at(proposals: Proposals) -> list[int]:
    return [place for place, state in said(proposals).items() if state == "set"]


def timed(frame: pl.DataFrame, *, minutes: float = 1.0) -> pl.DataFrame:
    """Let each visit begin so many minutes after the one before, and last half a minute."""
    begin = pl.lit(NIGHT) + pl.duration(seconds=(pl.col("visit") % 1000) * round(60 * minutes))
    return frame.with_columns(obs_begin=begin, obs_end=begin + pl.duration(seconds=30)).with_columns(
        pl.col("obs_begin", "obs_end").dt.cast_time_unit("us")
    )


def measurement(**columns: Any) -> dict[str, Any]:
    told = {"metric": "demo.seeing", "value": 1.0, "unit": "", "run": "r", "dataset_type": "d"}
    return told | columns


def backwards(frame: pl.DataFrame) -> pl.DataFrame:
    return frame[list(range(len(frame) - 1, -1, -1))]


# --- units ---


@pytest.mark.parametrize(("unit", "factor"), [("arcsec", 1.0), ("mas", 1000.0), ("deg", 1 / 3600)])
def test_a_limit_has_a_unit_and_measurements_can_be_in_another(rows: Rows, unit: str, factor: float) -> None:
    frame = rows("demo.seeing", [1.9 * factor, 2.1 * factor], unit=unit)
    assert said(evaluate(seeing(), frame)) == {1: "examined", 2: "set"}


def test_measurements_in_several_units_are_judged_where_every_limit_has_one(rows: Rows) -> None:
    mixed = pl.concat(
        [rows("demo.seeing", [1.9, 2.1], unit="arcsec"), later(rows("demo.seeing", [2100.0], unit="mas"))]
    )
    assert set_at(evaluate(seeing(), mixed)) == [2, 101]
    with pytest.raises(UnitMismatchError, match=r"in several units, 'arcsec', 'mas': write the numbers"):
        evaluate(seeing("value > 2"), mixed)
    told = Rule(
        name="a", flag="junk", metrics={"s": MetricUse(metric="demo.seeing", unit="mas")}, when="s > 2000"
    )
    assert set_at(evaluate(told, mixed)) == [2, 101]
    assert evaluate(told, mixed)[0].reason == "demo.seeing 1900 mas"


def later(frame: pl.DataFrame, by: int = 100) -> pl.DataFrame:
    return frame.with_columns(pl.col("visit") + by)


def test_a_unit_that_does_not_convert_is_named(rows: Rows) -> None:
    with pytest.raises(UnitMismatchError, match="what is in arcsec cannot be compared with what is in mag"):
        evaluate(seeing(), rows("demo.seeing", [1.0], unit="mag"))
    told = Rule(name="a", flag="junk", metrics={"s": MetricUse(metric="demo.seeing", unit="s")}, when="s > 2")
    with pytest.raises(
        UnitMismatchError, match=r"demo\.seeing was measured in mas, which does not convert into s"
    ):
        evaluate(told, rows("demo.seeing", [1.0], unit="mas"))


# --- several metrics ---

BOTH = Rule(
    name="both",
    flag="questionable",
    metrics={"seeing": MetricUse(metric="demo.seeing"), "sky": MetricUse(metric="demo.sky")},
    when="seeing > 2 arcsec AND sky > 70",
    reason="{seeing:.1f} {seeing.unit}, sky {sky:g} {sky.unit} in {band}",
)


def test_a_rule_can_speak_of_several_metrics(rows: Rows) -> None:
    frame = pl.concat(
        [
            rows("demo.seeing", [2.5, 2.5, 1.0, 2.5], unit="arcsec"),
            rows("demo.sky", [80.0, 60.0, 80.0], unit="adu"),
        ]
    )
    assert said(evaluate(BOTH, frame)) == {1: "set", 2: "examined", 3: "examined"}
    assert evaluate(BOTH, frame)[0].reason == "2.5 arcsec, sky 80 adu in V"
    assert list(evaluate(BOTH, backwards(frame))) == list(evaluate(BOTH, frame))


def test_what_is_not_measured_can_still_be_beside_the_point(rows: Rows) -> None:
    frame = pl.concat([rows("demo.seeing", [2.5, 1.0], unit="arcsec"), rows("demo.sky", [], unit="adu")])
    assert said(evaluate(BOTH, frame)) == {2: "examined"}


def test_full_names_need_no_others(rows: Rows) -> None:
    rule = Rule(name="a", flag="junk", when="demo.seeing > 2 arcsec OR demo.sky > 70")
    frame = pl.concat([rows("demo.seeing", [2.5, 1.0], unit="arcsec"), rows("demo.sky", [10.0, 20.0, 80.0])])
    assert said(evaluate(rule, frame)) == {1: "set", 2: "examined", 3: "set"}


def test_metrics_are_paired_by_what_names_a_thing_and_not_by_what_else_is_known(rows: Rows) -> None:
    unknown = rows("demo.sky", [80.0, 80.0], unit="adu", band=None, physical_filter=None, day_obs=None)
    frame = pl.concat([rows("demo.seeing", [2.5, 1.0], unit="arcsec"), unknown])
    assert said(evaluate(BOTH, frame)) == {1: "set", 2: "examined"}
    trend = seeing("residual > 1", trend=TrendRemoval(against="demo.sky"))
    frame = pl.concat([rows("demo.seeing", [1.0, 2.0, 3.0, 9.0], unit="arcsec"),
                       rows("demo.sky", [1.0, 2.0, 3.0, 4.0], band=None)])  # fmt: skip
    assert len(evaluate(trend, frame)) == 4


@pytest.mark.parametrize("reverse", [False, True])
def test_a_metric_of_the_visit_stands_beside_each_of_its_detectors(rows: Rows, reverse: bool) -> None:
    detectors = [rows("demo.sky", [80.0, 60.0], unit="adu", detector=number) for number in (1, 2)]
    frame = pl.concat([rows("demo.seeing", [2.5, 2.5], unit="arcsec"), *detectors])
    proposals = evaluate(BOTH, backwards(frame) if reverse else frame)
    assert [(p.target.key, p.state) for p in proposals] == [
        (
            Target.dimension(
                "visit", {"instrument": "DemoCamera", "visit": 2026030100000 + v, "detector": d}
            ).key,
            state,
        )
        for v, state in ((1, "set"), (2, "examined"))
        for d in (1, 2)
    ]


def test_of_the_detectors_of_a_visit_one_value_can_be_taken(rows: Rows) -> None:
    frame = pl.concat([
        rows("demo.seeing", [2.5, 2.5], unit="arcsec"),
        *(rows("demo.sky", [50.0 + 10 * d, 10.0], unit="adu", detector=d) for d in (1, 2, 3)),
    ])  # fmt: skip
    rule = Rule(
        name="a", flag="junk", of="visit",
        metrics={"seeing": MetricUse(metric="demo.seeing"), "sky": MetricUse(metric="demo.sky", take="max")},
        when="seeing > 2 arcsec AND sky >= 80",
    )  # fmt: skip
    assert said(evaluate(rule, frame)) == {1: "set", 2: "examined"}
    assert evaluate(rule, frame)[0].target.data_id == {"instrument": "DemoCamera", "visit": 2026030100001}
    untold = rule.model_copy(update={"metrics": {"sky": MetricUse(metric="demo.sky")}, "when": "sky > 1"})
    with pytest.raises(
        DefinitionError, match="marks each visit, but is about what is measured of visit-detector"
    ):
        evaluate(untold, frame)


def test_metrics_that_have_nothing_in_common_are_refused(rows: Rows) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("instrument", "visit", "day_obs", "physical_filter"))
    tract = rows("demo.sky", [80.0], skymap="s", tract=1, **nothing)
    with pytest.raises(
        DefinitionError, match="measured of visit and band-tract, which have nothing in common"
    ):
        evaluate(BOTH, pl.concat([rows("demo.seeing", [2.5], unit="arcsec"), tract]))


# --- what is marked ---


def test_datasets_can_be_marked_and_those_of_another_type_at_the_same_place(rows: Rows) -> None:
    frame = rows("demo.seeing", [2.5], unit="arcsec")
    (own,) = evaluate(seeing(of="dataset"), frame)
    assert own.target.dataset_id is not None
    assert own.target.dataset_id.bytes == frame["dataset_id"][0]
    (other,) = evaluate(seeing(dataset_type="calexp"), frame)
    data_id: dict[str, int | str] = {"instrument": "DemoCamera", "visit": 2026030100001}
    assert other.target == Target.of_data_id(data_id, dataset_type="calexp")


@given(st.data())
def test_the_keys_of_many_targets_are_those_of_each(data: st.DataObject) -> None:
    kinds = [
        "instrument visit",
        "instrument exposure detector",
        "skymap tract patch band",
        "instrument group",
    ]
    names = data.draw(st.sampled_from(kinds)).split()
    word = st.text('abAB09_-é"\\/ü', min_size=1, max_size=5)
    of = data.draw(st.sampled_from([None, "dataset"]))
    kind = data.draw(st.sampled_from([None, "calexp"])) if of is None else None
    values = {name: st.integers(0, 9) if dataids.takes_integer(name) else word for name in names}
    identifiers = st.binary(min_size=16, max_size=16)
    records = [
        measurement(dataset_id=data.draw(identifiers), **{n: data.draw(value) for n, value in values.items()})
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    frame = pl.DataFrame(from_records(records)).unique(names)
    proposals = evaluate(seeing("value > 0", of=of, dataset_type=kind), frame)
    assert proposals.keys.to_list() == [p.target.key for p in proposals]


# --- what is known of the observation ---


def test_calibrations_are_passed_over(rows: Rows) -> None:
    frame = rows("demo.seeing", [2.5, 2.5, 2.5, 1.0], unit="arcsec").with_columns(
        observation_type=pl.Series(["science", "flat", None, "science"]),
        exposure_time=pl.Series([30.0, 30.0, 30.0, 5.0]),
        zenith_angle=pl.Series([60.0, 0.0, 0.0, 95.0]),
    )
    assert said(evaluate(seeing(only="visit.observation_type = 'science'"), frame)) == {
        1: "set",
        4: "examined",
    }
    assert said(evaluate(seeing(only="exposure_time > 0.1 min"), frame)) == {1: "set", 2: "set", 3: "set"}
    assert set_at(evaluate(seeing("value > 2 AND airmass > 1.9"), frame)) == [1]
    assert said(evaluate(seeing(only="exposure.observation_type = 'science'"), frame)) == {}
    assert (
        evaluate(seeing(reason="{visit.exposure_time:.0f} s at {airmass:.1f}"), frame)[0].reason
        == "30 s at 2.0"
    )


def test_a_trend_can_be_against_the_airmass_of_the_observation(rows: Rows) -> None:
    angles = np.linspace(0, 60, 12)
    values = 3 / np.cos(np.radians(angles)) + np.random.default_rng(1).uniform(-0.01, 0.01, 12)
    values[4] += 1
    frame = rows("demo.seeing", values.tolist(), unit="arcsec").with_columns(zenith_angle=pl.Series(angles))
    rule = seeing("abs(deviation) > 5", trend=TrendRemoval(against="airmass"))
    assert set_at(evaluate(rule, frame)) == [5]


# --- one after the other ---

ROW = seeing("seeing > 2 arcsec for 3 consecutive visits")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3, 3, 3, 1], [2, 3, 4]),
        ([3, 3, 1, 3, 3], []),
        ([3, 3, 3, 3, 1], [1, 2, 3, 4]),
        ([3, 3, None, 3, 3], []),
        ([3, 3, float("nan"), 3, 3, 3], [4, 5, 6]),
        ([], []),
    ],
)
def test_all_of_enough_visits_in_a_row_are_marked(
    rows: Rows, values: list[float | None], expected: list[int]
) -> None:
    proposals = evaluate(ROW, timed(rows("demo.seeing", values, unit="arcsec")))
    assert set_at(proposals) == expected
    assert len(proposals) == sum(v is not None and not np.isnan(v) for v in values)


def test_rows_of_visits_do_not_reach_over_nights_filters_or_detectors(rows: Rows) -> None:
    frame = timed(rows("demo.seeing", [3.0] * 4, unit="arcsec"))
    second = pl.col("visit") % 1000 > 2
    assert len(set_at(evaluate(ROW, frame))) == 4
    other_night = pl.when(second).then(20260302).otherwise("day_obs").alias("day_obs")
    assert set_at(evaluate(ROW, frame.with_columns(other_night))) == []
    other_filter = pl.when(second).then(pl.lit("R")).otherwise("physical_filter").alias("physical_filter")
    assert set_at(evaluate(ROW, frame.with_columns(other_filter))) == []
    detectors = [frame.with_columns(pl.lit(d, pl.Int64).alias("detector")) for d in (1, 2)]
    worse = pl.concat([detectors[0], detectors[1].filter(pl.col("visit") % 1000 != 2)])
    found = {(p.target.data_id or {})["detector"] for p in evaluate(ROW, worse) if p.state == "set"}
    assert found == {1, 2}
    ids = pl.concat([detectors[0][:2], detectors[1][2:]])
    assert not [p for p in evaluate(ROW, ids) if p.state == "set"]


def test_the_order_is_that_of_time_and_not_of_numbers(rows: Rows) -> None:
    frame = timed(rows("demo.seeing", [3.0, 1.0, 3.0, 3.0], unit="arcsec"))
    swapped = frame.with_columns(obs_begin=pl.when(pl.col("value") < 2).then(NIGHT).otherwise("obs_begin"))
    assert set_at(evaluate(ROW, swapped)) == [1, 3, 4]
    assert set_at(evaluate(ROW, frame)) == []
    untimed = backwards(rows("demo.seeing", [3.0, 3.0, 3.0, 1.0], unit="arcsec"))
    assert set_at(evaluate(ROW, untimed)) == [1, 2, 3]


def test_what_was_not_measured_ends_a_row_or_is_passed_over(rows: Rows) -> None:
    frame = timed(rows("demo.seeing", [3.0, 3.0, 1.0, 3.0, 3.0], unit="arcsec")).filter(pl.col("value") > 2)
    known = taken(rows, 5)
    assert set_at(evaluate(ROW, frame)) == [1, 2, 4, 5]
    assert set_at(evaluate(ROW, frame, observations=known)) == []
    skipping = seeing(ROW.when, consecutive=Consecutive(unmeasured="skipped"))
    assert set_at(evaluate(skipping, frame, observations=known)) == [1, 2, 4, 5]
    calibrations = known.with_columns(
        observation_type=pl.when(pl.col("id") % 1000 == 3).then(pl.lit("flat")).otherwise(pl.lit("science"))
    )
    science = seeing(ROW.when, only="observation_type = 'science'")
    frame = frame.with_columns(observation_type=pl.lit("science"))
    assert set_at(evaluate(science, frame, observations=calibrations)) == [1, 2, 4, 5]
    assert set_at(evaluate(ROW, frame, observations=calibrations)) == []


def taken(rows: Rows, number: int) -> pl.DataFrame:
    """Make what is known of the first visits of the night."""
    frame = timed(rows("demo.seeing", [0.0] * number)).rename({"visit": "id"})
    schema = dict(pl.DataFrame(observations.SCHEMA.empty_table()).schema)
    return frame.with_columns(element=pl.lit("visit")).select(
        pl.col(name) if name in (*frame.columns, "element") else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )


def test_too_long_a_gap_ends_a_row(rows: Rows) -> None:
    frame = timed(rows("demo.seeing", [3.0] * 3, unit="arcsec"), minutes=10)
    for gap, expected in (("9.4 min", []), ("9.5 min", [1, 2, 3]), ("1 h", [1, 2, 3])):
        assert set_at(evaluate(seeing(ROW.when, consecutive=Consecutive(longest_gap=gap)), frame)) == expected


def test_what_has_no_visits_cannot_be_followed(rows: Rows) -> None:
    with pytest.raises(
        DefinitionError, match="looks for consecutive exposures, but its metrics are measured of"
    ):
        evaluate(seeing("value > 2 for 2 consecutive exposures"), rows("demo.seeing", [3.0]))


@given(
    st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 1)), max_size=20),
    st.integers(2, 4),
)
def test_marked_is_what_a_walk_through_the_night_finds(
    night: list[tuple[bool | None, int]], number: int
) -> None:
    records = [
        measurement(
            dataset_id=place.to_bytes(16),
            value=None if high is None else 1.0 + high,
            instrument="I",
            visit=place,
            physical_filter=f"f{f}",
        )
        for place, (high, f) in enumerate(night)
    ]
    expected = []
    for name in (0, 1):
        row: list[int] = []
        for place, (high, f) in [*enumerate(night), (-1, (None, name))]:
            if f == name and high:
                row.append(place)
            elif f == name:
                expected += row if len(row) >= number else []
                row = []
    rule = seeing(f"value > 1.5 for {number} consecutive visits")
    proposals = evaluate(rule, pl.DataFrame(from_records(records)))
    assert sorted(set_at(proposals)) == sorted(expected)


# --- the nights before ---


def test_a_baseline_is_that_of_the_nights_before(rows: Rows) -> None:
    measured = {20260227: [1.0, 1.2, 1.4], 20260228: [1.1, 1.2, 1.4], 20260301: [1.2, 3.0]}
    frame = pl.concat(
        later(rows("demo.seeing", values, unit="arcsec", day_obs=day_obs), 10 * place)
        for place, (day_obs, values) in enumerate(measured.items())
    )
    rule = seeing(
        "baseline_deviation > 5", baseline=Baseline(nights=3), reason="{baseline:.2f} {baseline_scatter:.2f}"
    )
    found = {
        int((p.target.data_id or {})["visit"]) % 1000: (p.state, p.reason) for p in evaluate(rule, frame)
    }
    before = np.array([1.0, 1.2, 1.4, 1.1, 1.2, 1.4])
    scatter = (np.quantile(before, 0.75) - np.quantile(before, 0.25)) / 1.349
    assert found[21] == ("examined", f"{np.median(before):.2f} {scatter:.2f}")
    assert found[22][0] == "set"
    assert not found.keys() & {1, 2, 3}
    yesterday = rule.model_copy(update={"baseline": Baseline(nights=1)})
    assert {p.reason for p in evaluate(yesterday, frame) if p.state == "set"} == {"1.20 0.11"}


@pytest.mark.parametrize("before", [[1.0], [1.0, 1.0]])
def test_one_or_two_values_before_tell_nothing_of_their_scatter(rows: Rows, before: list[float]) -> None:
    frame = pl.concat(
        [
            rows("demo.seeing", before, unit="arcsec", day_obs=20260228),
            later(rows("demo.seeing", [1.01], unit="arcsec", day_obs=20260301), 10),
        ]
    )
    assert said(evaluate(seeing("baseline_deviation > 5", baseline=Baseline(nights=3)), frame)) == {}
    alone = seeing("baseline_scatter IS NULL AND value > baseline", baseline=Baseline(nights=3))
    assert set_at(evaluate(alone, frame)) == [11]


def test_what_a_trend_does_not_tell_is_null(rows: Rows) -> None:
    frame = pl.concat([rows("demo.seeing", [1.0, 2.0], unit="arcsec"), rows("demo.airmass", [1.0], unit="")])
    rule = seeing("residual IS NULL", trend=TrendRemoval(against="demo.airmass"))
    assert said(evaluate(rule, frame)) == {1: "examined", 2: "set"}
    assert set_at(evaluate(rule.model_copy(update={"when": "scatter IS NULL"}), frame)) == [1, 2]


# --- what is said otherwise ---


@pytest.mark.parametrize(
    ("otherwise", "expected"), [("clear", {1: "clear", 2: "set"}), ("nothing", {2: "set"})]
)
def test_a_rule_can_clear_or_stay_silent_where_all_is_well(
    rows: Rows, otherwise: str, expected: dict[int, str]
) -> None:
    assert (
        said(evaluate(seeing(otherwise=otherwise), rows("demo.seeing", [1.0, 3.0], unit="arcsec")))
        == expected
    )
