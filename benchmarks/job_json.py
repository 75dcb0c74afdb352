"""How long jobs take to be written as JSON and to be read again.

Each measurement has one extra and one note. The figures of the original framework, for 10,000 measurements:
7 s to deserialise them with extras, 11 s to serialise them with notes.

Run it by hand: ``python benchmarks/job_json.py [SIZE ...]``.
"""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u

from gnomon.measurements import Datum, Job, Measurement

SIZES = (10_000, 100_000)
REPEATS = 3


def make_job(size: int) -> Job:
    """Make a job of so many measurements."""
    return Job(
        [
            Measurement(
                f"bench.metric_{index}",
                (index + 0.5) * u.mmag,
                extras={"scatter": Datum(0.1 * index, "mmag", "scatter", "Scatter of the stars.")},
                notes={"estimator": "median of all stars"},
            )
            for index in range(size)
        ],
        meta={"instrument": "LSSTCam"},
    )


def best(action: Callable[[], Any]) -> float:
    """Give the shortest of some times in seconds."""
    times = []
    for _ in range(REPEATS):
        gc.collect()
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def measure(size: int, folder: Path) -> dict[str, float]:
    """Give the times of each action in seconds."""
    job, path = make_job(size), folder / f"{size}.verify.json"
    job.write(path)
    text = path.read_text()
    document = json.loads(text)
    assert Job.read(path) == job
    return {
        "write": best(lambda: job.write(path)),
        "  Job.json": best(lambda: job.json),
        "read": best(lambda: Job.read(path)),
        "  Job.deserialize": best(lambda: Job.deserialize(**document)),
        "round trip": best(lambda: Job.read(path).write(path)),
        "(json.dumps, indented)": best(lambda: json.dumps(document, indent=2, sort_keys=True)),
        "(json.loads)": best(lambda: json.loads(text)),
    }


def main() -> None:
    """Print a table."""
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    with tempfile.TemporaryDirectory() as folder:
        results = [measure(size, Path(folder)) for size in sizes]
    original = {"  Job.json": "11 s for 10,000", "  Job.deserialize": "7 s for 10,000"}
    heads = "".join(f"{size:>12,}" for size in sizes)
    print(f"{'measurements':<24}{heads}{'ratio':>9}  original")
    for name in results[0]:
        times = "".join(f"{result[name]:>10.3f} s" for result in results)
        ratio = results[-1][name] / results[0][name]
        print(f"{name:<24}{times}{ratio:>9.1f}  {original.get(name, '')}".rstrip())


if __name__ == "__main__":
    main()
