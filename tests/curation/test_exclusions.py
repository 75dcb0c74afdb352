"""What is left out: the flags that hold, asked about data IDs and datasets."""

import uuid
from collections.abc import Callable

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.exclusions import Exclusion, Exclusions, Selection, find_exclusions
from gnomon.errors import AnnotationError

DATASET = uuid.UUID("01920000-0000-7000-8000-000000000001")
DATA_ID: dict[str, int | str] = {
    "instrument": "DemoCamera",
    "visit": 2026030100004,
    "detector": 0,
    "day_obs": 20260301,
    "physical_filter": "V",
    "band": "V",
}


def say(log: Annotations, who: Actor, target: Target, state: str, flag: str = "junk") -> uuid.UUID:
    said = log.add(targets=[target], flags=[Assertion(flag, state)], actor=who)  # type: ignore[arg-type]
    return said.id


def found(log: Annotations, *flags: str) -> list[tuple[str, str]]:
    return [(str(held.target), held.name) for held in left_out(log, *flags or ["junk"]).marks]


def left_out(log: Annotations, *flags: str, **asked: Any) -> Exclusions:
    return find_exclusions(Selection(exclude_flags=flags, **asked), annotations=log)


def why(
    exclusions: Exclusions, data_id: Mapping[str, int | str]
) -> Exclusion | None:
    (found,) = exclusions.of_data_ids([data_id])
    return found


def test_what_is_flagged_is_left_out(
    log: Annotations, bot: Actor, alice: Actor, visit: Callable[..., Target]
) -> None:
    say(log, bot, visit(1), "set")
    say(log, alice, visit(2), "set", "clouds")
    assert found(log) == [("DemoCamera visit=2026030100001", "junk")]
    assert len(found(log, "junk", "clouds")) == 2
    assert found(log, "fault") == []


def test_a_person_s_clear_beats_a_bot_s_set_in_either_order(
    log: Annotations, bot: Actor, alice: Actor, visit: Callable[..., Target]
) -> None:
    say(log, bot, visit(1), "set")
    say(log, alice, visit(1), "clear")
    say(log, alice, visit(2), "clear")
    say(log, bot, visit(2), "set")
    assert found(log) == []


def test_what_was_examined_and_found_good_is_not_left_out(
    log: Annotations, bot: Actor, alice: Actor, visit: Callable[..., Target]
) -> None:
    say(log, bot, visit(1), "examined")
    say(log, bot, visit(2), "set")
    say(log, alice, visit(2), "examined")
    assert found(log) == []


def test_what_is_retracted_does_not_count(log: Annotations, bot: Actor, visit: Callable[..., Target]) -> None:
    log.retract(say(log, bot, visit(1), "set"), actor=bot)
    assert found(log) == []


def test_only_the_target_that_is_meant_is_left_out(
    log: Annotations, bot: Actor, visit: Callable[..., Target]
) -> None:
    log.add(
        targets=[visit(1), visit(2)],
        flags=[Assertion("junk", "set", target=visit(2)), Assertion("junk", "examined", target=visit(1))],
        actor=bot,
    )
    assert found(log) == [("DemoCamera visit=2026030100002", "junk")]


def test_a_flag_that_nobody_knows_is_refused(log: Annotations) -> None:
    with pytest.raises(AnnotationError, match="Did you mean junk"):
        left_out(log, "jnuk")


def vetoes(log: Annotations, who: Actor, *targets: Target) -> Vetoes:
    for target in targets:
        say(log, who, target, "set")
    return Vetoes(exclusions(log, flags=["junk"]))


def test_a_flag_on_a_visit_covers_its_detectors(
    log: Annotations, bot: Actor, visit: Callable[..., Target]
) -> None:
    asked = vetoes(log, bot, visit(4))
    veto = asked.of(DATA_ID)
    assert veto is not None
    assert veto.target == visit(4)
    assert asked.of({**DATA_ID, "visit": 2026030100005}) is None
    assert asked.of({**DATA_ID, "instrument": "OtherCamera"}) is None


def test_a_flag_on_one_detector_of_a_visit_covers_neither_the_visit_nor_the_others(
    log: Annotations, bot: Actor
) -> None:
    target = Target.dimension("detector", {n: DATA_ID[n] for n in ("instrument", "visit", "detector")})
    asked = vetoes(log, bot, target)
    assert asked.of(DATA_ID) is not None
    assert asked.of({**DATA_ID, "detector": 1}) is None
    assert asked.of({name: value for name, value in DATA_ID.items() if name != "detector"}) is None


def test_a_flag_on_a_day_covers_its_visits(log: Annotations, bot: Actor) -> None:
    asked = vetoes(log, bot, Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301}))
    assert asked.of(DATA_ID) is not None


def test_a_flag_on_a_dataset_is_for_that_one_alone(log: Annotations, bot: Actor) -> None:
    asked = vetoes(log, bot, Target.dataset(DATASET))
    assert asked.of(DATA_ID, DATASET) is not None
    assert asked.of(DATA_ID, uuid.uuid4()) is None
    assert asked.of(DATA_ID) is None


def test_other_kinds_of_targets_are_passed_over(log: Annotations, bot: Actor) -> None:
    asked = vetoes(log, bot, Target.collection("night/1"), Target.timespan(1, 2, "DemoCamera"))
    assert not asked
    assert asked.of(DATA_ID, DATASET) is None


def test_only_what_is_set_vetoes(
    log: Annotations, bot: Actor, alice: Actor, visit: Callable[..., Target]
) -> None:
    say(log, bot, visit(4), "set")
    say(log, alice, visit(4), "clear")
    assert not Vetoes(log.effective([visit(4)]))
