"""Graphs where something was made before, and marked before or since."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lsst.daf.butler import (
    Butler,
    DataCoordinate,
    DatasetType,
)
from lsst.pipe.base.all_dimensions_quantum_graph_builder import (
    AllDimensionsQuantumGraphBuilder,
)
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph

from gnomon.annotations import Annotations, Target
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.graphs import Graph
from gnomon.repository.configuration import open_butler
from gnomon.repository.lineage import Edge, open_lineage
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey

from .taking_apart import (
    ALICE,
    CAMERA,
    asked,
    closure,
    exposure,
    find,
    graph_of,
    mark,
    raw,
    stock,
    taken_apart,
    visit,
)


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
