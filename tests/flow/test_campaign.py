"""A graph without what is marked runs wherever graphs run, and the steps of a campaign leave out the same."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

from gnomon.annotations import Actor, Assertion, Target, open_annotations
from gnomon.cli import main
from gnomon.curation.graphs.record import head_of_table
from gnomon.repository.configuration import environment, open_butler

from .conftest import Demonstration, SyntheticNight, environment_of_a_shell

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("another night")]

PAGE = (Path(__file__).parents[2] / "docs" / "user" / "graphs.md").read_text(encoding="utf-8")
PIPELINE = Path(__file__).parents[2] / "src" / "gnomon" / "demo" / "pipelines" / "night.yaml"
CATALOGS = "DemoCamera/catalogs"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def shell(script: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment_of_a_shell() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def record(repository: Path, run: str) -> pa.Table:
    """Give what a run says that was left out."""
    with open_butler(repository) as butler:
        found = butler.get("gnomon_exclusions", collections=run)
    assert isinstance(found, pa.Table)
    return found


def visits(repository: Path, collection: str) -> int:
    with open_butler(repository) as butler:
        return len(butler.query_datasets("metricvalue_demo_airmass", collections=collection))


@pytest.fixture(scope="module")
def folder(another_night: Demonstration) -> Path:
    """The folder above the demonstration, after all that the page tells to type."""
    above = another_night.folder.parent
    shell("\n".join(blocks("sh")), above)
    return above


def test_what_the_page_tells_to_type_works_with_pipetask_and_with_quantum_backed_execution(
    folder: Path, synthetic_night: SyntheticNight
) -> None:
    repository = folder / "demo" / "repo"
    told = json.loads(shell("gnomon qgraph explain good.qg --format json", folder))
    assert {mark["by"] for mark in told["marks"]} == {"zero_point_outlier", "demo observer"}
    for collection in ("demo/good", "demo/next"):
        assert visits(repository, collection) == synthetic_night.visits - 2
        table = record(repository, collection)
        head = head_of_table(table)
        assert [head[name] for name in ("cut", "policy", "digest")] == [
            told[name] for name in ("cut", "policy", "digest")
        ]
        assert sum(row["effect"] == "quantum" for row in table.to_pylist()) == 2


def test_bps_takes_the_line_of_the_page(
    folder: Path, synthetic_night: SyntheticNight, tmp_path: Path
) -> None:
    repository = folder / "demo" / "repo"
    (line,) = (block for block in blocks("yaml") if "createQuantumGraph" in block)
    submission: dict[str, Any] = yaml.safe_load(line) | {
        "pipelineYaml": str(folder / "demo" / "night.yaml"),
        "operator": "tester",
        "payload": {
            "payloadName": "night",
            "butlerConfig": str(repository),
            "inCollection": CATALOGS,
            "output": "demo/batch",
            "outputRun": "demo/batch/1",
            "dataQuery": "instrument = 'DemoCamera'",
        },
        "wmsServiceClass": "lsst.ctrl.bps.parsl.ParslService",
        "computeSite": "local",
        "site": {"local": {"class": "lsst.ctrl.bps.parsl.sites.Local", "cores": 1}},
        "clusterAlgorithm": "lsst.ctrl.bps.quantum_clustering_funcs.dimension_clustering",
        "cluster": {
            "all": {"pipetasks": "reference,visit,night,extinction,scatter", "dimensions": "instrument"}
        },
        "finalJob": {"requestCpus": 1},
        "submitPath": str(tmp_path / "submit"),
    }
    (tmp_path / "bps.yaml").write_text(yaml.safe_dump(submission, width=1000))
    shell(
        "bps submit bps.yaml",
        tmp_path,
        DAF_BUTLER_CONFIG_PATH=environment({})["DAF_BUTLER_CONFIG_PATH"],
        GNOMON_ANNOTATIONS=str(folder / "demo" / "annotations.db"),
    )
    assert visits(repository, "demo/batch") == synthetic_night.visits - 2
    marks = {row["by"] for row in record(repository, "demo/batch").to_pylist() if row["effect"] == "quantum"}
    assert marks == {"zero_point_outlier", "demo observer"}
    printed = (tmp_path / "submit" / "quantumGraphGeneration.out").read_text()
    assert re.search(r"^visit +14 +2 +0 +12", printed, flags=re.MULTILINE)


def test_a_flag_that_is_set_between_two_steps_changes_nothing_in_the_second(
    repository: Path, tmp_path: Path
) -> None:
    def say(place: int) -> None:
        target = Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100000 + place})
        with open_annotations(tmp_path / "log.db", origin="summit") as log:
            log.add(targets=[target], flags=[Assertion("junk", "set")], actor=Actor("bot", "bot"))

    def step(*options: str) -> dict[str, Any]:
        command = [
            "qgraph", "build", "-b", str(repository), "-p", str(PIPELINE), "--exclude-flags", "junk",
            "--annotations", str(tmp_path / "log.db"), "--format", "json", "--log-level", "ERROR", *options,
        ]  # fmt: skip
        result = CliRunner().invoke(main, command, prog_name="gnomon")
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    graph = str(tmp_path / "one.qg")
    say(3)
    first = step(
        "-i", CATALOGS, "-o", "night/one", "--output-run", "night/one/1", "--select-tasks", "reference|visit",
        "-q", graph,
    )  # fmt: skip
    shell(
        f"pipetask run -b {repository} -g {graph} -i {CATALOGS} -o night/one --output-run night/one/1 "
        "--register-dataset-types",
        tmp_path,
        DAF_BUTLER_CONFIG_PATH=environment({})["DAF_BUTLER_CONFIG_PATH"],
    )
    say(5)
    rest = ["-i", f"night/one,{CATALOGS}", "-o", "night/two", "--select-tasks", "night|extinction|scatter"]
    second = step(*rest, "--as-of", first["cut"])
    same = step(*rest, "--as-of", f"graph:{graph}")
    now = step(*rest)
    assert first["digest"] == second["digest"] == same["digest"] != now["digest"]
    lost = {task["task"]: task["inputs lost"] for task in second["tasks"]}
    assert lost["extinction"] == 0  # of what the first step made, it has all
    assert {task["task"]: task["inputs lost"] for task in now["tasks"]}["extinction"] == 2
    left_out = {mark["target"]: mark for mark in second["marks"]}
    assert left_out.keys() == {"DemoCamera visit=2026030100003"}  # its catalog, which the night would read
