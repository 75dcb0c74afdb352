"""A store that several processes write, and one that a process is killed over."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deltalake import DeltaTable

from gnomon.measurements.rows import from_records
from gnomon.store import open_store

type Start = Callable[..., subprocess.Popen[str]]

WRITER = """
import sys

from gnomon.measurements.rows import from_records
from gnomon.store import Chain, open_store

folder, first, count, step = sys.argv[1], *map(int, sys.argv[2:])
store = open_store(folder)


def batch(number):
    return from_records(
        {
            "dataset_id": (number * 1000 + i).to_bytes(16),
            "metric": "demo.a",
            "value": float(i),
            "unit": "",
            "run": "run",
            "dataset_type": "t",
            "measured_at": 1,
            **({"instrument": "Cam", "visit": i} if i % 2 else {}),
        }
        for i in range(100)
    )


print("ready", flush=True)
sys.stdin.readline()
for number in range(first, first + count * step, step):
    store.append(batch(number), source=f"process {first}")
    print(number, flush=True)
store.define_chain(Chain(f"chain{first}", ("run",)))
"""


@pytest.fixture
def writer() -> Iterator[Start]:
    """Start a process that is ready to append batches; none outlives the test."""
    with ExitStack() as stack:
        yield lambda *arguments: _start(stack, *arguments)


def _start(stack: ExitStack, folder: Path, first: int, count: int, step: int = 1) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first), str(count), str(step)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_processes_that_append_at_once_lose_nothing_and_equal_rows_are_read_once(
    tmp_path: Path, writer: Start
) -> None:
    folder = tmp_path / "store"
    # The first two write different rows, the last two the same ones; nobody has made the store yet.
    processes = [writer(folder, 0, 4, 2), writer(folder, 1, 4, 2), *(writer(folder, 100, 4) for _ in "ab")]
    for process in processes:
        go(process)
    for process in processes:
        finish(process)
    store = open_store(folder)
    found = store.load().polars()
    numbers = [*range(8), *range(100, 104)]
    assert sorted(found["dataset_id"].to_list()) == [
        (number * 1000 + i).to_bytes(16) for number in numbers for i in range(100)
    ]
    assert len(store.dataset_ids()) == len(numbers) * 100
    for chain in ("chain0", "chain1", "chain100"):
        assert len(store.load(collections=chain)) == len(found)


def test_a_process_killed_while_it_appends_leaves_a_store_that_can_be_read_and_completed(
    tmp_path: Path, writer: Start
) -> None:
    folder = tmp_path / "store"
    process = writer(folder, 0, 10_000)
    go(process)
    assert process.stdout is not None
    finished = [int(process.stdout.readline()) for _ in range(3)]
    time.sleep(0.02)  # somewhere in the fourth
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    store = open_store(folder)
    found = set(store.load().polars()["dataset_id"].to_list())
    assert {(number * 1000 + i).to_bytes(16) for number in finished for i in range(100)} <= found
    again = writer(folder, 0, 6)
    go(again)
    finish(again)
    completed = set(store.load().polars()["dataset_id"].to_list())
    assert completed >= found | {(n * 1000 + i).to_bytes(16) for n in range(6) for i in range(100)}
    assert len(store.load()) == len(completed)
    assert store.append(from_records([]), source="test").added == 0


COMPACTER = """
import sys

from gnomon.store import open_store

store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
done = 0
for number in range(8):
    done += len(store.compact(whole=number % 2 == 0))
print(done, flush=True)
"""


@pytest.mark.long
def test_maintenance_by_several_at_once_beside_writers_loses_and_doubles_nothing(
    tmp_path: Path, writer: Start
) -> None:
    folder = tmp_path / "store"
    first = writer(folder, 1_000, 2)
    go(first)
    finish(first)
    writers = [writer(folder, 0, 10, 2), writer(folder, 1, 10, 2)]
    with ExitStack() as stack:
        compacters = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", COMPACTER, str(folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        for process in compacters:
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (*writers, *compacters):
            go(process)
        for process in (*writers, *compacters):
            process.communicate(timeout=120)
            assert process.returncode == 0
    numbers = [*range(20), 1_000, 1_001]
    expected = sorted((number * 1000 + i).to_bytes(16) for number in numbers for i in range(100))
    store = open_store(folder)
    assert sorted(store.load().polars()["dataset_id"].to_list()) == expected
    store.compact(whole=True)
    assert sorted(store.load().polars()["dataset_id"].to_list()) == expected
    tables = [DeltaTable(path.parent.as_uri()) for path in folder.glob("[sb]*/*/_delta_log")]
    assert sum(table.to_pyarrow_table().num_rows for table in tables) == len(expected)
