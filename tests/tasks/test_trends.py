"""The trend of a night's zero points with airmass, from the measurements of its visits."""

from collections.abc import Sequence

import numpy as np
import pytest
from astropy import units as u
from lsst.pipe.base import InMemoryDatasetHandle, NoWorkFound

from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.trends import AirmassTrendTask, ExtinctionTask, ZeroPointScatterTask

enable()


def handles(metric: str, quantities: Sequence[u.Quantity | None]) -> list[InMemoryDatasetHandle]:
    return [
        InMemoryDatasetHandle(Measurement(metric, quantity), visit=visit)
        for visit, quantity in enumerate(quantities, start=1)
    ]


def measure(
    zero_points: Sequence[u.Quantity | None],
    airmasses: Sequence[float | None],
    task: type[AirmassTrendTask] = ExtinctionTask,
) -> Measurement:
    struct = task().run(
        zeroPoints=handles("demo.zero_point_offset", zero_points),
        airmasses=handles("demo.airmass", [None if a is None else u.Quantity(a) for a in airmasses]),
    )
    assert isinstance(struct.measurement, Measurement)
    return struct.measurement


AIRMASS = np.linspace(1.0, 2.0, 11)


def test_the_slope_is_in_mag_with_its_error_and_the_number_of_visits_behind_it() -> None:
    noise = np.random.default_rng(3).normal(scale=2.0, size=11)
    measurement = measure([*(150.0 * AIRMASS + noise) * u.mmag], AIRMASS.tolist())
    assert measurement.metric_name == "demo.extinction"
    assert measurement.unit == u.mag
    assert measurement.value == pytest.approx(0.15, abs=0.01)
    assert measurement.uncertainty is not None
    assert 0 < measurement.uncertainty.to_value(u.mag) < 0.01
    assert measurement.count is not None
    assert 8 <= measurement.count <= 11


def test_a_cloud_does_not_count() -> None:
    points = 150.0 * AIRMASS
    points[4] += 500.0
    measurement = measure([*points * u.mmag], AIRMASS.tolist())
    assert measurement.value == pytest.approx(0.15)
    assert measurement.count == 10


def test_the_scatter_is_that_around_the_trend_without_the_cloud() -> None:
    noise = np.random.default_rng(4).normal(scale=2.0, size=11)
    points = 150.0 * AIRMASS + noise
    points[4] += 500.0
    measurement = measure([*points * u.mmag], AIRMASS.tolist(), ZeroPointScatterTask)
    kept = np.delete(np.arange(11), 4)
    residuals = points[kept] - np.polyval(np.polyfit(AIRMASS[kept], points[kept], 1), AIRMASS[kept])
    assert measurement.metric_name == "demo.zero_point_scatter"
    assert measurement.unit == u.mmag
    assert measurement.value == pytest.approx(np.sqrt(np.sum(residuals**2) / 8))
    assert measurement.count == 10


def test_visits_are_paired_by_their_number_and_others_passed_over() -> None:
    points: list[u.Quantity | None] = [*(150.0 * AIRMASS) * u.mmag]
    airmass: list[float | None] = [*AIRMASS.tolist()]
    points[0], points[3], airmass[7] = None, np.nan * u.mmag, None
    airmass.append(9.0)
    assert measure(points, airmass).count == 8


@pytest.mark.parametrize(
    "points", [[], [0.1 * u.mag, 0.2 * u.mag], [0.1 * u.mag, 0.2 * u.mag, np.nan * u.mag]]
)
def test_two_visits_make_no_trend(points: list[u.Quantity]) -> None:
    with pytest.raises(NoWorkFound, match="three are needed"):
        measure(points, [1.0, 1.1, 1.2])


def test_an_airmass_that_never_changed_has_no_slope() -> None:
    with pytest.raises(MetricComputationError, match="same for all visits"):
        measure([0.1 * u.mag] * 4, [1.3] * 4)


def test_a_zero_point_that_is_no_magnitude_is_refused() -> None:
    with pytest.raises(MetricComputationError, match=r"demo\.zero_point_offset is in adu, not in mag"):
        measure([1.0 * u.adu] * 4, [1.0, 1.1, 1.2, 1.3])
