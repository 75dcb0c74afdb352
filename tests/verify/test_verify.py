"""Code that was written for the established verification API runs after a change of its import."""

import json
import logging
import time
from pathlib import Path

import astropy.units as u
import pytest

import gnomon.verify as verify

DEFINITIONS = """
PA1:
  description: >
    Photometric repeatability.
  unit: mmag
  tags: [photometry]
AM1:
  description: Astrometric repeatability.
  unit: marcsec
  tags: [astrometry]
"""
SPECS = """
id: AM1-base-srd
metric: AM1
tags: [AM1]
threshold: {unit: milliarcsecond, operator: "<="}
---
name: design
base: "#AM1-base-srd"
threshold: {value: 10}
tags: design
---
name: minimum
base: "#AM1-base-srd"
threshold: {value: 20}
tags: [minimum]
---
name: design_r
metric: PA1
threshold: {value: 5, unit: mmag, operator: "<="}
metadata_query: {filter_name: r}
---
"""


@pytest.fixture
def package(tmp_path: Path) -> str:
    for name, text in (("metrics/drp.yaml", DEFINITIONS), ("specs/drp/all.yaml", SPECS)):
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path / "package")


def test_the_way_of_a_job_from_definitions_to_a_report_and_back(package: str, tmp_path: Path) -> None:
    job = verify.Job.load_metrics_package(package, meta={"filter_name": "r"})
    job.measurements.insert(verify.Measurement(job.metrics["drp.AM1"], 0.015 * u.arcsec))
    job.measurements.insert(
        verify.Measurement(
            "drp.PA1",
            4 * u.mmag,
            extras={"residuals": verify.Datum([1.0, 2.0] * u.mmag, label="residuals")},
            notes={"method": "median"},
        )
    )
    blob = verify.Blob("matches", n=verify.Datum(10))
    job.measurements["drp.PA1"].link_blob(blob)
    job.measurements.refresh_metrics(job.metrics)
    job.write(tmp_path / "out" / "job.verify.json")

    document = json.loads((tmp_path / "out" / "job.verify.json").read_text())
    again = verify.Job.deserialize(**document)
    assert again == job
    assert again.measurements["drp.AM1"].json["value"] == pytest.approx(15.0)
    assert again.measurements["drp.PA1"].blobs["matches"] == blob
    assert again.meta["drp.PA1.method"] == "median"

    table = again.report().make_table()
    assert dict(zip(table["Specification"], table["Status"], strict=True)) == {
        "drp.AM1.design": "❌",
        "drp.AM1.minimum": "✅",
        "drp.PA1.design_r": "✅",
    }
    assert list(table.colnames)[:6] == [
        "Status",
        "Specification",
        "Measurement",
        "Test",
        "Metric Tags",
        "Spec. Tags",
    ]


def test_a_report_is_about_what_is_asked_for(package: str) -> None:
    job = verify.Job.load_metrics_package(package)
    job.measurements.insert(verify.Measurement(job.metrics["drp.AM1"], 15 * u.mas))
    assert len(job.report(name="drp.AM1").make_table()) == 2
    assert len(job.report(metric_tags=["photometry"]).make_table()) == 1
    assert len(job.report(spec_tags=["design"]).make_table()) == 1
    assert job.specs.report(job.measurements, metric_tags=["astrometry"]).counts()["fail"] == 1


def test_nothing_is_skipped_in_silence(package: str) -> None:
    job = verify.Job.load_metrics_package(package, meta={"filter_name": "g"})
    job.measurements.insert(verify.Measurement("drp.PA1", 1 * u.s))
    table = job.report().make_table()
    reasons = dict(zip(table["Specification"], table["Reason"], strict=True))
    assert reasons["drp.PA1.design_r"] == "asks for filter_name = r; it is g"
    assert "no measurement of drp.AM1" in reasons["drp.AM1.design"]


def test_one_unit_that_does_not_fit_ends_nothing(package: str) -> None:
    job = verify.Job.load_metrics_package(package, meta={"filter_name": "r"})
    job.measurements.insert(verify.Measurement("drp.PA1", 1 * u.s))
    job.measurements.insert(verify.Measurement("drp.AM1", 5 * u.mas))
    assert job.report().counts() == {"pass": 2, "fail": 0, "not applicable": 1, "not measured": 0}


def test_a_measurement_of_nothing_is_reported_and_comes_back(package: str) -> None:
    job = verify.Job.load_metrics_package(package)
    job.measurements.insert(verify.Measurement("drp.AM1"))
    assert job.report(name="drp.AM1").counts()["not measured"] == 2
    assert verify.Job.deserialize(**job.json).measurements["drp.AM1"].quantity is None


def test_adding_jobs_says_what_it_overwrites(caplog: pytest.LogCaptureFixture) -> None:
    a, b = (verify.Job([verify.Measurement("drp.AM1", value * u.mas)]) for value in (1, 2))
    with caplog.at_level(logging.WARNING):
        a += b
    assert a.measurements["drp.AM1"].value == 2
    assert "drp.AM1" in caplog.text


def test_quantities_are_written_as_a_job(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert verify.output_quantities("drp", {"AM1": 0.01 * u.arcsec}) == "drp.verify.json"
    plain = verify.Job.read("drp.verify.json")
    assert (plain.measurements["drp.AM1"].value, len(plain.metrics)) == (0.01, 0)
    name = verify.output_quantities("drp", {"AM1": 0.01 * u.arcsec}, "run", True, package)
    assert name == "drp_run.verify.json"
    whole = verify.Job.read(name)
    assert whole.measurements["drp.AM1"].value == pytest.approx(10.0)
    assert (len(whole.metrics), len(whole.specs)) == (2, 3)


def test_code_is_timed_in_a_block_and_in_a_function() -> None:
    measurement = verify.Measurement(verify.Metric("drp.StepTime", "Time of a step.", "ms"))
    with verify.time_this_to_measurement(measurement):
        time.sleep(0.01)
    assert measurement.quantity is not None
    assert measurement.quantity >= 10 * u.ms
    assert measurement.notes["estimator"] == "verify.timer.time_this_to_measurement"
    assert str(measurement.extras["start"].quantity) <= str(measurement.extras["end"].quantity)

    @verify.timer.time_this_to_measurement(measurement)
    def step() -> int:
        return 3

    assert step() == 3
    assert measurement.quantity < 10 * u.s


def test_a_block_that_raises_is_timed_too() -> None:
    measurement = verify.Measurement("drp.StepTime")
    with pytest.raises(ZeroDivisionError), verify.time_this_to_measurement(measurement):
        _ = 1 / 0
    assert measurement.quantity is not None


def test_errors_are_those_that_callers_catch() -> None:
    assert issubclass(verify.SpecificationResolutionError, verify.VerifySpecificationError)
    assert issubclass(verify.VerifySpecificationError, verify.VerifyError)
    with pytest.raises(TypeError):
        verify.Measurement("drp.AM1", "5 mas")
    with pytest.raises(KeyError):
        verify.MeasurementSet()["drp.AM1"]


class Even(verify.Specification):
    """A kind of one's own."""

    type = "even"

    def _serialize_type(self) -> dict[str, bool]:
        return {"even": True}

    def check(self, measurement: u.Quantity) -> bool:
        return bool(measurement.to_value(u.s) % 2 == 0)


def test_a_kind_of_ones_own_is_reported_like_any_other() -> None:
    job = verify.Job(
        [
            verify.Measurement("p.a", 4 * u.s),
            verify.Measurement("p.b", 3 * u.s),
            verify.Measurement("p.c", 1),
        ],
        specs=[Even(f"p.{name}.even") for name in "abc"],
    )
    assert job.report().counts() == {"pass": 1, "fail": 1, "not applicable": 1, "not measured": 0}


def test_extras_and_blobs_can_be_set_as_a_whole() -> None:
    measurement = verify.Measurement("p.a", 4 * u.s)
    measurement.extras = verify.Blob("p.a", n=verify.Datum(3))
    assert measurement.blobs["p.a"]["n"].quantity == 3
    measurement.blobs = {"b": verify.Blob("b")}
    assert set(measurement.blobs) == {"b", "p.a"}
    with pytest.raises(TypeError):
        measurement.extras = {"n": 3}  # type: ignore[assignment]
    with pytest.raises(KeyError):
        measurement.extras = verify.Blob("p.other")


def test_a_threshold_for_readers_that_know_no_baseline_is_in_the_metrics_unit() -> None:
    job = verify.Job(
        metrics=[verify.Metric("p.a", "A.", "mmag")],
        specs=[verify.BaselineSpecification("p.a.steady", increase=0.1)],
    )
    (document,) = job.json["specs"]
    assert document["threshold"]["unit"] == "mmag"
    assert verify.Job.deserialize(**job.json).json["specs"] == [document]
