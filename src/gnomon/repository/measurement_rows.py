"""Measurements of datasets as rows of the store."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from lsst.daf.butler import DatasetRef, DatasetType

from gnomon.measurements import Measurement
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.measurements.values import MEASURED_AT, Values, moments, values_of
from gnomon.repository.finding import DATASET_ID, RUN
from gnomon.repository.observation_times import recorded_time

__all__ = ["arrange", "make_table", "row_of", "to_table"]

_MAP = SCHEMA.field(OTHER_DIMENSIONS).type


def arrange(datasets: pl.DataFrame, positions: Sequence[int], values: Sequence[Values]) -> pl.DataFrame:
    """Put what was read beside the datasets that hold it.

    Parameters
    ----------
    datasets
        As `gnomon.repository.finding.find` gives them.
    positions
        Of each value the row of its dataset.
    values
        What was read.

    Returns
    -------
    polars.DataFrame
        A row for each value, with the columns of its dataset.
    """
    numbers, missing = moments([one.measured_at for one in values])
    # A list a column, for Polars takes those at once.
    metric, value, unit, uncertainty, count, _, extras = zip(*values, strict=True) if values else ((),) * 7
    columns = [
        pl.Series("metric", metric, pl.String),
        pl.Series("value", value, pl.Float64),
        pl.Series("unit", unit, pl.String),
        pl.Series("uncertainty", uncertainty, pl.Float64),
        pl.Series("count", count, pl.Int64),
        pl.Series(MEASURED_AT, numbers, pl.Int64).set(pl.Series(missing), None).cast(pl.Datetime("us")),
        pl.Series("extras", extras, pl.String),
    ]
    return datasets[np.asarray(positions, np.int64)].hstack(columns)


def to_table(rows: pl.DataFrame, dataset_type: DatasetType, software: Mapping[str, str | None]) -> pa.Table:
    """Make a table of rows that are complete but for what their type and run say.

    Parameters
    ----------
    rows
        As `arrange` gives them, with ``obs_begin`` and ``obs_end``.
    dataset_type
        The type of their datasets.
    software
        What computed the datasets of each run.

    Returns
    -------
    pyarrow.Table
        In `gnomon.measurements.rows.SCHEMA`.
    """
    names = [name for name in dataset_type.dimensions.names if name in DATA_ID_COLUMNS]
    others = sorted(set(dataset_type.dimensions.names).difference(names))
    known = {run: text for run, text in software.items() if text is not None}
    whole = rows.with_columns(
        pl.lit(dataset_type.name).alias("dataset_type"),
        pl.col(RUN).replace_strict(known, default=None, return_dtype=pl.String).alias("software"),
    )
    table = whole.drop(others).to_arrow()
    if others:
        table = table.append_column(OTHER_DIMENSIONS, _maps(whole, others))
    return conform(table)


def _maps(rows: pl.DataFrame, names: Sequence[str]) -> pa.Array:
    """Make the map of the dimensions that have no column of their own."""
    count, width = len(rows), len(names)
    texts = [rows[name].cast(pl.String).to_list() for name in names]
    items = [text for row in zip(*texts, strict=True) for text in row]
    offsets = pa.array(np.arange(0, (count + 1) * width, width, dtype=np.int32))
    keys = pa.array(list(names) * count, pa.string())
    return pa.MapArray.from_arrays(offsets, keys, pa.array(items, pa.string())).cast(_MAP)


def row_of(ref: DatasetRef, measurement: Measurement) -> dict[str, Any]:
    """Arrange one measurement as a row, without asking a repository.

    Parameters
    ----------
    ref
        The dataset that holds it, with a data ID that has its dimension records.
    measurement
        The measurement.

    Returns
    -------
    dict
        A value for each column of `gnomon.measurements.rows.SCHEMA`, times in TAI microseconds. What computed
        it is not known, nor when if the measurement does not say.

    Raises
    ------
    MeasurementError
        If its uncertainty or count cannot be stored.
    """
    observation = recorded_time(ref.dataId)
    data_id = dict(ref.dataId.mapping)
    own = {name: data_id.pop(name, None) for name in DATA_ID_COLUMNS}
    others = {name: str(value) for name, value in data_id.items()}
    return {
        **values_of(measurement)._asdict(),
        MEASURED_AT: measurement.measured_at,
        **own,
        DATASET_ID: ref.id.bytes,
        RUN: ref.run,
        "dataset_type": ref.datasetType.name,
        OTHER_DIMENSIONS: others or None,
        "obs_begin": observation.begin,
        "obs_end": observation.end,
        "software": None,
    }


def make_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of rows.

    Parameters
    ----------
    rows
        What `row_of` gave.

    Returns
    -------
    pyarrow.Table
        In `gnomon.measurements.rows.SCHEMA`.
    """
    arrays = [
        pa.array([row[item.name] for row in rows], type=_plain(item.type)).cast(item.type) for item in SCHEMA
    ]
    return conform(pa.table(arrays, names=SCHEMA.names))


def _plain(type_: pa.DataType) -> pa.DataType:
    """Give the type in which values stand before they are cast: times are counts of microseconds."""
    return pa.int64() if pa.types.is_timestamp(type_) else type_
