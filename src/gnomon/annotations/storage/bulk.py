"""Many rows at once, by the fastest way that each database has."""

import json
import uuid
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["fetch", "insert", "plain"]

_COPY_FROM = 50
"""From how many rows on PostgreSQL's COPY is quicker than single inserts."""


def insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Collection[Sequence[Any]]
) -> None:
    """Write rows.

    Parameters
    ----------
    connection
        A writing transaction.
    table
        Where to.
    columns
        The names of the columns.
    rows
        Their values; UUIDs as their 32 hexadecimal digits, which both databases take.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_statement(table.name, tuple(columns), "?"), [tuple(row) for row in rows])
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        if len(rows) < _COPY_FROM:
            cursor.executemany(_statement(table.name, tuple(columns), "%s"), rows)
            return
        names = ", ".join(f'"{name}"' for name in columns)
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)


@lru_cache(maxsize=64)
def _statement(table: str, columns: tuple[str, ...], mark: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join([mark] * len(columns))})'


def fetch(
    connection: Connection, query: str, values: Collection[str] | Collection[int], *parameters: Any
) -> Sequence[Sequence[Any]]:
    """Read rows for a list of keys of any length, in one query and without converting anything.

    Parameters
    ----------
    connection
        Any transaction.
    query
        SQL in which ``{keys}`` is a table ``k`` with the keys as its column ``value``, and ``?`` a parameter.
    values
        The keys, all texts or all integers.
    *parameters
        The parameters, in order, after the keys.

    Returns
    -------
    sequence of rows
        Plain values as the driver gives them.
    """
    items = list(values)
    if connection.dialect.name == "sqlite":
        statement, keys = query.format(keys="json_each(?) AS k"), json.dumps(items)
    else:
        kind = "bigint" if items and isinstance(items[0], int) else "text"
        statement = query.format(keys=f"unnest(?::{kind}[]) AS k(value)").replace("?", "%s")
        keys = items  # type: ignore[assignment]  # each driver has its own form
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    try:
        cursor.execute(statement, (keys, *parameters))
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
    finally:
        cursor.close()
    return rows


def plain(value: uuid.UUID | None) -> str | None:
    """Write a UUID as `insert` takes it.

    Parameters
    ----------
    value
        A UUID or nothing.

    Returns
    -------
    str or None
        32 hexadecimal digits.
    """
    return None if value is None else value.hex
