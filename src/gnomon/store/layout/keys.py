"""What tells one measurement from another, and which of several with the same key holds."""

from collections.abc import Sequence

import polars as pl

from gnomon.store.layout.schema import RECORDED_AT

__all__ = ["KEY", "newest"]

KEY = ("dataset_id", "metric")
"""The columns of which no two rows of an answer share the values."""


def newest(frame: pl.DataFrame, by: Sequence[str] | Sequence[pl.Expr]) -> pl.DataFrame:
    """Keep, of rows that are alike, the one that was measured last.

    Parameters
    ----------
    frame
        Rows with ``measured_at`` and ``recorded_at``.
    by
        In what they are alike.

    Returns
    -------
    polars.DataFrame
        At most one row of each kind; of those measured at the same time the one that was recorded last. One
        without a time gives way to one with a time.
    """
    # Most tables have each dataset once, which is quick to see.
    if by == KEY and frame["dataset_id"].n_unique() == len(frame):
        return frame
    alike = frame.select(by).is_duplicated()
    if not alike.any():
        return frame
    rivals = frame.filter(alike).sort("measured_at", RECORDED_AT, nulls_last=False, maintain_order=True)
    last = (
        rivals.select(*by)
        .with_row_index("_row")
        .group_by(pl.exclude("_row"))
        .agg(pl.col("_row").max())["_row"]
    )
    return pl.concat([frame.filter(~alike), rivals[last.sort()]])
