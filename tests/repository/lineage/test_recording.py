"""Recording lineage: what is kept, however often and in whatever order it comes."""

import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.repository.lineage import strategies
from tests.repository.lineage.strategies import IDS, QUANTA

from gnomon.errors import LineageError, NotOursError
from gnomon.repository.lineage import EDGES, Dataset, Edge, Lineage, open_lineage

RAW, FLAT, IMAGE, COADD = IDS[:4]

type Batch = tuple[list[Edge], list[Dataset], list[uuid.UUID]]


def content(lineage: Lineage) -> dict[str, Any]:
    """Give all that a lineage of these datasets holds."""
    ids = pl.Series([one.bytes for one in IDS])
    return {
        "edges": lineage.edges(IDS).rows(),
        "datasets": lineage.datasets(IDS).rows(),
        "not asked": lineage.not_asked(ids).to_list(),
        "counts": lineage.counts(),
    }


def recorded(batches: list[Batch]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, open_lineage(Path(folder) / "lineage.db") as lineage:
        for edges, datasets, asked in batches:
            lineage.record(edges, datasets=datasets, asked=asked)
        return content(lineage)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.batches, st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_difference(batches: list[Batch], random: Any) -> None:
    shuffled = [*batches, *batches[:1]]
    random.shuffle(shuffled)
    assert recorded(shuffled) == recorded(batches)


@settings(max_examples=8)
@given(strategies.batches)
def test_all_at_once_is_the_same_as_one_after_the_other(batches: list[Batch]) -> None:
    together: Batch = (
        [edge for batch in batches for edge in batch[0]],
        [dataset for batch in batches for dataset in batch[1]],
        [asked for batch in batches for asked in batch[2]],
    )
    assert recorded([together]) == recorded(batches)


@settings(max_examples=8)
@given(st.lists(strategies.edges, max_size=12))
def test_no_word_is_lost_and_none_is_added(edges: list[Edge]) -> None:
    found = {(row[0], row[1], row[2], row[3]) for row in recorded([(edges, [], [])])["edges"]}
    assert found == {
        (e.child.bytes, e.parent.bytes, e.kind, None if e.quantum is None else e.quantum.bytes) for e in edges
    }


def test_both_databases_keep_the_same(address: str) -> None:
    with open_lineage(address) as lineage:
        first = lineage.record(
            [Edge(IMAGE, RAW, "predicted", QUANTA[0], "isr"), Edge(IMAGE, FLAT, "read", QUANTA[0])],
            datasets=[Dataset(RAW, "raw", {"instrument": "A", "exposure": 7}, "raw/all")],
            asked=[IMAGE],
            source="graph",
        )
        assert first == (2, 3)
        stronger = lineage.record([Edge(IMAGE, RAW, "used", QUANTA[0])], source="graph")
        assert (stronger.edges, stronger.datasets) == (1, 0)
        assert lineage.record([Edge(IMAGE, RAW, "predicted", QUANTA[0], "isr")]) == (0, 0)
        assert [(row[2], row[4]) for row in lineage.edges([IMAGE]).rows()] == [
            ("predicted", "isr"),
            ("used", "isr"),
            ("read", "isr"),
        ]
        assert lineage.datasets([RAW]).row(0)[1:] == ("raw", '{"exposure":7,"instrument":"A"}', "raw/all")
        assert lineage.counts() == {"datasets": 3, "edges": 2, "quanta": 1, "sources": 1}
        assert lineage.has_source("graph")
        assert not lineage.has_source("another")
        assert lineage.not_asked(pl.Series([RAW.bytes, IMAGE.bytes])).to_list() == [RAW.bytes]


def test_a_table_is_taken_as_well_as_edges(lineage: Lineage) -> None:
    table = pa.table(
        {
            "child": pa.array([IMAGE.bytes], pa.binary(16)),
            "parent": pa.array([RAW.bytes], pa.binary(16)),
            "kind": ["read"],
        }
    )
    assert lineage.record(table).edges == 1
    assert lineage.edges([IMAGE]).schema == EDGES
    assert lineage.record(lineage.edges([IMAGE])).edges == 0


def test_many_edges_go_in_and_come_out_again(lineage: Lineage) -> None:
    count = 12_000  # more than are looked up at once
    numbers = pl.int_range(count, eager=True)
    ids = [uuid.UUID(int=1000 + number).bytes for number in range(count)]
    frame = pl.DataFrame(
        {
            "child": [ids[n] for n in numbers] + [ids[n] for n in numbers],
            "parent": [IMAGE.bytes] * count + [RAW.bytes] * count,
            "kind": ["read"] * (2 * count),
        }
    )
    assert lineage.record(frame).edges == 2 * count
    assert lineage.descendants([RAW]).height == count
    assert lineage.not_asked(pl.Series(ids)).len() == count


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([Edge(RAW, RAW)], "made from itself"),
        ([Edge(RAW, FLAT, "guessed")], "'guessed' is no kind of lineage"),  # type: ignore[arg-type]
        ([Edge("raw", FLAT)], "'raw' is not the UUID"),  # type: ignore[arg-type]
        (pl.DataFrame({"child": [b"x" * 16], "parent": [b"y"], "kind": ["read"]}), "not a UUID of 16 bytes"),
        (pl.DataFrame({"child": [b"x" * 16], "parent": [None], "kind": ["read"]}), "missing in 'parent'"),
        (pl.DataFrame({"child": [b"x" * 16], "kind": ["read"]}), "lacks the column 'parent'"),
        (pl.DataFrame({"kid": [b"x" * 16]}), "Did you mean kind"),
    ],
)
def test_what_is_no_edge_is_refused_and_nothing_recorded(lineage: Lineage, wrong: Any, message: str) -> None:
    with pytest.raises(LineageError, match=message):
        lineage.record(wrong, datasets=[Dataset(RAW)])
    assert lineage.counts()["datasets"] == 0


def test_a_data_id_that_is_none_is_refused(lineage: Lineage) -> None:
    frame = pl.DataFrame({"dataset": [RAW.bytes], "data_id": ["visit 7"]})
    with pytest.raises(LineageError, match="not the JSON object of a data ID"):
        lineage.record(datasets=frame)


RECORDER = """
import sys, uuid
from gnomon.repository.lineage import Dataset, Edge, open_lineage
place, own = sys.argv[1], int(sys.argv[2])
with open_lineage(place) as lineage:
    for step in range(8):
        common = [Edge(uuid.UUID(int=10_000 + n), uuid.UUID(int=step + 1), "read") for n in range(20)]
        mine = Edge(uuid.UUID(int=20_000 + own), uuid.UUID(int=step + 1), "used")
        kind = "predicted" if own % 2 else "used"
        lineage.record([*common, mine, Edge(uuid.UUID(int=7), uuid.UUID(int=8), kind)],
                       datasets=[Dataset(uuid.UUID(int=step + 1), "raw", {"instrument": "A"}, "r" * own)])
"""


def test_several_processes_record_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    record_at_once(str(tmp_path / "lineage.db"))


@pytest.mark.long
@pytest.mark.xdist_group("postgresql")
def test_several_processes_record_on_postgresql_at_once(
    server: str, make_database: Callable[[str], str]
) -> None:
    record_at_once(make_database(server))


def record_at_once(address: str) -> None:
    running = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", RECORDER, address, str(own)])
        for own in range(2, 4)
    ]
    assert [process.wait(100) for process in running] == [0, 0]
    with open_lineage(address) as lineage:
        assert lineage.counts()["edges"] == 8 * 20 + 2 * 8 + 1
        assert lineage.descendants([uuid.UUID(int=1)]).height == 22
        assert sorted(lineage.edges([uuid.UUID(int=7)])["kind"]) == ["predicted", "used"]
        assert set(lineage.datasets([uuid.UUID(int=n) for n in range(1, 9)])["run"]) == {"rrr"}


@pytest.mark.long
def test_a_recorder_that_is_killed_leaves_all_of_a_step_or_nothing(tmp_path: Path) -> None:
    place = tmp_path / "lineage.db"
    endless = RECORDER.replace("range(8)", "__import__('itertools').count()", 1)
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", endless, str(place), "1"])
    with open_lineage(place) as lineage:
        while lineage.counts()["edges"] < 100:
            assert process.poll() is None
        process.kill()
        process.wait()
        counts = lineage.counts()
        assert (counts["edges"] - 1) % 21 == 0
        assert lineage.record([Edge(RAW, FLAT)]).edges == 1


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    text, other, ours = tmp_path / "text", tmp_path / "other.db", tmp_path / "annotations.db"
    text.write_text("no database")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE edge (id integer)")
    connection.close()
    from gnomon.annotations import open_annotations

    open_annotations(ours, origin="summit").close()
    for place in (text, other, ours):
        before = place.read_bytes()
        with pytest.raises(NotOursError, match="left as it is"):
            open_lineage(place)
        assert place.read_bytes() == before


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    place = tmp_path / "lineage.db"
    with open_lineage(place) as lineage:
        lineage.record([Edge(IMAGE, RAW)])
    damaged = bytearray(place.read_bytes())
    damaged[1024:] = b"\xff" * (len(damaged) - 1024)
    place.write_bytes(damaged)
    with pytest.raises(LineageError, match=r"lineage\.db"), open_lineage(place) as lineage:
        lineage.ancestors([IMAGE])


def test_tables_of_a_newer_gnomon_are_not_touched(address: str) -> None:
    open_lineage(address).close()
    engine = sqlalchemy.create_engine(address if "://" in address else f"sqlite:///{address}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE meta SET value = '99' WHERE name = 'schema_version'"))
    engine.dispose()
    with pytest.raises(LineageError, match=r"99.*use the newer gnomon"):
        open_lineage(address)


def test_a_closed_lineage_says_so(lineage: Lineage) -> None:
    lineage.close()
    with pytest.raises(LineageError, match="were closed"):
        lineage.ancestors([RAW])


@pytest.mark.parametrize("place", ["", "https://site/lineage", "mysql://host/db", "sqlite://"])
def test_a_place_that_cannot_be_one_is_refused(place: str) -> None:
    with pytest.raises(LineageError, match=r"place|not supported|cannot be kept|names no file"):
        open_lineage(place)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(LineageError) as caught:
        open_lineage("postgresql+psycopg://me:secret@localhost:1/lineage")
    assert "secret" not in str(caught.value)


def test_settings_say_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_place: Callable[[], Path]
) -> None:
    monkeypatch.setenv("GNOMON_LINEAGE", str(make_place()))
    with open_lineage() as lineage:
        assert lineage.place == str(tmp_path / "elsewhere" / "edges.db")


@pytest.fixture
def make_place(tmp_path: Path) -> Callable[[], Path]:
    return lambda: tmp_path / "elsewhere" / "edges.db"
