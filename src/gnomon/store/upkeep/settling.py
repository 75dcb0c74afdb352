"""Which rows of a table hold, and which are history: the law by which answers and maintenance agree."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from gnomon.measurements import other_dimensions
from gnomon.measurements.rows import NO_METRIC, OTHER_DIMENSIONS, SCHEMA
from gnomon.store.layout import bundles
from gnomon.store.layout.keys import KEY, newest
from gnomon.store.layout.removals import Removals
from gnomon.store.layout.schema import RECORDED_AT, SUPERSEDED_AT

__all__ = ["Settled", "settle", "settle_bundles", "without_repetitions"]


class Settled(NamedTuple):
    """Rows divided.

    Attributes
    ----------
    current
        Those that hold.
    superseded
        Those that do not, with the moment since when.
    """

    current: pl.DataFrame
    superseded: pl.DataFrame


def settle(rows: pl.DataFrame, removals: Removals | None) -> Settled:
    """Divide measurements into those that hold and those that do not.

    Parameters
    ----------
    rows
        In the stored schema: all rows of each key that is among them.
    removals
        What was removed.

    Returns
    -------
    Settled
        What says the same as what came in before it for the same key is in neither. A row that was measured
        before the one that holds is superseded since that one came in, or since it came in itself if that was
        later.
    """
    current, gone = _without_removed(rows, removals)
    parts = [gone]
    if current.select(KEY).is_duplicated().any():
        current = without_repetitions(current)
        numbered = current.with_row_index("_row")
        held = newest(numbered, KEY)
        if len(held) < len(current):
            beaten = numbered.join(
                held.select(*KEY, pl.col(RECORDED_AT).alias("_since"), pl.col("_row").alias("_held")),
                on=KEY,
                how="left",
            ).filter(pl.col("_row") != pl.col("_held"))
            since = pl.max_horizontal(RECORDED_AT, "_since").alias(SUPERSEDED_AT)
            parts.append(beaten.with_columns(since).select(rows.columns))
            current = held.drop("_row")
    return Settled(current.select(rows.columns), pl.concat(parts))


def settle_bundles(datasets: pl.DataFrame, removals: Removals | None) -> Settled:
    """Divide rows of bundles into those that hold and those that do not.

    Parameters
    ----------
    datasets
        What `gnomon.store.layout.bundles.fold` gave: all rows of each dataset that is among them.
    removals
        What was removed.

    Returns
    -------
    Settled
        As `settle` does it, by measurement. Only datasets that have several rows are taken apart.
    """
    current, gone = _without_removed(datasets, removals)
    several = current["dataset_id"].is_duplicated()
    if not several.any():
        return Settled(current, gone)
    rivals = current.filter(several)
    measured = settle(bundles.unfold(rivals, bundles.metric_columns(rivals.columns)), None)
    # A row without any measurement says only that the dataset exists, which one row says enough.
    silent = rivals.filter(
        pl.all_horizontal(pl.col(column.name).is_null() for column in bundles.metric_columns(rivals.columns))
        & pl.col(bundles.WITHOUT_VALUE).is_null()
    ).unique("dataset_id", keep="first", maintain_order=True)
    silent = silent.join(measured.current.select("dataset_id").unique(), on="dataset_id", how="anti")
    parts = [current.filter(~several), _folded(measured.current, datasets), silent]
    return Settled(
        pl.concat([part for part in parts if len(part)] or [current.clear()]),
        pl.concat([gone, _folded(measured.superseded, datasets)]),
    )


def without_repetitions(rows: pl.DataFrame, *, also: Sequence[str] = ()) -> pl.DataFrame:
    """Leave out what says the same as what came in before it; not what came back after something else.

    Parameters
    ----------
    rows
        In the stored schema.
    also
        Further columns in which a repetition must agree.

    Returns
    -------
    polars.DataFrame
        By key, in the order in which they came in.
    """
    text = rows.with_columns(other_dimensions.as_text().alias(OTHER_DIMENSIONS))
    order = text.select(pl.arg_sort_by(*KEY, RECORDED_AT)).to_series()
    again = text[order].select(
        pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in (*SCHEMA.names, *also))
        & (pl.int_range(pl.len()) > 0)
    )
    return rows[order].filter(~again.to_series())


def _folded(rows: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    if rows.is_empty():
        return like.clear()
    folded = bundles.fold(rows.filter(pl.col("metric") != NO_METRIC))
    return folded.select(
        pl.col(name) if name in folded.columns else pl.lit(None, kind).alias(name)
        for name, kind in like.schema.items()
    )


def _without_removed(rows: pl.DataFrame, removals: Removals | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    if removals is None:
        return rows, rows.clear()
    moments = removals.moments(rows).alias(SUPERSEDED_AT)
    there = moments.is_null()
    return rows.filter(there), rows.with_columns(moments).filter(~there)
