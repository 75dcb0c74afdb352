"""What readers and writers of the established format rely on."""

import astropy.units as u
import pytest

from gnomon.definitions import Metric
from gnomon.errors import UnitMismatchError
from gnomon.measurements import Job, Measurement

SCATTER = Metric("demo.scatter", "Scatter.", "mmag")


@pytest.mark.parametrize("metric", [SCATTER, "demo.scatter"])
def test_nothing_measured_is_written_in_the_unit_of_its_metric(metric: Metric | str) -> None:
    job = Job([Measurement(metric)], [SCATTER])
    assert job.json["measurements"][0]["unit"] == "mmag"
    assert Job.deserialize(**job.json).measurements["demo.scatter"].quantity is None


def test_a_metric_itself_can_be_given_to_deserialize() -> None:
    measurement = Measurement.deserialize(metric=SCATTER, value=5.0, unit="mag")
    assert measurement.metric is SCATTER
    assert measurement.quantity == 5 * u.mag


def test_a_metric_whose_unit_does_not_fit_is_refused_by_deserialize() -> None:
    with pytest.raises(UnitMismatchError):
        Measurement.deserialize(metric=SCATTER, value=5.0, unit="s")
