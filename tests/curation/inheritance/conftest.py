"""What the tests of inheritance share: a repository, and a lineage of each test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, DatasetType
from tests.curation.inheritance.made import DATASET_TYPES, insert_survey

from gnomon.repository.lineage import Lineage, open_lineage


@pytest.fixture(scope="package")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that tests only read, but for datasets that each of them puts into runs of its own."""
    root = tmp_path_factory.mktemp("survey") / "repo"
    Butler.makeRepo(root)
    with Butler.from_config(root, writeable=True) as butler:
        insert_survey(butler)
        for name, dimensions in DATASET_TYPES.items():
            butler.registry.registerDatasetType(
                DatasetType(name, dimensions, "StructuredDataDict", universe=butler.dimensions)
            )
    return root


@pytest.fixture
def butler(repository: Path) -> Iterator[Butler]:
    with Butler.from_config(repository, writeable=True) as butler:
        yield butler


@pytest.fixture
def run(butler: Butler, request: pytest.FixtureRequest) -> str:
    """A run of the test's own."""
    name = f"run/{request.node.name}"
    butler.collections.register(name)
    return name


@pytest.fixture
def lineage(tmp_path: Path) -> Iterator[Lineage]:
    with open_lineage(tmp_path / "lineage.db") as lineage:
        yield lineage
