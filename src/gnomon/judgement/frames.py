"""Rows of stored measurements as Polars frames."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import polars as pl
import pyarrow as pa

from gnomon.definitions.units import convert
from gnomon.errors import MeasurementTypeError, SchemaError, UnitMismatchError
from gnomon.judgement.wording import encodable
from gnomon.measurements import Measurement, MeasurementSet
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import OTHER_DIMENSIONS, SCHEMA

__all__ = ["Measured", "Rows", "list_of", "measured_rows", "to_frame"]

Rows: TypeAlias = pa.Table | pl.DataFrame  # noqa: UP040  # a plain union, so that isinstance takes it
"""A table in the schema of `gnomon.measurements.rows`."""

Measured: TypeAlias = Rows | MeasurementSet | Iterable[Measurement]  # noqa: UP040
"""Measurements in any form that can be judged."""

_TYPES: dict[str, Any] = {
    **dict(pl.DataFrame(SCHEMA.empty_table()).schema),
    OTHER_DIMENSIONS: ENTRIES,
}


def to_frame(rows: Rows, columns: Iterable[str]) -> pl.DataFrame:
    """Give some columns of a table as a frame.

    Parameters
    ----------
    rows
        A table; optional columns of the schema may be absent.
    columns
        Which of the schema's columns are wanted; absent ones that may be null become null.

    Returns
    -------
    polars.DataFrame
        Those columns, with the schema's types; the map of other dimensions as a list of pairs.

    Raises
    ------
    SchemaError
        If ``rows`` is no table, or lacks a column, or has one of another type.
    """
    if isinstance(rows, pa.Table):
        rows = pl.DataFrame(rows.select([name for name in columns if name in rows.column_names]))
    if not isinstance(rows, pl.DataFrame):
        raise SchemaError(
            f"Measurements come as a pyarrow.Table or polars.DataFrame, not {type(rows).__name__}."
        )
    chosen = []
    for name in columns:
        field = SCHEMA.field(name)
        target = _TYPES[name]
        if name not in rows.columns:
            if not field.nullable:
                raise SchemaError(f"The column {name!r} of a stored measurement is missing.")
            chosen.append(pl.lit(None, dtype=target).alias(name))
        elif rows.schema[name] == target:
            chosen.append(pl.col(name))
        else:
            chosen.append(pl.col(name).cast(target))
    try:
        return rows.select(chosen)
    except pl.exceptions.PolarsError as error:
        raise SchemaError(f"These are not stored measurements: {error}") from error


def measured_rows(measurements: Measured) -> Rows:
    """Give measurements as rows.

    Parameters
    ----------
    measurements
        A set or a list of them; a table of rows is given back as it is.

    Returns
    -------
    pyarrow.Table or polars.DataFrame
        Of measurements the columns ``metric``, ``value``, ``unit``, ``uncertainty`` and ``count``: null where
        something is not known.

    Raises
    ------
    MeasurementTypeError
        If one of them is no `Measurement` (also a `TypeError`).
    """
    if isinstance(measurements, pa.Table | pl.DataFrame):
        return measurements
    columns: dict[str, list[Any]] = {name: [] for name in ("metric", "value", "unit", "uncertainty", "count")}
    for measurement in list_of(measurements):
        columns["metric"].append(encodable(str(measurement.metric_name)))
        columns["value"].append(None if measurement.value is None else float(measurement.value))
        columns["unit"].append(measurement.unit_str)
        columns["uncertainty"].append(_uncertainty(measurement))
        columns["count"].append(measurement.count)
    return pl.DataFrame(columns, schema={name: _TYPES[name] for name in columns})


def list_of(measurements: MeasurementSet | Iterable[Measurement]) -> list[Measurement]:
    """Give measurements as a list.

    Parameters
    ----------
    measurements
        A set or any iterable of them.

    Returns
    -------
    list of Measurement
        In their order.

    Raises
    ------
    MeasurementTypeError
        If one of them is no `Measurement` (also a `TypeError`).
    """
    if isinstance(measurements, MeasurementSet | Mapping):
        measurements = measurements.values()
    if not isinstance(measurements, Iterable):
        raise MeasurementTypeError(
            f"Measurements are a MeasurementSet, a list of them or a table, not {measurements!r:.60}."
        )
    held = list(measurements)
    for measurement in held:
        if not isinstance(measurement, Measurement):
            raise MeasurementTypeError(f"A Measurement is expected here, not {measurement!r:.60}.")
    return held


def _uncertainty(measurement: Measurement) -> float | None:
    uncertainty = measurement.uncertainty
    if uncertainty is None:
        return None
    try:
        return float(convert(uncertainty.value, uncertainty.unit, measurement.unit))
    except UnitMismatchError:  # somebody else's extra of that name
        return None
