"""Measuring a night of star catalogs: a reference made of the night itself, each visit, and the whole.

What a star catalog is stands in `gnomon.tasks.star_matrices`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import Table
from lsst.pex.config import Field, ListField
from lsst.pipe.base import (
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    Struct,
    connectionTypes,
)

from gnomon.algorithms import astrometry, photometry
from gnomon.algorithms.robust import nan_median
from gnomon.errors import MetricComputationError
from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask
from gnomon.tasks.star_matrices import CatalogHandle, Reference, Stars, gather

__all__ = ["NightRepeatabilityTask", "StarReferenceTask", "VisitStarsTask"]


class StarReferenceConnections(
    PipelineTaskConnections, dimensions=("instrument", "day_obs", "physical_filter")
):
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
        doc="A row a star: star_id, the medians of ra, dec, mag and mag_err over the visits, bright.",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "day_obs", "physical_filter"),
    )


class StarReferenceConfig(PipelineTaskConfig, pipelineConnections=StarReferenceConnections):
    """How the reference is made."""

    brightLimit = Field[float](  # type: ignore[no-untyped-call]
        doc="Stars whose median magnitude error over the visits is below this (mag) are bright: only they "
        "calibrate.",
        default=0.01,
        check=lambda limit: limit > 0,
    )


class StarReferenceTask(PipelineTask):
    """Make a reference catalog of a night's own observations: each star's median over the visits."""

    ConfigClass = StarReferenceConfig
    config: StarReferenceConfig
    _DefaultName = "starReference"

    def run(self, catalogs: Sequence[CatalogHandle]) -> Struct:
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
        MetricComputationError
            If a catalog cannot be understood.
        """
        stars = gather(catalogs)
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


class ComparedStarsConnections(
    MetricBundleConnections, defaultTemplates={"package": "demo"}, dimensions=("instrument", "visit")
):
    """Star catalogs and the night's reference that they are compared with."""

    catalogs = connectionTypes.Input(
        name="star_catalog",
        doc="The stars of each visit, a catalog a detector.",
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


class VisitStarsConnections(ComparedStarsConnections, dimensions=("instrument", "visit")):
    """A visit's star catalogs and the night's reference."""


class VisitStarsConfig(MetricBundleConfig, pipelineConnections=VisitStarsConnections):
    """Which metrics of a visit are measured."""

    metrics = ListField[str](  # type: ignore[no-untyped-call]
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

    stars: Stars
    reference: Reference

    def bright(self, column: str) -> u.Quantity:
        """Give a column of the stars that calibrate."""
        return self.stars[column][self.reference.bright]


class VisitStarsTask(MetricBundleTask):
    """Measure one visit's stars against the night's reference.

    Only the bright stars count, unless a metric says otherwise. Of a star that the reference lacks nobody
    knows whether it is bright, so that it is counted and not compared.
    """

    ConfigClass = VisitStarsConfig
    _DefaultName = "visitStars"

    def prepare(self, catalogs: Sequence[CatalogHandle], reference: Table) -> _Visit:
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
        stars = gather(catalogs)
        of_visit = Stars(stars.star_ids, {n: matrix[:, 0] for n, matrix in stars.quantities.items()})
        known = Reference.of(stars.star_ids, reference)
        if not known.known.all():
            missing = int((~known.known).sum())
            self.log.warning("%d of %d stars are not in the night's reference.", missing, len(known.known))
        return _Visit(of_visit, known)

    def measure_zero_point_offset(self, visit: _Visit) -> u.Quantity:
        """Median offset of the bright stars from their reference magnitudes, mmag; positive is fainter."""
        known = visit.reference.mag[visit.reference.bright]
        offset = photometry.zero_point_offsets(visit.bright("mag"), known)
        return _finite(offset.to(u.mmag), "no bright star has a magnitude")

    def measure_sky_background(self, visit: _Visit) -> u.Quantity:
        """Median over the bright stars of the sky around them, adu per pixel."""
        return _finite(_median(visit.bright("sky")), "no bright star has a sky level")

    def measure_star_count(self, visit: _Visit) -> u.Quantity:
        """How many stars have a magnitude, bright or not."""
        return u.Quantity(int(np.isfinite(visit.stars["mag"].value).sum()))

    def measure_astrometric_offset(self, visit: _Visit) -> u.Quantity:
        """Median distance of the bright stars from their reference positions, mas."""
        bright, known = visit.reference.bright, visit.reference
        separations = astrometry.distances(
            visit.bright("ra"), visit.bright("dec"), known.ra[bright], known.dec[bright]
        )
        return _finite(astrometry.median_distances(separations), "no bright star has a position")

    def measure_magnitude_error(self, visit: _Visit) -> u.Quantity:
        """Median magnitude error over all stars, mmag."""
        return _finite(_median(visit.stars["mag_err"]).to(u.mmag), "no star has a magnitude error")

    def measure_airmass(self, visit: _Visit) -> u.Quantity:
        """Median airmass over all stars."""
        return _finite(_median(visit.stars["airmass"]), "no star has an airmass")


class NightRepeatabilityConnections(
    ComparedStarsConnections, dimensions=("instrument", "day_obs", "physical_filter")
):
    """A night's star catalogs in one filter and the reference made of them."""


class NightRepeatabilityConfig(MetricBundleConfig, pipelineConnections=NightRepeatabilityConnections):
    """Which metrics of a night are measured."""

    metrics = ListField[str](  # type: ignore[no-untyped-call]
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

    def prepare(self, catalogs: Sequence[CatalogHandle], reference: Table) -> _Night:
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
        stars = gather(catalogs)
        known = Reference.of(stars.star_ids, reference)
        rows = known.bright
        magnitudes = stars["mag"][rows]
        return _Night(
            magnitudes,
            photometry.zero_point_offsets(magnitudes, known.mag[rows]),
            astrometry.distances(stars["ra"][rows], stars["dec"][rows], known.ra[rows], known.dec[rows]),
        )

    def measure_photometric_repeatability_raw(self, night: _Night) -> u.Quantity:
        """Repeatability of the magnitudes as they are, mmag."""
        return _finite(photometry.repeatability(night.magnitudes), "no bright star was measured twice")

    def measure_photometric_repeatability(self, night: _Night) -> u.Quantity:
        """Repeatability after each visit's zero-point offset is taken off, mmag."""
        corrected = night.magnitudes - night.zero_points
        return _finite(photometry.repeatability(corrected), "no bright star was measured twice")

    def measure_astrometric_repeatability(self, night: _Night) -> u.Quantity:
        """Median over stars of the root mean square distance from the reference position, mas."""
        return _finite(astrometry.repeatability(night.separations), "no bright star was measured twice")

    def measure_bright_star_count(self, night: _Night) -> u.Quantity:
        """How many stars calibrate; there may be none, and then it is the only metric of the night."""
        return u.Quantity(len(night.magnitudes))

    def measure_zero_point_drift(self, night: _Night) -> u.Quantity:
        """Largest minus smallest zero-point offset of the night, mmag."""
        finite = night.zero_points[np.isfinite(night.zero_points)]
        if not len(finite):
            raise MetricComputationError("No visit has a zero point.")
        return np.ptp(finite).to(u.mmag)


def _median(quantity: u.Quantity) -> u.Quantity:
    return u.Quantity(nan_median(quantity.value), quantity.unit)


def _finite(quantity: u.Quantity, otherwise: str) -> u.Quantity:
    if not np.isfinite(quantity.value):
        raise MetricComputationError(f"There is nothing to average: {otherwise}.")
    return quantity
