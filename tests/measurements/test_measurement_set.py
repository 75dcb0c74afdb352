"""Sets of measurements, and metadata over them."""

import json
import math
from typing import Any

import astropy.units as u
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.measurements.strategies import measurements, texts

from gnomon.definitions import Metric, MetricSet
from gnomon.errors import DatumNotFoundError, MeasurementError, UnitMismatchError
from gnomon.measurements import Blob, BlobSet, Datum, Measurement, MeasurementSet, Metadata
from gnomon.names import Name


def test_a_measurement_is_found_by_the_name_of_its_metric() -> None:
    first, second, bare = Measurement("p.a", 1.0), Measurement("p.b", 2.0), Measurement("bare", 3.0)
    found = MeasurementSet([first, second, bare])
    assert found["p.a"] is found[Name("p.a")] is first
    assert found["bare"] is bare
    assert found.get("p.c") is None
    assert "p.b" in found
    assert Name("p.b") in found
    assert "bare" in found
    assert 5 not in found
    assert "a b" not in found
    assert list(found) == list(found.keys()) == [Name("p.a"), Name("p.b"), Name(metric="bare")]
    assert list(found.values()) == [first, second, bare]
    assert dict(found.items()) == {name: found[name] for name in found}
    del found["p.a"]
    del found["bare"]
    assert (len(found), "p.a" in found, "bare" in found) == (1, False, False)
    with pytest.raises(KeyError, match=r"no measurement of 'p\.c' here. Did you mean p\.b"):
        found["p.c"]
    with pytest.raises(KeyError):
        del found["p.a"]


def test_a_measurement_is_kept_under_its_own_name_only() -> None:
    found, measurement = MeasurementSet(), Measurement("p.a", 1.0)
    found["p.a"] = measurement
    found[Name("p.a")] = measurement
    for key in ("p.b", "p", "p.a.spec", "", Name("p"), Name("p.a.spec")):
        with pytest.raises(KeyError):
            found[key] = measurement
    with pytest.raises(TypeError):
        found["p.a"] = 5  # type: ignore[assignment]
    with pytest.raises(TypeError):
        found.insert(5 * u.s)
    with pytest.raises(TypeError):
        MeasurementSet(5)  # type: ignore[arg-type]
    assert list(found) == ["p.a"]


def test_the_measurements_of_another_set_replace_those_of_the_same_metric() -> None:
    found = MeasurementSet([Measurement("p.a", 1.0), Measurement("p.b", 2.0)])
    other = MeasurementSet([Measurement("p.b", 3.0), Measurement("p.c", 4.0)])
    found += other
    assert [m.value for m in found.values()] == [1.0, 3.0, 4.0]
    found.update(found)
    assert len(found) == 3
    assert MeasurementSet(other) == other


def test_a_set_says_how_many_measurements_it_has() -> None:
    one, two = Measurement("p.a", 1.0), Measurement("p.b", 1.0)
    assert str(MeasurementSet()) == "<MeasurementSet: empty>"
    assert str(MeasurementSet([one])) == "<MeasurementSet: 1 Measurement>"
    assert str(MeasurementSet([one, two])) == "<MeasurementSet: 2 Measurements>"


def test_a_unit_that_does_not_fit_its_metric_stops_nothing_and_is_noted() -> None:
    found = MeasurementSet(
        [Measurement("p.a", 1 * u.s), Measurement("p.b", 1 * u.s), Measurement("p.c", 1.0)]
    )
    metrics = MetricSet([Metric("p.a", unit="m"), Metric("p.b", unit="ms")])
    found.refresh_metrics(metrics)
    assert [m.metric for m in found.values()] == [None, metrics["p.b"], None]
    (problem,) = found.problems
    assert isinstance(problem, UnitMismatchError)
    again = MeasurementSet.deserialize(found.json, metric_set=metrics)
    assert [m.metric for m in again.values()] == [None, metrics["p.b"], None]
    assert [str(p) for p in again.problems] == [str(problem)]


def test_what_is_passed_over_in_reading_is_noted() -> None:
    documents: list[dict[str, Any]] = [
        {"metric": "p.a", "value": 1, "unit": "", "blob_refs": ["lost"], "unitt": "s"},
        {"metric": "p.a", "value": 2, "unit": ""},
    ]
    before = json.dumps(documents)
    found = MeasurementSet.deserialize(documents, BlobSet([Blob("x")]), MetricSet())
    assert found["p.a"].value == 2
    words = ["unknown key 'unitt'. Did you mean unit", "refers to the blob 'lost'", "two measurements of p.a"]
    assert [word in str(problem) for word, problem in zip(words, found.problems, strict=True)] == [True] * 3
    assert json.dumps(documents) == before


def test_the_path_to_a_wrong_measurement_says_which() -> None:
    with pytest.raises(MeasurementError, match=r"^\[1\]\.value is a number"):
        MeasurementSet.deserialize([{"metric": "p.a"}, {"metric": "p.b", "value": "x"}])


@given(measurements("p.a"), measurements("bare"))
def test_json_gives_back_the_same_set(first: Measurement, second: Measurement) -> None:
    found = MeasurementSet([first, second])
    blobs = BlobSet(blob for one in found.values() for blob in one.blobs.values())
    document = json.loads(json.dumps(found.json, allow_nan=False))
    assert MeasurementSet.deserialize(document, blobs) == found


def test_metadata_are_the_own_keys_and_the_notes() -> None:
    measured = MeasurementSet([Measurement("p.a", 1.0, notes={"x": 1})])
    meta = Metadata(measured, {"camera": "small"})
    measured.insert(Measurement("p.b", 1.0, notes={"y": 2}))
    assert dict(meta) == {"camera": "small", "p.a.x": 1, "p.b.y": 2}
    assert meta == {"p.b.y": 2, "p.a.x": 1, "camera": "small"}
    assert meta != {"camera": "small"}
    assert (len(meta), bool(meta), bool(Metadata())) == (3, True, False)
    assert list(meta.keys()) == ["camera", "p.a.x", "p.b.y"]
    assert list(meta.values()) == ["small", 1, 2]
    assert meta.json == dict(meta)
    assert str(meta) == json.dumps(dict(meta), indent=4, sort_keys=True)
    assert "<td>p.a.x</td><td>1</td>" in meta._repr_html_()


def test_a_key_that_begins_with_a_measured_metric_is_a_note() -> None:
    measurement = Measurement("p.a", 1.0)
    meta = Metadata(MeasurementSet([measurement, Measurement("bare", 1.0)]))
    meta.update({"p.a.x": 1, "p.a.b.c.d": 2, "p.a": 3, "p.b.x": 4, "p.a.": 5, "bare.z": 6})
    assert dict(measurement.notes) == {"p.a.x": 1, "p.a.b.c.d": 2, "p.a.": 5}
    assert dict(meta) == {"p.a": 3, "p.b.x": 4, "p.a.x": 1, "p.a.b.c.d": 2, "p.a.": 5, "bare.z": 6}
    assert meta["bare.z"] == 6
    del meta["p.a.x"]
    del meta["p.a"]
    assert list(measurement.notes) == ["p.a.b.c.d", "p.a."]
    assert meta.get("p.a.x") is None
    for key in ("p.a.x", "none", 5):
        with pytest.raises(KeyError):
            meta[key]  # type: ignore[index]
        assert key not in meta
    with pytest.raises(KeyError):
        del meta["none"]
    with pytest.raises(TypeError):
        meta[5] = 1  # type: ignore[index]


def test_setting_a_note_replaces_an_own_key_that_would_hide_it() -> None:
    measured = MeasurementSet()
    meta = Metadata(measured, {"p.a.x": "own"})
    measured.insert(Measurement("p.a", 1.0, notes={"x": "note"}))
    assert (meta["p.a.x"], len(meta), list(meta)) == ("own", 1, ["p.a.x"])
    meta["p.a.x"] = "new"
    assert (measured["p.a"].notes["x"], meta["p.a.x"], len(meta)) == ("new", "new", 1)
    del meta["p.a.x"]
    assert "p.a.x" not in meta


@given(st.lists(st.tuples(texts, st.none() | st.integers()), max_size=12), st.lists(texts, max_size=4))
def test_metadata_behave_as_a_dictionary_whatever_the_dots(
    items: list[tuple[str, int | None]], removed: list[str]
) -> None:
    meta, model = Metadata(MeasurementSet([Measurement("p.a", 1.0)])), {}
    for key, value in items:
        meta[key] = model[key] = value
    for key in removed:
        assert meta.pop(key, 7) == model.pop(key, 7)
    assert (dict(meta), len(meta)) == (model, len(model))
    assert meta == model


@pytest.mark.parametrize("value", [object(), 1j, {1.5: 2}, {("a",): 1}, 5 * u.s])
def test_metadata_that_json_cannot_hold_are_refused_when_they_are_written(value: object) -> None:
    meta = Metadata(data={"key": value})
    with pytest.raises(TypeError, match="metadata key"):
        _ = meta.json


def test_what_contains_itself_cannot_be_written() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MeasurementError, match="contains itself"):
        _ = Metadata(data={"key": endless}).json


def test_values_of_metadata_become_plain() -> None:
    import numpy as np

    meta = Metadata(
        data={
            "array": np.arange(3, dtype=np.float32),
            "long": np.longdouble(1.5),
            "number": np.int32(5),
            "nan": math.nan,
            "set": {"b", "a"},
            "tuple": (1, math.inf),
            "datum": Datum(5.0, "s"),
            "keys": {1: 2},
        }
    )
    assert meta.json == {
        "array": [0.0, 1.0, 2.0],
        "long": 1.5,
        "number": 5,
        "nan": None,
        "set": ["a", "b"],
        "tuple": [1, None],
        "datum": Datum(5.0, "s").json,
        "keys": {"1": 2},
    }
    json.dumps(meta.json, allow_nan=False)


def test_a_lost_reference_is_a_datum_that_is_not_found() -> None:
    found = MeasurementSet.deserialize([{"metric": "p.a", "value": 1, "unit": "", "blob_refs": ["a", "b"]}])
    assert [type(problem) for problem in found.problems] == [DatumNotFoundError]
    assert found.json[0]["blob_refs"] == ["a", "b"]
