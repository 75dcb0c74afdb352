"""Canonical data IDs, held against the Butler's own dimension universe."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsst.daf.butler import DimensionUniverse

from gnomon import dataids
from gnomon.errors import DataIdError

UNIVERSE = DimensionUniverse()
NAMES = sorted(set(UNIVERSE.dimensions.names) - set(UNIVERSE.skypix_dimensions.names))


def value(name: str, number: int) -> int | str:
    return number if name in dataids.INTEGER_DIMENSIONS else f"{name}{number}"


@st.composite
def whole_data_ids(draw: st.DrawFn) -> dict[str, int | str]:
    group = UNIVERSE.conform(draw(st.sets(st.sampled_from(NAMES), max_size=5)))
    names = draw(st.permutations(sorted(group.names)))
    return {name: value(name, draw(st.integers(0, 3))) for name in names}


def test_the_tables_know_every_dimension_and_what_it_requires_and_implies() -> None:
    for dimension in UNIVERSE.dimensions:
        if dimension.name not in NAMES:
            continue
        needed = set(dimension.required.names) - {dimension.name}
        assert dataids.REQUIRED[dimension.name] == needed, dimension.name
        implied = set(dimension.minimal_group.implied)
        assert dataids.IMPLIED.get(dimension.name, frozenset()) == implied, dimension.name
    assert set(dataids.REQUIRED) - set(NAMES) == {"healpix", "htm"}


def test_integers_and_strings_are_where_the_universe_has_them() -> None:
    for name in NAMES:
        whole = {other: value(other, 1) for other in dataids.REQUIRED[name]}
        wanted = UNIVERSE.dimensions[name].primaryKey.getPythonType()
        right, wrong = (7, "seven") if wanted is int else ("seven", 7)
        assert dataids.complete({**whole, name: right})[name] == right
        with pytest.raises(DataIdError, match=name):
            dataids.complete({**whole, name: wrong})


@given(st.sets(st.sampled_from(NAMES)))
def test_what_identifies_is_what_the_universe_requires(names: set[str]) -> None:
    assert dataids.required(names) == set(UNIVERSE.conform(names).required) & names


@given(whole_data_ids())
def test_the_key_leaves_out_what_is_implied_and_reads_back(data_id: dict[str, int | str]) -> None:
    required = UNIVERSE.conform(data_id).required
    parsed = dataids.parse(dataids.key(data_id))
    assert parsed == {name: data_id[name] for name in required}
    assert dataids.key(parsed) == dataids.key(data_id)


@given(whole_data_ids(), st.randoms())
def test_the_key_does_not_depend_on_order(data_id: dict[str, int | str], random: object) -> None:
    items = list(data_id.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert dataids.key(dict(items)) == dataids.key(data_id)


@given(whole_data_ids(), whole_data_ids())
@settings(max_examples=200)
def test_keys_are_equal_just_where_the_identifying_values_are(
    a: dict[str, int | str], b: dict[str, int | str]
) -> None:
    def identity(d: dict[str, int | str]) -> dict[str, int | str]:
        return {name: d[name] for name in UNIVERSE.conform(d).required}

    assert (dataids.key(a) == dataids.key(b)) == (identity(a) == identity(b))


def test_numpy_integers_are_integers_and_booleans_are_not() -> None:
    assert dataids.complete({"instrument": "I", "visit": np.int64(3)}) == {"instrument": "I", "visit": 3}  # type: ignore[dict-item]
    with pytest.raises(DataIdError, match="visit takes an integer"):
        dataids.key({"instrument": "I", "visit": True})


def test_a_dimension_without_what_it_needs_is_refused() -> None:
    with pytest.raises(DataIdError, match="visit needs instrument too"):
        dataids.key({"visit": 3})


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"visit": 1}'])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(DataIdError):
        dataids.parse(text)


def test_people_read_a_data_id_in_the_customary_order() -> None:
    assert (
        dataids.format({"detector": 3, "visit": 42, "instrument": "LSSTCam"}) == "LSSTCam visit=42 detector=3"
    )
    assert dataids.format({}) == "the repository"


def test_a_name_that_is_no_dimension_is_refused_with_the_nearest() -> None:
    dataids.check_dimensions(["visit", "healpix9", "htm7"])
    with pytest.raises(DataIdError, match="Did you mean detector"):
        dataids.check_dimensions(["detectr"])
