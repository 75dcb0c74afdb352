"""Many rows at once, by the fastest way that each database has."""

import json
import uuid
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["execute", "execute_many", "fetch", "first_place", "insert", "plain", "query"]

_COPY_FROM = 50
"""From how many rows on PostgreSQL's COPY is quicker than single inserts."""

_MANY = 50
"""From how many keys on PostgreSQL is told how to look them up."""

_LOOK_UP = (
    "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), "
    "set_config('jit', 'off', true)"
)


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
        # Straight to the driver: what lies between costs more than the statement.
        _driver(connection).executemany(_statement(table.name, tuple(columns), "?"), rows)
        return
    driver = _driver(connection)
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
    connection: Connection,
    query: str,
    values: Collection[str] | Collection[int],
    *parameters: Any,
    as_json: bool = False,
) -> Sequence[Sequence[Any]]:
    """Read rows for a list of keys of any length, in one query and without converting anything.

    Parameters
    ----------
    connection
        Any transaction.
    query
        SQL in which ``{keys}`` is a table ``k`` with the keys as its column ``value`` and their places, from
        ``first_place``, as ``key``; ``?`` is a parameter.
    values
        The keys, all texts or all integers.
    *parameters
        The parameters, in order, after the keys.
    as_json
        Whether PostgreSQL gets texts as JSON, which is quicker for very many of them.

    Returns
    -------
    sequence of rows
        Plain values as the driver gives them.
    """
    items = list(values)
    keys = json.dumps(items)
    if connection.dialect.name == "sqlite":
        statement = query.format(keys="json_each(?) AS k")
    else:
        kind = "bigint" if items and isinstance(items[0], int) else "text"
        listed = f"unnest(?::{kind}[]) WITH ORDINALITY AS k(value, key)"
        if as_json and kind == "text":
            # JSON is written in a third of the time that the driver takes for an array; but the planner
            # cannot count what is in it, and may then choose a way that is slower by far.
            listed = "json_array_elements_text(?::json) WITH ORDINALITY AS k(value, key)"
        else:
            keys = items  # type: ignore[assignment]  # each driver has its own form
        statement = query.format(keys=listed).replace("?", "%s")
        if len(items) > _MANY:
            # Few of many rows are wanted, which the planner cannot know; it would read the whole table.
            _driver(connection).execute(_LOOK_UP)
    return _run(connection, statement, (keys, *parameters), plain_uuids=True)


def first_place(connection: Connection) -> int:
    """Say what `fetch` calls the place of the first key.

    Parameters
    ----------
    connection
        Any connection.

    Returns
    -------
    int
        0 or 1.
    """
    return 0 if connection.dialect.name == "sqlite" else 1


def query(connection: Connection, statement: str, *parameters: Any) -> Sequence[Sequence[Any]]:
    """Read a few rows without converting anything.

    Parameters
    ----------
    connection
        Any transaction.
    statement
        SQL in which ``?`` is a parameter.
    *parameters
        The parameters, in order.

    Returns
    -------
    sequence of rows
        Plain values as the driver gives them.
    """
    if connection.dialect.name != "sqlite":
        statement = statement.replace("?", "%s")
    return _run(connection, statement, parameters)


def execute(connection: Connection, statement: str, *parameters: Any) -> None:
    """Run a statement that gives no rows.

    Parameters
    ----------
    connection
        A writing transaction.
    statement
        SQL in which ``?`` is a parameter.
    *parameters
        The parameters, in order.
    """
    if connection.dialect.name != "sqlite":
        statement = statement.replace("?", "%s")
    _driver(connection).execute(statement, parameters)


def execute_many(connection: Connection, statement: str, rows: Collection[Sequence[Any]]) -> None:
    """Run a statement on SQLite for each of some rows.

    Parameters
    ----------
    connection
        A writing transaction.
    statement
        SQL in which ``?`` is a parameter.
    rows
        The parameters.
    """
    _driver(connection).executemany(statement, rows)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _run(
    connection: Connection, statement: str, parameters: Sequence[Any], *, plain_uuids: bool = False
) -> Sequence[Sequence[Any]]:
    cursor = _driver(connection).cursor()
    try:
        if plain_uuids and connection.dialect.name != "sqlite":
            # An object for each of twenty thousand UUIDs that nobody looks at costs as much as the query.
            cursor.adapters.register_loader("uuid", _uuid_loader())
        cursor.execute(statement, parameters)
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
    finally:
        cursor.close()
    return rows


@cache
def _uuid_loader() -> Any:
    from psycopg.types.string import TextLoader  # only where PostgreSQL is

    return TextLoader


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
