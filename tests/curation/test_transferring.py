"""Annotations go along with datasets that move to another repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Annotations, Assertion, Target, open_annotations
from gnomon.curation.exclusions import Selection, find_exclusions
from gnomon.curation.marking import Request, find
from gnomon.curation.transferring import transfer
from gnomon.repository.configuration import open_butler

CATALOGS = "DemoCamera/catalogs"
FIRST = "instrument = 'DemoCamera' AND visit < 2026030100003"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Annotations]:
    with open_annotations(tmp_path / "there.db", origin="summit") as annotations:
        yield annotations


@pytest.fixture
def moved(night_repository: Path, tmp_path: Path) -> Iterator[Butler]:
    """Another repository, to which the catalogs of the first two visits were transferred."""
    Butler.makeRepo(str(tmp_path / "moved"))
    with open_butler(night_repository) as old, open_butler(tmp_path / "moved", writeable=True) as new:
        refs = old.query_datasets("star_catalog", CATALOGS, where=FIRST)
        new.transfer_from(old, refs, transfer="copy", register_dataset_types=True, transfer_dimensions=True)
        yield new


def test_what_was_said_of_moved_datasets_their_visits_and_exposures_counts_at_the_other_end(
    log: Annotations, there: Annotations, alice: Actor, bot: Actor, moved: Butler
) -> None:
    refs = moved.query_datasets("star_catalog", CATALOGS, order_by="visit")
    assert len(refs) == 2
    said = log.add(targets=[Target.dataset(refs[0].id)], flags=[Assertion("junk", "set", "a")], actor=alice)
    number = int(refs[1].dataId["visit"])
    exposure = Target.dimension("exposure", {"instrument": "DemoCamera", "exposure": number})
    log.add(targets=[exposure], flags=[Assertion("user/ghost", "set", "b")], actor=bot)
    log.add(
        targets=[Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100008})],
        text="stays",
        actor=alice,
    )
    log.add(targets=[Target.measurement(refs[0].id, "demo.seeing")], text="odd", actor=alice)
    things = find(moved, Request(dataset_types=("star_catalog",), collections=(CATALOGS,))).things

    counted = transfer(log, there, things=things, butler=moved, dry_run=True)
    assert (counted.annotations, counted.recorded, counted.known) == (3, 3, 0)
    assert there.search() == []
    done = transfer(log, there, things=things, butler=moved)
    assert (done.annotations, done.recorded, done.known, done.unknown_flags) == (3, 3, 0, ())
    assert {one.text for one in there.search()} == {"", "odd"}
    assert there.get(said.id).actor == alice
    exclusions = find_exclusions(
        Selection(exclude_flags=("junk",), inherit=None), annotations=there, butler=moved
    )
    assert [one is None for one in exclusions.of_datasets(refs)] == [False, True]

    again = transfer(log, there, things=things, butler=moved)
    assert (again.recorded, again.known) == (0, 3)
    log.edit(said.id, flags=[Assertion("junk", "clear", "fixed")], actor=alice, expected=said.event_id)
    assert transfer(log, there, things=things, butler=moved).recorded == 1
    assert [flag.state for flag in there.effective([Target.dataset(refs[0].id)])] == ["clear"]


def test_only_what_was_said_of_the_datasets_themselves_if_that_is_asked(
    log: Annotations, there: Annotations, alice: Actor, moved: Butler
) -> None:
    ref = moved.query_datasets("star_catalog", CATALOGS, order_by="visit")[0]
    log.add(targets=[Target.dataset(ref.id)], text="dataset", actor=alice)
    log.add(targets=[Target.collection(CATALOGS)], text="run", actor=alice)
    things = find(moved, Request(dataset_ids=(ref.id,))).things
    assert transfer(log, there, things=things, butler=moved, records=False).annotations == 1
    assert transfer(log, there, things=things, butler=moved).annotations == 2
    assert {one.text for one in there.search()} == {"dataset", "run"}
