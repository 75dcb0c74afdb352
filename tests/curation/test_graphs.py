"""Graphs without what is marked bad: the stock graph, quantum by quantum, less exactly that."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler, DatasetRef
from lsst.pipe.base import Pipeline
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph, PredictedQuantumGraphComponents

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.exclusions import Exclusions, Selection, find_exclusions
from gnomon.curation.graphs import Graph, build_graph, explain
from gnomon.curation.graphs.record import head_of_table
from gnomon.errors import (
    CollectionNotFoundError,
    ExclusionError,
    ExpressionError,
    GraphLossError,
    GraphNotOursError,
    RepositoryError,
)
from gnomon.repository.configuration import environment, open_butler

PIPELINE = Path(__file__).parents[2] / "src" / "gnomon" / "demo" / "pipelines" / "night.yaml"
CATALOGS = "DemoCamera/catalogs"
RUN = "night/good"

type Quanta = dict[tuple[Any, ...], dict[str, frozenset[Any]]]


@pytest.fixture(scope="module")
def butler(night_repository: Path) -> Iterator[Butler]:
    with open_butler(night_repository) as client:
        yield client


@pytest.fixture
def flag(log: Annotations, bot: Actor) -> Callable[..., Exclusions]:
    """Let the bot set *junk* of some targets, and give what is left out."""

    def say(*targets: Target) -> Exclusions:
        log.add(targets=targets, flags=[Assertion("junk", "set", "too dark")], actor=bot)
        return left_out(log)

    return say


def quanta(components: PredictedQuantumGraphComponents) -> Quanta:
    """Take a graph apart: for each quantum, the data IDs that it reads by dataset type."""
    graph = PredictedQuantumGraph(components)
    found: Quanta = {}
    for quantum in graph.build_execution_quanta().values():
        assert quantum.taskName is not None
        assert quantum.dataId is not None
        name = quantum.taskName.rpartition(".")[2]
        found[name, *quantum.dataId.required_values] = {
            dataset_type.name: frozenset(ref.dataId.required_values for ref in refs)
            for dataset_type, refs in quantum.inputs.items()
        }
    return found


def left_out(log: Annotations, butler: Butler | None = None, **asked: Any) -> Exclusions:
    return find_exclusions(
        Selection(**({"exclude_flags": ("junk",)} | asked)), annotations=log, butler=butler
    )


def graph_of(butler: Butler, exclusions: Exclusions | None = None, **options: Any) -> Graph:
    return build_graph(
        butler,
        PIPELINE,
        exclusions=find_exclusions(Selection()) if exclusions is None else exclusions,
        **{"inputs": [CATALOGS], "output_run": RUN} | options,
    )


def built(butler: Butler, exclusions: Exclusions | None = None, **options: Any) -> Quanta:
    return quanta(graph_of(butler, exclusions, **options).components)


def stock(butler: Butler, **options: Any) -> Quanta:
    builder = AllDimensionsQuantumGraphBuilder(
        Pipeline.from_uri(str(PIPELINE)).to_graph(),
        butler,
        input_collections=[CATALOGS],
        output_run=RUN,
        **options,
    )
    return quanta(builder.finish(attach_datastore_records=True))


def catalog(butler: Butler, place: int, collection: str = CATALOGS) -> DatasetRef:
    ref = butler.find_dataset(
        "star_catalog",
        instrument="DemoCamera",
        visit=2026030100000 + place,
        detector=0,
        collections=collection,
    )
    assert ref is not None
    return ref


NIGHT = ("NightRepeatabilityTask", "DemoCamera", 20260301, "V")
REFERENCE = ("StarReferenceTask", "DemoCamera", 20260301, "V")


def visit_quantum(place: int) -> tuple[Any, ...]:
    return ("VisitStarsTask", "DemoCamera", 2026030100000 + place)


def test_without_flags_the_graph_is_the_stock_one_quantum_by_quantum(butler: Butler) -> None:
    ours = built(butler)
    assert ours == stock(butler)
    assert Counter(name for name, *_ in ours) == {
        "StarReferenceTask": 1,
        "VisitStarsTask": 8,
        "NightRepeatabilityTask": 1,
        "ExtinctionTask": 1,
        "ZeroPointScatterTask": 1,
    }


def test_a_condition_means_the_same_as_in_the_stock_graph(butler: Butler) -> None:
    options: dict[str, Any] = {
        "where": "instrument = 'DemoCamera' AND visit > first",
        "bind": {"first": 2026030100006},
    }
    ours = built(butler, **options)
    assert ours == stock(butler, **options)
    assert len(ours) == 2 + 4


def test_a_flagged_visit_is_gone_and_what_reads_many_loses_exactly_that_one(
    butler: Butler, flag: Callable[..., Exclusions], visit: Callable[..., Target]
) -> None:
    everything, ours = stock(butler), built(butler, flag(visit(3)))
    gone = (("DemoCamera", 0, 2026030100003), ("DemoCamera", 2026030100003))
    assert everything.keys() - ours.keys() == {visit_quantum(3)}
    for key, inputs in ours.items():
        for dataset_type, read in inputs.items():
            assert read == everything[key][dataset_type].difference(gone), (key, dataset_type)
    assert len(ours[NIGHT]["star_catalog"]) == 7


def test_a_flagged_dataset_is_gone_alone(butler: Butler, flag: Callable[..., Exclusions]) -> None:
    ours = built(butler, flag(Target.dataset(catalog(butler, 6).id)))
    assert visit_quantum(6) not in ours  # it has nothing else to read
    assert len(ours) == 8 + 4 - 1
    assert ours[REFERENCE]["star_catalog"] == {
        ("DemoCamera", 0, 2026030100000 + place) for place in range(1, 9) if place != 6
    }


def test_a_flagged_detector_of_a_visit_is_gone(butler: Butler, flag: Callable[..., Exclusions]) -> None:
    target = Target.dimension("detector", {"instrument": "DemoCamera", "visit": 2026030100002, "detector": 0})
    assert visit_quantum(2) not in built(butler, flag(target))


def test_each_flag_says_how_much_it_took_out(
    butler: Butler, flag: Callable[..., Exclusions], visit: Callable[..., Target]
) -> None:
    graph = graph_of(butler, flag(visit(3), visit(77), Target.dataset(catalog(butler, 6).id)))
    # The visit's quantum and catalog; the other catalog alone, whose quantum starved; nothing of no visit.
    assert Counter((str(one.why.target), one.effect, one.what) for one in graph.left_out) == {
        ("DemoCamera visit=2026030100003", "quantum", "visit"): 1,
        ("DemoCamera visit=2026030100003", "input", "star_catalog"): 1,
        (f"dataset:{catalog(butler, 6).id}", "input", "star_catalog"): 1,
    }
    assert [(one.task, one.data_id["visit"], one.why.target.kind) for one in graph.pruned] == [
        ("visit", 2026030100006, "dataset")
    ]
    assert graph.quanta == {"reference": 1, "visit": 6, "night": 1, "extinction": 1, "scatter": 1}
    assert {
        task.label: (task.expected, task.left_out, task.pruned, task.remaining) for task in graph.tasks
    } == {
        "reference": (1, 0, 0, 1),
        "visit": (8, 1, 1, 6),
        "night": (1, 0, 0, 1),
        "extinction": (1, 0, 0, 1),
        "scatter": (1, 0, 0, 1),
    }


def test_a_graph_says_what_was_left_out_of_it(
    butler: Butler, flag: Callable[..., Exclusions], visit: Callable[..., Target], tmp_path: Path
) -> None:
    exclusions = flag(visit(3), visit(77))
    graph = graph_of(butler, exclusions, output="night", metadata={"campaign": "spring"})
    graph.write(tmp_path / "good.qg")
    with PredictedQuantumGraph.open(tmp_path / "good.qg") as reader:
        header = reader.header
    assert (header.output, header.output_run, header.metadata["campaign"]) == ("night", RUN, "spring")
    explanation = explain(tmp_path / "good.qg")
    assert explanation.cut == exclusions.cut
    assert explanation.policy == "standard@1"
    assert explanation.digest == exclusions.digest
    assert explanation.selection == {"exclude_flags": ["junk"], "inherit": "standard@1"}
    assert explanation.tasks == graph.tasks
    rows = explanation.rows()
    assert Counter((row["effect"], row["target"]) for row in rows) == {
        ("quantum", visit(3).key): 1,
        ("input", visit(3).key): 1,
        ("nothing", visit(77).key): 1,
    }
    assert {(row["name"], row["by"], row["by_kind"], row["reason"]) for row in rows} == {
        ("junk", "cloud-bot", "bot", "too dark")
    }


def test_what_no_one_left_out_of_cannot_be_explained(butler: Butler, tmp_path: Path) -> None:
    graph_of(butler).write(tmp_path / "stock.qg")
    with pytest.raises(GraphNotOursError, match="not built by gnomon, or was asked to leave out nothing"):
        explain(tmp_path / "stock.qg")
    with pytest.raises(RepositoryError, match="no quantum graph at"):
        explain(tmp_path / "none.qg")
    (tmp_path / "text.qg").write_text("no graph")
    with pytest.raises(RepositoryError, match="cannot be read as a quantum graph"):
        explain(tmp_path / "text.qg")


def test_a_flag_that_a_person_cleared_takes_nothing_out(
    butler: Butler,
    flag: Callable[..., Exclusions],
    visit: Callable[..., Target],
    log: Annotations,
    alice: Actor,
) -> None:
    flag(visit(3))
    log.add(targets=[visit(3)], flags=[Assertion("junk", "clear")], actor=alice)
    graph = graph_of(butler, left_out(log))
    assert quanta(graph.components) == stock(butler)
    assert {task.label: (task.expected, task.remaining) for task in graph.tasks}["visit"] == (8, 8)


def test_if_everything_is_flagged_it_is_said_so(
    butler: Butler, log: Annotations, bot: Actor, visit: Callable[..., Target]
) -> None:
    log.add(targets=[visit(n) for n in range(1, 9)], flags=[Assertion("junk", "set")], actor=bot)
    with pytest.raises(
        GraphLossError, match=r"nothing left to do: .* left out by exclude-flag junk \(8 times\)"
    ) as caught:
        built(butler, left_out(log))
    assert {task.label: task.remaining for task in caught.value.tasks}["visit"] == 0
    day = Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301})
    log.add(targets=[day], flags=[Assertion("trailed", "set")], actor=bot)
    with pytest.raises(GraphLossError, match="nothing left to do"):
        built(butler, left_out(log, exclude_flags=["trailed"]))


def test_a_task_that_loses_much_is_named_and_one_that_loses_too_much_is_refused(
    butler: Butler, log: Annotations, bot: Actor, visit: Callable[..., Target]
) -> None:
    log.add(targets=[visit(n) for n in range(1, 6)], flags=[Assertion("junk", "set")], actor=bot)
    graph = graph_of(butler, left_out(log))
    assert "Task visit lost 10 of 16 inputs (62.5%) and 5 of 8 quanta." in graph.warnings
    with pytest.raises(GraphLossError, match=r"Task reference lost 5 of 8 .* At most 50\.0% of the inputs"):
        graph_of(butler, left_out(log), max_loss=0.5)
    assert graph_of(butler, left_out(log), max_loss=0.7).quanta == graph.quanta
    with pytest.raises(ExclusionError, match="fraction from 0 to 1"):
        graph_of(butler, left_out(log), max_loss=5)


def test_a_shadowed_older_dataset_does_not_take_the_place_of_one_that_is_left_out(
    repository: Path, flag: Callable[..., Exclusions]
) -> None:
    with open_butler(repository, writeable=True) as butler:
        butler.collections.register("DemoCamera/again")
        newer = butler.put(
            butler.get(catalog(butler, 4)),
            "star_catalog",
            instrument="DemoCamera",
            visit=2026030100004,
            detector=0,
            run="DemoCamera/again",
        )
        inputs = ["DemoCamera/again", CATALOGS]
        assert catalog(butler, 4).id != newer.id
        assert visit_quantum(4) in built(butler, inputs=inputs)
        ours = built(butler, flag(Target.dataset(newer.id)), inputs=inputs)
        assert visit_quantum(4) not in ours
        assert ("DemoCamera", 0, 2026030100004) not in ours[NIGHT]["star_catalog"]


def test_a_flag_on_the_shadowed_dataset_takes_nothing_out(
    repository: Path, flag: Callable[..., Exclusions]
) -> None:
    with open_butler(repository, writeable=True) as butler:
        older = catalog(butler, 4)
        butler.collections.register("DemoCamera/again")
        butler.put(
            butler.get(older),
            "star_catalog",
            instrument="DemoCamera",
            visit=2026030100004,
            detector=0,
            run="DemoCamera/again",
        )
        inputs = ["DemoCamera/again", CATALOGS]
        assert visit_quantum(4) in built(butler, flag(Target.dataset(older.id)), inputs=inputs)


def test_the_file_runs_under_pipetask_and_its_run_holds_the_record(
    repository: Path, flag: Callable[..., Exclusions], visit: Callable[..., Target], tmp_path: Path
) -> None:
    with open_butler(repository) as butler:
        graph = graph_of(butler, flag(visit(3)), output="night")
        graph.write(tmp_path / "good.qg")
    command = [
        str(Path(sys.executable).with_name("pipetask")), "run", "-b", str(repository), "-g",
        str(tmp_path / "good.qg"), "-i", CATALOGS, "-o", "night", "--output-run", RUN,
        "--register-dataset-types",
    ]  # fmt: skip
    done = subprocess.run(command, env=environment(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with open_butler(repository) as butler:
        written = butler.query_datasets("metricvalue_demo_airmass", collections="night")
        assert len(written) == 7
        assert butler.query_datasets("metricvalue_demo_extinction", collections="night")
        (record,) = butler.query_datasets("gnomon_exclusions", collections=RUN)
        table = butler.get(record)
        assert head_of_table(table)["digest"] == graph.exclusions.digest
        assert table.to_pylist() == explain(tmp_path / "good.qg").rows()
        another = graph_of(butler, graph.exclusions, output_run="night/another")
        assert "gnomon_exclusions" in another.components.pipeline_graph.tasks
        # A run that is extended keeps the records of both graphs.
        with pytest.raises(RepositoryError, match=r"nothing to do: 11 quanta .* were run before"):
            graph_of(butler, flag(visit(4)), skip_existing_in=[RUN])
        again = graph_of(butler, flag(visit(4)), clobber=True)
        assert "gnomon_exclusions_2" in again.components.pipeline_graph.tasks


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": ["DemoCamera/catalog"]}, CollectionNotFoundError, "Did you mean DemoCamera/catalogs"),
        ({"inputs": []}, RepositoryError, "at least one input collection"),
        ({"where": "vist = 3"}, ExpressionError, "'vist = 3' cannot be used: Unrecognized identifier"),
        (
            {"where": "instrument = 'DemoCamera' AND visit = 3"},
            RepositoryError,
            "There is nothing to do: DemoCamera/catalogs holds no inputs of this pipeline where instrument",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_is_wrong(
    butler: Butler, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        built(butler, **options)


def test_a_pipeline_that_is_not_there_is_named(butler: Butler) -> None:
    with pytest.raises(RepositoryError, match=r"no pipeline at 'nihgt\.yaml'"):
        build_graph(
            butler, "nihgt.yaml", exclusions=find_exclusions(Selection()), inputs=[CATALOGS], output_run=RUN
        )


def test_a_pipeline_that_measures_what_nobody_knows_is_refused_by_name(
    butler: Butler, tmp_path: Path
) -> None:
    path = tmp_path / "night.yaml"
    path.write_text(
        "description: wrong\ntasks:\n  visit:\n    class: gnomon.tasks.star_catalogs.VisitStarsTask\n"
        "    config: {metrics: [airmas]}\n",
        encoding="utf-8",
    )
    with pytest.raises(RepositoryError, match=r"cannot be used: Nobody measures 'airmas' .*mean airmass\?"):
        build_graph(butler, path, exclusions=find_exclusions(Selection()), inputs=[CATALOGS], output_run=RUN)
