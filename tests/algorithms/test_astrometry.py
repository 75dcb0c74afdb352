"""Reference positions, distances from them, astrometric repeatability."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from gnomon.algorithms import astrometry

NAN = float("nan")


def degrees(values: object) -> u.Quantity:
    return u.Quantity(values, u.deg)


def test_reference_positions_are_medians() -> None:
    generator = np.random.default_rng(5)
    ra, dec = generator.normal(150.0, 0.01, (6, 9)), generator.normal(2.0, 0.01, (6, 9))
    found_ra, found_dec = astrometry.mean_positions(degrees(ra), degrees(dec))
    assert found_ra.to_value(u.deg) == pytest.approx(np.median(ra, axis=1))
    assert found_dec.to_value(u.deg) == pytest.approx(np.median(dec, axis=1))


def test_right_ascensions_on_both_sides_of_zero_are_neighbours() -> None:
    ra = degrees([[359.999, 0.001, 0.003], [0.001, 359.999, 359.997]])
    found, _ = astrometry.mean_positions(ra, degrees(np.zeros((2, 3))))
    assert found.value == pytest.approx([0.001, 359.999])


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=9),
    st.floats(0.0, 360.0),
    st.sampled_from([0.0, 1e-17, 1.0]),
)
def test_the_median_right_ascension_turns_with_the_sky(
    offsets: list[float], turn: float, scale: float
) -> None:
    ra = (turn + scale * np.array([offsets])) % 360.0
    found, _ = astrometry.mean_positions(degrees(ra), degrees(np.zeros(ra.shape)))
    assert 0.0 <= found[0].value < 360.0
    difference = (found[0].value - (turn + scale * np.median(offsets)) + 180.0) % 360.0 - 180.0
    assert difference == pytest.approx(0.0, abs=1e-9)


def test_stars_that_were_not_detected_have_no_position() -> None:
    ra = degrees([[NAN, NAN], [NAN, 10.0], [np.inf, 20.0]])
    found_ra, found_dec = astrometry.mean_positions(ra, degrees([[NAN, NAN], [NAN, 1.0], [2.0, 2.0]]))
    assert found_ra.value == pytest.approx([NAN, 10.0, 20.0], nan_ok=True)
    assert found_dec.value == pytest.approx([NAN, 1.0, 2.0], nan_ok=True)
    nowhere, _ = astrometry.mean_positions(degrees(np.empty((2, 0))), degrees(np.empty((2, 0))))
    assert np.isnan(nowhere).tolist() == [True, True]


def test_distances_are_great_circle_distances_in_milliarcseconds() -> None:
    generator = np.random.default_rng(6)
    ra, dec = generator.uniform(0.0, 360.0, (8, 3)), generator.uniform(-90.0, 90.0, (8, 3))
    found = astrometry.distances(degrees(ra), degrees(dec), degrees(ra[:, 0]), degrees(dec[:, 0]))
    reference = SkyCoord(ra[:, :1], dec[:, :1], unit="deg")
    assert found.unit == u.mas
    assert found.shape == (8, 3)
    expected = SkyCoord(ra, dec, unit="deg").separation(reference).to_value(u.mas)
    assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-3)
    one = astrometry.distances(degrees(ra[:, 1]), degrees(dec[:, 1]), degrees(ra[:, 0]), degrees(dec[:, 0]))
    assert one.value == pytest.approx(found[:, 1].value)


def test_small_distances_shrink_with_the_cosine_of_the_declination_and_cross_the_seam() -> None:
    step = 2 / 3_600_000
    found = astrometry.distances(
        degrees([[360.0 - step / 2]]), degrees([[60.0]]), degrees([step / 2]), degrees([60.0])
    )
    assert found[0, 0].value == pytest.approx(1.0, rel=1e-4)
    assert np.isnan(
        astrometry.distances(degrees([[NAN]]), degrees([[0.0]]), degrees([0.0]), degrees([0.0]))[0, 0]
    )


def test_the_typical_distance_of_a_visit_is_the_median_over_its_stars() -> None:
    separations = u.Quantity([[1.0, NAN], [5.0, NAN], [3.0, NAN]], u.arcsec)
    found = astrometry.median_distances(separations)
    assert found.unit == u.mas
    assert found.value == pytest.approx([3000.0, NAN], nan_ok=True)
    assert astrometry.median_distances(separations[:, 0]).isscalar


def test_astrometric_repeatability_is_the_median_over_stars_of_the_rms_distance() -> None:
    values = np.abs(np.random.default_rng(7).normal(0.0, 50.0, (9, 30)))
    found = astrometry.repeatability(values * u.mas)
    assert found.unit == u.mas
    assert found.value == pytest.approx(np.median(np.sqrt(np.mean(values**2, axis=1))))


def test_astrometric_repeatability_goes_by_what_was_detected_twice() -> None:
    values = u.Quantity([[3.0, 4.0, NAN], [100.0, NAN, NAN]], u.mas)
    assert astrometry.repeatability(values).value == pytest.approx(np.sqrt(12.5))
    assert np.isnan(astrometry.repeatability(values[1:]))
