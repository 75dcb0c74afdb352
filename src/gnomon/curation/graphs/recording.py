"""The record of what was left out, in a graph and in its output run.

A graph's header says in short what was left out: every job of a batch system reads it. The whole record goes
into the configuration of a task that has no quanta, so that it stays in the graph when the graph is copied to
another run, and is written as that task's init-output wherever a run is initialized: by ``pipetask run``, by
``pipetask pre-exec-init-qbb`` and in a batch system.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from lsst.daf.butler import (
    Butler,
    DataCoordinate,
    DatasetRef,
    MissingCollectionError,
    MissingDatasetTypeError,
)
from lsst.pipe.base.quantum_graph import (
    PredictedDatasetModel,
    PredictedQuantumDatasetsModel,
    PredictedQuantumGraphComponents,
)

from gnomon.curation.graphs.record import encode
from gnomon.curation.graphs.recording_task import DATASET_TYPE, RecordExclusionsConfig, RecordExclusionsTask

__all__ = ["HEADER_KEY", "add_head", "add_record"]

HEADER_KEY = "gnomon_exclusions"
"""Under what the metadata of a graph's header say what was left out."""


def add_head(components: PredictedQuantumGraphComponents, head: Mapping[str, Any]) -> None:
    """Say in the header of a graph what was left out.

    Parameters
    ----------
    components
        The graph.
    head
        See `gnomon.curation.graphs.record.head_of`.
    """
    components.header.metadata[HEADER_KEY] = dict(head)


def add_record(components: PredictedQuantumGraphComponents, record: pa.Table, butler: Butler) -> str:
    """Let a graph carry a record that its output run will hold.

    Parameters
    ----------
    components
        The finished graph.
    record
        The record.
    butler
        Client of the repository.

    Returns
    -------
    str
        The dataset type of the record: ``gnomon_exclusions``, or, in a run that has one already and is
        extended, ``gnomon_exclusions_2`` and so on.
    """
    name = _free_name(butler, str(components.header.output_run))
    config: Any = RecordExclusionsConfig()  # type: ignore[no-untyped-call]
    config.connections.exclusions = name
    config.record = encode(record)
    pipeline_graph = components.pipeline_graph
    pipeline_graph.add_task(name, RecordExclusionsTask, config)
    pipeline_graph.resolve(butler.registry)
    pipeline_graph.sort()
    empty = DataCoordinate.make_empty(butler.dimensions)
    outputs = {
        edge.connection_name: [
            PredictedDatasetModel.from_dataset_ref(
                DatasetRef(
                    pipeline_graph.dataset_types[edge.parent_dataset_type_name].dataset_type,
                    empty,
                    run=str(components.header.output_run),
                )
            )
        ]
        for edge in pipeline_graph.tasks[name].init.iter_all_outputs()
    }
    components.init_quanta.root.append(
        PredictedQuantumDatasetsModel.model_construct(
            quantum_id=uuid.uuid4(), task_label=name, outputs=outputs
        )
    )
    # A task of which all quanta were run before looks the same.
    components.thin_graph.quanta[name] = []
    components.header.n_task_quanta[name] = 0
    components.header.n_datasets += len(outputs)
    return name


def _free_name(butler: Butler, run: str) -> str:
    """Give a dataset type of which the run has no dataset yet."""
    number = 1
    while True:
        name = DATASET_TYPE if number == 1 else f"{DATASET_TYPE}_{number}"
        try:
            if not butler.query_datasets(name, collections=[run], explain=False, limit=1):
                return name
        except (MissingCollectionError, MissingDatasetTypeError):
            return name
        number += 1
