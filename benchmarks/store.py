"""What the store costs: appending, asking, and its size, for bundles and for single measurements.

Each question is asked of a store that is opened anew, and the first one of a process besides. Beside it: the
same rows as one Parquet file sorted by metric, written and read by Polars. Stores are kept in the folder, so
that a second call asks only.

Run it with ``.venv/bin/python benchmarks/store.py FOLDER [MEASUREMENTS [BATCH]]``; the default is ten million
in batches of 10,000, which takes a few minutes and 2 GB of disk.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from gnomon.store import open_store

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.store_data import RUNS, batches, visit_in_the_middle

METRIC = "demo.m7"
SIX = ["visit", "detector", "value", "band", "obs_begin", "run"]


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1])
    total = int(float(sys.argv[2])) if len(sys.argv) > 2 else 10_000_000
    size = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
    for kind in ("bundle", "single"):
        place = folder / f"{kind}-{total}"
        if not place.exists():
            fill(kind, place, total, size)
        ask(kind, place, total)
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def fill(kind: str, place: Path, total: int, size: int) -> None:
    """Append, then put in order, in one process each, as maintenance runs beside writers."""
    store = open_store(place)
    seconds, begin = 0.0, time.process_time()
    for table in batches(kind, total, size):
        start = time.perf_counter()
        store.append(table, source="benchmark")
        seconds += time.perf_counter() - start
    print(f"{kind}: {total:,} appended in batches of {size:,}: {total / seconds:,.0f} rows/s")
    print(f"{kind}: CPU with making the rows {time.process_time() - begin:.0f} s")
    code = (
        "import resource, sys, time; from gnomon.store import open_store; start = time.perf_counter(); "
        "open_store(sys.argv[1]).compact(whole=True); "
        "print(f'{time.perf_counter() - start:.1f} s, '"
        "f'{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)], check=True, capture_output=True, text=True
    )
    print(f"{kind}: put in order: {done.stdout.strip()}")


def ask(kind: str, place: Path, total: int) -> None:
    """Ask each question, beside one sorted file where there is a like one."""
    tables = [DeltaTable(path.parent) for path in place.rglob("_delta_log")]
    held = sum(Path(uri).stat().st_size for table in tables for uri in table.file_uris())
    log = sum(path.stat().st_size for path in place.rglob("*") if "_delta_log" in path.parts)
    print(f"{kind}: {(held + log) / total:.2f} bytes a measurement, the log of it {log / total:.3f}")
    runs = [f"runs/{number}" for number in range(RUNS)]
    visit = visit_in_the_middle(total)
    questions: dict[str, Callable[[], Any]] = {
        "one metric, all columns, pandas": lambda: open_store(place).load(METRIC).pandas(),
        "one metric, six columns, pandas": lambda: open_store(place).load(METRIC, columns=SIX).pandas(),
        "one metric, six columns, polars": lambda: open_store(place).load(METRIC, columns=SIX).polars(),
        "first match in a chain of five": lambda: open_store(place).load(METRIC, collections=runs).polars(),
        "latest of each data ID": lambda: open_store(place).load(METRIC, latest=True).polars(),
        "all metrics of one visit": lambda: open_store(place).load(where=f"visit = {visit}").polars(),
    }
    code = (
        "import sys, time; from gnomon.store import open_store; start = time.perf_counter(); "
        f"open_store(sys.argv[1]).load({METRIC!r}, columns={SIX!r}).pandas(); "
        "print(f'{1e3 * (time.perf_counter() - start):.1f}')"
    )
    first = subprocess.run(
        [sys.executable, "-c", code, str(place)], check=True, capture_output=True, text=True
    )
    print(f"{kind}: the first question of a process: {first.stdout.strip()} ms")
    for name, question in questions.items():
        median, least, cpu = measure(question)
        rows = len(question())
        print(f"{kind}: {name:33} {median:7.1f} ms, least {least:6.1f}, CPU {cpu:6.1f}; {rows:,} rows")
    if kind == "single" and total <= 20_000_000:
        beside(place)


def beside(place: Path) -> None:
    """Read one metric from one file that is sorted by metric."""
    file = place.with_suffix(".sorted.parquet")
    if not file.exists():
        live = [
            uri for path in place.glob("[sb]*/*/_delta_log") for uri in DeltaTable(path.parent).file_uris()
        ]
        frames = [pl.read_parquet(uri, hive_partitioning=False) for uri in live]
        pl.concat(frames, how="diagonal").sort("metric", "visit", "detector").write_parquet(file)
    for name, columns in (("all columns", None), ("six columns", SIX)):
        frame = pl.scan_parquet(file).filter(pl.col("metric") == METRIC)
        frame = frame if columns is None else frame.select(columns)
        median, least, cpu = measure(partial(_to_pandas, frame))
        print(
            f"one sorted file, one metric, {name}, pandas: {median:.1f} ms, least {least:.1f}, CPU {cpu:.1f}"
        )


def _to_pandas(frame: pl.LazyFrame) -> Any:
    return frame.collect().to_pandas()


def measure(question: Callable[[], Any], times: int = 15) -> tuple[float, float, float]:
    """Give the median and the least wall time and the mean CPU time, in ms, warm."""
    for _ in range(3):
        question()
    seconds, begin = [], time.process_time()
    for _ in range(times):
        start = time.perf_counter()
        question()
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - begin) / times
    return 1e3 * statistics.median(seconds), 1e3 * min(seconds), 1e3 * cpu


if __name__ == "__main__":
    main()
