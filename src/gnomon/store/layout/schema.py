"""What is in the tables of a store: their names, their columns, and the version of all that."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from gnomon import dataids
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA
from gnomon.store.layout.escaping import escaped, unescaped

__all__ = [
    "CHAINS_SCHEMA",
    "CURRENT_STATES",
    "DATASET_COLUMNS",
    "FORMAT_VERSION",
    "MERGED",
    "METRICS_SCHEMA",
    "NEW",
    "OBSERVATIONS_SCHEMA",
    "RECORDED_AT",
    "REMOVALS_SCHEMA",
    "SOURCE",
    "STATE",
    "STORED_SCHEMA",
    "SUPERSEDED",
    "SUPERSEDED_AT",
    "TAGGED_SCHEMA",
    "TableName",
    "table_names",
]

FORMAT_VERSION = 2

RECORDED_AT = "recorded_at"
"""The column that says when a row came in, TAI."""

SOURCE = "source"
"""The column that says who brought a row."""

STATE = "state"
"""The partition column: what is known of the rows of a file."""

SUPERSEDED_AT = "superseded_at"
"""The column that says since when a row no longer holds, TAI; only maintenance fills it."""

NEW, MERGED, SUPERSEDED = "new", "merged", "superseded"
"""As appended; put in order by maintenance; no longer holding, kept for the history."""

CURRENT_STATES = (NEW, MERGED)

_TAI = pa.timestamp("us")


def _with(schema: pa.Schema, *fields: pa.Field) -> pa.Schema:
    # A UUID is a plain binary, since Delta Lake knows no binary of a fixed size.
    plain = [item.with_type(pa.binary()) if item.type == pa.binary(16) else item for item in schema]
    return pa.schema([item.remove_metadata() for item in (*plain, *fields)])


STORED_SCHEMA = _with(
    SCHEMA,
    pa.field(RECORDED_AT, _TAI, nullable=False),
    pa.field(SOURCE, pa.string()),
    pa.field(SUPERSEDED_AT, _TAI),
)
"""A row of a single measurement; in a table there is the partition column `STATE` besides."""

_MEASURED = frozenset({"metric", "value", "unit", "uncertainty", "count", "extras"})

DATASET_COLUMNS: tuple[str, ...] = tuple(name for name in STORED_SCHEMA.names if name not in _MEASURED)
"""The columns that all measurements of a dataset share, in a table of bundles too."""

_KEPT = pa.field(RECORDED_AT, _TAI, nullable=False)
CHAINS_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("children", pa.list_(pa.string()), nullable=False),
        _KEPT,
    ]
)
TAGGED_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("dataset_ids", pa.list_(pa.binary()), nullable=False),
        _KEPT,
    ]
)
REMOVALS_SCHEMA = pa.schema(
    [
        pa.field("dataset_id", pa.binary()),
        pa.field("run", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        _KEPT,
    ]
)
"""Either a dataset or all datasets of a run."""

OBSERVATIONS_SCHEMA = _with(observations.SCHEMA, _KEPT)
METRICS_SCHEMA = pa.schema(
    [
        pa.field("metric", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        _KEPT,
    ]
)

_SINGLE, _BUNDLE = "single", "bundle"
_NO_DIMENSIONS = "repository"
_SINGLE_DATASET_TYPES = "metricvalue_"


class TableName(NamedTuple):
    """The name of a table of measurements.

    Attributes
    ----------
    dataset_type
        The dataset type whose bundles it holds; empty if it holds single measurements of many.
    dimensions
        The required dimensions of its rows, which tell one data ID from another, in the customary order.
    """

    dataset_type: str
    dimensions: tuple[str, ...]

    @property
    def is_bundle(self) -> bool:
        """Whether a row is a dataset with its metrics as columns."""
        return bool(self.dataset_type)

    @property
    def folder(self) -> str:
        """Where it is, relative to the store."""
        dimensions = "-".join(self.dimensions) or _NO_DIMENSIONS
        if not self.is_bundle:
            return f"{_SINGLE}/{dimensions}"
        return f"{_BUNDLE}/{escaped(self.dataset_type)}@{dimensions}"

    @property
    def expanded(self) -> tuple[str, ...]:
        """The data-ID columns in which anything can stand: the required dimensions and what they imply."""
        implied = frozenset[str]().union(*(dataids.IMPLIED.get(name, ()) for name in self.dimensions))
        return tuple(name for name in DATA_ID_COLUMNS if name in implied or name in self.dimensions)

    @classmethod
    def of_folder(cls, folder: str) -> "TableName":
        """Read a name back from `folder`."""
        kind, _, name = folder.partition("/")
        dataset_type, _, joined = name.rpartition("@") if kind == _BUNDLE else ("", "", name)
        dimensions = () if joined == _NO_DIMENSIONS else tuple(joined.split("-"))
        return cls(unescaped(dataset_type), dimensions)


def table_names(rows: pl.DataFrame) -> list[tuple[TableName, pl.DataFrame]]:
    """Divide rows by the tables to which they belong.

    Parameters
    ----------
    rows
        Measurements with the dataset type and the data-ID columns.

    Returns
    -------
    list of tuple
        Each table's name and its rows. Datasets of types of which each holds one metric stand together with
        those of the same dimensions, all others by dataset type.
    """
    single = pl.col("dataset_type").str.starts_with(_SINGLE_DATASET_TYPES) | (pl.col("dataset_type") == "")
    kind = pl.when(single).then(pl.lit("")).otherwise(pl.col("dataset_type")).alias("_type")
    there = [pl.col(name).is_not_null().alias(f"_{name}") for name in DATA_ID_COLUMNS]
    keyed = rows.with_columns(kind, *there)
    by = ["_type", *(f"_{name}" for name in DATA_ID_COLUMNS)]
    groups: dict[TableName, list[pl.DataFrame]] = {}
    for (dataset_type, *present), group in keyed.partition_by(by, as_dict=True, include_key=False).items():
        names = [name for name, is_there in zip(DATA_ID_COLUMNS, present, strict=True) if is_there]
        name = TableName(str(dataset_type), _in_order(dataids.required(names)))
        groups.setdefault(name, []).append(group)
    return [(name, parts[0] if len(parts) == 1 else pl.concat(parts)) for name, parts in groups.items()]


def _in_order(dimensions: Iterable[str]) -> tuple[str, ...]:
    present = frozenset(dimensions)
    return tuple(name for name in DATA_ID_COLUMNS if name in present)
