"""What a measurement is compared with: the trend of its group, and the nights before."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from gnomon.algorithms.grouped_trends import fit_trends
from gnomon.curation.rules import wording
from gnomon.curation.rules.rule import Baseline, Rule, TrendRemoval

__all__ = ["group_numbers", "with_baseline", "without_trend"]

_QUARTILES_TO_SIGMA = 1.3489795003921634
"""Distance of the quartiles of a normal distribution in units of its standard deviation, 2 Φ⁻¹(3/4)."""

_NIGHT, _GROUP = "_night", "_group"


def group_numbers(frame: pl.DataFrame, within: Sequence[str]) -> pl.Series:
    """Number the groups of rows with the same values, unknown ones among them.

    Parameters
    ----------
    frame
        The rows.
    within
        The columns; none is one group.

    Returns
    -------
    polars.Series
        Integers from 0.
    """
    told = [name for name in within if frame[name].null_count() < len(frame)]
    if not told:
        return pl.Series(_GROUP, np.zeros(len(frame), dtype=np.int64))
    groups = frame.select(told).unique(maintain_order=True).with_row_index(_GROUP)
    joined = frame.select(told).join(groups, on=told, how="left", nulls_equal=True, maintain_order="left")
    return joined[_GROUP].cast(pl.Int64)


def without_trend(frame: pl.DataFrame, rule: Rule, trend: TrendRemoval) -> pl.DataFrame:
    """Add a trend's columns: in each group, a robust line is taken off."""
    against = next(
        (column for column, use in rule.uses.items() if trend.against in (column, use.metric)),
        wording.column_of(trend.against, rule) or trend.against,
    )
    x = frame[against].cast(pl.Float64)
    groups = group_numbers(frame, trend.within).to_numpy()
    fit = fit_trends(
        x.fill_null(float("nan")).to_numpy(),
        frame[rule.column_of(trend.of)].fill_null(float("nan")).to_numpy(),
        groups,
    )
    scatter = fit.scatter[groups] if len(groups) else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = fit.residuals / scatter
    return frame.with_columns(
        x.alias("trend_value"),
        pl.Series("residual", fit.residuals),
        pl.Series("scatter", scatter),
        pl.Series("deviation", deviation),
    )


def with_baseline(frame: pl.DataFrame, rule: Rule, baseline: Baseline) -> pl.DataFrame:
    """Add a baseline's columns: median and scatter of the nights before, null where they have nothing."""
    column = rule.column_of(baseline.of)
    night = pl.col("day_obs").cast(pl.String).str.to_date("%Y%m%d", strict=False)
    numbered = frame.with_columns(
        night.alias(_NIGHT),
        group_numbers(frame, baseline.within).alias(_GROUP),
        pl.int_range(pl.len()).alias("_row"),
    )
    known = numbered.select("_row", _NIGHT, _GROUP, column).drop_nulls().sort(_GROUP, _NIGHT)
    window = f"{baseline.nights}d"
    value = pl.col(column)
    lower, upper = (
        value.rolling_quantile_by(_NIGHT, window, quantile=q, interpolation="linear", closed="left")
        for q in (0.25, 0.75)
    )
    median = value.rolling_median_by(_NIGHT, window, closed="left")
    found = known.select(
        "_row",
        median.over(_GROUP).alias("baseline"),
        ((upper - lower) / _QUARTILES_TO_SIGMA).over(_GROUP).alias("baseline_scatter"),
    )
    joined = numbered.join(found, on="_row", how="left", maintain_order="left")
    return joined.with_columns(
        ((value - pl.col("baseline")) / pl.col("baseline_scatter")).alias("baseline_deviation")
    ).drop("_row", _NIGHT, _GROUP)
