"""What is left out, as a condition, as a list and as a table: unmodified tools leave out the same."""

from collections.abc import Iterator
from typing import Any

import pytest
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst.daf.butler import Butler, DatasetRef
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.data_queries import LeftOut, left_out_of
from gnomon.curation.exclusions import Exclusion, Selection, find_exclusions
from gnomon.curation.graphs import build_graph
from gnomon.errors import ExclusionError
from gnomon.repository.configuration import open_butler
from gnomon.testing.survey_tasks import survey_pipeline
from gnomon.testing.surveys import Survey, make_survey

pytestmark = pytest.mark.xdist_group("data_queries")

DIMENSIONS = ("instrument", "detector", "exposure")
VISITS, DETECTORS = 6, 3


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """Six visits of two exposures each, in two nights, and three detectors."""
    folder = tmp_path_factory.mktemp("survey") / "repo"
    return make_survey(folder, visits=VISITS, detectors=DETECTORS, nights=2, snaps=2)


@pytest.fixture(scope="module")
def butler(survey: Survey) -> Iterator[Butler]:
    with open_butler(survey.folder) as client:
        yield client


@pytest.fixture(scope="module")
def raws(butler: Butler, survey: Survey) -> list[DatasetRef]:
    return butler.query_datasets("raw", collections=survey.raw_run)


SOMETHING = Exclusion("exclude-flag", "junk", Target.collection("x"))


def left_out(raws: list[DatasetRef], which: set[int]) -> LeftOut:
    why = tuple(SOMETHING if place in which else None for place in range(len(raws)))
    return LeftOut("raw", DIMENSIONS, tuple(raws), why)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(which=st.sets(st.integers(0, 2 * VISITS * DETECTORS - 1)))
def test_the_condition_leaves_out_exactly_what_is_left_out(
    butler: Butler, survey: Survey, raws: list[DatasetRef], which: set[int]
) -> None:
    where = left_out(raws, which).where()
    found = butler.query_datasets("raw", collections=survey.raw_run, where=where, explain=False)
    remaining = {ref.id for place, ref in enumerate(raws) if place not in which}
    assert {ref.id for ref in found} == remaining


@given(which=st.sets(st.integers(0, 2 * VISITS * DETECTORS - 1)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_table_and_the_list_are_of_the_same(raws: list[DatasetRef], which: set[int]) -> None:
    found = left_out(raws, which)
    rows = {tuple(row) for row in found.table().iterrows()} if which != set(range(len(raws))) else set()
    assert rows == {tuple(ref.dataId.required_values) for place, ref in enumerate(raws) if place not in which}
    exposures = [ref.dataId["exposure"] for ref in raws]
    gone = {place: exposures[place] for place in which}
    listed = found.observations()
    assert {number for _, number in listed.whole} == {
        one for one in exposures if [*gone.values()].count(one) == DETECTORS
    }
    assert {number: out for _, number, out, _ in listed.in_part} == {
        one: [*gone.values()].count(one) for one in exposures if 0 < [*gone.values()].count(one) < DETECTORS
    }


def test_a_condition_that_no_registry_takes_is_refused_with_what_to_do(raws: list[DatasetRef]) -> None:
    many = tuple(raws[0] for _ in range(2000))
    why = (SOMETHING,) * 2000
    frame = LeftOut("raw", DIMENSIONS, many, why)
    frame.__dict__["_frame"] = _frame(2000)
    with pytest.raises(ExclusionError, match=r"names? 1,000 values.*Use the form `table`"):
        frame.where()


def _frame(number: int) -> Any:
    import polars as pl

    return pl.DataFrame(
        {
            "instrument": ["X"] * number,
            "detector": [0] * number,
            "exposure": range(number),
            "left out": [place % 2 == 0 for place in range(number)],
        }
    )


@pytest.fixture
def marks(log: Annotations, bot: Actor, survey: Survey) -> Annotations:
    """A visit, an exposure, and one detector of a visit."""

    def say(element: str, **data_id: int) -> None:
        target = Target.dimension(element, {"instrument": survey.instrument, **data_id})
        log.add(targets=[target], flags=[Assertion("junk", "set")], actor=bot)

    visits = survey.visit_ids
    say("visit", visit=visits[0])
    say("exposure", exposure=survey.exposures_of(visits[2])[1])
    say("detector", visit=visits[4], detector=1)
    return log


@pytest.mark.parametrize("form", ["where", "table"])
def test_the_stock_builder_makes_the_same_graph_of_what_has_visits(
    butler: Butler, survey: Survey, marks: Annotations, form: str
) -> None:
    exclusions = find_exclusions(Selection(exclude_flags=("junk",)), annotations=marks, butler=butler)
    found = left_out_of(butler, "raw", collections=[survey.raw_run], exclusions=exclusions)
    # A flag on one exposure is one on its visit, and with that the other exposure goes too.
    assert found.number == 2 * DETECTORS + 2 * DETECTORS + 2
    options: dict[str, Any] = (
        {"where": found.where()} if form == "where" else {"data_id_tables": [found.table()]}
    )
    stock = AllDimensionsQuantumGraphBuilder(
        survey_pipeline().to_graph(), butler, input_collections=survey.inputs, output_run="run", **options
    ).finish(attach_datastore_records=False)
    ours = build_graph(
        butler,
        survey_pipeline(),
        exclusions=exclusions,
        inputs=survey.inputs,
        output_run="run",
        attach_datastore_records=False,
    )
    for task in ("visit", "night"):
        assert _data_ids(stock, task) == _data_ids(ours.components, task), task
    assert _data_ids(stock, "measure") == _data_ids(ours.components, "measure")


def _data_ids(components: Any, task: str) -> set[tuple[Any, ...]]:
    return {
        tuple(one.data_coordinate) for one in components.quantum_datasets.values() if one.task_label == task
    }


def test_what_is_marked_of_another_dataset_type_is_named_as_not_said(
    butler: Butler, survey: Survey, log: Annotations, bot: Actor
) -> None:
    data_id: dict[str, int | str] = {
        "instrument": survey.instrument,
        "visit": survey.visit_ids[0],
        "detector": 1,
    }
    target = Target.of_data_id(data_id, dataset_type="catalog")
    log.add(targets=[target], flags=[Assertion("junk", "set")], actor=bot)
    exclusions = find_exclusions(Selection(exclude_flags=("junk",)), annotations=log, butler=butler)
    found = left_out_of(butler, "raw", collections=[survey.raw_run], exclusions=exclusions)
    assert [one.target for one in found.unsaid] == [target]


def test_datasets_of_no_observation_have_no_list(butler: Butler, survey: Survey) -> None:
    bias = LeftOut("bias", ("instrument", "detector"), (), ())
    with pytest.raises(ExclusionError, match="of no visit or exposure, but of instrument, detector"):
        bias.observations()


def test_a_table_of_nothing_is_a_table(raws: list[DatasetRef]) -> None:
    table = left_out(raws, set(range(len(raws)))).table()
    assert isinstance(table, Table)
    assert (len(table), table.colnames) == (0, list(DIMENSIONS))
