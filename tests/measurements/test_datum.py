"""Data beside measurements."""

import json
import math

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from tests.measurements.strategies import datums

from gnomon.errors import DefinitionError, MeasurementError, UnitMismatchError
from gnomon.measurements import Datum

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("value", ["text", "", True, False, 5, 0, -(10**30), None])
@pytest.mark.parametrize("unit", [None, ""])
def test_what_is_no_quantity_is_kept_as_it_is_and_has_no_unit(value: object, unit: str | None) -> None:
    datum = Datum(value, unit)
    assert datum.quantity is value or datum.quantity == value
    assert type(datum.quantity) is type(value)
    assert (datum.unit, datum.unit_str, datum.latex_unit) == (None, "", "")


def test_a_number_with_a_unit_is_a_quantity() -> None:
    assert Datum(5.0, "mmag").quantity == 5 * u.mmag
    assert Datum(5, "mmag").quantity == 5 * u.mmag
    assert Datum(5.0, "").quantity == u.Quantity(5.0)
    assert np.array_equal(Datum([1, 2], u.s).quantity, [1, 2] * u.s)
    assert Datum(1 * u.mag, "mmag").value == 1000
    assert Datum(np.bool_(True)).quantity is True
    assert type(Datum(np.int32(5)).quantity) is int
    assert Datum(1 * u.ABmag).quantity == 1 * u.ABmag


@pytest.mark.parametrize("value", [5.0, [1.0], np.array([1.0]), np.float32(1.0), 1j, object(), (1, 2)])
def test_other_values_need_a_unit(value: object) -> None:
    with pytest.raises(ValueError, match="needs its unit"):
        Datum(value)
    datum = Datum("text")
    with pytest.raises(MeasurementError, match="needs its unit"):
        datum.quantity = value
    assert datum == Datum("text")


@pytest.mark.parametrize("value", [1j, object(), ["a"], [[1], [1, 2]], {"a": 1}, 10**400])
def test_what_is_no_real_number_is_refused(value: object) -> None:
    with pytest.raises(MeasurementError) as caught:
        Datum(value, "s")
    assert isinstance(caught.value, TypeError)


def test_units_must_be_there_and_fit() -> None:
    with pytest.raises(DefinitionError, match="nosuch"):
        Datum(5.0, "nosuch")
    with pytest.raises(UnitMismatchError):
        Datum(1 * u.s, "m")


@pytest.mark.parametrize("name", ["label", "description"])
def test_label_and_description_are_strings_or_nothing(name: str) -> None:
    datum = Datum(5)
    setattr(datum, name, "text")
    assert getattr(datum, name) == "text"
    setattr(datum, name, None)
    with pytest.raises(TypeError, match=f"{name} of a datum is a string"):
        setattr(datum, name, 5)
    with pytest.raises(TypeError):
        Datum(5, **{name: 5})  # type: ignore[arg-type]


def test_the_quantity_can_be_set() -> None:
    datum = Datum("text")
    for value in (5 * u.mmag, "other", True, 7, None):
        datum.quantity = value
        assert datum.quantity == value


def test_a_datum_shows_label_value_and_description() -> None:
    assert (
        str(Datum(50.0, "mmag", label="label", description="What it is.")) == "label = 50.0 mmag\nWhat it is."
    )
    assert str(Datum(50.0, "mmag")) == "50.0 mmag"
    assert str(Datum("text", label="label")) == "label = text"
    assert Datum(50.0, "mmag").latex_unit == r"$\mathrm{mmag}$"
    assert Datum(50.0, "").latex_unit == ""


def test_datums_are_equal_in_whatever_unit() -> None:
    assert Datum(1 * u.mag) == Datum(1000 * u.mmag)
    assert Datum(0.3 * u.s) == Datum((0.1 + 0.2) * u.s)
    assert Datum(1 * u.mag) != Datum(1 * u.s)
    assert Datum(1.0, "s", label="a") != Datum(1.0, "s", label="b")
    assert Datum(1.0, "s", description="a") != Datum(1.0, "s")
    assert Datum([1.0, NAN], "s") == Datum([1000.0, NAN], "ms")
    assert Datum([1.0], "s") != Datum(1.0, "s")
    assert Datum([1.0, 2.0], "s") != Datum([1.0], "s")
    assert Datum(NAN, "s") == Datum(NAN, "s")
    assert Datum(1) != Datum(True)
    assert Datum(1) != Datum("1")
    assert Datum(1) == Datum(1.0, "")
    assert Datum(0) != Datum(None)
    assert Datum(10**30) != Datum(10**30 + 1)
    assert Datum(1) != 1


@given(datums)
def test_json_gives_back_the_same_datum(datum: Datum) -> None:
    document = json.loads(json.dumps(datum.json, allow_nan=False))
    assert set(document) == {"value", "unit", "label", "description"}
    again = Datum.deserialize(**document)
    assert again.json == datum.json
    infinite = isinstance(datum.quantity, u.Quantity) and bool(np.isinf(datum.quantity.value).any())
    assert infinite or again == datum


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=3)))
def test_arrays_of_few_bits_survive_json(array: np.typing.NDArray[np.float32]) -> None:
    datum = Datum(array * u.s)
    again = Datum.deserialize(**json.loads(json.dumps(datum.json, allow_nan=False)))
    finite = np.where(np.isfinite(array), array.astype(float), NAN)
    assert np.array_equal(again.quantity.value, finite, equal_nan=True)


@pytest.mark.parametrize(
    ("document", "datum"),
    [
        ({}, Datum(None)),
        ({"value": None}, Datum(None)),
        ({"value": None, "unit": ""}, Datum(None)),
        ({"value": None, "unit": None}, Datum(NAN, "")),
        ({"value": None, "unit": "s"}, Datum(NAN, "s")),
        ({"value": [1.0, None], "unit": ""}, Datum([1.0, NAN], "")),
        ({"value": [None], "unit": "s"}, Datum([NAN], "s")),
        ({"value": []  , "unit": "s"}, Datum([], "s")),
        ({"value": 5}, Datum(5)),
        ({"value": 5, "unit": None}, Datum(5)),
        ({"value": 5, "unit": "s"}, Datum(5, "s")),
        ({"value": "text", "unit": ""}, Datum("text")),
        ({"value": True, "unit": ""}, Datum(True)),
    ],
)  # fmt: skip
def test_an_absent_value_is_nothing_without_a_unit_and_else_nan(document: object, datum: Datum) -> None:
    assert Datum.deserialize(**document) == datum  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_dimensionless_number_that_json_lacks_has_no_unit_either(value: float) -> None:
    assert Datum(value, "").json == {"value": None, "unit": None, "label": None, "description": None}
    assert Datum(value, "s").json["unit"] == "s"


@pytest.mark.parametrize("value", [5, [1, 2], 5.0])
def test_integers_are_written_as_integers_again(value: object) -> None:
    assert json.dumps(Datum.deserialize(value=value, unit="s").json["value"]) == json.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"value": 5.0}, "unit is missing"),
        ({"value": 5.0, "unit": None}, "unit is missing"),
        ({"value": 5.0, "unit": "nosuch"}, "unit is no unit"),
        ({"value": 5.0, "unit": 7}, "unit is the string"),
        ({"value": [1, "a"], "unit": ""}, "value is a list of something else"),
        ({"value": [None, "a"], "unit": ""}, "value is a list of something else"),
        ({"value": [None, True], "unit": ""}, "value is a list of something else"),
        ({"value": [[1], [1, 2]], "unit": ""}, "value is not an array"),
        ({"value": [10**400], "unit": ""}, "value is not an array"),
        ({"value": 10**400, "unit": "s"}, "value is too large"),
        ({"value": {"a": 1}, "unit": "s"}, "value is a scalar or a list"),
        ({"value": 5, "label": 5}, "label is a string or null"),
        ({"value": 5, "description": []}, "description is a string or null, not a list"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_field(document: object, words: str) -> None:
    with pytest.raises(MeasurementError, match=words):
        Datum.deserialize(**document)  # type: ignore[arg-type]


def test_a_change_of_what_was_given_out_changes_no_scalar() -> None:
    datum = Datum(5.0, "s")
    quantity = datum.quantity
    quantity *= 2
    assert datum.value == 5.0
