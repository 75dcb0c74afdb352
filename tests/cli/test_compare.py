"""``gnomon compare``: what moved and what is missing, as a table, JSON or CSV."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from click.testing import Result

from gnomon.measurements.rows import from_records
from gnomon.store import open_store

Gnomon = Callable[..., Result]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run, the same again, and a third that moved at visit 2, lacks visit 4 and has visit 5."""
    path = tmp_path_factory.mktemp("compare") / "store"
    rows = [
        {
            "dataset_id": bytes([number, visit]) + bytes(14),
            "metric": "demo.seeing",
            "value": visit + (0.25 if run == "moved" and visit == 2 else 0.0),
            "unit": "arcsec",
            "run": run,
            "dataset_type": "metricvalue_demo_seeing",
            "instrument": "Cam",
            "visit": visit,
            "software": f"w_{number}",
        }
        for number, (run, visits) in enumerate(
            [("first", (1, 2, 3, 4)), ("again", (1, 2, 3, 4)), ("moved", (1, 2, 3, 5))]
        )
        for visit in visits
    ]
    open_store(path).append(from_records(rows), source="test")
    return str(path)


def test_the_table_has_a_summary_the_worst_movers_and_what_is_missing(gnomon: Gnomon, runs: str) -> None:
    result = gnomon("compare", "first", "moved", "--store", runs)
    assert result.exit_code == 1
    assert "a: first\nb: moved" in result.stdout
    summary, moved, only_a, only_b = result.stdout.split("\n\n")[1:]
    assert "max_abs_difference" in summary
    assert "0.25" in moved
    assert "Moved most" in moved
    assert only_a.startswith("Only in a\n")
    assert only_a.splitlines()[-1].split()[:3] == ["demo.seeing", "Cam", "4"]
    assert only_b.splitlines()[-1].split()[:3] == ["demo.seeing", "Cam", "5"]
    assert "band" not in result.stdout


def test_the_same_again_is_no_finding(gnomon: Gnomon, runs: str) -> None:
    result = gnomon("compare", "first", "again", "--store", runs)
    assert result.exit_code == 0
    assert "Moved" not in result.stdout
    assert "Only" not in result.stdout


def test_a_tolerance_and_a_condition_decide_what_is_a_finding(gnomon: Gnomon, runs: str) -> None:
    asked = ["compare", "first", "moved", "--store", runs, "--where", "visit < 4"]
    assert gnomon(*asked).exit_code == 1
    assert gnomon(*asked, "--rtol", "0.2").exit_code == 0


def test_json_has_everything(gnomon: Gnomon, runs: str) -> None:
    result = gnomon("compare", "w_0", "w_2", "--by", "software", "--store", runs, "--format", "json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["a"], found["b"], found["identical"]) == ("w_0", "w_2", False)
    assert found["summary"][0]["matched"] == 3
    assert found["movers"][0]["difference"] == 0.25
    assert [row["visit"] for row in found["only_in_a"] + found["only_in_b"]] == [4, 5]


def test_csv_has_a_row_a_pair_and_a_row_for_what_has_no_partner(gnomon: Gnomon, runs: str) -> None:
    result = gnomon("compare", "first", "moved", "--store", runs, "--format", "csv")
    rows = {row["visit"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert {visit: row["state"] for visit, row in rows.items()} == {
        "1": "same", "2": "changed", "3": "same", "4": "only in a", "5": "only in b",
    }  # fmt: skip
    assert (rows["4"]["value_a"], rows["4"]["value_b"]) == ("4.0", "")
    assert (rows["5"]["value_a"], rows["5"]["value_b"]) == ("", "5.0")


def test_many_without_a_partner_are_counted_and_not_all_shown(gnomon: Gnomon, runs: str) -> None:
    result = gnomon(
        "compare", "first", "moved", "--where", "visit > 3 OR visit < 2", "--top", "1", "--store", runs
    )
    assert "Only in a" in result.stdout
    none = gnomon("compare", "first", "moved", "--top", "0", "--store", runs)
    assert "Only in a" not in none.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["first", "mved"], "Did you mean moved?"),
        (["first", ""], "has no name"),
        (["first"], "Missing argument 'B'"),
        (["first", "moved", "--metrics", "demo.seing"], "Did you mean demo.seeing?"),
        (["first", "moved", "--rtol", "-1"], "x>=0"),
        (["first", "moved", "--by", "version"], "'version' is not one of"),
        (["w_0", "w_9", "--by", "software"], "Nothing in the store was computed by 'w_9'"),
    ],
)
def test_what_cannot_be_compared_is_misuse(
    gnomon: Gnomon, runs: str, arguments: list[str], message: str
) -> None:
    result = gnomon("compare", *arguments, "--store", runs)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
