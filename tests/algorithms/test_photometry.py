"""Photometric offsets and repeatability, and the matrices that they are computed from."""

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gnomon.algorithms import photometry
from gnomon.algorithms.lightcurves import pivot
from gnomon.errors import MeasurementError

NAN = float("nan")

magnitudes = arrays(np.float64, (5, 7), elements=st.floats(10.0, 25.0))
offsets_of = {count: arrays(np.float64, (count,), elements=st.floats(-5.0, 5.0)) for count in (5, 7)}


def test_repeatability_is_the_median_over_stars_of_the_standard_deviation() -> None:
    values = np.random.default_rng(2).normal(18.0, 0.01, (9, 30))
    found = photometry.repeatability(values * u.mag)
    assert found.unit == u.mmag
    assert found.isscalar
    assert found.value == pytest.approx(1000 * np.median(np.std(values, axis=1)))


def test_repeatability_goes_by_what_was_detected_twice() -> None:
    values = [[1.0, 1.2, NAN], [5.0, NAN, NAN], [NAN, NAN, NAN], [2.0, 2.0, np.inf]] * u.mag
    assert photometry.repeatability(values).value == pytest.approx(np.median([100.0, 0.0]))
    assert np.isnan(photometry.repeatability(values[1:3]))
    assert np.isnan(photometry.repeatability(np.empty((0, 4)) * u.mag))
    assert photometry.repeatability(values[1:3]).unit == u.mmag


@given(magnitudes, offsets_of[5])
def test_repeatability_knows_nothing_of_the_brightness_of_a_star(
    values: np.ndarray, offsets: np.ndarray
) -> None:
    shifted = values + offsets[:, np.newaxis]
    assert photometry.repeatability(shifted * u.mag).value == pytest.approx(
        photometry.repeatability(values * u.mag).value, abs=1e-6
    )


def test_zero_point_offsets_are_medians_of_measured_minus_reference() -> None:
    generator = np.random.default_rng(3)
    values, reference = generator.normal(15.0, 1.0, (11, 4)), generator.normal(15.0, 1.0, 11)
    found = photometry.zero_point_offsets(values * u.mag, (1000 * reference) * u.mmag)
    assert found.unit == u.mag
    assert found.value == pytest.approx(np.median(values - reference[:, np.newaxis], axis=0))
    one = photometry.zero_point_offsets(values[:, 2] * u.mag, reference * u.mag)
    assert one.isscalar
    assert one.value == pytest.approx(found[2].value)


def test_zero_point_offsets_pass_over_stars_without_both() -> None:
    values = [[1.0, NAN], [2.0, NAN], [9.0, 3.0]] * u.mag
    found = photometry.zero_point_offsets(values, [0.5, 0.5, NAN] * u.mag)
    assert found[0].value == pytest.approx(1.0)
    assert np.isnan(found[1])


@given(magnitudes, offsets_of[7])
def test_zero_point_offsets_shift_with_the_visits(values: np.ndarray, shifts: np.ndarray) -> None:
    reference = np.full(5, 17.0) * u.mag
    before = photometry.zero_point_offsets(values * u.mag, reference)
    after = photometry.zero_point_offsets((values + shifts) * u.mag, reference)
    assert (after - before).value == pytest.approx(shifts, abs=1e-9)


def test_a_star_is_bright_if_its_typical_error_is_below_the_limit() -> None:
    errors = [[5.0, 7.0, 90.0], [10.0, 10.0, 10.0], [NAN, NAN, NAN], [NAN, 9.0, NAN]] * u.mmag
    bright = photometry.is_bright(errors, limit=0.01 * u.mag)
    assert bright.tolist() == [True, False, False, True]


def test_detections_are_arranged_by_star_and_visit() -> None:
    curves = pivot([7, 3, 7], ["b", "a", "a"], {"mag": np.array([1.0, 2.0, 3.0])})
    assert curves.stars.tolist() == [3, 7]
    assert curves.visits.tolist() == ["a", "b"]
    assert np.array_equal(curves.columns["mag"], [[2.0, NAN], [3.0, 1.0]], equal_nan=True)
    assert pivot([], [], {"mag": np.array([])}).columns["mag"].shape == (0, 0)


def test_a_star_twice_in_a_visit_is_refused_by_name() -> None:
    with pytest.raises(MeasurementError, match="star 7 occurs more than once in visit 12"):
        pivot([7, 3, 7], [12, 12, 12], {})


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0], 5.0, [[1.0, 2.0]]])
def test_arrays_of_different_lengths_are_refused(values: object) -> None:
    with pytest.raises(MeasurementError, match="mag"):
        pivot([1, 2], [1, 1], {"mag": np.array(values)})
