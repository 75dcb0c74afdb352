"""The hot buffer: what goes in comes out, in order and whole, and what is no measurement is refused."""

import datetime
import math
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.rows import RECORDS, bits, stored

from gnomon import times
from gnomon.errors import SchemaError, StoreError
from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store.hot_buffer import buffer as buffers
from gnomon.store.hot_buffer.buffer import Buffer, Pending
from gnomon.store.layout.schema import RECORDED_AT, SOURCE

type Row = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer" / "b.db"


@pytest.fixture
def buffer(path: Path) -> Iterator[Buffer]:
    made = Buffer(path)
    yield made
    made.close()


def content(frame: pl.DataFrame | None) -> pl.DataFrame:
    assert frame is not None
    return frame.select(SCHEMA.names)


# What goes in comes out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(records=st.lists(RECORDS, min_size=1, max_size=5))
def test_what_is_added_is_read_bit_for_bit(tmp_path: Path, records: list[Row]) -> None:
    buffer = Buffer(tmp_path / f"{uuid.uuid4()}.db")
    for record in records:
        buffer.add(record, source="test")
    found = content(buffer.rows())
    buffer.close()
    expected = stored(records)
    assert found.schema == expected.schema
    assert found.equals(expected)
    assert bits(found) == bits(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(parts=st.lists(st.tuples(st.booleans(), st.lists(RECORDS, max_size=4)), max_size=5))
def test_single_measurements_and_tables_are_read_in_the_order_of_writing(
    tmp_path: Path, parts: list[tuple[bool, list[Row]]]
) -> None:
    buffer = Buffer(tmp_path / f"{uuid.uuid4()}.db")
    written = []
    for as_table, records in parts:
        if as_table:
            buffer.put(stored(records).to_arrow().cast(SCHEMA), source="table")
        for record in records:
            written.append(record)
            if not as_table:
                buffer.add(record, source="one")
    found = buffer.rows()
    if not written:
        assert found is None
        return
    assert content(found).equals(stored(written))
    assert found is not None
    assert found[RECORDED_AT].is_sorted()
    assert found[RECORDED_AT].is_unique().all()
    assert found[SOURCE].to_list() == ["table" if t else "one" for t, records in parts for _ in records]
    assert buffer.pending().rows == len(written)
    buffer.close()


def test_nan_null_and_infinities_stay_what_they_are(buffer: Buffer, row: Callable[..., Row]) -> None:
    values = [math.nan, None, math.inf, -math.inf, -0.0, 5e-324, 0.1]
    for value in values:
        buffer.add(row(value=value, uncertainty=value), source="test")
    frame = content(buffer.rows())
    for name in ("value", "uncertainty"):
        assert repr(frame[name].to_list()) == repr(values)


def test_nothing_at_the_end_of_a_row_stays_nothing(buffer: Buffer, row: Callable[..., Row]) -> None:
    for extras in ("", None, "", None):
        buffer.add(row(extras=extras), source="test")
    assert content(buffer.rows())["extras"].to_list() == ["", None, "", None]


def test_times_ids_and_numbers_are_taken_as_their_users_have_them(
    buffer: Buffer, row: Callable[..., Row]
) -> None:
    moment = datetime.datetime(2026, 3, 2, 4, 5, 6, 7)
    name = uuid.uuid4()
    given = row(value=np.float32(0.5), count=np.int32(3), measured_at=times.from_datetime(moment))
    buffer.add({**given, "dataset_id": name, "obs_begin": moment, "visit": np.uint64(7)}, source="test")
    (found,) = content(buffer.rows()).to_dicts()
    assert (found["value"], found["count"], found["visit"]) == (0.5, 3, 7)
    assert found["measured_at"] == found["obs_begin"] == moment
    assert found["dataset_id"] == name.bytes


def test_a_row_is_recorded_when_it_is_written(buffer: Buffer, row: Callable[..., Row]) -> None:
    before = times.now()
    number = buffer.add(row(), source="test")
    assert before - 1_000 <= number <= times.now() + 1_000
    (found,) = buffer.rows()[RECORDED_AT].to_list()  # type: ignore[index]
    assert times.from_datetime(found) == number


def test_numbers_grow_when_the_clock_goes_back_and_after_everything_was_discarded(
    buffer: Buffer, row: Callable[..., Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [buffer.add(row(), source="test")]
    monkeypatch.setattr(buffers, "_now", lambda: numbers[0] - 3_600_000_000)  # a clock that was set back
    numbers.append(buffer.add(row(), source="test"))
    numbers.append(buffer.put(from_records([row(), row(), row()]), source="test"))
    buffer.discard(numbers[-1])
    buffer.close()
    numbers.append(buffer.add(row(), source="test"))
    assert np.diff(numbers).tolist() == [1, 3, 1]
    assert buffer.newest() == numbers[-1]


# What cannot be a measurement


@pytest.mark.parametrize(
    ("change", r"message"),
    [
        ({"metrc": "a"}, r"has no column 'metrc'. Did you mean metric"),
        ({"value": "1.0"}, r"'value' .* is a number, not '1.0' \(str\)"),
        ({"value": True}, r"'value' .* is a number"),
        ({"value": 2**60 + 1}, r"'value' .* 64-bit float"),
        ({"value": 1 + 2j}, r"'value' .* is a number"),
        ({"value": np.ma.masked}, r"'value' .* is a number"),
        ({"count": 1.5}, r"'count' .* is an integer"),
        ({"count": 2**63}, r"'count' .* 64 bits"),
        ({"visit": np.uint64(2**63)}, r"'visit' .* 64 bits"),
        ({"visit": -(2**63) - 1}, r"'visit' .* 64 bits"),
        ({"metric": None}, r"'metric' .* may not be null"),
        ({"metric": b"demo.a"}, r"'metric' .* is a text"),
        ({"unit": "\ud800"}, r"cannot be written as UTF-8"),
        ({"dataset_id": bytes(15)}, r"'dataset_id' .* is 16 bytes"),
        ({"dataset_id": "00" * 16}, r"'dataset_id' .* is 16 bytes"),
        ({"measured_at": "2026-01-01"}, r"'measured_at' .* is a datetime in TAI"),
        ({"measured_at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)}, r"'measured_at' .* time zone"),
        ({"obs_begin": 2**62}, r"'obs_begin' .* years 1 to 9999"),
        ({"obs_end": -(2**63)}, r"'obs_end' .* years 1 to 9999"),
        ({"dimensions": {"a": 1}}, r"'dimensions' .* texts to texts"),
        ({"dimensions": "ab"}, r"'dimensions' .* mapping"),
        ({"extras": {"a": 1}}, r"'extras' .* is a text"),
        ({3: 4}, r"has no column '3'"),
    ],
)
def test_what_is_no_measurement_is_refused_and_nothing_written(
    buffer: Buffer, row: Callable[..., Row], change: Row, message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        buffer.add(row() | change, source="test")
    assert buffer.pending() == Pending(0, 0, None)
    assert not buffer.path.exists()


def test_a_missing_column_is_named_and_a_misspelt_one_in_its_place(
    buffer: Buffer, row: Callable[..., Row]
) -> None:
    given = row()
    del given["metric"]
    with pytest.raises(SchemaError, match=r"The column 'metric' of a stored measurement is missing"):
        buffer.add(given, source="test")
    with pytest.raises(SchemaError, match=r"no column 'metrics'. Did you mean metric"):
        buffer.add(given | {"metrics": "demo.a"}, source="test")


def test_a_table_that_is_not_of_the_schema_is_refused_whole(buffer: Buffer, row: Callable[..., Row]) -> None:
    good = from_records([row(), row()])
    with pytest.raises(SchemaError, match="Did you mean unit"):
        buffer.put(good.append_column("units", pa.array(["", ""])), source="test")
    late = good.set_column(good.schema.names.index("measured_at"), "measured_at", pa.array([1, 2**62]))
    with pytest.raises(SchemaError, match=r"'measured_at' .* years 1 to 9999"):
        buffer.put(late, source="test")
    with pytest.raises(SchemaError, match="'metric' of a stored measurement is missing"):
        buffer.put(good.drop_columns(["metric"]), source="test")
    assert buffer.rows() is None
    assert buffer.put(good.slice(0, 0), source="test") == 0
    assert not buffer.path.exists()


def test_a_source_is_a_text(buffer: Buffer, row: Callable[..., Row]) -> None:
    for wrong in (3, "\ud800"):
        with pytest.raises(SchemaError, match="source"):
            buffer.add(row(), source=wrong)  # type: ignore[arg-type]
    assert not buffer.path.exists()


# Taking and discarding


def test_an_empty_buffer_has_nothing_and_makes_no_file(buffer: Buffer) -> None:
    assert buffer.rows() is None
    assert buffer.take(limit=10) is None
    assert buffer.pending() == Pending(0, 0, None)
    assert buffer.newest() == 0
    buffer.discard(10)
    assert not buffer.path.parent.exists()


def test_the_oldest_are_taken_first_and_stay_until_they_are_discarded(
    buffer: Buffer, row: Callable[..., Row]
) -> None:
    numbers = [buffer.add(row(), source="test") for _ in range(10)]
    for _ in range(2):
        batch = buffer.take(limit=4)
        assert batch is not None
        assert batch.numbers.to_list() == numbers[:4]
        assert batch.last == numbers[3]
        assert len(batch.rows) == 4
    assert buffer.pending() == Pending(10, 10, numbers[0])
    buffer.discard(numbers[3])
    assert buffer.pending() == Pending(6, 6, numbers[4])
    rest = buffer.take(limit=100)
    assert rest is not None
    assert rest.numbers.to_list() == numbers[4:]


def test_what_was_written_at_once_is_taken_at_once(buffer: Buffer, row: Callable[..., Row]) -> None:
    buffer.add(row(), source="one")
    last = buffer.put(from_records([row() for _ in range(5)]), source="table")
    buffer.add(row(), source="one")
    batch = buffer.take(limit=2)
    assert batch is not None
    assert batch.last == last
    assert batch.rows[SOURCE].to_list() == ["one", *["table"] * 5]


def test_a_large_table_is_taken_in_parts(buffer: Buffer, row: Callable[..., Row]) -> None:
    table = from_records([row()])
    table = pa.concat_tables([table] * 25_000)
    last = buffer.put(table, source="table")
    assert buffer.pending().rows == 25_000
    taken = []
    while batch := buffer.take(limit=10_000):
        taken.append(len(batch.rows))
        buffer.discard(batch.last)
    assert taken == [10_000, 10_000, 5_000]
    assert buffer.newest() == last


def test_a_file_that_held_much_is_small_again(buffer: Buffer, row: Callable[..., Row]) -> None:
    last = buffer.put(from_records([row(extras="x" * 10_000) for _ in range(10)]), source="t")
    for _ in range(300):
        last = buffer.add(row(extras="x" * 10_000), source="test")
    buffer.close()
    assert buffer.path.stat().st_size > 3_000_000
    buffer.discard(last)
    buffer.close()
    assert buffer.path.stat().st_size < 100_000


# Whose buffer it is


def test_a_store_has_one_buffer_however_its_address_is_spelt(
    tmp_path: Path, row: Callable[..., Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    monkeypatch.chdir(tmp_path)
    spellings = [tmp_path / "store", tmp_path / "link", "store", "./store/", (tmp_path / "store").as_uri()]
    (path,) = {Buffer.beside(tmp_path / "b", str(spelling)).path for spelling in spellings}
    assert path.name.startswith("store-")
    buffer = Buffer.beside(tmp_path / "b", "store")
    buffer.add(row(), source="test")
    assert buffer.store == str(tmp_path / "store")
    buffer.close()
    assert Buffer.beside(tmp_path / "b", "s3://x/store").path != path
    assert (
        Buffer.beside(tmp_path / "b", "s3://x/store/").path
        == Buffer.beside(tmp_path / "b", "s3://x/store").path
    )


def test_no_password_stands_in_the_file_or_its_name(tmp_path: Path, row: Callable[..., Row]) -> None:
    buffer = Buffer.beside(tmp_path, "s3://me:hush@host/store?secret=hush")
    buffer.add(row(), source="test")
    assert "hush" not in buffer.store
    buffer.close()
    assert b"hush" not in buffer.path.read_bytes()
    assert buffer.path == Buffer.beside(tmp_path, "s3://me:other@host/store?secret=new").path


def test_a_buffer_of_another_store_is_refused(path: Path, row: Callable[..., Row]) -> None:
    mine = Buffer(path, store="/data/a")
    mine.add(row(), source="test")
    mine.close()
    other = Buffer(path, store="/data/b")
    for use in (lambda: other.add(row(), source="test"), other.rows, lambda: other.take(limit=1)):
        with pytest.raises(StoreError, match=r"is the one of the store /data/a, not of /data/b"):
            use()


def test_the_identity_stays_with_the_file_and_a_copy_has_its_own(path: Path, row: Callable[..., Row]) -> None:
    first, second = Buffer(path), Buffer(path)
    first.add(row(), source="test")
    assert first.identity == second.identity == str(uuid.UUID(first.identity))
    first.close()
    second.close()
    assert Buffer(path).identity == first.identity
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    assert Buffer(copy).identity != first.identity


# Threads and forks


def test_threads_that_write_at_once_lose_nothing(buffer: Buffer, row: Callable[..., Row]) -> None:
    ids = [number.to_bytes(16) for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda name: buffer.add({**row(), "dataset_id": name}, source="test"), ids))
    assert len(set(numbers)) == len(ids)
    frame = content(buffer.rows())
    assert sorted(frame["dataset_id"].to_list()) == ids
    place = dict(zip(ids, numbers, strict=True))
    assert [place[id] for id in frame["dataset_id"].to_list()] == sorted(numbers)


def test_a_reader_sees_one_moment_while_others_write(path: Path, row: Callable[..., Row]) -> None:
    writer, reader = Buffer(path), Buffer(path)
    stop = threading.Event()
    record = row()

    def write() -> None:
        while not stop.is_set():
            writer.put(from_records([record] * 3), source="three")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        lengths = [0 if (frame := reader.rows()) is None else len(frame) for _ in range(50)]
    finally:
        stop.set()
        thread.join()
    writer.close()
    reader.close()
    assert lengths == sorted(lengths)
    assert {length % 3 for length in lengths} == {0}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_forked_child_goes_on_with_its_parents_object(buffer: Buffer, row: Callable[..., Row]) -> None:
    buffer.add(row(), source="parent")
    for _ in range(5):
        child = os.fork()
        if child == 0:  # nothing of pytest may run here
            status = 1
            try:
                for _ in range(20):  # not `rows`: Polars does not survive a fork
                    buffer.add(row(), source="child")
                status = 0
            finally:
                os._exit(status)
        for _ in range(20):
            buffer.add(row(), source="parent")
        buffer.close()  # the last one to close would remove the log that the child still writes
        buffer.add(row(), source="parent")
        assert os.waitpid(child, 0)[1] == 0
    frame = buffer.rows()
    assert frame is not None
    assert frame[SOURCE].value_counts().sort(SOURCE).rows() == [("child", 100), ("parent", 106)]
    with sqlite3.connect(buffer.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
