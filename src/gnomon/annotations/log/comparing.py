"""What the tables say beside what the events say, in one form in which both can be compared."""

import json
import uuid
from collections.abc import Iterable
from itertools import batched
from typing import Any

from sqlalchemy import Connection, Row, select

from gnomon.annotations.log.events import canonical
from gnomon.annotations.projections import Projection
from gnomon.annotations.storage import schema
from gnomon.annotations.storage.names import Names
from gnomon.errors import AnnotationLogError

__all__ = ["kept", "said"]


def said(projected: Projection) -> dict[str, Any]:
    """Write what a projection says, without the numbers that a database gives.

    Parameters
    ----------
    projected
        An annotation as its events make it.

    Returns
    -------
    dict
        Plain values.
    """
    return {
        "id": str(projected.id),
        "created": projected.created_at,
        "state": projected.state,
        "text": projected.text,
        "level": projected.level,
        "tags": list(projected.tags),
        "tagged": sorted(projected.tags),
        "urls": list(projected.urls),
        "flags": canonical(projected.flags),
        "attachments": canonical(projected.attachments),
        "conflicts": canonical(projected.conflicts),
        "reply_to": None if projected.reply_to is None else str(projected.reply_to),
        "thread": None if projected.thread is None else str(projected.thread),
        "assignee": projected.assignee,
        "resolution": projected.resolution,
        "time_lost": None if projected.time_lost is None else canonical(projected.time_lost),
        "event": str(projected.event_id),
        "heads": canonical([str(head) for head in projected.heads]),
        "revisions": projected.revisions,
        "actor": str(projected.actor),
        "recorded_at": projected.recorded_at,
        "creator": str(projected.creator),
        "origin": projected.origin,
        "key": projected.key,
        "targets": [[target.key, canonical(target.to_dict())] for target in projected.targets],
        "assertions": sorted(
            canonical(
                [
                    s.target_key, s.flag, s.event.origin, s.event.origin_seq, str(s.event.id), s.event.hlc,
                    s.event.recorded_at, str(s.event.by), s.state, s.version, s.reason, s.counts,
                ]
            )
            for s in projected.stances
        ),
    }  # fmt: skip


def kept(connection: Connection, names: Names, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Read the same from the tables.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of actors and origins.
    ids
        Of which annotations.

    Returns
    -------
    dict
        Plain values for each that the tables have, by id.
    """
    rows: list[Row[Any]] = []
    for some in batched(ids, 1000):
        rows += connection.execute(select(schema.annotation).where(schema.annotation.c.id.in_(some))).all()
    keys = [row.made for row in rows]
    tags: dict[int, list[str]] = {}
    targets: dict[int, list[list[str]]] = {}
    stances: dict[int, list[str]] = {}
    for chunk in batched(keys, 1000):
        columns = schema.tag.c
        for row in connection.execute(select(schema.tag).where(columns.made.in_(chunk))):
            tags.setdefault(row.made, []).append(row.tag)
        place = schema.target.c
        for row in connection.execute(
            select(schema.target).where(place.made.in_(chunk)).order_by(place.made, place.position)
        ):
            targets.setdefault(row.made, []).append([row.key, row.body])
    found: list[Row[Any]] = []
    for things in batched(sorted({key for listed in targets.values() for key, _ in listed}), 1000):
        place_of = schema.assertion.c
        found += connection.execute(select(schema.assertion).where(place_of.target_key.in_(things))).all()
    names.refresh(
        connection,
        actors={n for row in rows for n in (row.actor, row.creator)} | {row.actor for row in found},
        origins={row.origin for row in rows} | {row.origin for row in found},
    )
    for row in found:
        stances.setdefault(row.made, []).append(
            canonical(
                [
                    row.target_key, row.flag, names.origins[row.origin], row.seq, str(row.event_id), row.hlc,
                    row.recorded_at, str(names.actors[row.actor]), row.state, row.version, row.reason,
                    bool(row.live),
                ]
            )
        )  # fmt: skip
    return {
        row.id: {
            "id": str(row.id),
            "created": row.created_at,
            "state": row.state,
            "text": row.text,
            "level": row.level,
            "tags": _list(row.tags),
            "tagged": sorted(tags.get(row.made, ())),
            "urls": _list(row.urls),
            "flags": row.flags,
            "attachments": row.attachments,
            "conflicts": row.conflicts,
            "reply_to": None if row.reply_to is None else str(row.reply_to),
            "thread": None if row.thread is None else str(row.thread),
            "assignee": row.assignee,
            "resolution": row.resolution,
            "time_lost": row.time_lost,
            "event": str(row.event_id),
            "heads": row.heads,
            "revisions": row.revisions,
            "actor": str(names.actors[row.actor]),
            "recorded_at": row.recorded_at,
            "creator": str(names.actors[row.creator]),
            "origin": names.origins[row.origin],
            "key": row.key,
            "targets": targets.get(row.made, []),
            "assertions": sorted(stances.get(row.made, [])),
        }
        for row in sorted(rows, key=lambda row: str(row.id))
    }


def _list(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError as error:
        raise AnnotationLogError(f"A row cannot be read: {error}.") from error
