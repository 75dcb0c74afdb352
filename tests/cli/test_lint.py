"""``gnomon lint``: what it prints, how it ends, what it loads."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from gnomon.cli import main
from gnomon.definitions.lint import FORMATS, RULES

ROOT = Path(__file__).parents[2]
DEMO = "src/gnomon/demo/definitions"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one mistake."""
    (tmp_path / "defs" / "metrics").mkdir(parents=True)
    (tmp_path / "defs" / "metrics" / "p.yaml").write_text("A: {unit: s, tag: [x]}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "defs"


def lint(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["lint", *arguments], prog_name="gnomon")


def test_a_sound_package_ends_with_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = lint(DEMO)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("No mistakes in ")


def test_findings_end_with_status_1(package: Path) -> None:
    result = lint("defs")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == (
        "defs/metrics/p.yaml:1: warning[unknown-key] 'tag' is no key of the metric A. Did you mean tags?"
    )


def test_notes_do_not_count(package: Path) -> None:
    (package / "metrics" / "p.yaml").write_text("A: {unit: s, better: lower}\n")
    result = lint("defs")
    assert result.exit_code == 0
    assert "note[established-reader]" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Which PACKAGE?"),
        (["nowhere"], "There is no definition package 'nowhere'"),
        (["defs", "--disable", "unknwn-key"], "Did you mean unknown-key?"),
        (["defs", "--format", "xml"], "'xml'"),
        (["defs", "--job", "nowhere.json"], "nowhere.json"),
        (["defs", "--job", "defs/metrics/p.yaml"], "This is not JSON"),
    ],
)
def test_misuse_ends_with_status_2(package: Path, arguments: list[str], words: str) -> None:
    result = lint(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_can_be_asked_for(package: Path, format_: str) -> None:
    result = lint("defs", "--format", format_)
    assert result.exit_code == 1
    assert "unknown-key" in result.stdout
    if format_ in ("json", "sarif"):
        assert json.loads(result.stdout)


def test_rules_can_be_disabled(package: Path) -> None:
    assert lint("defs", "--disable", "unknown-key", "--disable", "not-yaml").exit_code == 0


def test_rules_can_be_listed() -> None:
    result = lint("--list-rules")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(RULES)


def test_metadata_that_jobs_carry_come_from_the_command_line_and_from_jobs(package: Path) -> None:
    specs = package / "specs" / "p"
    specs.mkdir(parents=True)
    (package / "metrics" / "p.yaml").write_text("A: {unit: s}\n")
    (specs / "a.yaml").write_text(
        "name: A.a\nthreshold: {value: 1, unit: s, operator: <}\nmetadata_query: {one: 1, two: 2, three: 3}\n"
    )
    (package / "job.json").write_text(json.dumps({"meta": {"three": 3}}))
    assert lint("defs").exit_code == 1
    assert lint("defs", "--metadata", "one, two", "--job", "defs/job.json").exit_code == 0
    assert "'three'" in lint("defs", "--metadata", "one", "--metadata", "two").stdout


def test_linting_loads_no_tables_stores_or_middleware() -> None:
    code = (
        "import sys\nfrom gnomon.cli import main\n"
        f"main(['lint', {str(ROOT / DEMO)!r}], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'(\w+)'", done.stdout.splitlines()[-1]))
    assert "astropy" in loaded
    assert loaded.isdisjoint(
        {"deltalake", "lsst", "pandas", "polars", "pyarrow", "pydantic", "rich", "sqlalchemy"}
    )


def test_the_hook_takes_the_files_of_packages() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["types"]) == ("gnomon-lint", "python", ["yaml"])
    assert hook["entry"] == "gnomon lint"
    wanted = re.compile(hook["files"])
    for name in ("metrics/p.yaml", "defs/specs/p/cfht/a.yml", f"{DEMO}/metrics/demo.yaml"):
        assert wanted.search(name), name
    for name in ("mkdocs.yaml", "metrics.yaml", "specs/p/a.txt", "mymetrics/p.yaml"):
        assert not wanted.search(name), name
