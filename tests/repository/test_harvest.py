"""Bringing measurements from a repository into the store."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy import units as u
from lsst.daf.butler import Butler, CollectionType, DatasetRef  # type: ignore[attr-defined]

from gnomon import times
from gnomon.errors import CollectionNotFoundError
from gnomon.measurements import Datum, Measurement
from gnomon.measurements.rows import from_records
from gnomon.repository.harvest import harvest
from gnomon.store import Store

type Put = Callable[..., DatasetRef]
type Ingest = Callable[[str], DatasetRef]

BEGIN = times.from_utc_iso("2014-12-30T04:00:00Z")
MEASURED = times.from_utc_iso("2025-06-01T12:00:00.123456Z")

TEXT = """!<lsst.verify.Measurement>
metric: demo.visit
identifier: abc
unit: mmag
value: 3.5
notes: {}
blobs: []
"""


def rows(store: Store, **question: Any) -> list[dict[str, Any]]:
    return store.load(**question).polars().rows(named=True)


def test_a_measurement_arrives_with_everything_that_is_known_of_it(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    measurement = Measurement("demo.visit", 3.5 * u.mmag, uncertainty=0.001 * u.mag, count=7)
    measurement.measured_at = MEASURED
    measurement.extras["residuals"] = Datum(u.Quantity([1.0, float("nan")], u.mas))
    measurement.notes["seen"] = "by eye"
    ref = put(measurement)
    report = harvest(butler, store, collections="run")
    assert (report.runs, report.found, report.known, report.appended.added) == (["run"], 1, 0, 1)
    (row,) = rows(store)
    extras = json.loads(row.pop("extras"))
    assert row == {
        "dataset_id": ref.id.bytes,
        "metric": "demo.visit",
        "value": 3.5,
        "unit": "mmag",
        "uncertainty": 1.0,
        "count": 7,
        "run": "run",
        "dataset_type": "metricvalue_demo_visit",
        "instrument": "DemoCamera",
        "visit": visits[0],
        "exposure": None,
        "detector": None,
        "day_obs": 20141229,
        "physical_filter": "R",
        "band": "R",
        "skymap": None,
        "tract": None,
        "patch": None,
        "group": None,
        "dimensions": None,
        "obs_begin": times.to_datetime(BEGIN),
        "obs_end": times.to_datetime(BEGIN + 30_000_000),
        "measured_at": times.to_datetime(MEASURED),
        "software": None,
    }
    assert extras == {
        "extras": {"residuals": {"value": [1.0, None], "unit": "mas"}},
        "notes": {"demo.visit.seen": "by eye"},
    }


@pytest.mark.parametrize(
    ("kind", "expected", "begin"),
    [
        ("visit", "visit", BEGIN),
        ("visit_detector", "visit", BEGIN),
        ("exposure", "exposure", BEGIN),
        ("night", "day_obs", times.from_utc_iso("2014-12-29T11:59:25Z")),
        ("tract", "tract", None),
        ("htm", "instrument", None),
        ("everywhere", None, None),
    ],
)
def test_each_kind_of_data_id_has_its_time_of_observation(
    butler: Butler, store: Store, put: Put, kind: str, expected: str | None, begin: int | None
) -> None:
    put(kind=kind)
    harvest(butler, store, collections="run")
    (row,) = rows(store)
    assert expected is None or row[expected] is not None
    assert row["obs_begin"] == (None if begin is None else times.to_datetime(begin))
    assert (row["dimensions"] is not None) == (kind == "htm")


def test_dimensions_without_a_column_are_kept(butler: Butler, store: Store, put: Put) -> None:
    put(kind="htm")
    harvest(butler, store, collections="run")
    assert store.load().arrow()["dimensions"].to_pylist() == [[("htm7", "231819")]]


def test_a_data_id_without_a_region_is_harvested(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    butler.registry.insertDimensionData(
        "detector", {"instrument": "DemoCamera", "id": 1, "full_name": "CCD2", "purpose": "SCIENCE"}
    )
    put(kind="visit_detector", detector=1)
    report = harvest(butler, store, collections="run")
    assert report.appended.added == 1
    (row,) = rows(store)
    assert (row["detector"], row["band"]) == (1, "R")
    assert row["obs_begin"] == times.to_datetime(BEGIN)
    # The fallback for the time of measuring goes by another query.
    assert row["measured_at"] is not None


def test_a_measurement_without_a_time_has_the_ingest_date_and_says_so(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    before = times.now()
    put()
    timed = Measurement("demo.visit", 2.0)
    timed.measured_at = MEASURED
    put(timed, visit=visits[1])
    harvest(butler, store, collections="run")
    first, second = sorted(rows(store), key=lambda row: row["visit"])
    assert abs(times.from_datetime(first["measured_at"]) - before) < 60_000_000
    assert json.loads(first["extras"]) == {"measured_at": "the registry's ingest date"}
    assert times.from_datetime(second["measured_at"]) == MEASURED
    assert second["extras"] is None


def test_only_what_is_new_is_read(butler: Butler, store: Store, put: Put, visits: list[int]) -> None:
    first = put()
    harvest(butler, store, collections="run")
    # Reading it again would now fail.
    Path(butler.getURI(first).ospath).unlink()
    assert harvest(butler, store, collections="run").appended.added == 0
    put(visit=visits[1])
    progress: list[tuple[int, int]] = []
    report = harvest(
        butler, store, collections="run", progress=lambda done, total: progress.append((done, total))
    )
    assert (report.found, report.known, report.appended.added, report.unreadable) == (2, 1, 1, [])
    assert progress[0] == (0, 1)
    assert progress[-1] == (1, 1)
    assert len(rows(store)) == 2


def test_a_dry_run_only_counts(butler: Butler, store: Store, put: Put, visits: list[int]) -> None:
    gone = put()
    harvest(butler, store, collections="run")
    butler.pruneDatasets([gone], disassociate=True, unstore=True, purge=True)
    put(visit=visits[1])
    butler.collections.register("chain", CollectionType.CHAINED)
    butler.collections.redefine_chain("chain", ["run"])
    report = harvest(butler, store, collections="chain", prune=True, dry_run=True)
    assert (report.found, report.known, report.pruned, report.appended.added) == (1, 0, 1, 0)
    assert [row["visit"] for row in rows(store)] == [visits[0]]
    with pytest.raises(CollectionNotFoundError):
        store.load(collections="chain")


def test_datasets_that_are_gone_stay_until_they_are_pruned(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    gone, elsewhere = put(), put(run="other")
    put(visit=visits[1])
    harvest(butler, store, collections=["run", "other"])
    butler.pruneDatasets([gone, elsewhere], disassociate=True, unstore=True, purge=True)
    assert harvest(butler, store, collections="run").pruned == 0
    assert len(rows(store)) == 3
    assert harvest(butler, store, collections="run", prune=True).pruned == 1
    assert sorted(row["run"] for row in rows(store)) == ["other", "run"]
    assert harvest(butler, store, collections="run", prune=True).pruned == 0


def test_what_the_registry_has_under_another_type_is_not_pruned(
    butler: Butler, store: Store, put: Put
) -> None:
    put()
    harvest(butler, store, collections="run")
    catalog = butler.query_datasets("star_catalog", "DemoCamera/catalogs")[0]
    (entry,) = rows(store)
    store.append(from_records([entry | {"dataset_id": catalog.id.bytes}]), source="another way")
    assert harvest(butler, store, collections="run", prune=True).pruned == 0
    assert len(rows(store)) == 2


def test_a_file_that_asks_for_objects_is_refused_and_stops_nothing(
    butler: Butler, store: Store, put: Put, ingest: Ingest, tmp_path: Path
) -> None:
    trap = tmp_path / "sprung"
    text = TEXT.replace("notes: {}", f"notes: {{a: !!python/object/apply:os.mkdir ['{trap}']}}")
    ref = ingest(text)
    put()
    with pytest.raises(Exception, match="python/object"):
        butler.get(ref)
    report = harvest(butler, store, collections="run")
    assert report.appended.added == 1
    (unreadable,) = report.unreadable
    assert (unreadable.dataset_id, unreadable.dataset_type) == (str(ref.id), "metricvalue_demo_visit")
    assert "python/object" in unreadable.reason
    assert unreadable.place.endswith(".yaml")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "document"),
        ("a: [", "YAML"),
        (TEXT.replace("3.5", "hello"), "value"),
        (TEXT.replace("demo.visit", "[1]"), "'metric' is a string"),
        (
            TEXT.replace(
                "blobs: []",
                "blobs:\n- !<lsst.verify.Blob>\n  identifier: b\n  name: demo.visit\n  data:\n"
                "    gnomon_uncertainty: !<lsst.verify.Datum> {value: 1.0, unit: mas, label: l, "
                "description: d}",
            ),
            "unit",
        ),
        (
            TEXT.replace(
                "blobs: []",
                "blobs:\n- !<lsst.verify.Blob>\n  identifier: b\n  name: demo.visit\n  data:\n"
                "    gnomon_count: !<lsst.verify.Datum> {value: .nan, unit: '', label: l, description: d}",
            ),
            "count",
        ),
        (
            TEXT.replace(
                "blobs: []",
                "blobs:\n- !<lsst.verify.Blob>\n  identifier: b\n  name: demo.visit\n  data:\n"
                "    gnomon_count: !<lsst.verify.Datum> {value: 1.0e+30, unit: '', label: l, "
                "description: d}",
            ),
            "count",
        ),
    ],
    ids=["empty", "broken", "no number", "no metric", "uncertainty", "count", "huge count"],
)
def test_a_file_that_is_no_measurement_is_reported_and_stops_nothing(
    butler: Butler, store: Store, put: Put, ingest: Ingest, text: str, reason: str
) -> None:
    ingest(text)
    put()
    report = harvest(butler, store, collections="run")
    assert report.appended.added == 1
    assert [reason in unreadable.reason for unreadable in report.unreadable] == [True]
    # It is tried again: the file may be mended.
    assert len(harvest(butler, store, collections="run").unreadable) == 1


def test_a_missing_file_is_reported_and_stops_nothing(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    lost, unstored = put(), put(visit=visits[1])
    put(visit=visits[2])
    Path(butler.getURI(lost).ospath).unlink()
    butler.pruneDatasets([unstored], disassociate=False, unstore=True)
    report = harvest(butler, store, collections="run")
    assert report.appended.added == 1
    assert {uuid.UUID(item.dataset_id) for item in report.unreadable} == {lost.id, unstored.id}
    assert [row["visit"] for row in rows(store)] == [visits[2]]


def test_measurements_in_an_archive_are_read(
    butler: Butler, store: Store, put: Put, visits: list[int], repository: Path, tmp_path: Path
) -> None:
    refs = [put(Measurement("demo.visit", float(i)), visit=visit) for i, visit in enumerate(visits)]
    archive = butler.retrieve_artifacts_zip(refs, tmp_path / "out")
    butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
    butler.ingest_zip(archive, transfer="copy")
    assert butler.get(refs[1]).value == 1.0
    report = harvest(butler, store, collections="run")
    assert report.unreadable == []
    assert sorted(row["value"] for row in rows(store)) == [0.0, 1.0, 2.0]


def test_chains_are_kept_and_resolved_in_depth(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    put(Measurement("demo.visit", 1.0), run="old")
    put(Measurement("demo.visit", 2.0), run="new")
    put(Measurement("demo.visit", 3.0), run="old", visit=visits[1])
    tagged = put(Measurement("demo.visit", 4.0), run="apart", visit=visits[2])
    butler.collections.register("tagged", CollectionType.TAGGED)
    butler.registry.associate("tagged", [tagged])
    for name, children in {"inner": ["new", "tagged"], "outer": ["inner", "old"], "hollow": []}.items():
        butler.collections.register(name, CollectionType.CHAINED)
        butler.collections.redefine_chain(name, children)
    report = harvest(butler, store, collections="outer")
    assert report.runs == ["new", "old"]
    assert sorted(row["value"] for row in rows(store, collections="outer")) == [2.0, 3.0, 4.0]
    assert [row["value"] for row in rows(store, collections="tagged")] == [4.0]
    butler.collections.redefine_chain("outer", ["old", "inner"])
    assert harvest(butler, store, collections=["outer", "hollow"]).appended.added == 0
    assert sorted(row["value"] for row in rows(store, collections="outer")) == [1.0, 3.0, 4.0]
    assert rows(store, collections="hollow") == []
    butler.registry.disassociate("tagged", [tagged])
    assert harvest(butler, store, collections="tagged").runs == []
    assert sorted(row["value"] for row in rows(store, collections="outer")) == [1.0, 3.0]


def test_a_chain_holds_what_it_held_until_its_new_runs_are_there(
    butler: Butler, store: Store, put: Put, visits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(Measurement("demo.visit", 1.0), run="old")
    butler.collections.register("chain", CollectionType.CHAINED)
    butler.collections.redefine_chain("chain", ["old"])
    harvest(butler, store, collections="chain")
    put(Measurement("demo.visit", 2.0), run="new")
    butler.collections.redefine_chain("chain", ["new", "old"])

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest(butler, store, collections="chain", progress=stop)
    assert [row["value"] for row in rows(store, collections="chain")] == [1.0]
    harvest(butler, store, collections="chain")
    assert [row["value"] for row in rows(store, collections="chain")] == [2.0]


def test_a_dataset_that_holds_nothing_stands_before_others_and_is_read_once(
    butler: Butler, store: Store, put: Put
) -> None:
    hollow = put(Measurement("demo.visit"), run="new")
    put(Measurement("demo.visit", 2.0), run="old")
    report = harvest(butler, store, collections=["new", "old"])
    assert (report.found, report.measurements) == (2, 1)
    assert [row["value"] for row in rows(store)] == [2.0]
    assert rows(store, collections=["new", "old"]) == []
    assert [row["value"] for row in rows(store, collections=["old", "new"])] == [2.0]
    Path(butler.getURI(hollow).ospath).unlink()
    assert harvest(butler, store, collections="new").unreadable == []


def test_what_is_gone_with_its_run_or_its_type_is_pruned(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    put(run="gone")
    put(kind="night", run="run")
    put(run="run", visit=visits[1])
    harvest(butler, store, collections=["gone", "run"])
    butler.removeRuns(["gone"])
    butler.pruneDatasets(
        butler.query_datasets("metricvalue_demo_night", collections="run"),
        disassociate=True,
        unstore=True,
        purge=True,
    )
    butler.registry.removeDatasetType("metricvalue_demo_night")
    with pytest.raises(CollectionNotFoundError, match="no collection 'gone'"):
        harvest(butler, store, collections=["gone", "run"])
    trial = harvest(butler, store, collections=["gone", "run"], prune=True, dry_run=True)
    assert (trial.pruned, trial.gone, len(rows(store))) == (2, ["gone"], 3)
    report = harvest(butler, store, collections=["gone", "run"], prune=True)
    assert (report.pruned, report.gone) == (2, ["gone"])
    assert [row["visit"] for row in rows(store)] == [visits[1]]
    with pytest.raises(CollectionNotFoundError, match="Neither the repository nor the store"):
        harvest(butler, store, collections=["gone", "run"], prune=True)


def test_a_dataset_that_a_retried_quantum_wrote_anew_replaces_when_it_is_read_again(
    butler: Butler, store: Store, put: Put
) -> None:
    first = Measurement("demo.visit", 1.0)
    first.measured_at = MEASURED
    ref = put(first)
    harvest(butler, store, collections="run")
    second = Measurement("demo.visit", 2.0)
    second.measured_at = MEASURED + 1
    butler.pruneDatasets([ref], disassociate=True, unstore=True, purge=True)
    butler.put(second, ref)
    assert harvest(butler, store, collections="run").known == 1
    assert [row["value"] for row in rows(store)] == [1.0]
    report = harvest(butler, store, collections="run", reread=True)
    assert (report.found, report.known, report.measurements) == (1, 0, 1)
    assert [row["value"] for row in rows(store)] == [2.0]


def test_datasets_of_other_repositories_are_not_pruned(butler: Butler, store: Store, put: Put) -> None:
    put()
    harvest(butler, store, collections="run")
    (entry,) = rows(store)
    elsewhere = entry | {"dataset_id": uuid.uuid4().bytes, "run": "run/elsewhere"}
    store.append(from_records([elsewhere]), source="another repository")
    assert harvest(butler, store, collections="*", prune=True).pruned == 0
    assert len(rows(store)) == 2


def test_a_tagged_collection_is_harvested_wherever_its_datasets_are(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    chosen = [put(Measurement("demo.visit", 1.0), run="a"), put(visit=visits[1], run="b")]
    put(visit=visits[2], run="a")
    butler.collections.register("chosen", CollectionType.TAGGED)
    butler.registry.associate("chosen", chosen)
    report = harvest(butler, store, collections="chosen")
    assert (report.runs, report.found, report.measurements) == ([], 2, 2)
    assert sorted(row["run"] for row in rows(store)) == ["a", "b"]
    again = harvest(butler, store, collections=["chosen", "a"])
    assert (again.found, again.known, again.measurements) == (3, 2, 1)


def test_a_calibration_collection_takes_no_part_and_is_named(butler: Butler, store: Store, put: Put) -> None:
    put()
    butler.collections.register("calibs", CollectionType.CALIBRATION)
    butler.collections.register("chain", CollectionType.CHAINED)
    butler.collections.redefine_chain("chain", ["calibs", "run"])
    report = harvest(butler, store, collections="chain")
    assert (report.calibrations, report.runs, report.found) == (["calibs"], ["run"], 1)
    assert len(rows(store, collections="chain")) == 1


def test_what_is_known_of_exposures_and_visits_can_be_asked_for(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    put()
    put(kind="visit_detector", visit=visits[1])
    harvest(butler, store, collections="run")
    found = rows(store, where="observation_type = 'science' AND seq_num = 2")
    assert [row["visit"] for row in found] == [visits[1]]


def test_the_same_measurement_again_with_another_value_is_brought_in_by_its_new_dataset(
    butler: Butler, store: Store, put: Put
) -> None:
    first = put(Measurement("demo.visit", 1.0))
    harvest(butler, store, collections="run")
    butler.pruneDatasets([first], disassociate=True, unstore=True, purge=True)
    put(Measurement("demo.visit", 2.0))
    report = harvest(butler, store, collections="run", prune=True)
    assert (report.pruned, report.measurements) == (1, 1)
    assert [row["value"] for row in rows(store)] == [2.0]


def test_collections_are_named_or_matched(butler: Butler, store: Store, put: Put) -> None:
    for run in ("u/alice/1", "u/alice/2", "u/bruno"):
        put(run=run)
    assert harvest(butler, store, collections="u/alice/*").runs == ["u/alice/1", "u/alice/2"]
    with pytest.raises(CollectionNotFoundError, match="Did you mean u/bruno"):
        harvest(butler, store, collections="u/brumo")
    with pytest.raises(CollectionNotFoundError, match=r"no collection 'v/\*'"):
        harvest(butler, store, collections=["u/alice/1", "v/*"])
    assert {row["run"] for row in rows(store)} == {"u/alice/1", "u/alice/2"}
