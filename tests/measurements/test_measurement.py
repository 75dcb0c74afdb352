"""Measurements, their notes and extras."""

import json
import math
from typing import Any

import astropy.units as u
import numpy as np
import pytest

from gnomon import times
from gnomon.definitions import Metric
from gnomon.errors import MeasurementError, NameFormatError, UnitMismatchError
from gnomon.measurements import Blob, BlobSet, Datum, Measurement
from gnomon.names import Name

METRIC = Metric("demo.scatter", "Scatter.", "mmag")


def test_units_are_checked_where_the_metric_is_known() -> None:
    assert Measurement(METRIC, 0.01 * u.mag).quantity == 10 * u.mmag
    with pytest.raises(UnitMismatchError, match="measured in mmag; a value in s") as caught:
        Measurement(METRIC, 1 * u.s)
    assert isinstance(caught.value, TypeError)
    with pytest.raises(UnitMismatchError, match="no unit"):
        Measurement(METRIC, 5.0)
    assert Measurement("demo.scatter", 1 * u.s).unit == u.s


def test_a_bare_number_is_dimensionless_and_nothing_is_a_value_too() -> None:
    assert Measurement("demo.ratio", 5).quantity == u.Quantity(5)
    nothing = Measurement(METRIC)
    assert (nothing.quantity, nothing.value, nothing.unit_str) == (None, None, "mmag")


@pytest.mark.parametrize(
    "bad", [[1, 2] * u.s, "5", True, np.array([1.0]), 1j, np.array(1j), object(), int, [1.0], 10**400]
)
def test_only_scalars_are_measured(bad: object) -> None:
    with pytest.raises(MeasurementError, match="scalar quantity") as caught:
        Measurement("demo.ratio", bad)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "number", [np.float32(1.5), np.array(1.5), np.float64(1.5), np.array(1.5, np.float16)]
)
def test_float32_and_an_array_without_dimensions_are_numbers_like_any_other(number: object) -> None:
    measurement = Measurement("demo.ratio", u.Quantity(number, u.s))
    assert type(measurement.value) is float
    assert json.loads(json.dumps(measurement.json))["value"] == 1.5


def test_identifiers_are_new_each_time_unless_given() -> None:
    first, second = Measurement("demo.a"), Measurement("demo.a")
    assert first.identifier != second.identifier
    assert len(first.identifier) == 32
    assert first == second
    assert Measurement("demo.a", identifier="abc").identifier == "abc"


def test_notes_carry_the_name_of_the_metric() -> None:
    measurement = Measurement("demo.a", notes={"estimator": "median", "demo.a.other": 1})
    assert dict(measurement.notes) == {"demo.a.estimator": "median", "demo.a.other": 1}
    assert measurement.notes["other"] == measurement.notes["demo.a.other"] == 1
    assert "estimator" in measurement.notes
    del measurement.notes["estimator"]
    with pytest.raises(KeyError, match=r"no note 'demo\.a\.estimator'"):
        measurement.notes["estimator"]


def test_extras_are_the_blob_named_after_the_metric() -> None:
    shared = Blob("stars", n=Datum(41))
    extras = {"start": Datum("now"), "time": Datum(3 * u.s)}
    measurement = Measurement("demo.a", 1.0, blobs=[shared], extras=extras)
    assert list(measurement.blobs) == ["stars", "demo.a"]
    assert measurement.blobs["stars"] is shared
    assert measurement.extras["time"].quantity == 3 * u.s
    assert measurement.extras["start"].quantity == "now"
    with pytest.raises(KeyError, match="Did you mean start"):
        measurement.extras["strt"]


def test_uncertainty_and_count_go_with_the_value() -> None:
    measurement = Measurement(METRIC, 10 * u.mmag, uncertainty=0.5, count=11)
    assert (measurement.uncertainty, measurement.count) == (0.5 * u.mmag, 11)
    measurement.uncertainty = 0.001 * u.mag
    assert measurement.uncertainty == 1 * u.mmag
    measurement.uncertainty = None
    measurement.count = None
    assert (measurement.uncertainty, measurement.count, len(measurement.extras)) == (None, None, 0)
    with pytest.raises(UnitMismatchError, match="in s, its value in mmag"):
        measurement.uncertainty = 1 * u.s
    with pytest.raises(MeasurementError, match="0 or more"):
        measurement.count = -1


def test_a_users_own_extra_named_count_is_not_the_count() -> None:
    assert Measurement("demo.a", 1.0, extras={"count": Datum(3 * u.s)}).count is None


def test_the_moment_of_measuring_is_a_note_in_utc() -> None:
    measurement = Measurement("demo.a", 1.0)
    assert measurement.measured_at is None
    measurement.measured_at = times.from_utc_iso("2025-01-01T00:00:00.000001Z")
    assert measurement.notes["measured_at"] == "2025-01-01T00:00:00.000001Z"
    assert measurement.measured_at == times.from_utc_iso("2025-01-01T00:00:00.000001Z")
    measurement.notes["measured_at"] = "on a Tuesday"
    assert measurement.measured_at is None


def test_a_measurement_is_of_a_metric() -> None:
    with pytest.raises(MeasurementError, match="names something else"):
        Measurement(Name("demo"))
    with pytest.raises(NameFormatError):
        Measurement("demo.a.b.c")


def test_setting_the_metric_checks_it_and_names_the_measurement_after_it() -> None:
    measurement = Measurement("demo.a", 1 * u.mag, extras={"n": Datum(3)}, notes={"by": "eye"})
    assert (measurement.metric, measurement.description) == (None, None)
    measurement.metric = METRIC
    assert measurement.metric is METRIC
    assert (str(measurement.metric_name), measurement.description) == ("demo.scatter", "Scatter.")
    assert dict(measurement.notes) == {"demo.scatter.by": "eye"}
    assert measurement.extras["n"] == Datum(3)
    assert set(measurement.blobs) == {"demo.scatter"}
    with pytest.raises(UnitMismatchError):
        measurement.metric = Metric("demo.scatter", unit="s")
    with pytest.raises(TypeError, match="is a Metric"):
        measurement.metric = "demo.scatter"  # type: ignore[assignment]
    assert measurement.metric is METRIC


def test_renaming_takes_extras_and_notes_along_and_lets_the_old_metric_go() -> None:
    measurement = Measurement(METRIC, 1 * u.mag, extras={"n": Datum(3)}, notes={"demo.scatter.x": 1, "y": 2})
    measurement.metric_name = "demo.other"
    assert measurement.metric is None
    assert measurement.metric_name == Name("demo.other")
    assert measurement.extras["n"] == Datum(3)
    assert set(measurement.blobs) == {"demo.other"}
    assert dict(measurement.notes) == {"demo.other.x": 1, "demo.other.y": 2}
    with pytest.raises(TypeError):
        measurement.metric_name = Name("demo.other.spec")
    with pytest.raises(TypeError):
        measurement.metric_name = 5  # type: ignore[assignment]


def test_renaming_leaves_a_blob_alone_that_others_may_have() -> None:
    blob = Blob("demo.a", n=Datum(1))
    measurement, other = Measurement("demo.a", 1.0, blobs=[blob]), Measurement("demo.b", 1.0, blobs=[blob])
    measurement.metric_name = "demo.c"
    assert other.blobs["demo.a"].name == "demo.a"
    measurement.extras["n"] = Datum(2)
    assert blob["n"] == Datum(1)


def test_the_blob_of_extras_is_always_there_and_is_not_written_while_it_is_empty() -> None:
    measurement = Measurement("demo.a", 1.0)
    assert set(measurement.blobs) == {"demo.a"}
    assert measurement.json["blob_refs"] == []
    measurement.extras["n"] = Datum(3)
    assert measurement.json["blob_refs"] == [measurement.extras.identifier]


@pytest.mark.parametrize("blobs", [["text"], [Datum(1)], "text", 5, [None], Blob("b")])
def test_blobs_are_a_list_of_blobs(blobs: object) -> None:
    with pytest.raises(TypeError, match=r"[Bb]lob"):
        Measurement("demo.a", 1.0, blobs=blobs)  # type: ignore[arg-type]


def test_a_set_of_blobs_does_for_a_list() -> None:
    blobs = [Blob("x"), Blob("y")]
    assert list(Measurement("demo.a", 1.0, blobs=BlobSet(blobs)).blobs) == ["x", "y", "demo.a"]


@pytest.mark.parametrize("extras", [{"n": 5}, {"n": 5 * u.s}, [Datum(5)], "n"])
def test_extras_are_a_mapping_of_datums(extras: object) -> None:
    with pytest.raises(TypeError, match="Datum"):
        Measurement("demo.a", 1.0, extras=extras)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", [5, None, "", "a.b.c", Name("a.b.c"), b"a.b"])
def test_what_names_no_metric_is_a_type_error(metric: object) -> None:
    with pytest.raises(TypeError):
        Measurement(metric, 1.0)  # type: ignore[arg-type]


def test_measurements_are_equal_in_whatever_unit_and_under_whatever_identifiers() -> None:
    def made(quantity: u.Quantity | None, n: int = 3, note: str = "x") -> Measurement:
        return Measurement("demo.a", quantity, extras={"n": Datum(n)}, notes={"note": note})

    assert made(5 * u.mag) == made(5000 * u.mmag)
    assert made(0.3 * u.mag) == made((0.1 + 0.2) * u.mag)
    assert made(5 * u.mag) != made(5 * u.mmag)
    assert made(5 * u.mag) != made(5 * u.s)
    assert made(5 * u.mag) != made(5 * u.mag, n=4)
    assert made(5 * u.mag) != made(5 * u.mag, note="y")
    assert made(math.nan * u.mag) == made(math.nan * u.mmag)
    assert made(None) == made(None)
    assert made(None) != made(math.nan * u.mag)
    assert made(math.inf * u.mag) != made(-math.inf * u.mag)
    assert Measurement("demo.a", 1.0) != Measurement("demo.b", 1.0)
    assert Measurement("demo.a", 1.0) != 1.0


def test_a_measurement_shows_its_name_and_value() -> None:
    assert str(Measurement(METRIC, 5 * u.mmag)) == "demo.scatter: 5.0 mmag"
    assert str(Measurement(METRIC)) == "demo.scatter: not measured"
    assert "mmag" in Measurement(METRIC, 5 * u.mmag)._repr_latex_()
    assert Measurement(METRIC)._repr_latex_() == "demo.scatter: not measured"


def test_the_value_is_a_datum_too() -> None:
    datum = Measurement(METRIC, 5 * u.mmag).datum
    assert datum == Datum(5 * u.mmag, label="demo.scatter", description="Scatter.")


def test_the_json_is_in_the_unit_of_the_metric() -> None:
    document = Measurement(METRIC, 0.005 * u.mag, identifier="abc").json
    assert document == {
        "metric": "demo.scatter",
        "identifier": "abc",
        "value": pytest.approx(5.0),
        "unit": "mmag",
        "blob_refs": [],
    }
    assert Measurement("demo.scatter", 0.005 * u.mag).json["unit"] == "mag"


@pytest.mark.parametrize("quantity", [None, math.nan, math.inf, -math.inf, math.nan * u.s, -math.inf * u.s])
@pytest.mark.parametrize("metric", ["demo.a", Metric("demo.a", unit="s"), Metric("demo.a", unit="ms")])
def test_a_lone_measurement_survives_json_whole(metric: str | Metric, quantity: float | None) -> None:
    if isinstance(metric, Metric) and isinstance(quantity, float) and not isinstance(quantity, u.Quantity):
        quantity = quantity * u.s
    measurement = Measurement(metric, quantity, extras={"n": Datum(5)}, notes={"a.b.c": [1, None]})
    text = json.dumps(measurement.json, allow_nan=False)
    again = Measurement.deserialize(**json.loads(text), blobs=BlobSet(measurement.blobs.values()))
    assert again == measurement
    assert again.identifier == measurement.identifier
    assert again.json == measurement.json


def test_nothing_as_the_established_writer_has_it_is_read_as_nothing_and_written_so_again() -> None:
    document: dict[str, Any] = {"metric": "demo.a", "identifier": "abc", "value": None, "unit": None}
    document["blob_refs"] = []
    measurement = Measurement.deserialize(**document)
    assert (measurement.quantity, measurement.unit_str) == (None, "")
    assert measurement.json == document
    assert Measurement.deserialize(metric="demo.a", unit="s") == Measurement("demo.a", math.nan * u.s)


def test_notes_are_a_mapping_with_strings_for_keys() -> None:
    for notes in (5, ["x"], {5: "x"}):
        with pytest.raises(TypeError, match="otes"):
            Measurement("demo.a", 1.0, notes=notes)  # type: ignore[arg-type]


def test_blobs_are_found_by_their_identifiers_and_references_to_others_are_kept() -> None:
    blobs = [Blob("x", n=Datum(1)), Blob("y", n=Datum(2)), Blob("z")]
    refs = [blobs[1].identifier, "lost", blobs[0].identifier]
    measurement = Measurement.deserialize("demo.a", "abc", 5.0, "s", refs, blobs, unknown=1)
    assert list(measurement.blobs) == ["y", "x", "demo.a"]
    assert measurement.json["blob_refs"] == refs
    measurement.extras["n"] = Datum(1)
    del measurement.blobs["x"]
    assert measurement.json["blob_refs"] == [*refs[:2], measurement.extras.identifier]


def test_without_references_a_measurement_gets_all_blobs() -> None:
    blobs = BlobSet([Blob("x"), Blob("y")])
    assert list(Measurement.deserialize("demo.a", "abc", 5, "s", blobs=blobs).blobs) == ["x", "y", "demo.a"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("metric", 5, "metric is no name"),
        ("metric", None, "metric is no name"),
        ("identifier", 5, "identifier is a string"),
        ("value", "5", "value is a number or null, not '5'"),
        ("value", [5.0], "value is a number or null, not a list"),
        ("value", True, "value is a number"),
        ("value", 10**400, "too large"),
        ("unit", "nosuch", "unit is no unit"),
        ("unit", "(m, s)", "not the unit of a number"),
        ("unit", "m" * 10**6, "string of a unit"),
        ("unit", None, "string of a unit"),
        ("blob_refs", "abc", "list of identifiers"),
        ("blob_refs", [5], r"blob_refs\[0\] is an identifier"),
        ("blob_refs", {"a": 1}, "list of identifiers"),
        ("notes", [1], "notes is a mapping"),
        ("gnomon_value", "never", None),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_field(
    field: str, value: object, words: str | None
) -> None:
    document = {"metric": "demo.a", "identifier": "abc", "value": 5.0, "unit": "s", field: value}
    if words is None:
        document["value"] = None
    with pytest.raises(MeasurementError, match=words or "gnomon_value is 'none'") as caught:
        Measurement.deserialize(**document)  # type: ignore[arg-type]
    assert isinstance(caught.value, TypeError)
