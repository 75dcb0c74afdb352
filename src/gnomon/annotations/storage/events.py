"""The log itself in the database: events in, events out. Decides nothing."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, and_, func, or_, select

from gnomon.annotations.cuts import Cut
from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.storage import bulk, schema
from gnomon.errors import AnnotationLogError

__all__ = [
    "append",
    "count",
    "existing",
    "hashes",
    "known_since",
    "last_reading",
    "of_annotations",
    "parents_of",
    "present",
    "reached",
    "read",
    "read_after",
    "texts",
    "with_ids",
]

_CHUNK = 1000
"""How many values one IN holds: few queries, and well below every database's limit."""

_COLUMNS = tuple(column.name for column in schema.event.columns)


def append(connection: Connection, events: Iterable[tuple[Event, str, str]]) -> None:
    """Write events.

    Parameters
    ----------
    connection
        A writing transaction.
    events
        Sealed events, each with the canonical texts of its parents and its payload.
    """
    rows = [
        (
            event.id.hex,
            event.origin,
            event.origin_seq,
            event.hlc,
            event.recorded_at,
            event.actor,
            event.actor_kind,
            event.on_behalf_of,
            event.agent,
            event.agent_version,
            event.kind,
            bulk.plain(event.annotation_id),
            parents,
            payload,
            event.hash,
        )
        for event, parents, payload in events
    ]
    bulk.insert(connection, schema.event, _COLUMNS, rows)


def last_reading(connection: Connection) -> int:
    """Give the reading that the clock has to go beyond.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    int
        The greatest in the log, or the greatest key of an annotation, which may be a little more; 0 in an
        empty log.
    """
    (row,) = bulk.query(
        connection, "SELECT (SELECT max(last_hlc) FROM origin), (SELECT max(made) FROM annotation)"
    )
    return max(row[0] or 0, row[1] or 0)


def reached(connection: Connection) -> Cut:
    """Say how far the log goes.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    Cut
        The last number of every origin.
    """
    rows = bulk.query(connection, "SELECT name, last_seq FROM origin WHERE last_seq > 0")
    return Cut.of({row[0]: row[1] for row in rows})


def known_since(connection: Connection, reading: int) -> Cut:
    """Say how far the log went at a reading of the clock.

    Parameters
    ----------
    connection
        Any transaction.
    reading
        The greatest reading that counts.

    Returns
    -------
    Cut
        The last number of every origin up to that reading.
    """
    columns = schema.event.c
    numbers = {}
    for origin, last, last_hlc in connection.exec_driver_sql("SELECT name, last_seq, last_hlc FROM origin"):
        if last_hlc <= reading:
            numbers[origin] = last
            continue
        # Numbers and readings of one origin grow together, so halving finds the place without reading much.
        low, high = 0, last
        while low < high:
            middle = (low + high + 1) // 2
            found = connection.execute(
                select(columns.hlc).where(columns.origin == origin, columns.origin_seq == middle)
            ).scalar_one()
            low, high = (middle, high) if found <= reading else (low, middle - 1)
        numbers[origin] = low
    return Cut.of(numbers)


def read(
    connection: Connection, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()
) -> Iterator[Event]:
    """Read events, without holding them all.

    Parameters
    ----------
    connection
        Any transaction.
    *conditions
        Which ones, on the columns of `gnomon.annotations.storage.schema.event`.
    order
        By what; by the clock where nothing is given.

    Yields
    ------
    Event
        One after the other.

    Raises
    ------
    AnnotationLogError
        If a row is not that of an event.
    """
    columns = schema.event.c
    ordered = order or (columns.hlc, columns.origin, columns.origin_seq)
    query = select(schema.event).where(*conditions).order_by(*ordered)
    with connection.execute(query, execution_options={"yield_per": _CHUNK}) as rows:
        for row in rows:
            yield _event(row)


def read_after(connection: Connection, cut: Cut) -> Iterator[Event]:
    """Read the events that are not within a cut.

    Parameters
    ----------
    connection
        Any transaction.
    cut
        What is known already.

    Yields
    ------
    Event
        By the clock.
    """
    columns = schema.event.c
    later = [
        and_(columns.origin == origin, columns.origin_seq > cut.number(origin))
        for origin, number in reached(connection)
        if number > cut.number(origin)
    ]
    if later:
        yield from read(connection, or_(*later))


def of_annotations(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Event]]:
    """Read all events of some annotations.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids of annotations; unknown ones are passed over.

    Returns
    -------
    dict
        The events of each, by the clock.
    """
    found: dict[uuid.UUID, list[Event]] = {}
    for row in _chunked(connection, schema.event.c.annotation_id, ids):
        found.setdefault(row.annotation_id, []).append(_event(row))
    for events in found.values():
        events.sort(key=lambda event: event.rank)
    return found


def with_ids(connection: Connection, ids: Iterable[uuid.UUID]) -> list[Event]:
    """Read events by their ids.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids of events; unknown ones are passed over.

    Returns
    -------
    list of Event
        In no particular order.
    """
    return [_event(row) for row in _chunked(connection, schema.event.c.id, ids)]


def parents_of(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Read which events some events answer.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids of events.

    Returns
    -------
    dict
        The parents of each.
    """
    columns = schema.event.c
    result = {}
    for chunk in batched(dict.fromkeys(ids), _CHUNK):
        for id, parents in connection.execute(
            select(columns.id, columns.parents).where(columns.id.in_(chunk))
        ):
            result[id] = frozenset(uuid.UUID(parent) for parent in json.loads(parents))
    return result


def present(connection: Connection, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Say which events there are.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids of events.

    Returns
    -------
    set of uuid.UUID
        Those that exist.
    """
    return _found(connection, schema.event.c.id, ids)


def existing(connection: Connection, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Say which annotations there are.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids of annotations.

    Returns
    -------
    set of uuid.UUID
        Those of which there are events.
    """
    return _found(connection, schema.annotation.c.id, ids)


def _found(connection: Connection, column: Column[Any], ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for chunk in batched(ids, _CHUNK):
        found.update(connection.execute(select(column).where(column.in_(chunk))).scalars())
    return found


def hashes(connection: Connection, origin: str, numbers: Iterable[int]) -> dict[int, str]:
    """Read the hashes of some events.

    Parameters
    ----------
    connection
        Any transaction.
    origin, numbers
        Which events.

    Returns
    -------
    dict
        The hash for each number that exists.
    """
    columns = schema.event.c
    result: dict[int, str] = {}
    for chunk in batched(numbers, _CHUNK):
        query = select(columns.origin_seq, columns.hash).where(
            columns.origin == origin, columns.origin_seq.in_(chunk)
        )
        result.update((row[0], row[1]) for row in connection.execute(query))
    return result


def count(connection: Connection) -> int:
    """Count the events.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    int
        How many there are.
    """
    return int(connection.execute(select(func.count()).select_from(schema.event)).scalar_one())


def texts(event: Event) -> tuple[Event, str, str]:
    """Write the parents and the payload of an event.

    Parameters
    ----------
    event
        The event.

    Returns
    -------
    tuple
        What `append` takes.
    """
    parents = canonical([str(parent) for parent in event.parents]) if event.parents else "[]"
    return event, parents, canonical(event.payload)


def _chunked(connection: Connection, column: Any, values: Iterable[uuid.UUID]) -> Iterator[Row[Any]]:
    for chunk in batched(dict.fromkeys(values), _CHUNK):
        yield from connection.execute(select(schema.event).where(column.in_(chunk)))


def _event(row: Row[Any]) -> Event:
    try:
        parents, payload = row.parents, json.loads(row.payload)
        known = () if parents == "[]" else tuple(uuid.UUID(parent) for parent in json.loads(parents))
        return Event(**{**row._mapping, "parents": known, "payload": payload})
    except (TypeError, ValueError) as error:
        raise AnnotationLogError(f"Event {row.origin}:{row.origin_seq} cannot be read: {error}.") from error
