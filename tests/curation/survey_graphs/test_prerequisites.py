"""Prerequisite inputs that are left out of graphs."""

import pytest
from lsst.daf.butler import (
    Butler,
)
from lsst.pipe.base import (
    Pipeline,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    connectionTypes,
)

from gnomon.annotations import Annotations, Target
from gnomon.errors import GraphLossError
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey

from .taking_apart import (
    CAMERA,
    Key,
    Quantum,
    asked,
    closure,
    find,
    graph_of,
    mark,
    stock,
    taken_apart,
    visit,
)


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
