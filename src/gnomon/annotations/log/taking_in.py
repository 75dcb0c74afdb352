"""Bringing the projections up to what the log says."""

import uuid
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from gnomon.annotations.log.events import ABOUT_ANNOTATIONS, Event
from gnomon.annotations.projections import Projection, project
from gnomon.annotations.storage import annotations, bulk, definitions, observations, resolutions
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage.names import Names

__all__ = ["free_places", "take_in", "take_in_others"]


def take_in(connection: Connection, names: Names, new: Sequence[Event]) -> dict[uuid.UUID, Projection]:
    """Compute anew whatever some events touch.

    Parameters
    ----------
    connection
        A writing transaction, in which the events are written.
    names
        The numbers of actors and origins.
    new
        The events.

    Returns
    -------
    dict
        The annotations that they are about.

    Raises
    ------
    AnnotationLogError
        If they do not fit to what is there.
    """
    by_annotation: dict[uuid.UUID, list[Event]] = {}
    for event in new:
        if event.annotation_id is not None:
            by_annotation.setdefault(event.annotation_id, []).append(event)
    # Most events make an annotation, and of those there is nothing to look up.
    changing = [id for id, events in by_annotation.items() if all(event.kind != "add" for event in events)]
    places = annotations.places(connection, changing)
    histories = stored.of_annotations(connection, changing)
    fresh_ids = {event.id for event in new}
    changed: dict[uuid.UUID, Projection] = {}
    made: list[Projection] = []
    for id, events in by_annotation.items():
        projected = project(histories.get(id, events))
        changed[id] = projected
        if id not in places:
            made.append(projected)
            continue
        before = project([event for event in histories[id] if event.id not in fresh_ids])
        old = annotations.rows(connection, names, places[id], before)
        annotations.replace(connection, old, annotations.rows(connection, names, places[id], projected))
    keys = free_places(connection, made)
    annotations.write(
        connection,
        [annotations.rows(connection, names, key, one) for key, one in zip(keys, made, strict=True)],
    )
    take_in_others(connection, names, [event for event in new if event.kind not in ABOUT_ANNOTATIONS])
    return changed


def take_in_others(connection: Connection, names: Names, events: Iterable[Event]) -> None:
    """Take in events that are about no annotation.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of actors and origins.
    events
        The events.
    """
    by_kind: dict[str, list[Event]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append(event)
    definitions.write(connection, names, [*by_kind.get("vocabulary", ()), *by_kind.get("policy", ())])
    resolutions.write(connection, names, by_kind.get("resolve", ()))
    if "observe" in by_kind:
        observations.write(connection, names, by_kind["observe"])


def free_places(connection: Connection, made: Sequence[Projection]) -> Iterator[int]:
    """Give each new annotation a key: the clock's reading when it was made, or the next that is free.

    Parameters
    ----------
    connection
        A writing transaction.
    made
        The annotations.

    Yields
    ------
    int
        A key for each, in order.
    """
    if not made:
        return
    wanted = [one.created for one in made]
    query = "SELECT made FROM annotation WHERE made BETWEEN ? AND ?"
    taken = {row[0] for row in bulk.query(connection, query, min(wanted), max(wanted) + len(wanted))}
    for reading in wanted:
        key = reading
        while key in taken:
            key += 1
        taken.add(key)
        yield key
