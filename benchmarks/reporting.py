"""Reporting a job: measurements held against specifications with queries, and the report made into a table.

The first lines are the original's bad case: N measurements of N metrics against N specifications, each with a
query of one term, of which half hold. The last has the shape of the real definition package: 1,032 metrics
and 1,705 specifications with queries of 2 to 5 terms, of which few hold. Beside them stands what the original
framework took for the same (its 100,000 were never waited for).

Run it with ``.venv/bin/python benchmarks/reporting.py``.
"""

import random
import time
from collections.abc import Callable

import astropy.units as u

from gnomon.definitions import SpecificationSet, ThresholdSpecification
from gnomon.judgement import Report, judge
from gnomon.judgement.frames import measured_rows
from gnomon.measurements import Measurement, MeasurementSet

ORIGINAL = {
    "1,000 one-term": ("3.8 s", 3.8),
    "10,000 one-term": ("about 400 s", 400.0),
    "real shape": ("8.2 s", 8.2),
}
CAMERAS, BANDS = ("Small", "Large", "Huge"), "grizy"


def best(function: Callable[[], object], times: int = 3) -> float:
    """Give the least of some durations, in seconds."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        durations.append(time.perf_counter() - start)
    return min(durations)


def measure(metrics: int) -> MeasurementSet:
    """Make a measurement of each of some metrics."""
    values = random.Random(1)
    return MeasurementSet(
        Measurement(f"pkg{i % 12}.metric{i}", values.uniform(1, 20) * u.mmag) for i in range(metrics)
    )


def one_term(metrics: int) -> SpecificationSet:
    """Make a specification of one term for each of some metrics; every other one applies."""
    return SpecificationSet(
        ThresholdSpecification(
            f"pkg{i % 12}.metric{i}.design", 10 * u.mmag, "<=", {"band": BANDS[i % 2]}, ["design"]
        )
        for i in range(metrics)
    )


def real_shape(metrics: int, specifications: int) -> SpecificationSet:
    """Make specifications of 2 to 5 terms, as definition packages have them."""
    choice = random.Random(2)
    found = SpecificationSet()
    for i in range(specifications):
        terms = {
            "instrument": choice.choice(CAMERAS),
            "band": choice.choice(BANDS),
            "dataset": choice.choice(["small", "large"]),
            "pipeline": choice.choice(["night", "release"]),
            "tract": choice.randrange(3),
        }
        query = {term: terms[term] for term in list(terms)[: 2 + i % 4]}
        name = f"pkg{i % metrics % 12}.metric{i % metrics}.design_{i}"
        found.insert(ThresholdSpecification(name, 10 * u.mmag, "<=", query, ["design"]))
    return found


def main() -> None:
    """Print the figures."""
    metadata: dict[str, object] = {"instrument": "Small", "band": "g", "dataset": "small"}
    metadata |= {"pipeline": "night", "tract": 1}
    titles = f"{'measurements':>18} {'judge':>9} {'report + table':>15} {'growth':>7}"
    print(f"{titles} {'original':>12} {'faster':>8}")
    cases = [(f"{n:,} one-term", measure(n), one_term(n)) for n in (1_000, 10_000, 100_000)]
    cases.append(("real shape", measure(1_032), real_shape(1_032, 1_705)))
    previous = 0.0
    for what, measurements, specifications in cases:
        judged, whole = time_both(measurements, specifications, metadata)
        growth = f"{whole / previous:.1f} x" if previous and "one-term" in what else ""
        previous = whole
        original, seconds = ORIGINAL.get(what, ("", 0.0))
        faster = f"{seconds / whole:,.0f} x" if seconds else ""
        print(f"{what:>18} {judged:7.3f} s {whole:13.3f} s {growth:>7} {original:>12} {faster:>8}")


def time_both(
    measurements: MeasurementSet, specifications: SpecificationSet, metadata: dict[str, object]
) -> tuple[float, float]:
    """Time the judging of rows, and a whole report of measurements."""
    rows = measured_rows(measurements)
    judged = best(lambda: judge(rows, specifications, metadata=metadata))
    return judged, best(lambda: Report(measurements, specifications, metadata=metadata).make_table())


if __name__ == "__main__":
    main()
