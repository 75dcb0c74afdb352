"""``gnomon rules``: what it prints, how it ends."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gnomon.cli import main
from gnomon.measurements.rows import from_records
from gnomon.store import open_store

ROOT = Path(__file__).parents[2]
RULES = """\
rules:
  - name: poor_seeing
    flag: questionable
    metric: demo.seeing
    when: seeing > 2 arcsec
    reason: "seeing {seeing:.1f} {unit}"
    examples:
      - {given: {seeing: 2500 mas}, expect: set}
  - {name: dark, flag: junk, metric: demo.seeing, when: value < 0}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GNOMON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(RULES)
    told = {"metric": "demo.seeing", "unit": "arcsec", "run": "night/1", "dataset_type": "seeing"}
    records = [
        {**told, "dataset_id": bytes([n]) * 16, "value": value, "visit": n, "day_obs": 20260301 + n}
        | {"instrument": "DemoCamera"}
        for n, value in enumerate([1.0, 2.5, 3.0])
    ]
    open_store(tmp_path / "home" / "store").append(from_records(records), source="test")
    return tmp_path


def rules(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["rules", *arguments], prog_name="gnomon")


def table(*arguments: str) -> list[dict[str, str]]:
    result = rules(*arguments, "--format", "csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(result.stdout.splitlines()))


def test_a_run_says_what_it_set_and_a_second_one_nothing(place: Path) -> None:
    first, dark = table("run", "rules.yaml", "--collections", "night/1")
    assert (first["rule"], first["looked_at"], first["set"], first["examined"]) == (
        "poor_seeing",
        "3",
        "2",
        "1",
    )
    assert (dark["set"], dark["examined"]) == ("0", "3")
    again, _ = table("run", "rules.yaml", "--collections", "night/1", "--rules", "poor_seeing, dark")
    assert (again["set"], again["run"]) == ("0", "nothing new")
    listed = table("list", "--rule", "poor_seeing")
    assert [(one["run"], one["set"], one["state"]) for one in listed] == [(first["run"], "2", "counts")]
    shown = table("show", first["run"])
    assert [one["reason"] for one in shown] == ["seeing 1.0 arcsec", "seeing 2.5 arcsec", "seeing 3.0 arcsec"]
    result = rules("withdraw", first["run"], "--reason", "wrong calibration", "--user", "alice")
    assert result.stdout == f"{first['run']}: withdrawn, poor_seeing version 1\n"
    assert rules("withdraw", first["run"]).stdout == "It was withdrawn before.\n"
    assert table("list", "--rule", "poor_seeing")[0]["state"] == "withdrawn"
    assert rules("withdraw", "--rule", "dark", "--version", "1").exit_code == 0


def test_a_part_is_run_alone(place: Path) -> None:
    arguments = ("run", "rules.yaml", "--rules", "poor_seeing", "--collections", "night/1")
    (part,) = table(*arguments, "--where", "day_obs > 20260302")
    assert (part["looked_at"], part["set"]) == ("1", "1")
    (whole,) = table(*arguments)
    assert (whole["looked_at"], whole["set"], whole["examined"]) == ("3", "1", "1")


def test_a_test_shows_what_would_be_said_and_records_nothing(place: Path) -> None:
    result = rules("test", "rules.yaml", "--collections", "night/1", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "1 example of 2 rules, 0 wrong.\n")
    found = json.loads(result.stdout)
    assert [(one["rule"], one["state"]) for one in found][:3] == [
        ("poor_seeing", "examined"), ("poor_seeing", "set"), ("poor_seeing", "set"),
    ]  # fmt: skip
    assert table("list") == []


def test_an_example_that_fails_ends_with_status_1(place: Path) -> None:
    (place / "rules.yaml").write_text(RULES.replace("expect: set", "expect: examined"))
    result = rules("test", "rules.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("poor_seeing, example 1, 1: expected is examined, not set.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("run", "none.yaml", "--collections", "night/1"),
            "none.yaml: The rules cannot be read: No such file",
        ),
        (("run", "rules.yaml"), "Missing option '--collections'"),
        (("run", "rules.yaml", "--collections", "night/2"), "Did you mean night/1?"),
        (
            ("run", "rules.yaml", "--collections", "night/1", "--where", "visit >"),
            "a value or a name is expected",
        ),
        (("test", "rules.yaml", "--rules", "poor_seing"), "Did you mean poor_seeing?"),
        (("test", "rules.yaml", "--where", "visit > 1"), "name --collections"),
        (("withdraw", "abc"), "There is no run 'abc' of a rule."),
        (("withdraw",), "Say which run is to be withdrawn"),
        (("withdraw", "--rule", "poor_seeing"), "No rule 'poor_seeing' has recorded anything."),
        (("show", "abc"), "There is no run 'abc' of a rule."),
    ],
)
def test_a_mistake_ends_with_status_2_and_a_sentence(
    place: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = rules(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_the_rules_of_the_demonstration_hold_their_examples() -> None:
    result = rules("test", str(ROOT / "src/gnomon/demo/rules/zero_point.yaml"))
    assert (result.exit_code, result.stderr) == (0, "1 example of 1 rule, 0 wrong.\n")


def test_help_loads_neither_polars_nor_a_butler() -> None:
    code = "import sys; from gnomon.cli import main; main(['rules', '--help'], standalone_mode=False)\n"
    code += "sys.exit('polars' in sys.modules or 'lsst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
