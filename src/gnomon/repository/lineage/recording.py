"""Putting many rows into the database in one step, so that repeating it changes nothing."""

import polars as pl
from sqlalchemy import Connection, Table

from gnomon.repository.lineage import tables
from gnomon.repository.lineage.edges import KINDS

__all__ = ["merge_datasets", "merge_edges", "numbers_of"]

_CHUNK = 10_000
_COPIED = 200_000
_KNOWN = ("dataset_type", "data_id", "run")


def merge_datasets(connection: Connection, datasets: pl.DataFrame) -> int:
    """Add datasets, or what is known of them.

    Parameters
    ----------
    connection
        Inside a transaction.
    datasets
        The columns of `gnomon.repository.lineage.edges.DATASETS` and ``asked``; a dataset may come several
        times.

    Returns
    -------
    int
        How many rows were added or changed.
    """
    rows = datasets.group_by(pl.col("dataset").alias("id")).agg(
        *(_most(name) for name in _KNOWN), pl.col("asked").any()
    )
    new = {name: _more("dataset", name) for name in _KNOWN} | {"asked": "dataset.asked OR excluded.asked"}
    return _upsert(connection, tables.dataset, rows.sort("id"), key="id", new=new)


def merge_edges(connection: Connection, edges: pl.DataFrame) -> int:
    """Add edges between datasets that are there, or further kinds of them.

    Parameters
    ----------
    connection
        Inside a transaction.
    edges
        The columns of `gnomon.repository.lineage.edges.EDGES`; an edge may come several times.

    Returns
    -------
    int
        How many rows were added or changed.
    """
    quanta = edges.drop_nulls("quantum").group_by(pl.col("quantum").alias("id")).agg(_most("task"))
    _upsert(connection, tables.quantum, quanta.sort("id"), key="id", new={"task": _more("quantum", "task")})
    makers = numbers_of(connection, tables.quantum, quanta["id"])
    datasets = numbers_of(connection, tables.dataset, pl.concat([edges["child"], edges["parent"]]).unique())
    rows = (
        edges.select(
            "child", "parent", "quantum", pl.col("kind").replace_strict(KINDS, return_dtype=pl.Int64)
        )
        .join(datasets.select(pl.col("id").alias("child"), pl.col("no").alias("child_no")), on="child")
        .join(datasets.select(pl.col("id").alias("parent"), pl.col("no").alias("parent_no")), on="parent")
        .join(
            makers.select(pl.col("id").alias("quantum"), pl.col("no").alias("quantum_no")),
            on="quantum",
            how="left",
        )
        .select(
            pl.col("child_no").alias("child"),
            pl.col("parent_no").alias("parent"),
            pl.col("quantum_no").fill_null(tables.UNKNOWN_QUANTUM).alias("quantum"),
            pl.col("kind").alias("kinds"),
        )
        .unique()
        # Different kinds have different bits, and each comes once: their sum is their union.
        .group_by("child", "parent", "quantum")
        .agg(pl.col("kinds").sum())
        .sort("child", "parent", "quantum")
    )
    return _upsert(
        connection,
        tables.edge,
        rows,
        key="child, parent, quantum",
        new={"kinds": "edge.kinds | excluded.kinds"},
    )


def numbers_of(connection: Connection, table: Table, ids: pl.Series) -> pl.DataFrame:
    """Find the numbers of datasets or quanta.

    Parameters
    ----------
    connection
        Inside a transaction.
    table
        That of datasets or of quanta.
    ids
        UUIDs of 16 bytes.

    Returns
    -------
    polars.DataFrame
        The columns ``id`` and ``no``, of those that are there.
    """
    frames = [pl.DataFrame(schema={"id": pl.Binary, "no": pl.Int64})]
    for chunk in ids.sort().to_frame().iter_slices(_CHUNK):
        given = chunk.to_series().to_list()
        query = f"SELECT id, no FROM {table.name} WHERE id"
        if connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql(f"{query} IN ({','.join('?' * len(given))})", tuple(given))
        else:
            found = connection.exec_driver_sql(f"{query} = ANY(%s)", (given,))
        frames.append(pl.DataFrame(found.all(), schema=frames[0].schema, orient="row"))
    return pl.concat(frames)


def _upsert(
    connection: Connection, table: Table, rows: pl.DataFrame, *, key: str, new: dict[str, str]
) -> int:
    """Insert rows, each key once and in order; where one is there, put in what is new, if that changes it.

    Writers that come with the same rows in the same order wait for each other, and never each for the other.
    """
    if rows.is_empty():
        return 0
    columns = ", ".join(rows.columns)
    changes = ", ".join(f"{name} = {value}" for name, value in new.items())
    differs = " OR ".join(f"({value}) IS DISTINCT FROM {table.name}.{name}" for name, value in new.items())
    conflict = f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {differs}"
    connect = connection.connection
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * rows.width)
        cursor = connect.cursor()
        cursor.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) {conflict}", rows.rows())
        return int(cursor.rowcount)
    return _copy(connection, table, rows, columns, conflict)


def _copy(connection: Connection, table: Table, rows: pl.DataFrame, columns: str, conflict: str) -> int:
    """Do the same on PostgreSQL, where a COPY and one statement are much quicker than many statements."""
    incoming = f"incoming_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS SELECT {columns} FROM {table.name} LIMIT 0"
    )
    driver = connection.connection.driver_connection
    assert driver is not None
    written = rows.with_columns(
        (pl.lit("\\x") + pl.col(name).bin.encode("hex")).alias(name)
        for name, kind in rows.schema.items()
        if kind == pl.Binary
    )
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {incoming} ({columns}) FROM STDIN (FORMAT CSV)") as copy,
    ):
        for part in written.iter_slices(_COPIED):
            copy.write(part.write_csv(include_header=False, null_value=""))
    result = connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {incoming} "
        f"ORDER BY {columns.partition(', quantum, kinds')[0]} {conflict}"
    )
    connection.exec_driver_sql(f"DROP TABLE {incoming}")
    return int(result.rowcount)


def _more(table: str, name: str) -> str:
    """Choose what says more, and of two that say as much the greater: so their order makes no difference."""
    old, given = f"{table}.{name}", f"excluded.{name}"
    return (
        f"CASE WHEN {old} IS NULL OR length({given}) > length({old}) "
        f"OR (length({given}) = length({old}) AND {given} > {old}) THEN {given} ELSE {old} END"
    )


def _most(name: str) -> pl.Expr:
    """Choose among rows as the database does between two."""
    column = pl.col(name)
    return column.sort_by(column.str.len_chars(), column, nulls_last=False).last().alias(name)
