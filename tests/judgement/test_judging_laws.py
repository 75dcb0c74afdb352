"""Judging all at once is judging each alone, whatever is asked and in whatever order."""

import math
from typing import Any

import astropy.units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judgement.strategies import METADATA, METRICS, records, specifications, table

from gnomon.definitions import (
    BaselineSpecification,
    Specification,
    StatisticalSpecification,
    ThresholdSpecification,
)
from gnomon.judgement import Verdicts, judge
from gnomon.measurements import Measurement

SPECIFICATIONS = st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True).flatmap(
    lambda indices: st.tuples(*(specifications(i) for i in indices))
)


def alone(
    specification: Specification, row: dict[str, Any], metadata: dict[str, Any], before: list[dict[str, Any]]
) -> tuple[str, str | None]:
    """Judge one measurement, and say why if that does not depend on how numbers are written."""
    facts = {key: row[key] for key in ("band", "visit", "instrument") if row[key] is not None}
    if (unmet := specification.metadata_query.unmet({**metadata, **facts})) is not None:
        return "not applicable", unmet
    value, uncertainty = row["value"], row["uncertainty"]
    if value is None:
        return "not measured", "there is no value"
    if math.isnan(value):
        return "not measured", "the value is not a number"
    no_spread = uncertainty is None or math.isnan(uncertainty)
    obstacle: tuple[str, str | None] | None = None
    if specification.min_count and (row["count"] is None or row["count"] < specification.min_count):
        obstacle = "not measured", None
    elif specification.sigmas > 0 and no_spread:
        obstacle = "not measured", "its uncertainty is not known; it must pass by 2 sigma"
    baseline = None
    if isinstance(specification, BaselineSpecification) and obstacle is None:
        baseline = earlier(row, before)
        if baseline is None:
            return "not applicable", None
    if obstacle is not None:
        return obstacle
    unit = u.Unit(row["unit"])
    if specification.unit is not None and not unit.is_equivalent(specification.unit):
        return "not applicable", None
    if baseline is not None:
        spread = math.nan if no_spread else uncertainty
        passed = bool(
            specification.check_values(value, row["unit"], uncertainties=spread, baselines=baseline)
        )
    else:
        measurement = Measurement(row["metric"], value * unit, uncertainty=None if no_spread else uncertainty)
        passed = specification.check(measurement)
    return ("pass" if passed else "fail"), None


def earlier(row: dict[str, Any], before: list[dict[str, Any]]) -> float | None:
    # The band follows from the visit, so it does not identify where there is one.
    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["metric"], row["instrument"], row["visit"], row["band"] if row["visit"] is None else None

    found = [other for other in before if key(other) == key(row)]
    if not found or found[-1]["value"] is None or math.isnan(found[-1]["value"]):
        return None
    if not u.Unit(found[-1]["unit"]).is_equivalent(u.Unit(row["unit"])):
        return None
    return float((found[-1]["value"] * u.Unit(found[-1]["unit"])).to_value(row["unit"]))


@given(st.lists(records(), max_size=6), SPECIFICATIONS, METADATA, st.lists(records(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_judging_all_at_once_is_judging_each_alone_for_every_kind(
    measured: list[dict[str, Any]],
    asked: tuple[Specification, ...],
    metadata: dict[str, Any],
    before: list[dict[str, Any]],
) -> None:
    found = judge(table(*measured), asked, metadata=metadata, baseline=table(*before)).table
    expected = [
        alone(specification, row, metadata, before)
        for specification in asked
        for row in measured
        if row["metric"] == specification.metric_name
    ]
    of_rows = found.filter(found["dataset_id"].is_not_null())
    assert of_rows["verdict"].to_list() == [verdict for verdict, _ in expected]
    for reason, (_, wanted) in zip(of_rows["reason"], expected, strict=True):
        assert reason
        assert wanted is None or reason == wanted
    judged = found["verdict"].is_in(["pass", "fail"])
    assert (found["cause"].is_null() == judged).all()
    unmeasured = [s for s in asked if all(r["metric"] != s.metric_name for r in measured)]
    assert len(found) - len(of_rows) == len(unmeasured)


def lines(verdicts: Verdicts) -> list[str]:
    return sorted(map(repr, verdicts.table.drop("dimensions").iter_rows()))


@given(st.data(), st.lists(records(), max_size=6), SPECIFICATIONS, METADATA)
@settings(max_examples=50, deadline=None)
def test_the_order_of_measurements_and_specifications_does_not_matter(
    data: st.DataObject,
    measured: list[dict[str, Any]],
    asked: tuple[Specification, ...],
    metadata: dict[str, Any],
) -> None:
    one = data.draw(statistical())
    other = judge(
        table(*data.draw(st.permutations(measured))),
        data.draw(st.permutations([*asked, one])),
        metadata=metadata,
    )
    assert lines(judge(table(*measured), [*asked, one], metadata=metadata)) == lines(other)


@st.composite
def statistical(draw: st.DrawFn) -> StatisticalSpecification:
    chosen: dict[str, Any] = draw(
        st.sampled_from([{"at_most": 1}, {"fraction": 0.5}, {"percentile": 50}, {"percentile": 100}])
    )
    return StatisticalSpecification(
        f"{draw(st.sampled_from(METRICS))}.set",
        u.Quantity(draw(st.integers(-3, 3)), "mmag"),
        draw(st.sampled_from(["<=", ">"])),
        by=draw(st.sampled_from([(), ("visit",), ("band", "instrument")])),
        of=draw(st.sampled_from([None, 2])),
        metadata_query=draw(st.sampled_from([{}, {"band": "g"}, {"visit": {"max": 2}}])),
        **chosen,
    )


@given(st.lists(records(("p.a", "p.a", "p.b")), min_size=1, max_size=12), statistical())
@settings(max_examples=150, deadline=None)
def test_judging_sets_at_once_is_judging_each_set_alone(
    measured: list[dict[str, Any]], specification: StatisticalSpecification
) -> None:
    for row in measured:
        row["unit"] = "mmag"
    sets: dict[tuple[Any, ...], list[float]] = {}
    own = [row for row in measured if row["metric"] == specification.metric_name]
    for row in own:
        facts = {key: row[key] for key in ("band", "visit", "instrument") if row[key] is not None}
        if specification.query_metadata(facts):
            members = sets.setdefault(tuple(row[name] for name in specification.by), [])
            if row["value"] is not None and not math.isnan(row["value"]):
                members.append(row["value"])
    found = judge(table(*measured), [specification]).table
    if not sets:
        assert found["verdict"].to_list() == ["not applicable" if own else "not measured"]
        return
    by_key = {tuple(row[name] for name in specification.by): row for row in found.iter_rows(named=True)}
    assert len(by_key) == len(found)
    assert by_key.keys() == sets.keys()
    for key, values in sets.items():
        row = by_key[key]
        if len(values) < (specification.of or 1):
            assert row["verdict"] == "not measured"
        else:
            assert row["verdict"] == ("pass" if specification.check_set(values) else "fail")
        assert row["count"] == len(values)
        assert row["dataset_id"] is None


def test_magnitudes_with_a_zero_point_are_judged_like_each_alone() -> None:
    faint = ThresholdSpecification("p.a.deep", 23 * u.ABmag, ">=", sigmas=1)
    flux = ThresholdSpecification("p.a.flux", 1 * u.uJy, "<=")
    row = {"dataset_id": b"0" * 16, "run": "r", "dataset_type": "d", "metric": "p.a", "uncertainty": 0.5}
    measured = [{**row, "value": value, "unit": "mag(AB)"} for value in (23.2, 23.6, 25.0)]
    found = judge(table(*measured), [faint, flux]).table
    assert found["verdict"].to_list() == ["fail", "pass", "pass", "fail", "fail", "pass"]
    assert found["reason"][0] == "23.2 ± 0.5 mag(AB) is not >= 23 mag(AB) by 1 sigma"
    assert flux.check(25 * u.ABmag)
    assert not flux.check(23.6 * u.ABmag)
