from collections.abc import Callable

import pytest

from gnomon.annotations import Actor, Annotation, Annotations, Assertion, EffectiveFlag, Target
from gnomon.annotations.model import AssertedState
from gnomon.errors import AnnotationError

Visit = Callable[[int], Target]


@pytest.fixture
def one(visit: Visit) -> Target:
    return visit(1)


def say(
    log: Annotations,
    target: Target,
    state: AssertedState,
    actor: Actor,
    *,
    seen: list[Annotation] | None = None,
) -> Annotation:
    parents = None if seen is None else [annotation.event_id for annotation in seen]
    return log.add(targets=[target], flags=[Assertion("questionable", state)], actor=actor, parents=parents)


def holds(log: Annotations, target: Target) -> EffectiveFlag:
    (flag,) = log.effective([target])
    return flag


def chain(flag: EffectiveFlag) -> list[tuple[str, str, str, str]]:
    return [(r.claim.actor.name, r.claim.state, r.outcome, r.rule) for r in flag.reasons]


def test_a_word_that_nobody_contradicts_holds(log: Annotations, bot: Actor, one: Target) -> None:
    said = say(log, one, "set", bot)
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.annotation_id, flag.conflict) == ("set", bot, said.id, False)
    assert chain(flag) == [("zero-point-bot", "set", "holds", "unopposed")]


def test_a_person_overrules_a_bot_and_the_history_keeps_both(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    marked = say(log, one, "set", bot)
    cleared = log.add(
        targets=[one],
        text="Looked at it; fine.",
        flags=[Assertion("questionable", "clear", reason="within 3 sigma of its neighbours")],
        actor=alice,
    )
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.text) == ("clear", alice, "Looked at it; fine.")
    assert flag.reason == "within 3 sigma of its neighbours"
    assert chain(flag) == [
        ("alice", "clear", "holds", "human over bot"),
        ("zero-point-bot", "set", "overruled", "human over bot"),
    ]
    assert flag.challenged_by == ()
    assert [event.annotation_id for event in log.history(one)] == [marked.id, cleared.id]
    assert log.history(one)[1].parents == (marked.event_id,)
    assert log.get(marked.id).state == "live"


@pytest.mark.parametrize("kind", ["bot", "pipeline"])
def test_a_program_that_contradicts_a_person_later_is_a_challenge_and_changes_nothing(
    log: Annotations, alice: Actor, one: Target, kind: str
) -> None:
    program = Actor("checker", "bot" if kind == "bot" else "pipeline")
    say(log, one, "clear", alice)
    say(log, one, "set", program)
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.conflict) == ("clear", alice, False)
    assert flag.challenged_by == (program,)
    assert chain(flag)[1] == ("checker", "set", "challenge", "human over bot")


def test_a_bot_that_agrees_with_a_person_is_no_challenge(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    say(log, one, "clear", alice)
    say(log, one, "examined", bot)
    assert holds(log, one).challenged_by == ()


def test_a_person_who_has_seen_a_challenge_answers_it(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    say(log, one, "clear", alice)
    say(log, one, "set", bot)
    say(log, one, "clear", alice)
    assert holds(log, one).challenged_by == ()


def test_the_later_of_two_bots_or_pipelines_holds(log: Annotations, bot: Actor, one: Target) -> None:
    say(log, one, "set", bot)
    say(log, one, "examined", Actor("nightly", "pipeline"))
    flag = holds(log, one)
    assert (flag.state, flag.by.name) == ("examined", "nightly")
    assert chain(flag)[1] == ("zero-point-bot", "set", "overruled", "later")


def test_the_later_of_two_persons_holds(log: Annotations, alice: Actor, bruno: Actor, one: Target) -> None:
    say(log, one, "set", alice)
    say(log, one, "clear", bruno)
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.conflict) == ("clear", bruno, False)
    assert chain(flag)[0] == ("bruno", "clear", "holds", "later")


@pytest.mark.parametrize("first", ["set", "clear"])
def test_persons_who_disagree_without_having_seen_each_other_are_a_conflict_that_counts_as_the_worse(
    log: Annotations, alice: Actor, bruno: Actor, one: Target, first: AssertedState
) -> None:
    second: AssertedState = "clear" if first == "set" else "set"
    say(log, one, first, alice)
    say(log, one, second, bruno, seen=[])
    flag = holds(log, one)
    assert (flag.state, flag.conflict) == ("set", True)
    assert [(reason.outcome, reason.rule) for reason in flag.reasons] == [
        ("holds", "worse"),
        ("overruled", "worse"),
    ]


def test_persons_who_both_find_the_data_usable_are_no_conflict(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    say(log, one, "clear", alice)
    say(log, one, "examined", bruno, seen=[])
    flag = holds(log, one)
    assert (flag.state, flag.conflict) == ("clear", False)
    assert chain(flag)[1] == ("bruno", "examined", "holds", "agrees")


def test_a_person_who_has_seen_both_ends_a_conflict(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    say(log, one, "set", alice)
    say(log, one, "clear", bruno, seen=[])
    say(log, one, "examined", alice)
    flag = holds(log, one)
    assert (flag.state, flag.conflict) == ("examined", False)


def test_a_person_who_has_seen_only_one_side_leaves_the_conflict(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    first = say(log, one, "set", alice)
    say(log, one, "clear", bruno, seen=[])
    say(log, one, "set", Actor("carol", "human"), seen=[first])
    assert holds(log, one).conflict


def test_bots_that_disagree_at_once_count_as_the_worse_without_a_conflict(
    log: Annotations, bot: Actor, one: Target
) -> None:
    say(log, one, "set", bot)
    say(log, one, "clear", Actor("other", "bot"), seen=[])
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.conflict) == ("set", bot, False)


def test_what_a_person_takes_back_lets_the_earlier_word_hold_again(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    say(log, one, "set", bot)
    cleared = say(log, one, "clear", alice)
    log.retract(cleared.id, actor=alice)
    flag = holds(log, one)
    assert (flag.state, flag.by) == ("set", bot)
    assert len(flag.reasons) == 1


def test_a_retracted_word_still_connects_what_came_before_and_after(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    say(log, one, "set", alice)
    between = say(log, one, "set", bruno)
    say(log, one, "clear", bruno)
    log.retract(between.id, actor=bruno)
    flag = holds(log, one)
    assert (flag.state, flag.conflict) == ("clear", False)


def test_correcting_the_text_does_not_renew_an_assertion(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    first = say(log, one, "set", alice)
    say(log, one, "clear", bruno)
    log.edit(first.id, actor=alice, expected=first.event_id, text="Typo corrected.")
    assert holds(log, one).by == bruno


def test_editing_an_assertion_makes_it_the_later_word(
    log: Annotations, alice: Actor, bruno: Actor, one: Target
) -> None:
    first = say(log, one, "examined", alice)
    say(log, one, "clear", bruno)
    log.edit(
        first.id,
        actor=alice,
        expected=first.event_id,
        flags=[Assertion("questionable", "set", reason="looked again")],
    )
    flag = holds(log, one)
    assert (flag.state, flag.by, flag.conflict) == ("set", alice, False)


def test_a_bot_can_neither_edit_nor_retract_what_a_person_wrote(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    mine = say(log, one, "set", alice)
    with pytest.raises(AnnotationError, match="alice's word"):
        log.retract(mine.id, actor=bot)
    with pytest.raises(AnnotationError, match="alice's word"):
        log.edit(mine.id, actor=bot, expected=mine.event_id, flags=[Assertion("questionable", "clear")])
    theirs = say(log, one, "clear", bot)
    assert log.retract(theirs.id, actor=bot).state == "retracted"


def test_a_program_that_acts_for_a_person_remains_a_program(
    log: Annotations, alice: Actor, one: Target
) -> None:
    say(log, one, "clear", alice)
    say(log, one, "set", Actor("script", "bot", on_behalf_of="alice"))
    assert holds(log, one).state == "clear"


def test_flags_and_targets_are_decided_apart(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    log.add(
        targets=[visit(1), visit(2)], flags=[Assertion("junk", "set"), Assertion("clouds", "set")], actor=bot
    )
    log.add(targets=[visit(1)], flags=[Assertion("junk", "clear")], actor=alice)
    found = {(f.target, f.flag): f.state for f in log.effective([visit(1), visit(2)])}
    assert found == {
        (visit(1), "junk"): "clear",
        (visit(1), "clouds"): "set",
        (visit(2), "junk"): "set",
        (visit(2), "clouds"): "set",
    }


def test_what_was_seen_must_be_about_the_same_thing(log: Annotations, alice: Actor, visit: Visit) -> None:
    elsewhere = say(log, visit(2), "set", alice)
    with pytest.raises(AnnotationError, match="none of these flags"):
        say(log, visit(1), "clear", alice, seen=[elsewhere])


def test_what_is_withdrawn_no_longer_counts_and_nothing_is_said_instead(
    log: Annotations, bot: Actor, one: Target
) -> None:
    said = say(log, one, "set", bot)
    taken_back = say(log, one, "withdrawn", bot)
    assert log.effective([one]) == []
    assert log.effective(None, flags=["questionable"]) == []
    assert log.coverage([one], flag="questionable") == {one: "never examined"}
    say(log, one, "examined", bot)
    assert holds(log, one).state == "examined"
    assert chain(holds(log, one))[1:] == [
        ("zero-point-bot", "withdrawn", "overruled", "withdrawn"),
        ("zero-point-bot", "set", "overruled", "withdrawn"),
    ]
    log.retract(taken_back.id, actor=bot)
    assert holds(log, one).state == "examined"
    assert said.state == "live"


def test_a_withdrawal_that_is_taken_back_lets_the_word_count_again(
    log: Annotations, bot: Actor, one: Target
) -> None:
    say(log, one, "set", bot)
    taken_back = say(log, one, "withdrawn", bot)
    cut = log.cut()
    log.retract(taken_back.id, actor=bot)
    assert holds(log, one).state == "set"
    assert log.effective([one], at=cut) == []


def test_one_withdraws_only_what_one_said_oneself_and_had_seen(
    log: Annotations, alice: Actor, bot: Actor, one: Target
) -> None:
    other = Actor("seeing-bot", "bot")
    say(log, one, "set", other)
    say(log, one, "withdrawn", bot)
    assert (holds(log, one).state, holds(log, one).by) == ("set", other)
    say(log, one, "clear", alice)
    say(log, one, "withdrawn", bot)
    assert (holds(log, one).state, holds(log, one).by) == ("clear", alice)
    say(log, one, "withdrawn", alice)
    assert (holds(log, one).state, holds(log, one).by) == ("set", other)
    say(log, one, "withdrawn", other, seen=[])
    assert holds(log, one).state == "set"
