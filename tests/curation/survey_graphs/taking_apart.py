"""Graphs of a survey taken apart, and what the tests of them share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from lsst.daf.butler import (
    Butler,
    DatasetRef,
)
from lsst.pipe.base import (
    Pipeline,
)
from lsst.pipe.base.all_dimensions_quantum_graph_builder import (
    AllDimensionsQuantumGraphBuilder,
)
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph, PredictedQuantumGraphComponents

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.exclusions import Exclusions, Selection, find_exclusions
from gnomon.curation.graphs import Graph, build_graph
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey

BOT, ALICE = Actor("cloud-bot", "bot"), Actor("alice", "human")


CAMERA = "SurveyCamera"


RUN = "u/test/run"


type Key = tuple[str, tuple[Any, ...]]


class Quantum(NamedTuple):
    """A quantum taken apart: datasets by type and data ID, those that exist already with their UUID."""

    reads: frozenset[tuple[Any, ...]]
    writes: frozenset[tuple[Any, ...]]
    data_id: Mapping[str, Any]


def taken_apart(components: PredictedQuantumGraphComponents) -> dict[Key, Quantum]:
    """Give the quanta of a graph by task and data ID, with all edges."""
    graph = PredictedQuantumGraph(components)
    quanta = {}
    for quantum in graph.build_execution_quanta().values():
        assert quantum.taskName is not None
        assert quantum.dataId is not None
        label = quantum.taskName.rpartition(".")[2].removesuffix("Task").lower()
        quanta[label, quantum.dataId.required_values] = Quantum(
            frozenset(map(_named, (ref for refs in quantum.inputs.values() for ref in refs))),
            frozenset(map(_named, (ref for refs in quantum.outputs.values() for ref in refs))),
            dict(quantum.dataId.mapping),
        )
    return quanta


def _named(ref: DatasetRef) -> tuple[Any, ...]:
    return (ref.datasetType.name, ref.dataId.required_values, None if ref.run == RUN else ref.id)


def stock(
    butler: Butler, survey: Survey, pipeline: Pipeline | None = None, **options: Any
) -> dict[Key, Quantum]:
    builder = AllDimensionsQuantumGraphBuilder(
        (survey_pipeline() if pipeline is None else pipeline).to_graph(),
        butler,
        **{"input_collections": list(survey.inputs), "output_run": RUN} | options,
    )
    return taken_apart(builder.finish())


def graph_of(
    butler: Butler, survey: Survey, exclusions: Exclusions, pipeline: Pipeline | None = None, **options: Any
) -> Graph:
    return build_graph(
        butler,
        survey_pipeline() if pipeline is None else pipeline,
        exclusions=exclusions,
        **{"inputs": list(survey.inputs), "output_run": RUN} | options,
    )


def closure(
    quanta: Mapping[Key, Quantum],
    *,
    quantum: Callable[[Key, Quantum], bool],
    dataset: Callable[[tuple[Any, ...]], bool],
    optional: Iterable[str] = ("reference_stars",),
) -> dict[Key, Quantum]:
    """Recount what is left: a quantum stays if it has one dataset at least of each type that it read."""
    left = {key: one for key, one in quanta.items() if not quantum(key, one)}
    while True:
        made = {written for one in left.values() for written in one.writes}
        kept = {}
        for key, one in left.items():
            reads = frozenset(r for r in one.reads if not dataset(r) and (r[2] is not None or r in made))
            needed = {name for name, *_ in one.reads} - set(optional)
            if needed <= {name for name, *_ in reads}:
                kept[key] = one._replace(reads=reads)
        if kept == left:
            return kept
        left = kept


def visit(number: int, **more: Any) -> Target:
    element = "detector" if "detector" in more else "visit"
    return Target.dimension(element, {"instrument": CAMERA, "visit": number, **more})


def exposure(number: int) -> Target:
    return Target.dimension("exposure", {"instrument": CAMERA, "exposure": number})


def mark(
    log: Annotations, *targets: Target, flag: str = "junk", actor: Actor = BOT, state: Any = "set"
) -> None:
    log.add(targets=targets, flags=[Assertion(flag, state, "too dark")], actor=actor)


def asked(log: Annotations, butler: Butler, **selection: Any) -> Exclusions:
    chosen = Selection(**({"exclude_flags": ("junk",)} | selection))
    return find_exclusions(chosen, annotations=log, butler=butler)


def find(butler: Butler, kind: str, survey: Survey, **data_id: Any) -> DatasetRef:
    ref = butler.find_dataset(kind, instrument=CAMERA, collections=survey.inputs, **data_id, timespan=None)
    assert ref is not None
    return ref


def raw(butler: Butler, survey: Survey, place: int, detector: int) -> DatasetRef:
    return find(butler, "raw", survey, exposure=survey.exposures[place], detector=detector)


def visit_key(data_id: Mapping[str, Any]) -> str:
    """The key of the exposure that is a visit's only one and has its number."""
    return exposure(data_id["visit"]).key if "visit" in data_id else ""
