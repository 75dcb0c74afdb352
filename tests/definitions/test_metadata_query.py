"""Metadata queries: plain terms and conditions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.definitions import MetadataQuery
from gnomon.errors import DefinitionError

FACTS = st.dictionaries(
    st.sampled_from("abc"),
    st.one_of(st.integers(-3, 3), st.sampled_from(["g", "LSSTCam", ""]), st.booleans()),
)


@pytest.mark.parametrize(
    ("condition", "meeting", "missing"),
    [
        ({"min": 1}, [1, 1.5, 2], [0, "1", None, True]),
        ({"max": 1}, [1, 0], [1.1, "0"]),
        ({"above": 1, "below": 2}, [1.5], [1, 2]),
        ({"min": "2026-01"}, ["2026-02"], ["2025-12", 3]),
        ({"in": ["g", "r"]}, ["g"], ["i", None]),
        ({"in": [0, 1]}, [1], [True]),
        ({"not_in": [1, 2]}, [3, "1"], [2]),
        ({"like": "LSST*"}, ["LSSTCam"], ["lsstcam", 3]),
        ([1, 2], [[1, 2]], [1, [2, 1]]),
        ("g", ["g"], ["r"]),
    ],
)
def test_a_condition_is_met_or_not(condition: Any, meeting: list[Any], missing: list[Any]) -> None:
    query = MetadataQuery({"k": condition})
    assert all(query({"k": fact}) for fact in meeting)
    assert not any(query({"k": fact}) for fact in missing)
    assert not query({})


@given(FACTS, FACTS)
def test_plain_terms_are_equality_either_way_round(terms: dict[str, Any], facts: dict[str, Any]) -> None:
    query = MetadataQuery(terms)
    assert query(facts) == all(key in facts and facts[key] == value for key, value in terms.items())
    assert query(facts, arg_driven=True) == MetadataQuery(facts)(terms)
    assert query(facts) == (query.unmet(facts) is None)


def test_what_is_not_met_is_said() -> None:
    query = MetadataQuery({"band": "g", "airmass": {"min": 1, "max": 1.5}, "camera": {"in": ["A", "B"]}})
    assert query.unmet({"band": "r"}) == "asks for band = g; it is r"
    assert query.unmet({"band": "g", "airmass": 2}) == "asks for airmass >= 1 and <= 1.5; it is 2"
    assert query.unmet({"band": "g", "airmass": 1}) == "asks for camera one of A, B; that is not known"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("band", "is a mapping"),
        ({"a": {}}, "is empty"),
        ({"a": {"mn": 1}}, "Did you mean min"),
        ({"a": {"in": "g"}}, "takes a list"),
        ({"a": {"min": [1]}}, "a number or a string"),
        ({"a": {"like": 3}}, "takes a pattern"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(terms: Any, words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        MetadataQuery(terms)


def test_it_is_the_established_class_too() -> None:
    query = MetadataQuery({"filter": "r"})
    assert query.terms == {"filter": "r"} == query.json
    assert (str(query), repr(query)) == ("{'filter': 'r'}", "MetadataQuery({'filter': 'r'})")
    assert query == MetadataQuery({"filter": "r"})
    assert MetadataQuery() == MetadataQuery({})
