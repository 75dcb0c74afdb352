"""Verdicts on what only some specifications ask: conditions, uncertainties, counts, baselines, sets."""

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from tests.judgement.strategies import record, table

from gnomon.definitions import (
    BaselineSpecification,
    RangeSpecification,
    StatisticalSpecification,
    ThresholdSpecification,
)
from gnomon.errors import DefinitionTypeError
from gnomon.judgement import Verdicts, judge


def verdicts(found: Verdicts) -> list[tuple[str, str]]:
    return list(found.table.select("verdict", "reason").iter_rows())


def design(query: dict[str, Any] | None = None, **more: Any) -> ThresholdSpecification:
    return ThresholdSpecification("p.m.design", 10 * u.mmag, "<=", query, **more)


@pytest.mark.parametrize(
    ("condition", "applies", "words"),
    [
        ({"min": 2}, [2, 3, 4], "visit >= 2"),
        ({"max": 2}, [1, 2], "visit <= 2"),
        ({"above": 2}, [3, 4], "visit > 2"),
        ({"below": 2}, [1], "visit < 2"),
        ({"above": 1, "max": 3}, [2, 3], "visit > 1 and <= 3"),
        ({"in": [1, 4, "2"]}, [1, 4], "visit one of 1, 4, 2"),
        ({"in": []}, [], "visit one of "),
        ({"not_in": [1, 4, "2"]}, [2, 3], "visit none of 1, 4, 2"),
        ({"like": "*"}, [], "visit like *"),
        ({"min": "2"}, [], "visit >= 2"),
    ],
)
def test_a_condition_on_a_number_says_what_it_asks_and_what_it_found(
    condition: dict[str, Any], applies: list[int], words: str
) -> None:
    rows = table(*(record("p.m", 1.0, visit=visit, instrument="I") for visit in (1, 2, 3, 4)))
    assert verdicts(judge(rows, [design({"visit": condition})])) == [
        ("pass", "1 mmag is <= 10 mmag")
        if visit in applies
        else ("not applicable", f"asks for {words}; it is {visit}")
        for visit in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"min": "r"}, ["r", "z"]),
        ({"below": "r"}, ["g"]),
        ({"in": ["g", "z"]}, ["g", "z"]),
        ({"not_in": ["g", 1]}, ["r", "z"]),
        ({"like": "[gr]"}, ["g", "r"]),
        ({"like": "?", "min": "h"}, ["r", "z"]),
        ({"min": 1}, []),
    ],
)
def test_a_condition_on_a_string_compares_strings(condition: dict[str, Any], applies: list[str]) -> None:
    rows = table(*(record("p.m", 1.0, band=band) for band in "grz"))
    found = judge(rows, [design({"band": condition})]).table
    assert found.filter(found["verdict"] == "pass")["band"].to_list() == applies


def test_other_dimensions_are_numbers_where_a_number_is_asked() -> None:
    rows = table(*(record("p.m", 1.0, dimensions={"healpix9": text}) for text in ("5", "40", "x")))
    for condition, applies in (
        ({"min": 6}, ["40"]),
        ({"in": [5, "x"]}, ["5", "x"]),
        ({"like": "4*"}, ["40"]),
        (5, ["5"]),
    ):
        found = judge(rows, [design({"healpix9": condition})]).table
        passed = found.filter(found["verdict"] == "pass")["dimensions"]
        assert [entries[0]["value"] for entries in passed] == applies


def test_the_first_term_that_fails_is_told_whichever_way_it_is_looked_up() -> None:
    rows = table(record("p.m", 1.0, band="r"))
    for query, words in (
        ({"site": "X", "band": "g"}, "asks for site = X; it is Y"),
        ({"band": "g", "site": "X"}, "asks for band = g; it is r"),
        ({"tract": {"min": 1}, "band": "g"}, "asks for tract >= 1; that is not known"),
        ({"site": {"in": ["X", "Z"]}}, "asks for site one of X, Z; it is Y"),
    ):
        other = ThresholdSpecification("p.m.other", 1 * u.s, "<", {"band": "r", "site": "Y"})
        found = judge(rows, [other, design(query)], metadata={"site": "Y"})
        assert verdicts(found)[1] == ("not applicable", words)


def test_metadata_that_cannot_be_compared_do_not_end_the_rest() -> None:
    facts = {"pixels": np.arange(3), "story": "x" * 500}
    found = judge(
        table(record("p.m", 1.0)), [design({"pixels": 1}), design({"story": "y"}), design()], metadata=facts
    )
    assert found.table["verdict"].to_list() == ["not applicable", "not applicable", "pass"]
    assert len(found.table["reason"][1]) < 150


def test_what_nothing_can_tell_of_a_measurement_that_is_not_there_is_not_applicable() -> None:
    assert verdicts(judge(table(), [design({"season": 3}), design({"band": "g"})])) == [
        ("not applicable", "asks for season = 3; that is not known"),
        ("not measured", "there is no measurement of p.m"),
    ]


def test_an_uncertainty_that_counts_is_shown_and_needed() -> None:
    rows = table(
        record("p.m", 9.0, uncertainty=1.0),
        record("p.m", 8.0, uncertainty=1.0),
        record("p.m", 8.0),
        record("p.m", 9.999999, uncertainty=0.0),
    )
    assert verdicts(judge(rows, [design(sigmas=2)])) == [
        ("fail", "9 ± 1 mmag is not <= 10 mmag by 2 sigma"),
        ("pass", "8 ± 1 mmag is <= 10 mmag by 2 sigma"),
        ("not measured", "its uncertainty is not known; it must pass by 2 sigma"),
        ("pass", "9.999999 ± 0 mmag is <= 10 mmag by 2 sigma"),
    ]
    lenient = judge(table(record("p.m", 11.0, uncertainty=1.0), record("p.m", 11.0)), [design(sigmas=-1)])
    assert verdicts(lenient) == [
        ("pass", "11 ± 1 mmag is <= 10 mmag within 1 sigma"),
        ("fail", "11 mmag is not <= 10 mmag within 1 sigma"),
    ]


def test_too_few_samples_are_not_judged() -> None:
    rows = table(
        record("p.m", 1.0, count=3),
        record("p.m", 1.0, count=1),
        record("p.m", 1.0),
        record("p.m", 1.0, count=10),
    )
    found = judge(rows, [design(min_count=10)])
    assert verdicts(found) == [
        ("not measured", "it comes from 3 samples; 10 are needed"),
        ("not measured", "it comes from 1 sample; 10 are needed"),
        ("not measured", "it is not known from how many samples it comes; 10 are needed"),
        ("pass", "1 mmag is <= 10 mmag"),
    ]
    assert found.table["cause"].to_list()[:2] == ["it comes from too few samples"] * 2


def test_a_baseline_is_found_by_metric_and_data_id_and_shown() -> None:
    steady = BaselineSpecification("p.m.steady", increase=0.1)
    of: dict[str, Any] = {"instrument": "I", "visit": 1, "band": "g"}
    rows = table(
        record("p.m", 11.5, **of),
        record("p.m", 10.5, **of),
        record("p.m", 1.0, **(of | {"visit": 2})),
        record("p.m", 1.0, **(of | {"visit": 3})),
        record("p.m", 1.0, **(of | {"visit": 4})),
    )
    # The band follows from the visit, so a baseline need not say it.
    before = table(
        record("p.m", 0.010, "mag", instrument="I", visit=1),
        record("p.m", float("nan"), **(of | {"visit": 3})),
        record("p.m", 1.0, "s", **(of | {"visit": 4})),
        record("p.other", 1.0, **(of | {"visit": 2})),
    )
    found = judge(rows, [steady], baseline=before)
    assert verdicts(found) == [
        ("fail", "11.5 mmag is not at most 10 % above its baseline; the baseline is 10 mmag"),
        ("pass", "10.5 mmag is at most 10 % above its baseline; the baseline is 10 mmag"),
        ("not applicable", "the baseline has no measurement of this metric and data ID"),
        ("not applicable", "its baseline has no value"),
        ("not applicable", "its baseline is in s, which does not convert into mmag"),
    ]
    assert found.table["baseline"].to_list() == [10.0, 10.0, None, None, None]
    assert found.table["threshold"].null_count() == 5
    alone = judge(rows, [steady, design()]).table
    assert set(alone["reason"].head(5)) == {"no baseline is given"}
    assert alone["verdict"].to_list() == ["not applicable"] * 5 + ["fail", "fail", "pass", "pass", "pass"]


def test_a_set_gets_one_verdict_for_each_combination_of_its_dimensions() -> None:
    specification = StatisticalSpecification("p.m.most", 10 * u.mmag, "<=", at_most=1, of=3, by=["visit"])
    of: dict[str, Any] = {"instrument": "I", "band": "g"}
    values: dict[int, list[float | None]] = {
        1: [5.0, 5.0, 11.0],
        2: [11.0, 11.0, 5.0, None],
        3: [1.0, float("nan")],
    }
    rows = table(
        *(
            record("p.m", value, visit=visit, detector=i, **of)
            for visit, column in values.items()
            for i, value in enumerate(column)
        )
    )
    found = judge(rows, [specification])
    asked = "asked is <= 10 mmag for all but at most 1 of at least 3 values, by visit"
    assert verdicts(found) == [
        ("pass", f"1 of 3 values fails; {asked}"),
        ("fail", f"2 of 3 values fail; {asked}; left out: 1 without a value"),
        ("not measured", "there is 1 value; 3 are needed; left out: 1 without a value"),
    ]
    table_ = found.table
    assert table_["visit"].to_list() == [1, 2, 3]
    assert table_["value"].to_list() == [1.0, 2.0, None]
    assert table_["count"].to_list() == [3, 3, 1]
    assert table_.select("dataset_id", "instrument", "detector", "band").null_count().row(0) == (3, 3, 3, 3)
    assert table_["run"].unique().to_list() == ["run"]


def test_a_set_says_what_part_passes_or_what_its_percentile_is() -> None:
    rows = table(*(record("p.m", float(value)) for value in range(1, 21)))
    most = StatisticalSpecification("p.m.most", 19 * u.mmag, "<=", fraction=0.95)
    median = StatisticalSpecification("p.m.median", 0.01 * u.mag, "<=", percentile=50)
    found = judge(rows, [most, median])
    assert verdicts(found) == [
        ("pass", "19 of 20 values pass; asked is <= 19 mmag for at least 95 % of the values"),
        (
            "fail",
            "percentile 50 of 20 values is 10.5 mmag; asked is <= 0.01 mag at percentile 50 of the values",
        ),
    ]
    assert list(found.table.select("value", "unit", "kind", "measured").iter_rows()) == [
        (0.95, "", "statistics", "19 of 20"),
        (10.5, "mmag", "statistics", "10.5 mmag"),
    ]


def test_a_set_leaves_out_what_cannot_be_judged_and_says_so() -> None:
    specification = StatisticalSpecification(
        "p.m.all", 10 * u.mmag, "<=", at_most=0, sigmas=1, min_count=5, metadata_query={"band": "g"}
    )
    good: dict[str, Any] = {"band": "g", "count": 5, "uncertainty": 0.1}
    rows = table(
        record("p.m", 1.0, **good),
        record("p.m", 0.002, "mag", **(good | {"uncertainty": 0.0001})),
        record("p.m", 1.0, "s", **good),
        record("p.m", 1.0, **(good | {"count": 4})),
        record("p.m", 1.0, **(good | {"count": None})),
        record("p.m", 1.0, **(good | {"uncertainty": None})),
        record("p.m", 99.0, **(good | {"band": "r"})),
    )
    ((verdict, reason),) = verdicts(judge(rows, [specification]))
    assert verdict == "pass"
    assert reason.startswith(
        "0 of 2 values fail; asked is <= 10 mmag for all but at most 0 values by 1 sigma"
    )
    assert reason.endswith(
        "left out: 1 in s, which does not convert into mmag, 1 from fewer than 5 samples, "
        "1 from an unknown number of samples, 1 without an uncertainty"
    )
    of_r = judge(table(record("p.m", 1.0, band="r")), [specification])
    assert verdicts(of_r) == [("not applicable", "asks for band = g; it is r")]
    assert verdicts(judge(table(), [specification])) == [("not measured", "there is no measurement of p.m")]


def test_sets_can_be_by_dimensions_without_a_column() -> None:
    specification = StatisticalSpecification("p.m.all", 10 * u.mmag, "<=", at_most=0, by=["healpix9"])
    rows = table(
        record("p.m", 1.0, dimensions={"healpix9": "5"}),
        record("p.m", 11.0, dimensions={"healpix9": "6", "htm7": "1"}),
        record("p.m", 1.0),
    )
    found = judge(rows, [specification]).table
    assert found["verdict"].to_list() == ["pass", "fail", "pass"]
    assert found["dimensions"].to_list() == [
        [{"key": "healpix9", "value": "5"}],
        [{"key": "healpix9", "value": "6"}],
        None,
    ]


def test_the_summary_tells_of_every_kind() -> None:
    sane = RangeSpecification("p.m.sane", 1 * u.mmag, 2 * u.mmag, tier="minimum")
    found = judge(table(record("p.m", 1.5)), [sane]).by_specification()
    assert found.row(0, named=True) == {
        "metric": "p.m",
        "specification": "p.m.sane",
        "operator": None,
        "threshold": None,
        "threshold_unit": None,
        "tags": [],
        "kind": "range",
        "requirement": "in [1, 2] mmag",
        "tier": "minimum",
        "pass": 1,
        "fail": 0,
        "not_applicable": 0,
        "not_measured": 0,
        "judged": 1,
        "passed": 1.0,
    }


def test_what_is_no_specification_is_refused() -> None:
    with pytest.raises(DefinitionTypeError, match="A specification is expected here, not 'design'"):
        judge(table(), ["design"])  # type: ignore[list-item]
