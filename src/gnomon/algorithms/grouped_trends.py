"""Robust straight lines through many groups of points at once.

What `gnomon.algorithms.robust.fit_trend` does for one group is done here for all groups side by side: the
rounds of clipping go over arrays of all points, and a group leaves them when nothing changes for it any more.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.algorithms.robust import MAD_TO_SIGMA, MEAN_TO_SIGMA

__all__ = ["Trends", "fit_trends"]

type _Floats = npt.NDArray[np.float64]
type _Flags = npt.NDArray[np.bool_]

_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Trends:
    """A straight line through each group of points.

    Attributes
    ----------
    slope, intercept, scatter
        One value a group, shape (g,), as of `gnomon.algorithms.robust.Trend`; of a group without any finite
        point NaN.
    residuals
        y minus the line of its group, shape (n,); NaN where x or y is not finite.
    """

    slope: _Floats
    intercept: _Floats
    scatter: _Floats
    residuals: _Floats


def fit_trends(
    x: _Floats, y: _Floats, groups: npt.NDArray[np.integer], *, clip: float = 3.0, rounds: int = 20
) -> Trends:
    """Fit a straight line to each group by least squares, leaving outliers out.

    Parameters
    ----------
    x, y
        Shape (n,), any unit. Pairs in which either value is not finite are left out.
    groups
        The number of each point's group, from 0, shape (n,).
    clip, rounds
        As of `gnomon.algorithms.robust.fit_trend`, which gives the same for each group alone, but for
        rounding.

    Returns
    -------
    Trends
        By the numbers of the groups.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    number = int(groups.max()) + 1 if len(groups) else 0
    slope, intercept, scatter = (np.full(number, np.nan) for _ in range(3))
    residuals = np.full(x.shape, np.nan)
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    order = finite[np.argsort(groups[finite], kind="stable")]
    if not len(order):
        return Trends(slope, intercept, scatter, residuals)
    points = _Segments(groups[order])
    a, b = x[order], y[order]
    lined = (points.counts >= 3) & _spans(points, a, np.ones(a.shape, dtype=np.bool_))
    here = points.names
    flat = points.where(~lined)
    if flat.rows.size:
        centre = flat.segments.median(b[flat.rows])
        rest = b[flat.rows] - flat.segments.spread(centre)
        residuals[order[flat.rows]] = rest
        intercept[here[~lined]] = centre
        enough = flat.segments.counts > 2
        scatter[here[~lined]] = np.where(
            enough, np.sqrt(flat.segments.sum(rest**2) / np.maximum(flat.segments.counts - 1, 1)), np.nan
        )
    steep = points.where(lined)
    if steep.rows.size:
        a, b = a[steep.rows], b[steep.rows]
        # Far from 0, a line's value at 0 would carry its rounding error into every residual.
        middle = steep.segments.median(a)
        a = a - steep.segments.spread(middle)
        lines = _clipped(steep.segments, a, b, clip=clip, rounds=rounds)
        residuals[order[steep.rows]] = (
            b - steep.segments.spread(lines[0]) * a - steep.segments.spread(lines[1])
        )
        slope[here[lined]], scatter[here[lined]] = lines[0], lines[2]
        intercept[here[lined]] = lines[1] - lines[0] * middle
    return Trends(slope, intercept, scatter, residuals)


@dataclass(frozen=True)
class _Part:
    segments: "_Segments"
    rows: npt.NDArray[np.int64]


class _Segments:
    """Groups of points that lie one after the other."""

    def __init__(self, codes: npt.NDArray[np.integer]) -> None:
        self.starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
        self.counts = np.diff(np.append(self.starts, len(codes)))
        self.names = codes[self.starts]
        self.places = np.repeat(np.arange(len(self.starts)), self.counts)

    def sum(self, values: _Floats) -> _Floats:
        return np.asarray(np.add.reduceat(values, self.starts), dtype=np.float64)

    def count(self, flags: _Flags) -> npt.NDArray[np.int64]:
        return np.asarray(np.add.reduceat(flags, self.starts, dtype=np.int64))

    def least(self, values: _Floats) -> _Floats:
        return np.asarray(np.minimum.reduceat(values, self.starts))

    def greatest(self, values: _Floats) -> _Floats:
        return np.asarray(np.maximum.reduceat(values, self.starts))

    def spread(self, values: _Floats) -> _Floats:
        """Give each point the value of its group."""
        return np.repeat(values, self.counts)

    def median(self, values: _Floats, flags: _Flags | None = None) -> _Floats:
        """Take the median in each group, of the points with a flag if there are flags; NaN where none has."""
        frame = pl.DataFrame({"place": self.places, "value": values})
        if flags is not None:
            frame = frame.filter(pl.Series(flags))
        found = frame.group_by("place").agg(pl.col("value").median())
        result = np.full(len(self.starts), np.nan)
        result[found["place"].to_numpy()] = found["value"].to_numpy()
        return result

    def where(self, wanted: _Flags) -> _Part:
        """Give the wanted groups, and the rows of their points."""
        rows = np.flatnonzero(self.spread(wanted.astype(np.float64)) > 0)
        codes = np.repeat(np.arange(int(wanted.sum())), self.counts[wanted])
        return _Part(_Segments(codes), rows) if rows.size else _Part(self, rows)


def _clipped(
    points: _Segments, a: _Floats, b: _Floats, *, clip: float, rounds: int
) -> tuple[_Floats, _Floats, _Floats]:
    """Give slope, height and scatter of each group; the steps are those of `fit_trend`."""
    slope, height = _resistant_lines(points, a, b)
    distance = np.abs(b - points.spread(slope) * a - points.spread(height))
    median = MAD_TO_SIGMA * points.median(distance)
    spread = np.where(median == 0, MEAN_TO_SIGMA * points.sum(distance) / points.counts, median)
    slopes, heights, spreads = slope.copy(), height.copy(), spread.copy()
    waiting = np.arange(len(points.counts))
    kept = np.ones(a.shape, dtype=np.bool_)
    for count in range(rounds):
        size = np.where(kept, np.abs(b) + np.abs(points.spread(slope) * a), 0.0)
        rounding = _ROUNDING * (points.greatest(size) + np.abs(height))
        inside = distance <= points.spread(np.maximum(clip * spread, rounding))
        usable = (points.count(inside) >= 3) & _spans(points, a, inside)
        inside = np.where(points.spread(usable.astype(np.float64)) > 0, inside, kept)
        slope, height = _least_squares(points, a, b, inside)
        distance = np.abs(b - points.spread(slope) * a - points.spread(height))
        spread = np.sqrt(points.sum(np.where(inside, distance, 0.0) ** 2) / (points.count(inside) - 2))
        slopes[waiting], heights[waiting], spreads[waiting] = slope, height, spread
        changed = (points.count(inside != kept) > 0) | (count == 0)
        kept = inside
        if not changed.any():
            break
        if not changed.all():
            part = points.where(changed)
            points, waiting = part.segments, waiting[changed]
            a, b, kept, distance = a[part.rows], b[part.rows], kept[part.rows], distance[part.rows]
            slope, height, spread = slope[changed], height[changed], spread[changed]
    return slopes, heights, spreads


def _spans(points: _Segments, x: _Floats, inside: _Flags) -> _Flags:
    """Say for each group whether the values inside differ by more than rounding."""
    low, high = points.least(np.where(inside, x, np.inf)), points.greatest(np.where(inside, x, -np.inf))
    with np.errstate(invalid="ignore"):
        return np.asarray(high - low > _ROUNDING * np.maximum(np.abs(low), np.abs(high)))


def _resistant_lines(points: _Segments, x: _Floats, y: _Floats) -> tuple[_Floats, _Floats]:
    middle = points.spread(points.median(x))
    low, high = x <= middle, x >= middle
    x_low, x_high = points.median(x, low), points.median(x, high)
    if (alike := x_high == x_low).any():  # most x are equal
        centre = points.spread((points.least(x) + points.greatest(x)) / 2)
        other = points.spread(alike.astype(np.float64)) > 0
        high = np.where(other, x > centre, high)
        low = np.where(other, ~high, low)
        x_low, x_high = points.median(x, low), points.median(x, high)
    slope = (points.median(y, high) - points.median(y, low)) / (x_high - x_low)
    return slope, points.median(y - points.spread(slope) * x)


def _least_squares(points: _Segments, x: _Floats, y: _Floats, inside: _Flags) -> tuple[_Floats, _Floats]:
    number = points.count(inside)
    x_mean = points.sum(np.where(inside, x, 0.0)) / number
    y_mean = points.sum(np.where(inside, y, 0.0)) / number
    dx = np.where(inside, x - points.spread(x_mean), 0.0)
    slope = points.sum(dx * (y - points.spread(y_mean))) / points.sum(dx**2)
    return slope, y_mean - slope * x_mean
