"""Positions on the sky: references, distances from them, repeatability."""

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import angular_separation

from gnomon.algorithms.robust import nan_median

__all__ = ["distances", "mean_positions", "median_distances", "repeatability"]


def mean_positions(ra: u.Quantity, dec: u.Quantity) -> tuple[u.Quantity, u.Quantity]:
    """Give the median position of each star.

    Parameters
    ----------
    ra, dec
        Right ascension and declination, shape (n_stars, n_visits); NaN where not detected. Infinities count
        as missing.

    Returns
    -------
    tuple of astropy.units.Quantity
        Median right ascension in [0, 360) and declination, shape (n_stars,), in degrees; NaN for a star that
        was never detected. Right ascensions on both sides of 0 are treated as neighbours.
    """
    degrees = ra.to_value(u.deg)
    finite = np.isfinite(degrees)
    if not finite.size:
        nothing = u.Quantity(np.full(len(degrees), np.nan), u.deg)
        return nothing, nothing.copy()
    degrees = np.where(finite, degrees, np.nan)
    # Medians are taken of the offsets from one detection, which lie on the same side of the seam.
    anchor = np.take_along_axis(degrees, np.argmax(finite, axis=1)[:, np.newaxis], axis=1)
    offsets = (degrees - anchor + 180.0) % 360.0 - 180.0
    median_ra = (anchor[:, 0] + nan_median(offsets, axis=1)) % 360.0
    median_ra[median_ra == 360.0] = 0.0  # what the remainder of a tiny negative number is rounded to
    return u.Quantity(median_ra, u.deg), u.Quantity(nan_median(dec.to_value(u.deg), axis=1), u.deg)


def distances(
    ra: u.Quantity, dec: u.Quantity, reference_ra: u.Quantity, reference_dec: u.Quantity
) -> u.Quantity:
    """Give the great-circle distance of each detection from its star's reference position.

    Parameters
    ----------
    ra, dec
        Shape (n_stars, n_visits) or (n_stars,) for one visit.
    reference_ra, reference_dec
        Shape (n_stars,).

    Returns
    -------
    astropy.units.Quantity
        Shape of ``ra``, in milliarcseconds; NaN where a position is.

    Notes
    -----
    Vincenty's formula, accurate at every distance, as `astropy.coordinates.angular_separation` has it.
    """
    if ra.ndim == 2:
        reference_ra, reference_dec = reference_ra[:, np.newaxis], reference_dec[:, np.newaxis]
    separation = angular_separation(
        reference_ra.to_value(u.rad), reference_dec.to_value(u.rad), ra.to_value(u.rad), dec.to_value(u.rad)
    )
    return u.Quantity(separation, u.rad).to(u.mas)


def median_distances(separations: u.Quantity) -> u.Quantity:
    """Give the typical distance from the reference positions in each visit.

    Parameters
    ----------
    separations
        Shape (n_stars, n_visits) or (n_stars,) for one visit; NaN where not detected.

    Returns
    -------
    astropy.units.Quantity
        Median over the stars, shape (n_visits,) or scalar, in milliarcseconds; NaN where none is finite.
    """
    return u.Quantity(nan_median(separations.to_value(u.mas), axis=0), u.mas)


def repeatability(separations: u.Quantity) -> u.Quantity:
    """Give the astrometric repeatability: how far a star's detections lie from its reference position.

    Parameters
    ----------
    separations
        Distances, shape (n_stars, n_visits); NaN where not detected.

    Returns
    -------
    astropy.units.Quantity
        Scalar, in milliarcseconds: the median over stars of the root mean square distance over visits. Stars
        with fewer than two finite distances do not count; NaN if none is left.
    """
    values: npt.NDArray[np.float64] = separations.to_value(u.mas)
    finite = np.isfinite(values)
    usable = np.where(finite, values, np.nan)[finite.sum(axis=1) >= 2]
    if not len(usable):
        return np.nan * u.mas
    return u.Quantity(np.median(np.sqrt(np.nanmean(usable**2, axis=1))), u.mas)
