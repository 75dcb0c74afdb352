"""``gnomon load``: the same measurements as a table, JSON or CSV."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result

from gnomon.cli.printing import print_frame
from gnomon.measurements.rows import from_records
from gnomon.store import open_store

Gnomon = Callable[..., Result]


def test_json_has_a_row_a_measurement_with_the_columns_that_say_something(
    gnomon: Gnomon, store: Path
) -> None:
    result = gnomon(
        "load", "demo.airmass", "--collections", "demo/all", "--store", str(store), "--format", "json"
    )
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert len(rows) == 8
    assert rows[0]["metric"] == "demo.airmass"
    assert rows[0]["value"] == pytest.approx(1.8)
    assert rows[0]["visit"] == 2026030100001
    assert rows[0]["obs_begin"] == "2026-03-02T02:00:37.000000"
    assert "tract" not in rows[0]


def test_csv_can_be_read_back(gnomon: Gnomon, store: Path) -> None:
    result = gnomon("load", "demo.*", "--store", str(store), "--format", "csv", "--all-columns")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 8 * 6 + 7
    assert {"dataset_id", "dimensions", "tract"} <= rows[0].keys()
    assert len(bytes.fromhex(rows[0]["dataset_id"])) == 16


def test_the_table_is_for_people(gnomon: Gnomon, store: Path) -> None:
    result = gnomon("load", "demo.extinction", "--store", str(store))
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["metric", "value", "unit"]
    assert "demo.extinction" in lines[1]
    assert len(lines) == 2


def test_without_a_name_everything_is_printed(gnomon: Gnomon, store: Path) -> None:
    result = gnomon("load", "--store", str(store), "--format", "json")
    assert len(json.loads(result.stdout)) == 8 * 6 + 7


def test_a_condition_and_the_wide_form(gnomon: Gnomon, store: Path) -> None:
    result = gnomon(
        "load", "demo.airmass", "demo.star_count", "--wide", "--where", "visit > 2026030100006",
        "--dataset-type", "metricvalue_demo_*", "--latest", "--store", str(store), "--format", "json",
    )  # fmt: skip
    rows = json.loads(result.stdout)
    assert [row["visit"] for row in rows] == [2026030100007, 2026030100008]
    assert rows[0]["demo.star_count"] == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo.airmas"], "Did you mean demo.airmass?"),
        (["--collections", "demo/al"], "Did you mean demo/all?"),
        (["--where", "vist > 3"], "Did you mean visit?"),
        (["--where", "visit >"], "visit >"),
        (["--dataset-type", "metricvalue_demo_airmas"], "Did you mean metricvalue_demo_airmass?"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_what_the_store_does_not_know_is_misuse_with_the_nearest(
    gnomon: Gnomon, store: Path, arguments: list[str], message: str
) -> None:
    result = gnomon("load", *arguments, "--store", str(store))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_store_that_does_not_exist_yet_has_no_measurements(gnomon: Gnomon, tmp_path: Path) -> None:
    result = gnomon("load", "--store", str(tmp_path / "store"), "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    named = gnomon("load", "demo.airmass", "--store", str(tmp_path / "store"))
    assert named.exit_code == 2
    assert "The store has no metric 'demo.airmass'" in named.stderr


@pytest.fixture
def odd_store(tmp_path: Path) -> Path:
    """Values, names and dimensions that a careless printer would spoil."""
    values = [math.nan, math.inf, None, 1.5]
    records = [
        {
            "dataset_id": bytes([n]) * 16,
            "metric": "odd.value",
            "value": value,
            "unit": "",
            "run": "run/[red]:smile:[/red]",
            "dataset_type": "metricvalue_odd_value",
            "dimensions": [("htm7", str(n)), ("visit_system", "1")],
        }
        for n, value in enumerate(values)
    ]
    open_store(tmp_path / "odd").append(from_records(records), source="test")
    return tmp_path / "odd"


def test_json_stays_json_whatever_the_values(gnomon: Gnomon, odd_store: Path) -> None:
    result = gnomon("load", "--store", str(odd_store), "--format", "json", "--all-columns")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    rows = json.loads(result.stdout, parse_constant=refuse)
    assert sorted(str(row["value"]) for row in rows) == ["1.5", "None", "None", "None"]
    assert rows[0]["dimensions"].keys() == {"htm7", "visit_system"}


def test_csv_keeps_dimensions_without_a_column_of_their_own(gnomon: Gnomon, odd_store: Path) -> None:
    result = gnomon("load", "--store", str(odd_store), "--format", "csv", "--all-columns")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {json.loads(row["dimensions"])["htm7"] for row in rows} == {"0", "1", "2", "3"}


def test_a_table_shows_names_letter_by_letter(gnomon: Gnomon, odd_store: Path) -> None:
    result = gnomon("load", "--store", str(odd_store))
    assert "[red]:smile:[/red]" in result.stdout


def test_a_frame_without_rows_is_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame(schema={"metric": pl.String, "[b]value[/b]": pl.Float64})
    print_frame(frame, "table")
    assert capsys.readouterr().out.split() == ["metric", "[b]value[/b]"]
    print_frame(frame, "csv")
    assert capsys.readouterr().out == "metric,[b]value[/b]\n"
    print_frame(frame, "json")
    assert json.loads(capsys.readouterr().out) == []
