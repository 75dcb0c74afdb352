"""A survey of a camera that does not exist, as a Butler repository, made in seconds.

For trying out what takes many observations: marks on exposures, visits, detectors and datasets, and graphs
without them. Each raw is a dictionary in one shared file, so that 500 visits of 10 detectors take seconds;
`gnomon.testing.survey_tasks` has tasks that read it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from astropy.time import Time, TimeDelta
from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
    FileDataset,
    Timespan,
)
from lsst.daf.butler.formatters.json import JsonFormatter
from lsst.pipe.base import Instrument
from lsst.sphgeom import Angle, Circle, LonLat, UnitVector3d

from gnomon.repository.configuration import enable

__all__ = ["Survey", "SurveyCamera", "make_survey"]

_CADENCE = 40  # seconds from one exposure to the next
_EXPOSURE = 30
_RAWS = "raw"


class SurveyCamera(Instrument):
    """The survey's instrument."""

    @classmethod
    def getName(cls) -> str:
        """Give the name by which data IDs know the instrument."""
        return "SurveyCamera"

    def register(self, registry: Any, *, update: bool = False) -> None:
        """Do nothing: the survey registers its records itself.

        Parameters
        ----------
        registry
            Not used.
        update
            Not used.
        """

    def getRawFormatter(self, dataId: Any) -> type[JsonFormatter]:  # noqa: ARG002
        """Give the formatter of raw data.

        Parameters
        ----------
        dataId
            Not used.
        """
        return JsonFormatter


@dataclass(frozen=True)
class Survey:
    """A survey; `make_survey` makes its repository.

    Parameters
    ----------
    folder
        The repository.
    visits
        How many visits, shared out among the nights.
    detectors
        How many detectors.
    nights
        How many nights, from ``first_night`` on.
    snaps
        How many exposures make one visit.
    filters
        The physical filters, taken in turns; the band has the same name.
    """

    folder: Path
    visits: int = 500
    detectors: int = 10
    nights: int = 10
    snaps: int = 1
    filters: tuple[str, ...] = ("r", "i")
    first_night: str = "2026-03-01"
    raw_run: str = "SurveyCamera/raw/all"
    calibrations: str = "SurveyCamera/calib"
    calibration_runs: tuple[str, ...] = ("SurveyCamera/calib/new", "SurveyCamera/calib/old")
    instrument: str = field(default="SurveyCamera", init=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The collections that a pipeline reads."""
        return (self.raw_run, self.calibrations)

    @cached_property
    def exposures(self) -> tuple[int, ...]:
        """The ids of all exposures, in order of time."""
        return tuple(exposure for one in self._observations for exposure in one.exposures)

    @cached_property
    def visit_ids(self) -> tuple[int, ...]:
        """The ids of all visits, in order of time: those of their first exposures."""
        return tuple(one.visit for one in self._observations)

    def exposures_of(self, visit: int) -> tuple[int, ...]:
        """Give the exposures of a visit.

        Parameters
        ----------
        visit
            Its id.

        Returns
        -------
        tuple of int
            In order of time.
        """
        return self._by_visit[visit].exposures

    def night_of(self, visit: int) -> int:
        """Give the night of a visit.

        Parameters
        ----------
        visit
            Its id.

        Returns
        -------
        int
            Its ``day_obs``.
        """
        return self._by_visit[visit].day_obs

    @cached_property
    def _by_visit(self) -> dict[int, "_Observation"]:
        return {one.visit: one for one in self._observations}

    @cached_property
    def _observations(self) -> tuple["_Observation", ...]:
        first = Time(f"{self.first_night}T12:00:00", scale="tai")
        result = []
        for night in range(self.nights):
            begin = first + TimeDelta(night, format="jd")
            day = int(begin.strftime("%Y%m%d"))
            number = self.visits // self.nights + (night < self.visits % self.nights)
            for place in range(number):
                numbers = [place * self.snaps + snap + 1 for snap in range(self.snaps)]
                result.append(
                    _Observation(
                        day,
                        self.filters[place % len(self.filters)],
                        tuple(day * 100_000 + one for one in numbers),
                        begin + TimeDelta(43_200 + numbers[0] * _CADENCE, format="sec"),
                    )
                )
        return tuple(result)


@dataclass(frozen=True)
class _Observation:
    """A visit."""

    day_obs: int
    physical_filter: str
    exposures: tuple[int, ...]
    begin: Time

    @property
    def visit(self) -> int:
        return self.exposures[0]

    def timespan(self, first: int = 0, last: int | None = None) -> Timespan:
        last = len(self.exposures) - 1 if last is None else last
        return Timespan(
            self.begin + TimeDelta(first * _CADENCE, format="sec"),
            self.begin + TimeDelta(last * _CADENCE + _EXPOSURE, format="sec"),
        )


def make_survey(folder: str | Path, **options: Any) -> Survey:
    """Make a repository with a survey's observations, raws and calibrations.

    Parameters
    ----------
    folder
        Where the repository goes; must not exist.
    **options
        As of `Survey`.

    Returns
    -------
    Survey
        What is in it: a raw for each exposure and detector, in one run; a bias for each detector in each of
        two runs, of which the newer is certified for all times in the first calibration collection and the
        older in the second; and a table of reference stars.
    """
    survey = Survey(Path(folder), **options)
    enable()
    Butler.makeRepo(str(survey.folder))
    with Butler.from_config(str(survey.folder), writeable=True) as butler:
        with butler.registry.transaction():
            _register(butler, survey)
        _ingest_raws(butler, survey)
        _ingest_calibrations(butler, survey)
    return survey


def _register(butler: Butler, survey: Survey) -> None:
    name, registry = survey.instrument, butler.registry
    observations = survey._observations
    registry.insertDimensionData(
        "instrument",
        {
            "name": name,
            "class_name": f"{SurveyCamera.__module__}.{SurveyCamera.__qualname__}",
            "detector_max": 1000,
            "visit_max": 10**13,
            "exposure_max": 10**13,
            "visit_system": 0,
        },
    )
    registry.insertDimensionData("visit_system", {"instrument": name, "id": 0, "name": "by-group"})
    registry.insertDimensionData(
        "detector",
        *(
            {"instrument": name, "id": number, "full_name": f"D{number:03d}", "purpose": "SCIENCE"}
            for number in range(survey.detectors)
        ),
    )
    registry.insertDimensionData(
        "physical_filter", *({"instrument": name, "name": one, "band": one} for one in survey.filters)
    )
    registry.insertDimensionData(
        "day_obs",
        *({"instrument": name, "id": day} for day in dict.fromkeys(one.day_obs for one in observations)),
    )
    registry.insertDimensionData(
        "group", *({"instrument": name, "name": str(one.visit)} for one in observations)
    )
    registry.insertDimensionData(
        "exposure",
        *(
            {
                **_observed(name, one, exposure),
                "id": exposure,
                "obs_id": f"S{exposure}",
                "group": str(one.visit),
                "observation_type": "science",
                "seq_start": exposure % 100_000,
                "seq_end": exposure % 100_000,
                "dark_time": 30.0,
                "has_simulated": False,
                "can_see_sky": True,
                "timespan": one.timespan(place, place),
            }
            for one in observations
            for place, exposure in enumerate(one.exposures)
        ),
    )
    registry.insertDimensionData(
        "visit",
        *(
            {
                **_observed(name, one, one.visit),
                "id": one.visit,
                "name": f"V{one.visit}",
                "timespan": one.timespan(),
                "region": _region(place, 0, 1.0),
            }
            for place, one in enumerate(observations)
        ),
    )
    # The middleware cannot build a graph of a visit's detectors that have no regions.
    registry.insertDimensionData(
        "visit_detector_region",
        *(
            {
                "instrument": name,
                "visit": one.visit,
                "detector": detector,
                "region": _region(place, detector, 0.05),
            }
            for place, one in enumerate(observations)
            for detector in range(survey.detectors)
        ),
    )
    registry.insertDimensionData(
        "visit_definition",
        *(
            {"instrument": name, "visit": one.visit, "exposure": exposure}
            for one in observations
            for exposure in one.exposures
        ),
    )
    registry.insertDimensionData(
        "visit_system_membership",
        *({"instrument": name, "visit": one.visit, "visit_system": 0} for one in observations),
    )


def _observed(instrument: str, one: _Observation, number: int) -> dict[str, Any]:
    return {
        "instrument": instrument,
        "physical_filter": one.physical_filter,
        "day_obs": one.day_obs,
        "seq_num": number % 100_000,
        "exposure_time": float(_EXPOSURE),
        "observation_reason": "science",
        "science_program": "survey",
    }


def _region(visit: int, detector: int, radius: float) -> Circle:
    centre = LonLat.fromDegrees((visit * 2.5 + detector * 0.1) % 360, -30.0 + (visit // 144) * 2.5)
    return Circle(UnitVector3d(centre), Angle.fromDegrees(radius))


def _ingest_raws(butler: Butler, survey: Survey) -> None:
    kind = _dataset_type(butler, _RAWS, ("instrument", "exposure", "detector"))
    butler.collections.register(survey.raw_run)
    data_ids = [
        butler.registry.expandDataId(instrument=survey.instrument, exposure=exposure, detector=detector)
        for exposure in survey.exposures
        for detector in range(survey.detectors)
    ]
    refs = [DatasetRef(kind, data_id, run=survey.raw_run) for data_id in data_ids]
    _ingest(butler, survey, "raws.json", {"counts": 1.0}, refs)


def _ingest_calibrations(butler: Butler, survey: Survey) -> None:
    bias = _dataset_type(butler, "bias", ("instrument", "detector"), is_calibration=True)
    stars = _dataset_type(butler, "reference_stars", ("instrument",))
    certified = []
    for run in survey.calibration_runs:
        butler.collections.register(run)
        refs = [
            DatasetRef(
                bias,
                butler.registry.expandDataId(instrument=survey.instrument, detector=detector),
                run=run,
            )
            for detector in range(survey.detectors)
        ]
        data_id = butler.registry.expandDataId(instrument=survey.instrument)
        name = run.replace("/", "_")
        _ingest(butler, survey, f"{name}.json", {"level": 1.0}, refs)
        _ingest(butler, survey, f"{name}_stars.json", {"stars": []}, [DatasetRef(stars, data_id, run=run)])
        collection = f"{run}/certified"
        butler.collections.register(collection, CollectionType.CALIBRATION)
        butler.registry.certify(collection, refs, Timespan(None, None))
        certified.append(collection)
    butler.collections.register(survey.calibrations, CollectionType.CHAINED)
    butler.collections.redefine_chain(survey.calibrations, [*certified, *survey.calibration_runs])


def _dataset_type(
    butler: Butler, name: str, dimensions: tuple[str, ...], *, is_calibration: bool = False
) -> DatasetType:
    kind = DatasetType(
        name, dimensions, "StructuredDataDict", universe=butler.dimensions, isCalibration=is_calibration
    )
    butler.registry.registerDatasetType(kind)
    return kind


def _ingest(
    butler: Butler, survey: Survey, name: str, content: dict[str, Any], refs: Sequence[DatasetRef]
) -> None:
    """Let one file stand for many datasets, so that each has records in the datastore and can be read."""
    path = survey.folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    butler.ingest(FileDataset(str(path), list(refs), formatter=JsonFormatter), transfer="direct")
