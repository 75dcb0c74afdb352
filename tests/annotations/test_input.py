"""What people and programs hand in by mistake or on purpose."""

from collections.abc import Callable
from typing import Any

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.errors import AnnotationError

Visit = Callable[[int], Target]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": "a\0b"}, "NUL character at position 1"),
        ({"text": "a\ud800"}, "surrogate"),
        ({"text": 3}, "must be a text"),
        ({"level": 2**31}, "32 bits"),
        ({"level": -(2**31) - 1}, "32 bits"),
        ({"level": True}, "32 bits"),
        ({"level": 20.0}, "32 bits"),
        ({"tags": ["1st"]}, "is not a tag"),
        ({"tags": ["a"]}, "is not a tag"),
        ({"tags": ["user/x"]}, "is not a tag"),
        ({"tags": ["good\n"]}, "is not a tag"),
        ({"tags": "bad_focus"}, "must be a list"),
        ({"urls": ["javascript:alert(1)"]}, "is not a link"),
        ({"urls": ["https:///x"]}, "is not a link"),
        ({"urls": ["https://[::1"]}, "is not a link"),
        ({"urls": ["https://x/ y"]}, "is not a link"),
        ({"urls": ["ticket 1"]}, "is not a link"),
        ({"key": ""}, "idempotency key is empty"),
        ({"key": "a\0"}, "NUL"),
        ({"flags": ["junk"]}, "Assertion"),
        ({"flags": "junk"}, "must be a list"),
        ({"flags": [Assertion("jnk", "set")]}, "Did you mean junk"),
        ({"flags": [Assertion("user/", "set")]}, "not a free flag"),
        ({"flags": [Assertion("user/A b", "set")]}, "not a free flag"),
        ({"targets": ["visit 1"]}, "is not a target"),
        ({"actor": "alice"}, "Actor"),
        ({"parents": ["x"]}, "UUID"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_a_reason_and_leaves_no_trace(
    log: Annotations, alice: Actor, visit: Visit, given: dict[str, Any], told: str
) -> None:
    said: dict[str, Any] = {"targets": [visit(1)], "text": "x", "actor": alice} | given
    with pytest.raises(AnnotationError, match=told):
        log.add(**said)
    assert log.history(visit(1)) == []


@pytest.mark.parametrize("name", ["", "  ", " alice", "a\0", "a\nb", "\udfff", "x" * 501])
def test_an_actor_has_a_name(name: str) -> None:
    with pytest.raises(AnnotationError):
        Actor(name, "human")
    with pytest.raises(AnnotationError):
        Actor("bot", "bot", on_behalf_of=name)


def test_a_kind_or_state_that_does_not_exist_is_refused_with_the_nearest() -> None:
    anything: Any = "humann"
    with pytest.raises(AnnotationError, match="Did you mean human"):
        Actor("alice", anything)
    anything = "sett"
    with pytest.raises(AnnotationError, match="Did you mean set"):
        Assertion("junk", anything)
    for version in (0, 2**31, True):
        with pytest.raises(AnnotationError, match="integer from 1"):
            Assertion("junk", "set", version=version)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "\u202eright to left\u202c \u0627\u0644\u0633\u0645\u0627\u0621",
        "'; DROP TABLE event; --",
        '%_\\ "quoted" \U0001f52d\r\n\t',
        "e\u0301 is not \u00e9",
    ],
)
def test_odd_text_is_kept_as_it_is_and_found(log: Annotations, alice: Actor, visit: Visit, text: str) -> None:
    added = log.add(targets=[visit(1)], text=text, flags=[Assertion("junk", "set", reason=text)], actor=alice)
    assert log.get(added.id).text == text
    assert log.search(text=text[:2000]) == [added]
    assert log.effective([visit(1)])[0].reason == text
    assert log.check() == []


def test_a_search_for_what_cannot_be_there_is_refused(log: Annotations) -> None:
    for condition in ({"text": "\0"}, {"text": "\ud800"}, {"tag": "%"}, {"flag": "jnk"}, {"actor": ""}):
        anything: dict[str, Any] = dict(condition)
        with pytest.raises(AnnotationError):
            log.search(**anything)


def test_free_flags_need_no_vocabulary(log: Annotations, alice: Actor, visit: Visit) -> None:
    log.add(targets=[visit(1)], flags=[Assertion("user/alice/ghosts", "set")], actor=alice)
    assert log.coverage([visit(1)], flag="user/alice/ghosts") == {visit(1): "set"}


def test_the_vocabulary_has_the_words_of_an_observatory(log: Annotations) -> None:
    flags = log.vocabulary.flags
    assert set(flags) == {
        "junk",
        "questionable",
        "vignetting",
        "bad_focus",
        "trailed",
        "donuts",
        "clouds",
        "tracking",
        "fault",
        "needs_followup",
        "recovered",
    }
    assert flags["junk"].bad
    assert not flags["needs_followup"].bad
    assert all(flag.description.endswith(".") and flag.version >= 1 for flag in flags.values())
