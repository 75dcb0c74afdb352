"""How measurements of two runs find each other: by metric and data ID, in one unit."""

import astropy.units as u
import polars as pl

from gnomon.dataids import required
from gnomon.definitions import parse_unit
from gnomon.definitions.units import convert
from gnomon.errors import DefinitionError
from gnomon.measurements import other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["CONFLICT", "KEY", "into_first_unit", "newest", "with_key"]

_OTHERS = "_others"
CONFLICT = "_conflict"
"""The column that says whether the units of a pair do not convert."""
KEY: tuple[str, ...] = ("metric", *(f"_{name}" for name in DATA_ID_COLUMNS), _OTHERS)
"""The columns by which rows are paired; nulls in them are equal to each other."""


def with_key(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that identify a row.

    Parameters
    ----------
    frame
        Rows with ``metric``, the columns of the data ID, and ``dimensions``.

    Returns
    -------
    polars.DataFrame
        The same rows, with the columns of `KEY`: dimensions that another one implies are null there.
    """
    # Which dimensions identify depends on which are there, and few combinations occur.
    there = sum(
        (pl.col(name).is_not_null().cast(pl.Int32) * (1 << i) for i, name in enumerate(DATA_ID_COLUMNS)),
        start=pl.lit(0, dtype=pl.Int32),
    )
    frame = frame.with_columns(there.alias("_there"), other_dimensions.as_text().alias(_OTHERS))
    identifying: dict[str, list[int]] = {name: [] for name in DATA_ID_COLUMNS}
    for mask in frame["_there"].unique():
        present = [name for i, name in enumerate(DATA_ID_COLUMNS) if mask >> i & 1]
        for name in required(present):
            identifying[name].append(mask)
    return frame.with_columns(
        pl.when(pl.col("_there").is_in(masks)).then(pl.col(name)).alias(f"_{name}")
        for name, masks in identifying.items()
    ).drop("_there")


def newest(keyed: pl.DataFrame) -> pl.DataFrame:
    """Keep the newest row of each key.

    Parameters
    ----------
    keyed
        What `with_key` gave, with ``measured_at``.

    Returns
    -------
    polars.DataFrame
        One row a key; of rows of the same moment the last.
    """
    return keyed.sort("measured_at", nulls_last=False, maintain_order=True).unique(
        subset=KEY, keep="last", maintain_order=True
    )


def into_first_unit(pairs: pl.DataFrame) -> pl.DataFrame:
    """Bring the second values of pairs into the units of the first.

    Parameters
    ----------
    pairs
        With ``unit``, and ``value_b`` in ``unit_b``.

    Returns
    -------
    polars.DataFrame
        The same rows with ``value_b`` in ``unit``, and `CONFLICT`: true where that cannot be, so that the
        value is still in ``unit_b``.
    """
    mixed = pairs.filter(pl.col("unit") != pl.col("unit_b"))
    units = mixed.select("unit", "unit_b").unique(maintain_order=True)
    converted = pl.col("value_b")
    conflict = pl.lit(value=False)
    for unit_a, unit_b in units.iter_rows():
        here = (pl.col("unit") == unit_a) & (pl.col("unit_b") == unit_b)
        try:
            values = mixed.filter(here)["value_b"].fill_null(float("nan")).to_numpy()
            into_a = convert(values, parse_unit(unit_b), parse_unit(unit_a))
        except (u.UnitsError, DefinitionError):
            conflict = conflict | here
            continue
        # A lookup by position keeps units that do not convert by a mere factor, magnitudes for one, exact.
        place = here.cum_sum().cast(pl.Int64) - 1
        values_in_a = pl.lit(pl.Series(into_a)).gather(place.clip(lower_bound=0))
        converted = pl.when(here & pl.col("value_b").is_not_null()).then(values_in_a).otherwise(converted)
    return pairs.with_columns(converted.alias("value_b"), conflict.fill_null(value=False).alias(CONFLICT))
