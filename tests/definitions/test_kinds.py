"""Kinds of specifications: what passes each, how it is read, and that other readers can read it too."""

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.definitions import (
    BaselineSpecification,
    RangeSpecification,
    Specification,
    SpecificationSet,
    StatisticalSpecification,
    ThresholdSpecification,
    ToleranceSpecification,
)
from gnomon.errors import DefinitionError

NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(0, 1e6)
UNITS = st.sampled_from(["", "mmag", "arcsec", "adu / pix"])
NAMES = st.sampled_from(["p.m.design", "p.m.a_b", "q.n.stretch"])
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "band": st.sampled_from(["g", "r"]),
        "airmass": st.fixed_dictionaries({"min": NUMBERS, "max": NUMBERS}),
        "camera": st.just({"like": "LSST*"}),
        "detector": st.just({"in": [1, 2]}),
    },
)
COMMON = st.fixed_dictionaries(
    {},
    optional={
        "metadata_query": CONDITIONS,
        "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
        "tier": st.sampled_from(["minimum", "design", "stretch"]),
        "sigmas": st.floats(-5, 5),
        "min_count": st.integers(0, 100),
    },
)


@st.composite
def specifications(draw: st.DrawFn) -> Specification:
    name, unit = draw(NAMES), draw(UNITS)
    common: dict[str, Any] = draw(COMMON)
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    match draw(st.sampled_from(["threshold", "range", "tolerance", "baseline", "statistics"])):
        case "threshold":
            return ThresholdSpecification(name, u.Quantity(draw(NUMBERS), unit), operator, **common)
        case "range":
            lower, upper = sorted([draw(NUMBERS), draw(NUMBERS)])
            inclusive = draw(st.sampled_from(["both", "lower", "upper", "neither"]))
            limits = (u.Quantity(lower, unit), u.Quantity(upper, unit))
            return RangeSpecification(name, *limits, inclusive=inclusive, **common)
        case "tolerance":
            within = draw(st.one_of(POSITIVE, POSITIVE.map(lambda value: u.Quantity(value, unit))))
            return ToleranceSpecification(name, u.Quantity(draw(NUMBERS), unit), within, **common)
        case "baseline":
            increase, decrease = draw(POSITIVE), draw(st.one_of(st.none(), POSITIVE))
            return BaselineSpecification(
                name, increase=increase, decrease=decrease, unit=draw(st.one_of(st.none(), UNITS)), **common
            )
        case _:
            statistic: dict[str, Any] = draw(
                st.one_of(
                    st.fixed_dictionaries({"at_most": st.integers(0, 9)}),
                    st.fixed_dictionaries({"fraction": st.floats(0, 1)}),
                    st.fixed_dictionaries({"percentile": st.floats(0, 100)}),
                )
            )
            of, by = draw(st.one_of(st.none(), st.integers(0, 9))), draw(st.sampled_from([(), ("band",)]))
            return StatisticalSpecification(
                name, u.Quantity(draw(NUMBERS), unit), operator, of=of, by=by, **statistic, **common
            )


@given(specifications())
def test_what_is_written_is_read_back_the_same(specification: Specification) -> None:
    one = SpecificationSet([specification])
    document = one.json[0]
    again = SpecificationSet.deserialize([document])
    assert again == one
    assert again.json == [document]
    assert again[specification.name].requirement == specification.requirement


@given(specifications())
def test_a_reader_that_knows_only_thresholds_finds_one_that_all_passing_values_meet(
    specification: Specification,
) -> None:
    document = specification.json
    established = ThresholdSpecification.deserialize(
        name=document["name"], threshold=document["threshold"], metadata_query={}, tags=document["tags"]
    )
    if specification.type in ("threshold", "baseline", "statistics") or specification.sigmas:
        return
    edges = [specification.bounds().lower, specification.bounds().upper]
    values = np.array([*edges, np.mean(edges), edges[0] - 1, edges[1] + 1])
    passing = values[specification.check_values(values)]
    assert established.check_values(passing, specification.unit).all()


def test_a_range_takes_or_leaves_its_ends() -> None:
    for inclusive, ends in (("both", [True, True]), ("lower", [True, False]), ("neither", [False, False])):
        test = RangeSpecification("p.m.s", 300 * u.mas, 3 * u.arcsec, inclusive=inclusive)
        assert test.check_values([0.3, 3.0]).tolist() == ends
        assert test.check(1000 * u.mas)
    assert test.requirement == "in (0.3, 3) arcsec"


def test_a_tolerance_is_a_quantity_or_a_part_of_the_target() -> None:
    assert ToleranceSpecification("p.m.s", 10 * u.s, 500 * u.ms).check(10.5 * u.s)
    test = ToleranceSpecification("p.m.s", -10 * u.s, 0.05)
    assert test.check_values([-10.5, -10.6, -9.5, -9.4]).tolist() == [True, False, True, False]
    assert test.requirement == "within 5 % of -10 s"


def test_a_baseline_bounds_what_moves_away_from_it() -> None:
    test = BaselineSpecification("p.m.s", increase=2, decrease=0, unit="mas")
    values, baselines = [10, 12, 12.1, 9.9, 10, np.nan], [10, 10, 10, 10, np.nan, 10]
    assert test.check_values(values, baselines=baselines).tolist() == [True, True, False, False, False, False]
    assert test.check_values([0.0121], "arcsec", baselines=[0.01]).tolist() == [False]
    assert not test.check(10 * u.mas)  # without a baseline nothing can be said
    assert BaselineSpecification("p.m.s", decrease=0.1).check_values(
        [-11, -11.1], baselines=-10
    ).tolist() == [
        True,
        False,
    ]
    assert test.requirement == "at most 2 mas above and 0 mas below its baseline"


def test_many_values_are_judged_together() -> None:
    limit = 10 * u.mmag
    few = StatisticalSpecification("p.m.s", limit, "<=", at_most=1, of=3)
    assert few.check_set([1, 2, 11])
    assert not few.check_set([1, 12, 11])
    assert not few.check_set([1, 2])  # there must be three
    assert not few.check_set([1, 2, np.nan])
    most = StatisticalSpecification("p.m.s", limit, "<=", fraction=0.95)
    assert most.check_set([1] * 19 + [11])
    assert not most.check_set([1] * 18 + [11, 12])
    median = StatisticalSpecification("p.m.s", limit, "<=", percentile=50)
    assert median.check_set([0.009, 0.0105, 0.5, 0.0001], "mag")
    assert median.summarise([9, 11])[0] == 10
    assert not median.check_set([])


@pytest.mark.parametrize(
    ("sigmas", "values", "passing"),
    [
        (2.0, [8, 8.1, 10, 12], [True, False, False, False]),
        (-2.0, [8, 10, 12, 12.1], [True, True, True, False]),
        (0.0, [8, 10, 10.1, 12], [True, True, False, False]),
    ],
)
def test_uncertainties_are_for_or_against_a_value(
    sigmas: float, values: list[float], passing: list[bool]
) -> None:
    test = ThresholdSpecification("p.m.s", 10 * u.s, "<=", sigmas=sigmas)
    assert test.check_values(values, uncertainties=1.0).tolist() == passing
    in_range = RangeSpecification("p.m.s", 0 * u.s, 10 * u.s, sigmas=sigmas)
    assert in_range.check_values(values, uncertainties=1.0).tolist() == passing


def test_a_value_that_must_pass_by_some_sigmas_and_has_no_uncertainty_does_not() -> None:
    strict = ThresholdSpecification("p.m.s", 10 * u.s, "<=", sigmas=1)
    assert strict.check_values([1.0, 1.0], uncertainties=[np.nan, 0.1]).tolist() == [False, True]
    assert not strict.check(1 * u.s)
    lenient = ThresholdSpecification("p.m.s", 10 * u.s, "<=", sigmas=-1)
    assert lenient.check_values([10, 10.1], uncertainties=[np.nan, np.nan]).tolist() == [True, False]


def test_a_percentile_with_sigmas_is_of_the_ends_of_the_values() -> None:
    strict = StatisticalSpecification("p.m.s", 10 * u.s, "<=", percentile=50, sigmas=2)
    assert strict.summarise([7, 8, 12], uncertainties=[1, 1, 1]) == (8.0, True)
    assert strict.summarise([7, 8, 12], uncertainties=[1, 1.1, 1]) == (8.0, False)
    lenient = StatisticalSpecification("p.m.s", 10 * u.s, "<=", percentile=50, sigmas=-2)
    assert lenient.summarise([12, 12, 12], uncertainties=[1, 1, 0])[1]
    assert not strict.summarise([1, 1, 1])[1]  # without uncertainties nothing passes by two of them


def test_an_interval_that_reaches_into_the_forbidden_value_is_not_clear_of_it() -> None:
    clear = ThresholdSpecification("p.m.s", 0 * u.s, "!=", sigmas=2)
    assert clear.check_values([1, 3], uncertainties=1.0).tolist() == [False, True]
    maybe = ThresholdSpecification("p.m.s", 0 * u.s, "==", sigmas=-2)
    assert maybe.check_values([1, 3], uncertainties=1.0).tolist() == [True, False]


def write(folder: Path, text: str) -> Path:
    path = folder / "specs" / "p" / "a.yml"  # both extensions are read
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder


def test_all_kinds_are_read_from_files_with_what_they_inherit(tmp_path: Path) -> None:
    text = """
id: limits
metric: m
threshold: {unit: mas, operator: "<="}
---
name: sane
base: "#limits"
threshold: {value: 3000}
range: {lower: 0.3, upper: 3, unit: arcsec}
---
name: near
metric: m
tolerance: {target: 700, within: 50, unit: mas}
tier: design
---
name: steady
metric: m
baseline: {increase: 0.05}
---
name: most
base: "#limits"
threshold: {value: 900}
statistics: {fraction: 0.9, by: [band]}
sigmas: 1
min_count: 10
---
name: nearly_all
base: m.most
statistics: {fraction: 0.99}
metadata_query: {airmass: {max: 1.5}, band: {in: [g, r]}}
"""
    found = SpecificationSet.load_metrics_package(write(tmp_path, text), strict=True)
    assert [(str(name), spec.requirement) for name, spec in found.items()] == [
        ("p.m.sane", "in [0.3, 3] arcsec"),
        ("p.m.near", "within 50 mas of 700 mas"),
        ("p.m.steady", "at most 5 % above its baseline"),
        ("p.m.most", "<= 900 mas for at least 90 % of the values, by band by 1 sigma"),
        ("p.m.nearly_all", "<= 900 mas for at least 99 % of the values, by band by 1 sigma"),
    ]
    assert found["p.m.nearly_all"].min_count == 10
    assert found["p.m.near"].tier == "design"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: m.s\nrange: {lower: 3, upper: 1}\n", 2, "is not below the upper"),
        ("name: m.s\nrange:\n  lower: 3\n", 3, "'upper' is missing"),
        ("name: m.s\nrange:\n  lower: 3\n  uper: 1\n", 4, "Did you mean upper"),
        ("name: m.s\nrange:\n  lower: 3\n  upper: 4\n  unit: mass\n", 5, "'mass' is not a unit"),
        ("name: m.s\nrange:\n  lower: 3\n  upper: 4\n  inclusive: al\n", 5, "'al' is not an inclusive"),
        ("name: m.s\ntolerance: {target: 3}\n", 2, "either 'within'"),
        ("name: m.s\ntolerance: {target: 3, within: -1}\n", 2, "0 or more"),
        ("name: m.s\nbaseline: {unit: s}\n", 2, "any distance"),
        ("name: m.s\nstatistics: {fraction: 0.5}\n", 1, "has no threshold"),
        ("name: m.s\nthreshold: {value: 1, unit: s, operator: <}\nstatistics: {}\n", 3, "exactly one of"),
        (
            "name: m.s\nthreshold: {value: 1, unit: s, operator: <}\nstatistics: {fraction: 2}\n",
            3,
            "from 0 to 1",
        ),
        (
            "name: m.s\nthreshold: {value: 1, unit: s, operator: <}\nstatistics: {at_most: 1, by: [vist]}\n",
            3,
            "Did you mean visit",
        ),
        ("name: m.s\ntype: rang\n", 2, "Did you mean range"),
        ("name: m.s\ntype: range\nthreshold: {}\n", 2, "has no key 'range'"),
        ("name: m.s\nrange: {}\ntolerance: {}\n", 3, "two kinds"),
        ("name: m.s\ntier: dsign\nbaseline: {increase: 1}\n", 2, "Did you mean design"),
        ("name: m.s\nmetadata_query: {a: {mn: 1}}\nbaseline: {increase: 1}\n", 2, "Did you mean min"),
        ("name: m.s\nsigmas: x\nbaseline: {increase: 1}\n", 2, "'sigmas' is a number, not 'x'"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(DefinitionError, match=words) as caught:
        SpecificationSet.load_metrics_package(write(tmp_path, text), strict=True)
    assert caught.value.line == line


def test_an_infinite_threshold_is_written_as_the_largest_number() -> None:
    never = ThresholdSpecification("p.m.s", np.inf * u.s, "<=")
    assert never.json["threshold"]["value"] == np.finfo(float).max


def test_infinities_are_judged_without_a_word() -> None:
    by_two = ThresholdSpecification("p.m.s", 1 * u.mmag, "<=", sigmas=2)
    values, spreads = [np.inf, -np.inf, 1e308], [np.inf, 1.0, 1e308]
    assert by_two.check_values(values, "mmag", uncertainties=spreads).tolist() == [False, True, False]
    assert by_two.close_calls([1e308, -1e308]).tolist() == [False, False]
    steady = BaselineSpecification("p.m.s", decrease=0.5)
    assert steady.check_values([1.0, 1.0], baselines=[np.inf, -1e308]).tolist() == [False, True]
    middle = StatisticalSpecification("p.m.s", 1 * u.mmag, "<=", percentile=50)
    assert not middle.check_set([np.inf, -np.inf])
