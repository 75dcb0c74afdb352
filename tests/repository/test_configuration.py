"""Telling the Butler of gnomon's datasets."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy import units as u
from lsst.daf.butler import Butler, DatasetRef, FileDataset

from gnomon.errors import RepositoryError
from gnomon.measurements import Datum, Measurement
from gnomon.repository import configuration
from gnomon.repository.configuration import SEARCH_PATH_VARIABLE, config_path, environment, open_butler

type Put = Callable[..., DatasetRef]


def run(program: str, *arguments: object, configured: bool) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != SEARCH_PATH_VARIABLE}
    if configured:
        variables[SEARCH_PATH_VARIABLE] = config_path()
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_a_measurement_comes_back_as_it_was_put(butler: Butler, put: Put) -> None:
    measurement = Measurement("demo.visit", 3.5 * u.mmag, uncertainty=0.5, count=3, notes={"a": [1, None]})
    measurement.extras["residuals"] = Datum(u.Quantity([1.0, 2.0], u.mas))
    ref = put(measurement)
    assert butler.get(ref) == measurement
    assert Path(butler.getURI(ref).ospath).read_bytes().startswith(b"!<lsst.verify.Measurement>")


def test_a_file_that_is_no_measurement_is_named(butler: Butler, put: Put) -> None:
    ref = put()
    path = Path(butler.getURI(ref).ospath)
    path.write_bytes(b"[1, 2, 3]" + b" " * (path.stat().st_size - 9))
    with pytest.raises(Exception, match="mapping with the tag") as caught:
        butler.get(ref)
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert any(path.name in str(cause) for cause in causes)


GET = """
import sys

from lsst.daf.butler import Butler

measurement = Butler.from_config(sys.argv[1]).get(sys.argv[2], collections="run", instrument="DemoCamera",
                                                  visit=int(sys.argv[3]))
print(type(measurement).__module__, type(measurement).__name__, measurement.quantity)
"""


def test_a_plain_butler_gives_our_measurements_where_the_variable_says_so(
    repository: Path, put: Put, visits: list[int]
) -> None:
    put(Measurement("demo.visit", 3.5 * u.mmag))
    told = run(GET, repository, "metricvalue_demo_visit", visits[0], configured=True)
    assert told.stdout.strip() == "gnomon.measurements.measurement Measurement 3.5 mmag", told.stderr


LATE = """
import sys

from lsst.daf.butler import Butler, StorageClassFactory
from gnomon.errors import RepositoryError
from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable, open_butler, require_enabled

with Butler.from_config(sys.argv[1]) as stock:
    stock.registry.getDatasetType("metricvalue_demo_visit")
try:
    require_enabled()
except RepositoryError as error:
    print("refused:", "gnomon repo config" in str(error))
enable()
enable()
require_enabled()
assert StorageClassFactory().getStorageClass("MetricValue").pytype is Measurement
with open_butler(sys.argv[1], writeable=True, run="late") as butler:
    ref = butler.put(Measurement("demo.visit", 2.0), "metricvalue_demo_visit",
                     instrument="DemoCamera", visit=int(sys.argv[2]))
    print(butler.get(ref))
"""


@pytest.mark.long
def test_enabling_works_after_a_stock_butler_was_opened(repository: Path, visits: list[int]) -> None:
    result = run(LATE, repository, visits[0], configured=False)
    assert result.stdout.splitlines() == ["refused: True", "demo.visit: 2.0"], result.stderr


def test_an_environment_leads_with_our_folders_and_keeps_the_others() -> None:
    ours = config_path().split(os.pathsep)
    assert all(Path(folder).is_dir() for folder in ours)
    assert environment({"A": "b"}) == {"A": "b", SEARCH_PATH_VARIABLE: config_path()}
    theirs = environment({SEARCH_PATH_VARIABLE: os.pathsep.join(["/site", ours[0]])})
    assert theirs[SEARCH_PATH_VARIABLE].split(os.pathsep) == [*ours, "/site"]
    assert environment(theirs) == theirs


def test_where_there_is_no_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="no Butler repository at"):
        open_butler(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RepositoryError, match="no Butler repository at"):
        open_butler(tmp_path / "empty")


def test_the_room_itself_loads_no_butler() -> None:
    program = "import sys, gnomon.repository; print(any(name.startswith('lsst') for name in sys.modules))"
    assert run(program, configured=False).stdout.strip() == "False"
    assert configuration.__name__ == "gnomon.repository.configuration"


OLD = b"""!<lsst.verify.Measurement>
blobs:
- !<lsst.verify.Blob>
  data: {start: !<lsst.verify.Datum> {description: null, label: null, unit: '', value: '2025-01-01T00:00:00'}}
  identifier: 86cc
  name: demo.visit
identifier: 2f10
metric: demo.visit
notes: {demo.visit.estimator: utils.timer.timeMethod}
unit: s
value: 1.5
"""


@pytest.fixture
def old_repository(repository: Path, put: Put, butler: Butler, visits: list[int], tmp_path: Path) -> Path:
    """A repository with a file that the Butler's own formatter is remembered to have written."""
    ref = put(Measurement("demo.visit", 3.5 * u.mmag))
    butler.pruneDatasets([ref], purge=True, unstore=True)
    (tmp_path / "old.yaml").write_bytes(OLD)
    again = DatasetRef(ref.datasetType, ref.dataId, run=ref.run)
    stock = "lsst.daf.butler.formatters.yaml.YamlFormatter"
    butler.ingest(FileDataset(str(tmp_path / "old.yaml"), [again], formatter=stock), transfer="copy")
    return repository


def test_a_file_of_the_established_framework_is_read_by_a_plain_butler(
    old_repository: Path, visits: list[int]
) -> None:
    told = run(GET, old_repository, "metricvalue_demo_visit", visits[0], configured=True)
    assert told.stdout.strip() == "gnomon.measurements.measurement Measurement 1.5 s", told.stderr


@pytest.mark.long
def test_a_file_of_the_established_framework_is_read_by_a_butler_that_was_opened_before(
    old_repository: Path, visits: list[int]
) -> None:
    program = GET.replace(
        "measurement = Butler.from_config(sys.argv[1])",
        "from gnomon.repository.configuration import enable\n"
        "stock = Butler.from_config(sys.argv[1])\nenable()\nmeasurement = stock",
    )
    told = run(program, old_repository, "metricvalue_demo_visit", visits[0], configured=False)
    assert told.stdout.strip() == "gnomon.measurements.measurement Measurement 1.5 s", told.stderr
