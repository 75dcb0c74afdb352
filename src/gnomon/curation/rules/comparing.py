"""What a measurement is compared with: the trend of its group, and the nights before."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from gnomon.algorithms.grouped_trends import fit_trends
from gnomon.curation.rules import wording
from gnomon.curation.rules.parts import Baseline, TrendRemoval
from gnomon.curation.rules.rule import Rule

__all__ = ["group_numbers", "with_baseline", "without_trend"]

_QUARTILES_TO_SIGMA = 1.3489795003921634
"""Distance of the quartiles of a normal distribution in units of its standard deviation, 2 Φ⁻¹(3/4)."""

_NIGHT, _GROUP = "_night", "_group"


def group_numbers(frame: pl.DataFrame, within: Sequence[str]) -> pl.Series:
    """Give the groups of rows with the same values numbers; what is unknown is a value, too.

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
    told = [name for name in within if not _is_constant(frame[name])]
    if not told:
        return pl.Series(_GROUP, np.zeros(len(frame), dtype=np.int64))
    groups = frame.select(told).unique().with_row_index(_GROUP)
    joined = frame.select(told).join(groups, on=told, how="left", nulls_equal=True, maintain_order="left")
    return joined[_GROUP].cast(pl.Int64)


def _is_constant(values: pl.Series) -> bool:
    return values.null_count() == len(values) or bool((values == values[0]).all(ignore_nulls=False))


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
        pl.Series("residual", fit.residuals, nan_to_null=True),
        pl.Series("scatter", scatter, nan_to_null=True),
        pl.Series("deviation", deviation, nan_to_null=True),
    )


def with_baseline(frame: pl.DataFrame, rule: Rule, baseline: Baseline) -> pl.DataFrame:
    """Add a baseline's columns: median and scatter of the nights before, null where they have nothing."""
    column = rule.column_of(baseline.of)
    night = pl.col("day_obs").cast(pl.String).str.to_date("%Y%m%d", strict=False)
    dates = frame.select(pl.col("day_obs").unique()).with_columns(night.alias(_NIGHT))
    numbered = frame.with_columns(group_numbers(frame, baseline.within).alias(_GROUP))
    # Each night of each group is looked back from once, however much was measured in it.
    nightly = (
        numbered.select(_GROUP, "day_obs", column)
        .group_by(_GROUP, "day_obs")
        .agg(pl.col(column).drop_nulls())
        .join(dates, on="day_obs", how="inner")
        .drop_nulls(_NIGHT)
        .sort(_GROUP, _NIGHT)
    )
    windows = nightly.rolling(_NIGHT, period=f"{baseline.nights}d", closed="left", group_by=_GROUP).agg(
        pl.col(column).explode().drop_nulls()
    )
    lower, median, upper = (
        pl.col(column).list.eval(pl.element().quantile(q, interpolation="linear")).list.first()
        for q in (0.25, 0.5, 0.75)
    )
    # As of a trend: what scatter there is, one or two values do not tell.
    scatter = pl.when(pl.col(column).list.len() > 2).then((upper - lower) / _QUARTILES_TO_SIGMA)
    found = windows.with_columns(median.alias("baseline"), scatter.alias("baseline_scatter"))
    found = found.join(dates, on=_NIGHT).select(_GROUP, "day_obs", "baseline", "baseline_scatter")
    joined = numbered.join(found, on=[_GROUP, "day_obs"], how="left", maintain_order="left")
    deviation = (pl.col(column) - pl.col("baseline")) / pl.col("baseline_scatter")
    deviation = deviation.fill_nan(None)  # where nothing scatters and nothing deviates
    return joined.with_columns(deviation.alias("baseline_deviation")).drop(_GROUP)
