"""Draining: every row comes into the tables once, whoever drains, dies and tries again."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.delta_sink import DeltaSink

from gnomon.errors import StoreError
from gnomon.measurements.rows import from_records
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import drain

type Row = dict[str, Any]
type Start = Callable[..., subprocess.Popen[str]]

ROOT = Path(__file__).parents[2]

WRITERS = """
import os, sys
from pathlib import Path
from gnomon.store.hot_buffer.buffer import Buffer

path, processes, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
buffer = Buffer(path)
print("ready", flush=True)
sys.stdin.readline()
first, children = 0, []
for process in range(1, processes):
    if not (child := os.fork()):
        first, children = process * 1000, []
        break
    children.append(child)
for number in range(first, first + count):
    row = {"dataset_id": number.to_bytes(16), "metric": "demo.a", "value": float(number), "unit": "",
           "run": "run", "dataset_type": f"t{number % 2}", "extras": "x" * (number % 700)}
    buffer.add(row, source="writer")
    os.write(1, b"%d\\n" % number)
assert not any(os.waitpid(child, 0)[1] for child in children)
"""

# Children are forked before any library has threads, so that a hundred of them need one import.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import drain
from tests.store.delta_sink import DeltaSink

path, folder, rounds, longest = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
choice = random.Random(rounds)
print("ready", flush=True)
sys.stdin.readline()


def work(number):
    if number < 2:
        while True:
            drain(Buffer(path), DeltaSink(folder), limit=choice.choice([20, 100, 1000]))
    buffer = Buffer(path)
    row = {"metric": "demo.a", "unit": "", "run": "run", "dataset_type": f"t{number % 2}"}
    for count in range(1_000_000):
        name = round * 10**9 + number * 10**8 + count
        buffer.add({**row, "dataset_id": name.to_bytes(16)}, source="killed")
        os.write(1, b"%d\\n" % name)


for round in range(1, rounds + 1):
    children = []
    for number in range(4):
        if not (child := os.fork()):
            work(number)
        children.append(child)
    time.sleep(choice.uniform(0.0, longest))
    for child in choice.sample(children, 4):
        os.kill(child, signal.SIGKILL)
        time.sleep(choice.uniform(0.0, longest / 10))
    for child in children:
        os.waitpid(child, 0)
"""


FORKED = """
import os, sys, threading, time, warnings
from pathlib import Path
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.draining import drain

warnings.simplefilter("ignore")
inside = threading.Event()


class Slow:
    def append_buffered(self, rows, **more):
        inside.set()
        time.sleep(600)


print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=drain, args=(Buffer(Path(sys.argv[1])), Slow())).start()
inside.wait()
if child := os.fork():
    print(child, flush=True)
time.sleep(600)
"""


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[Buffer]:
    made = Buffer(tmp_path / "b.db")
    yield made
    made.close()


@pytest.fixture
def sink(tmp_path: Path) -> DeltaSink:
    return DeltaSink(tmp_path / "store")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that waits for a line; none outlives the test."""
    with ExitStack() as stack:

        def run(script: str, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", script, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return process

        yield run


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def acknowledged(process: subprocess.Popen[str]) -> set[bytes]:
    """What a killed writer had acknowledged; a line that was cut off does not count."""
    text = process.communicate(timeout=60)[0]
    return {int(line).to_bytes(16) for line in text.splitlines(keepends=True) if line.endswith("\n")}


def ids(*frames: pl.DataFrame | None) -> list[bytes]:
    return sorted(name for frame in frames if frame is not None for name in frame["dataset_id"].to_list())


class Crash(BaseException):
    """The end of a process at a certain point."""


class Dying:
    """Tables whose process dies after so many of their commits, before the rows are discarded."""

    def __init__(self, sink: DeltaSink, commits: int) -> None:
        self.sink = sink
        self.commits = commits

    def append_buffered(self, rows: pl.DataFrame, *, application: str, numbers: pl.Series, last: int) -> None:
        numbered = rows.with_columns(numbers.alias("number"))
        for part in numbered.partition_by("dataset_type", maintain_order=True):
            if not self.commits:
                raise Crash
            self.commits -= 1
            self.sink.append_buffered(
                part.drop("number"), application=application, numbers=part["number"], last=last
            )
        if not self.commits:
            raise Crash


# In one process


def test_what_waits_comes_into_the_tables_and_leaves_the_buffer(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    rows = [row(dataset_type=f"t{number % 3}") for number in range(30)]
    for one in rows[:20]:
        buffer.add(one, source="one")
    buffer.put(from_records(rows[20:]), source="table")
    before = buffer.rows()
    steps: list[int] = []
    assert drain(buffer, sink, limit=8, progress=steps.append) == 30
    assert sum(steps) == 30
    assert len(steps) > 2
    assert buffer.rows() is None
    found = sink.rows()
    assert before is not None
    assert ids(found) == ids(before) == sorted(one["dataset_id"] for one in rows)
    key = "dataset_id"
    for column in ("recorded_at", "source", "value", "measured_at"):
        assert found.sort(key)[column].to_list() == before.sort(key)[column].to_list()
    assert drain(buffer, sink) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 2)),
            st.tuples(st.just("put"), st.integers(1, 4)),
            st.tuples(st.just("drain"), st.integers(1, 5)),
            st.tuples(st.just("die"), st.integers(0, 3)),
        ),
        max_size=10,
    )
)
def test_whatever_dies_in_between_each_row_is_in_the_tables_once(
    tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path / str(uuid.uuid4())
    buffer, sink = Buffer(folder / "b.db"), DeltaSink(folder / "store")
    written: list[bytes] = []

    def made(kind: int) -> Row:
        written.append(len(written).to_bytes(16))
        return {
            "dataset_id": written[-1], "metric": "m.a", "unit": "", "run": "r", "dataset_type": f"t{kind}"
        }  # fmt: skip

    for step, count in steps:
        if step == "add":
            buffer.add(made(count), source="test")
        elif step == "put":
            buffer.put(from_records(made(kind % 3) for kind in range(count)), source="test")
        elif step == "drain":
            drain(buffer, sink, limit=count)
        else:
            try:
                drain(buffer, Dying(sink, count), limit=3)
            except Crash:
                buffer.close()
        # A reader that looks into the buffer first misses nothing at any moment.
        assert set(ids(buffer.rows(), sink.rows())) == set(written)
    drain(buffer, sink)
    assert buffer.rows() is None
    assert ids(sink.rows()) == sorted(written)
    buffer.close()


def test_tables_that_cannot_be_written_leave_the_rows_in_the_buffer(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    for _ in range(5):
        buffer.add(row(), source="test")
    sink.folder.write_text("in the way")
    with pytest.raises(StoreError):
        drain(buffer, sink)
    assert buffer.pending().rows == 5
    sink.folder.unlink()
    assert drain(buffer, sink) == 5
    assert len(ids(sink.rows())) == 5


def test_draining_ends_although_others_go_on_writing(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    buffer.add(row(), source="test")

    class Busy:
        def append_buffered(self, rows: pl.DataFrame, **more: Any) -> None:
            sink.append_buffered(rows, **more)
            buffer.add(row(), source="another")

    assert drain(buffer, Busy()) == 1
    assert buffer.pending().rows == 1


def test_who_finds_another_one_draining_leaves_it_to_it_or_waits(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    buffer.add(row(), source="test")
    inside, go_on = threading.Event(), threading.Event()

    class Slow:
        def append_buffered(self, rows: pl.DataFrame, **more: Any) -> None:
            inside.set()
            assert go_on.wait(60)
            sink.append_buffered(rows, **more)

    thread = threading.Thread(target=drain, args=(Buffer(buffer.path), Slow()))
    thread.start()
    assert inside.wait(60)
    buffer.add(row(), source="test")
    assert drain(buffer, sink) == 0
    assert drain(buffer, sink, wait=0.1) == 0
    assert buffer.pending().rows == 2
    go_on.set()
    assert drain(buffer, sink, wait=60) == 1
    thread.join()
    assert buffer.pending().rows == 0
    assert len(ids(sink.rows())) == 2


def test_a_table_that_was_removed_takes_what_is_still_to_come(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    for kind in ("t0", "t1"):
        buffer.add(row(dataset_type=kind), source="before")
    drain(buffer, sink)
    shutil.rmtree(sink.folder / "t0")
    for kind in ("t0", "t1"):
        buffer.add(row(dataset_type=kind), source="after")
    drain(buffer, sink)
    found = sink.rows().select("dataset_type", "source").sort("dataset_type", "source").rows()
    assert found == [("t0", "after"), ("t1", "after"), ("t1", "before")]


def test_a_table_that_was_restored_does_not_get_again_what_was_undone(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    for source in ("first", "undone"):
        buffer.add(row(dataset_type="t"), source=source)
        drain(buffer, sink)
    DeltaTable((sink.folder / "t").as_uri()).restore(0)
    buffer.add(row(dataset_type="t"), source="after")
    drain(buffer, sink)
    assert sorted(sink.rows()["source"].to_list()) == ["after", "first"]


def test_a_buffer_put_back_to_an_earlier_state_doubles_and_loses_nothing(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row]
) -> None:
    for _ in range(3):
        buffer.add(row(), source="before")
    buffer.close()
    saved = buffer.path.read_bytes()
    drain(buffer, sink)
    buffer.add(row(), source="between")
    drain(buffer, sink)
    buffer.close()
    buffer.path.write_bytes(saved)
    buffer.add(row(), source="after")
    assert drain(buffer, sink) == 4
    assert sorted(sink.rows()["source"].to_list()) == ["after", *["before"] * 3, "between"]


def test_a_copied_buffer_does_not_swallow_rows_of_the_original(
    buffer: Buffer, sink: DeltaSink, row: Callable[..., Row], tmp_path: Path
) -> None:
    buffer.add(row(), source="original")
    drain(buffer, sink)
    buffer.close()
    copy = Buffer(tmp_path / "copy.db")
    shutil.copy(buffer.path, copy.path)
    buffer.add(row(), source="original")
    copy.add(row(), source="copy")
    drain(copy, sink)
    drain(buffer, sink)
    assert sorted(sink.rows()["source"].to_list()) == ["copy", "original", "original"]
    copy.close()


# Between processes


def test_eight_processes_that_write_at_once_lose_nothing(
    buffer: Buffer, sink: DeltaSink, start: Start
) -> None:
    process = start(WRITERS, buffer.path, 8, 300)
    go(process)
    done = acknowledged(process)
    assert process.returncode == 0
    assert len(done) == 2400
    assert ids(buffer.rows()) == sorted(done)
    drain(buffer, sink)
    assert ids(sink.rows()) == sorted(done)


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.02, 0.07])
def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(
    buffer: Buffer, start: Start, delay: float
) -> None:
    process = start(WRITERS, buffer.path, 1, 1_000_000)
    go(process)
    while not buffer.pending().rows:
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    done = acknowledged(process)
    frame = buffer.rows()
    assert frame is not None
    found = ids(frame)
    # The one that was on its way is wholly there or wholly absent, and nothing is there twice.
    assert found == [number.to_bytes(16) for number in range(len(found))]
    assert sorted(done) == found[: len(done)]
    assert len(found) - len(done) <= 1
    assert [len(text) for text in frame["extras"]] == [number % 700 for number in range(len(found))]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_a_child_forked_while_its_parent_drains_does_not_keep_the_lock(
    buffer: Buffer, sink: DeltaSink, start: Start, row: Callable[..., Row]
) -> None:
    buffer.add(row(), source="test")
    process = start(FORKED, buffer.path)
    go(process)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        assert drain(buffer, sink) == 0
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        assert drain(buffer, sink) == 1
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("rounds", [15, pytest.param(300, marks=pytest.mark.long)])
def test_writers_and_drainers_that_are_killed_and_race_lose_and_double_nothing(
    buffer: Buffer, sink: DeltaSink, start: Start, rounds: int
) -> None:
    process = start(KILLED, buffer.path, sink.folder, rounds, 0.4)
    go(process)
    output = process.communicate(timeout=1200)[0]
    assert process.returncode == 0
    done = {int(line).to_bytes(16) for line in output.split()}
    assert len(done) > rounds
    before = set(ids(buffer.rows(), sink.rows()))
    drain(buffer, sink)
    found = ids(sink.rows())
    assert done <= before == set(found)
    assert len(found) == len(set(found))
    # Of each writer one at most was written and not acknowledged.
    assert len(found) - len(done) <= 2 * rounds
    assert buffer.pending().entries == 0
