"""Many values made one, with the uncertainty and the number of values behind it.

What is not finite is missing: it is neither aggregated nor counted.

==============  ========================================  ===============================================
aggregation     value                                     standard uncertainty
==============  ========================================  ===============================================
``mean``        arithmetic mean                           s / √n
``median``      median                                    √(π/2) s_MAD / √n
``std``         standard deviation s, n - 1 below         s / √(2 (n - 1))
``sigma_mad``   1.4826 times the median absolute          1.166 s_MAD / √n
                deviation from the median
``percentile``  percentile, linear between neighbours     half the distance of the percentiles that lie one
                                                          standard deviation of a binomial on either side
``slope``       slope of a robust line                    standard error of the line's slope
``fraction``    k / n                                     half of Wilson's interval for one sigma
others          minimum, maximum, sum, number             none
==============  ========================================  ===============================================

Here s_MAD is the value of ``sigma_mad``. The uncertainties of the median, the standard deviation and
sigma_mad are the large-sample ones for normal values (Kendall and Stuart, *The Advanced Theory of
Statistics* 1, chapter 10; Rousseeuw and Croux 1993, *JASA* 88, 1273, for the efficiency of 37 % of the
median absolute deviation). That of a percentile assumes no distribution (David and Nagaraja 2003, *Order
Statistics*, section 7.1). Wilson's interval (1927, *JASA* 22, 209) is the binomial one that does not shrink
to nothing where all or none of a few are chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnomon.algorithms.robust import MAD_TO_SIGMA, MEAN_TO_SIGMA, fit_trend
from gnomon.errors import MeasurementError, nearest

__all__ = ["WEIGHTED", "Estimate", "estimate", "estimate_fraction"]

# 1 / (4 Φ⁻¹(3/4) φ(Φ⁻¹(3/4))), from the asymptotic variance of the median absolute deviation.
_MAD_SPREAD = 1.1663771

type Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """One value made of many.

    Attributes
    ----------
    value
        In the unit of the values; of a slope, by unit of what it is against.
    uncertainty
        Standard uncertainty, in the same unit; `None` where the aggregation or the number of values gives
        none.
    count
        How many values it was made of.
    """

    value: float
    uncertainty: float | None
    count: int


def estimate(
    aggregate: str,
    values: npt.ArrayLike,
    *,
    percentile: float | None = None,
    against: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    errors: npt.ArrayLike | None = None,
) -> Estimate | None:
    """Aggregate values.

    Parameters
    ----------
    aggregate
        One of the aggregations of this module but for ``fraction``.
    values
        Shape (n,), any unit.
    percentile
        Which one, from 0 to 100; for ``percentile`` only.
    against
        Shape (n,), any unit; for ``slope`` only.
    weights
        Shape (n,); for the aggregations of `WEIGHTED` only. A value whose weight is not finite or not
        positive is missing.
    errors
        Standard uncertainties of the values, shape (n,), same unit, of which the weights are the inverse
        squares; in place of ``weights``.

    Returns
    -------
    Estimate or None
        `None` where nothing is left to aggregate, or too little for what is asked: two values for a standard
        deviation, three at different places for a slope. A ``count`` is then 0.

    Raises
    ------
    MeasurementError
        If there is no such aggregation, it takes no weights, or the arrays are of different lengths.

    Notes
    -----
    The uncertainty of a weighted mean is Cochran's, as Gatz and Smith (1995, *Atmos. Environ.* 29, 1185)
    recommend: √(n / (n - 1) Σ w² (x - x̄)²) / Σ w. With ``errors`` it is 1 / √(Σ 1 / σ²) (Bevington and
    Robinson 2003, *Data Reduction and Error Analysis*, section 4.1), which believes the errors. A weighted
    median is where half of the weights lie on either side, linear between the middles of neighbours; in its
    uncertainty n is (Σ w)² / Σ w² (Kish 1965, *Survey Sampling*).
    """
    x = _array("values", values, None)
    if aggregate == "slope":
        return _slope(x, against)
    present = np.isfinite(x)
    w: Array | None = None
    if errors is not None:
        sigma = _array("errors", errors, x)
        positive = np.isfinite(sigma) & (sigma > 0)
        w = np.where(positive, 1.0 / np.where(positive, sigma, 1.0) ** 2, 0.0)
    elif weights is not None:
        w = _array("weights", weights, x)
    if w is not None:
        if aggregate not in WEIGHTED:
            raise MeasurementError(
                f"The aggregation {aggregate!r} takes no weights.{nearest(aggregate, WEIGHTED)}"
            )
        present &= np.isfinite(w) & (w > 0)
        w = w[present]
    x = x[present]
    if aggregate == "count":
        return Estimate(float(len(x)), None, len(x))
    if aggregate != "percentile" and aggregate not in _SIMPLE:
        known = [*_SIMPLE, "count", "percentile", "slope"]
        raise MeasurementError(f"{aggregate!r} is not an aggregation.{nearest(aggregate, known)}")
    if not len(x):
        return None
    if aggregate == "percentile":
        if percentile is None or not 0 <= percentile <= 100:
            raise MeasurementError(f"A percentile is from 0 to 100, not {percentile!r}.")
        return _percentile(x, percentile / 100)
    if w is not None:
        return WEIGHTED[aggregate](x, w, errors is not None)
    return _SIMPLE[aggregate](x)


def estimate_fraction(holding: int, total: int) -> Estimate | None:
    """Give the part of some things for which a condition holds.

    Parameters
    ----------
    holding, total
        For how many it holds, and of how many.

    Returns
    -------
    Estimate or None
        Dimensionless; `None` of nothing.

    Raises
    ------
    MeasurementError
        If more hold than there are.
    """
    if not 0 <= holding <= total:
        raise MeasurementError(f"A condition cannot hold for {holding} of {total}.")
    if not total:
        return None
    part = holding / total
    width = np.sqrt(part * (1 - part) / total + 1 / (4 * total**2)) / (1 + 1 / total)
    return Estimate(part, float(width), total)


def _array(what: str, values: npt.ArrayLike, other: Array | None) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or (other is not None and array.shape != other.shape):
        expected = "one dimension" if other is None else f"the shape of the values, {other.shape}"
        raise MeasurementError(f"The {what} are an array of {expected}, not of shape {array.shape}.")
    return array


def _known(uncertainty: float) -> float | None:
    return float(uncertainty) if np.isfinite(uncertainty) else None


def _spread(x: Array) -> float:
    """Give the standard deviation; NaN of fewer than two."""
    return float(np.std(x, ddof=1)) if len(x) > 1 else float("nan")


def _sigma_mad(x: Array) -> float:
    return MAD_TO_SIGMA * float(np.median(np.abs(x - np.median(x))))


def _mean(x: Array) -> Estimate:
    return Estimate(float(np.mean(x)), _known(_spread(x) / np.sqrt(len(x))), len(x))


def _median(x: Array) -> Estimate:
    error = MEAN_TO_SIGMA * _sigma_mad(x) / np.sqrt(len(x)) if len(x) > 1 else np.nan
    return Estimate(float(np.median(x)), _known(error), len(x))


def _std(x: Array) -> Estimate | None:
    if len(x) < 2:
        return None
    spread = _spread(x)
    return Estimate(spread, _known(spread / np.sqrt(2 * (len(x) - 1))), len(x))


def _scatter(x: Array) -> Estimate | None:
    if len(x) < 2:
        return None
    spread = _sigma_mad(x)
    return Estimate(spread, _known(_MAD_SPREAD * spread / np.sqrt(len(x))), len(x))


def _percentile(x: Array, part: float) -> Estimate:
    width = np.sqrt(part * (1 - part) / len(x))
    error = None
    if width > 0 and part - width >= 0 and part + width <= 1:
        low, high = np.quantile(x, [part - width, part + width])
        error = _known((high - low) / 2)
    return Estimate(float(np.quantile(x, part)), error, len(x))


def _slope(x: Array, against: npt.ArrayLike | None) -> Estimate | None:
    if against is None:
        raise MeasurementError("A slope needs to know what it is against.")
    trend = fit_trend(_array("values that a slope is against", against, x), x)
    if not np.isfinite(trend.slope):
        return None
    return Estimate(trend.slope, _known(trend.slope_error), int(trend.kept.sum()))


def _weighted_mean(x: Array, w: Array, errors: bool) -> Estimate:
    total = float(np.sum(w))
    mean = float(np.sum(w * x)) / total
    if errors:
        return Estimate(mean, _known(1 / np.sqrt(total)), len(x))
    if len(x) < 2:
        return Estimate(mean, None, len(x))
    error = np.sqrt(len(x) / (len(x) - 1) * np.sum((w * (x - mean)) ** 2)) / total
    return Estimate(mean, _known(error), len(x))


def _weighted_median(x: Array, w: Array, errors: bool) -> Estimate:  # noqa: ARG001  # as the mean is called
    middle = _middle(x, w)
    if len(x) < 2:
        return Estimate(middle, None, len(x))
    spread = MAD_TO_SIGMA * _middle(np.abs(x - middle), w)
    effective = float(np.sum(w)) ** 2 / float(np.sum(w**2))
    return Estimate(middle, _known(MEAN_TO_SIGMA * spread / np.sqrt(effective)), len(x))


def _middle(x: Array, w: Array) -> float:
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[order]
    places = (np.cumsum(w) - w / 2) / np.sum(w)
    return float(np.interp(0.5, places, x))


_SIMPLE: Mapping[str, Callable[[Array], Estimate | None]] = {
    "max": lambda x: Estimate(float(np.max(x)), None, len(x)),
    "mean": _mean,
    "median": _median,
    "min": lambda x: Estimate(float(np.min(x)), None, len(x)),
    "sigma_mad": _scatter,
    "std": _std,
    "sum": lambda x: Estimate(float(np.sum(x)), None, len(x)),
}

WEIGHTED: Mapping[str, Callable[[Array, Array, bool], Estimate]] = {
    "mean": _weighted_mean,
    "median": _weighted_median,
}
"""The aggregations that take weights."""
