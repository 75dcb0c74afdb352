"""A small repository in which a visit is not an exposure: two visit systems, and visits of several exposures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, DatasetType

CAM = "Cam"


def insert_survey(butler: Butler, exposures: int = 8) -> None:
    """Insert exposures, each of them a visit of its own, and visits of two exposures each.

    Visits 1, 2, ... consist of one exposure of that number, in the visit system *one-to-one*; visits 101, 103, ...
    of the exposures 1 and 2, 3 and 4, ..., in *pairs*. *OtherCam* has one exposure and visit, 1, too.
    """
    insert = butler.registry.insertDimensionData
    with butler.transaction():
        for instrument in (CAM, "OtherCam"):
            insert("instrument", {"name": instrument, "visit_system": 0})
            insert("physical_filter", {"instrument": instrument, "name": "r_03", "band": "r"})
            insert("day_obs", {"instrument": instrument, "id": 20250101})
            insert(
                "detector",
                *({"instrument": instrument, "id": n, "full_name": f"d{n}"} for n in range(4)),
            )
            for number, name in enumerate(("one-to-one", "pairs")):
                insert("visit_system", {"instrument": instrument, "id": number, "name": name})
        _insert(butler, CAM, exposures)
        _insert(butler, "OtherCam", 1)
        insert("skymap", {"name": "sky", "hash": b"0" * 40})
        insert("tract", {"skymap": "sky", "id": 7})


def _insert(butler: Butler, instrument: str, exposures: int) -> None:
    insert = butler.registry.insertDimensionData
    common = {"instrument": instrument, "day_obs": 20250101, "physical_filter": "r_03"}
    numbers = range(1, exposures + 1)
    firsts = range(1, exposures, 2)
    insert("group", *({"instrument": instrument, "name": f"g{n}"} for n in numbers))
    insert(
        "exposure",
        *({**common, "id": n, "obs_id": f"E{n}", "group": f"g{n}", "seq_num": n} for n in numbers),
    )
    visits = [*numbers, *(100 + n for n in firsts)]
    insert("visit", *({**common, "id": n, "name": f"V{n}", "seq_num": n} for n in visits))
    pairs = [(n, n) for n in numbers] + [(100 + n, e) for n in firsts for e in (n, n + 1)]
    insert("visit_definition", *({"instrument": instrument, "visit": v, "exposure": e} for v, e in pairs))
    insert(
        "visit_system_membership",
        *({"instrument": instrument, "visit": v, "visit_system": int(v > 100)} for v in visits),
    )


DATASET_TYPES = {
    "raw": ("instrument", "exposure", "detector"),
    "catalog": ("instrument", "visit", "detector"),
    "warp": ("skymap", "tract", "instrument", "visit"),
    "coadd": ("skymap", "tract", "band"),
}


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
