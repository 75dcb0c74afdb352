"""Histories of two origins that exchange what they have, made by hypothesis."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Target, open_annotations
from gnomon.annotations.model import AssertedState
from gnomon.errors import AnnotationError, ConcurrencyError

VISITS = [Target.dimension("visit", {"instrument": "X", "visit": number}) for number in range(3)]
PENDING = Target.pending("X_O_7", "X")
THINGS = [*VISITS, PENDING]
PERSONS = [Actor("alice", "human"), Actor("bruno", "human")]
PROGRAMS = [Actor("bot", "bot"), Actor("nightly", "pipeline")]
LAW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
STATES: list[AssertedState] = ["set", "clear", "examined", "withdrawn"]


@dataclass(frozen=True)
class Step:
    """One operation at one of the origins; numbers choose among what is there when it is done."""

    origin: int
    kind: str
    actor: Actor
    things: list[int]
    flags: dict[tuple[str, int | None], AssertedState]
    text: str
    tags: list[str]
    which: int
    seen: list[int] | None


def steps(actors: list[Actor], origins: int = 2) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        origin=st.integers(0, origins - 1),
        kind=st.sampled_from(["add", "add", "edit", "edit", "retract", "exchange", "resolve"]),
        actor=st.sampled_from(actors),
        things=st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
        flags=st.dictionaries(
            st.tuples(st.sampled_from(["junk", "clouds"]), st.one_of(st.none(), st.integers(0, 3))),
            st.sampled_from(STATES),
            max_size=3,
        ),
        text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        tags=st.lists(st.sampled_from(["one", "two", "three"]), max_size=2),
        which=st.integers(0, 20),
        seen=st.one_of(st.none(), st.lists(st.integers(0, 20), max_size=3)),
    )


@contextmanager
def fresh(origin: str = "summit") -> Iterator[Annotations]:
    """A log in a file of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_annotations(Path(folder) / "annotations.db", origin=origin) as log,
    ):
        yield log


def perform(logs: list[Annotations], step: Step) -> None:
    """Do it; an operation that is refused changes nothing, which the laws cover too."""
    log = logs[step.origin % len(logs)]
    if step.kind == "exchange":
        for other in logs:
            log.take_in(list(other.events()))
        return
    said = [
        Assertion(flag, state, target=None if n is None else THINGS[n])
        for (flag, n), state in step.flags.items()
    ]
    known = log.search(include_retracted=True)
    try:
        if step.kind == "add":
            about = [THINGS[number] for number in step.things]
            heard = [event.id for target in about for event in log.history(target)]
            seen = None if step.seen is None else [heard[n % len(heard)] for n in step.seen if heard]
            log.add(targets=about, text=step.text, flags=said, tags=step.tags, actor=step.actor, parents=seen)
        elif step.kind == "resolve":
            log.resolve({PENDING: VISITS[step.which % 3]}, actor=step.actor)
        elif known:
            one: Annotation = known[step.which % len(known)]
            if step.kind == "edit":
                log.edit(
                    one.id,
                    actor=step.actor,
                    expected=one.event_id,
                    text=step.text,
                    flags=said,
                    tags=step.tags,
                )
            else:
                log.retract(one.id, actor=step.actor)
    except (AnnotationError, ConcurrencyError):
        pass


def all_events(logs: list[Annotations]) -> list[object]:
    """Every event that any of the logs has, once."""
    return list({event.id: event for log in logs for event in log.events()}.values())


def deal(items: list[object], chance: random.Random) -> list[list[object]]:
    """Shuffle, repeat some, and cut into portions."""
    dealt = items + chance.sample(items, len(items) // 2)
    chance.shuffle(dealt)
    places = sorted(chance.choices(range(len(dealt) + 1), k=3))
    return [dealt[a:b] for a, b in zip([0, *places], [*places, len(dealt)], strict=True)]
