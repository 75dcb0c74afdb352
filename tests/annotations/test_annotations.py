import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from gnomon.annotations import NEVER_EXAMINED, Actor, Annotations, Assertion, EffectiveFlag, Target
from gnomon.errors import AnnotationError, AnnotationNotFoundError, ConcurrencyError

Visit = Callable[[int], Target]


def test_what_is_added_is_found_as_it_was_said(log: Annotations, alice: Actor, visit: Visit) -> None:
    added = log.add(
        targets=[visit(1), visit(2)],
        text="Dome in the beam.",
        flags=[
            Assertion("vignetting", "set", reason="upper edge"),
            Assertion("junk", "clear", target=visit(2)),
        ],
        tags=["Dome", "night_report"],
        urls=["https://site/ticket/1"],
        level=30,
        actor=alice,
    )
    assert log.get(added.id) == added
    assert (added.text, added.level, added.state) == ("Dome in the beam.", 30, "live")
    assert added.tags == ("dome", "night_report")
    assert added.targets == (visit(1), visit(2))
    assert added.assertions == (
        Assertion("vignetting", "set", reason="upper edge"),
        Assertion("junk", "clear", target=visit(2)),
    )
    assert added.actor == alice


def test_one_run_of_a_bot_is_one_event_with_a_state_and_a_reason_for_each_target(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    night = [visit(number) for number in range(2500)]
    added = log.add(
        targets=night,
        flags=[
            Assertion("questionable", "set" if n == 8 else "examined", reason=f"{n} mmag", target=target)
            for n, target in enumerate(night)
        ],
        actor=bot,
    )
    assert len(log.history(added.id)) == 1
    effective = {flag.target: flag for flag in log.effective(night)}
    assert len(effective) == 2500
    assert (effective[visit(8)].state, effective[visit(8)].reason) == ("set", "8 mmag")
    assert (effective[visit(9)].state, effective[visit(9)].reason) == ("examined", "9 mmag")


def test_events_are_numbered_without_gaps_and_carry_who_when_and_what(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    first = log.add(targets=[visit(1)], text="one", actor=bot)
    with pytest.raises(AnnotationError):
        log.add(targets=[visit(1)], flags=[Assertion("nonsense", "set")], actor=alice)
    log.edit(first.id, actor=alice, expected=first.event_id, text="two")
    log.retract(first.id, actor=alice, reason="a mistake")
    history = log.history(first.id)
    assert [event.origin_seq for event in history] == [1, 2, 3]
    assert [event.kind for event in history] == ["add", "edit", "retract"]
    assert {event.origin for event in history} == {"summit"}
    assert history[0].by == bot
    assert history[1].parents == (history[0].id,)
    assert history[2].payload == {"reason": "a mistake"}
    assert sorted(event.hlc for event in history) == [event.hlc for event in history]
    assert all(event.id.version == 7 for event in history)
    assert log.check() == []


def test_an_annotation_that_says_nothing_or_is_about_nothing_is_refused(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    with pytest.raises(AnnotationError, match="a text, a flag or a tag is needed"):
        log.add(targets=[visit(1)], text="  ", urls=["https://x/1"], actor=alice)
    with pytest.raises(AnnotationError, match="at least one target"):
        log.add(targets=[], text="x", actor=alice)


def test_the_same_thing_said_again_under_its_key_is_no_change(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    def say(numbers: list[int], state: str = "set") -> object:
        return log.add(
            targets=[visit(number) for number in numbers],
            flags=[Assertion("clouds", "set" if state == "set" else "clear")],
            actor=bot,
            key="night 20141229",
        )

    first = say([1, 2])
    assert say([2, 1]) == first
    assert len(log.history(visit(1))) == 1
    with pytest.raises(ConcurrencyError, match="night 20141229"):
        say([1, 2], "clear")
    with pytest.raises(ConcurrencyError):
        say([1, 2, 3])
    assert len(log.history(visit(1))) == 1


def test_a_key_is_its_users_own(log: Annotations, alice: Actor, bot: Actor, visit: Visit) -> None:
    one = log.add(targets=[visit(1)], text="a", actor=alice, key="1")
    two = log.add(targets=[visit(1)], text="b", actor=bot, key="1")
    assert one.id != two.id


def test_a_known_key_gives_the_annotation_as_it_stands_now(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    first = log.add(targets=[visit(1)], text="a", actor=alice, key="k")
    log.edit(first.id, actor=alice, expected=first.event_id, text="b")
    assert log.add(targets=[visit(1)], text="a", actor=alice, key="k").text == "b"


def test_an_edit_replaces_what_is_given_and_leaves_the_rest(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    first = log.add(
        targets=[visit(1)], text="a", tags=["seen"], flags=[Assertion("junk", "set")], actor=alice
    )
    second = log.edit(first.id, actor=alice, expected=first.event_id, text="b", level=40)
    assert (second.text, second.level, second.tags) == ("b", 40, ("seen",))
    assert second.assertions == first.assertions
    assert second.event_id != first.event_id


def test_an_edit_of_an_older_state_is_refused_and_names_who_was_first(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    first = log.add(targets=[visit(1)], text="a", actor=alice)
    log.edit(first.id, actor=bruno, expected=first.event_id, text="b")
    with pytest.raises(ConcurrencyError, match="bruno"):
        log.edit(first.id, actor=alice, expected=first.event_id, text="c")
    assert log.get(first.id).text == "b"


def test_an_edit_that_changes_nothing_is_no_event(log: Annotations, alice: Actor, visit: Visit) -> None:
    first = log.add(targets=[visit(1)], text="a", flags=[Assertion("junk", "set")], actor=alice)
    same = log.edit(
        first.id, actor=alice, expected=first.event_id, text="a", flags=[Assertion("junk", "set")]
    )
    assert same == first
    assert len(log.history(first.id)) == 1


def test_an_edit_cannot_leave_an_annotation_empty(log: Annotations, alice: Actor, visit: Visit) -> None:
    first = log.add(targets=[visit(1)], text="a", actor=alice)
    with pytest.raises(AnnotationError, match="says something"):
        log.edit(first.id, actor=alice, expected=first.event_id, text="")


def test_an_edited_flag_replaces_the_old_one_and_a_dropped_flag_is_gone(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    first = log.add(
        targets=[visit(1)], flags=[Assertion("junk", "set"), Assertion("clouds", "set")], actor=alice
    )
    log.edit(first.id, actor=alice, expected=first.event_id, flags=[Assertion("junk", "clear")])
    assert [(flag.flag, flag.state) for flag in log.effective([visit(1)])] == [("junk", "clear")]
    assert log.check() == []


def test_a_retracted_annotation_counts_no_more_and_stays_in_the_history(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    added = log.add(targets=[visit(1)], flags=[Assertion("junk", "set")], actor=alice)
    retracted = log.retract(added.id, actor=alice, reason="wrong visit")
    assert retracted.state == "retracted"
    assert log.effective([visit(1)]) == []
    assert log.coverage([visit(1)], flag="junk") == {visit(1): NEVER_EXAMINED}
    assert log.search() == []
    assert log.search(include_retracted=True) == [retracted]
    assert [event.kind for event in log.history(visit(1))] == ["add", "retract"]


def test_retracting_twice_is_no_change_and_editing_afterwards_is_refused(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    added = log.add(targets=[visit(1)], text="a", actor=alice)
    once = log.retract(added.id, actor=alice)
    assert log.retract(added.id, actor=alice) == once
    assert len(log.history(added.id)) == 2
    with pytest.raises(AnnotationError, match="retracted"):
        log.edit(added.id, actor=alice, expected=once.event_id, text="b")


def test_an_unknown_annotation_is_told(log: Annotations, alice: Actor) -> None:
    nobody = "01a2043d-8f5d-7111-ab0a-4037d4db5640"
    for call in (
        lambda: log.get(nobody),
        lambda: log.history(nobody),
        lambda: log.retract(nobody, actor=alice),
        lambda: log.edit(nobody, actor=alice, expected=nobody, text="x"),
    ):
        with pytest.raises(AnnotationNotFoundError, match=nobody):
            call()


def test_conditions_of_a_search_are_all_fulfilled(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    one = log.add(targets=[visit(1)], text="clouds in the west", tags=["weather"], actor=alice)
    two = log.add(targets=[visit(1), visit(2)], text="clouds", flags=[Assertion("clouds", "set")], actor=bot)
    assert log.search() == [one, two]
    assert log.search(target=visit(1)) == [one, two]
    assert log.search(target=visit(2)) == [two]
    assert log.search(flag="clouds") == [two]
    assert log.search(tag="Weather") == [one]
    assert log.search(actor="alice") == [one]
    assert log.search(text="west") == [one]
    assert log.search(text="West") == []
    assert log.search(text="clouds", actor="zero-point-bot", target=visit(1)) == [two]
    assert log.search(text="clouds", actor="zero-point-bot", tag="weather") == []


def test_signs_that_are_wildcards_elsewhere_mean_themselves(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    percent = log.add(targets=[visit(1)], text="100% of it", tags=["a_b"], actor=alice)
    other = log.add(targets=[visit(1)], text='1000 of it\'s "kind"', tags=["axb", "a_bc"], actor=alice)
    assert log.search(text="%") == [percent]
    assert log.search(text="_") == []
    assert log.search(text="it's \"k") == [other]
    assert log.search(tag="a_b") == [percent]


def test_an_editor_is_found_too_but_whoever_retracted_wrote_nothing(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    added = log.add(targets=[visit(1)], text="a", actor=alice)
    log.edit(added.id, actor=bruno, expected=added.event_id, text="b")
    carol = Actor("carol", "human")
    gone = log.retract(added.id, actor=carol)
    assert log.search(actor="bruno", include_retracted=True) == [gone]
    assert log.search(actor="carol", include_retracted=True) == []


def test_set_clear_examined_and_never_examined_are_four_things(
    log: Annotations, bot: Actor, visit: Visit
) -> None:
    log.add(
        targets=[visit(1), visit(2), visit(3)],
        flags=[
            Assertion("trailed", "set", target=visit(1)),
            Assertion("trailed", "clear", target=visit(2)),
            Assertion("trailed", "examined", target=visit(3)),
        ],
        actor=bot,
    )
    assert log.coverage([visit(n) for n in (4, 3, 2, 1)], flag="trailed") == {
        visit(4): "never examined",
        visit(3): "examined",
        visit(2): "clear",
        visit(1): "set",
    }


def test_effective_gives_only_the_flags_asked_for(log: Annotations, bot: Actor, visit: Visit) -> None:
    log.add(targets=[visit(1)], flags=[Assertion("junk", "set"), Assertion("clouds", "set")], actor=bot)
    assert [flag.flag for flag in log.effective([visit(1)])] == ["clouds", "junk"]
    assert [flag.flag for flag in log.effective([visit(1)], flags=["junk"])] == ["junk"]
    assert log.effective([visit(1)], flags=[]) == []
    with pytest.raises(AnnotationError, match="Did you mean junk"):
        log.effective([visit(1)], flags=["junkk"])


def test_flags_that_contradict_each_other_in_one_annotation_are_refused(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    with pytest.raises(AnnotationError, match="asserted twice of LSSTCam visit=1"):
        log.add(
            targets=[visit(1), visit(2)],
            flags=[Assertion("junk", "clear"), Assertion("junk", "set", target=visit(1))],
            actor=alice,
        )
    with pytest.raises(AnnotationError, match="no target of the annotation"):
        log.add(targets=[visit(1)], flags=[Assertion("junk", "set", target=visit(2))], actor=alice)


def test_what_holds_is_the_same_taken_apart_copied_and_sent_to_another_process(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    log.add(targets=[visit(1), visit(2)], flags=[Assertion("clouds", "set", "cirrus")], actor=bot)
    log.add(targets=[visit(2)], flags=[Assertion("clouds", "clear", "none")], actor=alice)
    for flag in log.effective([visit(1), visit(2)], flags=["clouds", "unusable"]):
        again = pickle.loads(pickle.dumps(flag))
        assert again == flag == copy.copy(flag)
        assert (again.claim, again.reasons, again.causes) == (flag.claim, flag.reasons, flag.causes)
        whole = EffectiveFlag(
            flag.target, flag.flag, flag.state, flag.claim, flag.policy, flag.cut, flag.conflict,
            flag.considered, flag.causes,
        )  # fmt: skip
        assert whole == flag
        assert hash(whole) == hash(flag)
        assert flag != whole._replace(state="examined")


def test_what_holds_is_a_tuple_of_what_it_is_made_of_whether_or_not_somebody_contradicts(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    log.add(targets=[visit(1), visit(2)], flags=[Assertion("clouds", "set", "cirrus")], actor=bot)
    log.add(targets=[visit(2)], flags=[Assertion("clouds", "clear", "none")], actor=alice)
    flags: list[Any] = list(log.effective([visit(1), visit(2)]))
    for flag in flags:
        target, name, state, claim, policy, cut, *more = flag
        assert (target, name, state, claim) == (flag.target, flag.flag, flag.state, flag.claim)
        assert (policy, cut, more) == (flag.policy, flag.cut, [flag.conflict, flag.considered, flag.causes])
        assert len(flag) == 9
        assert (flag[3], flag[-1], flag[:2]) == (claim, flag.causes, (target, name))
        assert EffectiveFlag(*flag) == EffectiveFlag._make(flag) == EffectiveFlag(**flag._asdict()) == flag
        other = flag._replace(claim=claim._replace(reason="other"), policy="mine@1")
        assert (other.reason, other.policy, other.cut) == ("other", "mine@1", cut)
        # What is said of another thing was still said of this one.
        assert flag._replace(target=visit(3)).claim == claim
