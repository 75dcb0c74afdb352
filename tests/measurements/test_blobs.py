"""Blobs and sets of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.measurements.strategies import blobs

from gnomon.errors import MeasurementError
from gnomon.measurements import Blob, BlobSet, Datum


def test_a_blob_is_a_mapping_of_datums() -> None:
    blob = Blob("stars", n=Datum(41), seeing=Datum(0.7, "arcsec"))
    assert (blob.name, len(blob.identifier), len(blob)) == ("stars", 32, 2)
    assert (list(blob), list(blob.keys())) == (["n", "seeing"], ["n", "seeing"])
    assert list(blob.values()) == [blob["n"], blob["seeing"]]
    assert dict(blob.items()) == dict(blob)
    assert "n" in blob
    del blob["n"]
    assert "n" not in blob
    assert blob.get("n") is None
    with pytest.raises(KeyError, match="Did you mean seeing"):
        blob["sein"]
    with pytest.raises(KeyError):
        del blob["n"]


@pytest.mark.parametrize("name", [5, None, b"x", ["x"]])
def test_the_name_of_a_blob_is_a_string(name: object) -> None:
    with pytest.raises(TypeError, match="name of a blob is a string"):
        Blob(name)  # type: ignore[arg-type]


def test_keys_are_strings_and_values_datums() -> None:
    blob = Blob("stars")
    with pytest.raises(KeyError, match="key of a blob is a string"):
        blob[5] = Datum(5)  # type: ignore[index]
    with pytest.raises(TypeError, match="holds Datum objects"):
        blob["n"] = 5  # type: ignore[assignment]
    with pytest.raises(TypeError):
        Blob("stars", n=5)  # type: ignore[arg-type]


def test_blobs_are_equal_only_with_their_identifiers() -> None:
    blob = Blob("stars", n=Datum(41))
    assert blob == Blob.deserialize(**blob.json)
    assert blob != Blob("stars", n=Datum(41))
    assert blob.same_data(Blob("stars", n=Datum(41)))
    assert not blob.same_data(Blob("others", n=Datum(41)))
    assert blob != 5


@given(blobs())
def test_json_gives_back_the_same_blob(blob: Blob) -> None:
    again = Blob.deserialize(**json.loads(json.dumps(blob.json, allow_nan=False)))
    assert again == blob
    assert again.json == blob.json


def test_a_blob_without_data_is_an_empty_one() -> None:
    assert len(Blob.deserialize("abc", "x", None)) == 0
    assert len(Blob.deserialize(name="x").identifier) == 32


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"identifier": 5, "name": "x"}, "identifier is a string"),
        ({"identifier": "5", "name": None}, "name is a string"),
        ({"name": "x", "data": [1]}, "data is a mapping or null, not a list"),
        ({"name": "x", "data": {"k": 5}}, r"data\.k is a datum"),
        ({"name": "x", "data": {5: {}}}, "no string"),
        ({"name": "x", "data": {"k": {"value": 1.5, "unit": "nosuch"}}}, r"data\.k\.unit is no unit"),
        ({"name": "x", "data": {"k": {"valeu": 1.5}}}, "unknown key 'valeu'. Did you mean value"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_path(document: object, words: str) -> None:
    with pytest.raises(MeasurementError, match=words):
        Blob.deserialize(**document)  # type: ignore[arg-type]


def test_a_blob_is_found_by_identifier_and_by_name() -> None:
    first, second, third = Blob("x"), Blob("x"), Blob("y")
    found = BlobSet([first, second])
    found[third.identifier] = third
    assert found[first.identifier] is first
    assert found["x"] is second
    assert "y" in found
    assert third.identifier in found
    assert 5 not in found
    del found["x"]
    assert found["x"] is first
    del found[first.identifier]
    assert "x" not in found
    with pytest.raises(KeyError, match="Known are: y"):
        found["x"]
    with pytest.raises(KeyError):
        del found["x"]
    assert list(found) == list(found.keys()) == [third.identifier]
    assert list(found.values()) == [third]
    assert dict(found.items()) == {third.identifier: third}


def test_a_blob_inserted_again_under_another_name_is_not_found_by_the_old_one() -> None:
    found = BlobSet([Blob.deserialize("abc", "x"), Blob.deserialize("abc", "y")])
    assert len(found) == 1
    assert "x" not in found
    assert found["y"].identifier == "abc"


def test_a_set_takes_blobs_under_their_identifiers_only() -> None:
    found, blob = BlobSet(), Blob("x")
    with pytest.raises(KeyError, match="under its identifier"):
        found["x"] = blob
    with pytest.raises(TypeError):
        found["x"] = 5  # type: ignore[assignment]
    with pytest.raises(TypeError):
        found.insert("x")  # type: ignore[arg-type]


def test_a_set_says_how_many_blobs_it_has() -> None:
    assert str(BlobSet()) == "<BlobSet: empty>"
    assert str(BlobSet([Blob("x")])) == "<BlobSet: 1 Blob>"
    assert str(BlobSet([Blob("x"), Blob("x")])) == "<BlobSet: 2 Blobs>"


@given(st.lists(blobs(), max_size=3))
def test_json_gives_back_the_same_set(members: list[Blob]) -> None:
    found = BlobSet(members)
    assert BlobSet.deserialize(found.json) == found
    assert BlobSet.deserialize() == BlobSet()


def test_the_path_to_a_wrong_blob_says_which() -> None:
    with pytest.raises(MeasurementError, match=r"^\[1\]\.name is a string"):
        BlobSet.deserialize([Blob("x").json, {"identifier": "abc"}])
