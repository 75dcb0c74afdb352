"""Rows in, rows out: what the tables hold, as the room's own values. Decides nothing."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from gnomon.annotations import schema
from gnomon.annotations.events import Event, canonical
from gnomon.annotations.model import Actor, Claim
from gnomon.annotations.projections import Head, Stance
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationLogError

__all__ = [
    "annotation_ids",
    "append",
    "asserted",
    "claims",
    "clear_projections",
    "events",
    "events_by_id",
    "heads",
    "keyed",
    "last",
    "last_reading",
    "save",
]

_CHUNK = 1000
"""How many values one IN holds: few queries, and well below every database's limit."""

_CONTENT = schema.event.alias("content")


def append(connection: Connection, event: Event) -> None:
    """Write one event.

    Parameters
    ----------
    connection
        A writing transaction.
    event
        A sealed event.
    """
    values = event.to_dict() | {
        "id": event.id,
        "annotation_id": event.annotation_id,
        "parents": canonical([str(parent) for parent in event.parents]),
        "payload": canonical(event.payload),
    }
    connection.execute(insert(schema.event), values)


def last(connection: Connection, origin: str) -> tuple[int, str]:
    """Give the number and the hash of the last event of an origin.

    Parameters
    ----------
    connection
        Any transaction.
    origin
        The origin.

    Returns
    -------
    tuple of int and str
        ``(0, "")`` where there is none.
    """
    row = connection.execute(
        select(schema.event.c.origin_seq, schema.event.c.hash)
        .where(schema.event.c.origin == origin)
        .order_by(schema.event.c.origin_seq.desc())
        .limit(1)
    ).one_or_none()
    return (0, "") if row is None else (row.origin_seq, row.hash)


def last_reading(connection: Connection) -> int:
    """Give the greatest reading of the clock in the log.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    int
        0 in an empty log.
    """
    return connection.execute(select(func.max(schema.event.c.hlc))).scalar_one() or 0


def events(
    connection: Connection, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()
) -> Iterator[Event]:
    """Read events, without holding them all.

    Parameters
    ----------
    connection
        Any transaction.
    *conditions
        Which ones, on the columns of `gnomon.annotations.schema.event`.
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
    for row in connection.execute(query, execution_options={"yield_per": _CHUNK}):
        yield _event(row)


def events_by_id(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Event]:
    """Read the events with some ids.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        The ids; unknown ones are passed over.

    Returns
    -------
    dict
        The events that exist.
    """
    rows = _chunked(connection, schema.event.c.id, ids, lambda found: select(schema.event).where(found))
    return {row.id: _event(row) for row in rows}


def keyed(connection: Connection, creator: str, key: str) -> uuid.UUID | None:
    """Find the annotation that somebody made under a key.

    Parameters
    ----------
    connection
        Any transaction.
    creator, key
        Who, and the idempotency key.

    Returns
    -------
    uuid.UUID or None
        The annotation's id.
    """
    columns = schema.annotation.c
    return connection.execute(
        select(columns.id).where(columns.creator == creator, columns.key == key)
    ).scalar_one_or_none()


def annotation_ids(connection: Connection, *conditions: ColumnElement[bool]) -> list[uuid.UUID]:
    """Find annotations, in the order in which they were made.

    Parameters
    ----------
    connection
        Any transaction.
    *conditions
        Which ones, on the columns of `gnomon.annotations.schema.annotation`.

    Returns
    -------
    list of uuid.UUID
        Their ids.
    """
    columns = schema.annotation.c
    return list(
        connection.execute(
            select(columns.id).where(*conditions).order_by(columns.created, columns.id)
        ).scalars()
    )


def heads(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Head]:
    """Read annotations.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        Their ids; unknown ones are passed over.

    Returns
    -------
    dict
        The annotations by id, in the order of ``ids``.
    """
    wanted = list(dict.fromkeys(ids))
    targets: dict[uuid.UUID, list[Target]] = defaultdict(list)
    for row in _chunked(
        connection,
        schema.target.c.annotation_id,
        wanted,
        lambda found: select(schema.target).where(found).order_by(schema.target.c.position),
    ):
        targets[row.annotation_id].append(_target(row))
    stances: dict[uuid.UUID, list[Stance]] = defaultdict(list)
    for row in _chunked(
        connection,
        schema.assertion.c.annotation_id,
        wanted,
        lambda found: select(schema.assertion).where(found),
    ):
        stances[row.annotation_id].append(_stance(row))
    rows = _chunked(
        connection,
        schema.annotation.c.id,
        wanted,
        lambda found: (
            select(
                schema.annotation,
                *(_CONTENT.c[name] for name in ("actor", "actor_kind", "on_behalf_of", "agent")),
                _CONTENT.c.agent_version,
                _CONTENT.c.recorded_at,
            )
            .join(_CONTENT, _CONTENT.c.id == schema.annotation.c.content_id)
            .where(found)
        ),
    )
    result = {row.id: _head(row, targets[row.id], stances[row.id]) for row in rows}
    return {id: result[id] for id in wanted if id in result}


def save(connection: Connection, before: Head | None, after: Head) -> None:
    """Write what changed of an annotation.

    Parameters
    ----------
    connection
        A writing transaction.
    before
        What the tables hold; None if nothing.
    after
        What they are to hold.
    """
    values = {
        "id": after.id,
        "state": after.state,
        "text": after.text,
        "level": after.level,
        "tags": canonical(after.tags),
        "urls": canonical(after.urls),
        "event_id": after.event_id,
        "content_id": after.content_id,
        "creator": after.creator,
        "key": after.key,
        "created": after.created,
    }
    if before is None:
        connection.execute(insert(schema.annotation), values)
        connection.execute(
            insert(schema.target),
            [_target_row(after.id, place, target) for place, target in enumerate(after.targets)],
        )
    else:
        connection.execute(update(schema.annotation).where(schema.annotation.c.id == after.id), values)
    old = frozenset() if before is None else before.stances
    if gone := old - after.stances:
        columns = schema.assertion.c
        for stance in gone:
            connection.execute(
                delete(schema.assertion).where(
                    columns.target_key == stance.target_key,
                    columns.flag == stance.flag,
                    columns.event_id == stance.event_id,
                )
            )
    if new := after.stances - old:
        connection.execute(insert(schema.assertion), [_stance_row(after.id, stance) for stance in new])


def clear_projections(connection: Connection) -> None:
    """Throw away everything that was computed from the events.

    Parameters
    ----------
    connection
        A writing transaction.
    """
    for table in (schema.assertion, schema.target, schema.annotation):
        connection.execute(delete(table))


def asserted(
    connection: Connection, keys: Iterable[str], flags: Sequence[str]
) -> dict[tuple[str, str], dict[uuid.UUID, frozenset[uuid.UUID]]]:
    """Say which events ever asserted some flags of some targets, and their parents.

    Parameters
    ----------
    connection
        Any transaction.
    keys
        Keys of targets.
    flags
        Flags.

    Returns
    -------
    dict
        For each target and flag of which anything was said: the parents of each event that said it.
    """
    columns = schema.assertion.c
    rows = _chunked(
        connection,
        columns.target_key,
        keys,
        lambda found: select(columns.target_key, columns.flag, columns.event_id).where(
            found, columns.flag.in_(flags)
        ),
    )
    pairs: dict[tuple[str, str], list[uuid.UUID]] = defaultdict(list)
    for row in rows:
        pairs[row.target_key, row.flag].append(row.event_id)
    # Parents are read once per event, not per row: one event may speak of thousands of targets.
    found = events_by_id(connection, {id for ids in pairs.values() for id in ids})
    parents = {id: frozenset(event.parents) for id, event in found.items()}
    return {pair: {id: parents[id] for id in ids} for pair, ids in pairs.items()}


def claims(
    connection: Connection, targets: Mapping[str, Target], flags: Sequence[str] | None
) -> dict[tuple[str, str], list[Claim]]:
    """Read everything that was ever asserted of some targets.

    Parameters
    ----------
    connection
        Any transaction.
    targets
        Targets by key.
    flags
        Only these flags; all if None.

    Returns
    -------
    dict
        The claims for each target key and flag of which anything was said.
    """
    columns = schema.assertion.c
    only = () if flags is None else (columns.flag.in_(flags),)
    rows = _chunked(
        connection, columns.target_key, targets, lambda found: select(schema.assertion).where(found, *only)
    )
    authors = events_by_id(connection, {row.event_id for row in rows})
    said_by = {id: (event.by, frozenset(event.parents)) for id, event in authors.items()}
    texts = {
        row.id: (row.text, row.state)
        for row in _chunked(
            connection,
            schema.annotation.c.id,
            {row.annotation_id for row in rows},
            lambda found: select(
                schema.annotation.c.id, schema.annotation.c.text, schema.annotation.c.state
            ).where(found),
        )
    }
    result: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for row in rows:
        event = authors[row.event_id]
        actor, parents = said_by[row.event_id]
        text, state = texts[row.annotation_id]
        result[row.target_key, row.flag].append(
            Claim(
                target=targets[row.target_key],
                flag=row.flag,
                state=row.state,
                reason=row.reason,
                version=row.version,
                actor=actor,
                recorded_at=event.recorded_at,
                text=text,
                annotation_id=row.annotation_id,
                event_id=row.event_id,
                parents=parents,
                rank=(event.hlc, event.origin, str(event.id)),
                counts=row.live and state != "retracted",
            )
        )
    return result


def _chunked(connection: Connection, column: Any, values: Iterable[Any], query: Any) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for chunk in batched(values, _CHUNK):
        rows += connection.execute(query(column.in_(chunk))).all()
    return rows


def _event(row: Row[Any]) -> Event:
    try:
        values = dict(row._mapping)
        values["parents"] = tuple(uuid.UUID(parent) for parent in json.loads(values["parents"]))
        values["payload"] = json.loads(values["payload"])
        return Event(**values)
    except (TypeError, ValueError) as error:
        raise AnnotationLogError(f"Event {row.origin}:{row.origin_seq} cannot be read: {error}.") from error


def _target(row: Row[Any]) -> Target:
    return Target(
        row.kind,
        row.key,
        repository=row.repository,
        dataset_id=row.dataset_id,
        name=row.name,
        element=row.element,
        data_id=None if row.data_id is None else json.loads(row.data_id),
        begin=row.begin,
        end=row.end,
    )


def _target_row(annotation_id: uuid.UUID, position: int, target: Target) -> dict[str, Any]:
    return {
        "annotation_id": annotation_id,
        "position": position,
        "kind": target.kind,
        "key": target.key,
        "repository": target.repository,
        "dataset_id": target.dataset_id,
        "name": target.name,
        "element": target.element,
        "data_id": None if target.data_id is None else canonical(dict(target.data_id)),
        "begin": target.begin,
        "end": target.end,
    }


_STANCE = ("event_id", "target_key", "flag", "version", "state", "reason", "whole", "position", "live")


def _stance(row: Row[Any]) -> Stance:
    return Stance(**{name: row._mapping[name] for name in _STANCE})


def _stance_row(annotation_id: uuid.UUID, stance: Stance) -> dict[str, Any]:
    return {name: getattr(stance, name) for name in _STANCE} | {"annotation_id": annotation_id}


def _head(row: Row[Any], targets: Sequence[Target], stances: Iterable[Stance]) -> Head:
    return Head(
        id=row.id,
        state=row.state,
        text=row.text,
        level=row.level,
        tags=tuple(json.loads(row.tags)),
        urls=tuple(json.loads(row.urls)),
        targets=tuple(targets),
        event_id=row.event_id,
        content_id=row.content_id,
        actor=Actor(
            row.actor,
            row.actor_kind,
            on_behalf_of=row.on_behalf_of,
            agent=row.agent,
            agent_version=row.agent_version,
        ),
        recorded_at=row.recorded_at,
        creator=row.creator,
        key=row.key,
        created=row.created,
        stances=frozenset(stances),
    )
