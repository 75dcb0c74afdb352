"""Whether the log is whole, and everything computed from it agrees with it.

`problems` reads all and changes nothing; `rebuild` computes the projections anew from the events.
"""

import uuid
from collections.abc import Iterator
from itertools import batched, groupby

from sqlalchemy import ColumnElement, Connection, select, text

from gnomon.annotations import projections, schema, storage
from gnomon.annotations.events import digest
from gnomon.annotations.projections import Head
from gnomon.errors import GnomonError

__all__ = ["problems", "rebuild"]

_BATCH = 500
_BY_ANNOTATION: tuple[ColumnElement[object], ...] = (
    schema.event.c.annotation_id,
    schema.event.c.hlc,
    schema.event.c.origin,
    schema.event.c.origin_seq,
)


def problems(connection: Connection) -> list[str]:
    """Look for everything that should not be.

    Parameters
    ----------
    connection
        A reading transaction.

    Returns
    -------
    list of str
        A sentence for each problem; empty if all is well. After an event that cannot be read, the search
        goes no further, since nothing behind it could be trusted.
    """
    found = list(_damage(connection))
    if not found:
        try:
            found += _chain(connection)
            found += _drift(connection)
        except GnomonError as error:
            found.append(str(error))
    return found


def rebuild(connection: Connection) -> int:
    """Compute every projection anew.

    Parameters
    ----------
    connection
        A writing transaction.

    Returns
    -------
    int
        How many annotations there are.

    Raises
    ------
    AnnotationLogError
        If the events do not fit together.
    """
    storage.clear_projections(connection)
    count = 0
    for head in _replayed(connection):
        storage.save(connection, None, head)
        count += 1
    return count


def _damage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL checks its pages and keys itself
    for (line,) in connection.execute(text("PRAGMA quick_check")):
        if line != "ok":
            yield f"The database file is damaged: {line}."
    for row in connection.execute(text("PRAGMA foreign_key_check")):
        yield f"A row of {row[0]} refers to a row of {row[2]} that is not there."


def _chain(connection: Connection) -> Iterator[str]:
    known: set[uuid.UUID] = set(connection.execute(select(schema.event.c.id)).scalars())
    order = (schema.event.c.origin, schema.event.c.origin_seq)
    for origin, chain in groupby(storage.events(connection, order=order), key=lambda event: event.origin):
        number, previous = 0, ""
        for event in chain:
            if event.origin_seq != number + 1:
                yield f"Events {number + 1} to {event.origin_seq - 1} of {origin} are missing."
            elif event.hash != digest(event, previous):
                yield f"Event {event.origin_seq} of {origin} is not what was recorded: its hash is another."
            for parent in event.parents:
                if parent not in known:
                    yield f"Event {event.origin_seq} of {origin} answers {parent}, which is not there."
            number, previous = event.origin_seq, event.hash


def _drift(connection: Connection) -> Iterator[str]:
    kept = set(connection.execute(select(schema.annotation.c.id)).scalars())
    for batch in batched(_replayed(connection), _BATCH):
        held = storage.heads(connection, (head.id for head in batch))
        for head in batch:
            kept.discard(head.id)
            if not _same(held.get(head.id), head):
                yield f"Annotation {head.id} is not what its events make of it; rebuild the projections."
    for id in kept:
        yield f"Annotation {id} has no events; rebuild the projections."


def _replayed(connection: Connection) -> Iterator[Head]:
    ordered = storage.events(connection, order=_BY_ANNOTATION)
    for _, history in groupby(ordered, key=lambda event: event.annotation_id):
        yield projections.replay(history)


def _same(held: Head | None, replayed: Head) -> bool:
    # Targets compare by key alone, and here the rest matters too.
    return (
        held is not None
        and held == replayed
        and [target.to_dict() for target in held.targets] == [target.to_dict() for target in replayed.targets]
    )
