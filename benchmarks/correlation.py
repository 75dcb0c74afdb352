"""A metric beside telemetry: ten million samples, one a second, and fifty thousand measurements.

`Store.correlate` and the parts of it stand beside what Polars has for the purpose, in one run: `join_asof`
takes the nearest sample, and a join by inequality with a grouping the mean over each observation (that one on
a tenth of the measurements, since its cost goes with the pairs). Every result is held against that of the
alternative. The store is opened and asked anew each time; telemetry is in memory, save for the lines that say
that it is read from Parquet.

Run it with ``.venv/bin/python benchmarks/correlation.py [MEASUREMENTS [SAMPLES]]``. Times are of the
processor, medians of five; those of the whole process, and so of all its threads.
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

from gnomon.algorithms.windows import sample_at
from gnomon.measurements.rows import SCHEMA, conform
from gnomon.store import Store, open_store
from gnomon.store.questions.correlation import Question

SECOND = 1_000_000
START = 1_750_000_000 * SECOND
PER_VISIT = 10  # detectors that share an observation


def timed(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Give the median milliseconds of the processor and of the clock, and what came of it."""
    seconds = []
    result = None
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        seconds.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpus, walls = zip(*seconds, strict=True)
    return 1e3 * statistics.median(cpus), 1e3 * statistics.median(walls), result


def telemetry(samples: int) -> pl.DataFrame:
    """Make a sample a second."""
    moments = START + np.arange(samples, dtype=np.int64) * SECOND
    wind = np.random.default_rng(1).gamma(2.0, 2.0, samples)
    return pl.DataFrame({"time": pl.Series(moments).cast(pl.Datetime("us")).set_sorted(), "wind": wind})


def fill(folder: Path, measurements: int, samples: int) -> str:
    """Make a store with a metric, ten detectors an observation of 30 s."""
    number = np.arange(measurements)
    visit = number // PER_VISIT
    step = samples * SECOND // (visit[-1] + 1)
    begin = START + visit * step + 123_456
    columns = {
        "dataset_id": [int(n).to_bytes(16) for n in number],
        "metric": np.full(measurements, "demo.seeing"),
        "value": np.random.default_rng(2).normal(0.7, 0.1, measurements),
        "unit": np.full(measurements, "arcsec"),
        "run": np.full(measurements, "run"),
        "dataset_type": np.full(measurements, "metricvalue_demo_seeing"),
        "instrument": np.full(measurements, "Cam"),
        "visit": visit,
        "detector": number % PER_VISIT,
        "obs_begin": begin.astype("datetime64[us]"),
        "obs_end": (begin + 30 * SECOND).astype("datetime64[us]"),
    }
    frame = pl.DataFrame(columns).to_arrow().cast(_schema(list(columns)))
    store = open_store(folder / "store")
    store.append(conform(frame), source="benchmark")
    store.compact()
    return store.uri


def _schema(names: list[str]) -> Any:
    import pyarrow as pa

    return pa.schema([SCHEMA.field(name) for name in names])


def main() -> None:
    """Print the figures."""
    measurements = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    samples = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        uri, series = fill(folder, measurements, samples), telemetry(samples)
        series.write_parquet(folder / "telemetry.parquet", row_group_size=100_000)
        print(f"{measurements:,} measurements, {PER_VISIT} an observation; {samples:,} samples")
        print(f"{'ms':>55} {'processor':>10} {'clock':>8}")
        nearest(uri, series)
        means(uri, series)
        parquet(uri, series, folder / "telemetry.parquet")


def show(what: str, cpu: float, wall: float) -> None:
    """Print a line."""
    print(f"{what:>55} {cpu:10.1f} {wall:8.1f}")


def _load(uri: str) -> pl.DataFrame:
    return Store(uri).load("demo.seeing").polars()


def _middles(uri: str) -> pl.DataFrame:
    middle = pl.col("obs_begin") + (pl.col("obs_end") - pl.col("obs_begin")) / 2
    return _load(uri).with_columns(middle.alias("time")).sort("time")


def nearest(uri: str, series: pl.DataFrame) -> None:
    """Take the nearest sample."""
    show("opening the store and loading the metric", *timed(lambda: _load(uri))[:2])
    rows = _middles(uri)
    moments, values = series["time"].to_physical().to_numpy(), series["wind"].to_numpy()
    at = rows["time"].cast(pl.Int64).to_numpy()
    cpu, wall, found = timed(lambda: sample_at(moments, values, at, "nearest", tolerance=SECOND))
    show("nearest sample alone (sample_at)", cpu, wall)
    cpu, wall, joined = timed(
        lambda: rows.join_asof(series, on="time", strategy="nearest", tolerance="1s", check_sortedness=False)
    )
    show("nearest sample alone (Polars join_asof)", cpu, wall)
    assert np.array_equal(found.values, joined["wind"].to_numpy())
    cpu, wall, correlation = timed(
        lambda: Store(uri).correlate("demo.seeing", series, scale="tai", how="nearest", tolerance=1)
    )
    show("open, load, nearest (Store.correlate)", cpu, wall)
    cpu, wall, joined = timed(
        lambda: _middles(uri).join_asof(series, on="time", strategy="nearest", tolerance="1s")
    )
    show("open, load, nearest (load, Polars join_asof)", cpu, wall)
    key = ["visit", "detector"]
    assert correlation.polars().sort(key)["wind"].equals(joined.sort(key)["wind"])


def means(uri: str, series: pl.DataFrame) -> None:
    """Take the mean over the observation."""
    for how in ("mean", "median"):
        cpu, wall, found = timed(lambda: Store(uri).correlate("demo.seeing", series, scale="tai", how=how))  # noqa: B023
        show(f"open, load, {how} over 30 s (Store.correlate)", cpu, wall)
    some = _load(uri).filter(pl.col("visit") % 10 == 0)

    def joined() -> pl.DataFrame:
        inside = some.with_row_index("row").join_where(
            series, pl.col("time") >= pl.col("obs_begin"), pl.col("time") < pl.col("obs_end")
        )
        return inside.group_by("row").agg(pl.col("wind").median()).sort("row")

    cpu, wall, expected = timed(joined)
    show("median over 30 s of a tenth (Polars join_where)", cpu, wall)
    of_these = found.polars().filter(pl.col("visit") % 10 == 0)
    assert np.allclose(of_these["wind"].to_numpy(), expected["wind"].to_numpy())


def parquet(uri: str, series: pl.DataFrame, path: Path) -> None:
    """Read telemetry from a file: all of it, and what lies around the observations of an hour."""
    scan = pl.scan_parquet(path)
    begin = START + (len(series) // 2) * SECOND
    observed = (begin, begin + 3600 * SECOND)
    questions: list[tuple[str, Question]] = [("all", {}), ("an hour", {"observed": observed})]
    for what, asked in questions:
        cpu, wall, _ = timed(lambda: Store(uri).correlate("demo.seeing", scan, scale="tai", **asked))  # noqa: B023
        show(f"mean, telemetry from Parquet, {what}", cpu, wall)
    cpu, wall, _ = timed(lambda: pl.read_parquet(path))
    show("reading the file whole (Polars)", cpu, wall)


if __name__ == "__main__":
    main()
