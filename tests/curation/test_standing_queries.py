"""Standing queries: a mark on a condition is a mark on whatever fulfils it when it is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.standing_queries import expand, members
from gnomon.errors import ExpressionError
from gnomon.repository.configuration import open_butler

CATALOGS = "DemoCamera/catalogs"
HERE = "instrument = 'DemoCamera'"


@pytest.fixture(scope="module")
def butler(night_repository: Path) -> Iterator[Butler]:
    with open_butler(night_repository) as client:
        yield client


def test_a_flag_on_a_standing_query_is_on_every_dataset_that_fulfils_it_now(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    query = Target.query(f"{HERE} AND visit > 2026030100006", of="star_catalog", collections=[CATALOGS])
    log.add(targets=[query], flags=[Assertion("junk", "set", "dome closed")], actor=alice)
    spread = expand(log.effective(None, flags=["junk"]), butler=butler)
    found = butler.query_datasets("star_catalog", CATALOGS, where=f"{HERE} AND visit > 2026030100006")
    assert {flag.target for flag in spread} == {Target.dataset(ref.id) for ref in found}
    assert len(spread) == 2
    assert {(flag.flag, flag.state, flag.by.name, flag.reason) for flag in spread} == {
        ("junk", "set", "alice", "dome closed")
    }


def test_a_query_for_a_dimension_gives_its_records(butler: Butler) -> None:
    found = members(Target.query(f"{HERE} AND exposure.seq_num < 3", of="exposure"), butler=butler)
    assert found == [
        Target.dimension("exposure", {"instrument": "DemoCamera", "exposure": 2026030100000 + n})
        for n in (1, 2)
    ]


def test_a_query_without_collections_looks_in_all_of_them(butler: Butler) -> None:
    assert len(members(Target.query(HERE, of="star_catalog"), butler=butler)) == 8


def test_nothing_fulfils_a_condition_on_what_the_repository_does_not_have(butler: Butler) -> None:
    gone = Target.query(HERE, of="star_catalog", collections=["removed/run"])
    other = Target.query(HERE, of="deepCoadd", collections=[CATALOGS])
    assert members(gone, butler=butler) == members(other, butler=butler) == []


def test_flags_on_other_things_and_on_frozen_queries_are_left_out(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    visit = Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100001})
    frozen = Target.query(HERE, of="visit", results=[visit])
    log.add(targets=[frozen, visit], flags=[Assertion("junk", "set")], actor=alice)
    assert expand(log.effective(None, flags=["junk"]), butler=butler) == []


def test_a_query_of_another_repository_is_not_asked_where_this_one_has_a_label(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    for label in ("summit", "usdf"):
        query = Target.query(f"{HERE} AND visit = 2026030100001", of="visit", repository=label)
        log.add(targets=[query], flags=[Assertion("junk", "set", label)], actor=alice)
    flags = log.effective(None, flags=["junk"])
    assert [flag.reason for flag in expand(flags, butler=butler, repository="usdf")] == ["usdf"]
    assert len(expand(flags, butler=butler)) == 2


def test_a_condition_that_cannot_be_evaluated_is_refused_and_not_passed_over(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    said = log.add(
        targets=[Target.query("visitt > 3", of="visit")], flags=[Assertion("junk", "set")], actor=alice
    )
    with pytest.raises(ExpressionError, match=rf"{said.id}, by alice.*'visitt > 3'.*Until it is retracted"):
        expand(log.effective(None, flags=["junk"]), butler=butler)
