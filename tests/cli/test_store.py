"""``gnomon store`` and ``gnomon spool``, and what ``gnomon load`` can be asked."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from click.testing import Result

from gnomon.measurements import Job, Measurement
from gnomon.measurements.rows import from_records
from gnomon.store import Store, open_store

type Gnomon = Callable[..., Result]


def row(number: int, value: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        "dataset_id": number.to_bytes(16),
        "metric": "demo.seeing",
        "value": value,
        "unit": "arcsec",
        "run": "night/1",
        "dataset_type": "metricvalue_demo_seeing",
        "instrument": "Cam",
        "visit": number,
        "measured_at": 1_000,
        "obs_begin": number * 86_400_000_000,
        "obs_end": number * 86_400_000_000 + 1,
        "software": "demo 1.0",
        **more,
    }


@pytest.fixture
def night(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "store")
    store.append(from_records([row(visit, visit / 10) for visit in range(1, 11)]), source="test")
    store.append(from_records([row(3, 9.0, measured_at=2_000)]), source="again")
    return store


def words(gnomon: Gnomon, store: Store, *arguments: str, status: int = 0) -> str:
    result = gnomon(*arguments, "--store", store.uri)
    assert result.exit_code == status, result.output
    return result.output


def answer(gnomon: Gnomon, store: Store, *arguments: str) -> Any:
    return json.loads(words(gnomon, store, *arguments, "--format", "json"))


def test_a_store_is_made_once(gnomon: Gnomon, tmp_path: Path) -> None:
    store = str(tmp_path / "new")
    assert "is a store now" in gnomon("store", "init", "--store", store).output
    assert "of the present format" in gnomon("store", "init", "--store", store).output
    assert gnomon("store", "status", "--store", store).output.startswith(f"{store}: format 2, 0 tables")
    assert "no store yet" in gnomon("store", "status", "--store", str(tmp_path / "none")).output


def test_status_is_for_people_and_programs(gnomon: Gnomon, night: Store) -> None:
    assert "1 metrics of 1 dataset types in 1 runs" in words(gnomon, night, "store", "status")
    document = answer(gnomon, night, "store", "status")
    assert (document["format"], document["tables"][0]["rows"]) == (2, 11)
    (line,) = csv.DictReader(io.StringIO(words(gnomon, night, "store", "status", "--format", "csv")))
    assert line["new_files"] == "2"


def test_a_store_is_put_in_order(gnomon: Gnomon, night: Store) -> None:
    (done,) = answer(gnomon, night, "store", "compact")
    assert (done["files_before"], done["rows"], done["superseded"]) == (2, 10, 1)
    assert "Everything is in order" in words(gnomon, night, "store", "compact")
    assert len(answer(gnomon, night, "store", "compact", "--whole")) == 1


def test_vacuum_says_since_when_questions_can_be_answered(gnomon: Gnomon, night: Store) -> None:
    assert "as of any moment" in words(gnomon, night, "store", "vacuum")
    night.compact()
    now = ("store", "vacuum", "--retention", "0", "--grace", "0")
    assert "--alone" in words(gnomon, night, *now, status=2)
    assert "1 superseded measurements" in words(gnomon, night, *now, "--alone", "--dry-run")
    assert "would be dropped" in words(gnomon, night, *now, "--alone", "--dry-run")
    told = words(gnomon, night, *now, "--alone")
    assert "Questions can be answered as of 20" in told
    assert answer(gnomon, night, *now, "--alone")["rows"] == 0
    early = words(gnomon, night, "load", "--as-of", "2020-01-01", status=2)
    assert "The history of" in early


def test_check_ends_with_a_status(gnomon: Gnomon, night: Store) -> None:
    assert words(gnomon, night, "store", "check") == "Nothing is wrong.\n"
    assert answer(gnomon, night, "store", "check") == []
    (lost, *_) = Path(night.uri).rglob("state=new/*.parquet")
    lost.unlink()
    assert "This file is gone" in words(gnomon, night, "store", "check", status=1)
    assert "cannot be read" in words(gnomon, night, "load", status=2)
    assert "goes with --repair" in words(gnomon, night, "store", "check", "--forget-damaged", status=2)
    assert "Repaired" in words(gnomon, night, "store", "check", "--repair", "--forget-damaged")
    assert words(gnomon, night, "store", "check") == "Nothing is wrong.\n"


def test_a_run_is_dropped_with_a_reason(gnomon: Gnomon, night: Store) -> None:
    assert "Missing option '--reason'" in words(gnomon, night, "store", "drop-run", "night/1", status=2)
    wrong = words(gnomon, night, "store", "drop-run", "night/2", "--reason", "bad", status=2)
    assert "Did you mean night/1?" in wrong
    done = words(gnomon, night, "store", "drop-run", "night/1", "--reason", "bad")
    assert done == "10 datasets of 1 runs are gone from answers.\n"
    assert answer(gnomon, night, "load") == []
    assert {item["reason"] for item in answer(gnomon, night, "store", "history")} == {"bad", "superseded"}


def test_the_history_of_one_dataset(gnomon: Gnomon, night: Store) -> None:
    uuid = (3).to_bytes(16).hex()
    found = answer(gnomon, night, "store", "history", "demo.*", "--dataset", uuid)
    assert [(item["value"], item["source"], item["reason"]) for item in found] == [
        (0.3, "test", "superseded"),
        (9.0, "again", None),
    ]
    assert "is not a UUID" in words(gnomon, night, "store", "history", "--dataset", "7", status=2)
    assert len(answer(gnomon, night, "store", "history", "--where", "visit > 8", "--all-columns")) == 2


def test_measurements_are_exported_and_appended_again(gnomon: Gnomon, night: Store, tmp_path: Path) -> None:
    file = str(tmp_path / "out.parquet")
    assert "5 measurements" in words(gnomon, night, "store", "export", file, "--where", "visit <= 5")
    assert "exists already" in words(gnomon, night, "store", "export", file, status=2)
    assert "10 measurements" in words(gnomon, night, "store", "export", file, "demo.*", "--overwrite")
    copy = open_store(tmp_path / "copy")
    assert "10 measurements" in words(gnomon, copy, "store", "append", file)
    assert copy.load().polars().equals(night.load().polars())
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    assert "no Parquet" in words(gnomon, copy, "store", "append", str(tmp_path / "bad.parquet"), status=2)


def test_a_job_is_appended_under_a_label(gnomon: Gnomon, night: Store, tmp_path: Path) -> None:
    file = tmp_path / "a.verify.json"
    Job([Measurement("demo.time", 3.5 * u.s)], meta={"branch": "u/me"}).write(file)
    for label in ((), ("--run", " ")):
        told = words(gnomon, night, "store", "append", str(file), *label, status=2)
        assert "needs a label" in told
    for _ in "ab":
        assert "1 measurements" in words(gnomon, night, "store", "append", str(file), "--run", "ci/1")
    more = ("--run", "ci/2", "--data-id", "instrument=Cam,visit=5", "--software", "demo 2.0")
    words(gnomon, night, "store", "append", str(file), *more)
    (found,) = answer(gnomon, night, "load", "demo.time", "--collections", "ci/1", "--all-columns")
    assert (found["value"], found["run"]) == (3.5, "ci/1")
    assert json.loads(found["extras"]) == {"job": {"branch": "u/me"}}
    (late,) = answer(gnomon, night, "load", "demo.time", "--where", "visit = 5", "--columns", "software")
    assert late == {"software": "demo 2.0"}


def test_metrics_are_defined_and_asked_for_by_tag(gnomon: Gnomon, night: Store, tmp_path: Path) -> None:
    metrics = tmp_path / "package" / "metrics"
    metrics.mkdir(parents=True)
    metrics.joinpath("demo.yaml").write_text(
        "seeing:\n  unit: arcsec\n  description: The seeing.\n  tags: [image]\n"
    )
    package = str(metrics.parent)
    assert "1 definitions" in words(gnomon, night, "store", "define", package)
    assert "0 definitions" in words(gnomon, night, "store", "init", "--metrics", package)
    assert len(answer(gnomon, night, "load", "--tags", "image")) == 10
    assert "Did you mean image?" in words(gnomon, night, "load", "--tags", "imag", status=2)


@pytest.mark.parametrize(
    ("arguments", "visits"),
    [
        (["--values", "0.5", "0.7"], [5, 6, 7]),
        (["--values", "600 mas", "-"], [3, 6, 7, 8, 9, 10]),
        (["--values", "-", "100 mas"], [1]),
        (["--observed", "1970-01-02", "1970-01-04T12:00:00"], [2, 3]),
        (["--observed", "1970-01-10", "-"], [10]),
        (["--measured", "1970-01-01", "-"], []),
        (["--software", "demo 2*"], []),
        (["--latest", "--where", "visit = 4"], [4]),
        (["--as-of", "2027-01-01", "--dataset-type", "*seeing", "--where", "visit > 9"], [10]),
    ],
)
def test_load_can_be_asked_for_times_values_and_versions(
    gnomon: Gnomon, night: Store, arguments: list[str], visits: list[int]
) -> None:
    found = answer(gnomon, night, "load", *arguments)
    assert [item["visit"] for item in found] == visits


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--values", "a", "b"], "is neither a number nor one with a unit"),
        (["--values", "1 s", "-"], "the units do not convert"),
        (["--observed", "yesterday", "-"], "is not a time in UTC"),
        (["--columns", "vist"], "Did you mean visit?"),
        (["--metadata", "exposure_tim"], "Did you mean exposure_time?"),
        (["--repo", "somewhere"], "name at least one collection"),
    ],
)
def test_what_cannot_be_asked_is_misuse(
    gnomon: Gnomon, night: Store, arguments: list[str], message: str
) -> None:
    assert message in words(gnomon, night, "load", *arguments, status=2)


def test_a_live_repository_says_what_collections_mean(
    gnomon: Gnomon, store: Path, measured_repository: Path
) -> None:
    asked = ("load", "demo.airmass", "--collections", "demo/all", "--store", str(store), "--format", "json")
    live = gnomon(*asked, "--repo", str(measured_repository))
    assert live.exit_code == 0, live.output
    assert json.loads(live.stdout) == json.loads(gnomon(*asked).stdout)


def test_metadata_of_observations_are_printed_beside(gnomon: Gnomon, store: Path) -> None:
    result = gnomon(
        "load", "demo.airmass", "--metadata", "exposure_time", "--store", str(store), "--format", "json"
    )
    rows = json.loads(result.stdout)
    assert rows[0]["exposure_time"] == 60.0
    every = gnomon("load", "demo.airmass", "--metadata", "all", "--store", str(store), "--format", "json")
    assert "zenith_angle" in json.loads(every.stdout)[0]


def test_what_waits_on_this_host_is_shown_and_brought_into_the_store(gnomon: Gnomon, night: Store) -> None:
    night._buffer.put(from_records([row(20)]), source="test")
    (waiting,) = answer(gnomon, night, "spool", "status")
    assert (waiting["measurements"], waiting["store"]) == (1, night.uri)
    assert "1 measurements were brought" in words(gnomon, night, "spool", "flush")
    (waiting,) = answer(gnomon, night, "spool", "status")
    assert (waiting["measurements"], waiting["oldest"]) == (0, None)
