"""Who wins, by policies in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.annotations.policy import load_policy, parse_policy
from gnomon.errors import AnnotationError, PolicyError

Visit = Callable[[int], Target]

DOMES = """
policy: domes
version: 1
description: The dome crew knows about clouds.
authority:
  - persons: [alice]
    flags: [clouds]
    instruments: [LSSTCam]
  - persons: [zero-point-bot, carol]
"""


@pytest.fixture
def domes(log: Annotations, tmp_path: Path, alice: Actor) -> str:
    file = tmp_path / "domes.yaml"
    file.write_text(DOMES, encoding="utf-8")
    return log.lay_down(load_policy(file), actor=alice)


def say(log: Annotations, target: Target, flag: str, state: Any, actor: Actor) -> None:
    log.add(targets=[target], flags=[Assertion(flag, state)], actor=actor)


def test_a_person_with_authority_wins_over_a_later_one_without(
    log: Annotations, domes: str, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    for flag in ("clouds", "junk"):
        say(log, visit(1), flag, "set", alice)
        say(log, visit(1), flag, "clear", bruno)
    held = {flag.flag: flag for flag in log.effective([visit(1)], policy=domes)}
    assert (held["clouds"].state, held["clouds"].by, held["clouds"].policy) == ("set", alice, "domes@1")
    assert [(r.claim.actor.name, r.outcome, r.rule) for r in held["clouds"].reasons] == [
        ("alice", "holds", "authority"),
        ("bruno", "overruled", "authority"),
    ]
    assert held["junk"].state == "clear"
    assert {flag.state for flag in log.effective([visit(1)])} == {"clear"}


def test_authority_ends_at_its_instrument(log: Annotations, domes: str, alice: Actor, bruno: Actor) -> None:
    other = Target.dimension("visit", {"instrument": "LATISS", "visit": 1})
    say(log, other, "clouds", "set", alice)
    say(log, other, "clouds", "clear", bruno)
    assert log.effective([other], policy=domes)[0].state == "clear"


def test_authority_never_raises_a_bot_over_a_person(
    log: Annotations, domes: str, bruno: Actor, bot: Actor, visit: Visit
) -> None:
    say(log, visit(1), "junk", "clear", bruno)
    say(log, visit(1), "junk", "set", bot)
    (held,) = log.effective([visit(1)], policy=domes)
    assert (held.state, held.by, held.challenged_by) == ("clear", bruno, (bot,))


def test_versions_that_a_policy_made_inactive_decide_nothing_and_are_shown(
    log: Annotations, alice: Actor, bot: Actor, visit: Visit
) -> None:
    document = {
        "policy": "later",
        "version": 3,
        "inactive": [{"flag": "junk", "versions": [1], "actors": [bot.name]}],
    }
    label = log.lay_down(document, actor=alice)
    log.add(targets=[visit(1), visit(2)], flags=[Assertion("junk", "set", version=1)], actor=bot)
    log.add(targets=[visit(2)], flags=[Assertion("junk", "examined", version=2)], actor=Actor("b2", "bot"))
    (held,) = log.effective([visit(1), visit(2)], policy=label)
    assert (held.target, held.state) == (visit(2), "examined")
    assert [reason.rule for reason in held.reasons] == ["unopposed", "inactive"]
    assert log.coverage([visit(1)], flag="junk", policy=label) == {visit(1): "never examined"}
    assert log.coverage([visit(1)], flag="junk") == {visit(1): "set"}


def test_a_policy_may_leave_programs_out(log: Annotations, alice: Actor, bot: Actor, visit: Visit) -> None:
    label = log.lay_down({"policy": "persons", "version": 1, "programs": "ignored"}, actor=alice)
    say(log, visit(1), "junk", "set", bot)
    say(log, visit(2), "junk", "set", alice)
    assert [flag.target for flag in log.effective([visit(1), visit(2)], policy=label)] == [visit(2)]


def test_the_past_is_weighed_by_any_version_of_a_policy(
    log: Annotations, alice: Actor, bruno: Actor, visit: Visit
) -> None:
    say(log, visit(1), "clouds", "set", alice)
    say(log, visit(1), "clouds", "clear", bruno)
    cut = log.cut()
    say(log, visit(1), "clouds", "examined", alice)
    label = log.lay_down(
        parse_policy({"policy": "a", "version": 1, "authority": [{"persons": ["alice"]}]}), actor=alice
    )
    assert log.effective([visit(1)], at=cut)[0].state == "clear"
    assert log.effective([visit(1)], at=cut, policy=label)[0].state == "set"


def test_a_version_means_the_same_for_ever(log: Annotations, domes: str, bruno: Actor, bot: Actor) -> None:
    cut = log.cut()
    document = dict(log.policies[domes].document)
    assert log.lay_down(document, actor=bruno) == domes
    assert log.cut() == cut
    with pytest.raises(PolicyError, match="raise its version"):
        log.lay_down({**document, "programs": "ignored"}, actor=bruno)
    with pytest.raises(PolicyError, match="raise its version"):
        log.lay_down({"policy": "standard", "version": 1}, actor=bruno)
    with pytest.raises(AnnotationError, match="by persons"):
        log.lay_down({"policy": "mine", "version": 1}, actor=bot)


def test_a_policy_that_nobody_laid_down_is_told_with_the_nearest(log: Annotations, visit: Visit) -> None:
    with pytest.raises(PolicyError, match="Did you mean standard@1"):
        log.effective([visit(1)], policy="standart@1")
    with pytest.raises(PolicyError, match="NAME@VERSION"):
        log.effective([visit(1)], policy="standard")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("policy: x", "version must be an integer"),
        ("policy: X\nversion: 1", "NAME@VERSION"),
        ("policy: x\nversion: 1\nprogams: ignored", "unknown key 'progams'. Did you mean programs"),
        ("policy: x\nversion: 1\nprograms: ignore", "Did you mean ignored"),
        ("policy: x\nversion: 1\nauthority: [{flags: [junk]}]", "persons are needed"),
        ("policy: x\nversion: 1\nauthority: {a: 1}", "must be a list"),
        ("policy: x\nversion: 1\ninactive: [{flag: junk, versions: [a]}]", "integers from 1"),
        ("policy: [", "no YAML file"),
        ("- a", "must be a mapping"),
        ("policy: x\nversion: 1\nvocabulary: none", "NAME@VERSION"),
    ],
)
def test_a_file_that_is_no_policy_is_told_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=told) as caught:
        load_policy(file)
    assert str(caught.value).startswith(str(file))
