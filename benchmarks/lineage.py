"""Lineage: a graph of 100,000 quanta and more than a million edges, recorded and walked.

The campaign is made up: raws with nine calibrations each, images, catalogs, coadds of 57 images, objects of
three coadds. Its graph is written as the middleware writes graphs, read from there, recorded on SQLite and on
PostgreSQL. Beside the figures stands what the middleware and networkx do in the same run: reading a graph
of a part of the campaign into memory, and walking there.

Run it with ``.venv/bin/python benchmarks/lineage.py [--quanta 100000] [--middleware 10000] [--postgresql
URI]``. Without a URI it starts a PostgreSQL in a temporary folder. CPU time is that of this process; on
PostgreSQL the server's comes on top, so that wall time stands beside it.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import new_class
from typing import Any

import networkx
import polars as pl
from lsst.daf.butler import DimensionDataAttacher, DimensionUniverse
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskImportMode
from lsst.pipe.base.quantum_graph import (
    PredictedDatasetModel,
    PredictedInitQuantaModel,
    PredictedQuantumDatasetsModel,
    PredictedQuantumGraph,
    PredictedQuantumGraphComponents,
    PredictedThinGraphModel,
    PredictedThinQuantumModel,
)

from gnomon.repository.lineage import Edge, Lineage, open_lineage
from gnomon.repository.lineage.graph_files import GraphEdges, read_graph

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.timing import show, timed

IMAGE = ("instrument", "exposure", "detector")
PATCH = ("skymap", "tract", "patch", "band")
SKY = ("skymap", "tract", "patch")
INPUTS_OF_A_COADD = 57
UNSEEN = TaskImportMode.DO_NOT_IMPORT


def task(name: str, dimensions: tuple[str, ...], inputs: dict[str, tuple[str, ...]], output: str) -> Any:
    """Make a task that is never run."""
    connections: dict[str, Any] = {
        given: connectionTypes.Input(
            doc=given, name=given, storageClass="ArrowAstropy", dimensions=own, multiple=True
        )
        for given, own in inputs.items()
    }
    connections[output] = connectionTypes.Output(
        doc=output, name=output, storageClass="ArrowAstropy", dimensions=dimensions
    )
    made = new_class(
        f"{name}Connections",
        (PipelineTaskConnections,),
        {"dimensions": dimensions},
        lambda body: body.update(connections),
    )
    config = new_class(f"{name}Config", (PipelineTaskConfig,), {"pipelineConnections": made})
    return type(name, (PipelineTask,), {"ConfigClass": config, "_DefaultName": name, "run": Struct})


TASKS = {
    "isr": task("isr", IMAGE, {"raw": IMAGE, "calibration": ("instrument", "detector")}, "image"),
    "detect": task("detect", IMAGE, {"image": IMAGE}, "catalog"),
    "coadd": task("coadd", PATCH, {"image": IMAGE}, "coadd"),
    "measure": task("measure", SKY, {"coadd": PATCH}, "objects"),
}
for _name, _task in TASKS.items():
    setattr(sys.modules[__name__], _name, _task)
    _task.__module__ = __name__


def dataset(name: str, values: list[int | str], run: str = "campaign/run") -> PredictedDatasetModel:
    """Make up a dataset."""
    return PredictedDatasetModel.model_construct(
        dataset_id=uuid.UUID(int=CHANCE.getrandbits(128)),
        dataset_type_name=name,
        data_coordinate=values,
        run=run,
    )


CHANCE = random.Random(20261126)


def campaign(quanta: int) -> Iterator[tuple[str, list[PredictedDatasetModel], PredictedDatasetModel]]:
    """Make up the inputs and the output of each quantum: of ten, four images, four catalogs, 1.5 coadds."""
    images = quanta * 4 // 10
    calibrations = [dataset("calibration", ["LSSTCam", n], "calib") for n in range(200)]
    made = []
    for number in range(images):
        values: list[int | str] = ["LSSTCam", number % 189, number // 189, "r", 20260301, "g", "r_57"]
        raw = dataset("raw", values, "raw/all")
        image = dataset("image", values)
        made.append(image)
        yield "isr", [raw, *CHANCE.sample(calibrations, 9)], image
        yield "detect", [image], dataset("catalog", values)
    coadds = []
    for number in range(quanta * 15 // 100):
        coadd = dataset("coadd", ["r", "sky", number // 100, number % 100])
        coadds.append(coadd)
        yield "coadd", CHANCE.sample(made, min(INPUTS_OF_A_COADD, len(made))), coadd
    for number in range(quanta * 5 // 100):
        objects = dataset("objects", ["sky", number // 100, number % 100])
        yield "measure", coadds[3 * number : 3 * number + 3], objects


def write(quanta: int, path: Path) -> None:
    """Write the graph of a campaign, as the middleware does."""
    graph = PipelineGraph(universe=DimensionUniverse())
    for label, cls in TASKS.items():
        graph.add_task(label, cls, cls.ConfigClass())
    graph.resolve(dimensions=DimensionUniverse(), dataset_types={})
    components = PredictedQuantumGraphComponents(pipeline_graph=graph)
    thin: dict[str, list[PredictedThinQuantumModel]] = {label: [] for label in TASKS}
    for label, inputs, output in campaign(quanta):
        identifier = uuid.UUID(int=CHANCE.getrandbits(128))
        by_type: dict[str, list[PredictedDatasetModel]] = {}
        for given in inputs:
            by_type.setdefault(given.dataset_type_name, []).append(given)
        components.quantum_datasets[identifier] = PredictedQuantumDatasetsModel.model_construct(
            quantum_id=identifier,
            task_label=label,
            data_coordinate=output.data_coordinate,
            inputs=by_type,
            outputs={output.dataset_type_name: [output]},
            datastore_records={},
        )
        thin[label].append(
            PredictedThinQuantumModel.model_construct(
                quantum_id=identifier, data_coordinate=output.data_coordinate
            )
        )
    components.thin_graph = PredictedThinGraphModel.model_construct(quanta=thin, edges=[])
    components.init_quanta = PredictedInitQuantaModel.model_construct(root=[])
    components.header.n_task_quanta = {label: len(some) for label, some in thin.items()}
    components.header.n_quanta = sum(map(len, thin.values()))
    components.header.output_run = "campaign/run"
    components.dimension_data = DimensionDataAttacher(dimensions=DimensionUniverse().empty)
    components.write(str(path), zstd_level=1)


def ends(graph: GraphEdges) -> dict[str, list[bytes]]:
    """Choose the datasets that are asked about."""
    of = graph.datasets.partition_by("dataset_type", as_dict=True)
    return {str(name): frame["dataset"].sort().to_list() for (name,), frame in of.items()}


def measure(lineage: Lineage, graph: GraphEdges) -> None:
    """Print the figures of one database."""
    wall, cpu, added = timed(lambda: lineage.record(graph.edges, datasets=graph.datasets))
    show("record", wall, cpu, f"{added.edges:,} edges, {added.datasets:,} datasets")
    wall, cpu, added = timed(lambda: lineage.record(graph.edges, datasets=graph.datasets))
    show("record the same again", wall, cpu, f"{added.edges} edges are new")
    chosen = ends(graph)
    questions: dict[str, Callable[[], pl.DataFrame]] = {
        "ancestors of one dataset of objects": lambda: lineage.ancestors(chosen["objects"][:1]),
        "ancestors of 100 of them": lambda: lineage.ancestors(chosen["objects"][:100]),
        "descendants of one raw": lambda: lineage.descendants(chosen["raw"][:1]),
        "descendants of one calibration": lambda: lineage.descendants(chosen["calibration"][:1]),
        "all on the ways from it, named": lambda: lineage.ways(chosen["calibration"][0], down=True).nodes,
    }
    for what, question in questions.items():
        wall, cpu, found = timed(question, 3)
        show(what, wall, cpu, f"{found.height:,} datasets")
    top = uuid.UUID(int=1)
    lineage.record([Edge(top, uuid.UUID(bytes=one)) for one in chosen["objects"]])
    wall, cpu, found = timed(lambda: lineage.ancestors([top]), 2)
    show("ancestors of what everything was made for", wall, cpu, f"{found.height:,} datasets")


def beside(path: Path, quanta: int) -> None:
    """Print what the middleware and networkx do."""

    def load() -> Any:
        with PredictedQuantumGraph.open(str(path), import_mode=UNSEEN) as reader:
            reader.read_quantum_datasets()
            reader.read_thin_graph()
            reader.read_init_quanta()
            return reader.finish().bipartite_xgraph

    wall, cpu, graph = timed(load)
    show(f"the middleware reads a graph of {quanta:,} quanta", wall, cpu, f"{memory():.1f} GB at most")
    found = ends(read_graph(str(path)))
    for what, one, walk in (
        ("networkx walks up from objects", found["objects"][0], networkx.ancestors),
        ("networkx walks down from a raw", found["raw"][0], networkx.descendants),
        ("networkx walks down from a calibration", found["calibration"][0], networkx.descendants),
    ):
        wall, cpu, nodes = timed(lambda one=one, walk=walk: walk(graph, uuid.UUID(bytes=one)), 3)  # type: ignore[misc]
        show(what, wall, cpu, f"{len(nodes):,} datasets and quanta")


def memory() -> float:
    """Give the most memory that this process ever had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@contextmanager
def postgresql(given: str | None) -> Iterator[tuple[str, str]]:
    """Give the address of a server and its name."""
    if given is not None:
        yield given, "given"
        return
    tool = Path(__file__).parents[1] / "tools" / "postgresql.py"
    with tempfile.TemporaryDirectory(prefix="gnomon-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", tool, f"{folder}/server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        address, name = process.stdout.readline().split()
        try:
            yield address, name
        finally:
            process.communicate("")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quanta", type=int, default=100_000)
    parser.add_argument("--middleware", type=int, default=10_000, help="quanta of the graph that it reads")
    parser.add_argument("--postgresql", metavar="URI")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-") as folder:
        part, whole = Path(folder) / "part.qg", Path(folder) / "whole.qg"
        write(options.middleware, part)
        write(options.quanta, whole)
        print(f"A graph of {options.quanta:,} quanta, a file of {whole.stat().st_size / 2**20:.0f} MB")
        wall, cpu, _ = timed(lambda: read_graph(str(part)))
        show(
            f"gnomon reads a graph of {options.middleware:,} quanta", wall, cpu, f"{memory():.1f} GB at most"
        )
        wall, cpu, graph = timed(lambda: read_graph(str(whole)))
        show("gnomon reads the whole", wall, cpu, f"{memory():.1f} GB at most")
        print("SQLite")
        with open_lineage(Path(folder) / "lineage.db") as lineage:
            measure(lineage, graph)
        with postgresql(options.postgresql) as (address, name):
            print(f"PostgreSQL ({name})")
            with open_lineage(address) as lineage:
                measure(lineage, graph)
        print("Beside it")
        beside(part, options.middleware)


if __name__ == "__main__":
    main()
