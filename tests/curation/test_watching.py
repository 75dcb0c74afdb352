"""Pending observations become exposures as soon as the registry knows them, and never by a guess."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.watching import watch_once
from gnomon.repository.configuration import open_butler

WATCHER = Actor("watcher", "pipeline")


@pytest.fixture
def butler(repository: Path) -> Iterator[Butler]:
    with open_butler(repository, writeable=True) as client:
        yield client


@pytest.fixture
def take(butler: Butler) -> Callable[..., None]:
    """Let the registry learn of exposures."""

    def learn(*numbers: int) -> None:
        model = next(iter(butler.query_dimension_records("exposure", limit=1))).toDict()
        for number in numbers:
            name = f"DemoCamera_20260301_{number:06d}"
            butler.registry.insertDimensionData("group", {"instrument": "DemoCamera", "name": name})
            own = {"id": 2026030100000 + number, "obs_id": name, "group": name, "seq_num": number}
            butler.registry.insertDimensionData("exposure", model | own)

    return learn


def pending(number: int) -> Target:
    return Target.pending(f"DemoCamera_20260301_{number:06d}", "DemoCamera")


def exposure(number: int) -> Target:
    return Target.dimension("exposure", {"instrument": "DemoCamera", "exposure": 2026030100000 + number})


def test_what_was_said_of_a_coming_exposure_counts_for_it_once_the_registry_knows_it(
    log: Annotations, alice: Actor, butler: Butler, take: Callable[..., None]
) -> None:
    for number in (9, 10):
        log.add(targets=[pending(number)], flags=[Assertion("vignetting", "set")], actor=alice)
    first = watch_once(log, butler, actor=WATCHER)
    assert (first.resolved, first.waiting, first.ambiguous, first.told) == ({}, 2, (), 8)
    take(9, 10, 11)
    second = watch_once(log, butler, actor=WATCHER)
    assert second.resolved == {pending(9): exposure(9), pending(10): exposure(10)}
    assert (second.waiting, second.told) == (0, 3)
    assert [flag.flag for flag in log.effective([exposure(9)])] == ["vignetting"]
    assert log.pending() == []
    # Both were resolved by one event.
    assert sum(event.kind == "resolve" for event in log.events()) == 1


def test_looking_again_records_nothing(log: Annotations, alice: Actor, butler: Butler) -> None:
    log.add(targets=[pending(3)], text="now", actor=alice)
    watch_once(log, butler, actor=WATCHER)
    before = log.digest()
    again = watch_once(log, butler, actor=Actor("a second watcher", "pipeline"))
    assert (again.resolved, again.told) == ({}, 0)
    assert log.digest() == before


def test_a_dry_run_says_what_it_would_resolve(log: Annotations, alice: Actor, butler: Butler) -> None:
    log.add(targets=[pending(3)], text="now", actor=alice)
    assert watch_once(log, butler, actor=WATCHER, dry_run=True).resolved == {pending(3): exposure(3)}
    assert log.pending() == [pending(3)]
    assert log.observations(instrument="DemoCamera") == []


def test_nights_are_known_without_a_repository_and_the_past_is_told_of_if_it_is_asked(
    log: Annotations, butler: Butler
) -> None:
    assert watch_once(log, butler, actor=WATCHER, since=20270101).told == 0
    assert watch_once(log, butler, actor=WATCHER, since=20260101).told == 8
    night = log.observations(instrument="DemoCamera", day_obs=20260301)
    assert [(one.seq_num, one.exposure, one.type) for one in night[:2]] == [
        (1, 2026030100001, "science"),
        (2, 2026030100002, "science"),
    ]
    assert len(log.gaps("DemoCamera", day_obs=20260301, longer_than=30)) == 7


def test_an_observation_id_of_another_instrument_is_reported_and_not_taken(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    other = Target.pending("DemoCamera_20260301_000003", "OtherCamera")
    log.add(targets=[other], text="now", actor=alice)
    [one] = watch_once(log, butler, actor=WATCHER).ambiguous
    assert "but of DemoCamera and not of OtherCamera" in one.reason
    assert one.candidates == (exposure(3),)
