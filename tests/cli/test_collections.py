"""``gnomon collections``, ``gnomon annotations transfer`` and ``resolve``, ``gnomon repo watch``."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from astropy.table import Table
from click.testing import Result

from gnomon.annotations import Actor, Annotations, Target, open_annotations

CATALOGS = "DemoCamera/catalogs"
ADA = Actor("ada", "human")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Annotations]:
    monkeypatch.setenv("GNOMON_ANNOTATIONS", str(tmp_path / "annotations.db"))
    with open_annotations(tmp_path / "annotations.db", origin="summit") as annotations:
        yield annotations


def sync(gnomon: Callable[..., Result], repository: Path, *options: str) -> Result:
    return gnomon(
        "collections", "sync", str(repository), "--from", CATALOGS, "--dataset-type", "star_catalog", *options
    )


def test_a_collection_follows_a_flag_and_its_history_says_why(
    gnomon: Callable[..., Result], log: Annotations, repository: Path, tmp_path: Path
) -> None:
    wanted = ("--collection", "good", "--exclude-flags", "junk", "--user", "campaign")
    gnomon(
        "flag", "junk", "instrument=DemoCamera", "visit=2026030100003", "--reason", "trailed", "--user", "ada"
    )
    dry = sync(gnomon, repository, *wanted, "--dry-run")
    assert "Would change: 7 entered, 0 left" in dry.output
    table = tmp_path / "good.ecsv"
    first = sync(gnomon, repository, *wanted, "--table", str(table), "--format", "json")
    assert [row["change"] for row in json.loads(first.stdout)] == ["entered"] * 7
    assert len(Table.read(table)) == 7
    assert "Unchanged: 0 entered, 0 left, 7 stayed. Left out: 1 by exclude-flag junk." in sync(
        gnomon, repository, *wanted
    ).output.replace("\n", " ")
    gnomon(
        "flag", "junk", "instrument=DemoCamera", "visit=2026030100005", "--reason", "clouds", "--user", "ada"
    )
    sync(gnomon, repository, *wanted)
    told = gnomon(
        "collections", "history", str(repository), "instrument=DemoCamera", "visit=2026030100005",
        "--collection", "good", "--format", "json",
    )  # fmt: skip
    entered, left = json.loads(told.stdout)
    assert (entered["change"], left["change"], left["sync"], left["run_by"]) == (
        "entered",
        "left",
        2,
        "campaign",
    )
    assert (left["rule"], left["name"], left["by"], left["reason"], left["cut"]) == (
        "exclude-flag", "junk", "ada", "clouds", "local:2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--collection", "good"), "Say what is left out"),
        (("--exclude-flags", "junk"), "Say what is to be kept up"),
        (("--collection", "good", "--exclude-flags", "junk"), "There is no log of annotations at"),
        (
            ("--collection", "good", "--exclude-flags", "junk", "--annotations", "{empty}"),
            "has no event at all",
        ),
    ],
)
def test_without_anything_to_go_by_nothing_is_touched(
    gnomon: Callable[..., Result],
    night_repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("GNOMON_ANNOTATIONS", str(tmp_path / "none.db"))
    open_annotations(tmp_path / "empty.db").close()
    result = sync(gnomon, night_repository, *(o.format(empty=tmp_path / "empty.db") for o in options))
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "none.db").exists()


def test_annotations_are_carried_into_another_log(
    gnomon: Callable[..., Result], log: Annotations, night_repository: Path, tmp_path: Path
) -> None:
    visit = Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100003})
    log.add(targets=[visit], text="clouds", actor=ADA)
    source, there = str(tmp_path / "annotations.db"), str(tmp_path / "there.db")
    selected = ("--repo", str(night_repository), "--dataset-type", "star_catalog", "--collections", CATALOGS)
    dry = gnomon("annotations", "transfer", source, there, *selected, "--dry-run")
    assert "8 datasets with 1 annotations: 1 events would be new there, 0 were known." in dry.output
    assert "1 events are new there" in gnomon("annotations", "transfer", source, there, *selected).output
    assert (
        "0 events are new there, 1 were known"
        in gnomon("annotations", "transfer", source, there, *selected).output
    )
    with open_annotations(there) as other:
        assert [(one.text, one.actor) for one in other.search(target=visit)] == [("clouds", ADA)]
    missing = gnomon("annotations", "transfer", str(tmp_path / "no.db"), there, *selected)
    assert (missing.exit_code, "There is no log of annotations at" in missing.output) == (2, True)
    assert not (tmp_path / "no.db").exists()


def test_a_pending_observation_is_listed_and_resolved_by_hand(
    gnomon: Callable[..., Result], log: Annotations
) -> None:
    gnomon("annotate", "now", "instrument=DemoCamera", "--pending", "MC_1")
    listed = json.loads(gnomon("annotations", "pending", "--format", "json").stdout)
    assert listed == [{"instrument": "DemoCamera", "obs_id": "MC_1", "annotations": 1}]
    typo = gnomon("annotations", "resolve", "MC_2", "instrument=DemoCamera", "exposure=42")
    assert (typo.exit_code, "Did you mean MC_1?" in typo.output) == (2, True)
    assert gnomon("annotations", "resolve", "MC_1", "instrument=DemoCamera", "exposure=42").exit_code == 0
    exposure = Target.dimension("exposure", {"instrument": "DemoCamera", "exposure": 42})
    assert [one.text for one in log.search(target=exposure)] == ["now"]
    assert (
        "as was known"
        in gnomon("annotations", "resolve", "MC_1", "instrument=DemoCamera", "exposure=42").output
    )


def test_a_query_can_be_annotated_without_a_repository(
    gnomon: Callable[..., Result], log: Annotations
) -> None:
    asked = ("--query", "visit > 3", "--of", "raw", "--within", "LSSTCam/raw/all", "--repository", "usdf")
    assert gnomon("annotate", "bad optics", *asked, "--flag", "bad_focus").exit_code == 0
    [one] = log.search()
    assert one.targets == (
        Target.query("visit > 3", of="raw", collections=["LSSTCam/raw/all"], repository="usdf"),
    )
    assert gnomon("annotate", "x", "--query", "visit > 3").exit_code == 2
    assert gnomon("annotate", "x", "instrument=A", "visit=1", "--of", "raw").exit_code == 2


def test_a_watcher_that_looks_once_says_what_is_left_to_a_person(
    gnomon: Callable[..., Result], log: Annotations, night_repository: Path
) -> None:
    log.add(targets=[Target.pending("DemoCamera_20260301_000003", "DemoCamera")], text="a", actor=ADA)
    seen = gnomon("repo", "watch", str(night_repository), "--once")
    assert (seen.exit_code, "1 resolved, 0 waiting, 0 left to a person; 8 exposures" in seen.output) == (
        0,
        True,
    )
    log.add(targets=[Target.pending("DemoCamera_20260301_000003", "Other")], text="b", actor=ADA)
    seen = gnomon("repo", "watch", str(night_repository), "--once")
    assert (seen.exit_code, "gnomon annotations resolve" in seen.output) == (1, True)
    assert gnomon("repo", "watch", "nowhere", "--once").exit_code == 2


@pytest.mark.long
def test_a_watcher_lives_through_a_registry_that_is_away_and_ends_when_it_is_told(
    log: Annotations, repository: Path, tmp_path: Path
) -> None:
    away = repository.rename(tmp_path / "away")
    command: list[str | Path] = [
        Path(sys.executable).with_name("gnomon"),
        "repo",
        "watch",
        str(repository),
        "--interval",
        "0.2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        assert watcher.stderr is not None
        assert "Trying again every 0.2 s. There is no Butler repository" in watcher.stderr.readline()
        log.add(targets=[Target.pending("DemoCamera_20260301_000003", "DemoCamera")], text="a", actor=ADA)
        shutil.move(away, repository)
        deadline = time.monotonic() + 60
        while log.pending() and time.monotonic() < deadline:
            time.sleep(0.1)
        watcher.send_signal(signal.SIGTERM)
        _, errors = watcher.communicate(timeout=60)
    assert log.pending() == []
    assert errors.splitlines() == ["Answers again.", "Ended."]
    assert watcher.returncode == 0
