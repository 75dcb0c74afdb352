"""Places that cannot hold a hot buffer, and damaged files: each is told, and nothing lost or made anew."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.store.delta_sink import DeltaSink

from gnomon.errors import BufferFileError, NotOursError, StoreError
from gnomon.measurements.rows import from_records
from gnomon.store.hot_buffer import filesystems
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import drain
from gnomon.store.hot_buffer.filesystems import network_file_system

type Row = dict[str, Any]

MOUNTS = r"""sysfs /sys sysfs rw 0 0
/dev/sda1 / ext4 rw 0 0
server:/export/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/me/scratch xfs rw 0 0
//server/share /mnt/a\040b cifs rw 0 0
10.0.0.1@tcp:/fs /lustre lustre rw 0 0
me@server:/ /mnt/ssh fuse.sshfs rw 0 0
C: /mnt/c 9p rw 0 0
/dev/sdc1 /mnt/usb fuseblk rw 0 0
overlay /var/lib/x overlay rw 0 0
/dev/sdd /data ext4 rw 0 0
server:/data /data nfs rw 0 0
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can make a disk that is small")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Make a folder read-only, for root too."""
    bound: list[Path] = []

    def make(folder: Path) -> None:
        if os.geteuid():
            folder.chmod(0o555)
            return
        for options in (["--bind", str(folder)], ["-o", "remount,ro,bind"]):
            if subprocess.run(["mount", *options, str(folder)], check=False, capture_output=True).returncode:
                pytest.skip("nothing is read-only for root here")
        bound.append(folder)

    yield make
    for folder in bound:
        subprocess.run(["umount", "-l", str(folder)], check=True)


# File systems


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/.local/share/gnomon/buffer", "nfs4"),
        ("/home/me/scratch/buffer", None),
        ("/mnt/a b/buffer", "cifs"),
        ("/lustre/buffer", "lustre"),
        ("/lustrefoo/buffer", None),
        ("/mnt/ssh/buffer", "fuse.sshfs"),
        ("/mnt/c/buffer", "9p"),
        ("/mnt/usb/buffer", None),
        ("/var/lib/x/buffer", None),
        ("/data/buffer", "nfs"),  # the later mount hides the earlier one
        ("/opt/buffer", None),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), mounts=MOUNTS) == kind


def test_a_link_onto_a_network_file_system_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/lustre/me")
    assert network_file_system(tmp_path / "link" / "buffer", mounts=MOUNTS) == "lustre"


def test_a_buffer_on_a_network_file_system_is_refused(
    tmp_path: Path, row: Callable[..., Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The table of mounts stands in for a file server, which cannot run here.
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(filesystems, "_MOUNTS", table)
    buffer = Buffer(tmp_path / "buffer" / "b.db")
    with pytest.raises(BufferFileError, match=r"network file system \(nfs4\).* local disk.* GNOMON_BUFFER"):
        buffer.add(row(), source="test")
    assert buffer.rows() is None
    assert not buffer.path.parent.exists()


def test_this_place_is_no_network_file_system(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) is None


# Disks


def fill(buffer: Buffer, row: Callable[..., Row]) -> int:
    """Add measurements, counted from 0, until the disk is full; say how many were acknowledged."""
    number = 0

    def add() -> None:
        nonlocal number
        while True:
            buffer.add(row(count=number, extras="x" * 500), source="test")
            number += 1

    with pytest.raises(BufferFileError, match=r"the disk is full.* is safe.* GNOMON_BUFFER"):
        add()
    return number


def test_on_a_full_disk_what_was_acknowledged_stays(small_disk: Path, row: Callable[..., Row]) -> None:
    buffer = Buffer(small_disk / "b.db")
    acknowledged = fill(buffer, row)
    assert acknowledged > 10
    with pytest.raises(BufferFileError, match="the disk is full"):
        buffer.put(from_records([row(extras=os.urandom(200_000).hex())]), source="test")
    for _ in range(2):
        frame = buffer.rows()
        assert frame is not None
        assert frame["count"].to_list() == list(range(acknowledged))
        buffer.close()


def test_a_buffer_that_filled_its_disk_is_drained_once_there_is_room(
    small_disk: Path, tmp_path: Path, row: Callable[..., Row]
) -> None:
    (small_disk / "other").write_bytes(bytes(200_000))
    buffer = Buffer(small_disk / "b.db")
    acknowledged = fill(buffer, row)
    sink = DeltaSink(tmp_path / "store")
    with pytest.raises(BufferFileError, match="the disk is full"):
        drain(buffer, sink)  # they are in the tables, and cannot be discarded
    (small_disk / "other").unlink()
    assert drain(buffer, sink) == acknowledged
    assert sorted(sink.rows()["count"].to_list()) == list(range(acknowledged))
    assert buffer.pending().entries == 0
    buffer.add(row(), source="test")
    buffer.close()


def test_a_disk_too_full_to_begin_is_told(small_disk: Path, row: Callable[..., Row]) -> None:
    (small_disk / "other").write_bytes(bytes(1_040_000))
    buffer = Buffer(small_disk / "b.db")
    with pytest.raises(BufferFileError, match=r"full|No space left"):
        buffer.add(row(), source="test")
    assert [path.name for path in small_disk.iterdir()] == ["other"]
    (small_disk / "other").unlink()
    buffer.add(row(), source="test")
    assert buffer.pending().rows == 1
    buffer.close()


def test_a_read_only_folder_is_told(
    tmp_path: Path, row: Callable[..., Row], read_only: Callable[[Path], None]
) -> None:
    folder = tmp_path / "buffer"
    folder.mkdir()
    buffer, absent = Buffer(folder / "b.db"), Buffer(folder / "none.db")
    buffer.add(row(), source="test")
    buffer.close()
    read_only(folder)
    for use in (
        lambda: buffer.add(row(), source="test"),
        lambda: absent.add(row(), source="test"),
        buffer.rows,
    ):
        with pytest.raises(BufferFileError, match="GNOMON_BUFFER"):
            use()
    assert absent.rows() is None


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path, row: Callable[..., Row]) -> None:
    (tmp_path / "buffer").write_text("")
    buffer = Buffer(tmp_path / "buffer" / "b.db")
    with pytest.raises(BufferFileError, match=r"cannot be written: .*\. GNOMON_BUFFER"):
        buffer.add(row(), source="test")


# Damage


def damage_all(path: Path) -> None:
    path.write_bytes(b"\x07" * path.stat().st_size)


def damage_content(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_all, damage_content, cut, empty])
def test_a_damaged_file_is_named_and_left_as_it_is(
    tmp_path: Path, row: Callable[..., Row], damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "b.db"
    buffer = Buffer(path)
    for _ in range(100):
        buffer.add(row(), source="test")
    buffer.close()
    damage(path)
    damaged = path.read_bytes()
    for use in (lambda: buffer.add(row(), source="test"), buffer.rows, lambda: buffer.take(limit=1)):
        with pytest.raises(StoreError, match=rf"{path} is damaged: .*Move it and b\.db-wal aside"):
            use()
    buffer.close()
    assert path.read_bytes() == damaged


def test_a_damaged_measurement_is_told_and_not_passed_over(tmp_path: Path, row: Callable[..., Row]) -> None:
    buffer = Buffer(tmp_path / "b.db")
    buffer.add(row(), source="test")
    buffer.put(from_records([row()]), source="test")
    buffer.close()
    for change in ("line = 'nonsense'", "line = '\"'", "batch = x'00'"):
        with sqlite3.connect(buffer.path) as connection:
            what = change.partition(" ")[0]
            connection.execute(f"UPDATE entry SET {change} WHERE {what} IS NOT NULL")
        connection.close()
        with pytest.raises(BufferFileError, match="is damaged: a measurement in it cannot be read"):
            buffer.rows()
        with pytest.raises(BufferFileError, match="is damaged: a measurement in it cannot be read"):
            buffer.take(limit=10)
        assert buffer.pending().rows == 2


def test_a_log_that_outlived_its_file_is_not_read_into_a_new_one(
    tmp_path: Path, row: Callable[..., Row]
) -> None:
    path = tmp_path / "b.db"
    path.with_name("b.db-wal").write_bytes(b"what was acknowledged last")
    with pytest.raises(BufferFileError, match=r"is gone, and its log b\.db-wal is still there"):
        Buffer(path).add(row(), source="test")
    assert not path.exists()


def test_something_else_at_its_place_is_left_alone(tmp_path: Path, row: Callable[..., Row]) -> None:
    path = tmp_path / "b.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    content = path.read_bytes()
    for use in (lambda: Buffer(path).add(row(), source="test"), Buffer(path).rows):
        with pytest.raises(NotOursError, match="a database of something else"):
            use()
    assert path.read_bytes() == content


def test_a_newer_version_is_refused(tmp_path: Path, row: Callable[..., Row]) -> None:
    path = tmp_path / "b.db"
    buffer = Buffer(path)
    buffer.add(row(), source="test")
    buffer.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    for use in (lambda: buffer.add(row(), source="test"), buffer.rows, lambda: buffer.take(limit=1)):
        with pytest.raises(BufferFileError, match="has version 2, and this gnomon knows 1: use the newer"):
            use()


def test_a_file_that_was_removed_in_use_is_begun_anew(tmp_path: Path, row: Callable[..., Row]) -> None:
    buffer = Buffer(tmp_path / "b.db")
    buffer.add(row(), source="before")
    before = buffer.identity
    for path in tmp_path.iterdir():
        path.unlink()
    assert buffer.rows() is None
    buffer.add(row(), source="after")
    frame = Buffer(tmp_path / "b.db").rows()
    assert frame is not None
    assert frame["source"].to_list() == ["after"]
    assert buffer.identity != before
    buffer.close()
