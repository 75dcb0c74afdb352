"""Annotations in the tables: writing what a projection says, reading it back."""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, delete, select, update

from gnomon.annotations.log.events import canonical
from gnomon.annotations.model import Annotation, Attachment, TimeLost
from gnomon.annotations.projections import Projection, read_assertions
from gnomon.annotations.storage import bulk, schema, text_index
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target

__all__ = ["Rows", "keyed", "load", "places", "replace", "rows", "write"]

_CHUNK = 1000
_FEW_PARENTS = 8
"""How many parents a row of an assertion carries itself, so that weighing it needs no other table."""

MANY_PARENTS = "[...]"
"""What such a row carries instead, if there are more."""

_SHORT_TEXTS = 1000
"""How many characters of text all rows of one annotation's assertions carry together."""

ANNOTATION = tuple(column.name for column in schema.annotation.columns)
TARGET = tuple(column.name for column in schema.target.columns)
ASSERTION = tuple(column.name for column in schema.assertion.columns)
_TEXT = ANNOTATION.index("text")


class Rows(NamedTuple):
    """The rows of one annotation in the four tables, in the order of their columns."""

    annotation: tuple[Any, ...]
    tags: list[tuple[str, int]]
    targets: list[tuple[Any, ...]]
    assertions: list[tuple[Any, ...]]


def rows(connection: Connection, names: Names, made: int, projected: Projection) -> Rows:
    """Make the rows of an annotation.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of actors and origins.
    made
        The key of the annotation in this database.
    projected
        The annotation.

    Returns
    -------
    Rows
        To be written.
    """
    dialect = connection.dialect.name
    annotation = (
        made,
        projected.id.hex,
        projected.state,
        projected.text,
        projected.level,
        _list(projected.tags),
        _list(projected.urls),
        _list(projected.flags),
        _list(projected.attachments),
        canonical(projected.conflicts) if projected.conflicts else "{}",
        bulk.plain(projected.reply_to),
        bulk.plain(projected.thread),
        projected.assignee,
        projected.resolution,
        None if projected.time_lost is None else canonical(projected.time_lost),
        projected.event_id.hex,
        _list([str(head) for head in projected.heads]),
        projected.revisions,
        names.actor_number(connection, projected.actor),
        projected.recorded_at,
        names.actor_number(connection, projected.creator),
        projected.created_at,
        names.origin_number(connection, projected.origin),
        projected.key,
        text_index.vector(projected.text) if dialect == "postgresql" else None,
    )
    targets = [
        (made, place, t.key, t.kind, t.instrument, t.begin, t.end, canonical(t.to_dict()))
        for place, t in enumerate(projected.targets)
    ]
    told: dict[uuid.UUID, tuple[Any, ...]] = {}
    spoken: str | None = projected.text
    if len(projected.text) * len(projected.stances) > _SHORT_TEXTS:
        spoken = None
    revised = projected.revisions > 1
    assertions = []
    for stance in projected.stances:
        event = stance.event
        if event.id not in told:
            few = len(event.parents) <= _FEW_PARENTS
            elsewhere = MANY_PARENTS if event.parents else None
            told[event.id] = (
                names.origin_number(connection, event.origin),
                event.id.hex,
                names.actor_number(connection, event.by),
                canonical([str(parent) for parent in event.parents]) if event.parents and few else elsewhere,
            )
        origin, id, actor, parents = told[event.id]
        assertions.append(
            (
                stance.target_key,
                stance.flag,
                origin,
                event.origin_seq,
                made,
                id,
                event.hlc,
                event.recorded_at,
                actor,
                stance.state,
                stance.version,
                stance.reason,
                stance.counts,
                annotation[1],
                revised,
                spoken,
                parents,
            )
        )
    return Rows(annotation, [(tag, made) for tag in projected.tags], targets, assertions)


def _list(values: Sequence[Any]) -> str:
    return canonical(values) if values else "[]"  # most are empty


def write(connection: Connection, new: Sequence[Rows], *, index: bool = True) -> None:
    """Write annotations that the tables do not hold yet.

    Parameters
    ----------
    connection
        A writing transaction.
    new
        Their rows.
    index
        Whether the texts are to be found by a search; a rebuild sees to that at its end.
    """
    bulk.insert(connection, schema.annotation, ANNOTATION, [r.annotation for r in new])
    bulk.insert(connection, schema.tag, ("tag", "made"), [tag for r in new for tag in r.tags])
    bulk.insert(connection, schema.target, TARGET, [target for r in new for target in r.targets])
    bulk.insert(connection, schema.assertion, ASSERTION, [stance for r in new for stance in r.assertions])
    if index:
        text_index.add(connection, [(r.annotation[0], r.annotation[_TEXT]) for r in new])


def replace(connection: Connection, old: Rows, new: Rows) -> None:
    """Write what changed of an annotation.

    Parameters
    ----------
    connection
        A writing transaction.
    old
        What the tables hold.
    new
        What they are to hold, under the same key and of the same targets.
    """
    made = new.annotation[0]
    if old.annotation != new.annotation:
        values = dict(zip(ANNOTATION, new.annotation, strict=True))
        for name in ("id", "event_id", "reply_to", "thread"):
            values[name] = None if values[name] is None else uuid.UUID(values[name])
        if old.annotation[_TEXT] != new.annotation[_TEXT]:
            text_index.remove(connection, [(made, old.annotation[_TEXT])])
        connection.execute(update(schema.annotation).where(schema.annotation.c.made == made), values)
        if old.annotation[_TEXT] != new.annotation[_TEXT]:
            text_index.add(connection, [(made, new.annotation[_TEXT])])
    if old.tags != new.tags:
        connection.execute(delete(schema.tag).where(schema.tag.c.made == made))
        bulk.insert(connection, schema.tag, ("tag", "made"), new.tags)
    before, after = set(old.assertions), set(new.assertions)
    if gone := before - after:
        columns = schema.assertion.c
        statement = delete(schema.assertion).where(
            columns.target_key == bindparam("k"),
            columns.flag == bindparam("f"),
            columns.origin == bindparam("o"),
            columns.seq == bindparam("s"),
        )
        keys = [dict(zip("kfos", row[:4], strict=True)) for row in gone]
        connection.execute(statement, keys)
    bulk.insert(connection, schema.assertion, ASSERTION, [row for row in new.assertions if row not in before])


def places(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Find annotations.

    Parameters
    ----------
    connection
        Any transaction.
    ids
        Their ids; unknown ones are passed over.

    Returns
    -------
    dict
        The key of each in this database.
    """
    columns = schema.annotation.c
    result: dict[uuid.UUID, int] = {}
    for chunk in batched(dict.fromkeys(ids), _CHUNK):
        query = select(columns.id, columns.made).where(columns.id.in_(chunk))
        result.update((row[0], row[1]) for row in connection.execute(query))
    return result


def keyed(
    connection: Connection, names: Names, origin: str, creator: str, keys: Collection[str]
) -> dict[str, tuple[uuid.UUID, uuid.UUID]]:
    """Find the annotations that somebody made under some keys.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of actors and origins.
    origin
        Where they were made: another origin may use the same key without knowing.
    creator, keys
        By whom, and the idempotency keys.

    Returns
    -------
    dict
        The ids of annotation and last event for each key that was used.
    """
    columns, actors = schema.annotation.c, schema.actor.c
    number = names.origin_number(connection, origin)
    found: dict[str, tuple[uuid.UUID, uuid.UUID]] = {}
    for chunk in batched(keys, _CHUNK):
        query = (
            select(columns.key, columns.id, columns.event_id)
            .join(schema.actor, actors.no == columns.creator)
            .where(columns.key.in_(chunk), actors.name == creator, columns.origin == number)
        )
        for key, id, event in connection.execute(query):
            found[key] = (id, event)
    return found


def load(connection: Connection, names: Names, query: Select[Any]) -> list[tuple[int, Annotation]]:
    """Read annotations as they stand now.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of actors and origins.
    query
        Gives rows of ``annotation``.

    Returns
    -------
    list of tuple of int and Annotation
        Each with its key, in the order of the query.
    """
    found = connection.execute(query).all()
    about = _targets(connection, [row.made for row in found])
    names.refresh(connection, actors={number for row in found for number in (row.actor, row.creator)})
    return [(row.made, _annotation(row, about.get(row.made, ()), names)) for row in found]


def _targets(connection: Connection, keys: Sequence[int]) -> Mapping[int, tuple[Target, ...]]:
    columns = schema.target.c
    found: dict[int, list[Target]] = {}
    for chunk in batched(keys, _CHUNK):
        query = select(columns.made, columns.body).where(columns.made.in_(chunk))
        for made, body in connection.execute(query.order_by(columns.made, columns.position)):
            found.setdefault(made, []).append(Target.from_dict(json.loads(body)))
    return {made: tuple(targets) for made, targets in found.items()}


def _annotation(row: Row[Any], targets: tuple[Target, ...], names: Names) -> Annotation:
    return Annotation(
        id=row.id,
        text=row.text,
        level=row.level,
        tags=tuple(json.loads(row.tags)),
        urls=tuple(json.loads(row.urls)),
        state=row.state,
        targets=targets,
        assertions=tuple(read_assertions(json.loads(row.flags), targets)),
        attachments=tuple(Attachment(**value) for value in json.loads(row.attachments)),
        reply_to=row.reply_to,
        thread=row.thread,
        assignee=row.assignee,
        resolution=row.resolution,
        time_lost=None if row.time_lost is None else TimeLost(**json.loads(row.time_lost)),
        actor=names.actors[row.actor],
        recorded_at=row.recorded_at,
        creator=names.actors[row.creator],
        created_at=row.created_at,
        event_id=row.event_id,
        conflicts={field: tuple(values) for field, values in json.loads(row.conflicts).items()},
    )
