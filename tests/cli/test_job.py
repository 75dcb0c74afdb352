"""``gnomon job``."""

import json
import logging
from pathlib import Path

import astropy.units as u
import pytest
from click.testing import CliRunner, Result

from gnomon.cli import main
from gnomon.verify import Job, Measurement, Metric, ThresholdSpecification

METRIC = Metric("demo.scatter", "Scatter.", "mmag")
SPECS = [
    ThresholdSpecification("demo.scatter.minimum", 8 * u.mmag, "<=", tags=["minimum"]),
    ThresholdSpecification("demo.scatter.design", 5 * u.mmag, "<="),
]


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["job", *map(str, args)])


def write(path: Path, value: float, **meta: object) -> Path:
    measurement = Measurement(METRIC, value * u.mmag, count=11, notes={"method": "MAD"})
    Job([measurement, Measurement("demo.extra", 1)], [METRIC], SPECS, meta).write(path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "a.verify.json", 6.2, camera="small")


def test_a_job_is_shown_with_its_metadata(file: Path) -> None:
    shown = run("show", file)
    assert shown.exit_code == 0
    assert "camera: small" in shown.output
    rows = json.loads(run("show", file, "--format", "json").stdout)
    assert rows[0] == {
        "metric": "demo.scatter",
        "value": 6.2,
        "unit": "mmag",
        "uncertainty": None,
        "count": 11,
        "notes": '{"method": "MAD"}',
    }


def test_a_report_ends_with_1_if_something_fails(file: Path) -> None:
    failing = run("report", file)
    assert failing.exit_code == 1
    assert "6.2 mmag is not <= 5 mmag" in failing.output
    passing = run("report", file, "--spec-tag", "minimum")
    assert passing.exit_code == 0
    assert "design" not in passing.output


@pytest.mark.parametrize(
    ("format_", "word"), [("json", '"fail"'), ("html", "<table"), ("junit", "<testsuite")]
)
def test_a_report_is_written_in_each_format(file: Path, tmp_path: Path, format_: str, word: str) -> None:
    assert word in run("report", file, "--format", format_).stdout
    written = run("report", file, "--format", format_, "--output", tmp_path / "report")
    assert written.exit_code == 1
    assert word in (tmp_path / "report").read_text()


def test_definitions_are_added_to_those_of_the_file(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "definitions" / "specs" / "demo"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text('name: extra.some\nthreshold: {value: 2, unit: "", operator: "<"}\n')
    result = run("report", file, "-d", tmp_path / "definitions", "--name", "demo.extra")
    assert result.exit_code == 0
    assert "demo.extra.some" in run("report", file, "-d", tmp_path / "definitions", "--all").output


def test_jobs_that_agree_are_merged(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.verify.json"
    Job([Measurement("demo.other", 3)]).write(other)
    assert run("merge", file, other, "-o", tmp_path / "c.verify.json").exit_code == 0
    assert set(Job.read(tmp_path / "c.verify.json").measurements) == {
        "demo.scatter",
        "demo.extra",
        "demo.other",
    }


def test_jobs_that_contradict_each_other_are_merged_only_with_a_preference(
    file: Path, tmp_path: Path
) -> None:
    other, merged = write(tmp_path / "b.verify.json", 7, camera="large"), tmp_path / "c.verify.json"
    refused = run("merge", file, other, "-o", merged)
    assert refused.exit_code == 1
    assert not merged.exists()
    assert "measurement demo.scatter" in refused.stderr
    assert "metadata camera: small / large" in refused.stderr
    for prefer, value, camera in (("first", 6.2, "small"), ("last", 7.0, "large")):
        told = run("merge", file, other, "-o", merged, "--prefer", prefer)
        assert told.exit_code == 0
        assert "metadata camera: small / large" in told.stderr
        found = Job.read(merged)
        assert (found.measurements["demo.scatter"].value, found.meta["camera"]) == (value, camera)


def test_differences_are_listed(file: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "b.verify.json", 7, camera="small", night=3)
    result = run("diff", file, other, "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {"kind": "measurement", "name": "demo.scatter", "change": "changed", "a": "6.2 mmag", "b": "7 mmag"},
        {"kind": "metadata", "name": "night", "change": "only in b", "a": "", "b": "3"},
    ]
    assert run("diff", file, file).exit_code == 0


def test_what_is_wrong_with_a_file_is_told(file: Path, tmp_path: Path) -> None:
    assert run("validate", file).exit_code == 0
    document = json.loads(file.read_text())
    document["measurements"][0]["blob_refs"] = ["nowhere"]
    (tmp_path / "b.verify.json").write_text(json.dumps(document))
    (tmp_path / "c.verify.json").write_text("[")
    result = run("validate", file, tmp_path / "b.verify.json", tmp_path / "c.verify.json")
    assert result.exit_code == 1
    assert "nowhere" in result.output
    assert "c.verify.json" in result.output


def test_measurements_are_checked_against_definitions(file: Path, tmp_path: Path) -> None:
    (tmp_path / "d" / "metrics").mkdir(parents=True)
    (tmp_path / "d" / "metrics" / "demo.yaml").write_text("scatter: {unit: s}\nextras: {unit: ''}\n")
    result = run("validate", file, "-d", tmp_path / "d")
    assert result.exit_code == 1
    assert "demo.scatter is in mmag; it is defined in s." in result.output
    assert "demo.extra is not defined" in result.output
    assert "Did you mean demo.extras" in result.output


def test_a_file_that_is_no_job_is_status_2(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"measurement": []}')
    result = run("show", tmp_path / "a.json")
    assert result.exit_code == 2
    assert "Did you mean measurements" in result.stderr


def test_show_writes_out_text_that_no_terminal_takes(tmp_path: Path) -> None:
    file = tmp_path / "odd.verify.json"
    file.write_text('{"meta": {"\\ud800": "\\udfff"}}')
    result = CliRunner().invoke(main, ["job", "show", str(file)])
    assert result.exit_code == 0, result.output
    assert r"\ud800: \udfff" in result.output


def test_merge_leaves_the_log_of_the_library_as_it_was(tmp_path: Path) -> None:
    level = logging.getLogger("gnomon.measurements").level
    file = tmp_path / "a.verify.json"
    file.write_text("{}")
    CliRunner().invoke(main, ["job", "merge", str(file), str(file), "-o", str(tmp_path / "b.verify.json")])
    assert logging.getLogger("gnomon.measurements").level == level
