"""``gnomon harvest``: what it says, and how it ends."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from lsst.daf.butler import CollectionType  # type: ignore[attr-defined]

from gnomon.repository.configuration import open_butler
from gnomon.store import open_store

Gnomon = Callable[..., Result]

METRICS = 8 * 6 + 7
"""Six of each visit and seven of the night."""


def test_measurements_are_brought_in_once(gnomon: Gnomon, measured_repository: Path, tmp_path: Path) -> None:
    command = ["harvest", str(measured_repository), "--collections", "demo/all"]
    store = ["--store", str(tmp_path / "store")]
    first = gnomon(*command, *store)
    assert first.exit_code == 0
    lines = first.stdout.splitlines()
    assert lines[0].split() == ["dataset", "type", "found", "new", "read", "unreadable", "measurements"]
    assert ["metricvalue_demo_airmass", "8", "8", "8", "0", "8"] in [line.split() for line in lines]
    assert lines[-3:-1] == [
        f"2 runs, {METRICS} datasets with measurements, {METRICS} of them new.",
        f"{METRICS} measurements brought in; 0 datasets removed.",
    ]
    assert lines[-1].endswith("edges of lineage recorded.")
    second = gnomon(*command, *store)
    assert second.exit_code == 0
    assert "lineage" not in second.stdout
    assert f"{METRICS} datasets with measurements, 0 of them new." in second.stdout


def test_a_dry_run_counts_and_changes_nothing(
    gnomon: Gnomon, measured_repository: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    result = gnomon(
        "harvest",
        str(measured_repository),
        "--collections",
        "demo/*",
        "--dry-run",
        "--prune",
        "--store",
        str(store),
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Nothing was changed. 0 datasets would be removed."
    assert len(open_store(store).dataset_ids()) == 0


def test_what_cannot_be_read_is_named_and_is_a_finding(
    gnomon: Gnomon, measured_repository: Path, tmp_path: Path
) -> None:
    repository = shutil.copytree(measured_repository, tmp_path / "repo")
    with open_butler(repository) as butler:
        ref = butler.find_dataset(
            "metricvalue_demo_airmass", instrument="DemoCamera", visit=2026030100003, collections="demo/all"
        )
        assert ref is not None
        Path(butler.getURI(ref).ospath).write_text("[red]nothing[/red]", encoding="utf-8")
    result = gnomon(
        "harvest", str(repository), "--collections", "demo/all", "--store", str(tmp_path / "store")
    )
    assert result.exit_code == 1
    assert f"{METRICS - 1} measurements brought in" in result.stdout
    assert f"Not read: metricvalue_demo_airmass {ref.id} in demo/all/1: " in result.stderr
    again = gnomon(
        *("harvest", str(repository), "--collections", "demo/all", "--store", str(tmp_path / "store")),
        *("--format", "json"),
    )
    assert again.exit_code == 1
    report = json.loads(again.stdout)
    assert (report["found"], report["known"], report["not_read"]) == (METRICS, METRICS - 1, 1)
    assert report["types"]["metricvalue_demo_airmass"]["unreadable"] == 1
    assert [item["dataset_id"] for item in report["unreadable"]] == [str(ref.id)]


def test_what_was_found_is_told_as_csv(gnomon: Gnomon, measured_repository: Path, tmp_path: Path) -> None:
    result = gnomon(
        *("harvest", str(measured_repository), "--collections", "demo/all", "--dry-run", "--format", "csv"),
        *("--store", str(tmp_path / "store")),
    )
    lines = result.stdout.splitlines()
    assert lines[0] == "dataset type,found,new,read,unreadable,measurements"
    assert "metricvalue_demo_airmass,8,8,0,0,0" in lines


def test_a_calibration_collection_is_named_and_left_out(
    gnomon: Gnomon, measured_repository: Path, tmp_path: Path
) -> None:
    repository = shutil.copytree(measured_repository, tmp_path / "repo")
    with open_butler(repository, writeable=True) as butler:
        butler.collections.register("calibs", CollectionType.CALIBRATION)
    result = gnomon("harvest", str(repository), "--collections", "calibs", "--store", str(tmp_path / "store"))
    assert result.exit_code == 0
    assert "Left out: calibs" in result.stderr


@pytest.mark.parametrize(
    ("collections", "message"),
    [
        ("demo/al", "The repository has no collection 'demo/al'. Did you mean demo/all?"),
        (" , ", "name at least one"),
    ],
)
def test_collections_that_are_not_there_are_misuse(
    gnomon: Gnomon, measured_repository: Path, tmp_path: Path, collections: str, message: str
) -> None:
    result = gnomon(
        "harvest", str(measured_repository), "--collections", collections, "--store", str(tmp_path / "store")
    )
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_repository_that_is_not_there_is_misuse(gnomon: Gnomon, tmp_path: Path) -> None:
    command = ["harvest", "--collections", "demo/all", "--store", str(tmp_path / "store")]
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        result = gnomon(*command, str(tmp_path / name))
        assert result.exit_code == 2
        assert "no Butler repository at" in result.stderr
    (tmp_path / "letter.txt").write_text("Dear all", encoding="utf-8")
    (tmp_path / "letter.yaml").write_text("dear: all", encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("[", encoding="utf-8")
    for name in ("letter.txt", "letter.yaml", "broken.yaml"):
        result = gnomon(*command, str(tmp_path / name))
        assert result.exit_code == 2
        assert f"The Butler cannot open '{tmp_path / name}': " in result.stderr


def test_a_folder_that_is_no_store_is_left_alone(
    gnomon: Gnomon, measured_repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("Dear all", encoding="utf-8")
    result = gnomon(
        "harvest", str(measured_repository), "--collections", "demo/all", "--store", str(tmp_path / "letters")
    )
    assert result.exit_code == 2
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["letter.txt"]
