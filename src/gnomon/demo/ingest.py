"""Making a Butler repository of a night."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from astropy.time import Time, TimeDelta
from lsst.daf.butler import Butler, DatasetType, Timespan
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d

from gnomon import times
from gnomon.demo.camera import DemoCamera
from gnomon.demo.night import Exposure, Night
from gnomon.errors import RepositoryError
from gnomon.repository.configuration import enable
from gnomon.times import RUBIN_DAY_OBS_OFFSET

__all__ = ["CATALOGS_RUN", "CATALOG_DATASET_TYPE", "make_repository"]

CATALOG_DATASET_TYPE = "star_catalog"
CATALOGS_RUN = "DemoCamera/catalogs"
_DETECTOR = 0
_VISIT_SYSTEM = 0


def make_repository(folder: Path, night: Night, *, progress: Callable[[int, int], None]) -> None:
    """Make a repository with a night's instrument, observations and star catalogs.

    The folder appears under its name only when it is complete, so that an interruption leaves no half of it.

    Parameters
    ----------
    folder
        Where the repository goes; must not exist.
    night
        The observations.
    progress
        Told how many of how many catalogs are stored.

    Raises
    ------
    RepositoryError
        If a catalog cannot be stored.
    """
    enable()
    unfinished = folder.with_name(f"{folder.name}_unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    Butler.makeRepo(str(unfinished))
    with Butler.from_config(str(unfinished), run=CATALOGS_RUN) as butler:
        DemoCamera().register(butler.registry)
        _register_observations(butler, night)
        dataset_type = DatasetType(
            CATALOG_DATASET_TYPE,
            ("instrument", "visit", "detector"),
            "ArrowAstropy",
            universe=butler.dimensions,
        )
        butler.registry.registerDatasetType(dataset_type)
        with butler.transaction():
            for done, exposure in enumerate(night):
                progress(done, len(night))
                try:
                    butler.put(
                        exposure.stars,
                        dataset_type,
                        instrument=DemoCamera.getName(),
                        visit=exposure.identifier,
                        detector=_DETECTOR,
                    )
                except RuntimeError as error:  # how the Butler tells of a file that it cannot write
                    raise RepositoryError(
                        f"The star catalog of visit {exposure.identifier} could not be stored: "
                        f"{error.__cause__ or error}"
                    ) from error
        progress(len(night), len(night))
    unfinished.rename(folder)


def _register_observations(butler: Butler, night: Night) -> None:
    instrument = DemoCamera.getName()
    registry = butler.registry
    with registry.transaction():
        registry.insertDimensionData(
            "visit_system", {"instrument": instrument, "id": _VISIT_SYSTEM, "name": "one-to-one"}
        )
        registry.insertDimensionData(
            "physical_filter",
            *({"instrument": instrument, "name": name, "band": name} for name in night.filters),
        )
        registry.insertDimensionData(
            "day_obs",
            *({"instrument": instrument, "id": day, "timespan": _observing_day(day)} for day in night.days),
        )
        records = [_records(instrument, exposure) for exposure in night]
        for element in ("group", "exposure", "visit", "visit_definition", "visit_system_membership"):
            registry.insertDimensionData(element, *(record[element] for record in records))
        registry.insertDimensionData(
            "visit_detector_region", *(record["visit_detector_region"] for record in records)
        )


def _records(instrument: str, exposure: Exposure) -> dict[str, dict[str, Any]]:
    """Give the records of one exposure and the visit that consists of it."""
    name = f"{instrument}_{exposure.day_obs}_{exposure.seq_num:06d}"
    identity = {"instrument": instrument, "id": exposure.identifier}
    common = {
        "physical_filter": exposure.filter,
        "day_obs": exposure.day_obs,
        "seq_num": exposure.seq_num,
        "exposure_time": exposure.exposure_time,
        "observation_reason": "science",
        # The plane-parallel atmosphere: good to a per cent or so below airmass 3.
        "zenith_angle": float(np.degrees(np.arccos(1 / exposure.airmass))) if exposure.airmass >= 1 else None,
        "timespan": Timespan(times.from_tai_us(exposure.begin), times.from_tai_us(exposure.end)),
    }
    region = _region(exposure.stars)
    return {
        "group": {"instrument": instrument, "name": name},
        "exposure": {
            **identity,
            **common,
            "obs_id": name,
            "group": name,
            "observation_type": "science",
            "seq_start": exposure.seq_num,
            "seq_end": exposure.seq_num,
            "dark_time": exposure.exposure_time,
            "has_simulated": False,
            "can_see_sky": True,
        },
        "visit": {**identity, **common, "name": name, "region": region},
        "visit_definition": {
            "instrument": instrument,
            "exposure": exposure.identifier,
            "visit": exposure.identifier,
        },
        "visit_system_membership": {
            "instrument": instrument,
            "visit": exposure.identifier,
            "visit_system": _VISIT_SYSTEM,
        },
        "visit_detector_region": {
            "instrument": instrument,
            "visit": exposure.identifier,
            "detector": _DETECTOR,
            "region": region,
        },
    }


def _observing_day(day: int) -> Timespan:
    """Give the 24 hours that have an observing day's date."""
    midnight = Time(f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}", scale="tai")
    begin = midnight + TimeDelta(RUBIN_DAY_OBS_OFFSET)
    return Timespan(begin, begin + TimeDelta(1, format="jd"))


def _region(stars: Table) -> Circle | None:
    """Give the smallest circle around the stars' mean direction that holds them all."""
    ra, dec = np.asarray(stars["ra"].value), np.asarray(stars["dec"].value)
    known = np.isfinite(ra) & np.isfinite(dec)
    vectors = [
        UnitVector3d(LonLat.fromDegrees(float(a), float(d)))
        for a, d in zip(ra[known], dec[known], strict=True)
    ]
    if not vectors:
        return None
    centre = UnitVector3d(*np.sum([[v.x(), v.y(), v.z()] for v in vectors], axis=0))
    arcminute = 1 / 60
    radius = max(np.degrees(np.arccos(min(1.0, centre.dot(v)))) for v in vectors) + arcminute
    return Circle(centre, Angle.fromDegrees(radius))
