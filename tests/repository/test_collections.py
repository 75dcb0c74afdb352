"""The collections of a live repository."""

from collections.abc import Callable

import pytest
from lsst.daf.butler import Butler, CollectionType, DatasetRef  # type: ignore[attr-defined]

from gnomon.errors import CollectionNotFoundError
from gnomon.measurements import Measurement
from gnomon.repository.collections import Collections, definitions, existing_runs, resolve
from gnomon.repository.harvest import harvest
from gnomon.store import Chain, Store, Tagged

type Put = Callable[..., DatasetRef]


def values(store: Store, collections: str, live: list[Chain | Tagged]) -> list[float]:
    result = store.load(collections=collections, definitions=live)
    return sorted(result.polars()["value"].to_list())


@pytest.fixture
def chosen(butler: Butler, put: Put, visits: list[int]) -> DatasetRef:
    """Collections of every type, one in another; the dataset of the TAGGED one."""
    for number, run in enumerate(("old", "new")):
        put(Measurement("demo.visit", float(number)), run=run)
    ref = put(Measurement("demo.visit", 9.0), run="apart", visit=visits[1])
    butler.collections.register("chosen", CollectionType.TAGGED)
    # What is no measurement can be chosen too.
    catalog = butler.query_datasets("star_catalog", "DemoCamera/catalogs")[0]
    butler.registry.associate("chosen", [ref, catalog])
    butler.collections.register("calibs", CollectionType.CALIBRATION)
    for name, children in {"inner": ["new", "chosen"], "outer": ["calibs", "inner", "old", "new"]}.items():
        butler.collections.register(name, CollectionType.CHAINED)
        butler.collections.redefine_chain(name, children)
    return ref


def test_collections_are_taken_apart_by_type_in_order_of_search(butler: Butler, chosen: DatasetRef) -> None:
    assert resolve(butler, ["outer", "old"]) == Collections(
        runs=["new", "old"],
        chains=[Chain("outer", ("calibs", "inner", "old", "new")), Chain("inner", ("new", "chosen"))],
        tagged=["chosen"],
        calibrations=["calibs"],
    )
    assert resolve(butler, ["nowhere", "o*d"], missing_ok=True) == Collections(["old"], missing=["nowhere"])
    with pytest.raises(CollectionNotFoundError, match=r"no collection 'outter'\. Did you mean outer"):
        resolve(butler, ["outter"])


def test_definitions_are_those_of_this_moment(butler: Butler, store: Store, chosen: DatasetRef) -> None:
    harvest(butler, store, collections="*")
    runs, live = definitions(butler, "outer")
    assert runs == ["new", "old"]
    assert live == [
        Chain("outer", ("calibs", "inner", "old", "new")),
        Chain("inner", ("new", "chosen")),
        Tagged("chosen", frozenset({chosen.id.bytes})),
    ]
    assert values(store, "outer", live) == [1.0, 9.0]
    butler.collections.redefine_chain("outer", ["old", "inner"])
    butler.registry.disassociate("chosen", [chosen])
    # The store knows what was, the repository what is.
    assert values(store, "outer", []) == [1.0, 9.0]
    assert values(store, "outer", definitions(butler, ["outer"])[1]) == [0.0]


def test_runs_that_exist_are_told_from_others(butler: Butler, chosen: DatasetRef) -> None:
    assert existing_runs(butler, ["old", "gone", "outer", "new"]) == ["old", "new"]
