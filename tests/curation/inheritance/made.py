"""A small repository in which a visit is not an exposure: two visit systems, one of them of pairs."""

import uuid

from lsst.daf.butler import Butler

from gnomon.annotations import Actor, Claim, Cut, EffectiveFlag, Target
from gnomon.annotations.model import FlagState

CAM = "Cam"


def insert_survey(butler: Butler, exposures: int = 8) -> None:
    """Insert exposures, each of them a visit of its own, and visits of two exposures each.

    Visits 1, 2, ... consist of one exposure of that number, in the visit system *one-to-one*; visits 101,
    103, ... of the exposures 1 and 2, 3 and 4, ..., in *pairs*. *OtherCam* has one exposure and visit: 1.
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


ADA = Actor("ada", "human")
BOT = Actor("cloud-bot", "bot")


def of(element: str, **data_id: int | str) -> Target:
    """Mean a record of the camera."""
    return Target.dimension(element, {"instrument": CAM, **data_id})


def held(
    target: Target, flag: str = "clouds", state: FlagState = "set", *, by: Actor = BOT, reason: str = "cirrus"
) -> EffectiveFlag:
    """Make an effective flag, as a log would give it."""
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{target.key} {flag}")
    claim = Claim(
        target, flag, state, 1, reason, by, 0, "", identifier, identifier, (0, "summit", identifier.hex), True
    )
    return EffectiveFlag(target, flag, state, claim, "standard@1", Cut())
