"""Events that come from another copy: files, orders, and what does not fit."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Cut, Event, Target, open_annotations
from gnomon.annotations.log.events import seal
from gnomon.errors import AnnotationLogError, FormatError, LogForkError

Visit = Callable[[int], Target]


@pytest.fixture
def usdf(tmp_path: Path) -> Any:
    with open_annotations(tmp_path / "usdf.db", origin="usdf") as other:
        yield other


@pytest.fixture
def told(usdf: Annotations, alice: Actor, visit: Visit) -> list[Event]:
    """Five events of another origin, each of which needs the one before it."""
    said = usdf.add(targets=[visit(1)], text="a", flags=[Assertion("junk", "set")], actor=alice)
    for text in ("b", "c"):
        said = usdf.edit(said.id, actor=alice, expected=said.event_id, text=text)
    usdf.add(targets=[visit(1)], flags=[Assertion("junk", "clear")], actor=alice)
    usdf.retract(said.id, actor=alice)
    return list(usdf.events())


def test_an_event_that_comes_before_its_parents_waits_for_them(
    log: Annotations, usdf: Annotations, told: list[Event], visit: Visit
) -> None:
    first = log.take_in(told[2:])
    assert (first.recorded, first.held) == (0, 3)
    assert log.search(include_retracted=True) == []
    assert not log.cut()
    assert any("wait for others" in notice for notice in log.notices())
    assert log.check() == []
    second = log.take_in([told[0]])
    assert (second.recorded, second.held) == (1, 3)
    assert log.search()[0].text == "a"
    third = log.take_in([told[1], told[0]])
    assert (third.recorded, third.known, third.held) == (4, 1, 0)
    assert (log.digest(), log.fingerprint()) == (usdf.digest(), usdf.fingerprint())
    assert log.notices() == []
    assert log.check() == []


def test_what_is_recorded_after_events_of_another_origin_comes_after_them(
    log: Annotations, told: list[Event], alice: Actor, visit: Visit
) -> None:
    log.take_in(told)
    log.add(targets=[visit(1)], flags=[Assertion("junk", "examined")], actor=alice)
    last = list(log.events())[-1]
    assert last.origin == "summit"
    assert told[3].id in last.parents


def test_edits_at_two_origins_that_have_not_seen_each_other_are_a_conflict_until_somebody_settles_it(
    log: Annotations, usdf: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    said = log.add(targets=[visit(1)], text="a", tags=["old"], flags=[Assertion("junk", "set")], actor=alice)
    usdf.take_in(log.events())
    log.edit(said.id, actor=alice, expected=said.event_id, text="b", tags=["old", "mine"])
    usdf.edit(
        said.id, actor=bruno, expected=said.event_id, text="c", tags=["yours"],
        flags=[Assertion("clouds", "set")],
    )  # fmt: skip
    log.take_in(usdf.events())
    usdf.take_in(log.events())
    one, other = log.get(said.id), usdf.get(said.id)
    assert one == other
    assert one.state == "conflict"
    assert one.conflicts == {"text": (one.text, "b" if one.text == "c" else "c")}
    assert set(one.tags) == {"mine", "yours"}
    assert [flag.flag for flag in log.effective([visit(1)])] == ["clouds"]
    assert log.search(state="conflict") == [one]
    settled = log.edit(said.id, actor=alice, expected=one.event_id, text=one.text)
    assert (settled.state, settled.text, settled.conflicts) == ("live", one.text, {})
    assert log.check() == usdf.check() == []


def test_a_retraction_masks_what_was_edited_at_the_same_time(
    log: Annotations, usdf: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    said = log.add(targets=[visit(1)], flags=[Assertion("junk", "set")], actor=alice)
    usdf.take_in(log.events())
    log.retract(said.id, actor=alice)
    usdf.edit(said.id, actor=bruno, expected=said.event_id, text="still")
    log.take_in(usdf.events())
    assert log.get(said.id).state == "retracted"
    assert log.effective([visit(1)]) == []


def test_a_bot_elsewhere_takes_nothing_away_that_a_person_said_meanwhile(
    log: Annotations, usdf: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    said = log.add(targets=[visit(1)], text="of a bot", flags=[Assertion("junk", "set")], actor=bot)
    usdf.take_in(log.events())
    log.edit(
        said.id, actor=alice, expected=said.event_id, text="of a person", flags=[Assertion("clouds", "set")]
    )
    usdf.retract(said.id, actor=bot)
    log.take_in(usdf.events())
    one = log.get(said.id)
    assert (one.state, one.text) == ("live", "of a person")
    assert [flag.flag for flag in log.effective([visit(1)])] == ["clouds"]
    assert log.check() == []


def test_two_logs_under_one_origin_are_told(
    log: Annotations, tmp_path: Path, alice: Actor, visit: Visit
) -> None:
    log.add(targets=[visit(1)], text="here", actor=alice)
    with open_annotations(tmp_path / "copy.db", origin="summit") as copy:
        copy.add(targets=[visit(1)], text="there", actor=alice)
        with pytest.raises(LogForkError, match="under the same origin"):
            log.take_in(copy.events())
    assert [found.text for found in log.search()] == ["here"]


@pytest.mark.parametrize(
    ("change", "told_how"),
    [
        ({"payload": {"text": "bad"}}, "its hash is another"),
        ({"actor": "mallory"}, "its hash is another"),
        ({"hash": "0" * 64}, "its hash is another"),
    ],
)
def test_an_altered_event_is_refused_and_nothing_of_its_bulk_is_taken_in(
    log: Annotations, told: list[Event], change: dict[str, Any], told_how: str
) -> None:
    with pytest.raises(AnnotationLogError, match=told_how):
        log.take_in([*told[:1], replace(told[1], **change), *told[2:]])
    assert not log.cut()


@pytest.mark.parametrize(
    ("change", "told_how"),
    [
        ({"payload": {}}, "does not hold what it should"),
        ({"payload": {"targets": [], "text": "x"}}, "at least one target"),
        ({"hlc": 2**62}, "s ahead of this one"),
        ({"kind": "edit", "payload": {"text": "x"}}, "never made"),
        ({"kind": "edit", "payload": {"level": "loud"}}, "never made"),
    ],
)
def test_an_event_that_is_sealed_and_holds_what_it_should_not_is_refused(
    log: Annotations, told: list[Event], change: dict[str, Any], told_how: str
) -> None:
    with pytest.raises(AnnotationLogError, match=told_how):
        log.take_in([seal(replace(told[0], **change), "")])
    assert not log.cut()


def test_an_event_that_was_held_and_turns_out_to_be_of_no_chain_is_dropped(
    log: Annotations, told: list[Event]
) -> None:
    forged = seal(replace(told[1], payload={"text": "forged"}), "not the hash of the first")
    assert log.take_in([forged]).held == 1
    found = log.take_in(told)
    assert (found.recorded, found.held, len(found.dropped)) == (5, 0, 1)
    assert log.check() == []


def test_a_log_is_written_to_a_file_and_what_is_new_since_a_cut_to_another(
    log: Annotations, tmp_path: Path, alice: Actor, visit: Visit
) -> None:
    log.add(targets=[visit(1)], text="first", actor=alice)
    cut = log.cut()
    log.add(targets=[visit(2)], text="second \u2028 line", actor=alice)
    seen: list[tuple[int, int]] = []
    assert log.export(tmp_path / "all.jsonl", progress=lambda *done: seen.append(done)) == 2
    assert seen[-1] == (2, 2)
    assert log.export(tmp_path / "new.jsonl", after=cut) == 1
    with open_annotations(tmp_path / "copy.db", origin="copy") as copy:
        assert copy.import_(tmp_path / "new.jsonl").held == 1
        assert copy.import_(tmp_path / "all.jsonl").recorded == 2
        assert copy.fingerprint() == log.fingerprint()
        assert copy.import_(tmp_path / "new.jsonl").known == 1
    assert sorted(file.name for file in tmp_path.glob("*json*")) == ["all.jsonl", "new.jsonl"]


def lines(log: Annotations) -> list[str]:
    file = io.StringIO()
    log.export(file)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("spoil", "told_how"),
    [
        (lambda good: [], "is empty"),
        (lambda good: good[1:], "first line would say so"),
        (lambda good: ["[]", *good[1:]], "first line would say so"),
        (lambda good: [good[0].replace('"version":1', '"version":9'), *good[1:]], "has version 9"),
        (lambda good: good[:-1], "was cut off"),
        (lambda good: good[:-2], "was cut off"),
        (lambda good: [*good[:2], *good[3:]], "it was changed"),
        (lambda good: [*good, good[1]], "lines after the end"),
        (lambda good: [*good[:2], "{", *good[2:]], "no JSON"),
        (lambda good: [*good[:2], "{}", *good[2:]], "no event"),
        (lambda good: [*good[:2], good[2].replace('"add"', '"ad"'), *good[3:]], "Did you mean add"),
        (lambda good: [*good[:2], good[2].replace('"level":20', '"level":NaN'), *good[3:]], "NaN"),
        (lambda good: [*good[:2], good[2].replace("second", "\\ud800"), *good[3:]], "no JSON"),
        (lambda good: [good[0].encode(), b"\xff", *good[2:]], "not UTF-8"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_its_line_and_nothing_is_taken_in(
    log: Annotations, usdf: Annotations, alice: Actor, visit: Visit, spoil: Callable[..., Any], told_how: str
) -> None:
    for text in ("first", "second", "third"):
        usdf.add(targets=[visit(1)], text=text, actor=alice)
    with pytest.raises(FormatError, match=told_how):
        log.import_(spoil(lines(usdf)), name="events.jsonl")
    assert not log.cut()


def test_events_follow_one_another_as_their_authors_saw_them(usdf: Annotations, told: list[Event]) -> None:
    seen: set[Any] = set()
    for event in usdf.events():
        assert set(event.parents) <= seen
        seen.add(event.id)
    assert [event.origin_seq for event in usdf.events(after=Cut.parse("usdf:3"))] == [4, 5]
    assert json.loads(lines(usdf)[0])["cut"] == "usdf:5"


def test_an_event_whose_clock_goes_back_is_refused(log: Annotations, told: list[Event]) -> None:
    back = seal(replace(told[1], hlc=told[0].hlc), told[0].hash)
    with pytest.raises(AnnotationLogError, match="goes back"):
        log.take_in([told[0], back])
    assert not log.cut()
