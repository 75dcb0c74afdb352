"""Aggregation: values, their uncertainties, and what is missing."""

import random as randomness

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.algorithms.aggregation import WEIGHTED, Estimate, estimate, estimate_fraction
from gnomon.definitions.recipe import AGGREGATIONS
from gnomon.errors import MeasurementError

NAN, INF = float("nan"), float("inf")
SIMPLE = sorted(AGGREGATIONS - {"fraction", "slope", "percentile"})
NUMBERS = st.lists(st.floats(-1e6, 1e6), max_size=30)


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("mean", 3.0), ("median", 2.5), ("min", 1.0), ("max", 6.0), ("sum", 12.0), ("count", 4.0)],
)
def test_what_is_not_finite_is_passed_over(aggregate: str, expected: float) -> None:
    found = estimate(aggregate, [1.0, NAN, 2.0, INF, 3.0, 6.0, -INF])
    assert found is not None
    assert (found.value, found.count) == (expected, 4)


@pytest.mark.parametrize("values", [[], [NAN, INF]])
def test_of_nothing_there_is_a_count_of_none_and_nothing_else(values: list[float]) -> None:
    assert estimate("count", values) == Estimate(0.0, None, 0)
    for aggregate in set(SIMPLE) - {"count"}:
        assert estimate(aggregate, values) is None
    assert estimate("percentile", values, percentile=5) is None
    assert estimate("slope", values, against=values) is None
    assert estimate_fraction(0, 0) is None


def test_one_value_has_no_scatter_and_no_uncertainty() -> None:
    assert estimate("mean", [5.0]) == Estimate(5.0, None, 1)
    assert estimate("median", [5.0]) == Estimate(5.0, None, 1)
    assert estimate("percentile", [5.0], percentile=50) == Estimate(5.0, 0.0, 1)
    assert estimate("std", [5.0]) is None
    assert estimate("sigma_mad", [5.0]) is None


@pytest.mark.parametrize(
    ("aggregate", "options"),
    [
        ("mean", {}),
        ("median", {}),
        ("std", {}),
        ("sigma_mad", {}),
        ("percentile", {"percentile": 90}),
        ("percentile", {"percentile": 50}),
    ],
)
def test_the_uncertainty_is_the_scatter_of_repetitions(aggregate: str, options: dict[str, float]) -> None:
    samples = np.random.default_rng(11).normal(3.0, 2.0, size=(2000, 400))
    found = [estimate(aggregate, sample, **options) for sample in samples]
    values, errors = (
        [f.value for f in found if f],
        [f.uncertainty for f in found if f and f.uncertainty is not None],
    )
    assert len(errors) == 2000
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_the_uncertainty_of_a_fraction_is_binomial() -> None:
    found = estimate_fraction(3000, 10000)
    assert found is not None
    assert found.value == 0.3
    assert found.uncertainty == pytest.approx(np.sqrt(0.3 * 0.7 / 10000), rel=1e-3)


def test_none_of_a_few_is_not_known_to_be_none_of_all() -> None:
    found = estimate_fraction(0, 10)
    assert found is not None
    assert (found.value, found.count) == (0.0, 10)
    assert found.uncertainty == pytest.approx(1 / 22)
    with pytest.raises(MeasurementError, match="for 3 of 2"):
        estimate_fraction(3, 2)


def test_a_slope_is_robust_and_counts_the_points_that_it_kept() -> None:
    x = np.arange(20.0)
    y = 2.0 * x + 0.01 * np.cos(x)
    y[7] = 1e3
    found = estimate("slope", y, against=x)
    assert found is not None
    assert found.value == pytest.approx(2.0, abs=0.001)
    assert found.count == 19
    assert found.uncertainty is not None
    assert estimate("slope", [1.0, 2.0, 3.0], against=[1.0, 1.0, 1.0]) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0.1, 1e3))
def test_equal_weights_are_none(values: list[float], weight: float) -> None:
    for aggregate in WEIGHTED:
        weighted = estimate(aggregate, values, weights=np.full(len(values), weight))
        plain = estimate(aggregate, values)
        assert weighted is not None
        assert plain is not None
        assert weighted.value == pytest.approx(plain.value, rel=1e-9, abs=1e-6)
        assert weighted.count == plain.count
        assert (weighted.uncertainty is None) == (plain.uncertainty is None)
        if weighted.uncertainty is not None:
            assert weighted.uncertainty == pytest.approx(plain.uncertainty, rel=1e-6, abs=1e-6)


def test_weights_and_errors_weigh() -> None:
    by_count = estimate("mean", [1.0, 4.0, 9.0], weights=[3.0, 1.0, 0.0])
    assert by_count is not None
    assert (by_count.value, by_count.count) == (1.75, 2)
    by_error = estimate("mean", [1.0, 4.0, 9.0], errors=[1.0, 1.0, NAN])
    assert by_error is not None
    assert (by_error.value, by_error.count) == (2.5, 2)
    assert by_error.uncertainty == pytest.approx(1 / np.sqrt(2))
    heavy = estimate("median", [1.0, 2.0, 50.0], weights=[1.0, 1.0, 1e6])
    assert heavy is not None
    assert heavy.value == pytest.approx(50.0, rel=1e-3)


@given(NUMBERS, st.randoms())
def test_the_order_does_not_matter(values: list[float], random: randomness.Random) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)
    for aggregate in SIMPLE:
        one, other = estimate(aggregate, values), estimate(aggregate, shuffled)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert other.value == pytest.approx(one.value, rel=1e-9, abs=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 100))
def test_a_percentile_lies_among_the_values(values: list[float], percentile: float) -> None:
    found = estimate("percentile", values, percentile=percentile)
    assert found is not None
    assert min(values) <= found.value <= max(values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate("medium", [1.0]), "Did you mean median"),
        (lambda: estimate("std", [1.0], weights=[1.0]), "takes no weights"),
        (lambda: estimate("mean", [1.0], weights=[1.0, 2.0]), r"shape of the values, \(1,\), not of shape"),
        (lambda: estimate("mean", [[1.0]]), "one dimension"),
        (lambda: estimate("percentile", [1.0]), "from 0 to 100, not None"),
        (lambda: estimate("slope", [1.0]), "what it is against"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(call: object, message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        call()  # type: ignore[operator]
