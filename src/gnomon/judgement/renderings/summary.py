"""What all renderings say first: how many verdicts there are, and why some could not be given."""

from collections.abc import Mapping

import polars as pl

__all__ = ["causes", "count_words"]

_PLURAL = {
    "pass": "passed",
    "fail": "failed",
    "not applicable": "not applicable",
    "not measured": "not measured",
}


def count_words(counts: Mapping[str, int]) -> str:
    """Sum up in a line.

    Parameters
    ----------
    counts
        How many verdicts there are of each kind.

    Returns
    -------
    str
        Such as ``1 failed, 20 passed, 1,700 not applicable, 0 not measured``.
    """
    order = ("fail", "pass", "not applicable", "not measured")
    return ", ".join(f"{counts.get(verdict, 0):,} {_PLURAL[verdict]}" for verdict in order)


def causes(lines: pl.DataFrame) -> pl.DataFrame:
    """Sum up what was not judged.

    Parameters
    ----------
    lines
        The lines of a report.

    Returns
    -------
    polars.DataFrame
        ``verdict``, ``cause``, ``n`` (how many lines), and of the first of them ``specification`` and
        ``reason``; the most frequent first.
    """
    return (
        lines.filter(pl.col("cause").is_not_null())
        .group_by(pl.col("verdict").cast(pl.String), "cause", maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.col("specification", "reason").first())
        .sort("n", "verdict", "cause", descending=[True, False, False])
    )
