"""What ever came into the store, and until when it held."""

from collections.abc import Sequence

import polars as pl

from gnomon.measurements.rows import NO_METRIC, SCHEMA
from gnomon.store.layout import bundles
from gnomon.store.layout.keys import KEY
from gnomon.store.layout.schema import (
    CURRENT_STATES,
    RECORDED_AT,
    SOURCE,
    STORED_SCHEMA,
    SUPERSEDED,
    TableName,
)
from gnomon.store.layout.tables import Snapshot, collect
from gnomon.store.questions.query import Query
from gnomon.store.upkeep.settling import without_repetitions

__all__ = ["HELD_UNTIL", "REASON", "SUPERSEDED_REASON", "rows_that_came_in", "with_ends"]

HELD_UNTIL = "held_until"
"""The column that says until when a row held, TAI; null if it still does."""

REASON = "reason"
"""The column that says why it holds no more: `SUPERSEDED_REASON`, or what was given for its removal."""

SUPERSEDED_REASON = "superseded"

_EMPTY = pl.DataFrame(STORED_SCHEMA.empty_table())
_REMOVED_AT, _BECAUSE = "_removed_at", "_removed_because"


def rows_that_came_in(
    snapshot: Snapshot | None,
    name: TableName,
    query: Query,
    *,
    dataset_types: Sequence[str],
    dataset_ids: Sequence[bytes] | None,
    buffered: pl.DataFrame | None,
) -> pl.DataFrame:
    """Give all rows of a table that a question is about, whether or not they hold.

    Parameters
    ----------
    snapshot
        The table; `None` if all its rows are in the buffer still.
    name
        Its name.
    query
        The question, of which the metrics, the collections and what ``where`` says of data IDs count here.
    dataset_types
        Those of its dataset types that can matter.
    dataset_ids
        Only of these datasets; `None` is all.
    buffered
        Rows of this table that are in the buffer, in the stored schema.

    Returns
    -------
    polars.DataFrame
        In the stored schema, in no order. All rows of each key that is among them.
    """
    pushed = query.pushed(name.dimensions)
    parts = []
    if snapshot is not None:
        frame = snapshot.scan((*CURRENT_STATES, SUPERSEDED))
        frame = frame.filter(pl.col("dataset_type").is_in(list(dataset_types)), *pushed)
        if dataset_ids is not None:
            frame = frame.filter(pl.col("dataset_id").is_in(pl.Series([*dataset_ids], dtype=pl.Binary)))
        if name.is_bundle:
            columns = bundles.metric_columns(snapshot.columns)
            if query.metrics is not None:
                columns = [column for column in columns if column.metric in frozenset(query.metrics)]
            parts.append(bundles.unfold(collect(frame), columns))
        else:
            parts.append(collect(frame))
    if buffered is not None:
        rows = buffered.filter(pl.col("dataset_type").is_in(list(dataset_types)), *pushed)
        if dataset_ids is not None:
            rows = rows.filter(pl.col("dataset_id").is_in(pl.Series([*dataset_ids], dtype=pl.Binary)))
        parts.append(rows)
    whole = [
        part.select(
            pl.col(column) if column in part.columns else pl.lit(None, kind).alias(column)
            for column, kind in _EMPTY.schema.items()
        )
        for part in parts
    ]
    found = pl.concat(whole or [_EMPTY]).filter(pl.col("metric") != NO_METRIC)
    if query.metrics is not None:
        found = found.filter(pl.col("metric").is_in(list(query.metrics)))
    if query.path is not None:
        found = found.filter(query.path.rank(found).is_not_null())
    return found


def with_ends(rows: pl.DataFrame, removals: pl.DataFrame) -> pl.DataFrame:
    """Say until when each row held.

    Parameters
    ----------
    rows
        What `rows_that_came_in` gave.
    removals
        What was ever removed: ``dataset_id`` or ``run``, ``reason``, ``recorded_at``.

    Returns
    -------
    polars.DataFrame
        `gnomon.measurements.rows.SCHEMA`, then ``recorded_at``, ``source``, `HELD_UNTIL` and `REASON`. A row
        that repeats another one to the letter while that one was there is left out. One that came in when
        another one with a newer ``measured_at`` was there never held: it ends when it came in.
    """
    came = _first_removal(rows, removals)
    # What says the same as what came before it is no news, unless that was removed meanwhile.
    came = without_repetitions(came, also=[_REMOVED_AT]).sort(RECORDED_AT, maintain_order=True)
    came = came.with_row_index("_arrival")
    came = came.sort("measured_at", "_arrival", nulls_last=False).with_row_index("_order").sort("_arrival")
    # A row holds from when it comes in if it was measured last of all that came so far.
    alike = [*KEY, _REMOVED_AT]
    holds = came.select(pl.col("_order") == pl.col("_order").cum_max().over(alike)).to_series()
    held = came.filter(holds).with_columns(pl.col(RECORDED_AT).shift(-1).over(alike).alias(HELD_UNTIL))
    never = came.filter(~holds).with_columns(pl.col(RECORDED_AT).alias(HELD_UNTIL))
    return (
        pl.concat([held, never])
        .sort("_arrival")
        .with_columns(
            pl.when(pl.col(HELD_UNTIL).is_not_null())
            .then(pl.lit(SUPERSEDED_REASON))
            .otherwise(pl.col(_BECAUSE))
            .alias(REASON),
            pl.col(HELD_UNTIL).fill_null(pl.col(_REMOVED_AT)),
        )
        .select(*SCHEMA.names, RECORDED_AT, SOURCE, HELD_UNTIL, REASON)
    )


def _first_removal(rows: pl.DataFrame, removals: pl.DataFrame) -> pl.DataFrame:
    """Say when and why the dataset of each row was removed first after it had come in."""
    found = rows.sort(RECORDED_AT)
    for key in ("dataset_id", "run"):
        of_key = (
            removals.drop_nulls(key)
            .select(key, pl.col(RECORDED_AT).alias(f"_at_{key}"), pl.col("reason").alias(f"_because_{key}"))
            .sort(f"_at_{key}")
        )
        found = found.join_asof(
            of_key,
            left_on=RECORDED_AT,
            right_on=f"_at_{key}",
            by=key,
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
    by_run = (pl.col("_at_run") < pl.col("_at_dataset_id")).fill_null(pl.col("_at_dataset_id").is_null())
    return found.with_columns(
        pl.when(by_run).then("_at_run").otherwise("_at_dataset_id").alias(_REMOVED_AT),
        pl.when(by_run).then("_because_run").otherwise("_because_dataset_id").alias(_BECAUSE),
    ).drop("_at_run", "_at_dataset_id", "_because_run", "_because_dataset_id")
