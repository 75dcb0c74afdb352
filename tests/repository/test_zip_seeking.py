"""Zip files, of which quantum graphs are, are read rightly whatever the version of Python."""

import io
import subprocess
import sys
import zipfile

import pytest

from gnomon.repository.zip_seeking import mend_zip_seeking, seeks_rightly


def defective(self: zipfile.ZipFile, offset: int, whence: int = 0) -> int:
    with self._lock:  # type: ignore[attr-defined]
        self._file.seek(offset, whence)  # type: ignore[attr-defined]
        self._pos = self._file.tell()  # type: ignore[attr-defined]
        return int(self._pos)  # type: ignore[attr-defined]


def test_importing_the_room_mends_what_needs_it() -> None:
    program = "from gnomon.repository.zip_seeking import seeks_rightly; print(seeks_rightly())"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "True"


def test_the_defect_is_found_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile._SharedFile, "seek", defective)  # type: ignore[attr-defined]
    assert not seeks_rightly()
    mend_zip_seeking()
    assert seeks_rightly()


def test_what_is_right_is_left_alone() -> None:
    mend_zip_seeking()
    before = zipfile._SharedFile.seek  # type: ignore[attr-defined]
    mend_zip_seeking()
    assert zipfile._SharedFile.seek is before  # type: ignore[attr-defined]


def test_members_are_read_in_turns_from_any_place() -> None:
    content = io.BytesIO()
    members = {name: bytes([number]) * 20_000 for number, name in enumerate("abc")}
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with zipfile.ZipFile(content) as archive:
        opened = {name: archive.open(name) for name in members}
        for place in (10, 14_000, 200, 19_990):
            for name, file in opened.items():
                file.seek(place)
                assert file.read(5) == members[name][place : place + 5]
        for file in opened.values():
            file.close()
