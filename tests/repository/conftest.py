"""What the tests of the room share: a real repository of a small night, and copies of it to write in."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table
from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset

from gnomon.demo.ingest import make_repository
from gnomon.demo.night import read_night
from gnomon.measurements import Measurement
from gnomon.repository.configuration import open_butler
from gnomon.store import Store, open_store

BEGINS = ("2014-12-30T04:00:00", "2014-12-30T04:05:00", "2014-12-30T04:10:00")

DIMENSIONS = {
    "visit": ("instrument", "visit"),
    "visit_detector": ("instrument", "visit", "detector"),
    "exposure": ("instrument", "exposure"),
    "night": ("instrument", "day_obs", "physical_filter"),
    "tract": ("skymap", "tract"),
    "htm": ("instrument", "htm7"),
    "everywhere": (),
}

type Put = Callable[..., DatasetRef]


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of three visits, which nobody writes into."""
    folder = tmp_path_factory.mktemp("night")
    stars = 2
    rows = [(begin, star) for begin in BEGINS for star in range(stars)]
    table = Table(
        {
            "star_id": [star for _, star in rows],
            "RA": [150.0 + 0.1 * star for _, star in rows],
            "Dec": [2.0 for _ in rows],
            "mag_inst_R": [-10.0 + star for _, star in rows],
            "mag_error": [0.01 for _ in rows],
            "sky_per_pix_avg": [50.0 for _ in rows],
            "airmass": [1.2 for _ in rows],
            "date-obs": [begin for begin, _ in rows],
            "exposure": [30.0 for _ in rows],
            "filter": ["R" for _ in rows],
        }
    )
    table.write(folder / "night.fits")
    make_repository(folder / "repo", read_night(folder / "night.fits"), progress=lambda done, total: None)
    with open_butler(folder / "repo", writeable=True) as butler:
        butler.registry.insertDimensionData("skymap", {"name": "sky", "hash": b"0" * 40})
        butler.registry.insertDimensionData("tract", {"skymap": "sky", "id": 7})
        for name, dimensions in DIMENSIONS.items():
            butler.registry.registerDatasetType(
                DatasetType(f"metricvalue_demo_{name}", dimensions, "MetricValue", universe=butler.dimensions)
            )
    return folder / "repo"


@pytest.fixture
def repository(night: Path, tmp_path: Path) -> Path:
    """A copy of the repository, the test's own."""
    shutil.copytree(night, tmp_path / "repo")
    return tmp_path / "repo"


@pytest.fixture
def butler(repository: Path) -> Iterator[Butler]:
    with open_butler(repository, writeable=True) as butler:
        yield butler


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def visits(butler: Butler) -> list[int]:
    return sorted(record.id for record in butler.query_dimension_records("visit"))


@pytest.fixture
def put(butler: Butler, visits: list[int]) -> Put:
    """Put a measurement where the test does not care: of the first visit, unless it says otherwise."""
    of = {
        "visit": {"instrument": "DemoCamera", "visit": visits[0]},
        "visit_detector": {"instrument": "DemoCamera", "visit": visits[0], "detector": 0},
        "exposure": {"instrument": "DemoCamera", "exposure": visits[0]},
        "night": {"instrument": "DemoCamera", "day_obs": 20141229, "physical_filter": "R"},
        "tract": {"skymap": "sky", "tract": 7},
        "htm": {"instrument": "DemoCamera", "htm7": 231819},
        "everywhere": {},
    }

    def put_one(
        measurement: Measurement | None = None, *, kind: str = "visit", run: str = "run", **data_id: Any
    ) -> DatasetRef:
        measurement = Measurement(f"demo.{kind}", 1.0) if measurement is None else measurement
        butler.collections.register(run)
        return butler.put(measurement, f"metricvalue_demo_{kind}", {**of[kind], **data_id}, run=run)

    return put_one


@pytest.fixture
def ingest(butler: Butler, visits: list[int], tmp_path: Path) -> Callable[[str], DatasetRef]:
    """Take a file into the repository as the measurement of the last visit, whatever is in it."""

    def ingest_one(text: str) -> DatasetRef:
        path = tmp_path / "given.yaml"
        path.write_text(text)
        butler.collections.register("run")
        dataset_type = butler.get_dataset_type("metricvalue_demo_visit")
        data_id = butler.registry.expandDataId(instrument="DemoCamera", visit=visits[-1])
        ref = DatasetRef(dataset_type, data_id, run="run")
        butler.ingest(FileDataset(path=str(path), refs=[ref]), transfer="copy")
        return ref

    return ingest_one
