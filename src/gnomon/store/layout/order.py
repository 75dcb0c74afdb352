"""The order of an answer."""

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["IMPLIED", "ORDER", "in_order"]

IMPLIED = frozenset({"day_obs", "physical_filter", "band", "group"})
"""Columns of a data ID that mostly follow from others."""

ORDER = (
    "metric",
    "obs_begin",
    *(name for name in DATA_ID_COLUMNS if name not in IMPLIED),
    *(name for name in DATA_ID_COLUMNS if name in IMPLIED),
    "run",
    "dataset_type",
    "dataset_id",
)
"""The columns by which measurements are sorted, in answers and in the files that maintenance writes.

Dimensions that others imply come after them, where they seldom decide anything.
"""


def in_order(frame: pl.DataFrame, *, is_settled: bool = False) -> pl.DataFrame:
    """Sort measurements by metric, time of observation and data ID.

    Parameters
    ----------
    frame
        Rows with columns of `ORDER`; what it does not have does not matter.
    is_settled
        Whether they are of one table that maintenance has written: what takes longest to compare, texts
        beside the metric, is in order where the numbers are.

    Returns
    -------
    polars.DataFrame
        The rows in order, null before all else. What is in order already, as maintenance leaves it, is not
        sorted again, which would take longer than to read it.
    """
    names = [name for name in ORDER if name in frame.columns and frame[name].null_count() < len(frame)]
    if len(frame) < 2 or not names or _is_sorted(frame, names, is_settled=is_settled):
        return frame
    return frame.sort(names, maintain_order=True)


def _is_sorted(frame: pl.DataFrame, names: list[str], *, is_settled: bool) -> bool:
    """Say whether each row is known to come after the one before, by the column in which they differ."""
    undecided: npt.NDArray[np.bool_] | None = None
    for name in names:
        column = frame[name]
        if is_settled and column.dtype in (pl.String, pl.Binary) and name != "metric":
            continue
        if column.is_sorted() and column[0] == column[-1] and not column.null_count():
            continue  # the same in all rows
        if column.dtype.is_numeric() or column.dtype == pl.Datetime:
            if column.null_count():
                return False
            values = column.to_physical().to_numpy()
            falls, same = values[1:] < values[:-1], values[1:] == values[:-1]
        elif undecided is None and column.is_sorted():
            falls = np.zeros(len(column) - 1, dtype=np.bool_)
            runs = column.rle_id().to_numpy()
            same = runs[1:] == runs[:-1]
        elif undecided is not None and not column.null_count():
            rows = np.flatnonzero(undecided)
            before, after = column.gather(rows), column.gather(rows + 1)
            falls, same = np.zeros_like(undecided), np.zeros_like(undecided)
            falls[rows], same[rows] = (before > after).to_numpy(), (before == after).to_numpy()
        else:
            return False
        if (falls if undecided is None else falls & undecided).any():
            return False
        undecided = same if undecided is None else undecided & same
        if not undecided.any():
            return True
    return True
