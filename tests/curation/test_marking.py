"""Marking what a query finds: what is meant is what is shown, and what is not there is refused."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Annotations, Assertion, Target
from gnomon.curation.marking import Request, find, mark
from gnomon.curation.said import said_of
from gnomon.curation.things import Thing, targets_about
from gnomon.errors import (
    AnnotationError,
    CollectionNotFoundError,
    DataIdError,
    DatasetTypeNotFoundError,
    ExpressionError,
    RepositoryError,
)
from gnomon.repository.configuration import open_butler

CATALOGS = "DemoCamera/catalogs"
HERE = "instrument = 'DemoCamera'"
LATE = f"{HERE} AND visit > 2026030100006"


@pytest.fixture(scope="module")
def butler(night_repository: Path) -> Iterator[Butler]:
    with open_butler(night_repository) as client:
        yield client


def catalogs(**options: Any) -> Request:
    given: dict[str, Any] = {"dataset_types": ("star_catalog",), "collections": (CATALOGS,), "where": LATE}
    return Request(**given | options)


def test_one_annotation_is_about_every_dataset_that_was_found_and_says_by_which_query(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    found = find(butler, catalogs())
    one = mark(log, found, flags=[Assertion("junk", "set", "dome closed")], actor=alice)
    refs = butler.query_datasets("star_catalog", CATALOGS, where=LATE)
    assert [target.dataset_id for target in one.targets[:-1]] == [ref.id for ref in refs]
    query = one.targets[-1]
    assert (query.kind, query.standing, query.values["where"], query.values["results"]) == (
        "query", False, LATE, 2,
    )  # fmt: skip
    assert [thing.row() for thing in found.things] == [
        {"type": "star_catalog", "run": CATALOGS, "id": str(ref.id), **ref.dataId.mapping} for ref in refs
    ]
    assert str(found) == "2 datasets"


def test_patterns_of_types_and_collections_find_the_same(butler: Butler) -> None:
    pattern = find(butler, catalogs(dataset_types=("star_cat*",), collections=("Demo*",)))
    assert pattern.targets == find(butler, catalogs()).targets


def test_records_can_be_meant_and_each_counts_once(butler: Butler) -> None:
    night = find(butler, catalogs(element="day_obs"))
    assert night.targets == (Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301}),)
    visits = find(butler, Request(element="visit", where=LATE))
    assert visits.targets == find(butler, catalogs(element="visit")).targets
    assert [target.data_id for target in visits.targets] == [
        {"instrument": "DemoCamera", "visit": 2026030100000 + n} for n in (7, 8)
    ]


def test_a_mark_on_data_ids_covers_datasets_that_come_later(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    request = Request(dataset_types=("star_catalog",), where=LATE, data_ids=True)
    found = find(butler, request)
    assert found.targets == find(butler, catalogs(data_ids=True)).targets
    mark(log, found, flags=[Assertion("junk", "set")], actor=alice)
    data_id: dict[str, int | str] = {"instrument": "DemoCamera", "visit": 2026030100008, "detector": 0}
    later = Thing(data_id, "star_catalog", "a later run", uuid.uuid4())
    other = Thing(data_id, "another_type", "a later run", uuid.uuid4())
    assert [one.thing for one in said_of(log, [later, other])] == [later]


def test_a_standing_query_says_what_it_means_now_and_marks_what_fulfils_it_later(
    log: Annotations, alice: Actor, butler: Butler
) -> None:
    found = find(butler, Request(element="visit", where=LATE, standing=True))
    assert [thing.data_id["visit"] for thing in found.things] == [2026030100007, 2026030100008]
    one = mark(log, found, flags=[Assertion("junk", "set")], actor=alice)
    assert [(target.kind, target.standing) for target in one.targets] == [("query", True)]
    things = find(butler, Request(element="visit", where=HERE)).things
    assert [said.thing.data_id["visit"] for said in said_of(log, things, butler=butler)] == [
        2026030100007,
        2026030100008,
    ]


def test_datasets_can_be_named_by_their_ids_and_unknown_ones_are_refused(butler: Butler) -> None:
    ref = butler.query_datasets("star_catalog", CATALOGS, limit=1)[0]
    found = find(butler, Request(dataset_ids=(ref.id,)))
    assert [thing.dataset_id for thing in found.things] == [ref.id]
    assert found.things[0].data_id["day_obs"] == 20260301
    night = find(butler, Request(dataset_ids=(ref.id,), element="day_obs"))
    assert [target.element for target in night.targets] == ["day_obs"]
    unknown = uuid.uuid4()
    with pytest.raises(AnnotationError, match=f"has no dataset {unknown}"):
        find(butler, Request(dataset_ids=(ref.id, unknown)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dataset_types": ("star_catalogue",)}, DatasetTypeNotFoundError, "Did you mean star_catalog?"),
        ({"collections": ("DemoCamera/catalog",)}, CollectionNotFoundError, "Did you mean DemoCamera/cat"),
        ({"collections": ()}, AnnotationError, "in which collections"),
        ({"element": "visitt"}, DataIdError, "Did you mean visit?"),
        ({"element": "tract"}, AnnotationError, "have no tract; their dimensions are"),
        ({"where": "visitt > 3"}, ExpressionError, "'visitt > 3' cannot be used"),
        ({"where": f"{HERE} AND visit < 0"}, AnnotationError, "There is nothing to mark.*visit < 0"),
        (
            {"where": f"{HERE} AND ({' OR '.join(f'visit = {n}' for n in range(2000))})"},
            ExpressionError,
            r"visit = 0.{100,200}\.\.\.[\"'] cannot be used: it has 30,\d{3} characters, and is nested too",
        ),
        (
            {"where": f"{HERE} AND visit IN ({', '.join(map(str, range(6000)))})"},
            RepositoryError,
            r"visit IN \(0, 1.{100,200}\.\.\.: .*too large",
        ),
        ({"standing": True, "collections": ("Demo*",)}, AnnotationError, "takes names, and no pattern"),
    ],
)
def test_what_is_not_there_is_refused_with_what_would_be(
    butler: Butler, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        find(butler, catalogs(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Say what is meant"),
        ({"element": "visit", "data_ids": True}, "with a dataset type, and with nothing else"),
        ({"element": "visit", "standing": True}, "would mark everything for ever"),
        (
            {"element": "visit", "dataset_types": ("raw",), "standing": True, "where": "x"},
            "about datasets of types or about the records",
        ),
    ],
)
def test_a_request_that_means_nothing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        Request(**options)


def test_a_dataset_is_spoken_of_by_its_records_too(
    log: Annotations, alice: Actor, bot: Actor, butler: Butler
) -> None:
    things = find(butler, catalogs()).things
    [about, _] = targets_about(things)
    assert {target.element or target.kind for target in about} == {
        "dataset", "data_id", "visit", "detector", "instrument", "day_obs", "physical_filter", "band",
    }  # fmt: skip
    night = Target.dimension("day_obs", {"instrument": "DemoCamera", "day_obs": 20260301})
    last = Target.dimension("visit", {"instrument": "DemoCamera", "visit": 2026030100008})
    log.add(targets=[night], text="humid", tags=["weather"], actor=alice)
    log.add(targets=[last], flags=[Assertion("clouds", "set")], actor=bot)
    log.add(targets=[last], flags=[Assertion("clouds", "clear", "thin")], actor=alice)
    said = said_of(log, things)
    assert [(one.thing.data_id["visit"], one.target.element) for one in said] == [
        (2026030100007, "day_obs"),
        (2026030100008, "visit"),
        (2026030100008, "day_obs"),
    ]
    flag: Any = said[1].what
    assert (flag.state, flag.by.name, flag.reason) == ("clear", "alice", "thin")
    assert [one.what.flag for one in said_of(log, things, flags=["clouds"])] == ["clouds"]  # type: ignore[union-attr]
