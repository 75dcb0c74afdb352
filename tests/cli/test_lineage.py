"""``gnomon lineage`` as a person calls it."""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from lsst.daf.butler.cli.butler import cli as butler_command
from tests.repository.lineage.steps import INPUTS, RAW, Processed, command

GnomonCommand = Callable[..., Result]

pytestmark = pytest.mark.xdist_group("lineage")

NIGHT = 20260301


@pytest.fixture(scope="module")
def place(processed: Processed, gnomon: GnomonCommand, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Lineage that was recorded by the command."""
    place = str(tmp_path_factory.mktemp("lineage") / "lineage.db")
    done = gnomon(
        "lineage", "record", str(processed.root), "--collections", "steps",
        "--graph", str(processed.finished), "--input-table", "stacked=stacked_inputs", "--lineage", place,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "23 files and 1 tables of inputs read; 0 were known." in done.output
    return place


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "annotations.db")


def test_the_tree_of_a_product_shows_flags_upstream(
    processed: Processed, gnomon: GnomonCommand, place: str, log: str
) -> None:
    visit = min(processed.ids("calibrated"))
    flagged = gnomon(
        "flag",
        "clouds",
        "instrument=DemoCamera",
        f"visit={visit}",
        "--reason",
        "cirrus",
        "--annotations",
        log,
    )
    assert flagged.exit_code == 0
    stacked = str(processed.ids("stacked")[NIGHT])
    result = gnomon("lineage", str(processed.root), stacked, "--lineage", place, "--annotations", log)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"stacked DemoCamera day_obs={NIGHT} in steps/run {stacked}")
    assert any("clouds set by" in line and "cirrus" in line for line in lines)
    assert "As of local:1, policy standard@1." in result.stderr
    plain = gnomon("lineage", str(processed.root), stacked, "--lineage", place)
    assert "clouds" not in plain.output
    wrong = gnomon("lineage", str(processed.root), stacked, "--lineage", place, "--annotations", f"{log}.no")
    assert (wrong.exit_code, Path(f"{log}.no").exists()) == (2, False)


def test_annotations_may_be_asked_for_without_saying_where(
    processed: Processed, gnomon: GnomonCommand, place: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNOMON_ANNOTATIONS", log)
    stacked = str(processed.ids("stacked")[NIGHT])
    result = gnomon("lineage", str(processed.root), stacked, "--lineage", place, "--annotations")
    assert result.exit_code == 0
    assert "As of" in result.stderr


def test_downstream_is_complete_in_json(processed: Processed, gnomon: GnomonCommand, place: str) -> None:
    raws = processed.ids(RAW, collections=INPUTS)
    raw = raws[min(raws)]
    result = gnomon(
        "lineage", "--down", str(processed.root), str(raw), "--lineage", place, "--format", "json"
    )
    document = json.loads(result.stdout)
    assert (document["direction"], document["dataset"], document["cut"]) == ("down", str(raw), None)
    assert len(document["datasets"]) == 1 + 7 + 4
    assert all(one["present"] for one in document["datasets"])
    near = gnomon(
        "lineage",
        str(processed.root),
        str(raw),
        "--down",
        "--depth",
        "1",
        "--lineage",
        place,
        "--format",
        "dot",
    )
    assert near.stdout.startswith("digraph lineage {")
    assert near.stdout.count(" -> ") == 3
    read = gnomon(
        "lineage",
        str(processed.root),
        str(raw),
        "--down",
        "--kind",
        "read",
        "--lineage",
        place,
        "--format",
        "json",
    )
    types = {one["dataset_type"] for one in json.loads(read.stdout)["datasets"]}
    assert not any(name.endswith(("_log", "_metadata")) for name in types)


def test_recording_again_reads_nothing(processed: Processed, gnomon: GnomonCommand, place: str) -> None:
    again = gnomon(
        "lineage",
        "record",
        str(processed.root),
        "--collections",
        "steps",
        "--lineage",
        place,
        "--format",
        "json",
    )
    (report,) = json.loads(again.stdout)
    assert (report["files"], report["known"], report["edges"], report["not_read"]) == (0, 23, 0, [])
    status = gnomon("lineage", "status", "--lineage", place, "--format", "json")
    assert json.loads(status.stdout)["edges"] > 23


def test_where_nothing_was_recorded_the_graph_of_the_run_is_read_with_a_word(
    processed: Processed, gnomon: GnomonCommand, tmp_path: Path
) -> None:
    empty = ["--lineage", str(tmp_path / "empty.db")]
    root = shutil.copytree(processed.root, tmp_path / "repo")
    stacked = str(processed.ids("stacked")[NIGHT])
    nothing = gnomon("lineage", str(root), stacked, *empty)
    assert nothing.exit_code == 0
    assert "Nothing is known of what it was made from" in nothing.stderr
    given = gnomon("lineage", str(root), stacked, *empty, "--graph", str(processed.predicted), "--all")
    assert given.stdout.count("star_catalog") == 7
    command(butler_command, "ingest-graph", str(root), str(processed.finished), "-t", "copy")
    found = gnomon("lineage", str(root), stacked, *empty, "--all")
    assert found.stdout.count("star_catalog") == 7
    assert "Nothing was recorded of what it was made from: this is from the graphs" in found.stderr


def test_mistakes_are_told(processed: Processed, gnomon: GnomonCommand, place: str, tmp_path: Path) -> None:
    root = str(processed.root)
    wrong: list[tuple[list[str], str]] = [
        ([root, "stacked"], "not the UUID of a dataset"),
        ([root, str(uuid.uuid4()), "--lineage", place], "Neither the repository nor any graph"),
        ([root], "Missing argument 'UUID'"),
        (["record", root], "Name a repository and its --collections, or a --graph"),
        (["record", "--collections", "steps"], "Name a repository"),
        (["record", "--graph", "none.qg", "--lineage", place], "There is no file"),
        (["record", root, "--collections", "step", "--lineage", place], "Did you mean steps"),
        ([root, str(uuid.uuid4()), "--lineage", str(processed.predicted)], "is no database"),
    ]
    for arguments, message in wrong:
        result = gnomon("lineage", *arguments)
        assert (result.exit_code, message in result.stderr) == (2, True), (arguments, result.stderr)


def test_help_is_there_without_a_repository(gnomon: GnomonCommand) -> None:
    assert "record" in gnomon("lineage", "--help").stdout
    assert "--down" in gnomon("lineage", "show", "--help").stdout
