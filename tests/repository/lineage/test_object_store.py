"""Tables in an object store, of which only the footers are fetched."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from lsst.daf.butler import Butler, Config, DatasetProvenance, DatasetType
from tests.repository.test_file_reading import bucket, object_store

from gnomon.repository.configuration import open_butler
from gnomon.repository.lineage import Lineage
from gnomon.repository.lineage.gathering import gather

__all__ = ["bucket", "object_store"]

pytestmark = pytest.mark.long


@pytest.fixture
def far(bucket: str, tmp_path: Path) -> Iterator[Butler]:
    """A repository whose files are in the object store."""
    config = Config({"datastore": {"root": f"s3://{bucket}/files"}})
    Butler.makeRepo(str(tmp_path / "far"), config=config, forceConfigRoot=False)
    with open_butler(tmp_path / "far", writeable=True, run="run") as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        for name in ("given", "made"):
            kind = DatasetType(name, ("instrument",), "ArrowAstropy", universe=butler.dimensions)
            butler.registry.registerDatasetType(kind)
        yield butler


def test_provenance_is_read_from_an_object_store(far: Butler, lineage: Lineage) -> None:
    given = far.put(Table({"a": [1]}), "given", instrument="Cam")
    provenance = DatasetProvenance()
    provenance.add_input(given)
    provenance.add_extra_provenance(given.id, {"used": True})
    table = Table({"a": np.arange(200_000.0)})
    made = far.put(table, "made", instrument="Cam", provenance=provenance)
    assert far.getURI(made).scheme == "s3"
    report = gather(far, lineage, collections="run")
    assert (report.not_read, report.files) == ([], 2)
    edges = lineage.edges([made.id])
    assert [(row[1], row[2]) for row in edges.rows()] == [(given.id.bytes, "read"), (given.id.bytes, "used")]
