"""Jobs as rows of the store."""

import json
import math

import astropy.units as u
import pytest

from gnomon.errors import DataIdError, MeasurementError
from gnomon.measurements import Job, Measurement
from gnomon.measurements.job_rows import rows_of_job
from gnomon.measurements.rows import SCHEMA


def job(**metadata: object) -> Job:
    return Job(
        [Measurement("demo.seeing", 0.7 * u.arcsec), Measurement("demo.ratio", math.nan)], meta=metadata
    )


def test_a_measurement_has_its_identifier_for_a_key_and_the_label_for_a_run() -> None:
    given = job()
    table = rows_of_job(given, run="ci/4711", software="demo 1.0")
    assert table.schema.equals(SCHEMA)
    keys = [bytes.fromhex(measurement.identifier) for measurement in given.measurements.values()]
    rows = table.to_pylist()
    assert [row["dataset_id"] for row in rows] == keys
    shared = {(row["run"], row["dataset_type"], row["software"]) for row in rows}
    assert shared == {("ci/4711", "", "demo 1.0")}
    assert (rows[0]["metric"], rows[0]["value"], rows[0]["unit"]) == ("demo.seeing", 0.7, "arcsec")
    assert math.isnan(rows[1]["value"])
    again = rows_of_job(Job.parse(given.text()), run="ci/4711", software="demo 1.0")
    assert again["dataset_id"].equals(table["dataset_id"])


def test_metadata_that_name_dimensions_are_the_data_id_and_the_rest_is_in_the_extras() -> None:
    (row, _) = rows_of_job(
        job(instrument="Cam", visit="903334", htm7=12, filter="r", when={"n": 1}), run="ci"
    ).to_pylist()
    assert (row["instrument"], row["visit"], row["dimensions"]) == ("Cam", 903334, [("htm7", "12")])
    assert json.loads(row["extras"]) == {"job": {"filter": "r", "when": {"n": 1}}}


def test_a_data_id_that_is_given_goes_before_the_metadata() -> None:
    (row, _) = rows_of_job(job(visit=5), run="ci", data_id={"skymap": "s", "tract": 3}).to_pylist()
    assert (row["skymap"], row["tract"], row["visit"]) == ("s", 3, None)
    assert json.loads(row["extras"])["job"] == {"visit": 5}


def test_what_has_no_value_is_no_row() -> None:
    assert len(rows_of_job(Job([Measurement("demo.nothing")]), run="ci")) == 0
    assert rows_of_job(Job(), run="ci").schema.equals(SCHEMA)


def test_an_identifier_that_is_no_uuid_is_a_key_too() -> None:
    named = Job([Measurement("demo.a", 1.0, identifier="mine")])
    (first,) = rows_of_job(named, run="ci")["dataset_id"].to_pylist()
    assert len(first) == 16
    assert rows_of_job(named, run="ci")["dataset_id"].to_pylist() == [first]


@pytest.mark.parametrize("label", ["", "  "])
def test_an_empty_label_is_refused(label: str) -> None:
    with pytest.raises(MeasurementError, match="needs a label"):
        rows_of_job(job(), run=label)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"visit": 5}, "needs instrument too.*data ID of your own"),
        ({"visit": "five"}, "an integer is expected"),
    ],
)
def test_a_data_id_that_is_not_complete_is_refused(metadata: dict[str, object], message: str) -> None:
    with pytest.raises(DataIdError, match=message):
        rows_of_job(job(**metadata), run="ci")
