"""Where a store may be, and what happens to it from outside."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gnomon.errors import NotOursError, StoreError
from gnomon.measurements.rows import from_records
from gnomon.store import AppendResult, Chain, Store, open_store

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]

NOBODY = 65534


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder that everybody may read; a superuser, who may write anywhere, is nobody meanwhile."""
    with tempfile.TemporaryDirectory(prefix="gnomon-") as name:
        place = Path(name)
        place.chmod(0o755)
        monkeypatch.setenv("GNOMON_HOME", str(place / "home"))
        yield place


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_store_is_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_STORE", str(tmp_path / "elsewhere"))
    assert open_store().uri == str(tmp_path / "elsewhere")
    assert repr(open_store()) == f"<Store {tmp_path / 'elsewhere'}>"


@pytest.mark.parametrize("name", ["a folder", "half%", "star*", "hash#", "what?", "Ünïcode", "a{b}", "~"])
def test_a_folder_may_have_an_unusual_name(tmp_path: Path, row: Make, name: str) -> None:
    rows = from_records([row(), row(visit=None)])
    store = open_store(tmp_path / name)
    store.append(rows, source="test")
    store.define_chain(Chain("chain", ("run",)))
    assert len(open_store(tmp_path / name).load(collections="chain")) == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(open_store((tmp_path / name).as_uri()).load()) == 2


@pytest.mark.parametrize("name", ["a[1]", "back\\slash", "a%20b", "a^b", "a|b", "tab\t"])
def test_a_name_that_delta_lake_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="Delta Lake does not take"):
        open_store(tmp_path / name)


@pytest.mark.parametrize("uri", ["gs://bucket/store", "http://example.org", "file://host/store", ""])
def test_a_place_that_is_neither_a_local_folder_nor_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(StoreError, match="A store is a local folder"):
        open_store(uri)


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, row: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("store")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    store.append(from_records([row()]), source="test")
    assert (tmp_path / "store").is_dir()


def test_a_folder_with_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("chapter 1")
    before = content(tmp_path)
    with pytest.raises(NotOursError, match="not a metrics store"):
        open_store(tmp_path)
    with pytest.raises(NotOursError, match="not a metrics store"):
        open_store(tmp_path / "thesis.tex")
    assert content(tmp_path) == before


def test_a_folder_that_somebody_filled_meanwhile_is_left_as_it_is(folder: Path, row: Make) -> None:
    store = open_store(folder)
    folder.mkdir()
    (folder / "thesis.tex").write_text("chapter 1")
    with pytest.raises(NotOursError):
        store.append(from_records([row()]), source="test")
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_becomes_a_store(folder: Path, row: Make) -> None:
    folder.mkdir()
    assert len(open_store(folder).load()) == 0
    open_store(folder).append(from_records([row()]), source="test")
    assert len(open_store(folder).load()) == 1


def test_a_marker_that_was_never_finished_is_no_foreign_file(folder: Path, row: Make) -> None:
    folder.mkdir()
    (folder / "gnomon-store.json.unfinished-0123").write_text("{")
    open_store(folder).append(from_records([row()]), source="test")
    assert len(open_store(folder).load()) == 1


def test_a_store_of_a_later_format_is_refused(folder: Path, store: Store, row: Make, put: Put) -> None:
    put(row())
    (folder / "gnomon-store.json").write_text('{"format": 9}')
    before = content(folder)
    with pytest.raises(StoreError, match="has format 9; this version of gnomon knows 2"):
        open_store(folder)
    with pytest.raises(StoreError, match="has format 9"):
        put(row())
    assert content(folder) == before


@pytest.mark.parametrize("marker", [b"", b"{", b"[1]", b"{}", b'{"format": "1"}', b"\xff\xfe"])
def test_a_damaged_marker_is_refused_by_name(folder: Path, put: Put, row: Make, marker: bytes) -> None:
    put(row())
    (folder / "gnomon-store.json").write_bytes(marker)
    with pytest.raises(StoreError, match=r"gnomon-store\.json cannot be read"):
        open_store(folder)


def test_a_damaged_table_is_refused_by_name(folder: Path, store: Store, put: Put, row: Make) -> None:
    put(row())
    log = folder / "single" / "instrument-visit" / "_delta_log" / "00000000000000000000.json"
    log.write_text("{")
    with pytest.raises(StoreError, match="instrument-visit cannot be read"):
        store.load()


def test_a_lost_file_is_told_and_not_passed_over(folder: Path, store: Store, put: Put, row: Make) -> None:
    put(row())
    (lost,) = (folder / "single" / "instrument-visit").rglob("*.parquet")
    lost.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        store.load()


def test_a_folder_that_nobody_may_write_can_be_read_and_says_so(as_nobody: Path, row: Make) -> None:
    folder = as_nobody / "store"
    store = open_store(folder)
    store.append(from_records([row()]), source="test")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    effective = os.geteuid()
    if effective == 0:
        os.seteuid(NOBODY)
    try:
        assert len(open_store(folder).load()) == 1
        with pytest.raises(StoreError, match="cannot be written"):
            store.append(from_records([row()]), source="test")
        with pytest.raises(StoreError, match="cannot be written"):
            store.define_chain(Chain("chain", ("run",)))
    finally:
        os.seteuid(effective)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def test_a_place_that_cannot_be_made_says_so(tmp_path: Path, row: Make) -> None:
    store = open_store(tmp_path / "file" / "store")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises((StoreError, NotOursError)):
        store.append(from_records([row()]), source="test")
    assert (tmp_path / "file").read_text() == "in the way"
