"""Measurements of bundles: a row a dataset with its metrics as columns, and back.

The name of a metric's column is its name and unit, ``demo.seeing@arcsec``: values in another unit have a
column of their own, so that nothing is converted and nothing is lost. What few measurements have stands in
further columns, which exist only where something is in them: ``demo.seeing@arcsec#uncertainty``, ``#count``,
``#extras``, and ``#measured_at`` for one that was not measured with the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from gnomon.measurements.rows import NO_METRIC
from gnomon.store.layout.escaping import escaped, unescaped
from gnomon.store.layout.schema import DATASET_COLUMNS, STORED_SCHEMA

__all__ = ["WITHOUT_VALUE", "MetricColumn", "fold", "metric_columns", "unfold"]

WITHOUT_VALUE = "without_value"
"""The column that lists the metrics of a dataset that were measured and have no value; mostly null."""

_SHARED = tuple(name for name in DATASET_COLUMNS if name != "measured_at")
_ROLES = ("uncertainty", "count", "measured_at", "extras")
_READABLE = "/*^"  # of what units have


class MetricColumn(NamedTuple):
    """What the name of a column says.

    Attributes
    ----------
    metric, unit
        What it holds.
    name
        The name of the column that has the values.
    """

    metric: str
    unit: str
    name: str

    @classmethod
    def of(cls, metric: str, unit: str) -> "MetricColumn":
        """Name the column of a metric in a unit."""
        return cls(metric, unit, f"{escaped(metric)}@{escaped(unit, safe=_READABLE)}")

    def part(self, role: str) -> str:
        """Name the column that has the uncertainties, counts, times or extras."""
        return f"{self.name}#{role}"


def metric_columns(names: Iterable[str]) -> list[MetricColumn]:
    """Find the columns of metrics among the columns of a table.

    Parameters
    ----------
    names
        Names of columns.

    Returns
    -------
    list of MetricColumn
        Those that hold values, in order.
    """
    found = []
    for name in names:
        metric, at, unit = name.partition("@")
        if at and "#" not in unit:
            found.append(MetricColumn(unescaped(metric), unescaped(unit), name))
    return found


def fold(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn rows of measurements into rows of datasets.

    Parameters
    ----------
    rows
        In the stored schema.

    Returns
    -------
    polars.DataFrame
        The columns that the measurements of a dataset share, the columns of the metrics, and
        `WITHOUT_VALUE`. A dataset has several rows where its measurements came in at several times, or do
        not agree in what they should share.
    """
    untimed = pl.col("measured_at").is_null()
    rows = rows.sort(pl.col("dataset_id"), "recorded_at", untimed, maintain_order=True)
    shared = [pl.col(name) for name in _SHARED]
    begins = pl.any_horizontal(
        *(column.ne_missing(column.shift()) for column in shared), untimed.ne_missing(untimed.shift())
    )
    rows = _with_columns(rows).with_columns(
        (begins | (pl.int_range(pl.len()) == 0)).cum_sum().cast(pl.Int64).alias("_row")
    )
    if rows.select("_row", "_column").is_duplicated().any():
        again = pl.int_range(pl.len()).over("_row", "_column")
        rows = rows.with_columns(pl.struct("_row", again.alias("_again")).rank("dense").alias("_row")).sort(
            "_row", maintain_order=True
        )
    place = (rows["_row"].rank("dense").cast(pl.Int64) - 1).to_numpy()
    datasets = rows.group_by("_row", maintain_order=True).agg(
        *(pl.col(name).first() for name in _SHARED), pl.col("measured_at").max()
    )
    datasets = datasets.select(DATASET_COLUMNS).with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_place")
    )
    measured = rows.with_columns(pl.Series("_place", place)).filter(pl.col("_column") != "")
    late = datasets["measured_at"].gather(measured["_place"])
    own = measured["measured_at"].ne_missing(late)
    measured = measured.with_columns(pl.when(own).then("measured_at").alias("measured_at"))
    datasets = _joined(datasets, measured, "value", "")
    for role in _ROLES:
        datasets = _joined(datasets, measured.filter(pl.col(role).is_not_null()), role, f"#{role}")
    empty = measured.filter(pl.col("value").is_null()).group_by("_place").agg(pl.col("_column").sort())
    lists = empty.rename({"_column": WITHOUT_VALUE})
    return datasets.join(lists, on="_place", how="left", maintain_order="left").drop("_place")


def _joined(datasets: pl.DataFrame, measured: pl.DataFrame, values: str, suffix: str) -> pl.DataFrame:
    """Join a column for each metric, null where a dataset has nothing of it."""
    if measured.is_empty():
        return datasets
    names = sorted(measured["_column"].unique())
    columns = measured.pivot("_column", index="_place", values=values, on_columns=names)
    columns = columns.rename({name: f"{name}{suffix}" for name in names})
    return datasets.join(columns, on="_place", how="left", maintain_order="left")


def _with_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """Say for each row in which column its value belongs."""
    pairs = rows.select("metric", "unit").unique()
    names = [
        "" if metric == NO_METRIC else MetricColumn.of(metric, unit).name
        for metric, unit in pairs.iter_rows()
    ]
    return rows.join(
        pairs.with_columns(pl.Series("_column", names, pl.String)),
        on=["metric", "unit"],
        how="left",
        maintain_order="left",
    )


def unfold(
    datasets: pl.DataFrame, wanted: Sequence[MetricColumn], *, also: Sequence[str] = ()
) -> pl.DataFrame:
    """Turn rows of datasets into rows of measurements.

    Parameters
    ----------
    datasets
        What `fold` gave, or some of its columns: whatever of the shared columns there is stays.
    wanted
        The metrics to take.
    also
        Further columns to keep.

    Returns
    -------
    polars.DataFrame
        The shared columns and those of a measurement, by metric and in order.
    """
    there = {name: datasets[name] for name in datasets.columns}
    shared = [name for name in there if name in DATASET_COLUMNS or name in also]
    columns = [column for column in wanted if column.name in there]
    if not columns:
        return (
            datasets.select(shared)
            .clear()
            .with_columns(pl.lit(None, kind).alias(name) for name, kind in _TYPES.items())
        )
    if len(columns) == 1 and not datasets[columns[0].name].null_count():
        return _alone(datasets, shared, columns[0], there)
    length, times = len(datasets), len(columns)
    which = np.repeat(np.arange(times), length)
    result = pl.concat([datasets.select(shared)] * times, rechunk=False).with_columns(
        pl.Series("metric", [column.metric for column in columns]).gather(which),
        pl.Series("unit", [column.unit for column in columns]).gather(which),
        _end_to_end(there, [column.name for column in columns], length, _TYPES["value"]).alias("value"),
        *(
            _end_to_end(there, [column.part(role) for column in columns], length, _TYPES[role]).alias(role)
            for role in ("uncertainty", "count", "extras")
        ),
    )
    if "measured_at" in there and any(column.part("measured_at") in there for column in columns):
        names = [column.part("measured_at") for column in columns]
        own = _end_to_end(there, names, length, there["measured_at"].dtype)
        result = result.with_columns(own.fill_null(result["measured_at"]).alias("measured_at"))
    if not result["value"].null_count():
        return result
    has_value = pl.col("value").is_not_null()
    if WITHOUT_VALUE in there and there[WITHOUT_VALUE].null_count() < length:
        empty = pl.concat([there[WITHOUT_VALUE]] * times, rechunk=False)
        own_names = pl.Series([column.name for column in columns]).gather(which)
        listed = pl.DataFrame({"names": own_names, "empty": empty}).select(
            pl.col("empty").list.contains(pl.col("names")).fill_null(value=False)
        )
        return result.filter(has_value | listed.to_series())
    return result.filter(has_value)


def _alone(
    datasets: pl.DataFrame, shared: Sequence[str], column: MetricColumn, there: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """Take one metric that every dataset has, which is quicker to say than several."""
    own = {role: column.part(role) for role in _ROLES if column.part(role) in there}
    measured_at = pl.col("measured_at")
    if "measured_at" in own:
        measured_at = pl.col(own["measured_at"]).fill_null(measured_at)
    return datasets.select(
        *(measured_at.alias(name) if name == "measured_at" else pl.col(name) for name in shared),
        pl.lit(column.metric).alias("metric"),
        pl.lit(column.unit).alias("unit"),
        pl.col(column.name).alias("value"),
        *(
            (pl.col(own[role]) if role in own else pl.lit(None, _TYPES[role])).alias(role)
            for role in ("uncertainty", "count", "extras")
        ),
    )


def _end_to_end(
    columns: Mapping[str, pl.Series], names: Sequence[str], length: int, kind: pl.DataType
) -> pl.Series:
    """Give one column after the other, null where there is no such column."""
    present = [name for name in names if name in columns]
    if not present:
        return pl.Series([None], dtype=kind).new_from_index(0, length * len(names))
    nothing = pl.Series([None], dtype=kind).new_from_index(0, length)
    parts = [columns.get(name, nothing).alias("") for name in names]
    return parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=False)


_TYPES = {
    name: pl.DataFrame(pa.schema([STORED_SCHEMA.field(name)]).empty_table()).dtypes[0]
    for name in ("metric", "value", "unit", "uncertainty", "count", "extras")
}
