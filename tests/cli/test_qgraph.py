"""``gnomon qgraph``: all that ``pipetask qgraph`` takes, and never a graph with what had to be left out."""

import json
import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from astropy.table import Table
from click.testing import CliRunner, Result
from lsst.ctrl.mpexec.cli.cmd.commands import qgraph as pipetask_qgraph
from lsst.ctrl.mpexec.cli.pipetask import cli as pipetask
from lsst.daf.butler.cli.utils import OptionSection
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph

from gnomon import times
from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.cli.qgraph.build import build
from gnomon.cli.qgraph.saving import replacing
from gnomon.errors import RepositoryError
from gnomon.repository.configuration import open_butler

pytestmark = pytest.mark.xdist_group("qgraph")

Gnomon = Callable[..., Result]

PIPELINE = Path(__file__).parents[2] / "src" / "gnomon" / "demo" / "pipelines" / "night.yaml"
CATALOGS = "DemoCamera/catalogs"
VISITS = range(2026030100001, 2026030100009)
STOCK = {"reference": 1, "visit": 8, "night": 1, "extinction": 1, "scatter": 1}

BEFORE_THE_LAST = f"instrument = 'DemoCamera' AND visit < {VISITS[7]}"

type Quanta = dict[tuple[Any, ...], dict[str, frozenset[Any]]]


def visit(place: int) -> Target:
    return Target.dimension("visit", {"instrument": "DemoCamera", "visit": VISITS[place - 1]})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which a bot marked the third visit, and after it a person the fifth."""
    path = tmp_path_factory.mktemp("log") / "annotations.db"
    with open_annotations(path, origin="summit") as annotations:
        flags = [Assertion("junk", "set", "too dark")]
        annotations.add(targets=[visit(3)], flags=flags, actor=Actor("cloud-bot", "bot"))
        annotations.add(targets=[visit(5)], flags=flags, actor=Actor("alice", "human"))
    return path


def command(repository: Path, *arguments: str | Path, output_run: str = "night/1") -> list[str]:
    return [
        "-b", str(repository), "-p", str(PIPELINE), "-i", CATALOGS, "-o", "night", "--output-run", output_run,
        *map(str, arguments),
    ]  # fmt: skip


@pytest.fixture
def building(gnomon: Gnomon, night_repository: Path, log: Path) -> Callable[..., Result]:
    """Build a graph of the synthetic night; quietly."""

    def call(*arguments: str | Path, junk: bool = True) -> Result:
        choice = ["--exclude-flags", "junk", "--annotations", str(log)] if junk else []
        return gnomon(
            "qgraph", "build", *command(night_repository, *choice, *arguments), "--log-level", "ERROR"
        )

    return call


def quanta(path: Path) -> Quanta:
    """Take a graph apart: for each quantum, the data IDs that it reads by dataset type."""
    with PredictedQuantumGraph.open(path) as reader:
        reader.read_execution_quanta()
        graph = reader.finish()
    found: Quanta = {}
    for label, quanta_of_task in graph.quanta_by_task.items():
        execution = graph.build_execution_quanta(task_label=label)
        for data_id, quantum_id in quanta_of_task.items():
            found[label, *data_id.required_values] = {
                dataset_type.name: frozenset(ref.dataId.required_values for ref in refs)
                for dataset_type, refs in execution[quantum_id].inputs.items()
            }
    return found


def counts(path: Path) -> dict[str, int]:
    with PredictedQuantumGraph.open(path) as reader:
        return {label: number for label, number in reader.header.n_task_quanta.items() if number}


def header(path: Path) -> Any:
    with PredictedQuantumGraph.open(path) as reader:
        return reader.header


@pytest.fixture(scope="module")
def stock_graph(night_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pipetask qgraph`` writes."""
    path = tmp_path_factory.mktemp("stock") / "stock.qg"
    result = CliRunner().invoke(pipetask_qgraph, command(night_repository, "-q", path))
    assert result.exit_code == 0, result.output
    return path


def said(parameter: click.Parameter) -> dict[str, Any]:
    """All that can be said of an option but its help."""
    return {name: value for name, value in parameter.to_info_dict().items() if name != "help"}


def test_every_option_of_pipetask_is_there_and_means_the_same() -> None:
    ours = {parameter.name: parameter for parameter in build.params}
    theirs = [
        parameter
        for one in (pipetask_qgraph, pipetask)
        for parameter in one.params
        if not isinstance(parameter, OptionSection)
    ]
    assert len(theirs) > 40
    for parameter in theirs:
        assert parameter.name in ours, f"pipetask has a new option: {parameter.name}"
        assert said(parameter) == said(ours[parameter.name])
        assert parameter.callback == ours[parameter.name].callback or parameter.name == "options_file"


def test_no_option_has_two_meanings() -> None:
    names = [name for parameter in build.params for name in (*parameter.opts, *parameter.secondary_opts)]
    assert len(names) == len(set(names))


def test_where_nothing_is_chosen_it_is_the_graph_of_pipetask_and_is_said_so(
    building: Callable[..., Result], stock_graph: Path, tmp_path: Path
) -> None:
    result = building("-q", tmp_path / "a.qg", junk=False)
    assert result.exit_code == 0, result.output
    assert "Nothing was chosen to be left out" in result.stderr
    assert quanta(tmp_path / "a.qg") == quanta(stock_graph)
    ours, theirs = header(tmp_path / "a.qg"), header(stock_graph)
    assert ours.metadata.keys() >= theirs.metadata.keys()
    assert (ours.inputs, ours.output, ours.output_run) == (theirs.inputs, theirs.output, theirs.output_run)


def test_what_is_marked_is_left_out_and_each_task_says_what_it_lost(
    building: Callable[..., Result], stock_graph: Path, tmp_path: Path
) -> None:
    result = building("-q", tmp_path / "a.qg")
    assert result.exit_code == 0, result.output
    ours, theirs = quanta(tmp_path / "a.qg"), quanta(stock_graph)
    assert theirs.keys() - ours.keys() == {
        ("visit", "DemoCamera", VISITS[2]),
        ("visit", "DemoCamera", VISITS[4]),
    }
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][:7] == ["As", "of", "summit:2,", "by", "standard@1;", "digest", lines[0][6]]
    assert ["visit", "8", "2", "0", "6", "4", "16"] in lines
    assert ["night", "1", "0", "0", "1", "2", "9"] in lines
    assert any("cloud-bot" in line and "junk" in line for line in lines)
    assert any("alice" in line for line in lines)


def test_as_json_there_is_everything(building: Callable[..., Result], tmp_path: Path) -> None:
    found = json.loads(building("-q", tmp_path / "a.qg", "--format", "json").stdout)
    assert found["cut"] == "summit:2"
    assert found["policy"] == "standard@1"
    assert len(found["digest"]) == 64
    assert {one["task"]: one["stock"] for one in found["tasks"]} == STOCK
    assert [(mark["by"], mark["by_kind"], mark["reason"]) for mark in found["marks"]] == [
        ("cloud-bot", "bot", "too dark"),
        ("alice", "human", "too dark"),
    ]
    assert {(one["effect"], one["data_id"]["visit"]) for one in found["left_out"]} == {
        (effect, VISITS[place]) for effect in ("quantum", "input") for place in (2, 4)
    }


def test_a_dry_run_shows_all_that_would_go_and_writes_nothing(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    result = building("-q", tmp_path / "a.qg", "--dry-run", "--format", "csv")
    assert result.exit_code == 0
    assert "Nothing was written." in result.stderr
    first, *rows = result.stdout.splitlines()
    assert first.startswith("effect,what,data_id,dataset_id,instead,rule,name,target,by,by_kind,reason")
    assert len(rows) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_person_who_clears_a_flag_brings_the_visit_back(
    building: Callable[..., Result], log: Path, tmp_path: Path
) -> None:
    shutil.copy(log, tmp_path / "log.db")
    with open_annotations(tmp_path / "log.db", origin="summit") as annotations:
        annotations.add(targets=[visit(3)], flags=[Assertion("junk", "clear")], actor=Actor("bob", "human"))
    result = building("-q", tmp_path / "a.qg", "--annotations", tmp_path / "log.db")
    assert result.exit_code == 0
    assert counts(tmp_path / "a.qg")["visit"] == 7


def test_a_cut_a_moment_and_another_graph_pin_what_counts(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    assert building("-q", tmp_path / "first.qg", "--as-of", "summit:1").exit_code == 0
    assert counts(tmp_path / "first.qg")["visit"] == 7
    assert building("-q", tmp_path / "next.qg", "--as-of", f"graph:{tmp_path / 'first.qg'}").exit_code == 0
    assert quanta(tmp_path / "next.qg") == quanta(tmp_path / "first.qg")
    assert building("-q", tmp_path / "now.qg", "--as-of", times.to_utc_iso(times.now())).exit_code == 0
    assert counts(tmp_path / "now.qg")["visit"] == 6


def empty(log: Path) -> None:
    log.unlink()
    open_annotations(log, origin="summit").close()


def damage(log: Path) -> None:
    connection = sqlite3.connect(log)
    connection.execute("DROP TABLE assertion")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda log: log.unlink(), "There is no log of annotations at"),
        (
            lambda log: log.write_bytes(b"nothing of ours"),
            "exists and is no database; it is left as it is",
        ),
        (damage, "annotations"),
        (empty, "has no event at all"),
    ],
    ids=["missing", "another file", "damaged", "empty"],
)
def test_without_what_was_said_there_is_no_graph_and_an_old_one_stays(
    building: Callable[..., Result],
    log: Path,
    tmp_path: Path,
    break_it: Callable[[Path], Any],
    message: str,
) -> None:
    broken = tmp_path / "log.db"
    shutil.copy(log, broken)
    break_it(broken)
    graph = tmp_path / "a.qg"
    graph.write_text("an old graph")
    result = building("-q", graph, "--annotations", broken)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert graph.read_text() == "an old graph"
    assert [path.name for path in tmp_path.glob("*.qg")] == ["a.qg"]
    assert "Error: " in result.stderr


def test_without_what_was_measured_there_is_no_graph(building: Callable[..., Result], tmp_path: Path) -> None:
    result = building(
        "-q", tmp_path / "a.qg", "--require-metric", "demo.zero_point_offset < 1 mmag",
        "--store", tmp_path / "no",
    )  # fmt: skip
    assert result.exit_code == 2
    assert list(tmp_path.glob("*.qg")) == []


def test_what_is_too_old_is_refused(building: Callable[..., Result], tmp_path: Path) -> None:
    assert building("--max-age", "1 h", "--dry-run").exit_code == 0
    result = building("--max-age", "0.000001 s", "-q", tmp_path / "a.qg")
    assert result.exit_code == 2
    assert "newest event of the annotations is of" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_too_great_a_loss_is_a_finding_with_the_counts_and_nothing_is_written(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    result = building("-q", tmp_path / "a.qg", "--max-loss", "0.2")
    assert result.exit_code == 1
    assert "Refused: " in result.stderr
    assert "Task visit lost 4 of 16 inputs (25.0%)" in result.stderr
    assert ["visit", "8", "2", "0", "6", "4", "16"] in [line.split() for line in result.stdout.splitlines()]
    assert list(tmp_path.iterdir()) == []
    assert building("-q", tmp_path / "a.qg", "--max-loss", "0.25").exit_code == 0


def test_if_nothing_remains_that_is_a_finding(
    building: Callable[..., Result], log: Path, tmp_path: Path
) -> None:
    shutil.copy(log, tmp_path / "log.db")
    with open_annotations(tmp_path / "log.db", origin="summit") as annotations:
        night = Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301})
        annotations.add(targets=[night], flags=[Assertion("junk", "set")], actor=Actor("bob", "human"))
    result = building("-q", tmp_path / "a.qg", "--annotations", tmp_path / "log.db")
    assert result.exit_code == 1
    assert "nothing left to do" in result.stderr
    assert not (tmp_path / "a.qg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--exclude-flags", "jnuk"], "junk"),
        (["--policy", "standart@1"], "standard@1"),
        (["--as-of", "yesterday"], "neither a cut"),
        (["--as-of", "summit:99"], "summit:99|reach"),
        (["--max-age", "a while"], "expected is a length of time such as '12 h'"),
        (["--max-loss", "2"], "0<=x<=1"),
        (["--on-shadow", "fallback"], "'drop', 'fall-back'"),
        (["--inherit", "standrad@1"], "standard@1"),
        (["-q", "a.txt"], "its name ends in '.txt'; expected is .qg"),
        (["-q", "nowhere/a.qg"], "there is no folder"),
        (["-p", "nihgt.yaml"], "There is no pipeline at 'nihgt.yaml'"),
        (["-i", "DemoCamera/catalog"], "Did you mean DemoCamera/catalogs?"),
        (["-b", "nowhere"], "There is no Butler repository at 'nowhere'"),
        (["-d", "vist = 3"], "'vist = 3' cannot be used"),
        (["-c", "visit:metrics=['airmas']"], "Nobody measures 'airmas'"),
        (["-c", "vist:metrics=['airmass']"], "vist"),
        (["--show", "everything"], "--show"),
        (["--data-id-table", "no.ecsv"], "there is no file 'no.ecsv'"),
        (["--replace-run"], "must point to an existing CHAINED collection"),
        (["--extend-run"], "does not exist"),
        (["--extend-run", "--replace-run"], "contradict"),
        (["-t", "nobody.knows.Task"], "nobody"),
        (["-g", "a.qg"], "nothing can be left out"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_wrong(
    building: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = building(*arguments)
    assert result.exit_code == 2, result.output
    assert any(part in " ".join(result.stderr.split()) for part in message.split("|")), result.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_on_how_things_are_left_out_need_something_to_leave_out(
    building: Callable[..., Result],
) -> None:
    result = building("--as-of", "summit:1", junk=False)
    assert result.exit_code == 2
    assert "--as-of says how things are left out: say what, with --exclude-flags" in " ".join(
        result.stderr.split()
    )


def test_files_that_say_what_cannot_be_are_refused_by_what_is_wrong_in_them(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    table, retained = tmp_path / "ids.csv", tmp_path / "retained.yaml"
    table.write_text("instrument,vist\nDemoCamera,3\n")
    retained.write_text("- star_catalog\n")
    result = building("--dry-run", "--data-id-table", table)
    assert result.exit_code == 2
    assert "'vist': no dimension. Did you mean visit?" in result.stderr
    result = building("--dry-run", "--retained-dataset-types", retained)
    assert result.exit_code == 2
    assert "--skip-existing-in" in result.stderr


def test_where_a_graph_does_not_fit_the_old_one_stays_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    graph = tmp_path / "a.qg"
    graph.write_text("an old graph")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with (
            pytest.raises(RepositoryError, match=r"cannot be saved to '.*a\.qg': .*large"),
            replacing(str(graph)) as unfinished,
        ):
            Path(unfinished).write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.qg", "an old graph")]


@pytest.mark.parametrize(
    ("option", "more"),
    [
        ("--exclude-flags", ()),
        ("--exclude-tags", ()),
        ("--require-flags", ()),
        ("--require-metric", ()),
        ("--as-of", ("--exclude-flags", "junk")),
        ("--policy", ("--exclude-flags", "junk")),
        ("--metric-collections", ("--exclude-flags", "junk")),
    ],
)
def test_an_option_that_is_empty_leaves_no_graph_unfiltered(
    building: Callable[..., Result], tmp_path: Path, option: str, more: tuple[str, ...]
) -> None:
    result = building("-q", tmp_path / "a.qg", option, " ", *more, junk=False)
    assert result.exit_code == 2
    assert f"{option} was given without a value" in result.stderr
    assert not (tmp_path / "a.qg").exists()


def test_tables_tasks_configurations_and_files_of_options_work_as_in_pipetask(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    table = Table({"instrument": ["DemoCamera"] * 4, "visit": VISITS[:4]})
    table.write(tmp_path / "visits.ecsv")
    (tmp_path / "options.yaml").write_text(yaml.safe_dump({"qgraph": {"data-query": f"visit > {VISITS[0]}"}}))
    result = building(
        "-q", tmp_path / "a.qg", "--data-id-table", tmp_path / "visits.ecsv", "-@", tmp_path / "options.yaml",
        "--delete", "night", "-t", "gnomon.tasks.star_catalogs.VisitStarsTask:again",
        "-c", "again:connections.package=other", "--select-tasks", "~scatter", "--qgraph-datastore-records",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert counts(tmp_path / "a.qg") == {"reference": 1, "visit": 2, "again": 2, "extinction": 1}
    assert header(tmp_path / "a.qg").metadata["data_query"] == f"visit > {VISITS[0]}"


def test_what_pipetask_shows_and_draws_is_shown_and_drawn(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    result = building(
        "--show", "tasks,workflow", "--qgraph-dot", tmp_path / "a.dot",
        "--qgraph-mermaid", tmp_path / "a.mmd", "--summary", tmp_path / "a.json",
        "--save-pipeline", tmp_path / "p.yaml",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "The graph was not saved" in result.stderr
    assert "### Subtasks for task `gnomon.tasks.star_catalogs.VisitStarsTask'" in result.stdout
    assert "Parent Quantum" in result.stdout
    assert "digraph" in (tmp_path / "a.dot").read_text()
    assert "flowchart" in (tmp_path / "a.mmd").read_text()
    assert "VisitStarsTask" in (tmp_path / "p.yaml").read_text()
    summary = json.loads((tmp_path / "a.json").read_text())["qgraphSummary"]["qgraphTaskSummaries"]
    assert summary["visit"]["numQuanta"] == 6


def test_a_question_about_the_pipeline_alone_builds_no_graph(
    building: Callable[..., Result], tmp_path: Path
) -> None:
    result = building("--show", "pipeline", "-q", tmp_path / "a.qg")
    assert result.exit_code == 0
    assert "No graph was built" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_mocked_pipeline_leaves_out_the_same(building: Callable[..., Result], tmp_path: Path) -> None:
    result = building("-q", tmp_path / "a.qg", "--mock", "--unmocked-dataset-types", "star_catalog")
    assert result.exit_code == 0, result.output
    assert counts(tmp_path / "a.qg") == {f"_mock_{task}": n for task, n in (STOCK | {"visit": 6}).items()}


def test_a_graph_that_exists_is_shown_as_it_is(
    gnomon: Gnomon, night_repository: Path, stock_graph: Path, tmp_path: Path
) -> None:
    result = gnomon(
        "qgraph", "build", "-b", str(night_repository), "-o", "other", "-g", str(stock_graph),
        "--show", "workflow", "--summary", str(tmp_path / "a.json"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "VisitStarsTask" in result.stdout
    summary = json.loads((tmp_path / "a.json").read_text())["qgraphSummary"]["qgraphTaskSummaries"]
    assert summary["visit"]["numQuanta"] == 8


@pytest.mark.parametrize(
    "option", [["--extend-run"], ["--replace-run"], ["--skip-existing-in", "demo/all/1"]]
)
def test_runs_are_extended_replaced_and_skipped_as_in_pipetask(
    gnomon: Gnomon, measured_repository: Path, log: Path, tmp_path: Path, option: list[str]
) -> None:
    arguments = ["-b", str(measured_repository), "-p", str(PIPELINE), "-o", "demo/all", *option]
    theirs = CliRunner().invoke(pipetask_qgraph, [*arguments, "-q", str(tmp_path / "stock.qg")])
    ours = gnomon("qgraph", "build", *arguments, "-q", str(tmp_path / "a.qg"), "--log-level", "ERROR")
    assert (ours.exit_code == 0) == (theirs.exit_code == 0), ours.output
    if theirs.exit_code:
        assert "nothing to do" in ours.stderr
        return
    assert quanta(tmp_path / "a.qg") == quanta(tmp_path / "stock.qg")
    assert header(tmp_path / "a.qg").inputs == header(tmp_path / "stock.qg").inputs


def test_a_graph_says_what_was_left_out_of_it(
    gnomon: Gnomon, building: Callable[..., Result], tmp_path: Path
) -> None:
    built = json.loads(building("-q", tmp_path / "a.qg", "--format", "json").stdout)
    told = gnomon("qgraph", "explain", str(tmp_path / "a.qg"), "--format", "json")
    assert told.exit_code == 0, told.output
    explained = json.loads(told.stdout)
    for name in ("cut", "policy", "digest", "selection", "tasks", "marks", "left_out", "without_effect"):
        assert explained[name] == built[name], name
    table = gnomon("qgraph", "explain", str(tmp_path / "a.qg")).stdout
    assert "As of summit:2, by standard@1" in table
    assert "cloud-bot" in table


def test_of_a_graph_of_another_tool_nothing_is_known_and_that_is_a_finding(
    gnomon: Gnomon, stock_graph: Path
) -> None:
    result = gnomon("qgraph", "explain", str(stock_graph))
    assert result.exit_code == 1
    assert "not built by gnomon" in result.stderr


@pytest.mark.parametrize("content", [None, b"no graph"])
def test_what_is_no_graph_cannot_be_explained(gnomon: Gnomon, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.qg"
    if content is not None:
        path.write_bytes(content)
    result = gnomon("qgraph", "explain", str(path))
    assert result.exit_code == 2
    assert str(path) in result.stderr


def forms(repository: Path, log: Path, form: str, *arguments: str) -> list[str]:
    return [
        "qgraph", "exclusions", str(repository), "--as", form, "-t", "star_catalog", "-i", CATALOGS,
        "--exclude-flags", "junk", "--annotations", str(log), *arguments,
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["where", "table"])
def test_unmodified_tools_build_the_same_graph_from_a_condition_or_a_table(
    gnomon: Gnomon,
    building: Callable[..., Result],
    night_repository: Path,
    log: Path,
    tmp_path: Path,
    form: str,
) -> None:
    written = gnomon(*forms(night_repository, log, form, "-d", BEFORE_THE_LAST))
    assert written.exit_code == 0, written.output
    assert "2 of 7 star_catalog are left out as of summit:2" in written.stderr
    if form == "where":
        option = ["-d", written.stdout.strip()]
    else:
        assert "the table has the 5 that remain" in written.stderr
        (tmp_path / "remaining.ecsv").write_text(written.stdout)
        option = ["--data-id-table", str(tmp_path / "remaining.ecsv")]
    stock = CliRunner().invoke(
        pipetask_qgraph, command(night_repository, "-q", tmp_path / "stock.qg", *option)
    )
    assert stock.exit_code == 0, stock.output
    assert building("-q", tmp_path / "a.qg", "-d", BEFORE_THE_LAST).exit_code == 0
    assert quanta(tmp_path / "a.qg") == quanta(tmp_path / "stock.qg")


def test_visits_that_are_left_out_are_listed(gnomon: Gnomon, night_repository: Path, log: Path) -> None:
    result = gnomon(*forms(night_repository, log, "visits"))
    assert result.exit_code == 0
    assert result.stdout.split() == [str(VISITS[2]), str(VISITS[4])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", "star_catalogs"], "Did you mean star_catalog?"),
        (["-i", "DemoCamera/catalog"], "Did you mean DemoCamera/catalogs?"),
        (["-i", ","], "name at least one"),
        (["-d", "vist = 3"], "cannot be used"),
        (["-d", "instrument = 'DemoCamera' AND visit = 3"], "has no datasets of type 'star_catalog' where"),
        (["-t", "skyMap"], "no dataset type 'skyMap'"),
    ],
)
def test_what_cannot_be_written_is_refused_with_what_is_wrong(
    gnomon: Gnomon, night_repository: Path, log: Path, arguments: list[str], message: str
) -> None:
    result = gnomon(*forms(night_repository, log, "where", *arguments))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_nothing_to_leave_out_is_misuse(gnomon: Gnomon, night_repository: Path) -> None:
    result = gnomon(
        "qgraph", "exclusions", str(night_repository), "--as", "visits", "-t", "star_catalog", "-i", CATALOGS
    )
    assert result.exit_code == 2
    assert "Say what is left out" in result.stderr


def test_the_butler_of_the_tests_is_not_touched(night_repository: Path) -> None:
    with open_butler(night_repository) as butler:
        assert set(butler.collections.query("*")) == {CATALOGS}
