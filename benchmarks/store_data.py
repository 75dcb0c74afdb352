"""Measurements for the benchmarks of the store: a survey of visits, ten detectors each, in five runs."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import uuid_utils

from gnomon.measurements.rows import conform

METRICS = 200
DETECTORS = 10
RUNS = 5
FIRST_VISIT = 2025060100000
_BEGIN, _CADENCE = 1_750_000_000_000_000, 40_000_000  # TAI microseconds


def visit_in_the_middle(total: int) -> int:
    """Give a visit of a survey of so many measurements."""
    return FIRST_VISIT + total // RUNS // METRICS // DETECTORS // 2


def batches(kind: str, total: int, size: int) -> Iterator[pa.Table]:
    """Give measurements in the order in which a pipeline makes them.

    Parameters
    ----------
    kind
        ``bundle``: a dataset has all metrics; ``single``: each measurement is one.
    total
        How many measurements.
    size
        How many at once; a multiple of 200.
    """
    random = np.random.default_rng(0)
    of_run = total // RUNS
    for start in range(0, total, size):
        number = np.arange(start, min(start + size, total))
        run, place = number // of_run, number % of_run
        dataset, metric = place // METRICS, place % METRICS
        visit, detector = dataset // DETECTORS, dataset % DETECTORS
        if kind == "bundle":
            ids = [uuid_utils.uuid7().bytes for _ in range(len(number) // METRICS)]
            dataset_id = pa.array(ids, pa.binary(16)).take(pa.array(np.arange(len(number)) // METRICS))
            dataset_type = pa.array(["metricbundle_demo_visits"]).take(pa.array(np.zeros(len(number), int)))
            measured = 1_760_000_000_000_000 + number // METRICS * 180_000
        else:
            dataset_id = pa.array([uuid_utils.uuid7().bytes for _ in range(len(number))], pa.binary(16))
            names = pa.array([f"metricvalue_demo_m{i}" for i in range(METRICS)])
            dataset_type = names.take(pa.array(metric))
            measured = 1_760_000_000_000_000 + number * 900 + random.integers(0, 900, len(number))
        begin = _BEGIN + visit * _CADENCE
        band = pa.array((visit // 50) % 3)
        yield conform(
            pa.table(
                {
                    "dataset_id": dataset_id,
                    "metric": pa.array([f"demo.m{i}" for i in range(METRICS)]).take(pa.array(metric)),
                    "value": random.normal(size=len(number)),
                    "unit": pa.array(["mmag"]).take(pa.array(np.zeros(len(number), int))),
                    "run": pa.array([f"runs/{i}" for i in range(RUNS)]).take(pa.array(run)),
                    "dataset_type": dataset_type,
                    "instrument": pa.array(["LSSTCam"]).take(pa.array(np.zeros(len(number), int))),
                    "visit": FIRST_VISIT + visit,
                    "detector": detector,
                    "day_obs": 20250601 + visit // 1000,
                    "physical_filter": pa.array(["g_6", "r_57", "i_39"]).take(band),
                    "band": pa.array(["g", "r", "i"]).take(band),
                    "obs_begin": pa.array(begin, pa.timestamp("us")),
                    "obs_end": pa.array(begin + 30_000_000, pa.timestamp("us")),
                    "measured_at": pa.array(measured, pa.timestamp("us")),
                    "software": pa.array(["gnomon 1.0"]).take(pa.array(np.zeros(len(number), int))),
                }
            )
        )
