"""A metric as a new user would write it, from the page of the user guide alone."""

import gc
import json
import re
import shlex
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from click.testing import CliRunner
from lsst.ctrl.mpexec.cli.pipetask import cli as pipetask
from lsst.daf.butler.cli.utils import LogCliRunner

from gnomon.cli import main
from gnomon.repository.configuration import enable, open_butler

enable()

PAGE = Path(__file__).parents[2] / "docs" / "user" / "metrics-without-python.md"
FILES = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a repository and the page's files beside it."""
    for name, text in FILES.findall(PAGE.read_text()):
        path = repository.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(repository.parent)
    monkeypatch.setenv("GNOMON_STORE", str(repository.parent / "store"))
    return repository.parent


def invoke(command: str) -> str:
    program, *arguments = shlex.split(command)
    with warnings.catch_warnings():
        # A process of its own would end here and with it the connections that the command leaves open.
        warnings.simplefilter("ignore", ResourceWarning)
        runner, group = (LogCliRunner(), pipetask) if program == "pipetask" else (CliRunner(), main)
        result = runner.invoke(group, arguments)
        gc.collect()
    assert result.exit_code == 0, f"{command}: {result.output}"
    return result.output


def test_the_page_leads_from_a_metric_in_yaml_to_its_values(folder: Path) -> None:
    commands = [line for block in COMMANDS.findall(PAGE.read_text()) for line in block.splitlines()]
    assert commands[-1].startswith("gnomon load")
    for line in commands:
        if not line.startswith("export "):
            invoke(line)
    rows = json.loads(invoke("gnomon load 'quick.*' --collections u/me/quick --format json"))
    by_metric: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        by_metric.setdefault(str(row["metric"]), []).append(row)
    assert {metric: len(found) for metric, found in by_metric.items()} == {
        "quick.magnitude_error": 8,
        "quick.bright_fraction": 8,
        "quick.night_magnitude_error": 1,
    }
    # Of the night's sixteen stars twelve have an error of 0.005 mag, which is an snr of 217.
    assert {(row["value"], row["unit"], row["count"]) for row in by_metric["quick.magnitude_error"]} == {
        (5.0, "mmag", 12)
    }
    assert {row["value"] for row in by_metric["quick.bright_fraction"]} == {75.0}
    [night] = by_metric["quick.night_magnitude_error"]
    assert (night["value"], night["unit"], night["count"]) == (5.0, "mmag", 8)
    with open_butler(folder / "repo", collections="u/me/quick") as butler:
        [table] = butler.query_datasets("metrictable_quick")
        assert len(butler.get(table)) == 17


def test_a_mistake_in_the_yaml_is_told_before_anything_runs(folder: Path) -> None:
    path = folder / "definitions" / "metrics" / "quick.yaml"
    path.write_text(path.read_text().replace("aggregate: median", "aggregate: medain"))
    result = CliRunner().invoke(main, ["lint", "definitions"])
    assert result.exit_code == 1
    assert "quick.yaml:13" in result.output
    assert "Did you mean median?" in " ".join(result.output.split())


def test_the_pages_test_is_one(folder: Path) -> None:
    spec = spec_from_file_location("test_quick", folder / "test_quick.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_faint_stars_do_not_count()
