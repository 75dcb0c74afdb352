"""A night of measurements of a camera that does not exist, for examples and for trying things out.

Everything is made up, by simple rules that are written down here, from random numbers of a fixed seed, so
that it is the same everywhere: a camera of 49 detectors, exposures of 30 s, two metrics measured twice by two
versions of a software of which the newer has a fault, and the wind as a weather station would report it.
"""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gnomon import times
from gnomon.measurements.rows import conform

__all__ = ["MadeUpNight", "make_up_night"]

_SIDE = 7
_PITCH = 0.23  # degrees from one detector to the next
_BEGIN = "2025-06-21T23:30:00"  # UTC
_EXPOSURE, _CADENCE = 30, 40  # seconds
_SECOND = 1_000_000
_BANDS = "griz"
_FAULTY = 31  # the detector that the newer software spoils
_LOST = 12  # the visit, counted from 0, that the newer run lacks
_SOFTWARE = {"night/1": "w_2025_24", "night/2": "w_2025_25"}

type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MadeUpNight:
    """What `make_up_night` makes.

    Attributes
    ----------
    visits
        How many exposures there are.
    seed
        Of the random numbers.

    Notes
    -----
    Seeing is 0.65 arcsec, and 0.045 arcsec more for each m/s of wind above 4; towards the rim of the focal
    plane it grows by up to 0.12 arcsec, and the newer software adds 0.15 arcsec to one detector. The sky
    brightness has nothing to do with the wind. The weather station says nothing for ten minutes.
    """

    visits: int = 60
    seed: int = 20250621

    @property
    def runs(self) -> tuple[str, str]:
        """The RUN collections, the older first."""
        return ("night/1", "night/2")

    @cached_property
    def camera(self) -> pl.DataFrame:
        """The detectors: ``detector``; ``x`` and ``y`` of its middle, and ``size``, in degrees."""
        number = np.arange(_SIDE**2)
        x, y = ((place - _SIDE // 2) * _PITCH for place in (number % _SIDE, number // _SIDE))
        return pl.DataFrame({"detector": number, "x": x, "y": y, "size": np.full(len(number), 0.95 * _PITCH)})

    @cached_property
    def wind(self) -> pl.DataFrame:
        """The wind: ``time`` in UTC, with its time zone, every 5 s; ``wind_speed`` in m/s."""
        begin = times.from_utc_iso(_BEGIN)
        moments = np.arange(begin - 300 * _SECOND, self._end + 300 * _SECOND, 5 * _SECOND)
        silent = begin + 600 * _SECOND
        moments = moments[(moments < silent) | (moments > silent + 600 * _SECOND)]
        gusts = np.random.default_rng(self.seed).normal(0, 0.4, len(moments))
        time = pl.Series("time", times.to_utc_us(moments)).cast(pl.Datetime("us", "UTC"))
        return pl.DataFrame([time, pl.Series("wind_speed", np.maximum(self._wind(moments) + gusts, 0.0))])

    def measurements(self, run: str) -> pa.Table:
        """Give the measurements of a run.

        Parameters
        ----------
        run
            One of `runs`.

        Returns
        -------
        pyarrow.Table
            In `gnomon.measurements.rows.SCHEMA`: ``example.seeing`` and ``example.sky_brightness`` for each
            visit and detector, but for one visit that the newer run lacks.
        """
        newer = run == self.runs[1]
        taken = [visit for visit in range(self.visits) if not (newer and visit == _LOST)]
        visit = np.repeat(taken, _SIDE**2)
        detector = np.tile(np.arange(_SIDE**2), len(taken))
        random = np.random.default_rng([self.seed, 1])
        noise = random.normal(size=(2, self.visits, _SIDE**2))[:, visit, detector]
        begin = self._begin(visit)
        middle = begin + _EXPOSURE * _SECOND // 2
        x, y = (self.camera[name].to_numpy()[detector] for name in ("x", "y"))
        seeing = 0.65 + 0.045 * np.maximum(self._wind(middle) - 4.0, 0.0)
        seeing += 0.12 * (x**2 + y**2) / (2 * (_SIDE // 2 * _PITCH) ** 2) + 0.01 * noise[0]
        seeing += 0.15 * (newer & (detector == _FAULTY))
        of_visit = random.normal(size=self.visits)[visit]
        sky = 21.9 + 0.1 * of_visit + 0.02 * noise[1]
        return pa.concat_tables(
            self._rows(name, values, error, unit, run, visit, detector)
            for name, values, error, unit in (
                ("example.seeing", seeing, 0.01, "arcsec"),
                ("example.sky_brightness", sky, 0.02, "mag / arcsec2"),
            )
        )

    def _rows(
        self,
        metric: str,
        values: Floats,
        error: float,
        unit: str,
        run: str,
        visit: npt.NDArray[np.int64],
        detector: npt.NDArray[np.int64],
    ) -> pa.Table:
        begin = self._begin(visit)
        seed = [self.seed, self.runs.index(run), len(metric)]
        ids = np.random.default_rng(seed).bytes(16 * len(visit))
        dataset_ids = [UUID(bytes=ids[16 * i : 16 * i + 16], version=4).bytes for i in range(len(visit))]
        columns = {
            "dataset_id": pl.Series(dataset_ids, dtype=pl.Binary),
            "value": values,
            "uncertainty": np.full(len(visit), error),
            "visit": 2025062100001 + visit,
            "detector": detector,
            "band": pl.Series([_BANDS[v // 15 % len(_BANDS)] for v in visit.tolist()]),
            "obs_begin": pl.Series(begin).cast(pl.Datetime("us")),
            "obs_end": pl.Series(begin + _EXPOSURE * _SECOND).cast(pl.Datetime("us")),
            "measured_at": pl.Series(begin + 3600 * _SECOND).cast(pl.Datetime("us")),
        }
        same = {
            "metric": metric,
            "unit": unit,
            "run": run,
            "dataset_type": "metricvalue_" + metric.replace(".", "_"),
            "instrument": "MadeUpCam",
            "software": _SOFTWARE[run],
        }
        frame = pl.DataFrame(columns).with_columns(
            pl.lit(20250621).alias("day_obs"), *(pl.lit(value).alias(name) for name, value in same.items())
        )
        return conform(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))

    @property
    def _end(self) -> int:
        return int(self._begin(np.array([self.visits]))[0])

    def _begin(self, visit: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return times.from_utc_iso(_BEGIN) + visit * (_CADENCE * _SECOND)

    def _wind(self, moments: npt.NDArray[np.int64]) -> Floats:
        hours = (moments - times.from_utc_iso(_BEGIN)) / (3600 * _SECOND)
        return np.asarray(6.0 + 3.0 * np.sin(2 * np.pi * hours / 0.7) + 2.0 * hours)


def make_up_night(*, visits: int = 60, seed: int = 20250621) -> MadeUpNight:
    """Make up a night.

    Parameters
    ----------
    visits
        How many exposures.
    seed
        Of the random numbers.

    Returns
    -------
    MadeUpNight
        The camera, the wind, and the measurements of two runs.

    Examples
    --------
    >>> night = make_up_night(visits=20)
    >>> len(night.camera), night.measurements("night/1").num_rows
    (49, 1960)
    """
    return MadeUpNight(visits=visits, seed=seed)
