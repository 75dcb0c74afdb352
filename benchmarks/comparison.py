"""Two runs of a million measurements compared, beside the plain join of whoever knows the columns.

The join pairs by metric, visit and detector alone, and takes the difference; it converts no unit, knows no
other data ID, counts nothing, and is what `compare` cannot be quicker than.

Run it with ``.venv/bin/python benchmarks/comparison.py [PAIRS]``. Times are of the processor, and so of all
threads; medians of five.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.judgement import compare, compare_runs
from gnomon.measurements.rows import conform
from gnomon.store import Store, open_store

METRICS, DETECTORS = 10, 200


def timed(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Give the median seconds of the processor and of the clock, and what came of it."""
    seconds = []
    result = None
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        seconds.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpus, walls = zip(*seconds, strict=True)
    return statistics.median(cpus), statistics.median(walls), result


def make(run: str, pairs: int, moved: float) -> pl.DataFrame:
    """Make a run in which each hundredth value has moved."""
    number = np.arange(pairs)
    start = 0 if run == "old" else pairs
    values = np.random.default_rng(1).normal(size=pairs) + moved * (number % 100 == 0)
    return pl.DataFrame(
        {
            "dataset_id": pl.Series([int(n).to_bytes(16) for n in number + start], dtype=pl.Binary),
            "metric": pl.Series("metric", number % METRICS).cast(pl.String),
            "value": values,
            "visit": number // (METRICS * DETECTORS) + 2_026_030_100_000,
            "detector": number // METRICS % DETECTORS,
        }
    ).with_columns(
        pl.format("demo.m{}", "metric").alias("metric"),
        pl.lit("mmag").alias("unit"),
        pl.lit(0.1).alias("uncertainty"),
        pl.lit(run).alias("run"),
        pl.lit("metricvalue_demo").alias("dataset_type"),
        pl.lit("Cam").alias("instrument"),
        pl.lit("r").alias("band"),
        pl.lit(20260301).alias("day_obs"),
    )


def main() -> None:
    """Print the figures."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    a, b = make("old", pairs, 0.0), make("new", pairs, 1.0)
    key = ["metric", "visit", "detector"]
    print(f"{pairs:,} pairs; seconds of the processor, and of the clock")
    joined = timed(
        lambda: a.join(b, on=key, how="full").with_columns(pl.col("value_right") - pl.col("value"))
    )
    compared = timed(lambda: compare(a, b))
    assert len(compared[2].matched) == pairs == len(joined[2])
    assert int(compared[2].matched["changed"].sum()) == len(range(0, pairs, 100))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store")
        for run in (a, b):
            arrow = run.to_arrow(compat_level=pl.CompatLevel.oldest())
            store.append(conform(arrow), source="benchmark")
        store.compact()
        from_store = timed(lambda: compare_runs(Store(store.uri), "old", "new"))
    for what, (cpu, wall, _) in {
        "join on three columns (Polars)": joined,
        "compare": compared,
        "summary of it": timed(compared[2].summary),
        "worst movers of it": timed(compared[2].movers),
        "compare_runs, with opening the store and loading": from_store,
    }.items():
        print(f"{what:>50} {cpu:7.2f} {wall:7.2f}")


if __name__ == "__main__":
    main()
