"""A graph is the stock graph less exactly what is left out and what cannot be made without it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst.daf.butler import (
    Butler,
)
from lsst.pipe.base.all_dimensions_quantum_graph_builder import (
    DatasetQueryConstraintVariant,
)

from gnomon.annotations import Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.repository.configuration import open_butler
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey, make_survey

from .taking_apart import (
    ALICE,
    BOT,
    CAMERA,
    Key,
    Quantum,
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
    visit_key,
)

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
