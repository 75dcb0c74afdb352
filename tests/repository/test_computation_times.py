"""When measurements were computed, where they do not say it, and by which software."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon import times
from gnomon.measurements import Measurement
from gnomon.repository.computation_times import ended_at
from gnomon.repository.harvest import harvest
from gnomon.repository.producers import connected
from gnomon.repository.run_software import software_of
from gnomon.store import Store

type Put = Callable[..., DatasetRef]

INGEST = {"measured_at": "the registry's ingest date"}


class Run:
    """A run in which tasks have left what tasks leave."""

    def __init__(self, butler: Butler, name: str = "run") -> None:
        self.butler = butler
        self.name = name
        butler.collections.register(name)

    def put(
        self, content: Any, name: str, storage_class: str, dimensions: tuple[str, ...], **data_id: Any
    ) -> None:
        kind = DatasetType(name, dimensions, storage_class, universe=self.butler.dimensions)
        self.butler.registry.registerDatasetType(kind)
        self.butler.put(content, kind, run=self.name, **data_id)

    def quantum(self, label: str, ended: str, dimensions: tuple[str, ...], **data_id: Any) -> None:
        """Leave the metadata of a quantum."""
        from lsst.pipe.base import TaskMetadata

        metadata = TaskMetadata()
        metadata["quantum"] = TaskMetadata.from_dict({"startUtc": "2025-01-01T00:00:00+00:00"})
        metadata["quantum"].add("endUtc", f"{ended}+00:00")
        self.put(metadata, f"{label}_metadata", "TaskMetadata", dimensions, **data_id)

    def task(self, label: str, **connections: str) -> None:
        """Leave the configuration of a task."""
        from lsst.pex.config import Config, ConfigField, Field

        fields = {
            name: Field[str](doc="A connection or template.", default=value)
            for name, value in connections.items()
        }
        inner = type("Connections", (Config,), fields)
        outer = type("Settings", (Config,), {"connections": ConfigField(doc="All.", dtype=inner)})
        self.put(outer(), f"{label}_config", "Config", ())


@pytest.fixture
def run(butler: Butler) -> Run:
    return Run(butler)


def harvested(butler: Butler, store: Store) -> dict[int, tuple[str | None, dict[str, Any]]]:
    """Give the time of computation and the extras of each visit."""
    assert harvest(butler, store, collections="*").unreadable == []
    return {
        row["visit"]: (
            None if row["measured_at"] is None else row["measured_at"].isoformat(),
            json.loads(row["extras"] or "{}"),
        )
        for row in store.load().polars().rows(named=True)
    }


def tai(text: str) -> str:
    return times.to_datetime(times.from_utc_iso(text)).isoformat()


def of(visit: int) -> dict[str, Any]:
    return {"instrument": "DemoCamera", "visit": visit}


VISIT = ("instrument", "visit")


def test_the_metadata_of_the_task_that_measured_tell_when(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    for visit in visits:
        put(visit=visit)
    run.task("measure", measurement="metricvalue_{package}_{metric}", package="demo", metric="visit")
    # Another task of the same dimensions, and one that reads what the first wrote.
    run.task("other", output="other_{name}", name="x")
    run.task("collect", inputs="metricvalue_demo_visit")
    for number, visit in enumerate(visits[:2]):
        run.quantum("measure", f"2025-06-01T12:00:0{number}.250000", VISIT, **of(visit))
        run.quantum("other", "2025-05-01T00:00:00", VISIT, **of(visit))
        run.quantum("collect", "2025-07-01T00:00:00", VISIT, **of(visit))
    found = harvested(butler, store)
    assert found[visits[0]] == (tai("2025-06-01T12:00:00.25Z"), {})
    assert found[visits[1]] == (tai("2025-06-01T12:00:01.25Z"), {})
    # Of its quantum nothing is left.
    assert found[visits[2]][1] == INGEST


def test_each_run_has_its_own_metadata(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    other = Run(butler, "other")
    for one, day in ((run, 1), (other, 2)):
        put(visit=visits[day], run=one.name)
        one.task("measure", measurement="metricvalue_demo_visit")
        for visit in visits:
            one.quantum("measure", f"2025-06-0{day}T00:00:00", VISIT, **of(visit))
    found = harvested(butler, store)
    assert found == {visits[day]: (tai(f"2025-06-0{day}T00:00:00Z"), {}) for day in (1, 2)}


def test_without_configurations_the_one_task_of_the_same_dimensions_is_it(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    put()
    run.quantum("measure", "2025-06-01T00:00:00", VISIT, **of(visits[0]))
    run.quantum("night", "2025-07-01T00:00:00", ("instrument",), instrument="DemoCamera")
    assert harvested(butler, store)[visits[0]] == (tai("2025-06-01T00:00:00Z"), {})
    again = put(visit=visits[1])
    run.quantum("another", "2025-06-01T00:00:00", VISIT, **of(visits[1]))
    run.quantum("measure", "2025-06-01T00:00:00", VISIT, **of(visits[1]))
    assert again.run == run.name
    assert harvested(butler, store)[visits[1]][1] == INGEST


def test_a_measurement_that_tells_when_is_believed(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    measurement = Measurement("demo.visit", 1.0)
    measurement.measured_at = times.from_utc_iso("2025-01-01T00:00:00Z")
    put(measurement)
    run.quantum("measure", "2025-06-01T00:00:00", VISIT, **of(visits[0]))
    assert harvested(butler, store)[visits[0]] == (tai("2025-01-01T00:00:00Z"), {})


def test_metadata_that_cannot_be_read_leave_the_ingest_date(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    put()
    run.task("measure", measurement="metricvalue_demo_visit")
    run.quantum("measure", "2025-06-01T00:00:00", VISIT, **of(visits[0]))
    (ref,) = butler.query_datasets("measure_metadata", "run")
    Path(butler.getURI(ref).ospath).write_text("[")
    found = harvested(butler, store)
    assert found[visits[0]][1] == INGEST
    assert found[visits[0]][0] is not None


def test_the_label_of_the_last_resort_stands_beside_other_extras(
    butler: Butler, store: Store, put: Put, visits: list[int]
) -> None:
    put(Measurement("demo.visit", 1.0, notes={"by": 'a "hand"'}))
    assert harvested(butler, store)[visits[0]][1] == {"notes": {"demo.visit.by": 'a "hand"'}, **INGEST}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"metadata": {"quantum": {"arrays": {"endUtc": ["a", "b+00:00"]}}}}', "b"),
        ('{"metadata": {"quantum": {"scalars": {"endUtc": "b"}, "arrays": {"startUtc": ["a"]}}}}', "b"),
        ('{"metadata": {"quantum": {"arrays": {"startUtc": ["a"]}}}}', "a"),
        ('{"metadata": {"quantum": {"arrays": {"endUtc": [7]}}}}', None),
        ('{"metadata": {"quantum": 7}}', None),
        ('{"metadata": {}}', None),
        ("[]", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_the_end_of_a_quantum_is_found_in_its_metadata(text: str, expected: str | None) -> None:
    assert ended_at(text) == expected


def test_templates_of_connections_are_put_in_and_nothing_else_is_obeyed() -> None:
    text = """import sys
config.connections.metrics='{outputName}_metrics'
config.connections.outputName="objectTable"
config.connections.strange='{outputName.__class__}{unknown}{outputName:>1000000000}'
config.connections.broken='
config.connections.number=7
config.other.connections.not_this='x'
"""
    assert connected(text) == {
        "objectTable_metrics",
        "objectTable",
        "{outputName.__class__}{unknown}{outputName:>1000000000}",
    }


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"gnomon": "0.1.0", "pipe_base": "30.2026.4300"}, "gnomon 0.1.0"),
        ({"pipe_base": "30.2026.4300"}, "pipe_base 30.2026.4300"),
        ({"lsst_distrib": "g4bb8b1bd21+9b30730ed8 (w_2025_10 d_2025_03_04)"}, "lsst_distrib w_2025_10"),
        (
            {"lsst_distrib": "g4bb8b1bd21+9b30730ed8", "gnomon": "1.0"},
            "lsst_distrib g4bb8b1bd21+9b30730ed8, gnomon 1.0",
        ),
        ({"numpy": "2.0", "gnomon": ""}, None),
        ({}, None),
    ],
)
def test_software_is_told_in_a_few_words(packages: dict[str, str], expected: str | None) -> None:
    assert software_of(packages) == expected


def test_the_software_of_a_run_is_that_of_its_packages(
    butler: Butler, store: Store, put: Put, run: Run, visits: list[int]
) -> None:
    from lsst.utils.packages import Packages

    run.put(Packages({"lsst_distrib": "g1 (w_2025_10)"}), "packages", "Packages", ())
    broken = Run(butler, "broken")
    broken.put(Packages({"lsst_distrib": "g1 (w_2025_10)"}), "packages", "Packages", ())
    (ref,) = butler.query_datasets("packages", "broken")
    Path(butler.getURI(ref).ospath).write_text("[")
    for name, visit in (("run", visits[0]), ("broken", visits[1]), ("none", visits[2])):
        put(visit=visit, run=name)
    harvest(butler, store, collections="*")
    found = {row["run"]: row["software"] for row in store.load().polars().rows(named=True)}
    assert found == {"run": "lsst_distrib w_2025_10", "broken": None, "none": None}
