"""Measurements, their data, notes and extras."""

import astropy.units as u
import numpy as np
import pytest

from gnomon import times
from gnomon.definitions import Metric
from gnomon.errors import MeasurementError, NameFormatError, UnitMismatchError
from gnomon.measurements import Blob, Datum, Measurement
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


@pytest.mark.parametrize("bad", [[1, 2] * u.s, "5", True, np.array([1.0]), 1j, object()])
def test_only_scalars_are_measured(bad: object) -> None:
    with pytest.raises(MeasurementError, match="scalar quantity"):
        Measurement("demo.ratio", bad)


def test_float32_is_a_number_like_any_other() -> None:
    assert type(Measurement("demo.ratio", np.float32(1.5) * u.s).value) is float


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
    shared = Blob("stars", {"n": 41})
    measurement = Measurement("demo.a", 1.0, blobs=[shared], extras={"start": "now", "time": 3 * u.s})
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
    assert Measurement("demo.a", 1.0, extras={"count": 3 * u.s}).count is None


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
    measurement = Measurement("demo.scatter", 1 * u.mag)
    measurement.metric = METRIC
    assert measurement.metric is METRIC
    with pytest.raises(MeasurementError, match=r"cannot become one of demo\.other"):
        measurement.metric = Metric("demo.other")


def test_a_datum_is_a_quantity_a_number_a_string_or_nothing() -> None:
    assert Datum(5, "mmag").quantity == 5 * u.mmag
    assert Datum(1 * u.mag, "mmag").value == 1000
    assert Datum([1, 2] * u.s).value == [1, 2]
    assert Datum("text").unit_str == ""
    assert Datum(None).quantity is None
    assert Datum(np.bool_(True)).quantity is True
    assert Datum(float("nan"), "s") == Datum(float("nan"), "s")
    assert Datum(1) != Datum(True)
    with pytest.raises(MeasurementError, match="has no unit"):
        Datum("text", "s")
    with pytest.raises(UnitMismatchError):
        Datum(1 * u.s, "m")
    with pytest.raises(MeasurementError, match="A datum is"):
        Datum(object())
