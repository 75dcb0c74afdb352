"""Statistics that a few wild values do not spoil."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Trend", "fit_trend", "nan_median"]

MAD_TO_SIGMA = 1.482602218505602
"""Standard deviation of a normal distribution in units of its median absolute deviation, 1/Φ⁻¹(3/4)."""


def nan_median(values: npt.NDArray[np.float64], axis: int | None = None) -> npt.NDArray[np.float64]:
    """Take the median of what is finite.

    Parameters
    ----------
    values
        Any shape.
    axis
        The axis to reduce; all by default.

    Returns
    -------
    numpy.ndarray
        The median along ``axis``; NaN where nothing is finite. Infinities count as missing.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmedian(finite, axis=axis))


@dataclass(frozen=True)
class Trend:
    """A straight line through points, and how far each point is from it.

    Attributes
    ----------
    slope
        Change of y for a change of one in x; NaN if it could not be determined.
    slope_error
        Standard error of the slope, from the scatter of the points that were kept.
    intercept
        Value of y where x is 0.
    residuals
        y minus the line, shape (n,); NaN where x or y is not finite.
    scatter
        Standard deviation of the residuals of the points that were kept, with two degrees of freedom taken
        by the line; NaN for fewer than three.
    kept
        Which points determined the line, shape (n,).
    """

    slope: float
    slope_error: float
    intercept: float
    residuals: npt.NDArray[np.float64]
    scatter: float
    kept: npt.NDArray[np.bool_]


def fit_trend(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], *, clip: float = 3.0, rounds: int = 20
) -> Trend:
    """Fit a straight line by least squares, leaving outliers out.

    Parameters
    ----------
    x
        Shape (n,), any unit.
    y
        Shape (n,), any unit. Pairs in which either value is not finite are left out.
    clip
        A point is left out of the next round if it is further from the line than this many standard
        deviations of the points that were kept.
    rounds
        At most so many rounds; they end as soon as nothing changes.

    Returns
    -------
    Trend
        Where all finite x are equal, or fewer than three points are finite, there is no trend to remove: the
        slope is NaN and the residuals are taken from the median of y.

    Notes
    -----
    Iterative sigma clipping around ordinary least squares; the first round judges by the median absolute
    deviation around a line through medians of the two halves (Tukey's resistant line in its simplest form),
    so that one wild point cannot carry the first line away.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.sum() < 3 or np.ptp(x[finite]) == 0:
        centre = float(nan_median(np.where(finite, y, np.nan)))
        residuals = np.where(finite, y - centre, np.nan)
        count = int(finite.sum())
        scatter = float(np.sqrt(np.sum(residuals[finite] ** 2) / (count - 2))) if count > 2 else np.nan
        return Trend(np.nan, np.nan, centre, residuals, scatter, finite)
    slope, intercept = _resistant_line(x[finite], y[finite])
    spread = MAD_TO_SIGMA * float(nan_median(np.abs(y[finite] - slope * x[finite] - intercept)))
    kept = finite
    for _ in range(rounds):
        distance = np.abs(y - slope * x - intercept)
        inside = finite & (distance <= clip * spread) if spread > 0 else finite
        if inside.sum() < 3 or np.ptp(x[inside]) == 0:
            break
        slope, intercept = _least_squares(x[inside], y[inside])
        spread = _scatter(y[inside] - slope * x[inside] - intercept)
        if np.array_equal(inside, kept):
            break
        kept = inside
    residuals = np.where(finite, y - slope * x - intercept, np.nan)
    lever = float(np.sqrt(np.sum((x[kept] - x[kept].mean()) ** 2)))
    scatter = _scatter(residuals[kept])
    return Trend(slope, scatter / lever, intercept, residuals, scatter, kept)


def _resistant_line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    middle = np.median(x)
    low, high = x <= middle, x >= middle
    if np.median(x[high]) == np.median(x[low]):
        return _least_squares(x, y)
    slope = (np.median(y[high]) - np.median(y[low])) / (np.median(x[high]) - np.median(x[low]))
    return float(slope), float(np.median(y - slope * x))


def _least_squares(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    dx = x - x.mean()
    slope = float(np.sum(dx * (y - y.mean())) / np.sum(dx**2))
    return slope, float(y.mean() - slope * x.mean())


def _scatter(residuals: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.sum(residuals**2) / (len(residuals) - 2))) if len(residuals) > 2 else np.nan
