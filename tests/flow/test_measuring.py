"""Measuring with the programs in processes of their own, as the user guide says and as sites do it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler

from gnomon.repository.configuration import enable, environment

from .conftest import environment_of_a_shell

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("measuring")]

enable()

GUIDE = Path(__file__).parents[2] / "docs" / "user" / "measuring.md"

SUDDEN = '''
"""Tasks that end in their own ways."""

import os
import signal

from lsst.pipe.base import Struct

from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from star_metrics import FaintestTask


class SuddenTask(FaintestTask):
    """Measures, fails, or is killed, by the visit's sky, which grows by one from visit to visit."""

    _DefaultName = "sudden"

    def run(self, catalogs):
        match int(catalogs[0]["sky"][0]) - 39:
            case 1:
                os.kill(os.getpid(), signal.SIGKILL)
            case 2:
                raise MetricComputationError("It cannot be.")
            case 3:
                raise ZeroDivisionError("somebody divided")
        return super().run(catalogs)
'''


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment({**environment_of_a_shell(), "PYTHONPATH": str(cwd), **variables}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(repository: Path) -> Path:
    """A folder with a repository, and the guide's files beside it."""
    for language, name, text in re.findall(
        r"^```(python|yaml)\n# (\S+\.(?:py|yaml))\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    ):
        assert name.endswith("py" if language == "python" else "yaml")
        (repository.parent / name).write_text(text)
    return repository.parent


def values(folder: Path, dataset_type: str, collection: str) -> dict[Any, float]:
    with Butler.from_config(str(folder / "repo"), collections=collection) as butler:
        refs = butler.query_datasets(dataset_type, explain=False)
        return {ref.dataId.get("visit"): butler.get(ref).value for ref in refs}


def test_the_guides_first_metric_goes_all_the_way_to_a_table(folder: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    script = "".join(blocks) + "gnomon load 'stars.*' --collections u/me/stars --format json\n"
    done = run("bash", "-euo", "pipefail", "-c", script, cwd=folder, GNOMON_STORE=str(folder / "store"))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout[done.stdout.index("\n[") + 1 :])
    assert len(rows) == 9
    visits = [row["value"] for row in rows if row["metric"] == "stars.faintest"]
    [of_all] = [row for row in rows if row["metric"] == "stars.faintest_of_all"]
    assert of_all["value"] == max(visits)
    assert of_all.get("instrument") is None


def test_the_guides_metric_within_a_science_task_is_written_beside_its_product(folder: Path) -> None:
    (folder / "fit.yaml").write_text("description: Fit.\ntasks:\n  fit:\n    class: fit.FitTask\n")
    done = run(
        "pipetask", "run", "-b", "repo", "-p", "fit.yaml", "-i", "DemoCamera/catalogs", "-o", "fit",
        "--register-dataset-types", "-d", "visit = 2026030100001", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert values(folder, "metricvalue_fit_rejected", "fit") == {2026030100001: 25.0}


def test_a_killed_worker_a_crash_and_a_failure_are_told_apart(folder: Path) -> None:
    (folder / "sudden.py").write_text(SUDDEN)
    pipeline = "description: Sudden.\ntasks:\n  sudden:\n    class: sudden.SuddenTask\n"
    (folder / "sudden.yaml").write_text(pipeline)
    ran = run(
        "pipetask", "run", "-b", "repo", "-p", "sudden.yaml", "-i", "DemoCamera/catalogs", "-o", "sudden",
        "--output-run", "sudden/1", "--register-dataset-types", "--save-qgraph", "sudden.qg", "-j", "2",
        "-d", "visit < 2026030100005", cwd=folder,
    )  # fmt: skip
    assert ran.returncode != 0
    told = run(
        "pipetask", "report", "repo", "sudden.qg", "--force-v2", "--full-output-filename", "report.json",
        cwd=folder,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    report = json.loads((folder / "report.json").read_text())["tasks"]["sudden"]
    assert [report[f"n_{way}"] for way in ("successful", "failed", "unknown", "blocked")] == [2, 1, 1, 0]
    assert report["caveats"].keys() == {"*P"}
    assert values(folder, "metricvalue_stars_faintest", "sudden").keys() == {2026030100004}


def test_quantum_backed_execution_measures_the_same(folder: Path) -> None:
    common = ["-p", "stars.yaml", "-i", "DemoCamera/catalogs", "-d", "visit < 2026030100003"]
    direct = run(
        "pipetask", "run", "-b", "repo", *common, "-o", "direct", "--register-dataset-types", cwd=folder
    )
    assert direct.returncode == 0, direct.stderr
    commands = [
        ["pipetask", "qgraph", "-b", "repo", *common, "-o", "backed", "--output-run", "backed/1",
         "--qgraph-datastore-records", "--save-qgraph", "backed.qg"],
        ["pipetask", "pre-exec-init-qbb", "repo", "backed.qg"],
        ["pipetask", "run-qbb", "repo", "backed.qg"],
        ["butler", "transfer-from-graph", "backed.qg", "repo", "--register-dataset-types",
         "--update-output-chain"],
    ]  # fmt: skip
    for command in commands:
        done = run(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    for metric in ("faintest", "faintest_of_all"):
        found = values(folder, f"metricvalue_stars_{metric}", "backed/1")
        assert found == values(folder, f"metricvalue_stars_{metric}", "direct")
        assert found
