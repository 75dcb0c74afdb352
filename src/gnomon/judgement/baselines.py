"""The earlier value of each measurement, for specifications that are relative to one."""

import polars as pl

from gnomon.judgement.frames import Rows, to_frame
from gnomon.judgement.pairing import CONFLICT, KEY, into_first_unit, newest, with_key
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["baselines"]

_READ = ("metric", "value", "unit", "measured_at", *DATA_ID_COLUMNS, OTHER_DIMENSIONS)


def baselines(frame: pl.DataFrame, earlier: Rows | None) -> pl.DataFrame:
    """Find what each measurement was in an earlier run.

    Parameters
    ----------
    frame
        The measurements.
    earlier
        Those of the earlier run; `None` if there is none. Of several of one metric and data ID the newest
        holds.

    Returns
    -------
    polars.DataFrame
        ``baseline``, in the unit of the measurement and null where there is none, and ``problem``: why there
        is none. One row for each of the measurements, in the same order.

    Raises
    ------
    SchemaError
        If ``earlier`` is no table of measurements.
    """
    if earlier is None:
        nothing = pl.repeat(None, len(frame), dtype=pl.Float64, eager=True)
        problem = pl.repeat("no baseline is given", len(frame), dtype=pl.String, eager=True)
        return pl.DataFrame({"problem": problem, "baseline": nothing})
    before = newest(with_key(to_frame(earlier, _READ))).select(
        *KEY,
        pl.col("value").alias("value_b"),
        pl.col("unit").alias("unit_b"),
        pl.lit(value=True).alias("_found"),
    )
    pairs = with_key(frame.select("metric", "value", "unit", *DATA_ID_COLUMNS, OTHER_DIMENSIONS)).join(
        before, on=KEY, how="left", nulls_equal=True, maintain_order="left"
    )
    units = pl.col("unit_b").replace("", "no unit"), pl.col("unit").replace("", "no unit")
    why = (
        pl.when(pl.col("_found").is_null())
        .then(pl.lit("the baseline has no measurement of this metric and data ID"))
        .when(pl.col("value_b").is_null() | pl.col("value_b").is_nan())
        .then(pl.lit("its baseline has no value"))
        .when(CONFLICT)
        .then(pl.format("its baseline is in {}, which does not convert into {}", *units))
    )
    return into_first_unit(pairs).select(
        why.alias("problem"), pl.when(why.is_null()).then("value_b").alias("baseline")
    )
