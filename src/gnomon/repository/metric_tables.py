"""Tables in which many measurements were put together: datasets of type ``metrictable_{package}``.

Their columns are those of `gnomon.measurements.rows`, but for the dimensions that have no column of their
own: the Butler's Parquet files have no maps, so that these are a JSON object in a text.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from lsst.daf.butler import DatasetType

from gnomon.errors import SchemaError
from gnomon.measurements.rows import NO_METRIC, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.repository.file_places import Place
from gnomon.repository.finding import DATASET_ID

__all__ = ["PREFIX", "STORAGE_CLASS", "datasets_in", "for_butler", "is_metric_table", "opened", "rows_in"]

PREFIX = "metrictable_"
"""How the names of their dataset types begin."""

STORAGE_CLASS = "ArrowTable"
"""Their storage class."""

_OF_DATASET = {DATASET_ID: pa.binary(16), "dataset_type": pa.string()}
_BATCH = 100_000


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


@contextmanager
def opened(place: Place) -> Iterator[pq.ParquetFile]:
    """Open the file of a table.

    Parameters
    ----------
    place
        Where it is. What is not on local disk is fetched, and forgotten afterwards.

    Yields
    ------
    pyarrow.parquet.ParquetFile
        The file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    SchemaError
        If it is not a Parquet file.
    """
    if place.path is None and place.uri is None:
        raise FileNotFoundError(place.missing)
    with ExitStack() as stack:
        path = place.path
        if place.uri is not None:
            path = stack.enter_context(place.uri.as_local()).ospath
        try:
            file = stack.enter_context(pq.ParquetFile(path))
        except pa.ArrowInvalid as error:
            raise SchemaError(f"This is not a Parquet file: {error}") from error
        yield file


def datasets_in(file: pq.ParquetFile) -> pl.DataFrame:
    """Say whose measurements are in a table.

    Parameters
    ----------
    file
        The table.

    Returns
    -------
    polars.DataFrame
        The columns ``dataset_id`` and ``dataset_type``, a row for each dataset.

    Raises
    ------
    SchemaError
        If it is no such table.
    """
    conform(_from_butler(file.schema_arrow.empty_table()))
    table = file.read(columns=list(_OF_DATASET))
    try:
        columns = {name: table[name].cast(kind) for name, kind in _OF_DATASET.items()}
    except pa.ArrowInvalid as error:
        raise SchemaError(f"Its datasets are not told by UUIDs of 16 bytes: {error}") from error
    return pl.DataFrame(pa.table(columns)).drop_nulls().unique(DATASET_ID)


def rows_in(file: pq.ParquetFile, dataset_ids: pl.Series) -> pl.DataFrame:
    """Read the measurements of some datasets.

    Parameters
    ----------
    file
        The table.
    dataset_ids
        Their UUIDs, 16 bytes each.

    Returns
    -------
    polars.DataFrame
        In the columns of `gnomon.measurements.rows.SCHEMA`, each measurement once. Where nothing could be
        measured, the row says that of the dataset, as for single ones.

    Raises
    ------
    SchemaError
        If it is no such table.
    """
    wanted = dataset_ids.to_arrow().cast(_OF_DATASET[DATASET_ID])
    chunks = [
        batch.filter(pc.is_in(batch[DATASET_ID], value_set=wanted))
        for batch in file.iter_batches(batch_size=_BATCH)
    ]
    table = conform(_from_butler(pa.Table.from_batches(chunks, file.schema_arrow)))
    nothing = pl.col("value").is_null()
    return (
        pl.DataFrame(table)
        .unique([DATASET_ID, "metric"], keep="first", maintain_order=True)
        .with_columns(
            pl.when(nothing).then(pl.lit(NO_METRIC)).otherwise("metric").alias("metric"),
            pl.when(nothing).then(pl.lit("")).otherwise("unit").alias("unit"),
            *(pl.when(~nothing).then(name).alias(name) for name in ("uncertainty", "count", "extras")),
        )
        .unique([DATASET_ID, "metric"], keep="first", maintain_order=True)
    )
