"""What all tests share: a home of their own, and programs that come from Debian rather than from a wheel."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time, TimeDelta
from hypothesis import settings

if TYPE_CHECKING:
    from tests.repository.lineage.steps import Processed

# A law is no benchmark: a busy machine must not make it fail.
settings.register_profile("gnomon", deadline=None)
settings.load_profile("gnomon")

_NEEDS = "needs Debian's"
TOOL = Path(__file__).parents[1] / "tools" / "postgresql.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of an `xdist_group` in one process.

    pytest-xdist 3.8 marks them by another name of the node, of which pytest 9.2 takes no notice: each process
    would make what a group shares for itself.
    """
    for item in items:
        named = vars(item).get("_nodeid")
        if named is not None and named != item.nodeid:
            item._id = type(item.id).parse(named)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests from reading or writing what the person who runs them has in gnomon."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GNOMON_") and name != "GNOMON_TEST_APT"]:
            patch.delenv(name)
        patch.setenv("GNOMON_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser; without it a test is skipped, or fails where `requirements/apt.txt` must be installed."""
    return _from_apt("chromium", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def postgresql() -> None:
    """Debian's PostgreSQL, which has `pg_trgm`; without it a test is skipped, or fails as above."""
    _from_apt("postgresql", *(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")))


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """Start a PostgreSQL server, and give its address."""
    running: list[subprocess.Popen[str]] = []
    # Not one of pytest's folders, which nobody else may enter: a server does not run as root.
    folders: list[tempfile.TemporaryDirectory[str]] = []

    def start(*options: str) -> str:
        folders.append(tempfile.TemporaryDirectory(prefix="gnomon-"))
        folder = f"{folders[-1].name}/server"
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", TOOL, folder, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().split()[0]

    yield start
    for process in running:
        process.communicate("")
    for folder in folders:
        folder.cleanup()


@pytest.fixture(scope="session")
def make_night() -> Callable[..., Table]:
    """Make a night's table as `gnomon.demo.night` reads it: stars in a row, twelve of sixteen bright."""
    return _night


def _night(*, visits: int = 8, stars: int = 16, cloudy: int = 5, filter: str = "V") -> Table:
    """Make a table with 0.25 mag of extinction an airmass; the ``cloudy``-th visit is 0.2 mag too faint."""
    random = np.random.default_rng(20260301)
    visit, star = (grid.ravel() for grid in np.mgrid[:visits, :stars])
    begin = Time("2026-03-02T02:00:00", scale="utc") + TimeDelta(np.arange(visits) * 120.0, format="sec")
    airmass = np.linspace(1.8, 1.1, visits)
    noise = random.normal(size=(3, visits * stars))
    magnitude = np.linspace(-12.0, -9.5, stars)[star] + 0.25 * airmass[visit]
    return Table(
        {
            "star_id": 100 + star,
            "RA": (359.95 + 0.01 * star + 1e-5 * noise[0]) % 360.0,
            "Dec": -30.0 + 0.01 * star + 1e-5 * noise[1],
            f"mag_inst_{filter}": magnitude + 0.2 * (visit + 1 == cloudy) + 0.002 * noise[2],
            "mag_error": np.where(star < 12, 0.005, 0.05),
            "sky_per_pix_avg": 40.0 + visit,
            "airmass": airmass[visit],
            "exposure": np.full(visits * stars, 60.0),
            "date-obs": begin.isot[visit],
            "filter": np.full(visits * stars, filter),
        }
    )


@pytest.fixture(scope="session")
def night_repository(make_night: Callable[..., Table], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the catalogs of the synthetic night; not to be written to."""
    from gnomon.demo.ingest import make_repository
    from gnomon.demo.night import read_night

    folder = tmp_path_factory.mktemp("night")
    make_night().write(folder / "night.ecsv")
    make_repository(folder / "repo", read_night(folder / "night.ecsv"), progress=lambda done, total: None)
    return folder / "repo"


@pytest.fixture
def repository(night_repository: Path, tmp_path: Path) -> Path:
    """A copy of the night's repository, to be written to."""
    return shutil.copytree(night_repository, tmp_path / "repo")


@pytest.fixture(scope="session")
def measured_repository(night_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The night's repository after its pipeline: ``demo/all`` leads to the run ``demo/all/1``."""
    from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor

    repository = shutil.copytree(night_repository, tmp_path_factory.mktemp("measured") / "repo")
    pipeline = Path(__file__).parents[1] / "src" / "gnomon" / "demo" / "pipelines" / "night.yaml"
    prepared = SimplePipelineExecutor.prep_butler(
        str(repository), ["DemoCamera/catalogs"], output="demo/all", output_run="demo/all/1"
    )
    with prepared as butler:
        executor = SimplePipelineExecutor.from_pipeline_filename(
            str(pipeline), butler=butler, output="demo/all", output_run="demo/all/1"
        )
        executor.run(register_dataset_types=True)
    return repository


@pytest.fixture(scope="session")
def processed(make_night: Callable[..., Table], tmp_path_factory: pytest.TempPathFactory) -> "Processed":
    """A repository in which a pipeline of three steps was run, which nobody writes into."""
    from tests.repository.lineage.steps import make_steps_night, process

    folder = tmp_path_factory.mktemp("processed")
    return process(make_steps_night(make_night, folder), folder)


def _from_apt(package: str, *programs: str) -> Path:
    for program in programs:
        if found := shutil.which(program):
            return Path(found)
    reason = f"{_NEEDS} {package}, which is not installed (requirements/apt.txt)"
    if os.environ.get("GNOMON_TEST_APT") == "1":
        pytest.fail(f"{reason}, though GNOMON_TEST_APT=1 promises it", pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which tests were skipped for want of a Debian package."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if _NEEDS in str(r.longrepr)]
    if not skipped:
        return
    terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    for report in skipped:
        terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")
    terminalreporter.write_line(
        f"{len(skipped)} tests were skipped. As root, `GNOMON_TEST_APT=1 make test` installs what they need."
    )
