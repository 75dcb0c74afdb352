"""Another night's table of the same shape gives that night's answers."""

import numpy as np
import pytest
from astropy.table import Table

from .conftest import Demonstration, SyntheticNight

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("another night")]


def test_the_cloud_is_found_by_the_bot_and_the_shake_by_the_person(
    another_night: Demonstration, synthetic_night: SyntheticNight
) -> None:
    excluded = {(item["visit"] % 100_000, item["kind"]) for item in another_night.found["excluded_visits"]}
    assert excluded == {(synthetic_night.cloudy, "bot"), (synthetic_night.shaken, "human")}
    assert another_night.found["night"]["day_obs"] == [20260301]
    assert another_night.found["runs"]["after"]["visits"] == synthetic_night.visits - 2


def test_the_extinction_is_what_the_night_was_made_with(
    another_night: Demonstration, synthetic_night: SyntheticNight
) -> None:
    extinction = another_night.found["metrics"]["demo.extinction"]
    assert abs(extinction["value"] - synthetic_night.extinction) < 4 * extinction["uncertainty"]


def test_leaving_the_cloud_out_changes_the_repeatability_as_the_table_says(
    another_night: Demonstration, synthetic_night: SyntheticNight
) -> None:
    table = Table.read(synthetic_night.path)
    shape = (synthetic_night.visits, synthetic_night.stars)
    magnitudes, errors = (np.asarray(table[name]).reshape(shape) for name in ("mag_inst_V", "mag_error"))
    bright = np.median(errors, axis=0) < 0.01
    left_out = [synthetic_night.cloudy - 1, synthetic_night.shaken - 1]
    for run, kept in (("before", magnitudes), ("after", np.delete(magnitudes, left_out, axis=0))):
        expected = 1000 * np.median(kept[:, bright].std(axis=0))
        measured = another_night.found["runs"][run]["metrics"]["demo.photometric_repeatability_raw"]
        assert measured["value"] == pytest.approx(expected)


def test_positions_on_both_sides_of_the_zero_of_right_ascension_are_neighbours(
    another_night: Demonstration,
) -> None:
    assert another_night.found["metrics"]["demo.astrometric_offset"]["value"] < 200  # mas
