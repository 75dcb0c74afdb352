"""Writing measurements as they come: in the buffer at once, and in the tables soon, whatever happens."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.store.delta_sink import DeltaSink

from gnomon.errors import SchemaError, StoreError
from gnomon.measurements.rows import from_records
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.writer import Writer

type Row = dict[str, Any]
type Make = Callable[..., Writer]

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pathlib import Path
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.hot_buffer.writer import Writer
from tests.store.delta_sink import DeltaSink

writer = Writer(Buffer(Path(sys.argv[1])), DeltaSink(Path(sys.argv[2])), source="script", interval=3600)
for number in range(50):
    writer.write({"dataset_id": number.to_bytes(16), "metric": "demo.a", "unit": "", "run": "r",
                  "dataset_type": "t"})
print("written", flush=True)
"""


class Failing:
    """Tables that cannot be written until they are mended."""

    def __init__(self, sink: DeltaSink) -> None:
        self.sink = sink
        self.broken = True
        self.attempts = 0

    def append_buffered(self, rows: pl.DataFrame, **more: Any) -> None:
        self.attempts += 1
        if self.broken:
            raise StoreError("The tables cannot be reached.")
        self.sink.append_buffered(rows, **more)


@pytest.fixture
def sink(tmp_path: Path) -> DeltaSink:
    return DeltaSink(tmp_path / "store")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "b.db"


@pytest.fixture
def writer(path: Path, sink: DeltaSink) -> Make:
    def make(**options: Any) -> Writer:
        given: dict[str, Any] = {"source": "test", "interval": 3600.0, **options}
        tables = given.pop("sink", sink)
        return Writer(Buffer(path), tables, **given)

    return make


def waiting(path: Path) -> int:
    return Buffer(path).pending().rows


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_what_is_written_is_in_the_buffer_at_once_and_in_the_tables_at_the_end(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer() as one:
        numbers = [one.write(row()) for _ in range(3)]
        numbers.append(one.write_table(from_records([row(), row()])))
        assert numbers == sorted(set(numbers))
        assert waiting(path) == 5
        assert len(sink.rows()) == 0
    assert waiting(path) == 0
    assert sink.rows()["source"].to_list() == ["test"] * 5


def test_flush_brings_everything_into_the_tables(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer() as one:
        for count in (1, 2):
            one.write(row())
            one.flush()
            assert waiting(path) == 0
            assert len(sink.rows()) == count
        one.flush()


def test_after_the_interval_it_is_in_the_tables(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer(interval=0.1) as one:
        for count in (1, 2):
            one.write(row())
            until(lambda: waiting(path) == 0)
            assert len(sink.rows()) == count


def test_after_so_many_rows_it_is_in_the_tables(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer(rows=10) as one:
        for _ in range(9):
            one.write(row())
        time.sleep(0.3)
        assert waiting(path) == 9
        one.write(row())
        until(lambda: waiting(path) == 0)
        assert len(sink.rows()) == 10
        one.write_table(from_records([row() for _ in range(10)]))
        until(lambda: waiting(path) == 0)


def test_what_is_no_measurement_is_refused_and_the_writer_goes_on(
    sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer() as one:
        with pytest.raises(SchemaError, match="Did you mean value"):
            one.write(row() | {"valu": 1.0})
        one.write(row())
    assert len(sink.rows()) == 1


def test_a_closed_writer_takes_nothing_and_closing_twice_is_no_mistake(
    writer: Make, row: Callable[..., Row]
) -> None:
    one = writer()
    one.close()
    one.close()
    with pytest.raises(StoreError, match="This writer is closed"):
        one.write(row())
    with pytest.raises(StoreError, match="This writer is closed"):
        one.write_table(from_records([row()]))


def test_what_a_dead_process_left_is_taken_along(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    Buffer(path).add(row(), source="dead")
    with writer(interval=0.1):
        until(lambda: waiting(path) == 0)
    assert sink.rows()["source"].to_list() == ["dead"]


def test_threads_that_share_a_writer_lose_nothing(
    sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    rows = [row() for _ in range(1000)]
    with writer(interval=0.05, rows=100) as one, ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(one.write, rows))
    assert len(set(numbers)) == 1000
    assert sorted(sink.rows()["dataset_id"].to_list()) == [given["dataset_id"] for given in rows]


def test_tables_that_cannot_be_written_are_logged_and_tried_again(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row], caplog: pytest.LogCaptureFixture
) -> None:
    tables = Failing(sink)
    with caplog.at_level(logging.WARNING), writer(sink=tables, interval=0.05) as one:
        one.write(row())
        until(lambda: tables.attempts > 1)
        assert isinstance(one.error, StoreError)
        one.write(row())
        assert waiting(path) == 2
        tables.broken = False
        until(lambda: waiting(path) == 0)
        until(lambda: one.error is None)
    assert len(sink.rows()) == 2
    assert "Measurements wait in" in caplog.text
    assert "The tables cannot be reached." in caplog.text


def test_at_the_end_an_error_is_raised_and_the_rows_stay(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    one = writer(sink=Failing(sink))
    one.write(row())
    with pytest.raises(StoreError, match="cannot be reached"):
        one.flush()
    with pytest.raises(StoreError, match="cannot be reached"):
        one.close()
    assert waiting(path) == 1
    with writer():
        pass
    assert len(sink.rows()) == 1


def test_an_error_inside_is_not_hidden_by_one_of_the_tables(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    def fail() -> None:
        with writer(sink=Failing(sink)) as one:
            one.write(row())
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        fail()
    assert "cannot be reached" in caught.value.__notes__[0]
    assert waiting(path) == 1


def test_flush_waits_for_another_one_that_is_draining_and_says_if_it_takes_too_long(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    class Slow:
        def append_buffered(self, rows: pl.DataFrame, **more: Any) -> None:
            inside.set()
            assert go_on.wait(60)
            sink.append_buffered(rows, **more)

    slow, quick = writer(sink=Slow()), writer(patience=0.1)
    slow.write(row())
    thread = threading.Thread(target=slow.flush)
    thread.start()
    assert inside.wait(60)
    quick.write(row())
    with pytest.raises(StoreError, match=r"Another process has been draining .* is safe there"):
        quick.flush()
    go_on.set()
    quick.close()
    thread.join()
    slow.close()
    assert len(sink.rows()) == 2


def script(path: Path, sink: DeltaSink, more: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT + more, str(path), str(sink.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise KeyError('mine')"])
def test_a_program_that_ends_without_closing_brings_everything_into_the_tables(
    path: Path, sink: DeltaSink, ending: str
) -> None:
    _, errors = script(path, sink, ending).communicate(timeout=120)
    assert errors.count("Traceback") == ending.startswith("raise")
    assert waiting(path) == 0
    assert len(sink.rows()) == 50


def test_a_program_that_is_killed_leaves_everything_to_the_next_writer(
    path: Path, sink: DeltaSink, writer: Make
) -> None:
    with script(path, sink, "import time; time.sleep(600)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert waiting(path) == 50
    with writer():
        pass
    assert len(sink.rows()) == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_writes_with_its_parents_writer_and_leaves_draining_to_others(
    path: Path, sink: DeltaSink, writer: Make, row: Callable[..., Row]
) -> None:
    with writer(patience=0.2) as one:
        one.write(row())
        one.flush()  # from here on there are threads that no child has
        one.write(row())
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for number in range(20):
                    one.write(row(count=number))
                try:
                    one.flush()
                except StoreError as error:
                    status = 0 if "a forked child cannot" in str(error) else 2
                one.close()
            finally:
                os._exit(status)
        one.write(row())
        assert os.waitpid(child, 0)[1] == 0
        assert waiting(path) == 22
    assert waiting(path) == 0
    assert len(sink.rows()) == 23
