"""How measurements of two runs find each other: by metric and data ID, in one unit."""

from collections.abc import Sequence

import astropy.units as u
import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.dataids import required
from gnomon.definitions import parse_unit
from gnomon.definitions.units import convert
from gnomon.errors import DefinitionError
from gnomon.measurements import other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = ["CODE", "CONFLICT", "KEY", "into_first_unit", "newest", "with_code", "with_key"]

_OTHERS = "_others"
_MOST = 2**62
CODE = "_code"
"""The column with a number for the key."""
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


def with_code(a: pl.DataFrame, b: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add one number that stands for the key, since a join on one column is many times quicker than on ten.

    Parameters
    ----------
    a, b
        What `with_key` gave.

    Returns
    -------
    tuple of polars.DataFrame
        The same rows with the column `CODE`: the same number where all columns of `KEY` are the same, in
        either frame, and only there.
    """
    both = pl.concat([a.select(KEY), b.select(KEY)])
    code, size = pl.zeros(len(both), pl.Int64, eager=True), 1
    for name in KEY:
        numbers, count = _numbered(both[name])
        if count == 1:
            continue
        if size * count > _MOST:
            code, size = _dense(code)
        if size * count > _MOST:
            numbers, count = _dense(numbers)
        code, size = code * count + numbers, size * count
    code = code.alias(CODE)
    return a.with_columns(code.head(len(a))), b.with_columns(code.tail(len(b)))


def _numbered(column: pl.Series) -> tuple[pl.Series, int]:
    """Give a number from 0 on for each value, the same for the same, and how many numbers there can be."""
    if column.null_count() == len(column):
        return column, 1
    if column.dtype == pl.String:
        names = column.unique().drop_nulls()
        if len(names) == 1 and not column.null_count():
            return column, 1
        column = column.cast(pl.Enum(names)).to_physical().cast(pl.Int64)
        least, most = 0, len(names) - 1
    else:
        least, most = column.min(), column.max()  # type: ignore[assignment]  # of integers
        if most - least >= _MOST:
            column, count = _dense(column)
            least, most = 0, count - 1
    if not column.null_count():
        return column - least, most - least + 1
    return (column - least + 1).fill_null(0), most - least + 2


def _dense(column: pl.Series) -> tuple[pl.Series, int]:
    ranks = column.rank("dense").cast(pl.Int64) - 1
    return ranks, int(ranks.max() or 0) + 1  # type: ignore[arg-type]  # of integers


def newest(keyed: pl.DataFrame, by: Sequence[str] = KEY) -> pl.DataFrame:
    """Keep the newest row of each key.

    Parameters
    ----------
    keyed
        What `with_key` gave, with ``measured_at``.
    by
        What identifies a row: the columns of the key, or the number that stands for it.

    Returns
    -------
    polars.DataFrame
        One row a key; of rows of the same moment the last.
    """
    if keyed.select(by).n_unique() == len(keyed):
        return keyed
    return keyed.sort("measured_at", nulls_last=False, maintain_order=True).unique(
        subset=by, keep="last", maintain_order=True
    )


def into_first_unit(pairs: pl.DataFrame) -> pl.DataFrame:
    """Bring the second values of pairs into the units of the first.

    Parameters
    ----------
    pairs
        With ``unit``, and ``value_b`` in ``unit_b``; perhaps ``uncertainty_b``.

    Returns
    -------
    polars.DataFrame
        The same rows with ``value_b`` and ``uncertainty_b`` in ``unit``, and `CONFLICT`: true where that
        cannot be, so that they are still in ``unit_b``.
    """
    mixed = pairs.filter(pl.col("unit") != pl.col("unit_b"))
    units = mixed.select("unit", "unit_b").unique(maintain_order=True)
    columns = [name for name in ("value_b", "uncertainty_b") if name in pairs.columns]
    converted: dict[str, pl.Expr] = {name: pl.col(name) for name in columns}
    conflict = pl.lit(value=False)
    for unit_a, unit_b in units.iter_rows():
        here = (pl.col("unit") == unit_a) & (pl.col("unit_b") == unit_b)
        try:
            into_a = _converted(mixed.filter(here), list(converted), parse_unit(unit_b), parse_unit(unit_a))
        except (u.UnitsError, DefinitionError):
            conflict = conflict | here
            continue
        # A lookup by position keeps units that do not convert by a mere factor, magnitudes for one, exact.
        place = here.cum_sum().cast(pl.Int64) - 1
        for name, values in into_a.items():
            values_in_a = pl.lit(pl.Series(values)).gather(place.clip(lower_bound=0))
            there = here & pl.col(name).is_not_null()
            converted[name] = pl.when(there).then(values_in_a).otherwise(converted[name])
    return pairs.with_columns(
        *(values.alias(name) for name, values in converted.items()),
        conflict.fill_null(value=False).alias(CONFLICT),
    )


def _converted(
    rows: pl.DataFrame, names: Sequence[str], unit: u.UnitBase, target: u.UnitBase
) -> dict[str, npt.NDArray[np.float64]]:
    given = {name: rows[name].fill_null(float("nan")).to_numpy() for name in names}
    value = given["value_b"]
    found = {"value_b": convert(value, unit, target)}
    if "uncertainty_b" in given:
        one, two, three = convert([1.0, 2.0, 3.0], unit, target)
        if np.isclose(three - two, two - one, rtol=1e-12, atol=0.0):
            found["uncertainty_b"] = given["uncertainty_b"] * abs(two - one)
        else:  # between a logarithm and its argument, say; to first order
            with np.errstate(invalid="ignore", divide="ignore"):
                above, below = (
                    convert(value + sign * given["uncertainty_b"], unit, target) for sign in (1, -1)
                )
            found["uncertainty_b"] = np.abs(above - below) / 2
    return found
