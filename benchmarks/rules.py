"""Rules over a million measurements: evaluated alone, with loading, and with what a run says of them.

The measurements are those of 5,000 visits with 200 detectors each, in 1,000 groups of a night and filter.
Every case is evaluated by itself, from rows that are there, and then loaded from a store and evaluated.
Beside the trend stands a straight line a group by pandas and NumPy, without leaving any outlier out; beside
the plain condition, a loop over rows in Python. The last lines are whole runs: what the log has to take in,
and what a run costs that finds nothing new.

Run it with ``.venv/bin/python benchmarks/rules.py [--visits 5000]``. All times are CPU times of this process,
with the threads of Polars; the least of three, and of the last lines and those beside only one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from gnomon.annotations import open_annotations
from gnomon.curation.rules import Baseline, Rule, TrendRemoval, evaluate, run_rules
from gnomon.store import Store, open_store

DETECTORS, IN_A_GROUP = 200, 5
ZERO_POINT, AIRMASS = "demo.zero_point", "demo.airmass"

RULES: dict[str, dict[str, Any]] = {
    "value > 8 mag": {"metric": ZERO_POINT, "when": "value > 8 mag"},
    "two metrics": {"when": f"{ZERO_POINT} > 8 mag AND {AIRMASS} < 1.5"},
    "trend, 1,000 groups": {
        "metric": ZERO_POINT,
        "trend": TrendRemoval(against=AIRMASS),
        "when": "abs(residual) > 5 * scatter",
    },
    "3 consecutive visits": {"metric": ZERO_POINT, "when": "value > 5 mag for 3 consecutive visits"},
    "baseline of 5 nights": {
        "metric": ZERO_POINT,
        "baseline": Baseline(nights=5),
        "when": "abs(baseline_deviation) > 10",
    },
}


def cpu(action: Callable[[], object], times: int = 3) -> float:
    """Give the least CPU time of some runs, in seconds."""
    least = float("inf")
    for _ in range(times):
        start = time.process_time()
        action()
        least = min(least, time.process_time() - start)
    return least


def measure(visits: int) -> pl.DataFrame:
    """Make the measurements."""
    chance = np.random.default_rng(1)
    visit, detector = np.repeat(np.arange(visits), DETECTORS), np.tile(np.arange(DETECTORS), visits)
    group = visit // IN_A_GROUP
    begin = 1_750_000_000_000_000 + visit * 40_000_000
    nights = pl.date_range(pl.date(2025, 6, 1), pl.date(2026, 6, 1), eager=True).dt.strftime("%Y%m%d")
    airmass = chance.uniform(1.0, 2.0, len(visit))
    zero_point = 3.0 * airmass + chance.normal(size=len(visit))
    zero_point[chance.random(len(visit)) < 0.001] += 30.0
    frames = []
    for number, (metric, unit, values) in enumerate(
        ((AIRMASS, "", airmass), (ZERO_POINT, "mag", zero_point))
    ):
        identifiers = [f"{number}{place:015d}".encode() for place in range(len(visit))]
        columns = {
            "dataset_id": identifiers,
            "value": values,
            "visit": 2025060100000 + visit,
            "detector": detector,
            "day_obs": nights.cast(pl.Int64).to_numpy()[group // 10],
            "physical_filter": pl.Series(group % 10).cast(pl.String),
            "band": pl.Series(group % 10).cast(pl.String),
            "obs_begin": pl.Series(begin).cast(pl.Datetime("us")),
            "obs_end": pl.Series(begin + 30_000_000).cast(pl.Datetime("us")),
        }
        texts = {"metric": metric, "unit": unit, "run": "runs/1", "dataset_type": f"value_{number}"}
        frames.append(
            pl.DataFrame(columns).with_columns(
                instrument=pl.lit("LSSTCam"), **{name: pl.lit(text) for name, text in texts.items()}
            )
        )
    return pl.concat(frames)


def by_pandas(frame: pd.DataFrame) -> object:
    """Take a straight line off each group."""

    def residuals(group: pd.DataFrame) -> "pd.Series[float]":
        x, y = group["airmass"], group["zero_point"]
        return y - np.polyval(np.polyfit(x, y, 1), x)

    return frame.groupby(["day_obs", "physical_filter"], group_keys=False)[["airmass", "zero_point"]].apply(
        residuals
    )


def by_loop(frame: pl.DataFrame) -> list[tuple[int, int, str]]:
    """Judge row by row."""
    return [
        (row["visit"], row["detector"], "set" if row["value"] > 8 else "examined")
        for row in frame.iter_rows(named=True)
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5000)
    visits = parser.parse_args().visits
    rows = measure(visits)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "store")
        store.append(rows.to_arrow(), source="benchmark")
        store.compact()
        compare_evaluation(store, rows)
        compare_runs(store, Path(folder))


def compare_evaluation(store: Store, rows: pl.DataFrame) -> None:
    """Time the evaluation of each rule, alone and with loading."""
    own = rows.filter(pl.col("metric") == ZERO_POINT)
    print(f"{len(own):,} measurements of each metric")
    print(f"{'':>24} {'evaluated':>10} {'with loading':>13} {'set':>8}")
    for what, told in RULES.items():
        rule = Rule.model_validate({"name": "benchmark", "flag": "junk", **told})
        metrics = sorted({use.metric for use in rule.uses.values()})
        given = own if metrics == [ZERO_POINT] else rows
        alone = cpu(partial(evaluate, rule, given))

        def loaded(metrics: list[str] = metrics, rule: Rule = rule) -> object:
            return evaluate(rule, store.load(metrics, collections="runs/1").polars())

        found = int((evaluate(rule, given).states == "set").sum())
        print(f"{what:>24} {alone:8.3f} s {cpu(loaded):11.3f} s {found:8,}")
    print(f"{'loop over rows':>24} {cpu(lambda: by_loop(own), 1):8.3f} s")
    frame = own.select("day_obs", "physical_filter", pl.col("value").alias("zero_point")).with_columns(
        rows.filter(pl.col("metric") == AIRMASS)["value"].alias("airmass")
    )
    paired = frame.to_pandas()
    print(f"{'lines by pandas':>24} {cpu(lambda: by_pandas(paired), 1):8.3f} s")


def compare_runs(store: Store, folder: Path) -> None:
    """Time whole runs: the first of many things, and a second that finds nothing new."""
    silent: dict[str, Any] = {
        "name": "benchmark",
        "flag": "junk",
        "metric": ZERO_POINT,
        "otherwise": "nothing",
    }
    print(f"{'':>24} {'recorded':>10} {'first run':>13} {'second run':>13}")
    for limit in (20.0, 5.2, 3.9):
        rule = Rule.model_validate({**silent, "when": f"value > {limit}"})
        with open_annotations(folder / f"{limit}.db", origin="benchmark") as log:
            start = time.process_time()
            (ran,) = run_rules(store, log, [rule], collections="runs/1")
            first = time.process_time() - start
            second = cpu(partial(run_rules, store, log, [rule], collections="runs/1"), 1)
        print(f"{rule.when:>24} {len(ran.changes):10,} {first:11.3f} s {second:11.3f} s")


if __name__ == "__main__":
    main()
