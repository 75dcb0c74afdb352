"""Time, processor time and memory of tasks, from what the middleware's timer recorded."""

import time
from datetime import datetime
from typing import Any

import pytest
from astropy import units as u
from lsst.pex.config import Config, ConfigurableField, Field
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    Task,
    TaskMetadata,
    connectionTypes,
)
from lsst.utils.timer import timeMethod

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.resource_metrics import CpuTimingMetricTask, MemoryMetricTask, TimingMetricTask

enable()

TASKS = {"time": TimingMetricTask, "cpu": CpuTimingMetricTask, "memory": MemoryMetricTask}


class SumConfig(Config):
    """Nothing."""


class SumTask(Task):
    """A subtask with a timed method, which works until the clock of the processor has moved on."""

    ConfigClass = SumConfig

    @timeMethod
    def run(self, catalog: Any) -> float:
        begin = time.process_time()
        while time.process_time() - begin < 0.02:
            total = float(catalog["mag"].sum())
        return total


class WatchedConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """A catalog."""

    catalog = connectionTypes.Input(
        name="star_catalog",
        doc="The stars.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )
    total = connectionTypes.Output(
        name="total_magnitude",
        doc="A product.",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "visit", "detector"),
    )


class WatchedConfig(PipelineTaskConfig, pipelineConnections=WatchedConnections):
    """A subtask."""

    sum = ConfigurableField[SumConfig](target=SumTask, doc="Adds up.")
    summing = Field[bool](doc="Whether the subtask is called.", default=True)


class WatchedTask(PipelineTask):
    """A science task that knows nothing of metrics."""

    ConfigClass = WatchedConfig
    config: WatchedConfig
    _DefaultName = "watched"
    sum: SumTask

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.makeSubtask("sum")

    @timeMethod
    def run(self, catalog: Any) -> Struct:
        return Struct(total={"total": self.sum.run(catalog) if self.config.summing else 0.0})


def watching(what: str, target: str, *, class_name: str | None = None) -> dict[str, Any]:
    """Give a pipeline's entry for a task that watches the science task."""
    task = TASKS[what]
    metric = f"{what}_{target.translate({ord('.'): '_', ord(':'): '_'})}"
    return {
        "class": f"{task.__module__}.{task.__name__}",
        "config": {
            "connections.package": "watched",
            "connections.metric": metric,
            "connections.labelName": "watched",
            "target": target,
        },
    }


def test_what_tasks_cost_is_measured_without_a_change_to_them(run_pipeline: Any) -> None:
    targets = ("watched.run", "watched:sum.run", "quantum")
    watched = {"watched": {"class": f"{__name__}.WatchedTask"}}
    watching_it = {
        f"{what}{number}": watching(what, target) for number, target in enumerate(targets) for what in TASKS
    }
    piped = run_pipeline(watched | watching_it, where="visit < 2026030100003")
    assert piped.status == 0
    found: dict[tuple[str, str], dict[int, Measurement]] = {}
    for what in TASKS:
        for target, name in zip(targets, ("watched_run", "watched_sum_run", "quantum"), strict=True):
            found[what, target] = piped.measurements(f"metricvalue_watched_{what}_{name}")
    assert all(measurements.keys() == {1, 2} for measurements in found.values())
    for visit in (1, 2):
        of = {key: measurements[visit] for key, measurements in found.items()}
        for what in ("time", "cpu"):
            whole, method, inner = (
                of[what, target].value or 0.0 for target in ("quantum", "watched.run", "watched:sum.run")
            )
            assert 0.0 < inner <= method <= whole
            assert of[what, "quantum"].unit == u.s
        assert of["memory", "watched.run"].unit == u.byte
        assert 10 * u.Mibyte < of["memory", "watched.run"].quantity < 100 * u.Gibyte
        start, end = (of["time", "watched.run"].extras[name].quantity for name in ("start", "end"))
        elapsed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
        assert elapsed.total_seconds() == of["time", "watched.run"].value
        assert of["cpu", "watched.run"].extras["start"].quantity == start
        assert of["cpu", "watched.run"].notes["estimator"] == "utils.timer.timeMethod"


@pytest.mark.long
def test_a_method_that_did_not_run_is_not_measured_and_that_is_no_failure(run_pipeline: Any) -> None:
    piped = run_pipeline(
        {
            "watched": {"class": f"{__name__}.WatchedTask", "config": {"summing": False}},
            **{what: watching(what, "watched:sum.run") for what in TASKS},
        },
        where="visit = 2026030100001",
    )
    assert piped.status == 0
    assert {what: piped.caveats(what) for what in TASKS} == {what: {"*": [1]} for what in TASKS}


def measure(what: str, target: str = "isr.run", /, **recorded: Any) -> Measurement | None:
    task = TASKS[what]
    config = task.ConfigClass()
    config.connections.package, config.connections.metric = "ip_isr", "IsrCost"
    config.connections.labelName = "isr"
    config.target = target
    config.validate()
    metadata = TaskMetadata.from_dict({"isr": recorded, "isr:flat": {"__version__": 1}})
    measurement: Measurement | None = task(config=config).run(metadata).measurement
    return measurement


def test_a_time_is_written_as_the_established_tasks_write_it() -> None:
    measurement = measure(
        "time", runStartUtc="2025-01-01T00:00:00+00:00", runEndUtc="2025-01-01T00:00:01.500000+00:00"
    )
    assert measurement is not None
    assert measurement.quantity == 1.5 * u.s
    assert {name: datum.quantity for name, datum in measurement.extras.items()} == {
        "start": "2025-01-01T00:00:00+00:00",
        "end": "2025-01-01T00:00:01.500000+00:00",
    }
    assert dict(measurement.notes) == {"ip_isr.IsrCost.estimator": "utils.timer.timeMethod"}


def test_moments_without_a_time_zone_are_utc() -> None:
    measurement = measure("time", runStartUtc="2020-01-01T00:00:00", runEndUtc="2020-01-01T02:00:00+01:00")
    assert measurement is not None
    assert measurement.quantity == 1 * u.h
    assert measurement.extras["start"].quantity == "2020-01-01T00:00:00+00:00"


def test_processor_time_needs_no_moments() -> None:
    measurement = measure("cpu", runStartCpuTime=10, runEndCpuTime=12.5)
    assert measurement is not None
    assert measurement.quantity == 2.5 * u.s
    assert not measurement.extras


@pytest.mark.parametrize(
    ("version", "found"), [({}, 2048 * 1024), ({"__version__": 0}, 2048 * 1024), ({"__version__": 1}, 2048)]
)
def test_memory_is_in_bytes_since_version_1_and_was_in_kibibytes_before(
    version: dict[str, Any], found: int
) -> None:
    measurement = measure("memory", runEndMaxResidentSetSize=2048, **version)
    assert measurement is not None
    assert measurement.quantity == found * u.byte


@pytest.mark.parametrize(
    ("what", "recorded"),
    [
        ("time", {"runStartUtc": "2025-01-01T00:00:00"}),
        ("time", {"runStartUtc": "2025-01-01T00:00:00", "runEndUtc": "later"}),
        ("time", {"runStartUtc": "2025-01-01T00:00:00", "runEndUtc": 5}),
        ("cpu", {"runEndCpuTime": 1.0}),
        ("cpu", {"runStartCpuTime": 1.0, "runEndCpuTime": "2.0"}),
        ("memory", {"runEndMaxResidentSetSize": "much"}),
        ("memory", {"runEndMaxResidentSetSize": True}),
    ],
)
def test_a_record_that_is_no_record_is_a_metric_that_cannot_be_computed(
    what: str, recorded: dict[str, Any]
) -> None:
    with pytest.raises(MetricComputationError):
        measure(what, **recorded)


@pytest.mark.parametrize("what", TASKS)
@pytest.mark.parametrize("target", ["", "run"])
def test_a_target_that_names_no_method_of_a_task_is_refused(what: str, target: str) -> None:
    with pytest.raises(SettingsError, match=r"a method with its task, such as isr\.run, or quantum"):
        measure(what, target)
