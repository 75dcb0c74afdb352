"""Measurements written one by one: into the hot buffer, and beside it as commits of one row to a Delta table.

Of the buffer there are two figures: what survives a ``kill -9`` of the process (the default), and what
survives a power cut too (``durable=True``: each measurement is on the disk before it is acknowledged, so that
the disk's own speed counts). The rounds of all three alternate, and the medians are shown. Then come eight
processes that write at once, what a reader pays for the buffer, and how long it takes to bring the rows into
the tables.

Run it with ``.venv/bin/python benchmarks/single_writes.py [FOLDER]``, the folder on the disk that is meant.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store import open_store
from gnomon.store.hot_buffer.buffer import Buffer

ROUNDS = 5
SINGLE = 5_000
DURABLE = 1_000
COMMITS = 20
PROCESSES = 8

PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from single_writes import SINGLE, measurements
from gnomon.store.hot_buffer.buffer import Buffer

buffer, rows = Buffer(Path(sys.argv[1])), list(measurements(SINGLE))
print("ready", flush=True)
sys.stdin.readline()
for row in rows:
    buffer.add(row, source="benchmark")
"""


def measurements(count: int) -> Iterator[dict[str, Any]]:
    """Make measurements as a pipeline has them, of different datasets."""
    for number in range(count):
        yield {
            "dataset_id": uuid.uuid4().bytes,
            "metric": "analysis.stellar_photometric_repeatability",
            "value": number / 7,
            "unit": "mmag",
            "uncertainty": number / 700,
            "count": number,
            "run": "LSSTCam/runs/nightly/20260302",
            "dataset_type": "metricvalue_analysis_stellar_photometric_repeatability",
            "instrument": "LSSTCam",
            "visit": 2026030200000 + number // 189,
            "detector": number % 189,
            "day_obs": 20260302,
            "physical_filter": "r_57",
            "band": "r",
            "obs_begin": 1_772_409_600_000_000 + number,
            "obs_end": 1_772_409_630_000_000 + number,
            "measured_at": 1_772_409_700_000_000 + number,
            "software": "w_2026_09",
        }


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Give wall and processor time, in seconds."""
    start, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - cpu


def add_all(buffer: Buffer, rows: list[dict[str, Any]]) -> None:
    """Write rows one by one."""
    for row in rows:
        buffer.add(row, source="benchmark")


def commit_all(table: str, rows: list[dict[str, Any]]) -> None:
    """Commit rows one by one, as a table without a buffer would."""
    plain = pa.schema([field for field in SCHEMA if field.name != "dimensions"])
    for row in rows:
        data = from_records([row]).select(plain.names)
        data = data.set_column(0, "dataset_id", data["dataset_id"].cast(pa.binary()))
        write_deltalake(table, data, mode="append")


def alternating(folder: Path) -> None:
    """Print the rates of the three ways."""
    ways: list[tuple[str, int, Callable[[list[dict[str, Any]]], None]]] = []
    for name, count, durable in (
        ("buffer, survives kill -9", SINGLE, False),
        ("buffer, survives a power cut", DURABLE, True),
    ):
        buffer = Buffer(folder / f"{durable}.db", durable=durable)
        buffer.put(from_records(measurements(1)), source="benchmark")
        ways.append((name, count, lambda rows, buffer=buffer: add_all(buffer, rows)))  # type: ignore[misc]
    table = str(folder / "table")
    ways.append(("Delta, a commit each", COMMITS, lambda rows: commit_all(table, rows)))
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in ways}
    for _ in range(ROUNDS):
        for name, count, way in ways:
            rows = list(measurements(count))
            wall, cpu = timed(lambda: way(rows))  # noqa: B023  # it is called at once
            spent[name].append((wall / count, cpu / count))
    print(f"{'one by one':>30} {'wall, each':>12} {'CPU, each':>12} {'per second':>12} {'worst round':>12}")
    for name, _, _ in ways:
        wall = statistics.median(one for one, _ in spent[name])
        cpu = statistics.median(one for _, one in spent[name])
        worst = 1 / max(one for one, _ in spent[name])
        print(f"{name:>30} {wall * 1e6:9.0f} us {cpu * 1e6:9.0f} us {1 / wall:12,.0f} {worst:12,.0f}")


def at_once(folder: Path) -> None:
    """Print the rate of several processes together, and that nothing was lost."""
    path = folder / "shared.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path), str(Path(__file__).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()

    def run() -> None:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()

    wall, _ = timed(run)
    written = Buffer(path).pending().rows
    print(
        f"{PROCESSES} processes at once: {written / wall:,.0f} per second together, {written:,} of "
        f"{PROCESSES * SINGLE:,} there"
    )


def reading(folder: Path) -> None:
    """Print what a reader pays for a buffer, and a drain."""
    os.environ["GNOMON_BUFFER"] = str(folder)
    store = open_store(folder / "store")
    store.append(from_records(measurements(1)), source="benchmark")
    buffer = Buffer.beside(folder, str(folder / "store"))
    none = min(timed(buffer.rows) for _ in range(ROUNDS))[0]
    add_all(buffer, list(measurements(10_000)))
    buffer.rows()
    full = min(timed(buffer.rows) for _ in range(ROUNDS))
    drained, _ = timed(store.flush)
    kept = min(timed(buffer.rows) for _ in range(ROUNDS))
    buffer.close()
    opened = min(timed(lambda: Buffer(buffer.path).rows()) for _ in range(ROUNDS))
    print(f"reading no buffer {none * 1e3:.2f} ms, an empty one {kept[0] * 1e3:.2f} ms")
    print(f"opening and reading an empty one {opened[0] * 1e3:.2f} ms")
    print(f"reading 10,000 rows {full[0] * 1e3:.0f} ms (CPU {full[1] * 1e3:.0f} ms)")
    print(f"draining 10,000 rows {drained * 1e3:.0f} ms, {10_000 / drained:,.0f} rows per second")


def main() -> None:
    """Print the figures."""
    place = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        alternating(folder)
        at_once(folder)
        reading(folder)


if __name__ == "__main__":
    main()
