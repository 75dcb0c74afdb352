import uuid
from collections.abc import Callable

import pytest

from gnomon.annotations import Actor, Annotations, Target
from gnomon.errors import AnnotationError, DataIdError

DATASET = uuid.UUID("01a2043d-8f5d-7111-ab0a-4037d4db5640")


def test_implied_dimensions_and_order_make_no_other_target() -> None:
    one = Target.dimension("visit", {"visit": 1, "instrument": "LSSTCam", "band": "r"})
    two = Target.dimension("visit", {"instrument": "LSSTCam", "visit": 1})
    assert one == two
    assert one.key == two.key == 'dimension:{"instrument":"LSSTCam","visit":1}'
    assert len({one, two}) == 1


def test_a_data_id_of_several_dimensions_is_one_target_by_either_name() -> None:
    data_id: dict[str, int | str] = {"instrument": "LSSTCam", "visit": 1, "detector": 3}
    assert Target.dimension("visit", data_id) == Target.dimension("detector", data_id)
    assert Target.dimension("visit", data_id) != Target.dimension(
        "visit", {"instrument": "LSSTCam", "visit": 1}
    )


def test_a_dataset_is_the_same_in_every_repository_but_a_collection_is_not() -> None:
    assert Target.dataset(DATASET) == Target.dataset(str(DATASET), repository="main")
    assert Target.collection("u/me/run") != Target.collection("u/me/run", repository="main")


def test_an_exposure_and_a_visit_of_the_same_number_are_two_things() -> None:
    assert Target.dimension("visit", {"instrument": "X", "visit": 1}) != Target.dimension(
        "exposure", {"instrument": "X", "exposure": 1}
    )


def test_targets_of_every_kind_come_back_from_the_database_as_they_were(
    log: Annotations, alice: Actor
) -> None:
    targets = (
        Target.dataset(DATASET, repository="main"),
        Target.dimension("patch", {"skymap": "cells_v1", "tract": 5, "patch": 7}),
        Target.collection('odd "name" %_', repository="main"),
        Target.timespan(1_800_000_000_000_000, 1_800_000_060_000_000, "LATISS"),
    )
    added = log.add(targets=targets, text="x", actor=alice)
    found = log.get(added.id).targets
    assert [target.to_dict() for target in found] == [target.to_dict() for target in targets]
    assert all(log.search(target=target) == [added] for target in targets)


def test_a_thing_that_the_data_id_does_not_name_is_refused() -> None:
    with pytest.raises(AnnotationError, match="stands for visit, not for instrument"):
        Target.dimension("instrument", {"instrument": "X", "visit": 1})
    with pytest.raises(AnnotationError, match="stands for visit, not for detector"):
        Target.dimension("detector", {"instrument": "X", "visit": 1})
    with pytest.raises(DataIdError, match="Did you mean visit"):
        Target.dimension("vist", {"instrument": "X", "vist": 1})
    with pytest.raises(DataIdError, match="needs instrument"):
        Target.dimension("visit", {"visit": 1})


def test_a_timespan_begins_before_it_ends() -> None:
    with pytest.raises(AnnotationError, match="before it ends"):
        Target.timespan(5, 5, "X")
    with pytest.raises(AnnotationError, match="must be an integer"):
        Target.timespan(0, 2**63, "X")


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a\nb", "x" * 501, "half \ud800"])
def test_names_that_no_database_keeps_are_refused(name: str) -> None:
    makers: list[Callable[[], Target]] = [
        lambda: Target.collection(name),
        lambda: Target.collection("c", repository=name),
        lambda: Target.dimension("skymap", {"skymap": name}),
        lambda: Target.timespan(0, 1, name),
    ]
    for make in makers:
        with pytest.raises(AnnotationError):
            make()


def test_what_is_no_uuid_is_refused() -> None:
    with pytest.raises(AnnotationError, match="is not the id of a dataset"):
        Target.dataset("42")


def test_values_of_a_kind_that_nobody_makes_are_refused() -> None:
    with pytest.raises(AnnotationError, match="not a kind of target"):
        Target.from_dict({"kind": "planet"})
    with pytest.raises(AnnotationError, match="lacks its where"):
        Target.from_dict({"kind": "query"})
    with pytest.raises(AnnotationError, match="lacks its name"):
        Target.from_dict({"kind": "collection"})
