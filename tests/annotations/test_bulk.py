"""Many annotations at once, and the parts that an annotation can have."""

import uuid
from collections.abc import Callable

import pytest

from gnomon.annotations import (
    Actor,
    Annotations,
    Assertion,
    Attachment,
    Draft,
    Target,
    TimeLost,
)
from gnomon.errors import AnnotationError, AnnotationNotFoundError, ConcurrencyError

Visit = Callable[[int], Target]
SUM = "sha256:" + "ab" * 32


def test_each_item_of_a_bulk_has_its_result_and_the_good_ones_are_recorded(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    results = log.add_many(
        [
            Draft(targets=[visit(1)], text="one"),
            Draft(targets=[visit(2)], text="two\0"),
            Draft(targets=[visit(1)], flags=[Assertion("jnk", "set")]),
            Draft(targets=[visit(3)], text="x", reply_to="01a2043d-8f5d-7111-ab0a-4037d4db5640"),
            Draft(targets=[visit(4)], flags=[Assertion("junk", "set")]),
        ],
        actor=bot,
    )
    assert [result.error is None for result in results] == [True, False, False, False, True]
    assert "NUL" in str(results[1].error)
    assert "Did you mean junk" in str(results[2].error)
    assert isinstance(results[3].error, AnnotationNotFoundError)
    found = log.search()
    assert [annotation.id for annotation in found] == [results[0].annotation_id, results[4].annotation_id]
    assert [event.origin_seq for event in log.events()] == [1, 2]
    assert log.check() == []


def test_a_bulk_that_is_sent_again_under_its_key_changes_nothing(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    items = [Draft(targets=[visit(n)], flags=[Assertion("junk", "set")]) for n in range(20)]
    first = log.add_many(items, actor=bot, key="night 1")
    cut = log.cut()
    again = log.add_many(items, actor=bot, key="night 1")
    assert [item.annotation_id for item in again] == [item.annotation_id for item in first]
    assert all(item.repeated for item in again)
    assert log.cut() == cut
    items[3] = Draft(targets=[visit(3)], flags=[Assertion("junk", "clear")])
    other = log.add_many(items, actor=bot, key="night 1")
    assert isinstance(other[3].error, ConcurrencyError)
    assert log.cut() == cut


def test_a_key_that_comes_twice_in_one_bulk_is_one_annotation(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    one, two, three = log.add_many(
        [
            Draft(targets=[visit(1)], text="a", key="k"),
            Draft(targets=[visit(1)], text="a", key="k"),
            Draft(targets=[visit(1)], text="b", key="k"),
        ],
        actor=bot,
    )
    assert (one.repeated, two.repeated, two.annotation_id) == (False, True, one.annotation_id)
    assert isinstance(three.error, ConcurrencyError)
    assert len(log.search()) == 1


def test_all_or_nothing_records_nothing_if_one_item_cannot_be(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    items = [Draft(targets=[visit(1)], text="one"), Draft(targets=[], text="two")]
    with pytest.raises(AnnotationError, match="at least one target"):
        log.add_many(items, actor=bot, all_or_nothing=True)
    assert log.search() == []


def test_a_later_item_has_seen_the_earlier_ones(log: Annotations, alice: Actor, visit: Visit) -> None:
    log.add_many(
        [Draft(targets=[visit(1)], flags=[Assertion("junk", s)]) for s in ("set", "clear", "examined")],
        actor=alice,
    )
    (held,) = log.effective([visit(1)])
    assert (held.state, held.conflict) == ("examined", False)


def test_an_annotation_of_thousands_of_targets_stays_one_and_is_withdrawn_as_one(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    night = [visit(n) for n in range(3000)]
    said = log.add(
        targets=night,
        text="A long explanation of what the rule found. " * 30,
        flags=[Assertion("questionable", "set", f"{n}", target) for n, target in enumerate(night)],
        actor=bot,
    )
    assert len(log.effective(night)) == 3000
    assert {flag.text for flag in log.effective(night[:5])} == {said.text}
    assert len(list(log.events())) == 1
    again = log.add(targets=night, flags=[Assertion("questionable", "examined")], actor=bot)
    assert {flag.state for flag in log.effective(night)} == {"examined"}
    log.retract(again.id, actor=bot)
    assert {flag.state for flag in log.effective(night)} == {"set"}
    log.retract(said.id, actor=bot)
    assert log.effective(night) == []
    assert log.check() == []


def test_files_links_and_lost_time_are_kept_and_found(log: Annotations, alice: Actor) -> None:
    gap = Target.timespan(1_800_000_000_000_000, 1_800_000_600_000_000, "LSSTCam")
    said = log.add(
        targets=[gap],
        attachments=[
            Attachment("s3://bucket/allsky.png", SUM.upper(), "the sky"),
            Attachment("file:///a", SUM),
        ],
        time_lost=TimeLost("weather", 600),
        level="warning",
        actor=alice,
    )
    assert log.get(said.id) == said
    assert said.attachments[0].checksum == SUM
    assert (said.level, said.time_lost) == (30, TimeLost("weather", 600.0))
    assert log.search(time_lost="weather", has_attachments=True, min_level="warning") == [said]
    assert log.search(time_lost="fault") == []
    edited = log.edit(
        said.id, actor=alice, expected=said.event_id, time_lost=TimeLost("fault", 60), attachments=[]
    )
    assert (edited.time_lost, edited.attachments) == (TimeLost("fault", 60), ())
    assert log.check() == []


@pytest.mark.parametrize(
    ("uri", "checksum"),
    [
        ("javascript:alert(1)", SUM),
        ("data:text/plain,x", SUM),
        ("image.png", SUM),
        ("", SUM),
        ("s3://bucket/a b", SUM),
        ("s3://bucket/x", "sha256:abc"),
        ("s3://bucket/x", "crc:" + "ab" * 32),
        ("s3://bucket/x", "ab" * 32),
    ],
)
def test_a_file_has_an_address_and_a_checksum(uri: str, checksum: str) -> None:
    with pytest.raises(AnnotationError):
        Attachment(uri, checksum)


def test_time_is_lost_to_weather_or_a_fault_and_not_for_ever() -> None:
    for kind, seconds in (
        ("wether", 1),
        ("fault", -1),
        ("fault", float("nan")),
        ("fault", 1e10),
        ("fault", "1"),
    ):
        with pytest.raises(AnnotationError):
            TimeLost(kind, seconds)  # type: ignore[arg-type]


def test_a_thread_is_found_from_each_of_its_annotations(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    first = log.add(targets=[visit(1)], text="What is that?", actor=alice)
    second = log.add(targets=[visit(1)], text="A satellite.", reply_to=first.id, actor=bruno)
    third = log.add(targets=[visit(1)], text="Thanks.", reply_to=second.id, actor=alice)
    log.add(targets=[visit(1)], text="Something else.", actor=alice)
    for one in (first, second, third):
        assert [found.id for found in log.thread(one.id)] == [first.id, second.id, third.id]
    assert (third.reply_to, third.thread) == (second.id, first.id)
    assert log.search(reply_to=first.id) == [second]
    assert first.event_id in log.history(second.id)[0].parents


def test_what_needs_followup_has_an_assignee_and_a_resolution(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    said = log.add(
        targets=[visit(1)], flags=[Assertion("needs_followup", "set")], assignee="bruno", actor=alice
    )
    assert log.search(assignee="bruno", resolved=False) == [said]
    done = log.edit(said.id, actor=bruno, expected=said.event_id, resolution="The mirror was cleaned.")
    assert (done.assignee, done.resolution) == ("bruno", "The mirror was cleaned.")
    assert log.search(assignee="bruno", resolved=False) == []
    assert log.search(resolved=True) == [done]
    again = log.edit(said.id, actor=bruno, expected=done.event_id, resolution="", assignee="")
    assert (again.assignee, again.resolution) == (None, "")
    assert log.check() == []


def test_many_annotations_are_retracted_together_or_not_at_all(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    mine = [log.add(targets=[visit(n)], flags=[Assertion("junk", "set")], actor=bot) for n in range(3)]
    hers = log.add(targets=[visit(9)], text="Looked at it.", actor=alice)
    with pytest.raises(AnnotationError, match="only a person may change it"):
        log.retract_many([mine[0].id, hers.id], actor=bot)
    assert len(log.effective(None, flags=["junk"])) == 3
    gone = log.retract_many([mine[2].id, mine[0].id, mine[2].id], actor=bot, reason="wrong")
    assert [annotation.id for annotation in gone] == [mine[2].id, mine[0].id]
    assert [flag.target for flag in log.effective(None, flags=["junk"])] == [visit(1)]
    assert log.retract_many([], actor=bot) == []


def test_each_item_of_a_bulk_can_say_what_its_author_had_seen(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    other = Actor("other-bot", "bot")
    log.add(targets=[visit(1)], flags=[Assertion("junk", "set")], actor=bot)
    unseen = Draft(targets=[visit(1)], flags=[Assertion("junk", "examined")], parents=[])
    log.add_many([unseen], actor=other)
    (flag,) = log.effective([visit(1)])
    assert (flag.state, flag.by) == ("set", bot)


def test_all_that_a_bot_said_and_that_counts_is_given_at_once(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    def said(actor: Actor) -> list[tuple[str, str, str, int]]:
        return sorted(
            (word.target_key, word.flag, word.state, word.version) for word in log.words(actor.name)
        )

    newer = Actor(bot.name, "bot", agent="another program")
    first = log.add(
        targets=[visit(1), visit(2)],
        flags=[Assertion("junk", "set", "bad", version=2)],
        actor=bot,
        tags=["night"],
    )
    log.add(targets=[visit(1)], flags=[Assertion("clouds", "examined")], actor=newer)
    log.add(targets=[visit(1)], flags=[Assertion("junk", "clear")], actor=alice)
    of_first = [(visit(1).key, "junk", "set", 2), (visit(2).key, "junk", "set", 2)]
    assert said(bot) == sorted([(visit(1).key, "clouds", "examined", 1), *of_first])
    (word,) = (word for word in log.words(bot.name) if word.target_key == visit(2).key)
    assert (word.reason, word.tags) == ("bad", '["night"]')
    assert uuid.UUID(word.event) == first.event_id
    assert said(alice) == []  # a person is no bot
    log.retract(first.id, actor=bot)
    assert said(bot) == [(visit(1).key, "clouds", "examined", 1)]
    assert log.words("nobody") == []
