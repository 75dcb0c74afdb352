"""The Arrow schema of an observation: what the records of exposures and visits say beside their times.

A stored measurement names an exposure or a visit; what was pointed at, for how long and for which program
stands here once, and is joined where it is asked for.
"""

import pyarrow as pa

from gnomon.measurements import rows

__all__ = ["ELEMENTS", "KEY", "METADATA", "SCHEMA", "conform"]

_TAI = pa.timestamp("us")

SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("element", pa.string(), nullable=False, metadata={"doc": "exposure or visit"}),
        pa.field("instrument", pa.string(), nullable=False),
        pa.field("id", pa.int64(), nullable=False, metadata={"doc": "of the exposure or visit"}),
        pa.field("obs_id", pa.string(), metadata={"doc": "an exposure's name, a visit's name"}),
        pa.field("day_obs", pa.int64()),
        pa.field("seq_num", pa.int64(), metadata={"doc": "place within the day"}),
        pa.field("physical_filter", pa.string()),
        pa.field("band", pa.string()),
        pa.field("group", pa.string()),
        pa.field("observation_type", pa.string()),
        pa.field("observation_reason", pa.string()),
        pa.field("science_program", pa.string()),
        pa.field("target_name", pa.string()),
        pa.field("exposure_time", pa.float64(), metadata={"doc": "s"}),
        pa.field("zenith_angle", pa.float64(), metadata={"doc": "deg"}),
        pa.field("obs_begin", _TAI, metadata={"doc": "TAI"}),
        pa.field("obs_end", _TAI, metadata={"doc": "TAI"}),
    ]
)
"""Columns of an observation; null where the record does not say."""

ELEMENTS = ("exposure", "visit")
"""The dimensions whose values are observations."""

KEY = ("element", "instrument", "id")
"""The columns of which no two observations share the values."""

METADATA = (
    "obs_id",
    "seq_num",
    "observation_type",
    "observation_reason",
    "science_program",
    "target_name",
    "exposure_time",
    "zenith_angle",
)
"""The columns that a stored measurement does not have itself."""


def conform(table: pa.Table) -> pa.Table:
    """Bring a table into `SCHEMA`: order, types, absent optional columns as nulls.

    Parameters
    ----------
    table
        At least the columns of `KEY`.

    Returns
    -------
    pyarrow.Table
        The same rows in `SCHEMA`.

    Raises
    ------
    SchemaError
        If a column is unknown, missing, of another type, or null where it may not be.
    """
    return rows.conform_to(table, SCHEMA, what="an observation")
