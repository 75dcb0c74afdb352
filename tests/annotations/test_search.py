"""Finding annotations: by text, by every field, and page by page."""

from collections.abc import Callable
from typing import Any

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.errors import AnnotationError

Visit = Callable[[int], Target]


@pytest.fixture
def filled(log: Annotations, alice: Actor, bot: Actor, visit: Visit) -> Annotations:
    log.add(
        targets=[visit(1), visit(2)],
        text="Cirrus in the WEST, getting thicker",
        tags=["weather", "sky"],
        urls=["https://site/ticket/7"],
        level="warning",
        actor=alice,
    )
    log.add(
        targets=[Target.dimension("exposure", {"instrument": "LATISS", "exposure": 5})],
        text="guider lost the star; west of zenith",
        tags=["guider"],
        flags=[Assertion("tracking", "set")],
        actor=bot,
    )
    gone = log.add(targets=[Target.collection("u/me/run")], text="cirrus again", tags=["sky"], actor=alice)
    log.retract(gone.id, actor=alice)
    log.add(
        targets=[Target.timespan(1000, 2000, "LSSTCam")], flags=[Assertion("clouds", "examined")], actor=bot
    )
    return log


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, [0, 1, 3]),
        ({"include_retracted": True}, [0, 1, 2, 3]),
        ({"state": "retracted"}, [2]),
        ({"text": "irrus"}, [0]),
        ({"text": "IRRUS"}, []),
        ({"text": "W"}, [0]),
        ({"text": ""}, [0, 1, 3]),
        ({"text": "irrus", "include_retracted": True}, [0, 2]),
        ({"words": "west CIRRUS"}, [0]),
        ({"words": "west"}, [0, 1]),
        ({"words": "wes"}, []),
        ({"words": "star; zenith"}, [1]),
        ({"words": "west", "text": "the star"}, [1]),
        ({"tags": ["sky", "guider"]}, [0, 1]),
        ({"exclude_tags": ["sky"]}, [1, 3]),
        ({"tag": "weather", "exclude_tags": ["sky"]}, []),
        ({"url": "ticket/7"}, [0]),
        ({"url": "ticket_7"}, []),
        ({"actor": "alice"}, [0]),
        ({"actor_kind": "bot"}, [1, 3]),
        ({"agent": "gnomon"}, [1, 3]),
        ({"min_level": 30}, [0]),
        ({"max_level": "warning"}, [1, 3]),
        ({"kind": "timespan"}, [3]),
        ({"instrument": "LATISS"}, [1]),
        ({"data_id": {"visit": 2}}, [0]),
        ({"data_id": {"instrument": "LSSTCam", "visit": 3}}, []),
        ({"during": (1999, 5000)}, [3]),
        ({"during": (2000, 5000)}, []),
        ({"flag": "tracking"}, [1]),
        ({"flag": "clouds", "flag_state": "set"}, []),
        ({"flag": "cloudy", "flag_state": "examined"}, [3]),
        ({"since": 0, "until": 1}, []),
        ({"since": 0}, [0, 1, 3]),
        ({"origin": "summit"}, [0, 1, 3]),
        ({"origin": "usdf"}, []),
        ({"has_attachments": False}, [0, 1, 3]),
        ({"resolved": True}, []),
        ({"ids": []}, []),
    ],
)
def test_every_field_can_be_asked_for(
    filled: Annotations, conditions: dict[str, Any], found: list[int]
) -> None:
    everything = filled.search(include_retracted=True)
    assert filled.search(**conditions) == [everything[n] for n in found]
    assert filled.search(newest=True, **conditions) == [everything[n] for n in reversed(found)]


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"txt": "x"}, "'txt' is not a condition of a search. Did you mean text"),
        ({"words": "!?"}, "no word"),
        ({"state": "liv"}, "Did you mean live"),
        ({"kind": "vist"}, "is no kind of target"),
        ({"flag": "jnk"}, "Did you mean junk"),
        ({"flag_state": "set"}, "together with the flag"),
        ({"flag": "junk", "flag_state": "sett"}, "Did you mean set"),
        ({"targets": ["visit 1"]}, "is not a target"),
        ({"ids": ["x"]}, "UUID"),
        ({"during": (1,)}, "two moments"),
        ({"limit": 0}, "from 1"),
        ({"limit": True}, "from 1"),
        ({"after": "zz"}, "place of the next one"),
        ({"after": "f" * 16}, "place of the next one"),
        ({"min_level": "loud"}, "level"),
        ({"tags": "sky"}, "must be a list"),
    ],
)
def test_a_condition_that_cannot_be_one_is_refused(
    log: Annotations, conditions: dict[str, Any], told: str
) -> None:
    with pytest.raises(AnnotationError, match=told):
        log.search(**conditions)


def test_a_page_tells_how_to_go_on_and_what_is_added_meanwhile_neither_repeats_nor_skips(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    made = [log.add(targets=[visit(n)], text=f"number {n}", actor=alice) for n in range(7)]
    first = log.search(limit=3, newest=True)
    late = log.add(targets=[visit(9)], text="number 9", actor=alice)
    second = log.search(limit=3, newest=True, after=first.next)
    third = log.search(limit=3, newest=True, after=second.next)
    assert [*first, *second, *third] == made[::-1]
    assert third.next is None
    assert log.search(limit=3, after=log.search(limit=7).next) == [late]


HOSTILE = [
    "x" * 1_000_000 + " needle",
    "\u202eright to left\u202c \u0627\u0644\u0633\u0645\u0627\u0621 needle",
    "'; DROP TABLE event; -- needle",
    "%_\\ \"quoted\" 'twice' \U0001f52d\r\n\t needle",
    "NEAR(a b) OR * ^needle: {needle} needle",
    "e\u0301 is not \u00e9 needle",
    "\x01\x1f\x7f\ufffe\u2028 needle",
]


def test_hostile_text_is_found_by_any_piece_of_it_and_by_its_words(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    made = [log.add(targets=[visit(1)], text=text, actor=alice) for text in HOSTILE]
    assert log.search(words="needle") == made
    for text, one in zip(HOSTILE, made, strict=True):
        assert one in log.search(text=text[:40])
        assert log.search(text=text[-30:]) == [one]
        assert log.get(one.id).text == text
    assert log.search(text='" OR "') == []
    assert log.search(text="%needle%") == []
    assert log.search(words="السماء") == [made[1]]
    assert log.check() == []
    log.rebuild()
    assert log.search(words="needle") == made


def test_the_search_follows_edits(log: Annotations, alice: Actor, visit: Visit) -> None:
    said = log.add(targets=[visit(1)], text="clouds in the west", actor=alice)
    edited = log.edit(said.id, actor=alice, expected=said.event_id, text="fog in the east")
    assert log.search(text="clouds") == log.search(words="clouds") == []
    assert log.search(text="fog in") == log.search(words="EAST") == [edited]
    assert log.check() == []
