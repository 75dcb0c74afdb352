"""What many writers at once reach, and whether every row is there once.

Processes append batches of 10,000 measurements, each those of its own visits, to one store at the same time;
bundles, then single measurements. One process alone appends as many in all, beside them.

Run it with ``.venv/bin/python benchmarks/writers.py [PROCESSES [BATCHES]]``; the default is 8 processes with
20 batches each.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gnomon.store import open_store

ROOT = Path(__file__).parents[1]

CHILD = """
import itertools
import sys

import pyarrow.compute as pc

sys.path.insert(0, sys.argv[1])
from benchmarks.store_data import batches
from gnomon.store import open_store

folder, kind, number, count = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
store = open_store(folder)
tables = []
for table in itertools.islice(batches(kind, 10_000_000, 10_000), count):
    visits = pc.add(table["visit"], 1_000_000 * number)
    place = table.schema.get_field_index("visit")
    tables.append(table.set_column(place, table.schema.field(place), visits))
print("ready", flush=True)
sys.stdin.readline()
for table in tables:
    store.append(table, source=f"writer {number}")
"""


def main() -> None:
    """Print the figures."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    for kind in ("bundle", "single"):
        for together, each in ((processes, count), (1, processes * count)):
            with tempfile.TemporaryDirectory() as name:
                seconds = write(kind, Path(name) / "store", together, each)
                found = open_store(Path(name) / "store").load(columns=["dataset_id", "metric"]).polars()
                expected = together * each * 10_000
                once = len(found.unique())
                rate, lost, double = expected / seconds, expected - once, len(found) - once
                print(f"{kind}: {together} at once, {rate:,.0f} rows/s; {lost:,} lost, {double:,} double")


def write(kind: str, place: Path, processes: int, count: int) -> float:
    """Let processes append at the same time; give the seconds until the last one ended."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(ROOT), str(place), kind, str(number), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    start = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate()
        if process.returncode:
            raise SystemExit("a writer failed")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
