from collections.abc import Callable

import pytest
import sqlalchemy

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


def tamper(address: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(address if "://" in address else f"sqlite:///{address}")
    with engine.begin() as raw:
        for statement in statements:
            assert raw.execute(sqlalchemy.text(statement)).rowcount > 0
    engine.dispose()


@pytest.mark.parametrize(
    "column",
    ["recorded_at = recorded_at + 1", "actor = 'mallory'", "payload = replace(payload, 'fine', 'bad')"],
)
def test_an_altered_event_shows(filled: Annotations, address: str, column: str) -> None:
    tamper(address, f"UPDATE event SET {column} WHERE origin_seq = 2")
    assert "Event 2 of summit is not what was recorded: its hash is another." in filled.check()


def test_an_event_that_was_altered_and_sealed_again_breaks_the_chain_behind_it(
    filled: Annotations, address: str
) -> None:
    tamper(address, "UPDATE event SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE origin_seq = 2")
    assert any("Event 3 of summit" in problem for problem in filled.check())


def test_a_lost_event_shows(filled: Annotations, address: str) -> None:
    tamper(address, "DELETE FROM event WHERE origin_seq = 3")
    problems = filled.check()
    assert "Events 3 to 3 of summit are missing." in problems


def test_lost_last_events_show_as_long_as_nobody_covers_it_up(filled: Annotations, address: str) -> None:
    tamper(address, "DELETE FROM event WHERE origin_seq = 4")
    assert any("last events of summit are missing" in problem for problem in filled.check())
    tamper(address, "DELETE FROM event")
    assert any("All events of summit are missing" in problem for problem in filled.check())


def test_texts_that_a_search_does_not_know_show_and_a_rebuild_mends_them(
    filled: Annotations, address: str
) -> None:
    if "://" in address:
        tamper(address, "UPDATE annotation SET words = NULL")
    else:
        tamper(address, "DELETE FROM annotation_word_docsize")
    assert any("search does not know" in problem for problem in filled.check())
    filled.rebuild()
    assert filled.check() == []
    assert [found.text for found in filled.search(words="REALLY")] == ["fine, really"]


def test_an_event_that_cannot_be_read_is_told(filled: Annotations, address: str) -> None:
    tamper(address, "UPDATE event SET payload = '{' WHERE origin_seq = 3")
    assert any("summit:3 cannot be read" in problem for problem in filled.check())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE annotation SET text = 'bad'",
        "UPDATE annotation SET state = 'live'",
        "UPDATE assertion SET state = 'set' WHERE state = 'clear'",
        "UPDATE assertion SET live = NOT live",
        "DELETE FROM assertion",
        "UPDATE target SET body = replace(body, 'visit', 'exposure')",
        "DELETE FROM target",
        "UPDATE tag SET tag = 'other'",
        "UPDATE annotation SET recorded_at = 1",
    ],
)
def test_projections_that_differ_from_the_events_show_and_a_rebuild_mends_them(
    filled: Annotations, address: str, visit: Visit, statement: str
) -> None:
    before = (filled.search(include_retracted=True), filled.effective([visit(1), visit(2)]))
    tamper(address, statement)
    assert any("not what its events make of it" in problem for problem in filled.check())
    assert filled.rebuild() == 2
    assert filled.check() == []
    assert (filled.search(include_retracted=True), filled.effective([visit(1), visit(2)])) == before
