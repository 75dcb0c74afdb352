import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target

Visit = Callable[[int], Target]


@pytest.fixture
def filled(log: Annotations, alice: Actor, bot: Actor, visit: Visit) -> Annotations:
    first = log.add(targets=[visit(1), visit(2)], flags=[Assertion("junk", "set")], actor=bot)
    second = log.add(targets=[visit(1)], text="fine", flags=[Assertion("junk", "clear")], actor=alice)
    log.edit(second.id, actor=alice, expected=second.event_id, text="fine, really", tags=["looked_at"])
    log.retract(first.id, actor=bot)
    assert log.check() == []
    return log


def tamper(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        for statement in statements:
            assert raw.execute(statement).rowcount > 0
        raw.commit()


@pytest.mark.parametrize(
    "column",
    ["recorded_at = recorded_at + 1", "actor = 'mallory'", "payload = replace(payload, 'fine', 'bad')"],
)
def test_an_altered_event_shows(filled: Annotations, path: Path, column: str) -> None:
    tamper(path, f"UPDATE event SET {column} WHERE origin_seq = 2")
    assert "Event 2 of summit is not what was recorded: its hash is another." in filled.check()


def test_an_event_that_was_altered_and_sealed_again_breaks_the_chain_behind_it(
    filled: Annotations, path: Path
) -> None:
    tamper(path, "UPDATE event SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE origin_seq = 2")
    assert any("Event 3 of summit" in problem for problem in filled.check())


def test_a_lost_event_shows(filled: Annotations, path: Path) -> None:
    tamper(path, "DELETE FROM event WHERE origin_seq = 3")
    problems = filled.check()
    assert any("Events 3 to 3 of summit are missing" in p or "refers to a row" in p for p in problems)


def test_an_event_that_cannot_be_read_is_told(filled: Annotations, path: Path) -> None:
    tamper(path, "UPDATE event SET payload = '{' WHERE origin_seq = 3")
    assert any("summit:3 cannot be read" in problem for problem in filled.check())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE annotation SET text = 'bad'",
        "UPDATE annotation SET state = 'live'",
        "UPDATE assertion SET state = 'set' WHERE state = 'clear'",
        "UPDATE assertion SET live = 0",
        "DELETE FROM assertion",
        "UPDATE target SET body = replace(body, 'visit', 'exposure')",
        "DELETE FROM target",
        "UPDATE tag SET tag = 'other'",
        "UPDATE annotation SET recorded_at = 1",
    ],
)
def test_projections_that_differ_from_the_events_show_and_a_rebuild_mends_them(
    filled: Annotations, path: Path, visit: Visit, statement: str
) -> None:
    before = (filled.search(include_retracted=True), filled.effective([visit(1), visit(2)]))
    tamper(path, statement)
    assert any("not what its events make of it" in problem for problem in filled.check())
    assert filled.rebuild() == 2
    assert filled.check() == []
    assert (filled.search(include_retracted=True), filled.effective([visit(1), visit(2)])) == before
