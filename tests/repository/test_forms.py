"""Every form in which measurements stand in repositories."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from astropy import units as u
from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset

from gnomon.measurements import Job, Measurement, to_yaml
from gnomon.repository.harvest import harvest
from gnomon.store import Store

YAML = "lsst.daf.butler.formatters.yaml.YamlFormatter"
JSON = "lsst.daf.butler.formatters.json.JsonFormatter"

# As the established package writes it: the blob of the extras is there though it is empty.
ESTABLISHED = """!<lsst.verify.Measurement>
blobs:
- !<lsst.verify.Blob>
  data:
    start: !<lsst.verify.Datum>
      description: null
      label: null
      unit: ''
      value: '2025-01-01T00:00:00+00:00'
  identifier: 86cc1f1a7a0f4ce0a7cd7b1fbd6c7bd2
  name: ip_isr.IsrTime
identifier: 2f10a4bd5b3b4a5f9e7a3e3a31f2e1aa
metric: ip_isr.IsrTime
notes:
  ip_isr.IsrTime.estimator: utils.timer.timeMethod
unit: s
value: 1.5
"""

type Ingest = Callable[..., DatasetRef]


@pytest.fixture
def ingest(butler: Butler, visits: list[int], tmp_path: Path) -> Ingest:
    """Take a file into the repository, as some other program has written it."""

    def ingest_one(
        content: str | bytes, dataset_type: str, storage_class: str, formatter: str, visit: int = visits[0]
    ) -> DatasetRef:
        kind = DatasetType(dataset_type, ("instrument", "visit"), storage_class, universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        path = tmp_path / f"{uuid.uuid4().hex}.{'json' if formatter == JSON else 'yaml'}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        butler.collections.register("run")
        data_id = butler.registry.expandDataId(instrument="DemoCamera", visit=visit)
        ref = DatasetRef(kind, data_id, run="run")
        butler.ingest(FileDataset(path=str(path), refs=[ref], formatter=formatter), transfer="copy")
        return ref

    return ingest_one


def bundle(content: Mapping[str, Any]) -> str:
    return json.dumps(content)


def element(metric: str, value: float | None, unit: str | None = "") -> dict[str, Any]:
    return {
        "metric": metric, "identifier": uuid.uuid4().hex, "value": value, "unit": unit, "blob_refs": [],
    }  # fmt: skip


def rows(store: Store) -> dict[str, dict[str, Any]]:
    return {row["metric"]: row for row in store.load().polars().rows(named=True)}


def test_a_file_of_the_established_package_is_read_whoever_wrote_it(
    butler: Butler, store: Store, ingest: Ingest, visits: list[int]
) -> None:
    ingest(ESTABLISHED, "metricvalue_ip_isr_IsrTime", "MetricValue", YAML)
    empty = ESTABLISHED[: ESTABLISHED.index("  data:")] + "  data: {}\n"
    hollow = empty + ESTABLISHED[ESTABLISHED.index("  identifier:") :]
    ingest(hollow, "metricvalue_ip_isr_IsrTime", "MetricValue", YAML, visits[1])
    report = harvest(butler, store, collections="run")
    assert report.unreadable == []
    first, second = sorted(store.load().polars().rows(named=True), key=lambda row: row["visit"])
    for row in (first, second):
        assert (row["metric"], row["value"], row["unit"]) == ("ip_isr.IsrTime", 1.5, "s")
    notes = {"ip_isr.IsrTime.estimator": "utils.timer.timeMethod"}
    dated = {"measured_at": "the registry's ingest date"}
    start = {"start": {"value": "2025-01-01T00:00:00+00:00", "unit": ""}}
    assert json.loads(first["extras"]) == {"extras": start, "notes": notes, **dated}
    assert json.loads(second["extras"]) == {"notes": notes, **dated}


def test_measurements_of_several_tools_in_an_established_bundle_do_not_merge(
    butler: Butler, store: Store, ingest: Ingest
) -> None:
    content = {
        "e1Diff": [element("g_highSNStars_median", 0.25, "mmag"), element("g_highSNStars_sigmaMad", 2)],
        "e2Diff": [element("g_highSNStars_median", -0.5, "mmag")],
        "timing": [element("timing.total", 1.5, "s"), element("ap_pipe.total", 2.5, "s")],
        "nothing": [element("median", None, "mag"), element("unmeasured", None, None)],
        "empty": [],
        "__dataset_identifier": "LSSTCam/ci",
        "__timestamp_version": "run_timestamp",
        "__reference_package": "lsst_distrib",
    }
    ref = ingest(bundle(content), "objectTableCore_metrics", "MetricMeasurementBundle", JSON)
    report = harvest(butler, store, collections="run")
    assert (report.found, report.unreadable) == (1, [])
    found = rows(store)
    assert {name: (row["value"], row["unit"]) for name, row in found.items() if name != "nothing.median"} == {
        "e1Diff.g_highSNStars_median": (0.25, "mmag"),
        "e1Diff.g_highSNStars_sigmaMad": (2.0, ""),
        "e2Diff.g_highSNStars_median": (-0.5, "mmag"),
        "timing.total": (1.5, "s"),
        "ap_pipe.timing.total": (2.5, "s"),
    }
    # Null with a unit is how this form writes NaN, which is a value.
    assert found["nothing.median"]["value"] != found["nothing.median"]["value"]
    assert {row["dataset_id"] for row in found.values()} == {ref.id.bytes}
    assert {row["dataset_type"] for row in found.values()} == {"objectTableCore_metrics"}


@pytest.mark.parametrize(
    "content", [{}, {"tool": []}, {"__dataset_identifier": "x"}, {"tool": [element("m", None, None)]}]
)
def test_a_bundle_that_holds_nothing_is_read_once(
    butler: Butler, store: Store, ingest: Ingest, content: dict[str, Any]
) -> None:
    ingest(bundle(content), "objectTableCore_metrics", "MetricMeasurementBundle", JSON)
    report = harvest(butler, store, collections="run")
    assert (report.found, report.measurements, report.unreadable) == (1, 0, [])
    assert harvest(butler, store, collections="run").known == 1
    assert rows(store) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[1]", "one JSON object"),
        (b'{"tool": 1}', "Under 'tool' stands a list"),
        (b'{"tool": [1]}', "tool[0]: A measurement is an object"),
        (b'{"tool": [{"metric": "m", "value": "hello", "unit": ""}]}', "tool[0]: value"),
        (b'{"tool": [{"metric": "m", "value": 1.0, "unit": "furlongs per fortnight"}]}', "tool[0]: unit"),
        (b'{"tool": [{"value": 1.0, "unit": ""}]}', "the name of its metric"),
        (b'{"tool": ' + b"[" * 100_000, "not JSON that can be read"),
    ],
)
def test_a_bundle_that_is_broken_is_reported_and_stops_nothing(
    butler: Butler, store: Store, ingest: Ingest, visits: list[int], content: bytes, reason: str
) -> None:
    broken = ingest(content, "objectTableCore_metrics", "MetricMeasurementBundle", JSON)
    good = {"tool": [element("m", 1.0)]}
    ingest(bundle(good), "objectTableCore_metrics", "MetricMeasurementBundle", JSON, visits[1])
    report = harvest(butler, store, collections="run")
    [unreadable] = report.unreadable
    assert unreadable.dataset_id == str(broken.id)
    assert reason in unreadable.reason
    assert list(rows(store)) == ["tool.m"]


def test_a_bundle_of_ours_gives_each_of_its_measurements(
    butler: Butler, store: Store, visits: list[int]
) -> None:
    kind = DatasetType(
        "metricbundle_demo_stars", ("instrument", "visit"), "GnomonMetricBundle", universe=butler.dimensions
    )
    butler.registry.registerDatasetType(kind)
    butler.collections.register("run")
    measurements = [
        Measurement("demo.a", 1.0 * u.mag, uncertainty=0.1 * u.mag, count=3),
        Measurement("demo.b", float("nan") * u.mag),
        Measurement("demo.none"),
    ]
    for measurement in measurements:
        measurement.measured_at = 1_000_000
    for visit, job in (
        (visits[0], Job(measurements)),
        (visits[1], Job()),
        (visits[2], Job(measurements[2:])),
    ):
        butler.put(job, kind, instrument="DemoCamera", visit=visit, run="run")
    report = harvest(butler, store, collections="run")
    assert (report.found, report.measurements, report.unreadable) == (3, 2, [])
    found = rows(store)
    assert sorted(found) == ["demo.a", "demo.b"]
    assert (found["demo.a"]["uncertainty"], found["demo.a"]["count"]) == (0.1, 3)
    assert found["demo.b"]["value"] != found["demo.b"]["value"]
    assert harvest(butler, store, collections="run").known == 3


def test_files_of_many_blocks_are_read_whole(butler: Butler, store: Store, ingest: Ingest) -> None:
    measurement = Measurement("demo.big", 1.0, notes={"long": "x" * 200_000})
    ingest(to_yaml(measurement), "metricvalue_demo_big", "MetricValue", YAML)
    report = harvest(butler, store, collections="run")
    assert report.unreadable == []
    assert json.loads(rows(store)["demo.big"]["extras"])["notes"] == {"demo.big.long": "x" * 200_000}
