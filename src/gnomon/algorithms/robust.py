"""Statistics that a few wild values do not spoil."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Trend", "fit_trend", "nan_median"]

MAD_TO_SIGMA = 1.482602218505602
"""Standard deviation of a normal distribution in units of its median absolute deviation, 1/Φ⁻¹(3/4)."""

MEAN_TO_SIGMA = 1.2533141373155003
"""Standard deviation of a normal distribution in units of its mean absolute deviation, √(π/2)."""

_ROUNDING = 64 * np.finfo(np.float64).eps


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
    if not finite.size:
        return np.full(np.delete(finite.shape, axis) if axis is not None else (), np.nan)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
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
        by the line, or one where there is only a median; NaN for fewer than three.
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
    Iterative sigma clipping around ordinary least squares. The first round judges by the median absolute
    deviation around a line through medians of the two halves (Tukey's resistant line in its simplest form),
    so that one wild point cannot carry the first line away; where more than half of the points lie on that
    line, by their mean absolute deviation (Iglewicz and Hoaglin 1993, *How to Detect and Handle Outliers*).
    Differences of the size of rounding errors count as none.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.sum() < 3 or not _spans(x[finite]):
        centre = float(nan_median(np.where(finite, y, np.nan)))
        residuals = np.full(x.shape, np.nan)
        residuals[finite] = y[finite] - centre
        scatter = _scatter(residuals[finite], taken=1) if finite.sum() > 2 else np.nan
        return Trend(np.nan, np.nan, centre, residuals, scatter, finite)
    # Far from 0, a line's value at 0 would carry its rounding error into every residual.
    middle = float(np.median(x[finite]))
    a, b = x[finite] - middle, y[finite]
    slope, height = _resistant_line(a, b)
    distance = np.abs(b - slope * a - height)
    spread = MAD_TO_SIGMA * float(np.median(distance)) or MEAN_TO_SIGMA * float(np.mean(distance))
    kept = np.ones(a.shape, dtype=np.bool_)
    for count in range(rounds):
        # The line is made of all points that are kept, and so has the rounding error of the largest.
        rounding = _ROUNDING * (np.max((np.abs(b) + np.abs(slope * a))[kept]) + abs(height))
        inside = distance <= max(clip * spread, rounding)
        if inside.sum() < 3 or not _spans(a[inside]):
            inside = kept
        slope, height = _least_squares(a[inside], b[inside])
        distance = np.abs(b - slope * a - height)
        spread = _scatter(distance[inside], taken=2)
        # The first round judged by another measure, so that its agreement means nothing.
        if count and np.array_equal(inside, kept):
            break
        kept = inside
    residuals = np.full(x.shape, np.nan)
    residuals[finite] = b - slope * a - height
    used = finite.copy()
    used[finite] = kept
    lever = float(np.sqrt(np.sum((a[kept] - a[kept].mean()) ** 2)))
    return Trend(slope, spread / lever, height - slope * middle, residuals, spread, used)


def _spans(x: npt.NDArray[np.float64]) -> bool:
    """Say whether values differ by more than rounding."""
    return bool(np.ptp(x) > _ROUNDING * np.max(np.abs(x)))


def _resistant_line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    middle = np.median(x)
    low, high = x <= middle, x >= middle
    if np.median(x[high]) == np.median(x[low]):  # most x are equal
        high = x > (x.min() + x.max()) / 2
        low = ~high
    slope = (np.median(y[high]) - np.median(y[low])) / (np.median(x[high]) - np.median(x[low]))
    return float(slope), float(np.median(y - slope * x))


def _least_squares(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    dx = x - x.mean()
    slope = float(np.sum(dx * (y - y.mean())) / np.sum(dx**2))
    return slope, float(y.mean() - slope * x.mean())


def _scatter(residuals: npt.NDArray[np.float64], *, taken: int) -> float:
    return float(np.sqrt(np.sum(residuals**2) / (len(residuals) - taken)))
