"""A metric within a science task, measured while that runs."""

from typing import Any

import pytest
from astropy import units as u
from lsst.pex.config import ConfigurableField, Field
from lsst.pipe.base import (
    NoWorkFound,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)

from gnomon.errors import MetricComputationError, NameFormatError, NameMismatchError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.measuring import MetricSubtask, MetricSubtaskConfig, metric_output

enable()


class ClippedConfig(MetricSubtaskConfig):
    """How it ends."""

    ending = Field[str](doc="measured, none, no work, failure, crash or other name", default="measured")

    def setDefaults(self) -> None:
        self.package = "subtask"
        self.metric = "clipped"


class ClippedTask(MetricSubtask):
    """Measures how many magnitudes a fit did not use."""

    ConfigClass = ClippedConfig
    config: ClippedConfig

    def run(self, used: list[bool]) -> Struct:
        match self.config.ending:
            case "none":
                return Struct(measurement=None)
            case "no work":
                raise NoWorkFound("Nothing was fitted.")
            case "failure":
                raise MetricComputationError("The fit did not say.")
            case "crash":
                raise ZeroDivisionError("somebody divided")
            case "other name":
                return Struct(measurement=Measurement("subtask.kept", 1))
        return Struct(measurement=Measurement(self.config.metricName, u.Quantity(used.count(False))))


class FitConnections(
    PipelineTaskConnections, defaultTemplates={"package": "subtask"}, dimensions=("instrument", "visit")
):
    """Catalogs, a product, and a measurement beside it."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of a visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )
    mean = connectionTypes.Output(
        name="mean_magnitude",
        doc="The product.",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "visit"),
    )
    clipped = metric_output("{package}", "clipped", dimensions=("instrument", "visit"))


class FitConfig(PipelineTaskConfig, pipelineConnections=FitConnections):
    """A science task's configuration."""

    clipped = ConfigurableField[ClippedConfig](target=ClippedTask, doc="Measures what the fit left out.")


class FitTask(PipelineTask):
    """A science task, in which a metric can see what no dataset holds."""

    ConfigClass = FitConfig
    config: FitConfig
    _DefaultName = "fit"
    clipped: ClippedTask

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makeSubtask("clipped")

    def run(self, catalogs: list[Any]) -> Struct:
        magnitudes = catalogs[0]["mag"]
        used = [bool(mag < 12.0 + magnitudes[0]) for mag in magnitudes[:-1]] + [False]
        return Struct(
            mean={"mean": float(magnitudes.mean())},
            clipped=self.clipped.attempt(used=used),
        )


def test_the_task_writes_the_measurement_beside_its_product(run_pipeline: Any) -> None:
    piped = run_pipeline({"fit": {"class": f"{__name__}.FitTask"}}, where="visit = 2026030100001")
    assert piped.status == 0
    [measurement] = piped.measurements("metricvalue_subtask_clipped").values()
    assert measurement.quantity == 1
    assert measurement.measured_at is not None


def test_a_failure_is_counted_in_the_quantum_and_the_product_is_written(
    run_pipeline: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fit = {"class": f"{__name__}.FitTask", "config": {"clipped.ending": "failure"}}
    piped = run_pipeline({"fit": fit}, where="visit = 2026030100001")
    assert piped.caveats("fit") == {"+": [1]}
    assert piped.measurements("metricvalue_subtask_clipped") == {}
    [metadata] = piped.measurements("fit_metadata").values()
    assert metadata["fit:clipped"].getArray("failedMetrics") == ["subtask.clipped"]
    assert "subtask.clipped could not be computed: The fit did not say." in caplog.text


@pytest.mark.parametrize("ending", ["none", "no work"])
def test_where_there_is_nothing_to_measure_there_is_no_measurement(ending: str) -> None:
    config = ClippedConfig()
    config.ending = ending
    task = ClippedTask(config=config)
    assert task.attempt(used=[]) is None
    assert "failedMetrics" not in task.metadata


def test_it_is_switched_off_by_one_line() -> None:
    config = ClippedConfig()
    config.ending = "crash"
    config.enabled = False
    assert ClippedTask(config=config).attempt(used=[]) is None


@pytest.mark.parametrize(
    ("ending", "error"), [("crash", ZeroDivisionError), ("other name", NameMismatchError)]
)
def test_what_is_wrong_in_the_code_is_not_swallowed(ending: str, error: type[Exception]) -> None:
    config = ClippedConfig()
    config.ending = ending
    with pytest.raises(error):
        ClippedTask(config=config).attempt(used=[])


def test_a_failure_fails_the_task_around_it_if_the_configuration_says_so() -> None:
    config = ClippedConfig()
    config.ending = "failure"
    config.failQuantum = True
    with pytest.raises(MetricComputationError, match="did not say"):
        ClippedTask(config=config).attempt(used=[])


def test_a_configuration_that_names_no_metric_is_refused() -> None:
    config = ClippedConfig()
    config.metric = ""
    with pytest.raises(NameFormatError):
        config.validate()


def test_a_metric_without_a_run_method_says_what_to_override() -> None:
    config = MetricSubtaskConfig()
    config.package, config.metric = "a", "b"
    with pytest.raises(NotImplementedError, match="MetricSubtask does not say how to measure"):
        MetricSubtask(config=config).run()
