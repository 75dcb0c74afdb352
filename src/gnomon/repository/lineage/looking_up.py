"""Looking up by number what the database knows, many at a time."""

from collections.abc import Iterable

import polars as pl
from sqlalchemy import Connection, select

from gnomon.repository.lineage import tables
from gnomon.repository.lineage.edges import DATASETS
from gnomon.repository.lineage.recording import numbers_of

__all__ = ["asked_among", "described", "has_source", "identifiers", "quanta", "unions"]

_CHUNK = 10_000


def has_source(connection: Connection, name: str) -> bool:
    """Say whether a source was recorded.

    Parameters
    ----------
    connection
        Inside a transaction.
    name
        Its name.

    Returns
    -------
    bool
        Whether it was.
    """
    found = connection.execute(select(tables.source.c.name).where(tables.source.c.name == name))
    return found.first() is not None


def _in_chunks(connection: Connection, query: str, numbers: Iterable[int], schema: pl.Schema) -> pl.DataFrame:
    """Ask about many numbers; ``query`` ends before the list of them."""
    frames = [pl.DataFrame(schema=schema)]
    for chunk in pl.Series(numbers, dtype=pl.Int64).unique().to_frame("no").iter_slices(_CHUNK):
        given = chunk["no"].to_list()
        if connection.dialect.name == "sqlite":
            # Integers of our own, which need no quoting: the statement is parsed, and nothing is bound.
            found = connection.exec_driver_sql(f"{query} IN ({','.join(map(str, given))})")
        else:
            found = connection.exec_driver_sql(f"{query} = ANY(%s)", (given,))
        frames.append(pl.DataFrame(found.all(), schema=schema, orient="row"))
    return pl.concat(frames)


def identifiers(connection: Connection, numbers: Iterable[int]) -> pl.DataFrame:
    """Give the UUIDs of datasets.

    Parameters
    ----------
    connection
        Inside a transaction.
    numbers
        Those of datasets.

    Returns
    -------
    polars.DataFrame
        The columns ``no`` and ``id``.
    """
    schema = pl.Schema({"no": pl.Int64, "id": pl.Binary})
    return _in_chunks(connection, "SELECT no, id FROM dataset WHERE no", numbers, schema)


def described(connection: Connection, numbers: Iterable[int]) -> pl.DataFrame:
    """Give all that is known of datasets.

    Parameters
    ----------
    connection
        Inside a transaction.
    numbers
        Those of datasets.

    Returns
    -------
    polars.DataFrame
        The column ``no`` and those of `gnomon.repository.lineage.edges.DATASETS`.
    """
    query = "SELECT no, id, dataset_type, data_id, run FROM dataset WHERE no"
    return _in_chunks(connection, query, numbers, pl.Schema([("no", pl.Int64), *DATASETS.items()]))


def quanta(connection: Connection, numbers: Iterable[int]) -> pl.DataFrame:
    """Give the UUIDs and tasks of quanta.

    Parameters
    ----------
    connection
        Inside a transaction.
    numbers
        Those of quanta.

    Returns
    -------
    polars.DataFrame
        The columns ``no``, ``id`` and ``task``.
    """
    schema = pl.Schema({"no": pl.Int64, "id": pl.Binary, "task": pl.String})
    return _in_chunks(connection, "SELECT no, id, task FROM quantum WHERE no", numbers, schema)


def unions(connection: Connection, children: Iterable[int]) -> pl.DataFrame:
    """Give the union of the kinds of all edges of each child.

    Parameters
    ----------
    connection
        Inside a transaction.
    children
        Numbers of datasets.

    Returns
    -------
    polars.DataFrame
        The columns ``child`` and ``best``.
    """
    schema = pl.Schema({"child": pl.Int64, "kinds": pl.Int64})
    every = _in_chunks(connection, "SELECT child, kinds FROM edge WHERE child", children, schema)
    return every.group_by("child").agg(pl.col("kinds").bitwise_or().alias("best"))


def asked_among(connection: Connection, ids: pl.Series) -> list[tuple[bytes]]:
    """Say which datasets' own files were asked.

    Parameters
    ----------
    connection
        Inside a transaction.
    ids
        UUIDs of 16 bytes.

    Returns
    -------
    list of tuple
        Those of them whose files were.
    """
    numbers = numbers_of(connection, tables.dataset, ids)
    schema = pl.Schema({"no": pl.Int64, "asked": pl.Boolean})
    asked = _in_chunks(connection, "SELECT no, asked FROM dataset WHERE no", numbers["no"], schema)
    return [(one,) for one in numbers.join(asked.filter("asked"), on="no", how="semi")["id"]]
