"""What a rule can speak of: the names of columns, their types and their units."""

from collections.abc import Mapping
from typing import Final

import astropy.units as u
import polars as pl

from gnomon import dataids
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS

__all__ = [
    "BASELINE_COLUMNS",
    "FIELDS",
    "FIELD_UNITS",
    "TREND_COLUMNS",
    "UNIT",
    "VALUE",
    "field_of",
    "type_of",
    "unit_column",
]

VALUE: Final = "value"
"""The column of the value where a rule has one metric."""

UNIT: Final = "unit"
"""The column of its unit."""

TREND_COLUMNS = ("trend_value", "residual", "scatter", "deviation")
"""What a rule that removes a trend can speak of besides."""

BASELINE_COLUMNS = ("baseline", "baseline_scatter", "baseline_deviation")
"""What a rule with a baseline can speak of besides."""

FIELDS = (*observations.METADATA, "airmass", "obs_begin", "obs_end")
"""What is known of an observation."""

FIELD_UNITS: Mapping[str, u.UnitBase] = {
    "exposure_time": u.s,
    "zenith_angle": u.deg,
    "airmass": u.dimensionless_unscaled,
}
"""The units of what is known of an observation, where it has one."""

_SPELLINGS = {
    "begin": "obs_begin",
    "end": "obs_end",
    "timespan.begin": "obs_begin",
    "timespan.end": "obs_end",
    "name": "obs_id",
}
_FIELD_TYPES: Mapping[str, pl.DataType] = {
    **dict(pl.DataFrame(observations.SCHEMA.empty_table()).schema),
    "airmass": pl.Float64(),
}


def unit_column(name: str) -> str:
    """Name the column with the unit of a metric.

    Parameters
    ----------
    name
        The metric's column.

    Returns
    -------
    str
        ``unit`` beside ``value``, and otherwise the same name with ``.unit``.
    """
    return UNIT if name == VALUE else f"{name}.{UNIT}"


def field_of(name: str) -> str | None:
    """Name the column that a name in a rule stands for, if it is a field of an observation or data ID.

    Parameters
    ----------
    name
        Such as ``exposure_time``, ``visit.exposure_time``, ``visit.begin`` or ``visit.id``.

    Returns
    -------
    str or None
        One of `FIELDS` or of the data-ID columns.
    """
    if name in FIELDS or name in DATA_ID_COLUMNS:
        return name
    element, dot, rest = name.partition(".")
    if not dot or element not in observations.ELEMENTS:
        return None
    rest = _SPELLINGS.get(rest, element if rest == "id" else rest)
    return rest if rest in FIELDS or rest in DATA_ID_COLUMNS else None


def type_of(column: str) -> pl.DataType:
    """Say of which type a column is.

    Parameters
    ----------
    column
        Any column of a rule.

    Returns
    -------
    polars.DataType
        That of the field, data ID or unit; anything else is a number.
    """
    if column in _FIELD_TYPES:
        return _FIELD_TYPES[column]
    if column in DATA_ID_COLUMNS:
        return pl.Int64() if dataids.takes_integer(column) else pl.String()
    return pl.String() if column == UNIT or column.endswith(f".{UNIT}") else pl.Float64()
