"""Observations: pending ones, gaps between them, and stretches of time shown as exposures."""

from collections.abc import Callable

import pytest

from gnomon.annotations import Actor, Annotations, Assertion, Observation, Target
from gnomon.errors import AnnotationError

Visit = Callable[[int], Target]
PENDING = Target.pending("MC_O_20260301_000007", "LSSTCam")
EXPOSURE = Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 2026030100007})
SECOND = 1_000_000


@pytest.fixture
def watcher() -> Actor:
    return Actor("watcher", "pipeline")


def test_what_was_said_of_a_pending_observation_counts_for_the_record_that_it_became(
    log: Annotations, alice: Actor, bot: Actor, watcher: Actor
) -> None:
    said = log.add(targets=[PENDING], text="Dome!", flags=[Assertion("vignetting", "set")], actor=alice)
    log.add(targets=[EXPOSURE], flags=[Assertion("vignetting", "examined")], actor=bot)
    assert log.pending() == [PENDING]
    (before,) = log.effective([EXPOSURE])
    assert before.by == bot
    cut = log.cut()
    assert log.resolve({PENDING: EXPOSURE}, actor=watcher) == [PENDING]
    assert log.pending() == []
    (after,) = log.effective([EXPOSURE])
    assert (after.target, after.state, after.by) == (EXPOSURE, "set", alice)
    assert [(r.claim.actor.name, r.outcome) for r in after.reasons] == [
        ("alice", "holds"),
        (bot.name, "challenge"),
    ]
    (same,) = log.effective([PENDING])
    assert (same.target, same.state) == (PENDING, "set")
    assert [held.target for held in log.effective(None, flags=["vignetting"])] == [EXPOSURE]
    assert [held.by for held in log.effective([EXPOSURE], at=cut)] == [bot]
    assert said in log.search(target=EXPOSURE)
    assert log.history(EXPOSURE)[0].annotation_id == said.id
    assert log.check() == []


def test_whoever_answers_after_the_resolution_has_seen_what_was_said_before_it(
    log: Annotations, alice: Actor, bruno: Actor, watcher: Actor
) -> None:
    log.add(targets=[PENDING], flags=[Assertion("junk", "set")], actor=alice)
    log.resolve({PENDING: EXPOSURE}, actor=watcher)
    log.add(targets=[EXPOSURE], flags=[Assertion("junk", "clear")], actor=bruno)
    (held,) = log.effective([EXPOSURE])
    assert (held.state, held.conflict) == ("clear", False)


def test_resolving_again_is_no_change_and_a_correction_is_one(
    log: Annotations, alice: Actor, watcher: Actor
) -> None:
    log.add(targets=[PENDING], flags=[Assertion("junk", "set")], actor=alice)
    log.resolve({PENDING: EXPOSURE}, actor=watcher)
    cut = log.cut()
    assert log.resolve({PENDING: EXPOSURE}, actor=watcher) == []
    assert log.cut() == cut
    other = Target.dimension("exposure", {"instrument": "LSSTCam", "exposure": 8})
    assert log.resolve({PENDING: other}, actor=watcher) == [PENDING]
    assert log.effective([EXPOSURE]) == []
    assert [held.target for held in log.effective([EXPOSURE, other])] == [other]
    assert [held.target for held in log.effective([EXPOSURE], at=cut)] == [EXPOSURE]


def test_only_what_is_pending_becomes_something(log: Annotations, watcher: Actor) -> None:
    with pytest.raises(AnnotationError, match="nothing to become"):
        log.resolve({EXPOSURE: EXPOSURE}, actor=watcher)
    with pytest.raises(AnnotationError, match="not LSSTCam MC_O"):
        log.resolve({PENDING: PENDING}, actor=watcher)


def observations() -> list[Observation]:
    """Three exposures of thirty seconds, the last one after a long gap."""
    begins = [1000, 1040, 2000]
    return [
        Observation(
            instrument="LSSTCam",
            obs_id=f"MC_O_{n}",
            exposure=n,
            day_obs=20260301,
            seq_num=n,
            begin=begin * SECOND,
            end=(begin + 30) * SECOND,
            type="science",
        )
        for n, begin in enumerate(begins, 1)
    ]


def test_gaps_of_a_night_are_found_and_can_be_explained(
    log: Annotations, alice: Actor, watcher: Actor
) -> None:
    assert log.observe(observations(), actor=watcher) == 3
    gaps = log.gaps("LSSTCam", day_obs=20260301, longer_than=60)
    assert [(gap.target.begin, gap.target.end) for gap in gaps] == [(1070 * SECOND, 2000 * SECOND)]
    assert gaps[0].after is not None
    assert gaps[0].closed_by is not None
    assert (gaps[0].after.obs_id, gaps[0].closed_by.obs_id) == ("MC_O_2", "MC_O_3")
    assert len(log.gaps("LSSTCam", day_obs=20260301)) == 2
    said = log.add(targets=[gaps[0].target], text="Wind.", actor=alice)
    assert log.search(during=(1500 * SECOND, 1501 * SECOND)) == [said]
    assert log.virtual_exposure(said.targets[0]) == gaps[0]


def test_a_stretch_of_time_knows_the_exposure_that_closes_it_as_soon_as_there_is_one(
    log: Annotations, watcher: Actor
) -> None:
    gap = Target.timespan(1070 * SECOND, 1900 * SECOND, "LSSTCam")
    first, second, third = observations()
    log.observe([first, second], actor=watcher)
    shown = log.virtual_exposure(gap)
    assert (shown.after, shown.closed_by) == (second, None)
    log.observe([third], actor=watcher)
    assert log.virtual_exposure(gap).closed_by == third
    with pytest.raises(AnnotationError, match="Only a timespan"):
        log.virtual_exposure(EXPOSURE)


def test_what_is_told_of_an_exposure_later_replaces_what_was_told_before(
    log: Annotations, watcher: Actor
) -> None:
    first = observations()[0]
    log.observe([first], actor=watcher)
    log.observe([Observation(instrument="LSSTCam", obs_id="MC_O_1", day_obs=20260302)], actor=watcher)
    assert [o.day_obs for o in log.observations(instrument="LSSTCam")] == [20260302]
    assert log.observations(day_obs=20260301) == []
    assert log.check() == []
    log.rebuild()
    assert [o.day_obs for o in log.observations()] == [20260302]


def test_an_observation_that_cannot_be_one_is_refused() -> None:
    for values in (
        {"obs_id": ""},
        {"begin": 5, "end": 4},
        {"day_obs": 2**31},
        {"exposure": "1"},
        {"type": " "},
    ):
        with pytest.raises(AnnotationError):
            Observation(**{"instrument": "X", "obs_id": "1"} | values)


def test_targets_of_every_kind_are_found_by_their_key_and_come_back_as_they_were(
    log: Annotations, alice: Actor, visit: Visit
) -> None:
    dataset = "01a2043d-8f5d-7111-ab0a-4037d4db5640"
    found = [visit(n) for n in range(3)]
    targets = [
        Target.of_data_id({"instrument": "LSSTCam", "visit": 1, "detector": 3}, dataset_type="calexp"),
        Target.of_data_id({"instrument": "LSSTCam", "visit": 1}),
        Target.measurement(dataset, "demo.seeing", repository="main"),
        PENDING,
        Target.query("visit > 5 AND band = 'r'", of="visit", repository="main"),
        Target.query("visit > 5", of="visit", collections=["a", "b"], results=found),
    ]
    said = log.add(targets=[*targets, *found], flags=[Assertion("junk", "set")], actor=alice)
    about = log.get(said.id).targets
    assert [target.to_dict() for target in about[:6]] == [target.to_dict() for target in targets]
    assert len({target.key for target in targets}) == 6
    assert all(log.search(target=target) == [said] for target in targets)
    assert len(log.effective(targets)) == 6
    assert targets[1] == visit(1)
    assert targets[4].standing
    assert not targets[5].standing
    assert str(targets[5]) == "visit where visit > 5 (3 results)"
    assert log.check() == []


def test_a_frozen_query_gave_something() -> None:
    with pytest.raises(AnnotationError, match="gave nothing"):
        Target.query("visit > 5", of="visit", results=[])
