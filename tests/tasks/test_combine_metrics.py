"""Metrics from metrics: values, weights, uncertainties, and inputs without a value."""

from typing import Any

import numpy as np
import pytest
from astropy import units as u

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.tasks.combine_metrics import CombineMetricConfig, CombineMetricTask
from gnomon.testing import assert_measured, run_metric

NAN = float("nan")


def error(value: Any, uncertainty: Any = None, count: int | None = None) -> Measurement:
    return Measurement("mine.error", value, uncertainty=uncertainty, count=count)


DETECTORS = [
    error(1.0 * u.mmag, 0.1, 10),
    error(0.002 * u.mag, 0.0002, 30),
    error(6.0 * u.mmag, 0.2 * u.mmag, 40),
]


def combined(inputs: list[Measurement], **config: Any) -> Measurement | None:
    named = {"connections.package": "mine", "connections.metric": "visit_error", **config}
    return run_metric(CombineMetricTask, config=named, measurements=inputs)


@pytest.mark.parametrize(
    ("config", "value", "uncertainty"),
    [
        ({}, 2.0, None),
        ({"aggregate": "mean"}, 3.0, np.std([1, 2, 6], ddof=1) / np.sqrt(3)),
        ({"aggregate": "mean", "weight": "count"}, 3.875, None),
        ({"aggregate": "mean", "weight": "inverse_variance"}, 2.0, 1 / np.sqrt(150)),
        ({"aggregate": "sum"}, 9.0, 0.3),
        ({"aggregate": "max"}, 6.0, None),
        ({"aggregate": "percentile", "percentile": 50.0}, 2.0, None),
    ],
)
def test_measurements_are_combined(config: dict[str, Any], value: float, uncertainty: float | None) -> None:
    found = combined(DETECTORS, **config)
    assert_measured(found, "mine.visit_error", value * u.mmag, uncertainty=uncertainty, count=3)
    assert found is not None
    assert found.extras["samples"].value == 80
    assert "partial_input" not in found.notes


def test_the_result_may_be_in_another_unit() -> None:
    assert_measured(combined(DETECTORS, aggregate="mean", unit="mag"), "mine.visit_error", 0.003 * u.mag)
    found = combined(DETECTORS, aggregate="mean", unit="mag")
    assert found is not None
    assert (found.unit, found.count) == (u.mag, 3)
    with pytest.raises(MetricComputationError, match="do not convert into adu"):
        combined(DETECTORS, unit="adu")


def test_how_many_were_measured_is_dimensionless() -> None:
    assert_measured(combined([*DETECTORS, error(None)], aggregate="count"), "mine.visit_error", 3)


def test_magnitudes_of_a_system_scatter_in_plain_magnitudes() -> None:
    found = combined([error(20 * u.ABmag), error(22 * u.ABmag)], aggregate="std")
    assert_measured(found, "mine.visit_error", np.sqrt(2) * u.mag)
    assert_measured(combined([error(20 * u.ABmag, 0.1)], aggregate="sum"), "mine.visit_error", 20 * u.ABmag)


@pytest.mark.parametrize(
    ("lost", "config"),
    [
        (error(None), {}),
        (error(NAN * u.mmag), {}),
        (error(9.0 * u.mmag), {"aggregate": "mean", "weight": "count"}),
        (error(9.0 * u.mmag, 0.0), {"aggregate": "mean", "weight": "inverse_variance"}),
    ],
)
def test_what_is_not_measured_is_left_out_and_told_or_refused(
    lost: Measurement, config: dict[str, Any]
) -> None:
    found = combined([*DETECTORS, lost], **config)
    assert found is not None
    assert found.count == 3
    assert found.extras["unmeasured"].value == 1
    assert found.notes["partial_input"] is True
    assert combined([*DETECTORS, lost], partialInput="refuse", **config) is None


def test_of_nothing_measured_there_is_nothing_to_combine() -> None:
    assert combined([error(None), error(NAN)]) is None
    assert combined([error(1.0)], aggregate="std") is None


def test_samples_are_added_up_only_if_all_say_them() -> None:
    found = combined([error(1.0, count=5), error(2.0)])
    assert found is not None
    assert "samples" not in found.extras


def test_units_that_do_not_fit_are_not_combined() -> None:
    with pytest.raises(MetricComputationError, match="is measured in mag and in adu"):
        combined([error(1.0 * u.mag), error(1.0 * u.adu)])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"aggregate": "percentile"}, "needed there"),
        ({"percentile": 5.0}, "is for the aggregation 'percentile'"),
        ({"aggregate": "percentile", "percentile": 500.0}, "from 0 to 100, not 500"),
        ({"aggregate": "std", "weight": "count"}, "'std' takes no weights; mean and median do"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused(config: dict[str, Any], message: str) -> None:
    made = CombineMetricConfig()
    made.connections.package, made.connections.metric = "mine", "m"
    made.update(**config)
    with pytest.raises(SettingsError, match=message):
        made.validate()
