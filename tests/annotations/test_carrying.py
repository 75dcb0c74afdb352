"""Carrying a part of one log into another: whose word it is stays, and where it came from is written down."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.annotations.strategies import LAW, PERSONS, PROGRAMS, THINGS, Step, fresh, perform, steps

from gnomon.annotations import Actor, Annotations, Assertion, Excerpt, Target, open_annotations
from gnomon.annotations.log.carrying import source_of
from gnomon.annotations.log.events import digest, seal
from gnomon.errors import AnnotationLogError

ADA, BOT = Actor("ada", "human"), Actor("cloud-bot", "bot")


def visit(number: int) -> Target:
    return Target.dimension("visit", {"instrument": "LSSTCam", "visit": number})


@pytest.fixture
def summit(address: str) -> Iterator[Annotations]:
    with open_annotations(address, origin="local") as opened:
        yield opened


@pytest.fixture
def laptop(log_uri: Callable[[], str]) -> Iterator[Annotations]:
    # The same origin: two people who never chose one.
    with open_annotations(log_uri(), origin="local") as opened:
        opened.add(targets=[visit(99)], text="mine", actor=ADA)
        yield opened


@pytest.fixture
def log_uri(tmp_path: Path) -> Callable[[], str]:
    made: list[str] = []

    def make() -> str:
        made.append(f"{tmp_path}/{len(made)}.db")
        return made[-1]

    return make


def test_ids_authors_times_and_words_stay_and_nothing_else_is_carried(
    summit: Annotations, laptop: Annotations
) -> None:
    said = summit.add(targets=[visit(1)], flags=[Assertion("clouds", "set", "cirrus")], actor=BOT, key="k")
    summit.add(targets=[visit(2)], text="another", actor=ADA)
    carried = laptop.carry(summit.excerpt([visit(1)]))
    assert (carried.recorded, carried.known, carried.annotations) == (1, 0, 1)
    got = laptop.get(said.id)
    assert (got.actor, got.created_at, got.event_id) == (said.actor, said.created_at, said.event_id)
    assert laptop.search(target=visit(2)) == []
    assert laptop.check() == summit.check() == []


def test_carrying_again_changes_nothing_and_what_was_said_since_follows(
    summit: Annotations, laptop: Annotations
) -> None:
    said = summit.add(targets=[visit(1)], text="clowds", actor=ADA)
    laptop.carry(summit.excerpt([visit(1)]))
    before = laptop.digest()
    assert laptop.carry(summit.excerpt([visit(1)])).recorded == 0
    assert laptop.digest() == before
    summit.edit(said.id, text="clouds", actor=ADA, expected=said.event_id)
    assert laptop.carry(summit.excerpt([visit(1)])).recorded == 1
    assert laptop.get(said.id).text == "clouds"
    summit.retract(said.id, actor=ADA)
    laptop.carry(summit.excerpt([visit(1)]))
    assert laptop.get(said.id).state == "retracted"
    assert laptop.check() == []


def test_the_same_word_counts_in_both_logs(summit: Annotations, laptop: Annotations) -> None:
    summit.add(targets=[visit(1)], flags=[Assertion("clouds", "clear", "by eye")], actor=ADA)
    summit.add(targets=[visit(1)], flags=[Assertion("clouds", "set", "all-sky")], actor=BOT)
    laptop.carry(summit.excerpt([visit(1)]))
    [here], [there] = laptop.effective([visit(1)]), summit.effective([visit(1)])
    assert (here.state, here.by, here.event_id) == (there.state, there.by, there.event_id)
    assert here.challenged_by == there.challenged_by == (BOT,)


def test_what_both_changed_unseen_by_each_other_is_a_conflict_and_no_loss(
    summit: Annotations, laptop: Annotations
) -> None:
    said = summit.add(targets=[visit(1)], text="a", actor=ADA)
    laptop.carry(summit.excerpt([visit(1)]))
    summit.edit(said.id, text="b", actor=ADA, expected=said.event_id)
    laptop.edit(said.id, text="c", actor=ADA, expected=said.event_id)
    laptop.carry(summit.excerpt([visit(1)]))
    assert laptop.get(said.id).state == "conflict"
    assert set(laptop.get(said.id).conflicts["text"]) == {"b", "c"}


def test_what_comes_back_is_known_and_a_third_log_can_be_carried_into(
    summit: Annotations, laptop: Annotations, log_uri: Callable[[], str]
) -> None:
    said = summit.add(targets=[visit(1)], text="a", actor=ADA)
    laptop.carry(summit.excerpt([visit(1)]))
    laptop.edit(said.id, text="b", actor=ADA, expected=said.event_id)
    back = summit.carry(laptop.excerpt([visit(1)]))
    assert (back.recorded, back.known) == (1, 1)
    assert summit.get(said.id).text == "b"
    with open_annotations(log_uri(), origin="third") as third:
        third.carry(laptop.excerpt([visit(1)]))
        assert third.get(said.id).text == "b"
        again = third.carry(summit.excerpt([visit(1)]))
        assert (again.recorded, again.known) == (0, 2)


def test_every_event_can_be_shown_to_be_what_was_recorded_first(
    summit: Annotations, laptop: Annotations
) -> None:
    summit.add(targets=[visit(3)], text="before", actor=ADA)
    said = summit.add(targets=[visit(1)], flags=[Assertion("clouds", "set")], actor=BOT, key="night")
    laptop.carry(summit.excerpt([visit(1)]))
    [event] = laptop.history(said.id)
    first = source_of(event)
    assert first == summit.history(said.id)[0]
    assert first is not None
    assert first.hash == digest(first, event.payload["carried"]["previous"])


def test_threads_come_whole_and_pending_observations_with_what_they_became(
    summit: Annotations, laptop: Annotations
) -> None:
    coming = Target.pending("MC_O_20260301_000007", "LSSTCam")
    exposure = Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 7})
    asked = summit.add(targets=[coming], text="what is this?", actor=ADA)
    summit.add(targets=[visit(2)], text="a satellite", reply_to=asked.id, actor=ADA)
    summit.resolve({coming: exposure}, actor=BOT)
    laptop.carry(summit.excerpt([coming]))
    assert [one.text for one in laptop.thread(asked.id)] == ["what is this?", "a satellite"]
    assert [one.id for one in laptop.search(target=exposure)] == [asked.id]
    assert laptop.pending() == []


def test_what_was_said_while_an_exposure_was_pending_comes_with_the_exposure(
    summit: Annotations, laptop: Annotations
) -> None:
    coming = Target.pending("MC_O_20260301_000007", "LSSTCam")
    exposure = Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 7})
    summit.add(targets=[coming], flags=[Assertion("junk", "set", "dome shut")], actor=ADA)
    summit.resolve({coming: exposure}, actor=BOT)
    laptop.carry(summit.excerpt([exposure]))
    (flag,) = laptop.effective([exposure])
    assert (flag.flag, flag.state, flag.reason) == ("junk", "set", "dome shut")


def test_of_a_run_over_many_things_what_others_said_of_them_comes_too(
    summit: Annotations, laptop: Annotations
) -> None:
    summit.add(targets=[visit(1), visit(2)], flags=[Assertion("clouds", "set", "cirrus")], actor=BOT)
    summit.add(targets=[visit(2)], flags=[Assertion("clouds", "clear", "looks fine")], actor=ADA)
    summit.add(targets=[visit(2)], flags=[Assertion("junk", "set", "another matter")], actor=ADA)
    laptop.carry(summit.excerpt([visit(1)]))
    assert [(f.target, f.flag, f.state) for f in laptop.effective([visit(1), visit(2)])] == [
        (visit(1), "clouds", "set"),
        (visit(2), "clouds", "clear"),
    ]
    laptop.carry(summit.excerpt([visit(2)]))
    assert [f.state for f in laptop.effective([visit(2)], flags=["clouds", "junk"])] == ["clear", "set"]


@settings(LAW, max_examples=8)
@given(
    before=st.lists(steps(PERSONS + PROGRAMS, 1), max_size=8),
    after=st.lists(steps(PERSONS + PROGRAMS, 1), max_size=5),
    parts=st.tuples(*2 * [st.lists(st.sampled_from(THINGS), unique=True, max_size=2)]),
)
def test_a_part_gives_no_other_answer_than_the_whole(
    before: list[Step], after: list[Step], parts: tuple[list[Target], list[Target]]
) -> None:
    def answers(log: Annotations, things: list[Target]) -> list[tuple[object, ...]]:
        return [
            (f.target.key, f.flag, f.state, f.by, f.conflict, [(r.claim.event_id, r.rule) for r in f.reasons])
            for f in log.effective(things)
        ]

    with fresh("summit") as source, fresh("laptop") as carried:
        for part, history in zip(parts, (before, after), strict=True):
            for step in history:
                perform([source], step)
            carried.carry(source.excerpt(part))
            assert answers(carried, part) == answers(source, part)
        carried.carry(source.excerpt(THINGS))
        assert answers(carried, THINGS) == answers(source, THINGS)
        assert carried.check() == []


@settings(LAW, max_examples=8)
@given(history=st.lists(steps(PERSONS + PROGRAMS, 1), min_size=2, max_size=10), thing=st.sampled_from(THINGS))
def test_of_whatever_a_part_answers_it_answers_as_the_whole(history: list[Step], thing: Target) -> None:
    with fresh("summit") as source, fresh("laptop") as carried:
        for step in history:
            perform([source], step)
        carried.carry(source.excerpt([thing]))
        whole = {(f.target.key, f.flag): (f.state, f.by, f.conflict) for f in source.effective(THINGS)}
        part = {(f.target.key, f.flag): (f.state, f.by, f.conflict) for f in carried.effective(THINGS)}
        assert part.items() <= whole.items()


def test_what_was_carried_is_copied_on_as_any_other_event(
    summit: Annotations, laptop: Annotations, log_uri: Callable[[], str], tmp_path: Path
) -> None:
    said = summit.add(targets=[visit(1)], flags=[Assertion("clouds", "set")], actor=BOT, key="night")
    laptop.carry(summit.excerpt([visit(1)]))
    laptop.export(tmp_path / "laptop.jsonl")
    with open_annotations(log_uri(), origin="copy") as copy:
        copy.import_(tmp_path / "laptop.jsonl")
        assert copy.check() == []
        assert (copy.digest(), copy.get(said.id)) == (laptop.digest(), laptop.get(said.id))
        assert copy.rebuild() == 2
        assert copy.get(said.id).actor == BOT


def test_a_log_that_follows_the_other_is_brought_up_to_date_and_gets_no_part(
    summit: Annotations, log_uri: Callable[[], str], tmp_path: Path
) -> None:
    summit.add(targets=[visit(1)], text="a", actor=ADA)
    with open_annotations(log_uri(), origin="replica") as replica:
        summit.export(tmp_path / "log.jsonl")
        replica.import_(tmp_path / "log.jsonl")
        assert replica.carry(summit.excerpt([visit(1)])).known == 1
        summit.add(targets=[visit(1)], text="b", actor=ADA)
        with pytest.raises(AnnotationLogError, match="follows local and will get its event 2"):
            replica.carry(summit.excerpt([visit(1)]))
        assert len(replica.search()) == 1


def test_a_log_that_took_a_part_is_told_that_it_cannot_follow_the_whole(
    summit: Annotations, log_uri: Callable[[], str], tmp_path: Path
) -> None:
    summit.add(targets=[visit(1)], text="a", actor=ADA)
    summit.export(tmp_path / "log.jsonl")
    with open_annotations(log_uri(), origin="laptop") as part:
        part.carry(summit.excerpt([visit(1)]))
        with pytest.raises(AnnotationLogError, match="a part of that log was transferred here"):
            part.import_(tmp_path / "log.jsonl")
        assert part.check() == []
        assert len(part.search()) == 1


def test_an_altered_event_is_refused_and_nothing_is_taken_in(
    summit: Annotations, laptop: Annotations
) -> None:
    for text in ("a", "b"):
        summit.add(targets=[visit(1)], text=text, actor=ADA)
    part = summit.excerpt([visit(1)])
    altered = (part.events[0], replace(part.events[1], actor="eve"))
    with pytest.raises(AnnotationLogError, match="is not what was recorded"):
        laptop.carry(Excerpt(altered, part.previous, part.first))
    assert len(laptop.search()) == 1


def test_an_event_that_tells_nonsense_of_where_it_came_from_is_refused(
    summit: Annotations, laptop: Annotations
) -> None:
    summit.add(targets=[visit(1)], text="a", actor=ADA)
    [event] = summit.events()
    for nonsense in ("summit", {"origin": "summit"}, {**event.to_dict(), "previous": 7}):
        told = seal(replace(event, origin="other", payload={**event.payload, "carried": nonsense}), "")
        with pytest.raises(AnnotationLogError, match="cannot be taken in"):
            laptop.take_in([told])
    assert len(laptop.search()) == 1


def test_a_key_that_was_used_there_is_free_here(summit: Annotations, laptop: Annotations) -> None:
    summit.add(targets=[visit(1)], text="a", actor=ADA, key="night")
    laptop.carry(summit.excerpt([visit(1)]))
    assert laptop.add(targets=[visit(5)], text="b", actor=ADA, key="night").text == "b"
    assert len(laptop.search()) == 3
