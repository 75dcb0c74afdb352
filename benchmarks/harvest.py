"""What it takes to bring small files into the store: harvest, against ``butler.get`` one by one.

A repository on local disk gets 30,000 measurements in files of their own, three metrics of each detector of
each visit. They are read once with ``butler.get``, one after the other, and harvested once into a new store,
each in a process of its own that has done the same with some other datasets before, so that neither pays for
imports. Opening repository and store counts. CPU time is that of all threads.

Run it with ``.venv/bin/python benchmarks/harvest.py [FORM] [FILES]``. FORM is ``ours`` (the default), as
gnomon's tasks write them, with the time of measuring in a note; or ``established``, as the established
package writes them, without one, so that harvest asks the registry for it.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

from astropy import units as u
from astropy.time import Time, TimeDelta
from lsst.daf.butler import Butler, DataCoordinate, DatasetRef, DatasetType, FileDataset, Timespan

from gnomon.measurements import Measurement
from gnomon.measurements.yaml_codec import to_yaml
from gnomon.repository.configuration import enable, open_butler
from gnomon.repository.harvest import harvest
from gnomon.store import open_store

CAMERA, DETECTORS, METRICS = "Bench", 100, 3
WARM = 300
FORMATTERS = {
    "ours": "gnomon.repository.formatters.MeasurementFormatter",
    "established": "lsst.daf.butler.formatters.yaml.YamlFormatter",
}

ESTABLISHED = """!<lsst.verify.Measurement>
blobs:
- !<lsst.verify.Blob>
  data: {{}}
  identifier: 86cc1f1a7a0f4ce0a7cd7b1fbd6c7bd2
  name: {metric}
identifier: 2f10a4bd5b3b4a5f9e7a3e3a31f2e1aa
metric: {metric}
notes:
  {metric}.estimator: utils.timer.timeMethod
unit: mmag
value: {value}
"""


def content(form: str, metric: str, number: int) -> bytes:
    """Give the content of one file."""
    if form == "established":
        return ESTABLISHED.format(metric=metric, value=number + 0.5).encode()
    measurement = Measurement(metric, (number + 0.5) * u.mmag, uncertainty=0.1, count=7)
    measurement.measured_at = 1_735_732_800_000_000 + number
    return to_yaml(measurement)


def make_repository(folder: Path, form: str, files: int, *, run: str, root: str | None = None) -> None:
    """Make a repository, or another run in it, with as many files.

    Parameters
    ----------
    folder
        Where the repository is.
    form
        Of the files.
    files
        How many.
    run
        Their RUN collection.
    root
        Where the files are written, if that is not where the datastore will look for them.
    """
    enable()
    visits = max(1, files // (DETECTORS * METRICS))
    with open_butler(folder, writeable=True, run=run) as butler:
        insert_dimensions(butler, visits)
        for metric in range(METRICS):
            kind = DatasetType(
                f"metricvalue_bench_m{metric}",
                ("instrument", "visit", "detector"),
                "MetricValue",
                universe=butler.dimensions,
            )
            butler.registry.registerDatasetType(kind)
            for visit in range(visits):
                ingest(butler, kind, form, visit, Path(root or folder), run)


def insert_dimensions(butler: Butler, visits: int) -> None:
    """Insert the records of an instrument and its visits."""

    def insert(element: str, *records: dict[str, Any]) -> None:
        rows = [{"instrument": CAMERA, **record} for record in records]
        butler.registry.insertDimensionData(element, *rows, skip_existing=True)

    begin = Time("2025-01-01T12:00:00", scale="tai")
    butler.registry.insertDimensionData(
        "instrument", {"name": CAMERA, "class_name": "none", "visit_system": 0}, skip_existing=True
    )
    insert("physical_filter", {"name": "R", "band": "r"})
    insert("day_obs", {"id": 20250101, "timespan": Timespan(begin, begin + TimeDelta(1, format="jd"))})
    insert("detector", *({"id": number, "full_name": f"D{number}"} for number in range(DETECTORS)))
    starts = [begin + TimeDelta(40.0 * visit, format="sec") for visit in range(visits)]
    insert(
        "visit",
        *(
            {
                "id": visit, "name": f"V{visit}", "physical_filter": "R", "day_obs": 20250101,
                "seq_num": visit, "exposure_time": 30.0,
                "timespan": Timespan(start, start + TimeDelta(30.0, format="sec")),
            }
            for visit, start in enumerate(starts)
        ),
    )  # fmt: skip


def ingest(butler: Butler, kind: DatasetType, form: str, visit: int, root: Path, run: str) -> None:
    """Write the files of a visit and make them known."""
    datasets = []
    for detector in range(DETECTORS):
        data_id = DataCoordinate.standardize(
            instrument=CAMERA, visit=visit, detector=detector, physical_filter="R", day_obs=20250101,
            band="r", universe=butler.dimensions,
        )  # fmt: skip
        path = Path(run) / kind.name / str(visit) / f"{detector}.yaml"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        metric = kind.name.removeprefix("metricvalue_").replace("_", ".", 1)
        (root / path).write_bytes(content(form, metric, visit * DETECTORS + detector))
        ref = DatasetRef(kind, data_id, run=run)
        datasets.append(FileDataset(path=str(path), refs=[ref], formatter=FORMATTERS[form]))
    butler.ingest(*datasets, transfer=None)


def get_one_by_one(repository: Path, run: str, limit: int | None = None) -> int:
    """Read measurements with ``butler.get``; give how many."""
    count = 0
    with open_butler(repository) as butler:
        for metric in range(METRICS):
            for ref in butler.query_datasets(f"metricvalue_bench_m{metric}", run, limit=None):
                if count == limit:
                    return count
                butler.get(ref)
                count += 1
    return count


def harvest_all(repository: Path, run: str, store: Path) -> int:
    """Harvest measurements; give how many."""
    with open_butler(repository) as butler:
        report = harvest(butler, open_store(store), collections=run)
    assert not report.not_read, report.unreadable[:3]
    return report.measurements


def load_all(store: Path) -> int:
    """Load all measurements of a store into a frame of pandas; give how many."""
    return len(open_store(store).load().pandas())


def timed(function: Callable[..., int], *arguments: Any) -> tuple[int, float, float]:
    """Give what a function gives, the CPU seconds and the seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    count = function(*arguments)
    return count, time.process_time() - cpu, time.perf_counter() - wall


def child(way: str, folder: Path) -> None:
    """Do one of the ways in this process and print its figures."""
    repository = folder / "repo"
    if way == "get":
        get_one_by_one(repository, "warm")
        figures = timed(get_one_by_one, repository, "run")
    elif way == "load":
        open_store(folder / "store").compact()
        load_all(folder / "warm")
        # The store is opened anew each time; the figure is the median.
        figures = sorted((timed(load_all, folder / "store") for _ in range(11)), key=itemgetter(2))[5]
    else:
        harvest_all(repository, "warm", folder / "warm")
        figures = timed(harvest_all, repository, "run", folder / "store")
    print(json.dumps(figures))


def main() -> None:
    """Print the figures."""
    form = sys.argv[1] if len(sys.argv) > 1 else "ours"
    files = int(sys.argv[2]) if len(sys.argv) > 2 else 30_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        enable()
        Butler.makeRepo(str(folder / "repo"))
        make_repository(folder / "repo", form, files, run="run")
        make_repository(folder / "repo", form, WARM, run="warm")
        found: dict[str, tuple[int, float, float]] = {}
        for way in ("get", "harvest", "load"):
            command = [sys.executable, __file__, "--child", way, str(folder)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            found[way] = tuple(json.loads(output))
    print(f"{found['harvest'][0]} files, {form}")
    for way, (count, cpu, wall) in found.items():
        print(
            f"  {way:8} CPU {cpu:7.2f} s, {cpu / count * 1e3:6.3f} ms each; "
            f"wall {wall:7.2f} s, {wall / count * 1e3:6.3f} ms each"
        )
    _, get_cpu, get_wall = found["get"]
    for way, what in (("harvest", "harvest"), ("load", "loading what was harvested into pandas")):
        _, cpu, wall = found[way]
        print(
            f"  {what} is {get_cpu / cpu:.1f} times quicker in CPU, {get_wall / wall:.1f} times in wall time"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
