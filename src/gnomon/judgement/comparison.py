"""Two runs compared: the same metrics on the same data IDs, value by value."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl

from gnomon.errors import MeasurementError, nearest
from gnomon.judgement.frames import Rows, to_frame
from gnomon.judgement.pairing import CODE, CONFLICT, into_first_unit, newest, with_code, with_key
from gnomon.judgement.showing import comparison_html, comparison_text
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["MEASURES", "READ", "Comparison", "compare"]

READ = ("metric", "value", "unit", "uncertainty", "measured_at", *DATA_ID_COLUMNS, OTHER_DIMENSIONS)
"""The columns of a stored measurement that a comparison looks at."""

MEASURES = ("difference", "relative", "sigmas")
"""By what a movement can be measured."""

_VALUES = ("value_a", "value_b", "uncertainty_a", "uncertainty_b")
_ID = (*DATA_ID_COLUMNS, OTHER_DIMENSIONS)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison:
    """What two sets of measurements have in common, and how it differs.

    Attributes
    ----------
    matched
        One row for each metric and data ID in both: ``metric``, the columns of the data ID, ``dimensions``,
        ``value_a``, ``value_b``, ``uncertainty_a``, ``uncertainty_b``, ``unit`` (all are in a's),
        ``difference`` (b less a), ``relative`` (that over the magnitude of a), ``sigmas`` (that over the
        uncertainties of both, added in quadrature) and ``changed``. A difference is null where a value is
        null or NaN, where an infinity is in play, or where the units do not convert; a relative one also
        where a is zero, and one in sigmas where either uncertainty is not known or both are zero.
    only_in_a, only_in_b
        What has no partner: ``metric``, the columns of the data ID, ``dimensions``, ``value``,
        ``uncertainty``, ``unit``.
    unit_conflicts
        Metrics whose units do not convert, with both units and how many pairs: ``metric``, ``unit_a``,
        ``unit_b``, ``n``. Such a pair counts as changed, and its ``value_b`` is in b's unit.
    repeated_a, repeated_b
        How many rows were set aside because the same metric and data ID was there with a newer
        ``measured_at``.
    a, b
        What the sides are called.
    """

    matched: pl.DataFrame
    only_in_a: pl.DataFrame
    only_in_b: pl.DataFrame
    unit_conflicts: pl.DataFrame
    repeated_a: int = 0
    repeated_b: int = 0
    a: str = "a"
    b: str = "b"

    def __repr__(self) -> str:
        return comparison_text(self)

    def _repr_html_(self) -> str:
        return comparison_html(self)

    @property
    def identical(self) -> bool:
        """Whether nothing changed and everything has a partner."""
        return self.only_in_a.is_empty() and self.only_in_b.is_empty() and not self.matched["changed"].any()

    def summary(self) -> pl.DataFrame:
        """Sum up each metric.

        Returns
        -------
        polars.DataFrame
            ``metric``, ``unit`` (null where it differs between data IDs), ``matched``, ``changed``,
            ``only_in_a``, ``only_in_b``, and over the matched pairs that have a difference
            ``median_difference``, ``median_abs_difference``, ``max_abs_difference`` and ``max_sigmas``;
            sorted by metric. Differences are null where ``unit`` is.
        """
        difference = pl.col("difference")
        one_unit = pl.col("unit").n_unique() == 1
        matched = self.matched.group_by("metric").agg(
            pl.when(one_unit).then(pl.col("unit").first()).alias("unit"),
            pl.len().cast(pl.Int64).alias("matched"),
            pl.col("changed").sum().cast(pl.Int64),
            pl.when(one_unit).then(difference.median()).alias("median_difference"),
            pl.when(one_unit).then(difference.abs().median()).alias("median_abs_difference"),
            pl.when(one_unit).then(difference.abs().max()).alias("max_abs_difference"),
            pl.col("sigmas").abs().max().alias("max_sigmas"),
        )
        counts = [
            frame.group_by("metric").agg(pl.len().cast(pl.Int64).alias(name))
            for name, frame in (("only_in_a", self.only_in_a), ("only_in_b", self.only_in_b))
        ]
        whole = reduce(lambda x, y: x.join(y, on="metric", how="full", coalesce=True), counts, matched)
        return (
            whole.with_columns(pl.col("matched", "changed", "only_in_a", "only_in_b").fill_null(0))
            .select(
                "metric",
                "unit",
                "matched",
                "changed",
                "only_in_a",
                "only_in_b",
                "median_difference",
                "median_abs_difference",
                "max_abs_difference",
                "max_sigmas",
            )
            .sort("metric")
        )

    def movers(self, n: int = 10, *, metric: str | None = None, by: str = "difference") -> pl.DataFrame:
        """Give the pairs of each metric that differ most.

        Parameters
        ----------
        n
            How many of each metric.
        metric
            Only this one.
        by
            What is large: ``difference``, ``relative`` or ``sigmas``.

        Returns
        -------
        polars.DataFrame
            Changed rows of ``matched``, by metric and falling magnitude; those without come last.

        Raises
        ------
        MeasurementError
            If there is no such measure.
        """
        if by not in MEASURES:
            raise MeasurementError(f"Movement is not measured by {by!r}.{nearest(by, MEASURES)}")
        frame = self.matched.filter(pl.col("changed"))
        if metric is not None:
            frame = frame.filter(pl.col("metric") == metric)
        return (
            frame.with_columns(pl.col(by).abs().alias("_size"))
            .sort("metric", "_size", descending=[False, True], nulls_last=True, maintain_order=True)
            .group_by("metric", maintain_order=True)
            .head(n)
            .drop("_size")
        )


def compare(a: Rows, b: Rows, *, rtol: float = 0.0) -> Comparison:
    """Pair the measurements of two runs and take their differences.

    Parameters
    ----------
    a, b
        Measurements in the schema of `gnomon.measurements.rows`; ``metric``, ``value`` and ``unit`` at least.
        They are paired by metric and data ID, implied dimensions aside.
    rtol
        The largest relative difference that does not count as a change.

    Returns
    -------
    Comparison
        Pairs, what has no partner, and units that do not fit. A NaN or null in both is no change, one on one
        side only is.

    Raises
    ------
    SchemaError
        If either is no table of measurements.
    MeasurementError
        If ``rtol`` is negative or NaN.
    """
    if not rtol >= 0:
        raise MeasurementError(f"A tolerance is 0 or more, not {rtol!r}.")
    all_a, all_b = with_code(*(with_key(to_frame(rows, READ)) for rows in (a, b)))
    left, right = (newest(rows, [CODE]) for rows in (all_a, all_b))
    # One join finds the pairs and what has no partner on either side.
    place = _partners(left[CODE], right[CODE])
    partner = right.select("value", "uncertainty", "unit")[place.fill_null(0)] if len(right) else right
    both = place.is_not_null()
    alone = ("metric", *_ID, "value", "uncertainty", "unit")
    pairs = pl.concat(
        [
            left.filter(both).rename({"value": "value_a", "uncertainty": "uncertainty_a"}),
            partner.select(
                pl.col(name).alias(f"{name}_b") for name in ("value", "uncertainty", "unit")
            ).filter(both if len(right) else pl.lit(value=True)),
        ],
        how="horizontal",
    )
    matched, conflicts = _in_one_unit(pairs)
    found = pl.Series(np.bincount(place.drop_nulls().to_numpy(), minlength=len(right)) > 0)
    return Comparison(
        matched=_differences(matched, rtol),
        only_in_a=left.filter(~both).select(alone),
        only_in_b=right.filter(~found).select(alone),
        unit_conflicts=conflicts,
        repeated_a=len(all_a) - len(left),
        repeated_b=len(all_b) - len(right),
    )


def _partners(left: pl.Series, right: pl.Series) -> pl.Series:
    """Give for each row of a the number of the row of b that is its partner, or null."""
    numbered = right.to_frame().with_row_index("_place")
    return left.to_frame().join(numbered, on=CODE, how="left", maintain_order="left")["_place"]


def _in_one_unit(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bring b's values into a's units; where that cannot be, mark the pair and report it."""
    matched = into_first_unit(pairs)
    conflicts = (
        matched.filter(pl.col(CONFLICT))
        .group_by("metric", pl.col("unit").alias("unit_a"), "unit_b")
        .agg(pl.len().cast(pl.Int64).alias("n"))
        .sort("metric", "unit_a", "unit_b")
    )
    return matched, conflicts


def _differences(matched: pl.DataFrame, rtol: float) -> pl.DataFrame:
    a, b = pl.col("value_a"), pl.col("value_b")
    usable = a.is_finite() & b.is_finite() & ~pl.col(CONFLICT)
    difference = pl.when(usable).then(b - a)
    relative = pl.when(usable & (a != 0)).then((b - a) / a.abs())
    spread = (pl.col("uncertainty_a") ** 2 + pl.col("uncertainty_b") ** 2).sqrt()
    sigmas = pl.when(usable & spread.is_finite() & (spread > 0)).then((b - a) / spread)
    # Polars takes NaN for equal to NaN, which is what a comparison of runs means too.
    same = a.eq_missing(b) | (difference.abs() <= rtol * a.abs()).fill_null(value=False)
    return matched.with_columns(
        difference.alias("difference"),
        relative.alias("relative"),
        sigmas.alias("sigmas"),
        (~same | pl.col(CONFLICT)).alias("changed"),
    ).select("metric", *_ID, *_VALUES, "unit", *MEASURES, "changed")
