"""What measuring costs beside computing: quanta of a trivial metric against those of a bare task.

All tasks read nothing and put one small dataset a quantum: the bare task a dictionary, the metric a
measurement, ten of them as ten datasets, or as one. Quanta are run by the middleware's executor in one
process, in turns of ten, so that a slow moment of the machine falls on all alike.

Run it with ``.venv/bin/python benchmarks/tasks.py [QUANTA]``; the default is 1,000.
"""

import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from astropy import units as u
from lsst.daf.butler import Butler
from lsst.pex.config import ListField
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct, connectionTypes
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.pipeline_graph import PipelineGraph
from lsst.pipe.base.single_quantum_executor import SingleQuantumExecutor

from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

enable()

TURN = 10
TEN = [f"m{number}" for number in range(10)]


class BareConnections(PipelineTaskConnections, dimensions=("instrument", "detector")):
    """One output."""

    value = connectionTypes.Output(
        name="bare", doc="A value.", storageClass="StructuredDataDict", dimensions=("instrument", "detector")
    )


class BareConfig(PipelineTaskConfig, pipelineConnections=BareConnections):
    """Nothing."""


class BareTask(PipelineTask):
    """Puts a dictionary."""

    ConfigClass = BareConfig
    _DefaultName = "bare"

    def run(self) -> Struct:
        """Make the dictionary."""
        return Struct(value={"value": 1.5, "unit": "mmag"})


class TrivialConnections(
    MetricConnections,
    defaultTemplates={"package": "trivial", "metric": "one"},
    dimensions=("instrument", "detector"),
):
    """No input."""


class TrivialConfig(MetricTaskConfig, pipelineConnections=TrivialConnections):
    """Nothing."""


class TrivialTask(MetricTask):
    """Puts a measurement."""

    ConfigClass = TrivialConfig
    config: TrivialConfig
    _DefaultName = "trivial"

    def run(self) -> Struct:
        """Make the measurement."""
        return Struct(measurement=Measurement(self.config.metricName, 1.5 * u.mmag))


class TenConnections(
    MetricBundleConnections, defaultTemplates={"package": "ten"}, dimensions=("instrument", "detector")
):
    """No input."""


class TenConfig(MetricBundleConfig, pipelineConnections=TenConnections):
    """Ten metrics."""

    metrics = ListField[str](doc="The metrics to measure.", default=TEN)  # type: ignore[no-untyped-call]


class TenTask(MetricBundleTask):
    """Puts ten measurements."""

    ConfigClass = TenConfig
    _DefaultName = "ten"

    def prepare(self) -> None:
        """Prepare nothing."""


def _measure(task: TenTask, prepared: None) -> u.Quantity:  # noqa: ARG001
    return 1.5 * u.mmag


class TogetherConfig(TenConfig, pipelineConnections=TenConnections):
    """Ten metrics in one dataset."""

    def setDefaults(self) -> None:
        """Store them together."""
        super().setDefaults()  # type: ignore[no-untyped-call]
        self.storage = "bundle"


class TogetherTask(TenTask):
    """Puts ten measurements as one dataset."""

    ConfigClass = TogetherConfig
    _DefaultName = "together"


for _name in TEN:
    setattr(TenTask, f"measure_{_name}", _measure)
TenConfig.measurable = TogetherConfig.measurable = frozenset(TEN)

TASKS: list[type[PipelineTask]] = [BareTask, TrivialTask, TenTask, TogetherTask]


def make_repository(folder: Path, quanta: int) -> Butler:
    """Make a repository with an instrument of as many detectors as there are quanta."""
    butler = Butler.from_config(Butler.makeRepo(str(folder)), writeable=True, run="benchmark")
    instrument = {
        "name": "Bench", "class_name": "none", "visit_max": 1, "exposure_max": 1, "detector_max": quanta,
        "visit_system": 0,
    }  # fmt: skip
    butler.registry.insertDimensionData("instrument", instrument)
    detectors: list[dict[str, Any]] = [
        {"instrument": "Bench", "id": number, "full_name": f"D{number}"} for number in range(quanta)
    ]
    butler.registry.insertDimensionData("detector", *detectors)
    return butler


def run(butler: Butler, quanta: int) -> dict[str, list[float]]:
    """Run all quanta of all tasks; give the seconds a quantum of each turn, by task."""
    graph = PipelineGraph(universe=butler.dimensions)
    for task in TASKS:
        graph.add_task(task._DefaultName, task, task.ConfigClass())
    builder = AllDimensionsQuantumGraphBuilder(graph, butler, output_run="benchmark")
    predicted = builder.finish(attach_datastore_records=False).assemble()
    predicted.pipeline_graph.register_dataset_types(butler)
    predicted.init_output_run(butler)
    executor = SingleQuantumExecutor(butler=butler, assume_no_existing_outputs=True)
    quantum_of = predicted.build_execution_quanta()
    seconds: dict[str, list[float]] = {task._DefaultName: [] for task in TASKS}
    for start in range(0, quanta, TURN):
        for label, turns in seconds.items():
            node = predicted.pipeline_graph.tasks[label]
            ids = list(predicted.quanta_by_task[label].values())[start : start + TURN]
            begin = time.perf_counter()
            for quantum_id in ids:
                executor.execute(node, quantum_of[quantum_id])
            turns.append((time.perf_counter() - begin) / len(ids))
    return seconds


def main() -> None:
    """Print the figures."""
    quanta = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder, make_repository(Path(folder) / "repo", quanta) as butler:
        seconds = run(butler, quanta)
    means = {label: statistics.fmean(turns) for label, turns in seconds.items()}
    medians = {label: statistics.median(turns) for label, turns in seconds.items()}
    print(f"{quanta} quanta each, ms a quantum, of turns of {TURN}: mean, median, least, most")
    for label, turns in seconds.items():
        figures = (means[label], medians[label], min(turns), max(turns))
        print(f"  {label:8}" + "".join(f"{1e3 * figure:8.1f}" for figure in figures))
    for name, figures_of in (("means", means), ("medians", medians)):
        print(f"ratios of {name}:")
        print(f"  one metric / bare task  {figures_of['trivial'] / figures_of['bare']:.2f}")
        print(f"  ten metrics / one       {figures_of['ten'] / figures_of['trivial']:.2f}")
        print(f"  ten in a bundle / one   {figures_of['together'] / figures_of['trivial']:.2f}")


if __name__ == "__main__":
    main()
