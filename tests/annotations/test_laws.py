"""What holds after any sequence of operations at two origins, on both databases."""

import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from tests.annotations.strategies import (
    LAW,
    PERSONS,
    PROGRAMS,
    THINGS,
    VISITS,
    Step,
    all_events,
    deal,
    fresh,
    perform,
    steps,
)

from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Cut, open_annotations

Fresh = Callable[[], Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def another(request: pytest.FixtureRequest) -> Fresh:
    """Make one more log on this database, each time an empty one."""
    if request.param == "sqlite":
        return fresh
    server = request.getfixturevalue("server")
    make = request.getfixturevalue("make_database")
    address = make(server)

    @contextmanager
    def emptied() -> Iterator[Annotations]:
        engine = sqlalchemy.create_engine(address)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        engine.dispose()
        with open_annotations(address, origin="third") as log:
            yield log

    return emptied


def answers(log: Annotations, at: Cut | None = None) -> list[tuple[object, ...]]:
    """What the log says of everything, in a form that compares whatever is shown."""
    return [
        (
            f.target.key,
            f.flag,
            f.state,
            f.by,
            f.conflict,
            f.text,
            [(r.claim.event_id, r.outcome, r.rule) for r in f.reasons],
        )
        for f in log.effective(THINGS, at=at)
    ]


@LAW
@given(history=st.lists(steps(PERSONS + PROGRAMS), max_size=12), chance=st.randoms())
def test_any_order_and_duplication_of_events_gives_the_same_digest(
    another: Fresh, history: list[Step], chance: random.Random
) -> None:
    with fresh("summit") as one, fresh("usdf") as two, another() as third, fresh("fourth") as fourth:
        for step in history:
            perform([one, two], step)
        for log in (one, two):
            log.take_in(list(one.events()))
            log.take_in(list(two.events()))
        events: Any = all_events([one, two])
        for portion in deal(events, chance):
            third.take_in(portion)
        fourth.take_in(list(reversed(events)))
        assert {log.digest() for log in (one, two, third, fourth)} == {one.digest()}
        assert {log.fingerprint() for log in (one, two, third, fourth)} == {one.fingerprint()}
        assert answers(third) == answers(one)
        for log in (one, two, third, fourth):
            assert log.check() == []


@LAW
@given(history=st.lists(steps(PERSONS + PROGRAMS), max_size=10))
def test_projections_equal_the_replay_of_the_events(another: Fresh, history: list[Step]) -> None:
    with another() as log, fresh("usdf") as other:
        for step in history:
            perform([log, other], step)
        assert log.check() == []
        before = (log.search(include_retracted=True), log.fingerprint(), answers(log))
        log.rebuild()
        assert (log.search(include_retracted=True), log.fingerprint(), answers(log)) == before
        assert log.check() == []


@LAW
@given(
    before=st.lists(steps(PERSONS + PROGRAMS), max_size=8),
    after=st.lists(steps(PERSONS + PROGRAMS), min_size=1, max_size=8),
)
def test_an_answer_as_of_a_cut_never_changes_whatever_arrives_later(
    another: Fresh, before: list[Step], after: list[Step]
) -> None:
    with another() as log, fresh("usdf") as other:
        for step in before:
            perform([log, other], step)
        cut = log.cut()
        then, digest = answers(log), log.digest()
        assert answers(log, cut) == then
        for step in after:
            perform([log, other], step)
        log.take_in(list(other.events()))
        assert answers(log, cut) == then
        assert log.digest(cut) == digest
        assert answers(log, log.cut()) == answers(log)


@LAW
@given(
    before=st.lists(steps(PROGRAMS), max_size=3),
    words=st.lists(steps(PERSONS), min_size=1, max_size=5),
    after=st.lists(steps(PROGRAMS), min_size=1, max_size=8),
)
def test_no_sequence_of_bot_events_changes_a_value_that_a_person_set(
    another: Fresh, before: list[Step], words: list[Step], after: list[Step]
) -> None:
    def persons(log: Annotations) -> dict[tuple[str, str], tuple[str, bool, Actor]]:
        # What a program says of which record a pending observation became, is no value of a flag.
        return {
            (found.target.key, found.flag): (found.state, found.conflict, found.by)
            for found in log.effective(THINGS)
            if found.by.is_human
        }

    with another() as log, fresh("usdf") as other:
        for step in before + words:
            perform([log, other], step)
        log.take_in(list(other.events()))
        other.take_in(list(log.events()))
        decided = persons(log)
        for step in after:
            if step.kind != "resolve":
                perform([log, other], step)
        log.take_in(list(other.events()))
        assert persons(log) == decided


@LAW
@given(history=st.lists(steps(PERSONS + PROGRAMS, 1), max_size=4), step=steps(PERSONS), chance=st.randoms())
def test_adding_the_same_with_the_same_key_again_is_no_change(
    history: list[Step], step: Step, chance: random.Random
) -> None:
    said = [
        Assertion(flag, state, target=THINGS[step.things[0]]) for (flag, n), state in step.flags.items() if n
    ]
    said = list({assertion.flag: assertion for assertion in said}.values())
    about = [THINGS[number] for number in step.things]
    with fresh() as log:
        first = log.add(targets=about, text="once", flags=said, actor=step.actor, key="k")
        for other in history:
            perform([log], other)
        before = log.search(include_retracted=True)
        chance.shuffle(about)
        chance.shuffle(said)
        again = log.add(targets=about, text="once", flags=said, actor=step.actor, key="k")
        assert again.id == first.id
        assert log.search(include_retracted=True) == before


@LAW
@given(history=st.lists(steps(PERSONS + PROGRAMS, 1), max_size=8), shuffled=st.permutations(VISITS))
def test_the_order_of_targets_makes_no_difference(history: list[Step], shuffled: list[Any]) -> None:
    with fresh() as log:
        for step in history:
            perform([log], step)
        together = log.effective(VISITS)
        assert log.effective(shuffled) == together
        apart = [found for target in shuffled for found in log.effective([target])]
        assert sorted(apart, key=lambda found: (found.target.key, found.flag)) == together


@LAW
@given(
    history=st.lists(steps(PERSONS + PROGRAMS, 1), max_size=10), limit=st.integers(1, 4), newest=st.booleans()
)
def test_pages_one_after_the_other_are_the_whole(history: list[Step], limit: int, newest: bool) -> None:
    with fresh() as log:
        for step in history:
            perform([log], step)
        whole = log.search(newest=newest)
        assert whole.next is None
        pages: list[Annotation] = []
        after: str | None = None
        while True:
            page = log.search(newest=newest, limit=limit, after=after)
            pages += page
            after = page.next
            if after is None:
                break
            assert len(page) == limit
        assert pages == whole


@LAW
@given(history=st.lists(steps(PERSONS + PROGRAMS), max_size=10))
def test_a_log_that_is_written_to_a_file_and_read_again_is_the_same(history: list[Step]) -> None:
    with fresh() as log, fresh("usdf") as other, fresh("copy") as copy:
        for step in history:
            perform([log, other], step)
        file = io.StringIO()
        number = log.export(file)
        # Only at ends of lines: a text may have other separators in it, which JSON leaves as they are.
        lines = file.getvalue().removesuffix("\n").split("\n")
        taken = copy.import_(lines)
        assert (taken.recorded, taken.known, taken.held) == (number, 0, 0)
        assert (copy.digest(), copy.fingerprint()) == (log.digest(), log.fingerprint())
        assert copy.import_(lines).known == number
