"""Photometric offsets and repeatability."""

import numpy as np
import numpy.typing as npt
from astropy import units as u

from gnomon.algorithms.robust import nan_median

__all__ = ["is_bright", "repeatability", "zero_point_offsets"]


def is_bright(errors: u.Quantity, *, limit: u.Quantity) -> npt.NDArray[np.bool_]:
    """Choose the stars whose photometry is good enough to calibrate with.

    Parameters
    ----------
    errors
        Magnitude errors, shape (n_stars, n_visits), convertible to mag; NaN where not detected.
    limit
        A star is bright if the median of its errors is below this.

    Returns
    -------
    numpy.ndarray of bool
        Shape (n_stars,); false for a star without any finite error.
    """
    return np.asarray(nan_median(errors.to_value(u.mag), axis=1) < limit.to_value(u.mag))


def zero_point_offsets(magnitudes: u.Quantity, reference: u.Quantity) -> u.Quantity:
    """Give each visit's offset from the reference magnitudes.

    Parameters
    ----------
    magnitudes
        Instrumental magnitudes, shape (n_stars, n_visits) or (n_stars,) for one visit; NaN where not
        detected.
    reference
        Reference magnitude of each star, shape (n_stars,).

    Returns
    -------
    astropy.units.Quantity
        Median over the stars of measured minus reference, shape (n_visits,) or scalar, in the unit of
        ``magnitudes``; positive where stars came out too faint. NaN where no star has both.
    """
    measured = magnitudes.value
    known = reference.to_value(magnitudes.unit)
    difference = measured - (known[:, np.newaxis] if measured.ndim == 2 else known)
    return u.Quantity(nan_median(difference, axis=0), magnitudes.unit)


def repeatability(magnitudes: u.Quantity) -> u.Quantity:
    """Give the photometric repeatability: how well repeated measurements of a star agree.

    Parameters
    ----------
    magnitudes
        Magnitudes, shape (n_stars, n_visits); NaN where not detected.

    Returns
    -------
    astropy.units.Quantity
        Scalar, in mmag: the median over stars of the standard deviation over visits, with n in the
        denominator. Stars with fewer than two finite magnitudes do not count; NaN if none is left.

    Notes
    -----
    In the manner of PA1 of the LSST Science Requirements Document (LPM-17): the width of the distribution of
    repeated magnitudes around each star's mean. PA1 itself takes random pairs of visits; for many visits the
    standard deviation says the same with less noise.
    """
    values = magnitudes.to_value(u.mmag)
    finite = np.isfinite(values)
    usable = np.where(finite, values, np.nan)[finite.sum(axis=1) >= 2]
    if not len(usable):
        return np.nan * u.mmag
    return u.Quantity(np.median(np.nanstd(usable, axis=1)), u.mmag)
