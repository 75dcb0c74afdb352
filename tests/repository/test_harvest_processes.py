"""Harvests that are killed, that run at the same time, and whose store cannot be written."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from astropy import units as u
from lsst.daf.butler import Butler, DatasetType

from gnomon.errors import StoreError
from gnomon.measurements import Job, Measurement
from gnomon.measurements.rows import from_records
from gnomon.repository.configuration import open_butler
from gnomon.repository.harvest import harvest
from gnomon.store import open_store

DETECTORS, METRICS, BUNDLED = 40, 4, 3
MEASUREMENTS = DETECTORS * (METRICS + BUNDLED)

HARVESTER = """
import sys

from gnomon.repository import harvest as harvesting
from gnomon.repository.configuration import open_butler
from gnomon.store import open_store

repository, folder = sys.argv[1:]
# So little that a harvest stores many times.
harvesting._DATASETS = 9
print("ready", flush=True)
sys.stdin.readline()
with open_butler(repository) as butler:
    report = harvesting.harvest(butler, open_store(folder), collections="*")
print(report.found, report.not_read, flush=True)
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with single measurements and bundles of every detector."""
    folder = tmp_path_factory.mktemp("processes") / "repo"
    Butler.makeRepo(str(folder))
    with open_butler(folder, writeable=True, run="run") as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        detectors = [{"instrument": "Cam", "id": i, "full_name": f"D{i}"} for i in range(DETECTORS)]
        butler.registry.insertDimensionData("detector", *detectors)
        for metric in range(METRICS):
            kind = _register(butler, f"metricvalue_demo_m{metric}", "MetricValue")
            for detector in range(DETECTORS):
                value = Measurement(f"demo.m{metric}", (metric * 100 + detector) * u.mag)
                butler.put(value, kind, instrument="Cam", detector=detector)
        kind = _register(butler, "metricbundle_demo_b", "GnomonMetricBundle")
        for detector in range(DETECTORS):
            values = [Measurement(f"demo.b{i}", float(i * 100 + detector)) for i in range(BUNDLED)]
            butler.put(Job(values), kind, instrument="Cam", detector=detector)
    return folder


def _register(butler: Butler, name: str, storage_class: str) -> DatasetType:
    kind = DatasetType(name, ("instrument", "detector"), storage_class, universe=butler.dimensions)
    butler.registry.registerDatasetType(kind)
    return kind


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is started there does not outlive the test."""
    with ExitStack() as stack:
        yield stack


def start(stack: ExitStack, repository: Path, folder: Path) -> subprocess.Popen[str]:
    """Start a process that is ready to harvest."""
    process = subprocess.Popen(
        [sys.executable, "-c", HARVESTER, str(repository), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def assert_whole(folder: Path) -> None:
    """Assert that every measurement is there, once, with its value."""
    frame = open_store(folder).load().polars()
    found = sorted(zip(frame["metric"], frame["detector"], frame["value"], strict=True))
    names = {f"demo.m{i}": i * 100.0 for i in range(METRICS)} | {
        f"demo.b{i}": i * 100.0 for i in range(BUNDLED)
    }
    assert found == sorted(
        (name, detector, base + detector) for name, base in names.items() for detector in range(DETECTORS)
    )


def assert_no_dataset_in_part(folder: Path) -> None:
    """Assert that of each bundle all measurements are there or none."""
    store = open_store(folder)
    if len(store.dataset_ids()) == 0:
        return
    frame = store.load().polars()
    bundles = frame.filter(frame["dataset_type"] == "metricbundle_demo_b")
    assert set(bundles.group_by("dataset_id").len()["len"]) <= {BUNDLED}
    assert not frame.select("dataset_id", "metric").is_duplicated().any()


def kill_at_random(repository: Path, folder: Path, kills: int, seed: int) -> int:
    """Kill harvests at random moments, each where the last one left the store; give how many were in time."""
    moments = random.Random(seed)
    longest = 1.0
    killed = 0
    for number in range(kills):
        store = folder / f"store{number // 10}"
        with ExitStack() as stack:
            process = start(stack, repository, store)
            begin = time.monotonic()
            go(process)
            try:
                process.wait(moments.uniform(0, longest))
                longest = min(longest, 1.2 * (time.monotonic() - begin))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed += 1
        assert_no_dataset_in_part(store)
        if number % 10 == 9 or number == kills - 1:
            with ExitStack() as stack:
                process = start(stack, repository, store)
                go(process)
                assert process.wait(60) == 0
            assert_whole(store)
            shutil.rmtree(store)
    return killed


def test_a_harvest_that_is_killed_and_run_again_loses_and_doubles_nothing(
    repository: Path, tmp_path: Path
) -> None:
    assert kill_at_random(repository, tmp_path, 4, seed=1) > 0


@pytest.mark.long
def test_hundreds_of_killed_harvests_lose_and_double_nothing(repository: Path, tmp_path: Path) -> None:
    assert kill_at_random(repository, tmp_path, 300, seed=2) > 150


def test_two_harvests_at_once_lose_and_double_nothing(
    repository: Path, tmp_path: Path, stack: ExitStack
) -> None:
    processes = [start(stack, repository, tmp_path / "store") for _ in range(2)]
    for process in processes:
        go(process)
    assert [process.wait(120) for process in processes] == [0, 0]
    assert_whole(tmp_path / "store")


def test_a_store_that_cannot_be_written_ends_the_harvest_with_an_error_and_keeps_what_it_has(
    repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    row = {"metric": "a.b", "value": 1.0, "unit": "", "run": "r", "dataset_type": "metricvalue_a_b"}
    open_store(folder).append(from_records([{**row, "dataset_id": b"x" * 16}]), source="before")
    # A file in the way of a folder stops everybody, the superuser too.
    (folder / "single").rename(tmp_path / "aside")
    (folder / "single").write_text("in the way")
    with open_butler(repository) as butler, pytest.raises(StoreError):
        harvest(butler, open_store(folder), collections="*")
    (folder / "single").unlink()
    (tmp_path / "aside").rename(folder / "single")
    with open_butler(repository) as butler:
        report = harvest(butler, open_store(folder), collections="*")
    # The bundles had been stored before it came to the others.
    assert (report.known, report.measurements) == (DETECTORS, DETECTORS * METRICS)
    assert len(open_store(folder).load().polars()) == MEASUREMENTS + 1
