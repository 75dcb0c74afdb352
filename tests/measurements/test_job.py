"""Jobs: what they hold, how they are joined, and that JSON gives them back."""

import copy
import gc
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from hypothesis import given, settings
from tests.measurements.strategies import jobs

from gnomon.definitions import Metric, MetricSet, SpecificationSet, ThresholdSpecification
from gnomon.errors import FormatError, GnomonError, PackageNotFoundError, UnitMismatchError
from gnomon.measurements import Blob, Conflict, Datum, Job, Measurement, MeasurementSet

METRIC = Metric("p.a", "Text.", "mmag")


def design(value: float, unit: str = "mmag") -> ThresholdSpecification:
    return ThresholdSpecification("p.a.design", u.Quantity(value, unit), "<=")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "package/metrics").mkdir(parents=True)
    (tmp_path / "package/specs/p").mkdir(parents=True)
    (tmp_path / "package/metrics/p.yaml").write_text("a: {unit: mmag, description: x}\nb: {unit: s}\n")
    (tmp_path / "package/metrics/q.yaml").write_text("a: {unit: '', description: x}\n")
    threshold = "threshold: {value: 5, unit: mmag, operator: '<='}"
    (tmp_path / "package/specs/p/a.yaml").write_text(f"name: a.design\nmetric: a\n{threshold}\n")
    return tmp_path / "package"


def test_a_job_takes_lists_and_sets() -> None:
    measurement, metric, spec = Measurement("p.a", 1 * u.mag), METRIC, design(5)
    of_lists = Job([measurement], [metric], [spec], {"camera": "small"})
    of_sets = Job(
        MeasurementSet([measurement]), MetricSet([metric]), SpecificationSet([spec]), {"camera": "small"}
    )
    assert of_lists == of_sets
    assert of_lists.measurements["p.a"] is measurement
    assert of_lists.metrics["p.a"] is metric
    assert of_lists.specs["p.a.design"] is spec
    assert of_lists.meta["camera"] == "small"
    assert Job() == Job([], [], [], {})
    assert Job() != of_lists
    assert Job() != 5
    for wrong in ({"measurements": [5]}, {"metrics": [5]}, {"specs": [5]}, {"meta": [5]}):
        with pytest.raises(TypeError):
            Job(**wrong)  # type: ignore[arg-type]


def test_a_package_gives_metrics_and_specifications_and_measurements_come_to_know_them(package: Path) -> None:
    measurements = [Measurement("p.a", 1 * u.mag), Measurement("p.b", 1 * u.m), Measurement("p.c", 1.0)]
    job = Job.load_metrics_package(package, measurements=measurements, meta={"camera": "small"})
    assert set(job.metrics) == {"p.a", "p.b", "q.a"}
    assert set(job.specs) == {"p.a.design"}
    assert job.measurements["p.a"].metric is job.metrics["p.a"]
    assert job.measurements["p.b"].metric is None
    assert [type(problem) for problem in job.problems] == [UnitMismatchError]
    assert set(Job.load_metrics_package(package, "q").metrics) == {"q.a"}
    with pytest.raises(PackageNotFoundError):
        Job.load_metrics_package(package / "none")


def test_a_package_can_be_read_again(package: Path) -> None:
    job = Job([Measurement("p.a", 1 * u.mag)], metrics=[Metric("p.a", unit="s"), Metric("r.a")])
    job.reload_metrics_package(package, subset="p")
    assert set(job.metrics) == {"p.a", "p.b", "r.a"}
    assert job.measurements["p.a"].metric is job.metrics["p.a"]
    assert job.metrics["p.a"].unit == u.mmag


@given(jobs())
@settings(deadline=None)
def test_json_gives_back_the_same_job(job: Job) -> None:
    again = Job.deserialize(**json.loads(json.dumps(job.json, allow_nan=False)))
    assert again == job
    assert again.json == job.json


@given(job=jobs())
@settings(deadline=None)
def test_a_file_gives_back_the_same_job_and_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, job: Job
) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    job.write(folder / "first.verify.json")
    again = Job.read(folder / "first.verify.json")
    again.write(folder / "second.verify.json")
    assert again == job
    written = (folder / "first.verify.json").read_text()
    assert (folder / "second.verify.json").read_text() == written
    assert written == json.dumps(json.loads(written), indent=2, sort_keys=True)


def test_writing_makes_folders_and_ends_without_a_line_break(tmp_path: Path) -> None:
    Job(meta={"a": 1}).write(tmp_path / "some/folder/x.verify.json")
    text = (tmp_path / "some/folder/x.verify.json").read_text()
    assert text.endswith("}")
    assert json.loads(text)["meta"] == {"a": 1, "gnomon_schema": 1}


def test_a_job_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    Job(meta={"a": 1}).write(tmp_path / "x.json")
    with pytest.raises(TypeError):
        Job(meta={"a": object()}).write(tmp_path / "x.json")
    assert Job.read(tmp_path / "x.json").meta == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_the_schema_version_stands_in_files_only(tmp_path: Path) -> None:
    job = Job(meta={"a": 1})
    assert (job.schema_version, job.json["meta"]) == (1, {"a": 1})
    job.write(tmp_path / "x.json")
    again = Job.read(tmp_path / "x.json")
    assert (again.schema_version, dict(again.meta)) == (1, {"a": 1})
    parts = json.loads((tmp_path / "x.json").read_text())
    assert Job.deserialize(**parts).schema_version == 1
    del parts["meta"]["gnomon_schema"]
    assert Job.deserialize(**parts).schema_version is None


def test_a_value_is_written_in_the_unit_of_the_jobs_metric() -> None:
    job = Job([Measurement("p.a", 0.005 * u.mag)], metrics=[METRIC])
    (document,) = job.json["measurements"]
    assert (document["value"], document["unit"]) == (pytest.approx(5.0), "mmag")
    misfit = Job([Measurement("p.a", 5 * u.s)], metrics=[METRIC])
    assert misfit.json["measurements"][0]["unit"] == "s"
    again = Job.deserialize(**misfit.json)
    assert [type(problem) for problem in again.problems] == [UnitMismatchError]
    assert again == misfit


def test_notes_stand_in_the_metadata_and_not_in_the_measurements() -> None:
    job = Job([Measurement("p.a", 1.0, notes={"x": 1})])
    assert "notes" not in job.json["measurements"][0]
    assert job.json["meta"] == {"p.a.x": 1}
    assert Job.deserialize(**job.json).measurements["p.a"].notes["x"] == 1


def test_blobs_that_measurements_share_are_written_once() -> None:
    shared = Blob("stars", n=Datum(5))
    job = Job([Measurement("p.a", 1.0, [shared]), Measurement("p.b", 1.0, [shared])])
    assert job.json["blobs"] == [shared.json]
    again = Job.deserialize(**job.json)
    assert again.measurements["p.a"].blobs["stars"] is again.measurements["p.b"].blobs["stars"]


def test_blobs_and_references_that_lead_nowhere_are_kept() -> None:
    document = Job([Measurement("p.a", 1.0, [Blob("x", n=Datum(1))])]).json
    document["measurements"][0]["blob_refs"].insert(0, "lost")
    document["blobs"].append(Blob("alone", n=Datum(2)).json)
    job = Job.deserialize(**document)
    assert job.json == document
    assert ["'lost'" in str(problem) for problem in job.problems] == [True]


def test_a_blob_that_another_of_its_name_hides_is_kept() -> None:
    blobs = [Blob("x", n=Datum(1)), Blob("x", n=Datum(2))]
    document = Job([Measurement("p.a", 1.0)]).json
    document["blobs"] = [blob.json for blob in blobs]
    document["measurements"][0]["blob_refs"] = [blob.identifier for blob in blobs]
    written = Job.deserialize(**document).json
    assert written["measurements"] == document["measurements"]
    assert sorted(written["blobs"], key=str) == sorted(document["blobs"], key=str)


def test_two_measurements_of_one_metric_or_blobs_of_one_identifier_are_noted() -> None:
    document = Job([Measurement("p.a", 1.0, extras={"n": Datum(1)})]).json
    document["measurements"] *= 2
    document["blobs"] *= 2
    job = Job.deserialize(**document)
    assert (len(job.measurements), len(job.problems)) == (1, 2)
    assert all(isinstance(problem, GnomonError) for problem in job.problems)


def test_adding_a_job_replaces_what_it_has_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def job(value: float, **meta: Any) -> Job:
        return Job(
            [Measurement("p.a", value * u.mmag, notes={"x": value}), Measurement("p.same", 1.0)],
            [Metric("p.a", f"Text {value}.", "mmag"), Metric("p.same")],
            [design(value)],
            {"same": [float("nan")], **meta},
        )

    mine, theirs = job(1.0, camera="small", only=1), job(2.0, camera="large")
    theirs.measurements.insert(Measurement("p.b", 3.0, notes={"y": 4}))
    found = mine.conflicts(theirs)
    assert [(c.kind, c.name) for c in found] == [
        ("measurement", "p.a"),
        ("metric", "p.a"),
        ("specification", "p.a.design"),
        ("metadata", "camera"),
    ]
    assert found[3] == Conflict("metadata", "camera", "small", "large")
    with caplog.at_level(logging.WARNING, logger="gnomon.measurements"):
        mine += theirs
    (record,) = caplog.records
    assert record.name == "gnomon.measurements"
    for words in ("measurement p.a: p.a: 1.0 mmag and p.a: 2.0 mmag", "metadata camera: small and large"):
        assert words in record.getMessage()
    assert set(mine.measurements) == {"p.a", "p.same", "p.b"}
    assert mine.measurements["p.a"].quantity == 2 * u.mmag
    assert mine.metrics["p.a"].description == "Text 2.0."
    assert mine.specs["p.a.design"] == design(2.0)
    assert {key: mine.meta[key] for key in ("camera", "only", "p.a.x", "p.b.y")} == {
        "camera": "large",
        "only": 1,
        "p.a.x": 2.0,
        "p.b.y": 4,
    }


def test_adding_the_same_again_is_no_change_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    job = Job([Measurement("p.a", 1 * u.mag, notes={"x": 1})], [METRIC], [design(5)], {"a": 1})
    same = Job.deserialize(**job.json)
    before = job.json
    job += same
    job += job
    assert job.json["meta"] == before["meta"]
    assert job == same
    assert not caplog.records


def test_a_key_of_metadata_that_is_a_note_of_the_other_job_is_replaced_and_named() -> None:
    mine, theirs = Job(meta={"p.a.x": 1, "p.a.y": 2}), Job([Measurement("p.a", 1.0, notes={"x": 3})])
    assert mine.conflicts(theirs) == [Conflict("metadata", "p.a.x", 1, 3)]
    mine += theirs
    assert dict(mine.meta) == {"p.a.x": 3, "p.a.y": 2}
    assert dict(mine.measurements["p.a"].notes) == dict(mine.meta)


def test_a_conflict_over_half_a_character_can_be_written_into_a_log() -> None:
    [conflict] = Job(meta={"\ud800": 1}).conflicts(Job(meta={"\ud800": 2}))
    assert str(conflict).encode() == rb"metadata \ud800: 1 and 2"


@given(jobs(), jobs())
@settings(deadline=None)
def test_a_sum_has_all_of_the_second_job(mine: Job, theirs: Job) -> None:
    mine += theirs
    for name, measurement in theirs.measurements.items():
        assert mine.measurements[name] is measurement
    for key, value in theirs.meta.items():
        assert mine.meta[key] == value
    assert mine.conflicts(theirs) == []
    assert Job.deserialize(**mine.json) == mine


def test_a_subclass_gives_its_own_sets() -> None:
    class Specifications(SpecificationSet):
        pass

    class Special(Job):
        _specification_set = Specifications

    assert isinstance(Special([], specs=[design(5)]).specs, Specifications)
    again = Special.deserialize(**Special(specs=[design(5)]).json)
    assert isinstance(again, Special)
    assert isinstance(again.specs, Specifications)


@given(jobs())
@settings(deadline=None)
def test_a_job_can_be_copied_and_sent_to_another_process(job: Job) -> None:
    assert copy.deepcopy(job) == job
    assert pickle.loads(pickle.dumps(job)) == job
    assert pickle.loads(pickle.dumps(job)).json == job.json


def test_the_garbage_collector_goes_on_after_a_job_was_read_or_refused() -> None:
    assert gc.isenabled()
    Job.deserialize(**Job([Measurement("p.a", 1.0)]).json)
    with pytest.raises(FormatError):
        Job.deserialize(measurements=[{"metric": 5}])
    assert gc.isenabled()
    gc.disable()
    try:
        Job.deserialize()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_magnitudes_survive() -> None:
    magnitudes = Datum([1.0, 2.0] * u.ABmag)
    job = Job([Measurement("p.a", 20 * u.ABmag, extras={"all": magnitudes})], [Metric("p.a", unit="mag(AB)")])
    again = Job.deserialize(**json.loads(json.dumps(job.json)))
    assert again == job
    assert again.measurements["p.a"].quantity == 20 * u.ABmag
