"""Runs of observations: a condition that has to hold for several, one after the other.

Consecutive are observations of one instrument, night and filter in the order of time, as far as the rule
looks at them. If the condition holds at enough of them in a row, all of that row are marked, the first one
too. An observation at which the condition is unknown, or of which the store knows and nothing was measured,
ends a row.
"""

import numpy as np
import polars as pl

from gnomon.curation.rules.comparing import group_numbers
from gnomon.curation.rules.measured import Shaped
from gnomon.curation.rules.rule import Rule
from gnomon.errors import DefinitionError

__all__ = ["hold_for_long"]

_GROUP, _MEASURED, _ROW = "_group", "_measured", "_row"


def hold_for_long(rule: Rule, part: Shaped, holds: pl.Series, observations: pl.DataFrame | None) -> pl.Series:
    """Say where a condition holds for as many observations as a rule wants, one after the other.

    Parameters
    ----------
    rule
        The rule.
    part
        What it looks at.
    holds
        Whether the condition holds, for each row; null where it is unknown.
    observations
        Which observations there were that the rule would look at, in the schema of
        `gnomon.measurements.observations`; `None` if only the measured ones are known.

    Returns
    -------
    polars.Series
        True for every row of those that are long enough, and null where ``holds`` is.

    Raises
    ------
    DefinitionError
        If what is judged has no observations that could follow one another.
    """
    element = rule.run_of or "visit"
    if element not in part.key:
        about = "-".join(part.key) or "the whole repository"
        raise DefinitionError(
            f"The rule {rule.name} looks for consecutive {element}s, but its metrics are measured of {about}."
        )
    options = rule.consecutive
    within = [n for n in options.within if n != element]
    within += [n for n in part.key if n != element and n not in within]
    within = [n for n in within if part.frame[n].null_count() < len(part.frame)]
    columns = [*within, element, "obs_begin", "obs_end"]
    rows = part.frame.select(columns).with_columns(
        holds.alias("holds"), pl.int_range(pl.len()).alias(_ROW), pl.lit(value=True).alias(_MEASURED)
    )
    if observations is not None and rows["obs_begin"].null_count():
        rows = _with_times(rows, observations, element)
    if options.unmeasured == "skipped":
        rows = rows.filter(pl.col("holds").is_not_null())
    elif observations is not None:
        rows = pl.concat([rows, _unmeasured(rows, observations, within, element)])
    rows = rows.with_columns(
        group_numbers(rows, within).alias(_GROUP), pl.col("holds").fill_null(value=False)
    )
    rows = _in_time(rows, element, [name for name in within if name == "instrument"])
    before = pl.col("obs_end").fill_null(pl.col("obs_begin")).shift(1)
    breaks = (pl.col(_GROUP) != pl.col(_GROUP).shift(1)) | (pl.col("holds") != pl.col("holds").shift(1))
    if options.gap_us is not None:
        too_late = pl.col("obs_begin") - before > pl.duration(microseconds=options.gap_us)
        breaks |= too_late.fill_null(value=False)
    runs = rows.with_columns(breaks.fill_null(value=True).cum_sum().alias("run"))
    numbers = runs["run"].to_numpy()
    long = (np.bincount(numbers)[numbers] >= rule.run_length) & runs["holds"].to_numpy()
    measured = runs[_MEASURED].to_numpy()
    found = np.zeros(len(holds), dtype=np.bool_)
    found[runs[_ROW].filter(runs[_MEASURED]).to_numpy()] = long[measured]
    return pl.select(pl.when(holds.is_not_null()).then(pl.Series(found)).alias(holds.name)).to_series()


def _with_times(rows: pl.DataFrame, observations: pl.DataFrame, element: str) -> pl.DataFrame:
    """Fill in when the observations were, where the measurements do not say."""
    times = observations.filter(pl.col("element") == element).select(
        "instrument",
        pl.col("id").alias(element),
        *(pl.col(n).alias(f"_{n}") for n in ("obs_begin", "obs_end")),
    )
    keys = [name for name in ("instrument", element) if name in rows.columns]
    joined = rows.join(times.unique(keys), on=keys, how="left", maintain_order="left")
    filled = [pl.coalesce(name, f"_{name}").alias(name) for name in ("obs_begin", "obs_end")]
    return joined.with_columns(filled).select(rows.columns)


def _in_time(rows: pl.DataFrame, element: str, instrument: list[str]) -> pl.DataFrame:
    """Sort by group and time; there are far fewer observations than rows, so these are put in order first."""
    order = (
        rows.group_by(*instrument, element)
        .agg(pl.col("obs_begin").min())
        .sort("obs_begin", element, nulls_last=True)
        .with_row_index("_order")
    )
    placed = rows.join(order.drop("obs_begin"), on=[*instrument, element], how="left", nulls_equal=True)
    return placed.sort(pl.col(_GROUP) * len(order) + pl.col("_order").cast(pl.Int64))


def _unmeasured(
    rows: pl.DataFrame, observations: pl.DataFrame, within: list[str], element: str
) -> pl.DataFrame:
    """Give the observations between those that were measured, of which nothing is known."""
    there = observations.filter(pl.col("element") == element).rename({"id": element})
    there = there.select(
        *(name for name in (*within, element, "obs_begin", "obs_end") if name in there.columns)
    )
    shared = [name for name in within if name in there.columns]
    expected = rows.select(within).unique().join(there, on=shared, how="inner", nulls_equal=True)
    missing = expected.join(rows, on=[*within, element], how="anti", nulls_equal=True)
    return missing.select(
        *within,
        element,
        "obs_begin",
        "obs_end",
        pl.lit(None, pl.Boolean).alias("holds"),
        pl.lit(None, pl.Int64).alias(_ROW),
        pl.lit(value=False).alias(_MEASURED),
    ).cast(rows.schema)
