"""A store on a disk that is full, or that nobody may write; and readers and writers during maintenance."""

import datetime
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gnomon.errors import StoreError
from gnomon.measurements.rows import from_records
from gnomon.store import Store, open_store

type Make = Callable[..., dict[str, Any]]

AT_ONCE: dict[str, Any] = {
    "retention": datetime.timedelta(0), "grace": datetime.timedelta(0), "alone": True
}  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("NOT TESTED: only root can make a disk that is small")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def batch(row: Make, size: int = 500, **more: Any) -> Any:
    return from_records([row(visit=visit, value=visit / 7, **more) for visit in range(size)])


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Take what room there is, save for some bytes."""
    filler = disk / "filler"
    room = shutil.disk_usage(disk).free - leave
    with filler.open("wb") as file:
        file.write(b"\x00" * max(room, 0))
    return filler


def content(store: Store) -> list[tuple[Any, ...]]:
    return sorted(store.load().polars().select("dataset_id", "value").rows())


def test_an_append_to_a_full_disk_says_so_and_loses_nothing(disk: Path, row: Make) -> None:
    store = open_store(disk / "store")
    store.append(batch(row), source="test")
    before = content(store)
    filler = fill(disk)
    with pytest.raises(StoreError, match=r"No space left|full"):
        store.append(batch(row), source="test")
    assert content(store) == before
    assert content(open_store(disk / "store")) == before
    filler.unlink()
    store.append(batch(row), source="test")
    assert len(store.load()) == 2 * len(before)
    assert [finding for finding in store.check() if finding.is_harmful] == []


@pytest.mark.parametrize("room", [0, 4_096, 16_384, 40_960])
def test_maintenance_on_a_full_disk_changes_nothing_and_can_be_done_later(
    disk: Path, row: Make, room: int
) -> None:
    store = open_store(disk / "store")
    for _ in range(3):
        store.append(batch(row), source="test")
    store.append(batch(lambda **more: {**row(**more), "dataset_id": bytes(15) + b"\x01"}, 1), source="test")
    before = content(store)
    filler = fill(disk, leave=room)
    said = []
    for change in (lambda: store.compact(whole=True), lambda: store.vacuum(**AT_ONCE)):
        try:
            change()
        except StoreError as error:
            said.append(str(error))
        assert content(store) == content(open_store(disk / "store")) == before
    assert all("No space left" in message or "full" in message for message in said)
    filler.unlink()
    store.compact(whole=True)
    store.vacuum(**AT_ONCE)
    assert content(store) == before
    assert store.check() == []


def test_an_export_to_a_full_disk_leaves_no_file(disk: Path, row: Make, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.append(batch(row, 5_000), source="test")
    fill(disk, leave=8_192)
    with pytest.raises(StoreError, match="cannot be written"):
        store.export(disk / "out.parquet")
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_store_that_nobody_may_write_can_be_asked_checked_and_exported(tmp_path: Path, row: Make) -> None:
    if os.geteuid():
        pytest.skip("NOT TESTED: only root can mount a folder read-only")
    store = open_store(tmp_path / "store")
    store.append(batch(row, 50), source="test")
    folder = str(tmp_path / "store")
    for options in (["--bind", folder], ["-o", "remount,ro,bind"]):
        if subprocess.run(["mount", *options, folder], check=False, capture_output=True).returncode:
            pytest.skip("NOT TESTED: nothing is read-only here")
    try:
        store = open_store(folder)
        assert len(store.load()) == len(store.history()) == 50
        assert store.check() == []
        assert store.status().rows == 50
        assert store.export(tmp_path / "out.parquet") == 50
        for change in (
            lambda: store.compact(),
            lambda: store.vacuum(),
            lambda: store.drop_runs("run", reason="test"),
        ):
            with pytest.raises(StoreError, match=r"cannot be written.*Read-only file system"):
                change()
        assert len(store.load()) == 50
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_readers_go_on_while_files_are_replaced_and_deleted_under_them(folder: Path, row: Make) -> None:
    """Without any grace, which only somebody who is alone may ask for: the hardest case for readers."""
    store = open_store(folder)
    for _ in range(3):
        store.append(batch(row, 2_000), source="test")
    problems: list[Exception] = []
    lengths: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        reader = open_store(folder)
        while not stop.is_set():
            try:
                lengths.add(len(reader.load()))
            except StoreError as error:
                problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(8):
        store.compact(whole=True)
        store.vacuum(**AT_ONCE)
    stop.set()
    for reader in readers:
        reader.join()
    assert lengths == {6_000}
    # A second vacuum within one and the same question is beyond what a reader can take.
    assert len(problems) <= 2, problems


def test_appends_go_on_during_maintenance(folder: Path, row: Make) -> None:
    store = open_store(folder)
    store.append(batch(row, 100), source="test")
    stop = threading.Event()
    count = [1]

    def write() -> None:
        writer = open_store(folder)
        while not stop.is_set():
            writer.append(batch(row, 100), source="test")
            count[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(6):
        store.compact()
        store.vacuum()
    stop.set()
    thread.join()
    assert len(open_store(folder).load()) == 100 * count[0]
    assert open_store(folder).check() == []
