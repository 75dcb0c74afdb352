"""A time series where something else was going on: aggregated over windows, or taken at moments.

Times are integers of one unit and epoch. What is not finite is missing: it is neither aggregated nor counted,
and is no neighbour. Nothing is invented where there are no samples: the value is NaN there and the count 0.

==========  ====================================================================================
``mean``    arithmetic mean of the samples in the window
``median``  their median
``min``     the least
``max``     the greatest
``std``     their standard deviation, n - 1 below; NaN for fewer than two
``first``   the earliest
``last``    the latest
``count``   how many there are; 0 is a value
==========  ====================================================================================
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.errors import SeriesError, nearest

__all__ = ["AGGREGATES", "INSTANTANEOUS", "Sampled", "aggregate_windows", "sample_at"]

AGGREGATES = ("mean", "median", "min", "max", "std", "first", "last", "count")
"""What can become of the samples in a window."""

INSTANTANEOUS = ("nearest", "linear")
"""How a value at a moment can be found."""

_GATHERED = 4_000_000  # samples that are copied out of the series at once

type Floats = npt.NDArray[np.float64]
type Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sampled:
    """What a series was in windows or at moments.

    Attributes
    ----------
    values
        Shape (m,), in the unit of the series; NaN where there are too few samples.
    counts
        Shape (m,): how many samples each value was made of.
    """

    values: Floats
    counts: Integers


def aggregate_windows(times: Integers, values: Floats, begin: Integers, end: Integers, how: str) -> Sampled:
    """Aggregate the samples in each of many windows.

    Parameters
    ----------
    times
        Shape (n,), ascending.
    values
        Shape (n,), any unit.
    begin, end
        Shape (m,), in any order: the window is [begin, end), and a window without length is the moment
        ``begin``. Windows may overlap.
    how
        One of `AGGREGATES`.

    Returns
    -------
    Sampled
        One each.

    Raises
    ------
    SeriesError
        If there is no such aggregation.

    Notes
    -----
    The samples of a window are consecutive, so that two binary searches find them, and a segmented reduction
    takes one pass over the series for all windows together, without copying it. A median and a standard
    deviation copy a few million samples at a time.
    """
    if how not in AGGREGATES:
        raise SeriesError(f"A series cannot be aggregated by {how!r}.{nearest(how, AGGREGATES)}")
    times, values = _finite(times, values)
    first = np.searchsorted(times, begin, side="left")
    last = np.searchsorted(times, np.maximum(end, np.asarray(begin) + 1), side="left")
    counts = np.asarray(last - first, dtype=np.int64)
    if how == "count":
        return Sampled(counts.astype(np.float64), counts)
    result = np.full(counts.shape, np.nan)
    there = np.flatnonzero(counts)
    if there.size:
        there = there[np.argsort(first[there], kind="stable")]
        result[there] = _reduced(values, first[there], last[there], how)
    return Sampled(result, counts)


def sample_at(times: Integers, values: Floats, moments: Integers, how: str, *, tolerance: int) -> Sampled:
    """Find a value at each of many moments.

    Parameters
    ----------
    times
        Shape (n,), ascending.
    values
        Shape (n,), any unit.
    moments
        Shape (m,), in any order.
    how
        ``nearest``: the sample nearest in time, of two equally near the earlier. ``linear``: on the straight
        line between the samples on either side, both of which must be near enough; a sample at the moment
        itself is enough.
    tolerance
        The greatest distance in time of a sample, in the unit of the times.

    Returns
    -------
    Sampled
        One each.

    Raises
    ------
    SeriesError
        If there is no such way.
    """
    if how not in INSTANTANEOUS:
        raise SeriesError(f"A series cannot be sampled by {how!r}.{nearest(how, INSTANTANEOUS)}")
    moments = np.asarray(moments)
    found = _neighbours(times, values, moments, how, tolerance)
    if not np.isfinite(found.values[found.counts > 0]).all():
        # Only now is it worth a pass over the whole series.
        found = _neighbours(*_finite(times, values), moments, how, tolerance)
    return found


def _finite(times: Integers, values: Floats) -> tuple[Integers, Floats]:
    finite = np.isfinite(values)
    return (times, values) if finite.all() else (times[finite], values[finite])


def _reduced(values: Floats, first: Integers, last: Integers, how: str) -> Floats:
    """Reduce windows that have samples, in the order of their first."""
    if how == "first":
        return values[first]
    if how == "last":
        return values[last - 1]
    if how in _GATHERING:
        parts = [_gathered(values, first[part], last[part], how) for part in _parts(last - first)]
        return np.concatenate(parts)
    # A segment cannot end at the end of the array; so each is a sample short, and that is added.
    ufunc = _UFUNCS[how]
    bounds = np.column_stack([first, last - 1]).ravel()
    short = np.asarray(ufunc.reduceat(values, bounds)[::2])
    whole = np.where(last - 1 > first, ufunc(short, values[last - 1]), short)
    return whole / (last - first) if how == "mean" else whole


_UFUNCS: Mapping[str, np.ufunc] = {"mean": np.add, "min": np.minimum, "max": np.maximum}
_GATHERING: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "median": lambda values: values.median(),
    "std": lambda values: values.std(),
}


def _parts(sizes: Integers) -> Iterator[slice]:
    """Divide windows so that the samples of a part fit into memory."""
    total = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(total[start - 1]) if start else 0
        stop = max(int(np.searchsorted(total, before + _GATHERED, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def _gathered(values: Floats, first: Integers, last: Integers, how: str) -> Floats:
    sizes = last - first
    window = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(sizes.sum()) + (first - (np.cumsum(sizes) - sizes))[window]
    samples = pl.DataFrame({"window": window, "value": values[place]})
    grouped = samples.with_columns(pl.col("window").set_sorted()).group_by("window", maintain_order=True)
    found: Any = grouped.agg(_GATHERING[how](pl.col("value")))["value"].fill_null(np.nan)
    return np.asarray(found.to_numpy(), dtype=np.float64)


def _neighbours(times: Integers, values: Floats, moments: Integers, how: str, tolerance: int) -> Sampled:
    if not len(times):
        return Sampled(np.full(moments.shape, np.nan), np.zeros(moments.shape, dtype=np.int64))
    after = np.searchsorted(times, moments, side="right")
    left, right = np.maximum(after - 1, 0), np.minimum(after, len(times) - 1)
    # Where there is no neighbour on a side, that of the other side stands in, and must not count.
    to_left = np.where(after > 0, moments - times[left], -1)
    to_right = np.where(after < len(times), times[right] - moments, -1)
    left_near = (to_left >= 0) & (to_left <= tolerance)
    right_near = (to_right >= 0) & (to_right <= tolerance)
    if how == "nearest":
        use_left = left_near & (~right_near | (to_left <= to_right))
        found = np.where(use_left, values[left], values[right])
        counts = (left_near | right_near).astype(np.int64)
        return Sampled(np.where(counts > 0, found, np.nan), counts)
    exact = to_left == 0
    both = left_near & right_near & ~exact
    weight = np.divide(to_left, to_left + to_right, out=np.zeros(moments.shape), where=both)
    between = np.where(both, values[left] * (1 - weight) + values[right] * weight, np.nan)
    counts = np.where(exact, 1, np.where(both, 2, 0))
    return Sampled(np.where(exact, values[left], between), counts)
