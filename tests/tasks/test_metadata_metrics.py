"""Metrics read from task metadata: which keys a fragment stands for, and what if they are not alike."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st
from lsst.pipe.base import TaskMetadata

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.metadata_metrics import (
    MetadataMetricConfig,
    MetadataMetricTask,
    SingleMetadataMetricConfig,
    SingleMetadataMetricTask,
    find_key,
)

enable()


class RangeTask(MetadataMetricTask):
    """Subtracts one key from another."""

    @classmethod
    def getInputMetadataKeys(cls, config: MetadataMetricConfig) -> Mapping[str, str]:  # noqa: ARG003
        return {"low": "calibrate.lowest", "high": "calibrate.highest"}

    def makeMeasurement(self, values: dict[str, Any]) -> Measurement | None:
        if None in values.values():
            return None
        return Measurement(self.config.metricName, (values["high"] - values["low"]) * u.mag)


class LargestTask(SingleMetadataMetricTask):
    """Takes the largest of one key."""

    @classmethod
    def getInputMetadataKey(cls, config: SingleMetadataMetricConfig) -> str:  # noqa: ARG003
        return "calibrate.highest"

    def makeMeasurement(self, values: Sequence[Any]) -> Measurement | None:
        return Measurement(self.config.metricName, max(values) * u.mag, count=len(values))


def metadata(**calibrate: Any) -> TaskMetadata:
    return TaskMetadata.from_dict(
        {"calibrate": calibrate, "calibrate:fit": {"steps": 3}, "quantum": {"startUtc": "2026-03-01"}}
    )


def config_of(task: type[MetadataMetricTask] | type[SingleMetadataMetricTask], **fields: Any) -> Any:
    config = task.ConfigClass()
    config.connections.package = "meta"
    config.connections.metric = "range"
    config.connections.labelName = "calibrate"
    config.update(**fields)
    config.validate()
    return config


def run(inputs: Any, task: Any = RangeTask, **fields: Any) -> Measurement | None:
    measurement: Measurement | None = task(config=config_of(task, **fields)).run(inputs).measurement
    return measurement


def test_values_are_found_by_fragments_of_their_keys() -> None:
    measurement = run(metadata(lowest=18.0, highest=24.5))
    assert measurement is not None
    assert measurement.quantity == 6.5 * u.mag


def test_a_key_that_is_not_there_has_no_value() -> None:
    assert run(metadata(lowest=18.0)) is None


def test_of_a_key_that_was_recorded_several_times_the_last_value_counts() -> None:
    measurement = run(metadata(lowest=18.0, highest=[20.0, 22.0]))
    assert measurement is not None
    assert measurement.quantity == 4 * u.mag


def test_a_fragment_that_stands_for_several_keys_is_a_failure_that_names_them() -> None:
    message = (
        "'calibrate.lowest' stands for 2 keys of the metadata (calibrate.lowest, calibrate.lowest_of_all): "
        "give more of the one that is meant."
    )
    with pytest.raises(MetricComputationError, match=re.escape(message)):
        run(metadata(lowest=1.0, lowest_of_all=0.0, highest=2.0))


NAMES = st.text("abS:", min_size=1, max_size=4)
TREES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), min_size=1, max_size=4), max_size=4)


@given(TREES, st.text("abS:.", min_size=1, max_size=3))
def test_a_fragment_stands_for_the_one_key_that_contains_it(
    tree: dict[str, dict[str, int]], fragment: str
) -> None:
    keys = [f"{task}.{item}" for task, items in tree.items() for item in items]
    containing = [key for key in keys if fragment in key]
    if len(containing) > 1:
        with pytest.raises(MetricComputationError):
            find_key(TaskMetadata.from_dict(tree), fragment)
    else:
        assert find_key(TaskMetadata.from_dict(tree), fragment) == (containing[0] if containing else None)


def test_one_key_of_many_quanta_makes_one_measurement() -> None:
    inputs = [metadata(highest=value) for value in (20.0, 24.0, 22.0)]
    measurement = run(inputs, LargestTask)
    assert measurement is not None
    assert (measurement.quantity, measurement.count) == (24 * u.mag, 3)
    assert "inputs_without_key" not in measurement.notes


def test_inputs_without_the_key_are_passed_over_and_counted_by_default() -> None:
    measurement = run([metadata(highest=20.0), metadata(), metadata(lowest=1.0)], LargestTask)
    assert measurement is not None
    assert measurement.count == 1
    assert measurement.notes["inputs_without_key"] == 2


def test_inputs_without_the_key_may_be_refused() -> None:
    with pytest.raises(MetricComputationError, match=r"1 of 3 inputs have no key with 'calibrate.highest'"):
        run([metadata(highest=20.0), metadata(), metadata(highest=1.0)], LargestTask, missingKeys="refuse")


@pytest.mark.parametrize("policy", ["skip", "refuse"])
def test_where_no_input_has_the_key_there_is_nothing_to_measure(policy: str) -> None:
    assert run([metadata(), metadata()], LargestTask, missingKeys=policy) is None


def test_a_configuration_that_names_no_task_to_watch_is_refused() -> None:
    config = MetadataMetricConfig()
    config.connections.package, config.connections.metric = "a", "b"
    with pytest.raises(SettingsError, match="labelName is not given"):
        config.validate()


def test_the_input_and_the_measurement_have_the_dimensions_of_the_task_that_is_watched() -> None:
    config = config_of(RangeTask, metadataDimensions=["instrument", "exposure"])
    connections = config.connections.ConnectionsClass(config=config)
    assert connections.metadata.name == "calibrate_metadata"
    for dimensions in (
        connections.metadata.dimensions,
        connections.measurement.dimensions,
        connections.dimensions,
    ):
        assert set(dimensions) == {"instrument", "exposure"}


def test_the_measurement_of_many_quanta_may_be_coarser() -> None:
    config = config_of(LargestTask, dimensions=["instrument"])
    connections = config.connections.ConnectionsClass(config=config)
    assert set(connections.metadata.dimensions) == {"instrument", "visit", "detector"}
    assert set(connections.measurement.dimensions) == {"instrument"}


def test_the_measurement_of_one_quantum_cannot_be_coarser() -> None:
    config = config_of(RangeTask, dimensions=["instrument"])
    with pytest.raises(SettingsError, match="takes a single dataset"):
        config.connections.ConnectionsClass(config=config)


@pytest.mark.parametrize(
    ("call", "method"),
    [
        (lambda: MetadataMetricTask.getInputMetadataKeys(MetadataMetricConfig()), "getInputMetadataKeys"),
        (
            lambda: SingleMetadataMetricTask.getInputMetadataKey(SingleMetadataMetricConfig()),
            "getInputMetadataKey",
        ),
        (
            lambda: MetadataMetricTask(config=config_of(MetadataMetricTask)).makeMeasurement({}),
            "makeMeasurement",
        ),
        (
            lambda: SingleMetadataMetricTask(config=config_of(SingleMetadataMetricTask)).makeMeasurement([]),
            "makeMeasurement",
        ),
    ],
)
def test_a_task_that_leaves_a_method_out_says_which(call: Any, method: str) -> None:
    with pytest.raises(NotImplementedError, match=f"override `{method}`"):
        call()
