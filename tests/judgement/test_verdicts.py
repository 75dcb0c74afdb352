"""Verdicts: measurements held against specifications."""

import datetime
from typing import Any

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.definitions import SpecificationSet, ThresholdSpecification
from gnomon.errors import SchemaError
from gnomon.judgement import VERDICTS, judge
from gnomon.measurements import rows


def record(metric: str, value: float | None, unit: str = "mmag", **more: Any) -> dict[str, Any]:
    return {
        "dataset_id": b"0" * 16,
        "metric": metric,
        "value": value,
        "unit": unit,
        "run": "run",
        "dataset_type": "metricvalue",
        "measured_at": datetime.datetime(2025, 1, 1),
        **more,
    }


def table(*records: dict[str, Any]) -> pa.Table:
    return rows.from_records(records)


def verdicts(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return list(frame.select("verdict", "reason").iter_rows())


DESIGN = ThresholdSpecification("demo.scatter.design", 10 * u.mmag, "<=", tags=["b", "a"])


def test_each_value_passes_or_fails_with_the_reason_in_its_own_unit() -> None:
    found = judge(
        table(
            record("demo.scatter", 16.55),
            record("demo.scatter", 10.0),
            record("demo.scatter", 0.00774, "mag"),
            record("demo.scatter", 1 / 3),
        ),
        [DESIGN],
    )
    assert verdicts(found.table) == [
        ("fail", "16.55 mmag is not <= 10 mmag"),
        ("pass", "10 mmag is <= 10 mmag"),
        ("pass", "0.00774 mag is <= 10 mmag"),
        ("pass", "0.333333 mmag is <= 10 mmag"),
    ]
    assert found.counts() == {"pass": 3, "fail": 1, "not applicable": 0, "not measured": 0}


def test_a_near_miss_is_shown_with_all_its_digits() -> None:
    found = judge(table(record("demo.scatter", 10.0000001)), [DESIGN])
    assert verdicts(found.table) == [("fail", "10.0000001 mmag is not <= 10 mmag")]


def test_what_has_no_value_is_not_measured_and_says_why() -> None:
    found = judge(table(record("demo.scatter", None), record("demo.scatter", float("nan"))), [DESIGN])
    assert verdicts(found.table) == [
        ("not measured", "there is no value"),
        ("not measured", "the value is not a number"),
    ]
    assert verdicts(judge(table(), [DESIGN]).table) == [
        ("not measured", "there is no measurement of demo.scatter")
    ]


def test_units_that_do_not_convert_are_told_and_end_nothing_else() -> None:
    found = judge(
        table(
            record("demo.scatter", 5.0, "s"),
            record("demo.scatter", 5.0, "nosuch"),
            record("demo.scatter", 5.0),
        ),
        [DESIGN],
    )
    assert found.table["verdict"].to_list() == ["not applicable", "not applicable", "pass"]
    assert "mmag" in found.table["reason"][0]
    assert "in s " in found.table["reason"][0]
    assert "'nosuch' is not a unit" in found.table["reason"][1]


def test_a_term_of_the_query_is_looked_up_in_the_row_and_then_in_the_metadata() -> None:
    specification = ThresholdSpecification(
        "demo.scatter.g", 10 * u.mmag, "<=", {"band": "g", "detector": 3, "healpix9": 5, "camera": "X"}
    )
    fine: dict[str, Any] = {"band": "g", "detector": 3, "dimensions": {"healpix9": "5"}}
    found = judge(
        table(
            record("demo.scatter", 1.0, **fine),
            record("demo.scatter", 1.0, **(fine | {"band": "r"})),
            record("demo.scatter", 1.0, **(fine | {"detector": 4})),
            record("demo.scatter", 1.0, **(fine | {"dimensions": {"healpix9": "6"}})),
            record("demo.scatter", 1.0, **(fine | {"dimensions": None})),
        ),
        [specification],
        metadata={"camera": "X", "band": "r"},
    )
    assert verdicts(found.table) == [
        ("pass", "1 mmag is <= 10 mmag"),
        ("not applicable", "asks for band = g; it is r"),
        ("not applicable", "asks for detector = 3; it is 4"),
        ("not applicable", "asks for healpix9 = 5; it is 6"),
        ("not applicable", "asks for healpix9 = 5; that is not known"),
    ]
    bare = judge(table(record("demo.scatter", 1.0)), [specification], metadata={"band": "r"})
    assert verdicts(bare.table) == [("not applicable", "asks for band = g; it is r")]


def test_a_query_of_another_type_matches_nothing() -> None:
    specification = ThresholdSpecification("demo.scatter.g", 10 * u.mmag, "<=", {"detector": "3"})
    found = judge(table(record("demo.scatter", 1.0, detector=3)), [specification])
    assert verdicts(found.table) == [("not applicable", "asks for detector = 3; it is 3")]


def test_without_a_measurement_contrary_metadata_still_say_not_applicable() -> None:
    specification = ThresholdSpecification("demo.scatter.g", 10 * u.mmag, "<=", {"camera": "X", "band": "g"})
    elsewhere = judge(table(), [specification], metadata={"camera": "Y"})
    assert verdicts(elsewhere.table) == [("not applicable", "asks for camera = X; it is Y")]
    assert judge(table(), [specification], metadata={"camera": "X"}).counts()["not measured"] == 1


def test_the_table_says_what_was_asked_of_what() -> None:
    row = record("demo.scatter", 12.0, instrument="I", visit=42, band="g", day_obs=20250101)
    row |= {"uncertainty": 0.5, "count": 7}
    found = judge(table(row, record("demo.other", 1.0)), SpecificationSet([DESIGN])).table
    assert found.drop("reason", "dimensions").row(0, named=True) == {
        "metric": "demo.scatter",
        "specification": "demo.scatter.design",
        "verdict": "fail",
        "value": 12.0,
        "unit": "mmag",
        "threshold": 10.0,
        "threshold_unit": "mmag",
        "operator": "<=",
        "tags": ["a", "b"],
        "kind": "threshold",
        "requirement": "<= 10 mmag",
        "tier": "design",
        "uncertainty": 0.5,
        "count": 7,
        "baseline": None,
        "cause": None,
        "measured": "12 ± 0.5 mmag",
        "dataset_id": b"0" * 16,
        "run": "run",
        **dict.fromkeys(rows.DATA_ID_COLUMNS),
        "instrument": "I",
        "visit": 42,
        "band": "g",
        "day_obs": 20250101,
    }


def test_measured_metrics_that_nothing_is_asked_of_are_named() -> None:
    found = judge(table(record("demo.b", 1.0), record("demo.a", 1.0), record("demo.scatter", 1.0)), [DESIGN])
    assert found.unspecified == ("demo.a", "demo.b")
    assert judge(table(), []).table.is_empty()


def test_the_summary_counts_how_many_of_a_specifications_values_pass() -> None:
    strict = ThresholdSpecification("demo.scatter.strict", 1 * u.mmag, "<")
    other = ThresholdSpecification("demo.other.x", 1 * u.s, "<")
    measured = table(*(record("demo.scatter", float(v), visit=v, instrument="I") for v in range(1, 13)))
    summary = judge(measured, [strict, DESIGN, other]).by_specification()
    assert list(summary.select("specification", "pass", "fail", "not_measured", "passed").iter_rows()) == [
        ("demo.scatter.strict", 0, 12, 0, 0.0),
        ("demo.scatter.design", 10, 2, 0, 10 / 12),
        ("demo.other.x", 0, 0, 1, None),
    ]
    assert judge(measured, [DESIGN]).failed()["visit"].to_list() == [11, 12]


def test_arrow_and_polars_tables_are_judged_alike() -> None:
    arrow = table(record("demo.scatter", 1.0, dimensions={"healpix9": "5"}), record("demo.scatter", 11.0))
    frame = pl.DataFrame(arrow)
    assert judge(arrow, [DESIGN]).table.equals(judge(frame, [DESIGN]).table)
    least = frame.select("metric", "value", "unit")
    assert judge(least, [DESIGN]).counts()["fail"] == 1


def test_what_is_no_table_of_measurements_is_refused() -> None:
    with pytest.raises(SchemaError, match="'metric' of a stored measurement is missing"):
        judge(pl.DataFrame({"value": [1.0], "unit": [""]}), [DESIGN])
    with pytest.raises(SchemaError, match="not dict"):
        judge({}, [DESIGN])


units = st.sampled_from(["mmag", "mag", "s", ""])
values = st.none() | st.floats()


@given(
    st.lists(st.tuples(st.sampled_from(["p.a", "p.b"]), values, units, st.sampled_from(["g", "r", None]))),
    st.lists(
        st.tuples(
            st.sampled_from(["p.a", "p.b", "p.c"]),
            st.floats(-10, 10),
            st.sampled_from(["<", ">=", "!="]),
            st.sampled_from([{}, {"band": "g"}]),
        ),
        max_size=3,
    ),
)
@settings(max_examples=40, deadline=None)
def test_judging_all_at_once_is_judging_each_alone(
    measured: list[tuple[str, float | None, str, str | None]],
    asked: list[tuple[str, float, str, dict[str, str]]],
) -> None:
    specifications = [
        ThresholdSpecification(f"{metric}.s{i}", edge * u.mmag, operator, query)
        for i, (metric, edge, operator, query) in enumerate(asked)
    ]
    expected = []
    for specification in specifications:
        own = [m for m in measured if m[0] == str(specification.metric_name)]
        for _, value, unit, band in own:
            if not specification.query_metadata({} if band is None else {"band": band}):
                expected.append("not applicable")
            elif value is None or np.isnan(value):
                expected.append("not measured")
            elif not u.Unit(unit).is_equivalent(u.mmag):
                expected.append("not applicable")
            else:
                expected.append("pass" if specification.check(value * u.Unit(unit)) else "fail")
        if not own:
            expected.append("not measured")
    found = judge(table(*(record(m, v, w, band=b) for m, v, w, b in measured)), specifications)
    assert found.table["verdict"].to_list() == expected
    assert sum(found.counts().values()) == len(expected)
    assert set(found.counts()) == set(VERDICTS)
    assert found.table["reason"].null_count() == 0
