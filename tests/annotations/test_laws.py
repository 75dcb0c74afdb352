"""What holds after any sequence of operations."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Target, open_annotations
from gnomon.annotations.model import FlagState
from gnomon.errors import AnnotationError

VISITS = [Target.dimension("visit", {"instrument": "X", "visit": number}) for number in range(4)]
PERSONS = [Actor("alice", "human"), Actor("bruno", "human")]
PROGRAMS = [Actor("bot", "bot"), Actor("nightly", "pipeline")]
LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Step:
    """One operation; numbers choose among what is there when it is done."""

    kind: str
    actor: Actor
    visits: list[int]
    flags: dict[tuple[str, int | None], FlagState]
    text: str
    which: int
    seen: list[int] | None


def steps(actors: list[Actor]) -> st.SearchStrategy[Step]:
    states: list[FlagState] = ["set", "clear", "examined"]
    return st.builds(
        Step,
        kind=st.sampled_from(["add", "add", "edit", "retract"]),
        actor=st.sampled_from(actors),
        visits=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True),
        flags=st.dictionaries(
            st.tuples(st.sampled_from(["junk", "clouds"]), st.one_of(st.none(), st.integers(0, 3))),
            st.sampled_from(states),
            max_size=3,
        ),
        text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        which=st.integers(0, 20),
        seen=st.one_of(st.none(), st.lists(st.integers(0, 20), max_size=3)),
    )


@contextmanager
def fresh() -> Iterator[Annotations]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_annotations(Path(folder) / "annotations.db", origin="summit") as log,
    ):
        yield log


def perform(log: Annotations, step: Step) -> None:
    """Do it; an operation that is refused changes nothing, which the laws cover too."""
    said = [
        Assertion(flag, state, target=None if n is None else VISITS[n])
        for (flag, n), state in step.flags.items()
    ]
    known = log.search(include_retracted=True)
    try:
        if step.kind == "add":
            about = [VISITS[number] for number in step.visits]
            heard = [event.id for target in about for event in log.history(target)]
            seen = None if step.seen is None else [heard[n % len(heard)] for n in step.seen if heard]
            log.add(targets=about, text=step.text, flags=said, actor=step.actor, parents=seen)
        elif known:
            one: Annotation = known[step.which % len(known)]
            if step.kind == "edit":
                log.edit(one.id, actor=step.actor, expected=one.event_id, text=step.text, flags=said)
            else:
                log.retract(one.id, actor=step.actor)
    except AnnotationError:
        pass


@LAW
@given(st.lists(steps(PERSONS + PROGRAMS), max_size=12))
def test_projections_equal_the_replay_of_the_events(history: list[Step]) -> None:
    with fresh() as log:
        for step in history:
            perform(log, step)
        assert log.check() == []
        before = (log.search(include_retracted=True), log.effective(VISITS))
        log.rebuild()
        assert (log.search(include_retracted=True), log.effective(VISITS)) == before
        assert log.check() == []


@LAW
@given(
    st.lists(steps(PERSONS), min_size=1, max_size=5),
    st.lists(steps(PROGRAMS), max_size=3),
    st.lists(steps(PROGRAMS), min_size=1, max_size=8),
)
def test_no_sequence_of_bot_events_changes_a_value_that_a_person_set(
    words: list[Step], before: list[Step], after: list[Step]
) -> None:
    with fresh() as log:
        for step in before + words:
            perform(log, step)

        def persons() -> dict[tuple[str, str], tuple[str, bool, Actor]]:
            return {
                (found.target.key, found.flag): (found.state, found.conflict, found.by)
                for found in log.effective(VISITS)
                if found.by.is_human
            }

        decided = persons()
        for step in after:
            perform(log, step)
        assert persons() == decided


@LAW
@given(st.lists(steps(PERSONS + PROGRAMS), max_size=4), steps(PERSONS + PROGRAMS), st.randoms())
def test_adding_the_same_with_the_same_key_again_is_no_change(
    history: list[Step], step: Step, chance: random.Random
) -> None:
    said = [
        Assertion(flag, state, target=VISITS[step.visits[0]]) for (flag, n), state in step.flags.items() if n
    ]
    said = list({assertion.flag: assertion for assertion in said}.values())
    about = [VISITS[number] for number in step.visits]
    with fresh() as log:
        first = log.add(targets=about, text="once", flags=said, actor=step.actor, key="k")
        for other in history:
            perform(log, other)
        before = log.search(include_retracted=True)
        chance.shuffle(about)
        chance.shuffle(said)
        again = log.add(targets=about, text="once", flags=said, actor=step.actor, key="k")
        assert again.id == first.id
        assert log.search(include_retracted=True) == before


@LAW
@given(st.lists(steps(PERSONS + PROGRAMS), max_size=8), st.permutations(VISITS))
def test_the_order_of_targets_makes_no_difference(history: list[Step], shuffled: list[Target]) -> None:
    with fresh() as log:
        for step in history:
            perform(log, step)
        together = log.effective(VISITS)
        assert log.effective(shuffled) == together
        apart = [found for target in shuffled for found in log.effective([target])]
        assert sorted(apart, key=lambda found: (found.target.key, found.flag)) == together
