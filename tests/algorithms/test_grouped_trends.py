"""Straight lines through many groups at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.algorithms.grouped_trends import fit_trends
from gnomon.algorithms.robust import fit_trend


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_each_group_has_the_line_that_it_would_have_alone(seed: int, number: int) -> None:
    made = np.random.default_rng(seed)
    groups = made.integers(0, number, made.integers(1, 60))
    x = made.uniform(1, 2, len(groups))
    y = 3 * x + groups + 0.1 * made.standard_normal(len(groups))
    y[made.random(len(groups)) < 0.1] += 20
    x[made.random(len(groups)) < 0.05] = np.nan
    found = fit_trends(x, y, groups)
    for group in np.unique(groups):
        alone = fit_trend(x[groups == group], y[groups == group])
        np.testing.assert_allclose(found.residuals[groups == group], alone.residuals, atol=1e-9)
        np.testing.assert_allclose(found.slope[group], alone.slope, atol=1e-9)
        np.testing.assert_allclose(found.scatter[group], alone.scatter, atol=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 50.0]),
        ([1.0, 2.0], [1.0, 5.0]),
        ([1.0, 1.0, 1.0, 1.0, 7.0, 8.0], [1.0, 1.0, 1.0, 1.0, 7.0, 8.0]),
        ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 40.0]),
        ([np.nan, np.inf], [1.0, 1.0]),
        ([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3], [1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_what_has_no_line_is_treated_as_alone(x: list[float], y: list[float]) -> None:
    before, after = [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.5]
    groups = np.array([0] * 4 + [1] * len(x) + [2] * 4)
    found = fit_trends(np.array(before + x + before), np.array(after + y + after), groups)
    alone = fit_trend(np.array(x), np.array(y))
    np.testing.assert_allclose(found.residuals[groups == 1], alone.residuals, atol=1e-6)
    np.testing.assert_allclose(found.scatter[1], alone.scatter, atol=1e-6)
    np.testing.assert_allclose(found.slope[1], alone.slope, atol=1e-9)


def test_without_points_there_are_no_lines() -> None:
    found = fit_trends(np.array([]), np.array([]), np.array([], dtype=np.int64))
    assert found.slope.size == found.residuals.size == 0
