"""What `Store.check` finds when something happened to the files, and what questions say meanwhile."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gnomon.errors import StoreError
from gnomon.store import AppendResult, Chain, Store, open_store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


@pytest.fixture
def full(store: Store, row: Make, put: Put) -> Store:
    """A store with measurements in order and new ones, bundles, history and definitions."""
    bundle = {"dataset_type": "metricbundle_demo_x"}
    again = row(visit=3)
    rows = [row(visit=visit, value=float(visit)) for visit in range(2_000)]
    bundles = [row("demo.b", 1.0, visit=visit, **bundle) for visit in range(100)]
    put(*rows, *bundles, again)
    put(again | {"value": 2.0, "measured_at": 2_000})
    store.define_chain(Chain("chain", ("run",)))
    store.compact()
    put(*(row(visit=visit, value=float(visit)) for visit in range(2_000, 2_100)))
    return store


def merged(folder: Path) -> Path:
    (file,) = (folder / "single").rglob("state=merged/*.parquet")
    return file


def appended(folder: Path) -> Path:
    (*_, file) = sorted(
        (folder / "single").rglob("state=new/*.parquet"), key=lambda path: path.stat().st_mtime
    )
    return file


def harmful(store: Store, **more: Any) -> list[str]:
    return [str(finding) for finding in store.check(**more) if finding.is_harmful]


def test_a_store_in_good_order_has_no_findings(full: Store) -> None:
    assert full.check() == []
    assert open_store(full.uri).check() == []


def test_a_place_without_a_store_has_no_findings(store: Store) -> None:
    assert store.check() == []


@pytest.mark.parametrize("find", [merged, appended])
def test_a_file_that_was_cut_is_found_and_no_question_passes_it_over(
    full: Store, folder: Path, find: Callable[[Path], Path]
) -> None:
    file = find(folder)
    os.truncate(file, file.stat().st_size // 2)
    (finding,) = harmful(full)
    assert file.name in finding
    assert "bytes instead of" in finding
    with pytest.raises(StoreError, match="cannot be read"):
        full.load()
    with pytest.raises(StoreError, match="cannot be read"):
        full.history()


@pytest.mark.parametrize("find", [merged, appended])
def test_a_file_that_was_lost_is_found_and_can_be_forgotten(
    full: Store, folder: Path, find: Callable[[Path], Path]
) -> None:
    lost = find(folder)
    expected = 2_100 + 100 - (100 if find is appended else 2_000)
    lost.unlink()
    (finding,) = harmful(full)
    assert lost.name in finding
    assert "This file is gone" in finding
    with pytest.raises(StoreError, match="cannot be read"):
        full.load()
    assert harmful(full, repair=True), "no repair gives up measurements unless it is asked to"
    assert harmful(full, repair=True, forget_damaged=True) == []
    assert harmful(full) == []
    assert len(full.load()) in (expected, expected + 1)


def changed(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def rows_of(file: Path) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(file, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError):
        return None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None


def test_a_byte_of_a_file_in_order_that_makes_any_difference_is_found(full: Store, folder: Path) -> None:
    file = merged(folder)
    content, rows = file.read_bytes(), rows_of(file)
    assert rows is not None
    different = 0
    for place in range(5, len(content), len(content) // 150):
        file.write_bytes(changed(content, place))
        found = rows_of(file)
        if found is None or not found.equals(rows):
            different += 1
            assert any(file.name in finding for finding in harmful(full)), place
    file.write_bytes(content)
    assert full.check() == []
    assert different > 50


@pytest.mark.parametrize("find", [merged, appended])
def test_a_question_to_a_damaged_file_is_answered_or_a_clear_error_and_nothing_else(
    full: Store, folder: Path, find: Callable[[Path], Path]
) -> None:
    # Questions do not compute checksums: what can be decoded still, only `check` can find.
    file = find(folder)
    content = file.read_bytes()
    said = []
    for place in range(5, len(content), len(content) // 60):
        file.write_bytes(changed(content, place))
        try:
            full.load()
        except StoreError as error:
            said.append(str(error))
            assert harmful(full), place
    assert said
    assert not any("\n" in message for message in said)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda log: log.write_bytes(log.read_bytes()[:-20]), "cannot be read"),
        (lambda log: log.write_bytes(log.read_bytes().splitlines(keepends=True)[0]), "its end is missing"),
        (lambda log: log.write_bytes(b""), "lacks its beginning or end"),
        (lambda log: log.write_bytes(b"\xff\xfe\x00" + log.read_bytes()), "cannot be read"),
    ],
    ids=["cut", "cut at the end of a line", "empty", "overwritten"],
)
def test_a_damaged_commit_is_found(
    full: Store, folder: Path, damage: Callable[[Path], Any], message: str
) -> None:
    log = sorted((folder / "single" / "instrument-visit" / "_delta_log").glob("*.json"))[-1]
    damage(log)
    findings = [finding for finding in harmful(full) if log.name in finding]
    assert len(findings) == 1
    assert message in findings[0]


def test_a_log_that_cannot_be_read_is_a_clear_error_of_every_question(full: Store, folder: Path) -> None:
    log = sorted((folder / "single" / "instrument-visit" / "_delta_log").glob("*.json"))[-1]
    log.write_bytes(log.read_bytes()[:-20])
    for ask in (full.load, full.history, full.status, full.compact, full.vacuum, full.dataset_ids):
        with pytest.raises(StoreError, match="instrument-visit cannot be read") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_commit_missing_among_others_and_a_log_that_is_gone_are_found(full: Store, folder: Path) -> None:
    logs = folder / "bundle" / "metricbundle_demo_x@instrument-visit" / "_delta_log"
    kept = shutil.copytree(logs, folder.parent / "logs")
    for path in logs.iterdir():
        path.unlink()
    (finding,) = harmful(full)
    assert "The log of this table is gone" in finding
    shutil.copytree(kept, logs, dirs_exist_ok=True)
    assert harmful(full) == []


def test_a_damaged_checkpoint_is_a_clear_error(full: Store, folder: Path) -> None:
    logs = folder / "single" / "instrument-visit" / "_delta_log"
    (checkpoint,) = logs.glob("*.checkpoint.parquet")
    content = checkpoint.read_bytes()
    for place in range(0, len(content), len(content) // 10):
        checkpoint.write_bytes(content[:place] + b"\x00" * 40 + content[place + 40 :])
        try:
            assert len(full.load()) == 2_201
        except StoreError:
            assert harmful(full)


def test_what_the_catalog_lacks_is_found_and_mended(full: Store, folder: Path) -> None:
    for entry in (folder / "catalog").iterdir():
        entry.unlink()
    fresh = open_store(folder)
    assert len(fresh.load()) == 0, "this is why it matters"
    findings = harmful(fresh)
    assert any("lacks 1 metrics of metricvalue_demo_a, such as demo.a" in finding for finding in findings)
    assert harmful(fresh, repair=True) == []
    assert len(fresh.load()) == 2_201
    assert open_store(folder).check() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"table":"single/visit"}'])
def test_a_damaged_entry_of_the_catalog_is_found_and_mended(
    full: Store, folder: Path, content: bytes
) -> None:
    entry = sorted((folder / "catalog").iterdir())[0]
    entry.write_bytes(content)
    fresh = open_store(folder)
    with pytest.raises(StoreError, match="check --repair"):
        fresh.load()
    assert any(entry.name in finding for finding in harmful(fresh))
    assert harmful(fresh, repair=True) == []
    assert len(fresh.load()) == 2_201


def test_what_only_the_catalog_has_is_a_note(full: Store, folder: Path) -> None:
    entry = {"table": "single/visit", "dataset_types": [""], "metrics": [["demo.z"]], "runs": {"run": [0]}}
    content = json.dumps(entry, separators=(",", ":")).encode()
    (folder / "catalog" / f"{hashlib.sha256(content).hexdigest()[:32]}.json").write_bytes(content)
    (finding,) = full.check()
    assert finding.kind == "note"
    assert not finding.is_harmful
    full.check(repair=True, alone=True)
    assert full.check() == []


def test_a_measurement_that_holds_twice_in_files_in_order_is_found_and_mended(
    full: Store, folder: Path, row: Make, put: Put
) -> None:
    # Two tables in order whose files are put side by side, as no version of gnomon does.
    log = folder / "single" / "instrument-visit" / "_delta_log"
    again = full.load(where="visit < 5").polars().select("dataset_id", "value")
    more = [
        row(dataset_id=ids, visit=visit, value=9.0, measured_at=5)
        for visit, ids in enumerate(again["dataset_id"])
    ]
    put(*more)
    last = sorted(log.glob("*.json"))[-1]
    lines = [json.loads(line) for line in last.read_text().splitlines()]
    for action in lines:
        if "add" in action:
            action["add"]["partitionValues"] = {"state": "merged"}
    last.write_text("".join(json.dumps(action) + "\n" for action in lines))
    (finding,) = harmful(full)
    assert "hold that share their key" in finding
    full.check(repair=True)
    assert harmful(full) == []


def test_a_damaged_buffer_is_found(full: Store, row: Make) -> None:
    with full.writer(source="test") as writer:
        path = writer.buffer.path
    for rest in path.parent.glob(f"{path.name}*"):
        rest.unlink()
    path.write_bytes(b"garbage")
    try:
        (finding,) = open_store(full.uri).check()
        assert finding.is_harmful
        assert str(path) in str(finding)
    finally:
        path.unlink()


def test_what_killed_processes_left_is_named_and_vacuum_takes_it(full: Store, folder: Path) -> None:
    long_ago = time.time() - 7_200
    left = [
        folder / "single" / "instrument-visit" / "state=new" / "part-1.parquet",
        folder / "single" / "instrument-visit" / "_delta_log" / "_commit_1.json.tmp",
        folder / "catalog" / "1.json.unfinished-0",
        folder / "gnomon-store.json.unfinished-0",
    ]
    for path in left:
        path.write_bytes(b"x")
        os.utime(path, (long_ago, long_ago))
    young = left[0].with_name("part-2.parquet")
    young.write_bytes(b"x")
    assert {finding.kind for finding in full.check()} == {"leftover"}
    full.vacuum()
    assert not any(path.exists() for path in left)
    assert young.exists(), "somebody may be about to commit it"
    assert full.check() == []


def test_status_says_what_there_is(full: Store, row: Make) -> None:
    status = full.status()
    assert (status.format, status.metrics, status.runs, status.dataset_types) == (2, 2, 1, 2)
    frame = status.frame()
    assert frame["rows"].to_list() == [2_101, 100]
    assert frame["superseded"].to_list() == [1, 0]
    assert frame["new_files"].to_list() == [1, 0]
    assert status.kept == {"chains": 1}
    assert isinstance(frame["last"].max(), type(pl.Series([0]).cast(pl.Datetime("us"))[0]))
    assert "2 metrics of 2 dataset types in 1 runs" in str(status)
    with full.writer(source="test") as writer:
        writer.write(row())
        assert full.status().waiting.rows == 1


def test_a_place_without_a_store_says_so(store: Store) -> None:
    assert store.status().format is None
    assert "no store yet" in str(store.status())
