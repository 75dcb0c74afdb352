"""Annotations outlive their datasets, and are shown as what they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.orphans import find_orphans
from gnomon.repository.configuration import open_butler

CATALOGS = "DemoCamera/catalogs"


@pytest.fixture
def butler(repository: Path) -> Iterator[Butler]:
    with open_butler(repository, writeable=True) as client:
        yield client


def test_what_was_said_of_pruned_datasets_stays_and_is_found_as_orphaned(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    refs = butler.query_datasets("star_catalog", CATALOGS, order_by="visit")
    ids = [Target.dataset(ref.id) for ref in refs]
    both = log.add(targets=ids[:2], flags=[Assertion("junk", "set")], actor=alice)
    kept = log.add(targets=ids[2:3], text="fine", actor=alice)
    measured = log.add(targets=[Target.measurement(refs[0].id, "demo.seeing")], text="?", actor=alice)
    log.add(targets=[Target.dimension("visit", {"instrument": "X", "visit": 1})], text="no", actor=alice)
    assert find_orphans(log, butler) == []

    butler.pruneDatasets(refs[:1], disassociate=True, unstore=True, purge=True)
    orphans = find_orphans(log, butler)
    assert [(o.annotation.id, o.gone, o.of, o.whole) for o in orphans] == [
        (measured.id, measured.targets, 1, True),
        (both.id, (ids[0],), 2, False),
    ]
    [flag] = log.effective([ids[0]])
    assert (flag.state, flag.annotation_id) == ("set", both.id)

    butler.removeRuns([CATALOGS], unlink_from_chains=True)
    assert {o.annotation.id for o in find_orphans(log, butler)} == {both.id, kept.id, measured.id}
    assert [o.annotation.id for o in find_orphans(log, butler, flag="junk")] == [both.id]
    assert len(find_orphans(log, butler, limit=1)) == 1


def test_a_dataset_whose_files_alone_are_gone_is_not_orphaned(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    ref = butler.query_datasets("star_catalog", CATALOGS, limit=1)[0]
    log.add(targets=[Target.dataset(ref.id)], text="fine", actor=alice)
    butler.pruneDatasets([ref], disassociate=False, unstore=True)
    assert find_orphans(log, butler) == []


def test_datasets_of_another_repository_are_passed_over_where_this_one_has_a_label(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    elsewhere = Target.dataset("0190f6d1-0000-7000-8000-000000000000", repository="summit")
    log.add(targets=[elsewhere], text="there", actor=alice)
    assert find_orphans(log, butler, repository="usdf") == []
    assert len(find_orphans(log, butler, repository="summit")) == 1
