"""Whether the log is whole, and everything computed from it agrees with it.

`problems` reads all and changes nothing; `rebuild` computes the projections anew from the events;
`fingerprint` is one number for all that the projections say.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import batched, groupby

from sqlalchemy import ColumnElement, Connection, Index, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from gnomon.annotations.log.appending import advance
from gnomon.annotations.log.comparing import kept, said
from gnomon.annotations.log.events import Event, canonical, digest
from gnomon.annotations.log.taking_in import take_in_others
from gnomon.annotations.projections import Projection, project
from gnomon.annotations.storage import annotations, schema, text_index
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage.names import Names
from gnomon.errors import GnomonError

__all__ = ["fingerprint", "problems", "rebuild"]

_BATCH = 5000
_BY_ANNOTATION: tuple[ColumnElement[object], ...] = (schema.event.c.annotation_id, schema.event.c.hlc)
_Progress = Callable[[int, int], None]


def rebuild(connection: Connection, names: Names, progress: _Progress | None = None) -> int:
    """Compute every projection anew.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of actors and origins, which stay.
    progress
        Told how many events are done, and of how many.

    Returns
    -------
    int
        How many annotations there are.

    Raises
    ------
    AnnotationLogError
        If the events do not fit together.
    """
    total = stored.count(connection)
    _clear(connection)
    text_index.drop(connection)
    # An index that is made when all is there costs a fraction of one that grows row by row.
    indexes = [index for table in schema.PROJECTIONS for index in table.indexes]
    for index in indexes:
        connection.execute(DropIndex(index, if_exists=True))
    done = count = 0
    taken: set[int] = set()
    for batch in batched(_replayed(connection), _BATCH):
        rows = []
        for projected in batch:
            made = projected.created
            while made in taken:
                made += 1
            taken.add(made)
            rows.append(annotations.rows(connection, names, made, projected))
            done += projected.revisions
        annotations.write(connection, rows, index=False)
        count += len(batch)
        if progress is not None:
            progress(done, total)
    others = schema.event.c.annotation_id.is_(None)
    for events in batched(stored.read(connection, others), _BATCH):
        take_in_others(connection, names, events)
    for index in sorted(indexes, key=_name):
        connection.execute(CreateIndex(index))
    text_index.create(connection)
    text_index.fill(connection)
    _settle_origins(connection, names)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))
    if progress is not None:
        progress(total, total)
    return count


def problems(connection: Connection, names: Names, progress: _Progress | None = None) -> list[str]:
    """Look for everything that should not be.

    Parameters
    ----------
    connection
        A reading transaction.
    names
        The numbers of actors and origins.
    progress
        Told how many events are done, and of how many: every event is read twice.

    Returns
    -------
    list of str
        A sentence for each problem; empty if all is well. After an event that cannot be read, the search
        goes no further, since nothing behind it could be trusted.
    """
    found = list(_damage(connection))
    if not found:
        if lacking := text_index.lacking(connection):
            found.append(
                f"The search does not know the texts of {lacking} annotations; rebuild the projections."
            )
        total = 2 * stored.count(connection)
        try:
            found += _chain(connection, progress, total)
            found += _drift(connection, names, progress, total)
        except GnomonError as error:
            found.append(str(error))
    return found


def fingerprint(connection: Connection, names: Names) -> str:
    """Compute one number for all that the projections say.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of actors and origins.

    Returns
    -------
    str
        64 hexadecimal digits, the same for the same events on every database and in whatever order they came.
    """
    result = hashlib.sha256()
    column = schema.annotation.c.id
    ids: Iterable[uuid.UUID] = connection.execute(select(column).order_by(column)).scalars().all()
    for batch in batched(ids, _BATCH):
        for found in kept(connection, names, batch).values():
            result.update(canonical(found).encode())
    for table in (schema.definition, schema.resolution, schema.observation):
        rows = connection.execute(select(table)).all()
        names.refresh(connection, origins={row.origin for row in rows})
        plain = [{**row._mapping, "origin": names.origins[row.origin]} for row in rows]
        result.update("\n".join(sorted(map(canonical, plain))).encode())
    return result.hexdigest()


def _name(index: Index) -> str:
    return str(index.name)


def _clear(connection: Connection) -> None:
    for table in schema.PROJECTIONS:
        # TRUNCATE waits until nobody reads, and leaves no dead rows behind.
        statement = "DELETE FROM" if connection.dialect.name == "sqlite" else "TRUNCATE"
        connection.exec_driver_sql(f'{statement} "{table.name}"')


def _settle_origins(connection: Connection, names: Names) -> None:
    columns = schema.event.c
    for origin in connection.execute(select(columns.origin).distinct()).scalars().all():
        last = connection.execute(
            select(columns.origin_seq, columns.hlc, columns.hash)
            .where(columns.origin == origin)
            .order_by(columns.origin_seq.desc())
            .limit(1)
        ).one()
        advance(connection, names.origin_number(connection, origin), last.origin_seq, last.hlc, last.hash)


def _damage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL checks its pages and keys itself
    for (line,) in connection.execute(text("PRAGMA quick_check")):
        if line != "ok":
            yield f"The database file is damaged: {line}."


def _chain(connection: Connection, progress: _Progress | None, total: int) -> Iterator[str]:
    known: set[uuid.UUID] = set(connection.execute(select(schema.event.c.id)).scalars())
    order = (schema.event.c.origin, schema.event.c.origin_seq)
    reached = dict(stored.reached(connection))
    done = 0
    for origin, chain in groupby(stored.read(connection, order=order), key=lambda event: event.origin):
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
            done += 1
            if progress is not None and done % _BATCH == 0:
                progress(done, total)
        if reached.pop(origin, 0) != number:
            yield f"The last events of {origin} are missing, or how far it goes is not kept rightly."
    for origin in reached:
        yield f"All events of {origin} are missing."


def _drift(connection: Connection, names: Names, progress: _Progress | None, total: int) -> Iterator[str]:
    without = set(connection.execute(select(schema.annotation.c.id)).scalars())
    done = total // 2
    for batch in batched(_replayed(connection), _BATCH):
        held = kept(connection, names, [projected.id for projected in batch])
        for projected in batch:
            without.discard(projected.id)
            if held.get(projected.id) != said(projected):
                yield f"Annotation {projected.id} is not what its events make of it; rebuild the projections."
        done += len(batch)
        if progress is not None:
            progress(min(done, total), total)
    for id in without:
        yield f"Annotation {id} has no events; rebuild the projections."
    yield from _drift_of_others(connection)
    if progress is not None:
        progress(total, total)


def _drift_of_others(connection: Connection) -> Iterator[str]:
    counts = {table.name: 0 for table in (schema.definition, schema.resolution, schema.observation)}
    seen: set[tuple[str, str]] = set()
    for event in stored.read(connection, schema.event.c.annotation_id.is_(None)):
        if event.kind == "resolve":
            counts["resolution"] += len(event.payload["resolved"])
        elif event.kind == "observe":
            seen |= {(value["instrument"], value["obs_id"]) for value in event.payload["observations"]}
        else:
            counts["definition"] += 1
    counts["observation"] = len(seen)
    for table, expected in counts.items():
        found = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        if found != expected:
            yield f"There are {found} rows of {table} instead of {expected}; rebuild the projections."


def _replayed(connection: Connection) -> Iterator[Projection]:
    ordered = stored.read(connection, schema.event.c.annotation_id.is_not(None), order=_BY_ANNOTATION)
    for _, history in groupby(ordered, key=_about):
        yield project(history)


def _about(event: Event) -> uuid.UUID | None:
    return event.annotation_id
