"""Carrying a part of one log into another, which records it as its own events, with where they come from.

A log that follows another one takes it whole, since an origin's numbers have no gaps. A part cannot be taken
so. It is *carried*: the receiving log numbers and chains each event anew, under its own origin and as of the
moment at which it came; the event's id, author and time, its annotation and what it says stay, and beside
them it keeps the number, clock, parents and hash that it had, with the hash before it, so that anybody can
compute that it is what was recorded first.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from gnomon.annotations.log import payloads
from gnomon.annotations.log.appending import Recorder
from gnomon.annotations.log.events import Event, canonical, chain_hash
from gnomon.annotations.storage import bulk, resolutions, schema
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, AnnotationLogError, LogForkError

__all__ = ["Carried", "Excerpt", "carry", "excerpt", "source_of"]

_CARRIED = "carried"
_KEY = "key"


@dataclass(frozen=True)
class Excerpt:
    """Some events of a log.

    Attributes
    ----------
    events
        The events, each after those that it answers.
    previous
        For each of them by its id the hash of the event before it in its origin.
    first
        The hash of the first event of each origin, which tells apart two logs that call themselves the same.
    """

    events: tuple[Event, ...]
    previous: Mapping[uuid.UUID, str]
    first: Mapping[str, str]


@dataclass(frozen=True)
class Carried:
    """What became of an excerpt.

    Attributes
    ----------
    recorded, known
        How many events are new, and how many were there already.
    annotations
        How many annotations the excerpt is about.
    """

    recorded: int
    known: int
    annotations: int


def excerpt(connection: Connection, names: Names, targets: Iterable[Target]) -> Excerpt:
    """Take out all that was ever said of some things.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    targets
        The things.

    Returns
    -------
    Excerpt
        All events of each annotation of one of the things, also under the name of the pending observation
        that it was, retracted ones too, and of the threads that these are part of. Where they say of a flag
        of something else, too, all that was said of that: half of it would be another answer. And what says
        which record a pending observation among their targets became.
    """
    asked = {target.key for target in targets}
    keys = asked | (resolutions.spread(connection, names, asked, None) or {}).keys()
    ids = _belonging(connection, names, _about(connection, keys))
    events = [event for one in stored.of_annotations(connection, ids).values() for event in one]
    pending = {key for key in keys if key.startswith("pending:")} | {
        Target.from_dict(value).key
        for event in events
        for value in event.payload.get("targets", ())
        if value["kind"] == "pending"
    }
    if pending:
        events += [
            event
            for event in stored.read(connection, schema.event.c.kind == "resolve")
            if any(Target.from_dict(pair["pending"]).key in pending for pair in event.payload["resolved"])
        ]
    events.sort(key=lambda event: event.rank)
    return Excerpt(tuple(events), *_hashes(connection, events))


def carry(connection: Connection, names: Names, origin: str, given: Excerpt) -> Carried:
    """Record what another log says.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of actors and origins.
    origin
        The origin of this log.
    given
        A part of the other one.

    Returns
    -------
    Carried
        What became of it.

    Raises
    ------
    LogForkError
        If an event has the id of another one here.
    AnnotationLogError
        If an event is not what was recorded, or this log follows its origin and will get it from there.
    """
    for event in given.events:
        _verify(event, given.previous[event.id])
    here = _here(connection, [event.id for event in given.events])
    fresh = []
    for event in given.events:
        if (known := here.get(event.id)) is None:
            fresh.append(event)
        elif not _identities(known) & _identities(event):
            raise LogForkError(f"Event {event.id} is another one in this log; nothing was taken in.")
    _refuse_followed(connection, given, fresh)
    present = stored.present(connection, {parent for event in fresh for parent in event.parents})
    recorder = Recorder(connection, names, origin)
    for event in fresh:
        recorder.record(
            event.kind,
            event.annotation_id,
            actor=event.by,
            parents=[parent for parent in event.parents if parent in present],
            payload=_with_source(event, given.previous[event.id]),
            id=event.id,
            recorded_at=event.recorded_at,
        )
        present.add(event.id)
    if fresh:
        recorder.write()
    annotations = {event.annotation_id for event in given.events} - {None}
    return Carried(len(fresh), len(given.events) - len(fresh), len(annotations))


def source_of(event: Event) -> Event | None:
    """Give the event that another log recorded, of one that was carried.

    Parameters
    ----------
    event
        An event.

    Returns
    -------
    Event or None
        As it was there; None if the event was recorded here first.
    """
    source = event.payload.get(_CARRIED)
    if source is None:
        return None
    payload = {name: value for name, value in event.payload.items() if name != _CARRIED}
    payload |= {name: source[name] for name in (_CARRIED, _KEY) if name in source}
    return replace(
        event,
        origin=source["origin"],
        origin_seq=source["origin_seq"],
        hlc=source["hlc"],
        parents=tuple(uuid.UUID(parent) for parent in source["parents"]),
        payload=payload,
        hash=source["hash"],
    )


def _with_source(event: Event, previous: str) -> dict[str, Any]:
    source: dict[str, Any] = {
        "origin": event.origin,
        "origin_seq": event.origin_seq,
        "hlc": event.hlc,
        "parents": [str(parent) for parent in event.parents],
        "previous": previous,
        "hash": event.hash,
    }
    payload = dict(event.payload)
    # What was carried before keeps its way; a key is its author's at the other origin, and may be used here.
    source |= {name: payload.pop(name) for name in (_CARRIED, _KEY) if name in payload}
    return {**payload, _CARRIED: source}


def _verify(event: Event, previous: str) -> None:
    parents, payload = canonical([str(parent) for parent in event.parents]), canonical(event.payload)
    place = f"Event {event.origin_seq} of {event.origin}"
    if event.hash != chain_hash(event, previous, parents=parents, payload=payload):
        raise AnnotationLogError(f"{place} is not what was recorded: its hash is another.")
    try:
        payloads.check(event)
    except AnnotationError as error:
        raise AnnotationLogError(f"{place} cannot be taken in. {error}") from error


def _identities(event: Event) -> set[str]:
    """Give the hashes under which an event was recorded, here and wherever it came from."""
    found = {event.hash}
    source = event.payload.get(_CARRIED)
    while source is not None:
        found.add(source["hash"])
        source = source.get(_CARRIED)
    return found


def _refuse_followed(connection: Connection, given: Excerpt, fresh: Sequence[Event]) -> None:
    for origin in dict.fromkeys(event.origin for event in fresh):
        if stored.hashes(connection, origin, [1]).get(1) == given.first[origin]:
            number = next(event.origin_seq for event in fresh if event.origin == origin)
            raise AnnotationLogError(
                f"This log follows {origin} and will get its event {number} from there; a part that it "
                "recorded itself would stand in the way. Bring it up to date with `gnomon annotations export "
                "--after` there and `gnomon annotations import` here."
            )


def _here(connection: Connection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Event]:
    return {event.id: event for event in stored.with_ids(connection, ids)}


def _hashes(connection: Connection, events: Sequence[Event]) -> tuple[dict[uuid.UUID, str], dict[str, str]]:
    previous: dict[uuid.UUID, str] = {}
    first: dict[str, str] = {}
    for origin in dict.fromkeys(event.origin for event in events):
        mine = [event for event in events if event.origin == origin]
        known = stored.hashes(connection, origin, {1, *(event.origin_seq - 1 for event in mine)})
        first[origin] = known[1]
        previous |= {event.id: known.get(event.origin_seq - 1, "") for event in mine}
    return previous, first


def _about(connection: Connection, keys: Iterable[str]) -> set[int]:
    """Give the annotations of some things, by their keys in this database."""
    query = "SELECT DISTINCT t.made FROM {keys} CROSS JOIN target AS t WHERE t.key = k.value"
    asked = sorted(keys)
    return {row[0] for row in bulk.fetch(connection, query, asked)} if asked else set()


def _belonging(connection: Connection, names: Names, found: Iterable[int]) -> set[uuid.UUID]:
    """Add to some annotations their threads and what is weighed against them, until nothing is missing."""
    named = "SELECT n.id, n.thread FROM {keys} CROSS JOIN annotation AS n WHERE n.made = k.value"
    ids: set[uuid.UUID] = set()
    done: set[int] = set()
    threads: set[uuid.UUID] = set()
    todo = set(found)
    while todo:
        done |= todo
        rows = bulk.fetch(connection, named, sorted(todo))
        ids |= (new := {_uuid(row[0]) for row in rows})
        # The first annotation of a thread names none: it may be any of those that are new.
        begun = (new | {_uuid(row[1]) for row in rows if row[1] is not None}) - threads
        threads |= begun
        todo = (_in_threads(connection, begun) | _beside(connection, names, todo)) - done
    return ids


def _beside(connection: Connection, names: Names, places: Iterable[int]) -> set[int]:
    """Give the annotations that say something of the same flags of the same things."""
    said = (
        "SELECT DISTINCT a.target_key, a.flag FROM {keys} CROSS JOIN target AS t CROSS JOIN assertion AS a "
        "WHERE t.made = k.value AND a.target_key = t.key AND a.made = t.made"
    )
    flags: dict[str, set[str]] = {}
    for key, flag in bulk.fetch(connection, said, sorted(places)):
        flags.setdefault(key, set()).add(flag)
    if not flags:
        return set()
    same = resolutions.spread(connection, names, flags.keys(), None) or {key: [key] for key in flags}
    query = (
        "SELECT DISTINCT a.target_key, a.flag, a.made FROM {keys} CROSS JOIN assertion AS a "
        "WHERE a.target_key = k.value"
    )
    return {
        made
        for key, flag, made in bulk.fetch(connection, query, sorted(same))
        if any(flag in flags[meant] for meant in same[key])
    }


def _in_threads(connection: Connection, threads: Iterable[uuid.UUID]) -> set[int]:
    """Give the annotations that began some threads, and those that answer them."""
    keys = [thread.hex for thread in threads]
    if not keys:
        return set()
    id = _as_id(connection)
    query = "SELECT n.made FROM {keys} CROSS JOIN annotation AS n WHERE "
    return {
        row[0]
        for condition in (f"n.thread = {id}", f"n.id = {id}")
        for row in bulk.fetch(connection, query + condition, keys)
    }


def _as_id(connection: Connection) -> str:
    return "k.value" if connection.dialect.name == "sqlite" else "CAST(k.value AS uuid)"


def _uuid(value: Any) -> uuid.UUID:
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
