"""A pipeline of three steps with everything that lineage can be known from, run in a small repository.

Each visit's catalog is calibrated; a measurement and a bundle are made of each; all are stacked. The stack is
handed all visits, uses those with an odd number, says so, and writes a table of them.
"""

import gc
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from astropy import units as u
from astropy.table import Table, vstack
from click import Command
from lsst.ctrl.mpexec.cli.pipetask import cli as pipetask
from lsst.daf.butler import Butler
from lsst.daf.butler.cli.butler import cli as butler_command
from lsst.daf.butler.cli.utils import LogCliRunner
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)

from gnomon.demo.ingest import make_repository
from gnomon.demo.night import read_night
from gnomon.measurements import Job, Measurement

INPUTS = "DemoCamera/catalogs"
RAW = "star_catalog"
VISIT = ("instrument", "visit", "detector")
NIGHT = ("instrument", "day_obs")


class CalibrateConnections(PipelineTaskConnections, dimensions=VISIT):
    raw = connectionTypes.Input(doc="raw", name=RAW, storageClass="ArrowAstropy", dimensions=VISIT)
    calibrated = connectionTypes.Output(
        doc="made", name="calibrated", storageClass="ArrowAstropy", dimensions=VISIT
    )


class CalibrateConfig(PipelineTaskConfig, pipelineConnections=CalibrateConnections):
    pass


class CalibrateTask(PipelineTask):
    ConfigClass = CalibrateConfig
    _DefaultName = "calibrate"

    def run(self, raw: Table) -> Struct:
        return Struct(calibrated=raw.copy())


class MeasureConnections(PipelineTaskConnections, dimensions=VISIT):
    calibrated = connectionTypes.Input(
        doc="calibrated", name="calibrated", storageClass="ArrowAstropy", dimensions=VISIT, deferLoad=True
    )
    measurement = connectionTypes.Output(
        doc="one", name="metricvalue_lineage_stars", storageClass="MetricValue", dimensions=VISIT
    )
    bundle = connectionTypes.Output(
        doc="several", name="metricbundle_lineage_all", storageClass="GnomonMetricBundle", dimensions=VISIT
    )


class MeasureConfig(PipelineTaskConfig, pipelineConnections=MeasureConnections):
    pass


class MeasureTask(PipelineTask):
    ConfigClass = MeasureConfig
    _DefaultName = "measure"

    def run(self, calibrated: Any) -> Struct:
        stars = Measurement("lineage.stars", len(calibrated.get()) * u.dimensionless_unscaled)
        return Struct(measurement=stars, bundle=Job([Measurement("lineage.stars", 2 * u.one)]))


class StackConnections(PipelineTaskConnections, dimensions=NIGHT):
    calibrated = connectionTypes.Input(
        doc="calibrated", name="calibrated", storageClass="ArrowAstropy", dimensions=VISIT, multiple=True
    )
    stacked = connectionTypes.Output(
        doc="made", name="stacked", storageClass="ArrowAstropy", dimensions=NIGHT
    )
    used = connectionTypes.Output(
        doc="a table of what went in", name="stacked_inputs", storageClass="ArrowAstropy", dimensions=NIGHT
    )


class StackConfig(PipelineTaskConfig, pipelineConnections=StackConnections):
    pass


class StackTask(PipelineTask):
    ConfigClass = StackConfig
    _DefaultName = "stack"

    def runQuantum(self, butlerQC: Any, inputRefs: Any, outputRefs: Any) -> None:
        tables, rows = [], []
        for ref in inputRefs.calibrated:
            table = butlerQC.get(ref)
            good = ref.dataId["visit"] % 2 == 1
            butlerQC.add_additional_provenance(ref, {"used": "stacked" if good else False})
            if good:
                tables.append(table)
                rows.append(dict(ref.dataId.required))
        inputs = Table(rows=rows, names=VISIT)
        stacked = vstack(tables, metadata_conflicts="silent")
        butlerQC.put(Struct(stacked=stacked, used=inputs), outputRefs)


PIPELINE = {
    "description": "Three steps.",
    "tasks": {
        "calibrate": f"{__name__}.CalibrateTask",
        "measure": f"{__name__}.MeasureTask",
        "stack": f"{__name__}.StackTask",
    },
}


@dataclass(frozen=True)
class Processed:
    """A repository in which the pipeline was run."""

    root: Path
    run: str
    predicted: Path
    """The graph that was run."""
    finished: Path | None
    """The provenance graph of the run, where it was made."""

    def butler(self) -> Butler:
        return Butler.from_config(str(self.root))

    def ids(self, dataset_type: str, *, collections: str | None = None) -> dict[Any, uuid.UUID]:
        """Give the UUIDs of the datasets of a type by visit, or by night."""
        with self.butler() as butler:
            refs = butler.query_datasets(
                dataset_type, collections=collections or self.run, explain=False, limit=None
            )
            return {ref.dataId.get("visit", ref.dataId.get("day_obs")): ref.id for ref in refs}


def command(group: Command, *arguments: str) -> None:
    """Run a command in this process."""
    with warnings.catch_warnings():
        # A process of its own would end here and with it the connections that the command leaves open.
        warnings.simplefilter("ignore")
        result = LogCliRunner().invoke(group, list(arguments))
        gc.collect()
    assert result.exit_code == 0, f"{arguments}: {result.output} {result.exception!r}"


def make_steps_night(make_night: Callable[..., Table], folder: Path) -> Path:
    """Make a repository with the catalogs of seven visits."""
    make_night(visits=7, stars=4).write(folder / "night.ecsv")
    make_repository(folder / "night", read_night(folder / "night.ecsv"), progress=lambda done, total: None)
    return folder / "night"


def process(
    night: Path,
    folder: Path,
    *,
    aggregate: Iterable[str] | None = (),
    quantum_backed: bool = False,
) -> Processed:
    """Run the pipeline over all visits of a copy of a repository.

    ``aggregate`` are options of ``butler aggregate-graph``; None means that it is not run.
    """
    root = shutil.copytree(night, folder / "repo")
    pipeline, predicted, finished = folder / "steps.yaml", folder / "steps.qg", folder / "finished.qg"
    pipeline.write_text(yaml.safe_dump(PIPELINE))
    run = "steps/run"
    output = ["-o", "steps", "--output-run", run]
    planned = ["-b", str(root), "-p", str(pipeline), "-i", INPUTS, *output]
    command(pipetask, "qgraph", *planned, "--save-qgraph", str(predicted), "--qgraph-datastore-records")
    if quantum_backed:
        command(pipetask, "pre-exec-init-qbb", str(root), str(predicted))
        command(pipetask, "run-qbb", str(root), str(predicted))
    else:
        command(pipetask, "run", "-b", str(root), "-g", str(predicted), *output, "--register-dataset-types")
    if aggregate is None:
        return Processed(root, run, predicted, None)
    command(
        butler_command,
        "aggregate-graph",
        str(predicted),
        str(root),
        "-o",
        str(finished),
        *aggregate,
    )
    return Processed(root, run, predicted, finished)
