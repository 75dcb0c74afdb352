"""Graphs of a survey: the stock graph less exactly what is left out and what cannot be made without it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
    DataCoordinate,
    DatasetRef,
    DatasetType,
)
from lsst.pipe.base import (
    Pipeline,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    connectionTypes,
)
from lsst.pipe.base.all_dimensions_quantum_graph_builder import (
    AllDimensionsQuantumGraphBuilder,
    DatasetQueryConstraintVariant,
)
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph, PredictedQuantumGraphComponents

from gnomon import times
from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Exclusions, Selection, find_exclusions
from gnomon.curation.graphs import Graph, build_graph
from gnomon.curation.graphs.accounts import Accounts
from gnomon.curation.graphs.warnings import warnings_of
from gnomon.errors import ExclusionError, GraphLossError
from gnomon.repository.configuration import open_butler
from gnomon.repository.lineage import Edge, open_lineage
from gnomon.store import open_store
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey, make_survey

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


@pytest.fixture(scope="module")
def butler(survey: Survey) -> Iterator[Butler]:
    with open_butler(survey.folder) as client:
        yield client


@pytest.fixture(scope="module")
def everything(butler: Butler, survey: Survey) -> dict[Key, Quantum]:
    return stock(butler, survey)


def find(butler: Butler, kind: str, survey: Survey, **data_id: Any) -> DatasetRef:
    ref = butler.find_dataset(kind, instrument=CAMERA, collections=survey.inputs, **data_id, timespan=None)
    assert ref is not None
    return ref


def raw(butler: Butler, survey: Survey, place: int, detector: int) -> DatasetRef:
    return find(butler, "raw", survey, exposure=survey.exposures[place], detector=detector)


OPTIONS: list[dict[str, Any]] = [
    {},
    {
        "where": "instrument = 'SurveyCamera' AND detector > 0 AND band = 'r'",
        "data_id_tables": [Table({"instrument": [CAMERA] * 2, "detector": [0, 1]})],
        "dataset_query_constraint": DatasetQueryConstraintVariant.OFF,
    },
    {"prune_unanchored_quanta": ("detrend", "night"), "where": "visit > 2026030100003"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_without_exclusions_the_graph_is_the_stock_one_edge_by_edge(
    butler: Butler, survey: Survey, options: dict[str, Any]
) -> None:
    graph = graph_of(butler, survey, find_exclusions(Selection()), **options)
    assert taken_apart(graph.components) == stock(butler, survey, **options)
    assert graph.components.pipeline_graph.tasks.keys() == {"detrend", "measure", "visit", "night"}
    assert "gnomon_exclusions" not in graph.components.header.metadata


def test_exclusions_that_touch_nothing_leave_the_stock_graph(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    mark(log, visit(7), exposure(8), Target.dataset("01920000-0000-7000-8000-000000000001"))
    graph = graph_of(butler, survey, asked(log, butler))
    assert taken_apart(graph.components) == everything
    assert graph.left_out == ()


def test_a_flagged_exposure_takes_its_visit_with_it_only_by_inheritance(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    _, second = survey.exposures_of(survey.visit_ids[1])
    mark(log, exposure(second))
    alone = taken_apart(graph_of(butler, survey, asked(log, butler, inherit=None)).components)
    assert alone == closure(
        everything,
        quantum=lambda key, one: one.data_id.get("exposure") == second,
        dataset=lambda one: one[0] in ("raw", "detrended") and one[1][2] == second,
    )
    assert ("measure", (CAMERA, 0, survey.visit_ids[1])) in alone
    whole = graph_of(butler, survey, asked(log, butler))
    assert taken_apart(whole.components) == closure(
        everything,
        quantum=lambda key, one: (
            one.data_id.get("exposure") == second or one.data_id.get("visit") == survey.visit_ids[1]
        ),
        dataset=lambda one: one[0] == "raw" and one[1][2] == second,
    )
    inherited = {one.why.reason for one in whole.left_out if one.why.rule == "inherited"}
    assert len(inherited) == 1
    assert "1 of 2 exposures is junk" in inherited.pop()


def test_one_detector_s_raw_goes_from_among_what_reads_many(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    gone = [raw(butler, survey, place, 1) for place in (4, 5)]  # both exposures of the third visit
    mark(log, *(Target.dataset(ref.id) for ref in gone))
    graph = graph_of(butler, survey, asked(log, butler))
    ours = taken_apart(graph.components)
    ids = {ref.id for ref in gone}
    assert ours == closure(everything, quantum=lambda *_: False, dataset=lambda one: one[2] in ids)
    third = survey.visit_ids[2]
    table = ours["visit", (CAMERA, third)]
    assert {one[1][1] for one in table.reads if one[0] == "catalog"} == {0, 2}
    assert [(one.task, one.data_id["detector"]) for one in graph.pruned] == [
        ("detrend", 1), ("detrend", 1), ("measure", 1)
    ]  # fmt: skip
    lost = {
        task.label: (task.expected - task.remaining, task.inputs_expected - task.inputs_remaining)
        for task in graph.tasks
    }
    assert lost == {"detrend": (2, 4), "measure": (1, 2), "visit": (0, 1), "night": (0, 1)}


def test_a_mark_on_a_data_id_of_a_type_covers_what_is_yet_to_be_made(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    third = survey.visit_ids[2]
    data_id: dict[str, int | str] = {"instrument": CAMERA, "visit": third, "detector": 1}
    mark(log, Target.of_data_id(data_id, dataset_type="catalog"))
    graph = graph_of(butler, survey, asked(log, butler))
    assert taken_apart(graph.components) == closure(
        everything,
        quantum=lambda *_: False,
        dataset=lambda one: one[0] == "catalog" and one[1] == (CAMERA, 1, third),
    )
    assert ("measure", (CAMERA, 1, third)) in taken_apart(graph.components)
    assert Counter((one.effect, one.what) for one in graph.left_out) == {("output", "catalog"): 1}


def test_what_nothing_comes_of_any_more_is_pruned_and_counted(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    options: dict[str, Any] = {"prune_unanchored_quanta": ("detrend", "night")}
    second = survey.visit_ids[1]  # the only one of its night and filter
    for detector in range(3):
        data_id: dict[str, int | str] = {"instrument": CAMERA, "visit": second, "detector": detector}
        mark(log, Target.of_data_id(data_id, dataset_type="catalog"))
    everything = stock(butler, survey, **options)
    graph = graph_of(butler, survey, asked(log, butler), **options)
    ours = taken_apart(graph.components)
    gone = {second, *survey.exposures_of(second)}
    assert ours.keys() == {
        key
        for key, one in everything.items()
        if gone.isdisjoint((one.data_id.get("visit"), one.data_id.get("exposure")))
        and not (
            key[0] == "night"
            and one.data_id["physical_filter"] == "i"
            and key[1][1] == survey.night_of(second)
        )
    }
    counted = {task.label: (task.expected, task.pruned, task.remaining) for task in graph.tasks}
    assert counted == {"detrend": (36, 6, 30), "measure": (18, 3, 15), "visit": (6, 1, 5), "night": (4, 1, 3)}


def test_a_night_a_detector_and_a_filter_cover_what_they_are_part_of(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    night = survey.night_of(survey.visit_ids[0])
    mark(
        log,
        Target.dimension("day_obs", {"instrument": CAMERA, "day_obs": night}),
        Target.dimension("detector", {"instrument": CAMERA, "detector": 2}),
        Target.dimension("physical_filter", {"instrument": CAMERA, "physical_filter": "i"}),
    )

    def bad(one: Mapping[str, Any]) -> bool:
        return one.get("day_obs") == night or one.get("detector") == 2 or one.get("physical_filter") == "i"

    ours = taken_apart(graph_of(butler, survey, asked(log, butler)).components)
    assert ours == closure(
        everything,
        quantum=lambda key, one: bad(one.data_id),
        dataset=lambda one: one[0] == "bias" and one[1][1] == 2,
    )
    assert ours


def test_a_timespan_leaves_out_the_exposures_and_visits_that_overlap_it(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    (record,) = butler.query_dimension_records("exposure", instrument=CAMERA, exposure=survey.exposures[2])
    begin, end = (int(times.to_tai_us(t)) for t in (record.timespan.begin, record.timespan.end))
    gap = Target.timespan(end, end + 5_000_000, CAMERA)  # between two exposures
    mark(log, Target.timespan(end - 1_000_000, end + 1_000_000, CAMERA), flag="clouds")
    mark(log, gap)
    of_clouds = asked(log, butler, exclude_flags=("clouds",))
    data_ids: list[dict[str, int | str]] = [
        {"instrument": CAMERA, "exposure": one} for one in survey.exposures
    ]
    assert [place for place, why in enumerate(of_clouds.of_data_ids(data_ids)) if why] == [2]
    visits: list[dict[str, int | str]] = [{"instrument": CAMERA, "visit": one} for one in survey.visit_ids]
    assert [place for place, why in enumerate(of_clouds.of_data_ids(visits)) if why] == [1]
    # The gap lies within the visit, whose exposures it does not touch.
    of_gap = asked(log, butler)
    assert not any(of_gap.of_data_ids(data_ids))
    assert [place for place, why in enumerate(of_gap.of_data_ids(visits)) if why] == [1]
    assert begin < end


def test_what_overlaps_timespans_with_several_flags_has_all_of_them(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    number = survey.exposures[4]
    (record,) = butler.query_dimension_records("exposure", instrument=CAMERA, exposure=number)
    begin, end = (int(times.to_tai_us(one)) for one in (record.timespan.begin, record.timespan.end))
    spans = [
        Target.timespan(begin - before, end + after, instrument=CAMERA)
        for before, after in ((0, 0), (1, 1), (2, 0))
    ]
    for span, flag in zip(spans, ("clouds", "trailed", "fault"), strict=True):
        mark(log, span, flag=flag)
    detectors: list[dict[str, Any]] = [
        {"instrument": CAMERA, "exposure": number, "detector": n} for n in range(3)
    ]

    def left_out(*flags: str) -> list[bool]:
        exclusions = asked(log, butler, exclude_flags=flags, inherit=None)
        return [one is not None for one in exclusions.of_data_ids(detectors)]

    every = ("clouds", "trailed", "fault")
    assert left_out(*every) == [True] * 3
    one = Target.dimension("detector", detectors[1])
    for flag in every:
        assert left_out(*every) == [True] * 3  # by those that nobody cleared
        mark(log, one, flag=flag, actor=ALICE, state="clear")
    assert left_out(*every) == [True, False, True]
    # The exposure is part of the timespan.
    mark(log, exposure(number), flag="clouds", actor=ALICE, state="clear")
    assert left_out("clouds") == [False] * 3


def test_a_standing_query_leaves_out_what_it_gives_now(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    query = Target.query("exposure.seq_num < 3 AND instrument = 'SurveyCamera'", of="exposure")
    mark(log, query)
    log.add(targets=[query], tags=["twilight"], actor=BOT)
    data_ids: list[dict[str, int | str]] = [{"instrument": CAMERA, "exposure": n} for n in survey.exposures]
    early = [n % 100_000 < 3 for n in survey.exposures]
    for selection in ({}, {"exclude_flags": (), "exclude_tags": ("twilight",)}):
        answers = asked(log, butler, **selection).of_data_ids(data_ids)
        assert [why is not None for why in answers] == early
    visits: list[dict[str, int | str]] = [{"instrument": CAMERA, "visit": n} for n in survey.visit_ids]
    inherited = asked(log, butler).of_data_ids(visits)
    assert [why is not None for why in inherited] == [n % 100_000 < 3 for n in survey.visit_ids]


def test_a_flagged_run_and_tagged_collection_leave_out_their_datasets_and_a_chain_is_named(
    own_survey: Survey, log: Annotations
) -> None:
    survey = own_survey
    with open_butler(survey.folder, writeable=True) as butler:
        everything = stock(butler, survey)
        butler.collections.register("tagged", CollectionType.TAGGED)
        gone = raw(butler, survey, 3, 0)
        butler.registry.associate("tagged", [gone])
        mark(log, Target.collection("tagged"), flag="clouds")
        mark(log, Target.collection(survey.raw_run), flag="fault")
        mark(log, Target.collection(survey.calibrations), Target.collection("elsewhere"))
        tagged = graph_of(butler, survey, asked(log, butler, exclude_flags=("clouds",)))
        assert taken_apart(tagged.components) == closure(
            everything, quantum=lambda *_: False, dataset=lambda one: one[2] == gone.id
        )
        refs = [raw(butler, survey, 0, 0), find(butler, "reference_stars", survey)]
        of_run = asked(log, butler, exclude_flags=("fault",)).of_datasets(refs)
        assert [one is None for one in of_run] == [False, True]
        chained = graph_of(butler, survey, asked(log, butler))
        assert taken_apart(chained.components) == everything
        (warning,) = chained.warnings
        assert "leaves out nothing: it is a CHAINED collection" in warning


def test_a_required_flag_is_asked_of_observations_and_not_of_calibrations(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    good = survey.visit_ids[:3]
    mark(log, *(visit(one) for one in good), flag="recovered")
    mark(log, visit(good[2]), flag="recovered", actor=ALICE, state="clear")
    exclusions = asked(log, butler, exclude_flags=(), require_flags=("recovered",))
    graph = graph_of(butler, survey, exclusions)
    kept = {exposure for one in good[:2] for exposure in survey.exposures_of(one)}
    assert taken_apart(graph.components) == closure(
        everything, quantum=lambda *_: False, dataset=lambda one: one[0] == "raw" and one[1][2] not in kept
    )
    reasons = Counter(one.why.reason for one in graph.left_out)
    assert reasons == {"never examined": 3 * 2 * 3, "cleared: too dark": 2 * 3}
    (asked_for,) = graph.components.header.metadata["gnomon_exclusions"]["asked"]
    assert asked_for == {
        "rule": "require-flag",
        "name": "recovered",
        "asked": 6 * 2 * 3,
        "lacking": 4 * 2 * 3,
        "unknown": 3 * 2 * 3,
    }


def test_a_required_metric_of_visits_is_asked_of_their_raws(
    butler: Butler,
    survey: Survey,
    rows: Callable[..., pl.DataFrame],
    tmp_path: Path,
    everything: dict[Key, Quantum],
) -> None:
    store = open_store(tmp_path / "store")
    seeing = rows("demo.seeing", [0.8, 0.9, 1.3, 0.7], unit="arcsec", instrument=CAMERA)
    seeing = seeing.with_columns(visit=pl.Series(survey.visit_ids[:4]))
    store.append(seeing.to_arrow(), source="test")
    selection = Selection(require_metrics=("seeing < 1.2 arcsec",))
    exclusions = find_exclusions(selection, store=store, butler=butler)
    graph = graph_of(butler, survey, exclusions)
    kept = {exposure for place in (0, 1, 3) for exposure in survey.exposures_of(survey.visit_ids[place])}
    assert taken_apart(graph.components) == closure(
        everything, quantum=lambda *_: False, dataset=lambda one: one[0] == "raw" and one[1][2] not in kept
    )
    reasons = Counter(one.why.reason for one in graph.left_out)
    assert reasons == {"never measured": 2 * 2 * 3, "demo.seeing = 1.3 arcsec".removeprefix("demo."): 2 * 3}


def test_a_requirement_that_none_of_the_inputs_can_be_asked_is_refused(
    butler: Butler, survey: Survey, rows: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store")
    sky = rows("demo.sky", [1.0], instrument=CAMERA, visit=survey.visit_ids[0], skymap="sky", tract=1)
    store.append(sky.to_arrow(), source="test")
    exclusions = find_exclusions(Selection(require_metrics=("sky < 2",)), store=store, butler=butler)
    with pytest.raises(ExclusionError, match="could be asked of none of 36 inputs"):
        graph_of(butler, survey, exclusions)


def test_a_requirement_that_only_some_inputs_can_be_asked_is_named(
    rows: Callable[..., pl.DataFrame], tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store")
    store.append(rows("demo.sky", [1.0], detector=0).to_arrow(), source="test")
    exclusions = find_exclusions(Selection(require_metrics=("sky < 2",)), store=store)
    accounts = Accounts()
    accounts.ask(6, ("instrument", "visit", "detector"), exclusions.requirements)
    assert warnings_of(exclusions, [], accounts) == ()
    accounts.ask(2, ("instrument", "visit"), exclusions.requirements)
    accounts.ask(9, ("instrument", "detector"), exclusions.requirements)
    (warning,) = warnings_of(exclusions, [], accounts)
    assert "could be asked of 6 of 8 inputs that name an observation" in warning


def test_a_prerequisite_that_is_left_out_loses_the_quantum_or_is_replaced(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    new, old = (
        butler.find_dataset("bias", instrument=CAMERA, detector=1, collections=[run])
        for run in survey.calibration_runs
    )
    assert new is not None
    assert old is not None
    mark(log, Target.dataset(new.id))
    dropped = taken_apart(graph_of(butler, survey, asked(log, butler)).components)
    assert dropped == closure(everything, quantum=lambda *_: False, dataset=lambda one: one[2] == new.id)
    assert not any(one.data_id.get("detector") == 1 for one in dropped.values())
    graph = graph_of(butler, survey, asked(log, butler), on_shadow="fall-back")
    replaced = taken_apart(graph.components)
    assert replaced.keys() == everything.keys()
    assert {one[2] for quantum in replaced.values() for one in quantum.reads if one[0] == "bias"} == {
        old.id,
        *(find(butler, "bias", survey, detector=n).id for n in (0, 2)),
    }
    assert {(one.effect, one.dataset_id, one.instead) for one in graph.left_out} == {
        ("replaced", str(new.id), str(old.id))
    }


class WholeCameraConnections(PipelineTaskConnections, dimensions=("instrument", "visit")):
    """The biases of all detectors, which the middleware finds only together with everything else."""

    raws = connectionTypes.Input(
        doc="Raws.",
        name="raw",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "exposure", "detector"),
        multiple=True,
        deferLoad=True,
    )
    biases = connectionTypes.PrerequisiteInput(
        doc="Biases.",
        name="bias",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        multiple=True,
        minimum=3,
    )
    table = connectionTypes.Output(
        doc="A table.", name="camera", storageClass="StructuredDataDict", dimensions=("instrument", "visit")
    )


class WholeCameraConfig(PipelineTaskConfig, pipelineConnections=WholeCameraConnections):
    """Nothing to configure."""


class WholeCameraTask(PipelineTask):
    """Only stands in graphs."""

    ConfigClass = WholeCameraConfig
    _DefaultName = "camera"


def test_calibrations_that_are_found_only_together_are_replaced_too(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    pipeline = Pipeline("the whole camera")
    pipeline.addTask(WholeCameraTask, "camera")
    new, old = (
        butler.find_dataset("bias", instrument=CAMERA, detector=1, collections=[run])
        for run in survey.calibration_runs
    )
    assert new is not None
    assert old is not None
    mark(log, Target.dataset(new.id))
    with pytest.raises(GraphLossError):
        graph_of(butler, survey, asked(log, butler), pipeline)
    graph = graph_of(butler, survey, asked(log, butler), pipeline, on_shadow="fall-back")
    everything = stock(butler, survey, pipeline)
    found = taken_apart(graph.components)
    assert found.keys() == everything.keys()
    for key, quantum in found.items():
        assert quantum.reads ^ everything[key].reads == {
            ("bias", (CAMERA, 1), new.id),
            ("bias", (CAMERA, 1), old.id),
        }
    assert [(one.effect, one.instead) for one in graph.left_out] == [("replaced", str(old.id))]
    mark(log, Target.dataset(old.id))
    with pytest.raises(GraphLossError):
        graph_of(butler, survey, asked(log, butler), pipeline, on_shadow="fall-back")


def test_a_prerequisite_that_a_task_s_own_function_finds_is_left_out_too(
    butler: Butler, survey: Survey, log: Annotations, everything: dict[Key, Quantum]
) -> None:
    new = find(butler, "reference_stars", survey)
    mark(log, Target.dataset(new.id))
    dropped = taken_apart(graph_of(butler, survey, asked(log, butler)).components)
    assert dropped == closure(everything, quantum=lambda *_: False, dataset=lambda one: one[2] == new.id)
    assert len(dropped) == len(everything)  # the task can do without
    replaced = taken_apart(graph_of(butler, survey, asked(log, butler), on_shadow="fall-back").components)
    found = {one[2] for quantum in replaced.values() for one in quantum.reads if one[0] == "reference_stars"}
    assert len(found) == 1
    assert found != {new.id}


def test_a_task_that_cannot_do_without_what_its_own_function_finds_loses_the_quanta(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    pipeline = survey_pipeline()
    pipeline.addConfigOverride("visit", "needs_stars", True)
    everything = stock(butler, survey, pipeline)
    new = find(butler, "reference_stars", survey)
    mark(log, Target.dataset(new.id), visit(survey.visit_ids[0]))
    graph = graph_of(butler, survey, asked(log, butler), pipeline)
    assert taken_apart(graph.components) == closure(
        everything,
        quantum=lambda key, one: one.data_id.get("visit") == survey.visit_ids[0],
        dataset=lambda one: one[2] == new.id,
        optional=(),
    )
    lost = {task.label: (task.left_out, task.pruned, task.remaining) for task in graph.tasks}
    assert lost["visit"] == (1, 5, 0)
    assert next(one for one in graph.left_out if one.effect == "prerequisite").dataset_id == str(new.id)
    assert graph_of(butler, survey, asked(log, butler), pipeline, on_shadow="fall-back").quanta["visit"] == 5


def test_of_two_runs_with_the_same_data_id_the_older_is_used_only_where_that_is_meant(
    own_survey: Survey, log: Annotations
) -> None:
    survey = own_survey
    with open_butler(survey.folder, writeable=True) as butler:
        older = [raw(butler, survey, 0, detector) for detector in range(3)]
        butler.collections.register("again")
        newer = [butler.put({"counts": 2.0}, "raw", ref.dataId, run="again") for ref in older]
        inputs = ["again", *survey.inputs]
        mark(log, Target.dataset(newer[0].id), Target.dataset(newer[1].id), Target.dataset(older[1].id))

        def read(on_shadow: Any) -> dict[int, Any]:
            graph = graph_of(butler, survey, asked(log, butler), inputs=inputs, on_shadow=on_shadow)
            quanta = taken_apart(graph.components)
            first = survey.exposures[0]
            return {
                detector: one[2]
                for detector in range(3)
                for one in getattr(quanta.get(("detrend", (CAMERA, detector, first))), "reads", ())
                if one[0] == "raw"
            }

        assert read("drop") == {2: newer[2].id}
        assert read("fall-back") == {0: older[0].id, 2: newer[2].id}
        # A mark on the data ID itself is on every dataset that has it.
        mark(log, visit(survey.visit_ids[0]), exposure(survey.exposures[0]))
        assert read("fall-back") == {}


@contextmanager
def after_first_step(survey: Survey) -> Iterator[Butler]:
    """Give a repository in which detrending and measuring were done, in the run ``first``."""
    with open_butler(survey.folder, writeable=True) as butler:
        builder = AllDimensionsQuantumGraphBuilder(
            survey_pipeline(["detrend", "measure"]).to_graph(),
            butler,
            input_collections=list(survey.inputs),
            output_run="first",
        )
        graph = PredictedQuantumGraph(builder.finish())
        butler.collections.register("first")
        refs = [
            ref
            for quantum in graph.build_execution_quanta().values()
            for refs in quantum.outputs.values()
            for ref in refs
        ]
        refs += [
            ref for label in ("detrend", "measure", "") for ref in graph.get_init_outputs(label).values()
        ]
        by_type: dict[DatasetType, list[DataCoordinate]] = {}
        for ref in refs:
            by_type.setdefault(ref.datasetType, []).append(ref.dataId)
        for kind, data_ids in by_type.items():
            butler.registry.registerDatasetType(kind)
            butler.registry.insertDatasets(kind, data_ids, "first")
        yield butler


def test_what_was_made_before_and_is_marked_is_not_read_and_not_made_again(
    own_survey: Survey, log: Annotations
) -> None:
    survey = own_survey
    third = survey.visit_ids[2]
    with after_first_step(survey) as butler:
        options: dict[str, Any] = {"skip_existing_in": ["first"]}
        everything = stock(butler, survey, **options)
        assert {label for label, _ in everything} == {"visit", "night"}
        assert (
            taken_apart(graph_of(butler, survey, find_exclusions(Selection()), **options).components)
            == everything
        )
        bad = butler.find_dataset("catalog", instrument=CAMERA, visit=third, detector=1, collections="first")
        assert bad is not None
        mark(log, Target.dataset(bad.id))
        graph = graph_of(butler, survey, asked(log, butler), **options)
        assert taken_apart(graph.components) == closure(
            everything, quantum=lambda *_: False, dataset=lambda one: one[2] == bad.id
        )
        assert [(one.effect, one.dataset_id) for one in graph.left_out] == [("output", str(bad.id))]
        skipped = {task.label: task.skipped for task in graph.tasks}
        assert skipped == {"detrend": 36, "measure": 18, "visit": 0, "night": 0}
        assert {task.label: task.expected for task in graph.tasks if task.expected} == Counter(
            label for label, _ in everything
        )
        # So it is where the whole detector is marked, whose quanta were run before.
        mark(log, visit(third, detector=1), flag="clouds")
        whole = graph_of(butler, survey, asked(log, butler, exclude_flags=["clouds"]), **options)
        assert taken_apart(whole.components) == taken_apart(graph.components)
        assert [(task.expected, task.skipped) for task in whole.tasks] == [
            (task.expected, task.skipped) for task in graph.tasks
        ]
        # What is clobbered keeps its UUID, and with it what is said of it.
        clobbered = graph_of(butler, survey, asked(log, butler), output_run="first", clobber=True)
        assert clobbered.quanta == {"detrend": 36, "measure": 18, "visit": 6, "night": 4}
        assert [(one.effect, one.dataset_id) for one in clobbered.left_out] == [("output", str(bad.id))]
        # A quantum that is run again makes another dataset, of which nobody said anything.
        remade = {"retained_dataset_types": ["visit_table"], **options}
        assert stock(butler, survey, **remade).keys() > everything.keys()
        again = graph_of(butler, survey, asked(log, butler), **remade)
        assert ("measure", (CAMERA, 1, third)) not in taken_apart(again.components)


def test_what_was_made_before_only_from_what_is_left_out_now_is_not_read(
    own_survey: Survey, log: Annotations
) -> None:
    survey = own_survey
    with after_first_step(survey) as butler:
        options: dict[str, Any] = {"skip_existing_in": ["first"]}
        first = survey.visit_ids[0]
        catalog = ("catalog", (CAMERA, 1, first))

        def read_by_visit(graph: Graph) -> set[tuple[Any, ...]]:
            return {one[:2] for one in taken_apart(graph.components)["visit", (CAMERA, first)].reads}

        # One of the two exposures of a catalog: it stays, and is told.
        mark(log, Target.dataset(raw(butler, survey, 0, 1).id))
        partly = graph_of(butler, survey, asked(log, butler), **options)
        assert catalog in read_by_visit(partly)
        assert [word for word in partly.warnings if "was run before" in word] == [
            "Task measure was run before for 1 quanta with inputs that are left out now; what it made "
            "of them is taken over. Build without the run that has it to have it made again."
        ]
        mark(log, Target.dataset(raw(butler, survey, 1, 1).id))
        wholly = graph_of(butler, survey, asked(log, butler), **options)
        assert catalog not in read_by_visit(wholly)
        assert read_by_visit(wholly) == read_by_visit(graph_of(butler, survey, asked(log, butler)))
        assert wholly.warnings == ()
        made = butler.find_dataset("catalog", instrument=CAMERA, visit=first, detector=1, collections="first")
        assert made is not None
        assert [(one.effect, one.dataset_id) for one in wholly.left_out if one.what == "catalog"] == [
            ("output", str(made.id))
        ]
        # So it is with prerequisites, also where what was made before is to be made again.
        bias = find(butler, "bias", survey, detector=0)
        mark(log, Target.dataset(bias.id), flag="clouds")
        rerun: list[dict[str, Any]] = [{}, {"retained_dataset_types": ["visit_table"]}]
        for more in rerun:
            graph = graph_of(butler, survey, asked(log, butler, exclude_flags=["clouds"]), **options, **more)
            assert {one[1][1] for one in read_by_visit(graph) if one[0] == "catalog"} == {1, 2}
            assert not any(
                key[1][1:2] == (0,) for key in taken_apart(graph.components) if key[0] == "detrend"
            )


def test_what_was_made_before_and_inherits_by_lineage_is_not_read(
    own_survey: Survey, log: Annotations, tmp_path: Path
) -> None:
    survey = own_survey
    rules = tmp_path / "inherit.yaml"
    rules.write_text(
        "inheritance: strict\nversion: 1\ndescription: A catalog is as bad as any of its raws.\nflows:\n"
        "  - {name: inputs, from: input, to: output, meanings: [bad], when: any, effect: counts}\n"
    )
    first = survey.visit_ids[0]
    with after_first_step(survey) as butler, open_lineage(str(tmp_path / "lineage.db")) as lineage:
        made = butler.find_dataset("catalog", instrument=CAMERA, visit=first, detector=1, collections="first")
        assert made is not None
        bad = raw(butler, survey, 0, 1)
        lineage.record([Edge(made.id, bad.id, "read")])
        mark(log, Target.dataset(bad.id))
        exclusions = find_exclusions(
            Selection(exclude_flags=("junk",), inherit=str(rules)),
            annotations=log,
            butler=butler,
            lineage=lineage,
        )
        graph = graph_of(butler, survey, exclusions, skip_existing_in=["first"])
        reads = taken_apart(graph.components)["visit", (CAMERA, first)].reads
        assert {one[1][1] for one in reads if one[0] == "catalog"} == {0, 2}
        assert [(one.dataset_id, one.why.rule) for one in graph.left_out if one.what == "catalog"] == [
            (str(made.id), "inherited")
        ]


def test_a_flag_set_between_two_builds_counts_only_in_one_that_is_not_pinned(
    butler: Butler, survey: Survey, log: Annotations
) -> None:
    mark(log, visit(survey.visit_ids[0]))
    first = asked(log, butler)
    before = taken_apart(graph_of(butler, survey, first).components)
    mark(log, visit(survey.visit_ids[1]))
    mark(log, visit(survey.visit_ids[0]), actor=ALICE, state="clear")
    pinned = find_exclusions(first.pinned(), annotations=log, butler=butler)
    assert pinned.digest == first.digest
    assert taken_apart(graph_of(butler, survey, pinned).components) == before
    now = taken_apart(graph_of(butler, survey, asked(log, butler)).components)
    assert now.keys() - before.keys()
    assert before.keys() - now.keys()


MARKS = st.lists(
    st.one_of(
        st.tuples(st.just("exposure"), st.integers(0, 11)),
        st.tuples(st.just("visit"), st.integers(0, 5)),
        st.tuples(st.just("detector"), st.integers(0, 2)),
        st.tuples(st.just("visit detector"), st.tuples(st.integers(0, 5), st.integers(0, 2))),
        st.tuples(st.just("raw"), st.tuples(st.integers(0, 11), st.integers(0, 2))),
        st.tuples(st.just("catalog"), st.tuples(st.integers(0, 5), st.integers(0, 2))),
        st.tuples(st.just("bias"), st.integers(0, 2)),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marks=MARKS)
def test_a_graph_is_the_stock_graph_less_what_is_left_out_and_what_needs_it(
    butler: Butler,
    survey: Survey,
    everything: dict[Key, Quantum],
    tmp_path_factory: pytest.TempPathFactory,
    marks: list[tuple[str, Any]],
) -> None:
    visits, exposures = survey.visit_ids, survey.exposures
    targets, bad_ids = [], set()
    for kind, what in marks:
        match kind:
            case "exposure":
                targets.append(exposure(exposures[what]))
            case "visit":
                targets.append(visit(visits[what]))
            case "detector":
                targets.append(Target.dimension("detector", {"instrument": CAMERA, "detector": what}))
            case "visit detector":
                targets.append(visit(visits[what[0]], detector=what[1]))
            case "raw":
                bad_ids.add(raw(butler, survey, *what).id)
            case "catalog":
                data_id = {"instrument": CAMERA, "visit": visits[what[0]], "detector": what[1]}
                targets.append(Target.of_data_id(data_id, dataset_type="catalog"))
            case "bias":
                bad_ids.add(find(butler, "bias", survey, detector=what).id)
    targets += [Target.dataset(one) for one in bad_ids]
    with open_annotations(tmp_path_factory.mktemp("law") / "log.db", origin="summit") as log:
        mark(log, *targets)
        exclusions = asked(log, butler, inherit=None)

    def covers(target: Target, data_id: Mapping[str, Any]) -> bool:
        return target.kind == "dimension" and (target.data_id or {}).items() <= data_id.items()

    def bad_dataset(one: tuple[Any, ...]) -> bool:
        kind, values, dataset_id = one
        names = {"raw": ("instrument", "detector", "exposure"), "bias": ("instrument", "detector")}.get(
            kind, ()
        )
        data_id = dict(zip(names, values, strict=False))
        catalog = (
            {"instrument": values[0], "detector": values[1], "visit": values[-1]}
            if kind == "catalog"
            else None
        )
        return (
            dataset_id in bad_ids
            or any(covers(target, data_id) for target in targets)
            or any(target.kind == "data_id" and target.data_id == catalog for target in targets)
        )

    expected = closure(
        everything,
        quantum=lambda key, one: any(covers(target, one.data_id) for target in targets),
        dataset=bad_dataset,
    )
    if not expected:
        return
    graph = graph_of(butler, survey, exclusions)
    assert taken_apart(graph.components) == expected
    for task in graph.tasks:
        assert task.expected == sum(1 for label, _ in everything if label == task.label)
        assert task.remaining == sum(1 for label, _ in expected if label == task.label)
        assert task.expected == task.left_out + task.pruned + task.remaining


@pytest.mark.long
def test_a_survey_of_500_visits_and_10_detectors_is_recounted_from_the_events(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "repo", visits=500, detectors=10, nights=5)
    pipeline = survey_pipeline(["measure", "night"])
    pipeline.addConfigOverride("measure", "connections.detrended", "raw")
    bad_visits, cleared = survey.visit_ids[10:60], survey.visit_ids[55:60]
    with (
        open_butler(survey.folder) as butler,
        open_annotations(tmp_path / "log.db", origin="summit") as log,
    ):
        everything = stock(butler, survey, pipeline)
        assert len(everything) == 5000 + 10
        raws = butler.query_datasets("raw", collections=survey.raw_run, limit=None)
        single = {ref.id for ref in raws[::10]}
        log.add(targets=[exposure(one) for one in bad_visits], flags=[Assertion("junk", "set")], actor=BOT)
        log.add(
            targets=[Target.dataset(one) for one in sorted(single)],
            flags=[Assertion("junk", "set")],
            actor=BOT,
        )
        for one in cleared:
            mark(log, exposure(one), actor=ALICE, state="clear")
        exclusions = asked(log, butler)
        # Replayed by hand: the last word of a person, or else of a program.
        said: dict[str, dict[str, str]] = {}
        for event in log.events():
            for assertion in event.payload["flags"]:
                for target in event.payload["targets"]:
                    key = Target.from_dict(target).key
                    said.setdefault(key, {})[event.actor_kind] = assertion["state"]
        held = {key for key, words in said.items() if words.get("human", words.get("bot")) == "set"}
        graph = graph_of(butler, survey, exclusions, pipeline)
    assert len(held) == 50 - 5 + len(single)
    assert taken_apart(graph.components) == closure(
        everything,
        quantum=lambda key, one: visit_key(one.data_id) in held,
        dataset=lambda one: (
            one[0] == "raw" and (f"dataset:{one[2]}" in held or exposure(one[1][2]).key in held)
        ),
    )
    assert {task.label: task.loss > 0.18 for task in graph.tasks} == {"measure": True, "night": True}


def visit_key(data_id: Mapping[str, Any]) -> str:
    """The key of the exposure that is a visit's only one and has its number."""
    return exposure(data_id["visit"]).key if "visit" in data_id else ""
