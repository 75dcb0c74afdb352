"""How two quantities go together."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gnomon.algorithms.association import associate

numbers = st.integers(-1000, 1000).map(float)
pairs = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=40)


@given(pairs)
def test_coefficients_are_those_of_numpy(points: list[tuple[float, float]]) -> None:
    x, y = (np.array(part) for part in zip(*points, strict=True))
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    found = associate(x, y)
    assert found.n == len(x)
    assert found.pearson == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
    ranks = [np.array([np.mean(np.flatnonzero(np.sort(part) == v)) for v in part]) for part in (x, y)]
    assert found.spearman == pytest.approx(np.corrcoef(ranks[0], ranks[1])[0, 1], abs=1e-12)


@given(pairs, st.integers(0, 2**32 - 1))
def test_the_order_of_the_pairs_is_irrelevant(points: list[tuple[float, float]], seed: int) -> None:
    x, y = (np.array(part) for part in zip(*points, strict=True))
    order = np.random.default_rng(seed).permutation(len(x))
    one, other = associate(x, y), associate(x[order], y[order])
    assert one.pearson == pytest.approx(other.pearson, abs=1e-12, nan_ok=True)
    assert one.spearman == pytest.approx(other.spearman, abs=1e-12, nan_ok=True)


@given(pairs)
def test_what_grows_together_has_rank_correlation_one(points: list[tuple[float, float]]) -> None:
    x = np.unique([first for first, _ in points])
    assume(len(x) > 2)
    assert associate(x, np.exp(x / 200)).spearman == pytest.approx(1)
    assert associate(x, -(x**3)).spearman == pytest.approx(-1)


def test_one_wild_value_does_not_turn_the_line() -> None:
    x = np.arange(20.0)
    y = 3 * x + 1
    y[7] = 1e4
    found = associate(x, y)
    assert (found.slope, found.intercept) == pytest.approx((3, 1))
    assert found.pearson < 0.5


@pytest.mark.parametrize(
    ("x", "y", "n"),
    [([], [], 0), ([1, 2], [3, 4], 2), ([1, 1, 1, 1], [1, 2, 3, 4], 4), ([1, 2, np.nan], [1, 2, 3], 2)],
)
def test_where_nothing_can_be_said_nothing_is(x: list[float], y: list[float], n: int) -> None:
    found = associate(x, y)
    assert found.n == n
    assert np.isnan([found.pearson, found.spearman, found.slope, found.slope_error, found.intercept]).all()


def test_the_size_of_the_numbers_is_irrelevant() -> None:
    x, y = np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 4, 3])
    small = associate(x, y).pearson
    assert small == pytest.approx(0.6)
    assert associate(x * 1e200, y * 1e-200).pearson == pytest.approx(small)
    assert associate(x * 1e-3 + 1e9, y).pearson == pytest.approx(small, abs=1e-3)
