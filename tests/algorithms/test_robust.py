"""Medians and trends that a few wild values do not spoil."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gnomon.algorithms.robust import MAD_TO_SIGMA, fit_trend, nan_median

NAN, INF = float("nan"), float("inf")

slopes = st.floats(-1e3, 1e3)
spread_x = st.lists(st.integers(-500, 500), min_size=6, max_size=40, unique=True)


def test_the_median_passes_over_what_is_not_finite() -> None:
    values = np.array([[1.0, NAN, 3.0], [INF, -INF, NAN], [5.0, 6.0, 10.0]])
    assert nan_median(values, axis=1).tolist()[::2] == [2.0, 6.0]
    assert np.isnan(nan_median(values, axis=1)[1])
    assert nan_median(values) == 5.0


def test_the_median_of_nothing_is_nan_in_the_shape_of_what_is_left() -> None:
    assert nan_median(np.empty((0, 3)), axis=0).shape == (3,)
    assert nan_median(np.empty((3, 0)), axis=0).shape == (0,)
    assert np.isnan(nan_median(np.empty((3, 0)), axis=1)).all()
    assert np.isnan(nan_median(np.array([])))


@given(arrays(np.float64, (4, 5), elements=st.floats(-1e6, 1e6)))
def test_the_median_of_finite_values_is_the_median(values: np.ndarray) -> None:
    assert np.array_equal(nan_median(values, axis=0), np.median(values, axis=0))


@given(spread_x, slopes, st.floats(-1e4, 1e4))
@example([0, 1, -1, 2, -2, 3, -3], 1.0, 1.7e-158)
def test_a_line_without_noise_is_recovered_and_every_point_kept(
    places: list[int], slope: float, intercept: float
) -> None:
    x = np.array(places, dtype=float)
    trend = fit_trend(x, slope * x + intercept)
    scale = abs(intercept) + 500 * abs(slope)
    assert trend.slope == pytest.approx(slope, rel=1e-9, abs=1e-12 * scale)
    assert trend.intercept == pytest.approx(intercept, rel=1e-9, abs=1e-12 * scale)
    assert trend.kept.all()
    assert np.allclose(trend.residuals, 0.0, atol=1e-12 * scale)


@given(st.integers(6, 40), slopes, st.data())
def test_one_wild_point_changes_nothing(count: int, slope: float, data: st.DataObject) -> None:
    x = np.arange(count, dtype=float)
    y = slope * x + 7.0
    wild = data.draw(st.integers(0, count - 1))
    y[wild] += data.draw(st.sampled_from([-1.0, 1.0])) * (1e3 * (1 + abs(slope)) * count)
    trend = fit_trend(x, y)
    assert trend.slope == pytest.approx(slope, rel=1e-9, abs=1e-9)
    assert trend.kept.tolist() == [place != wild for place in range(count)]


def test_a_wild_point_on_a_flat_line_is_left_out() -> None:
    trend = fit_trend(np.arange(5.0), np.array([0.0, 0.0, 9.0, 0.0, 0.0]))
    assert (trend.slope, trend.intercept, trend.scatter) == (0.0, 0.0, 0.0)
    assert trend.residuals[2] == 9.0


def test_values_that_are_mostly_equal_are_not_taken_for_outliers() -> None:
    y = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    assert fit_trend(np.arange(9.0), y).kept.all()


def test_with_noise_it_is_least_squares_of_what_is_kept() -> None:
    generator = np.random.default_rng(4)
    x = generator.uniform(1.0, 2.0, 200)
    y = 3.0 * x - 1.0 + generator.normal(0.0, 0.1, 200)
    y[[3, 77]] += 5.0
    trend = fit_trend(x, y)
    assert not trend.kept[[3, 77]].any()
    fit, covariance = np.polyfit(x[trend.kept], y[trend.kept], 1, cov=True)
    assert [trend.slope, trend.intercept] == pytest.approx(fit)
    assert trend.slope_error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert trend.residuals == pytest.approx(y - np.polyval(fit, x))
    assert trend.scatter == pytest.approx(np.std(trend.residuals[trend.kept], ddof=2))
    assert np.all(np.abs(trend.residuals[trend.kept]) <= 3 * trend.scatter)


def test_pairs_that_are_not_finite_are_left_out() -> None:
    x = np.array([0.0, 1.0, NAN, 3.0, 4.0, INF, 6.0])
    y = np.array([0.0, 2.0, 4.0, NAN, 8.0, 1.0, -INF])
    trend = fit_trend(x, y)
    assert trend.slope == pytest.approx(2.0)
    assert trend.kept.tolist() == [True, True, False, False, True, False, False]
    assert np.isnan(trend.residuals).tolist() == [False, False, True, True, False, True, True]


@pytest.mark.parametrize("x", [[2.0, 2.0, 2.0, NAN], [1.1, 1.1 + 2e-16, 1.1, NAN]])
def test_without_a_change_in_x_residuals_are_taken_from_the_median(x: list[float]) -> None:
    trend = fit_trend(np.array(x), np.array([1.0, 2.0, 6.0, 3.0]))
    assert np.isnan(trend.slope)
    assert trend.intercept == 2.0
    assert trend.residuals.tolist()[:3] == [-1.0, 0.0, 4.0]
    assert trend.scatter == pytest.approx(np.sqrt(17 / 2))


@pytest.mark.parametrize(("y", "centre"), [([], NAN), ([NAN], NAN), ([1.0], 1.0), ([1.0, 3.0], 2.0)])
def test_fewer_than_three_points_make_no_trend(y: list[float], centre: float) -> None:
    trend = fit_trend(np.arange(float(len(y))), np.array(y))
    assert trend.intercept == pytest.approx(centre, nan_ok=True)
    assert np.isnan([trend.slope, trend.slope_error, trend.scatter]).all()
    assert trend.residuals == pytest.approx(np.array(y) - centre, nan_ok=True)


def test_a_wild_point_where_most_x_are_equal_is_left_out() -> None:
    x = np.array([1.0] * 7 + [2.0] * 2)
    y = np.array([0.0, 0.1, -0.1, 50.0, 0.0, 0.1, -0.1, 3.0, 3.0])
    trend = fit_trend(x, y)
    assert trend.kept.tolist() == [True] * 3 + [False] + [True] * 5
    assert trend.slope == pytest.approx(3.0)


def test_places_far_from_zero_lose_no_digits() -> None:
    x = 60_000.0 + np.linspace(0.1, 0.4, 30)
    trend = fit_trend(x, 0.25 * (x - 60_000.0))
    assert trend.slope == pytest.approx(0.25, rel=1e-9)
    assert np.abs(trend.residuals).max() < 1e-15 * 60_000


def test_the_scale_of_the_median_deviation_is_that_of_a_normal_distribution() -> None:
    sample = np.random.default_rng(1).normal(0.0, 1.0, 200_000)
    assert MAD_TO_SIGMA * np.median(np.abs(sample)) == pytest.approx(1.0, rel=0.01)
