"""How two quantities go together: correlation coefficients and a robust line."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnomon.algorithms.robust import fit_trend

__all__ = ["Association", "associate"]

_LEAST = 3  # of two points the coefficient is always 1 or -1
_ROUNDING = 64 * np.finfo(np.float64).eps

type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Association:
    """How y goes with x.

    Attributes
    ----------
    n
        How many pairs are finite.
    pearson
        Pearson's coefficient of linear correlation.
    spearman
        Spearman's: Pearson's of the ranks, equal values sharing the mean of theirs.
    slope
        Of a robust line, in the unit of y by the unit of x.
    slope_error
        Standard error of the slope.
    intercept
        y of the line where x is 0.
    """

    n: int
    pearson: float
    spearman: float
    slope: float
    slope_error: float
    intercept: float


def associate(x: npt.ArrayLike, y: npt.ArrayLike) -> Association:
    """Measure how y goes with x.

    Parameters
    ----------
    x, y
        Shape (n,), any units. Pairs in which either value is not finite are left out.

    Returns
    -------
    Association
        Coefficients are NaN for fewer than three pairs, or where either is the same in all; the line is
        that of `gnomon.algorithms.robust.fit_trend`.

    Notes
    -----
    The pairs are taken for independent. Many detectors of one exposure share one wind, so that the error of
    the slope is then too small.

    Examples
    --------
    >>> found = associate([1.0, 2.0, 3.0, 4.0], [1.0, 8.0, 27.0, 64.0])
    >>> found.n, round(found.pearson, 3), found.spearman
    (4, 0.951, 1.0)
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    # Powers of two, so that nothing is rounded and no square is too large for a number.
    scale_x, scale_y = _power_of_two(x), _power_of_two(y)
    trend = fit_trend(x / scale_x, y / scale_y)
    determined = np.isfinite(trend.slope)
    return Association(
        n=len(x),
        pearson=_coefficient(x, y),
        spearman=_coefficient(_ranks(x), _ranks(y)),
        slope=trend.slope / scale_x * scale_y,
        slope_error=trend.slope_error / scale_x * scale_y,
        intercept=trend.intercept * scale_y if determined else np.nan,
    )


def _power_of_two(values: Floats) -> float:
    largest = float(np.max(np.abs(values), initial=0.0))
    return float(np.ldexp(1.0, np.frexp(largest)[1] - 1)) if largest else 1.0


def _coefficient(x: Floats, y: Floats) -> float:
    if len(x) < _LEAST:
        return np.nan
    dx, dy = _standard(x), _standard(y)
    if dx is None or dy is None:
        return np.nan
    return float(np.clip(np.sum(dx * dy), -1.0, 1.0))


def _standard(values: Floats) -> Floats | None:
    """Bring values to mean 0 and norm 1; `None` if they differ by no more than rounding."""
    scale = float(np.max(np.abs(values)))
    if scale == 0:
        return None
    # Divided first, since the squares of large values have no number.
    difference = values / scale - np.mean(values / scale)
    if np.ptp(difference) <= _ROUNDING:
        return None
    difference /= np.max(np.abs(difference))
    return np.asarray(difference / np.sqrt(np.sum(difference**2)))


def _ranks(values: Floats) -> Floats:
    """Give the rank of each value, the mean rank where several are equal."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)
