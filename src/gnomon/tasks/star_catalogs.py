"""Measuring a night of star catalogs: a reference made of the night itself, each visit, and the whole.

A star catalog has a row a star, with the columns ``star_id``, ``ra``, ``dec``, ``mag``, ``mag_err``, ``sky`` and
``airmass``, each with its unit where it has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table, vstack
from lsst.pex.config import Field, ListField
from lsst.pipe.base import (
    NoWorkFound,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)

from gnomon.algorithms import astrometry, lightcurves, photometry
from gnomon.algorithms.robust import nan_median
from gnomon.errors import MetricComputationError, nearest
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask

__all__ = ["NightRepeatabilityTask", "StarReferenceTask", "VisitStarsTask"]

_UNITS: dict[str, u.UnitBase] = {
    "ra": u.deg,
    "dec": u.deg,
    "mag": u.mag,
    "mag_err": u.mag,
    "sky": u.adu / u.pix,
    "airmass": u.dimensionless_unscaled,
}


@dataclass(frozen=True)
class _Stars:
    """Detections as matrices of stars by visits, in the units of `_UNITS`."""

    star_ids: np.ndarray
    quantities: dict[str, u.Quantity]

    def __getitem__(self, column: str) -> u.Quantity:
        return self.quantities[column]


def _gather(catalogs: Sequence[Table], visits: Sequence[int]) -> _Stars:
    """Arrange catalogs, one or more a visit, by star and visit."""
    if not catalogs:
        raise NoWorkFound("There is no star catalog.")
    parts = []
    for catalog, visit in zip(catalogs, visits, strict=True):
        columns: dict[str, object] = {
            "star_id": np.asarray(_column(catalog, "star_id")),
            "visit": np.full(len(catalog), visit),
        }
        for name, unit in _UNITS.items():
            # A masked value is a missing one, which the algorithms know as NaN.
            values = np.ma.filled(np.ma.asarray(_column(catalog, name), dtype=np.float64), np.nan)
            columns[name] = u.Quantity(values, catalog[name].unit or unit).to_value(unit)
        parts.append(Table(columns))
    everything = vstack(parts, metadata_conflicts="silent") if len(parts) > 1 else parts[0]
    if not len(everything):
        raise NoWorkFound("The star catalogs are empty.")
    curves = lightcurves.pivot(
        everything["star_id"], everything["visit"], {name: np.asarray(everything[name]) for name in _UNITS}
    )
    return _Stars(curves.stars, {n: u.Quantity(curves.columns[n], unit) for n, unit in _UNITS.items()})


def _column(catalog: Table, name: str) -> object:
    if name not in catalog.colnames:
        raise MetricComputationError(
            f"The star catalog has no column {name!r}.{nearest(name, catalog.colnames)}"
        )
    return catalog[name].value if hasattr(catalog[name], "unit") else catalog[name]


class StarReferenceConnections(PipelineTaskConnections, dimensions=("instrument", "day_obs", "physical_filter")):
    """A night's star catalogs in one filter, and the reference made of them."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of each visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    reference = connectionTypes.Output(
        name="star_reference",
        doc="A row a star: star_id, median ra, dec, mag and mag_err over the visits, and whether it is bright.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "day_obs", "physical_filter"),
    )


class StarReferenceConfig(PipelineTaskConfig, pipelineConnections=StarReferenceConnections):
    """How the reference is made."""

    brightLimit = Field[float](
        doc="Stars whose median magnitude error over the visits is below this (mag) are bright: only they "
        "calibrate.",
        default=0.01,
        check=lambda limit: limit > 0,
    )


class StarReferenceTask(PipelineTask):
    """Make a reference catalog of a night's own observations: each star's median over the visits."""

    ConfigClass = StarReferenceConfig
    _DefaultName = "starReference"

    def run(self, catalogs: Sequence[object]) -> Struct:
        """Make the reference.

        Parameters
        ----------
        catalogs
            Deferred handles of star catalogs, each with a data ID that has a visit.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``reference``, an `astropy.table.Table` of a row a star.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If no catalog has a star.
        """
        stars = _gather_handles(catalogs)
        ra, dec = astrometry.mean_positions(stars["ra"], stars["dec"])
        limit = self.config.brightLimit * u.mag
        reference = Table(
            {
                "star_id": stars.star_ids,
                "ra": ra,
                "dec": dec,
                "mag": u.Quantity(nan_median(stars["mag"].value, axis=1), u.mag),
                "mag_err": u.Quantity(nan_median(stars["mag_err"].value, axis=1), u.mag),
                "bright": photometry.is_bright(stars["mag_err"], limit=limit),
            }
        )
        self.log.info("Reference of %d stars, %d of them bright.", len(reference), reference["bright"].sum())
        return Struct(reference=reference)


class VisitStarsConnections(
    MetricBundleConnections, defaultTemplates={"package": "demo"}, dimensions=("instrument", "visit")
):
    """A visit's star catalogs and the night's reference."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of the visit, a catalog a detector.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    reference = connectionTypes.Input(
        name="star_reference",
        doc="The night's reference.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "day_obs", "physical_filter"),
    )


class VisitStarsConfig(MetricBundleConfig, pipelineConnections=VisitStarsConnections):
    """Which metrics of a visit are measured."""

    metrics = ListField[str](
        doc="The metrics to measure, each without its package.",
        default=[
            "zero_point_offset",
            "sky_background",
            "star_count",
            "astrometric_offset",
            "magnitude_error",
            "airmass",
        ],
    )


@dataclass(frozen=True)
class _Visit:
    """A visit's stars, each quantity of shape (n_stars,), with the reference of the same stars."""

    stars: dict[str, u.Quantity]
    reference: QTable
    bright: np.ndarray


class VisitStarsTask(MetricBundleTask):
    """Measure one visit's stars against the night's reference, with the bright stars unless it says otherwise."""

    ConfigClass = VisitStarsConfig
    _DefaultName = "visitStars"

    def prepare(self, catalogs: Sequence[object], reference: Table) -> _Visit:
        """Match the visit's stars with the reference by their identifiers.

        Parameters
        ----------
        catalogs
            Deferred handles of the visit's star catalogs.
        reference
            The night's reference.

        Returns
        -------
        object
            What the metrics are measured from.
        """
        stars = _gather_handles(catalogs)
        row = {star: index for index, star in enumerate(np.asarray(reference["star_id"]).tolist())}
        try:
            matched = np.array([row[star] for star in stars.star_ids.tolist()], dtype=np.intp)
        except KeyError as error:
            raise MetricComputationError(f"The star {error.args[0]} is not in the night's reference.") from None
        known = QTable(reference)[matched]
        return _Visit(
            {name: quantity[:, 0] for name, quantity in stars.quantities.items()}, known, np.asarray(known["bright"])
        )

    def measure_zero_point_offset(self, visit: _Visit) -> u.Quantity:
        """Median offset of the bright stars from their reference magnitudes, mmag; positive is fainter."""
        bright = visit.bright
        return _finite(
            photometry.zero_point_offsets(visit.stars["mag"][bright], visit.reference["mag"][bright]).to(u.mmag),
            "no bright star has a magnitude",
        )

    def measure_sky_background(self, visit: _Visit) -> u.Quantity:
        """Median over the bright stars of the sky around them, adu per pixel."""
        return _finite(_median(visit.stars["sky"][visit.bright]), "no bright star has a sky level")

    def measure_star_count(self, visit: _Visit) -> u.Quantity:
        """How many stars have a magnitude, bright or not."""
        return u.Quantity(int(np.isfinite(visit.stars["mag"].value).sum()))

    def measure_astrometric_offset(self, visit: _Visit) -> u.Quantity:
        """Median distance of the bright stars from their reference positions, mas."""
        bright = visit.bright
        separations = astrometry.distances(
            visit.stars["ra"][bright],
            visit.stars["dec"][bright],
            visit.reference["ra"][bright],
            visit.reference["dec"][bright],
        )
        return _finite(astrometry.median_distances(separations), "no bright star has a position")

    def measure_magnitude_error(self, visit: _Visit) -> u.Quantity:
        """Median magnitude error over all stars, mmag."""
        return _finite(_median(visit.stars["mag_err"]).to(u.mmag), "no star has a magnitude error")

    def measure_airmass(self, visit: _Visit) -> u.Quantity:
        """Median airmass over all stars."""
        return _finite(_median(visit.stars["airmass"]), "no star has an airmass")


class NightRepeatabilityConnections(
    MetricBundleConnections,
    defaultTemplates={"package": "demo"},
    dimensions=("instrument", "day_obs", "physical_filter"),
):
    """A night's star catalogs in one filter and the reference made of them."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of each visit.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferLoad=True,
    )
    reference = connectionTypes.Input(
        name="star_reference",
        doc="The night's reference.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "day_obs", "physical_filter"),
    )


class NightRepeatabilityConfig(MetricBundleConfig, pipelineConnections=NightRepeatabilityConnections):
    """Which metrics of a night are measured."""

    metrics = ListField[str](
        doc="The metrics to measure, each without its package.",
        default=[
            "photometric_repeatability_raw",
            "photometric_repeatability",
            "astrometric_repeatability",
            "bright_star_count",
            "zero_point_drift",
        ],
    )


@dataclass(frozen=True)
class _Night:
    """The bright stars of a night, matrices of shape (n_stars, n_visits)."""

    magnitudes: u.Quantity
    zero_points: u.Quantity
    separations: u.Quantity


class NightRepeatabilityTask(MetricBundleTask):
    """Measure how well the bright stars' repeated measurements agree over a night."""

    ConfigClass = NightRepeatabilityConfig
    _DefaultName = "nightRepeatability"

    def prepare(self, catalogs: Sequence[object], reference: Table) -> _Night:
        """Arrange the bright stars by visit and take the zero points and distances.

        Parameters
        ----------
        catalogs
            Deferred handles of the night's star catalogs.
        reference
            The night's reference.

        Returns
        -------
        object
            What the metrics are measured from.
        """
        stars = _gather_handles(catalogs)
        known = QTable(reference)[np.asarray(reference["bright"])]
        rows = np.flatnonzero(np.isin(stars.star_ids, known["star_id"]))
        known = known[np.searchsorted(known["star_id"], stars.star_ids[rows])]
        if not len(rows):
            raise MetricComputationError("None of the night's stars is bright enough to calibrate with.")
        magnitudes = stars["mag"][rows]
        return _Night(
            magnitudes,
            photometry.zero_point_offsets(magnitudes, known["mag"]),
            astrometry.distances(stars["ra"][rows], stars["dec"][rows], known["ra"], known["dec"]),
        )

    def measure_photometric_repeatability_raw(self, night: _Night) -> u.Quantity:
        """Repeatability of the magnitudes as they are, mmag."""
        return _finite(photometry.repeatability(night.magnitudes), "no star was measured twice")

    def measure_photometric_repeatability(self, night: _Night) -> u.Quantity:
        """Repeatability after each visit's zero-point offset is taken off, mmag."""
        corrected = night.magnitudes - night.zero_points
        return _finite(photometry.repeatability(corrected), "no star was measured twice")

    def measure_astrometric_repeatability(self, night: _Night) -> u.Quantity:
        """Median over stars of the root mean square distance from the reference position, mas."""
        return _finite(astrometry.repeatability(night.separations), "no star was measured twice")

    def measure_bright_star_count(self, night: _Night) -> u.Quantity:
        """How many stars calibrate."""
        return u.Quantity(len(night.magnitudes))

    def measure_zero_point_drift(self, night: _Night) -> u.Quantity:
        """Largest minus smallest zero-point offset of the night, mmag."""
        finite = night.zero_points[np.isfinite(night.zero_points)]
        if not len(finite):
            raise MetricComputationError("No visit has a zero point.")
        return np.ptp(finite).to(u.mmag)


def _gather_handles(handles: Sequence[object]) -> _Stars:
    return _gather([h.get() for h in handles], [h.dataId["visit"] for h in handles])  # type: ignore[attr-defined]


def _median(quantity: u.Quantity) -> u.Quantity:
    return u.Quantity(nan_median(quantity.value), quantity.unit)


def _finite(quantity: u.Quantity, otherwise: str) -> u.Quantity:
    if not np.isfinite(quantity.value):
        raise MetricComputationError(f"There is nothing to average: {otherwise}.")
    return quantity
