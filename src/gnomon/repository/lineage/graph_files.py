"""Edges from files of quantum graphs: those that say what shall run, and those that say what ran.

The middleware's own readers make an object of every dataset and a graph of all, which for a large run takes
minutes and gigabytes. Of what is in the files only UUIDs, labels and names are needed, so their blocks are
read one by one and put into columns.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from lsst.pipe.base.pipeline_graph import TaskImportMode
from lsst.pipe.base.quantum_graph import (
    MultiblockReader,
    PredictedQuantumGraphReader,
    ProvenanceQuantumGraphReader,
)
from lsst.resources import ResourcePath
from pydantic import ValidationError
from pydantic_core import from_json

from gnomon.errors import LineageError
from gnomon.repository.lineage.edges import DATASETS, EDGES, data_id_text

__all__ = ["GraphEdges", "read_graph"]

type Progress = Callable[[int, int], None]

_TOLD = 1000


@dataclass(frozen=True)
class GraphEdges:
    """What a graph says.

    Attributes
    ----------
    edges
        In the schema `gnomon.repository.lineage.EDGES`, all *predicted*.
    datasets
        In the schema `gnomon.repository.lineage.DATASETS`.
    finished
        Whether the run had finished, so that what was not made in the end is not among them.
    """

    edges: pl.DataFrame
    datasets: pl.DataFrame
    finished: bool


@dataclass
class _Columns:
    """What is read, as columns: a quantum's place stands for it."""

    quanta: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    inputs: tuple[list[int], list[str]] = field(default_factory=lambda: ([], []))
    outputs: tuple[list[int], list[str]] = field(default_factory=lambda: ([], []))
    datasets: dict[str, tuple[str, list[Any], str]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def add(self, quantum_id: str, task: str) -> int:
        self.quanta.append(quantum_id)
        self.tasks.append(task)
        return len(self.quanta) - 1

    def link(self, place: int, inputs: Iterator[str], outputs: Iterator[str]) -> None:
        for (places, ids), given in ((self.inputs, inputs), (self.outputs, outputs)):
            before = len(ids)
            ids.extend(given)
            places.extend([place] * (len(ids) - before))


def _silent(done: int, total: int) -> None:
    """Show nothing."""


def read_graph(uri: str | ResourcePath, *, progress: Progress = _silent) -> GraphEdges:
    """Read what a quantum graph says was made, or shall be made, from what.

    Parameters
    ----------
    uri
        A file that ``pipetask qgraph`` or ``gnomon qgraph build`` wrote, or ``butler aggregate-graph``.
    progress
        Told how many of how many quanta are read.

    Returns
    -------
    GraphEdges
        From each output of each quantum to each of its inputs, metadata and logs among the outputs. Of a
        finished run, only what was made in the end, from what there was in the end.

    Raises
    ------
    LineageError
        If it cannot be read, or is no such file.
    """
    place = ResourcePath(uri, forceDirectory=False)
    with _translated(place):
        if not place.exists():
            raise LineageError(f"There is no file {place}.")
        if place.getExtension() == ".qgraph":
            raise LineageError(
                f"{place} is in the format before the present one; expected is one that ends in .qg."
            )
        kind = _kind_of(place)
        if kind == "provenance":
            return _read_provenance(place, progress)
        if kind == "predicted":
            return _read_predicted(place, progress)
    raise LineageError(f"{place} is a graph of kind {kind!r}; expected is predicted or provenance.")


@contextmanager
def _translated(place: ResourcePath) -> Iterator[None]:
    try:
        yield
    except LineageError:
        raise
    except (OSError, EOFError, RuntimeError, LookupError, ValueError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, ValidationError):
            message = f"{error.error_count()} parts of it are not what they should be"
        else:
            message = str(error) or type(error).__name__
        raise LineageError(f"{place} cannot be read as a quantum graph: {message}.") from error


def _kind_of(place: ResourcePath) -> str:
    """Say which kind of graph a file has; the readers each take one."""
    try:
        with ProvenanceQuantumGraphReader.open(place) as reader:
            return str(reader.header.graph_type)
    except TypeError as error:
        if "'predicted' graph" in str(error):
            return "predicted"
        raise


def _read_predicted(place: ResourcePath, progress: Progress) -> GraphEdges:
    with PredictedQuantumGraphReader.open(place, import_mode=TaskImportMode.DO_NOT_IMPORT) as reader:
        columns = _Columns()
        reader.read_init_quanta()
        for init in reader.components.init_quanta.root:
            _add_predicted(columns, init.model_dump(mode="json", exclude={"datastore_records"}))
        total = reader.header.n_quanta
        for count, block in enumerate(_blocks(reader, "quantum_datasets")):
            if count % _TOLD == 0:
                progress(count, total)
            _add_predicted(columns, block)
        progress(total, total)
        return _finish(columns, _dimensions(reader.pipeline_graph), finished=False)


def _add_predicted(columns: _Columns, quantum: Mapping[str, Any]) -> None:
    place = columns.add(quantum["quantum_id"], quantum["task_label"])
    ends = []
    for side in ("inputs", "outputs"):
        ids = []
        for datasets in quantum[side].values():
            for dataset in datasets:
                ids.append(dataset["dataset_id"])
                columns.datasets.setdefault(
                    dataset["dataset_id"],
                    (dataset["dataset_type_name"], dataset["data_coordinate"], dataset["run"]),
                )
        ends.append(ids)
    columns.link(place, iter(ends[0]), iter(ends[1]))


def _read_provenance(place: ResourcePath, progress: Progress) -> GraphEdges:
    with ProvenanceQuantumGraphReader.open(place, import_mode=TaskImportMode.DO_NOT_IMPORT) as reader:
        columns = _Columns()
        for init in _single_block(reader, "init_quanta"):
            number = columns.add(init["quantum_id"], init["task_label"])
            columns.link(number, iter(init["inputs"].values()), iter(init["outputs"].values()))
        total = reader.header.n_quanta
        for count, quantum in enumerate(_blocks(reader, "quanta")):
            if count % _TOLD == 0:
                progress(count, total)
            number = columns.add(quantum["quantum_id"], quantum["task_label"])
            columns.link(
                number,
                (one for ids in quantum["inputs"].values() for one in ids),
                (one for ids in quantum["outputs"].values() for one in ids),
            )
        for dataset in _blocks(reader, "datasets"):
            identifier = dataset["dataset_id"]
            columns.datasets[identifier] = (
                dataset["dataset_type_name"],
                dataset["data_coordinate"],
                dataset["run"],
            )
            if not dataset["produced"]:
                columns.absent.add(identifier)
        progress(total, total)
        return _finish(columns, _dimensions(reader.pipeline_graph), finished=True)


def _blocks(reader: Any, name: str) -> Iterator[dict[str, Any]]:
    """Give what is in a file of many blocks within a graph, each as plain values."""
    for block in MultiblockReader.read_all_bytes_in_zip(
        reader.zf, name, int_size=reader.header.int_size, page_size=reader.page_size
    ):
        yield from_json(reader.decompressor.decompress(block))


def _single_block(reader: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = from_json(
        reader.decompressor.decompress(reader.zf.read(f"{name}.json.zst"))
    )
    return found


def _dimensions(pipeline_graph: Any) -> dict[str, tuple[str, ...]]:
    """Give the names of the values of the data IDs of each dataset type."""
    return {
        name: tuple(node.dimensions.data_coordinate_keys)
        for name, node in pipeline_graph.dataset_types.items()
        if node is not None
    }


def _finish(columns: _Columns, dimensions: Mapping[str, tuple[str, ...]], *, finished: bool) -> GraphEdges:
    absent = pl.Series(sorted(columns.absent), dtype=pl.String)
    quanta = pl.DataFrame(
        {"quantum": columns.quanta, "task": columns.tasks}, schema={"quantum": pl.String, "task": pl.String}
    ).with_row_index("place")
    parents = _side(columns.inputs, "parent").filter(~pl.col("parent").is_in(absent))
    children = _side(columns.outputs, "child").filter(~pl.col("child").is_in(absent))
    edges = (
        children.join(parents, on="place")
        .filter(pl.col("child") != pl.col("parent"))
        .join(quanta, on="place")
        .select(
            _bytes("child"), _bytes("parent"), pl.lit("predicted").alias("kind"), _bytes("quantum"), "task"
        )
        .unique()
    )
    rows = [
        (identifier, kind, _data_id(dimensions.get(kind), values), run)
        for identifier, (kind, values, run) in columns.datasets.items()
        if identifier not in columns.absent
    ]
    datasets = pl.DataFrame(
        rows,
        schema={"dataset": pl.String, **dict.fromkeys(DATASETS.names()[1:], pl.String)},
        orient="row",
    ).with_columns(_bytes("dataset"))
    return GraphEdges(edges.select(EDGES.names()), datasets, finished)


def _side(given: tuple[list[int], list[str]], name: str) -> pl.DataFrame:
    places, ids = given
    return pl.DataFrame({"place": places, name: ids}, schema={"place": pl.UInt32, name: pl.String}).unique()


def _bytes(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all("-", "", literal=True).str.decode("hex").alias(name)


def _data_id(names: tuple[str, ...] | None, values: list[Any]) -> str | None:
    if names is None or len(names) != len(values):
        return None
    return data_id_text(dict(zip(names, values, strict=True)))
