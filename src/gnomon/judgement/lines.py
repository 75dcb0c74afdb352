"""The lines of a report: verdicts as texts, sorted by specification."""

from collections.abc import Mapping

import polars as pl

from gnomon.judgement.verdicts import Verdicts
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["SYMBOLS", "report_lines"]

SYMBOLS: Mapping[str, str] = {
    "pass": "✅",
    "fail": "❌",
    "not measured": "➖",  # noqa: RUF001  # the established sign
    "not applicable": "⬜",
}
"""What stands for each verdict."""

# The names of these say what they are by themselves.
_BARE = ("instrument", "skymap")


def report_lines(verdicts: Verdicts, metric_tags: Mapping[str, list[str]]) -> pl.DataFrame:
    """Write verdicts as texts.

    Parameters
    ----------
    verdicts
        The verdicts.
    metric_tags
        The tags of each metric that is known.

    Returns
    -------
    polars.DataFrame
        The columns of `Verdicts.table`, and as strings without nulls ``status`` (a symbol), ``measurement``,
        ``spec_tags``, ``metric_tags`` (``N/A`` where the metric is not known) and ``data_id`` (empty where
        there is none). Sorted by specification; its measurements are in the order in which they were given.
    """
    known = pl.DataFrame(
        {"metric": list(metric_tags), "metric_tags": [", ".join(tags) for tags in metric_tags.values()]},
        schema={"metric": pl.String, "metric_tags": pl.String},
    )
    return (
        verdicts.table.join(known, on="metric", how="left", maintain_order="left")
        .with_columns(
            pl.col("verdict").cast(pl.String).replace_strict(SYMBOLS, return_dtype=pl.String).alias("status"),
            pl.col("measured").fill_null("").alias("measurement"),
            pl.col("tags").list.join(", ").alias("spec_tags"),
            pl.col("metric_tags").fill_null("N/A"),
            _data_id().alias("data_id"),
        )
        .sort("specification", maintain_order=True)
    )


def _data_id() -> pl.Expr:
    """Write data IDs as `gnomon.dataids.format` does."""
    parts = [
        pl.col(name).cast(pl.String) if name in _BARE else pl.format(f"{name}={{}}", name)
        for name in DATA_ID_COLUMNS
    ]
    key, value = (pl.element().struct.field(name) for name in ("key", "value"))
    others = pl.col(OTHER_DIMENSIONS).cast(ENTRIES).list.eval(key + "=" + value).list.sort().list.join(" ")
    others = pl.when(others != "").then(others)
    return pl.concat_str([*parts, others], separator=" ", ignore_nulls=True).fill_null("")
