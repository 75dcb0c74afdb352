"""A task that measures one metric: what it writes, what it does not, and what it says of itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from astropy import units as u
from lsst.daf.butler import DataCoordinate
from lsst.pex.config import Field
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.errors import MetricComputationError, NameFormatError
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.repository.configuration import SEARCH_PATH_VARIABLE, enable
from gnomon.tasks.measuring import dataset_type_name
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

enable()

METRIC = "metricvalue_tested_length"


class LengthConnections(
    MetricConnections,
    defaultTemplates={"package": "tested", "metric": "length"},
    dimensions=("instrument", "visit"),
):
    """A visit's catalogs."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of a visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class LengthConfig(MetricTaskConfig, pipelineConnections=LengthConnections):
    """How the task under test ends."""

    ending = Field[str](doc="measured, none, no work, failure or bug", default="measured")


class LengthTask(MetricTask):
    """Counts the rows of a visit's catalogs, or ends otherwise."""

    ConfigClass = LengthConfig
    config: LengthConfig
    _DefaultName = "length"
    completed: ClassVar[list[DataCoordinate]] = []

    def run(self, catalogs: list[Any]) -> Struct:
        match self.config.ending:
            case "none":
                return Struct(measurement=None)
            case "no work":
                raise NoWorkFound("The visit is dark.")
            case "failure":
                raise MetricComputationError("The rows are uncountable.")
            case "bug":
                raise ZeroDivisionError("somebody divided")
        rows = sum(len(catalog) for catalog in catalogs)
        return Struct(measurement=Measurement(self.config.metricName, u.Quantity(rows)))

    def addStandardMetadata(self, measurement: Measurement, outputDataId: DataCoordinate) -> None:
        super().addStandardMetadata(measurement, outputDataId)
        self.completed.append(outputDataId)
        measurement.notes["visit"] = outputDataId["visit"]


class InstrumentConnections(
    MetricConnections,
    defaultTemplates={"package": "tested", "metric": "total"},
    dimensions=("instrument",),
):
    """All catalogs of an instrument."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of every visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class InstrumentConfig(MetricTaskConfig, pipelineConnections=InstrumentConnections):
    """Nothing to configure."""


class InstrumentTask(MetricTask):
    """Counts all rows."""

    ConfigClass = InstrumentConfig
    _DefaultName = "instrumentTotal"

    def run(self, catalogs: list[Any]) -> Struct:
        rows = sum(len(catalog) for catalog in catalogs)
        return Struct(measurement=Measurement(self.config.metricName, u.Quantity(rows)))


@pytest.fixture(autouse=True)
def _nothing_completed() -> None:
    LengthTask.completed.clear()


ONE_VISIT = "instrument = 'DemoCamera' AND visit = 2026030100003"


def test_a_measurement_is_written_for_each_quantum(run_task: Callable[..., Any]) -> None:
    ran = run_task(LengthTask)
    assert len(ran.written(METRIC)) == 8
    measurement = ran.get(METRIC, instrument="DemoCamera", visit=2026030100003)
    assert measurement.metric_name == Name("tested.length")
    assert measurement.quantity == 16


def test_the_standard_metadata_are_added_once_to_each_and_can_be_overridden(
    run_task: Callable[..., Any],
) -> None:
    ran = run_task(LengthTask)
    assert sorted(data_id["visit"] for data_id in LengthTask.completed) == [
        2026030100000 + number for number in range(1, 9)
    ]
    measurement = ran.get(METRIC, instrument="DemoCamera", visit=2026030100003)
    assert measurement.notes["visit"] == 2026030100003
    assert measurement.measured_at is not None


def test_the_moment_that_a_task_sets_itself_stays() -> None:
    measurement = Measurement("tested.length", 1)
    measurement.measured_at = 5_000_000
    LengthTask(config=LengthConfig()).addStandardMetadata(measurement, {"visit": 1})  # type: ignore[arg-type]
    assert measurement.measured_at == 5_000_000


@pytest.mark.parametrize("ending", ["none", "no work"])
def test_where_there_is_nothing_to_measure_nothing_is_written_and_nothing_failed(
    ending: str, run_task: Callable[..., Any]
) -> None:
    ran = run_task(LengthTask, where=ONE_VISIT, ending=ending)
    assert ran.written(METRIC) == []
    metadata = ran.metadata(instrument="DemoCamera", visit=2026030100003)
    assert "failedMetrics" not in metadata
    assert LengthTask.completed == []


def test_a_metric_that_cannot_be_computed_is_logged_and_counted_and_fails_nothing(
    run_task: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    ran = run_task(LengthTask, where=ONE_VISIT, ending="failure")
    assert ran.written(METRIC) == []
    metadata = ran.metadata(instrument="DemoCamera", visit=2026030100003)
    assert metadata.getArray("failedMetrics") == ["tested.length"]
    assert "tested.length could not be computed: The rows are uncountable." in caplog.text


def test_a_metric_that_cannot_be_computed_fails_the_quantum_if_the_configuration_says_so(
    run_task: Callable[..., Any],
) -> None:
    with pytest.raises(MetricComputationError, match="uncountable"):
        run_task(LengthTask, where=ONE_VISIT, ending="failure", failQuantum=True)


def test_an_error_in_the_code_is_never_swallowed(run_task: Callable[..., Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        run_task(LengthTask, where=ONE_VISIT, ending="bug")


def test_the_measurement_has_the_dimensions_of_the_connections_class(run_task: Callable[..., Any]) -> None:
    ran = run_task(InstrumentTask)
    assert ran.written("metricvalue_tested_total") == [{"instrument": "DemoCamera"}]
    assert ran.get("metricvalue_tested_total", instrument="DemoCamera").quantity == 8 * 16


def test_the_metric_is_named_by_the_templates() -> None:
    config = LengthConfig()
    assert config.metricName == "tested.length"
    config.connections.metric = "height"
    assert config.metricName == "tested.height"
    assert LengthTask.getOutputMetric(config) == Name("tested.height")
    connections = config.connections.ConnectionsClass(config=config)
    assert (
        connections.measurement.name == "metricvalue_tested_height" == dataset_type_name("tested", "height")
    )


def test_the_name_of_the_metric_is_not_to_be_set() -> None:
    with pytest.raises(AttributeError):
        LengthConfig().metricName = "a.b"  # type: ignore[misc]


@pytest.mark.parametrize(("package", "metric"), [("", "length"), ("tested", ""), ("tes ted", "length")])
def test_a_configuration_that_names_no_metric_is_refused(package: str, metric: str) -> None:
    config = LengthConfig()
    config.connections.package = package
    config.connections.metric = metric
    with pytest.raises(NameFormatError):
        config.validate()


def test_a_task_without_a_run_method_says_what_to_override() -> None:
    with pytest.raises(NotImplementedError, match="MetricTask does not say how to measure: override `run`"):
        MetricTask(config=LengthConfig()).run()


def test_a_butler_that_was_not_told_of_the_storage_class_is_refused_with_the_remedy() -> None:
    script = (
        "from gnomon.tasks.star_catalogs import VisitStarsConfig\n"
        "config = VisitStarsConfig()\n"
        "config.connections.ConnectionsClass(config=config)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != SEARCH_PATH_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'export DAF_BUTLER_CONFIG_PATH="$(gnomon repo config)"' in done.stderr
