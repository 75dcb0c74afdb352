"""What it costs to look after a store: check, export, history, and vacuum after a fifth was dropped.

Each beside the time that reading the same measurements takes: `python benchmarks/upkeep.py [MEASUREMENTS]`.
"""

import datetime
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gnomon.store import Store, open_store

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.store_data import batches

AT_ONCE: dict[str, Any] = {
    "retention": datetime.timedelta(0),
    "grace": datetime.timedelta(0),
    "alone": True,
}


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Give wall time, processor time and what came of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = what()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def peak() -> float:
    """Give the most memory that this process ever had, in gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def look_after(store: Store, folder: Path, total: int) -> None:
    """Measure each, and print it."""
    one = store.load("demo.m0").polars()["dataset_id"][0]
    tasks: dict[str, Callable[[], Any]] = {
        "compact": store.compact,
        "load everything, metric by metric": lambda: sum(len(store.load(f"demo.m{i}")) for i in range(200)),
        "check": store.check,
        "export": lambda: store.export(folder / "out.parquet"),
        "history of a dataset": lambda: len(store.history(dataset_ids=[one])),
        "drop a run": lambda: store.drop_runs("runs/0", reason="benchmark"),
        "vacuum": lambda: store.vacuum(**AT_ONCE),
        "vacuum again": lambda: store.vacuum(**AT_ONCE),
    }
    for name, task in tasks.items():
        wall, cpu, result = timed(task)
        told = f"{wall:8.2f} s  {cpu:8.2f} s of processor  {total / wall / 1e6:6.2f} million/s"
        print(f"{name:35}{told}  peak {peak():.2f} GB  {str(result)[:60]}")


def main() -> None:
    """Make a store of each kind and look after it."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    for kind in ("single", "bundle"):
        with tempfile.TemporaryDirectory() as name:
            os.environ["GNOMON_HOME"] = name
            store = open_store(Path(name) / "store")
            for table in batches(kind, total, min(1_000_000, total)):
                store.append(table, source="benchmark")
            print(f"\n{total} measurements, {kind}")
            look_after(store, Path(name), total)


if __name__ == "__main__":
    main()
