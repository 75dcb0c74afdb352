"""Tables in which many measurements were put together: datasets of type ``metrictable_{package}``.

Their columns are those of `gnomon.measurements.rows`, but for the dimensions that have no column of their
own: the Butler's Parquet files have no maps, so that these are a JSON object in a text.
"""

import json
from collections.abc import Callable, Sequence

import pyarrow as pa
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon.errors import GnomonError, SchemaError
from gnomon.measurements.rows import OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.repository.measurement_rows import Unreadable

__all__ = ["PREFIX", "STORAGE_CLASS", "for_butler", "is_metric_table", "read_metric_tables"]

PREFIX = "metrictable_"
"""How the names of their dataset types begin."""

STORAGE_CLASS = "ArrowTable"
"""Their storage class."""

_KEY = ["dataset_id", "metric"]


def is_metric_table(dataset_type: DatasetType) -> bool:
    """Say whether the datasets of a type are tables of measurements.

    Parameters
    ----------
    dataset_type
        Any dataset type.

    Returns
    -------
    bool
        Whether name and storage class are those of such tables.
    """
    return bool(dataset_type.name.startswith(PREFIX) and dataset_type.storageClass_name == STORAGE_CLASS)


def for_butler(table: pa.Table) -> pa.Table:
    """Bring rows into the form in which the Butler can write them.

    Parameters
    ----------
    table
        Rows in `gnomon.measurements.rows.SCHEMA`.

    Returns
    -------
    pyarrow.Table
        The same with the other dimensions as text.
    """
    maps = table[OTHER_DIMENSIONS].to_pylist()
    texts = [None if pairs is None else json.dumps(dict(pairs), sort_keys=True) for pairs in maps]
    return _with_dimensions(table, pa.array(texts, pa.string()))


def _from_butler(table: pa.Table) -> pa.Table:
    if OTHER_DIMENSIONS not in table.column_names or not pa.types.is_string(table[OTHER_DIMENSIONS].type):
        return table
    texts = table[OTHER_DIMENSIONS].to_pylist()
    try:
        maps = [None if text is None else list(json.loads(text).items()) for text in texts]
        return _with_dimensions(table, pa.array(maps, SCHEMA.field(OTHER_DIMENSIONS).type))
    except (AttributeError, ValueError, TypeError) as error:
        raise SchemaError(f"The column {OTHER_DIMENSIONS!r} is no JSON object of texts: {error}") from error


def _with_dimensions(table: pa.Table, column: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(OTHER_DIMENSIONS)
    return table.set_column(place, pa.field(OTHER_DIMENSIONS, column.type), column)


def read_metric_tables(
    butler: Butler, refs: Sequence[DatasetRef], *, software: Callable[[str], str | None]
) -> tuple[pa.Table, list[Unreadable]]:
    """Read tables and put them together.

    Parameters
    ----------
    butler
        The repository's client.
    refs
        The tables.
    software
        Says what computed the values of a run, which the tables do not.

    Returns
    -------
    tuple
        Rows in `gnomon.measurements.rows.SCHEMA`, each measurement once: those that reading the measurements
        one by one would give. And what could not be read.
    """
    tables: list[pa.Table] = []
    unreadable: list[Unreadable] = []
    for ref in refs:
        try:
            tables.append(conform(_from_butler(butler.get(ref))))
        except (GnomonError, OSError) as error:
            unreadable.append(Unreadable(str(ref.id), ref.datasetType.name, "", str(error)))
    if not tables:
        return SCHEMA.empty_table(), unreadable
    whole = pa.concat_tables(tables)
    numbered = whole.select(_KEY).append_column("row", pa.array(range(len(whole)), pa.int64()))
    first = numbered.group_by(_KEY, use_threads=False).aggregate([("row", "min")])["row_min"]
    rows = whole.take(pa.array(sorted(first.to_pylist()), pa.int64()))
    runs = rows["run"].to_pylist()
    versions = {run: software(run) for run in set(runs)}
    place = rows.schema.get_field_index("software")
    column = pa.array([versions[run] for run in runs], pa.string())
    return rows.set_column(place, rows.schema.field(place), column), unreadable
