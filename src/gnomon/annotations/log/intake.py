"""Taking in events that were recorded elsewhere, or in another copy of this log.

Whatever the order in which they come, and however often, the log ends up the same: events that are there
already are passed over, and one that comes before its parents, or before its predecessor in its origin, is
held until they come. An event counts from the moment at which all that came before it does.
"""

import json
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import batched

from sqlalchemy import Connection, delete, select

from gnomon import times
from gnomon.annotations.log import clock, payloads
from gnomon.annotations.log.appending import advance
from gnomon.annotations.log.events import Event, canonical, chain_hash
from gnomon.annotations.log.taking_in import take_in
from gnomon.annotations.storage import bulk, schema
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage.names import Names
from gnomon.errors import AnnotationError, AnnotationLogError, LogForkError

__all__ = ["Intake", "intake"]

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of events that were brought in.

    Parameters
    ----------
    recorded
        How many are new and count now, those among them that had been held.
    known
        How many were there already.
    held
        How many wait for others.
    dropped
        Sentences about events that had been held and turned out to be none of their chain.
    """

    recorded: int = 0
    known: int = 0
    held: int = 0
    dropped: tuple[str, ...] = field(default=())


@dataclass(slots=True)
class _Chain:
    """How far an origin goes."""

    number: int
    seq: int
    reading: int
    hash: str


def intake(connection: Connection, names: Names, given: Iterable[Event]) -> Intake:
    """Take in events.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of actors and origins.
    given
        Events in any order.

    Returns
    -------
    Intake
        What became of them.

    Raises
    ------
    LogForkError
        If one claims a number that another event has.
    AnnotationLogError
        If one is not what its origin recorded: its hash is another, its clock goes back, or it does not hold
        what it should. Nothing is recorded then.
    """
    coming: dict[str, dict[int, dict[str, Event]]] = defaultdict(lambda: defaultdict(dict))
    for event in given:
        coming[event.origin][event.origin_seq][event.hash] = event
    chains = {origin: _chain(connection, names, origin) for origin in coming}
    known = _leave_out_known(connection, coming, chains)
    fresh = {hash for numbers in coming.values() for same in numbers.values() for hash in same}
    waiting = _held(connection)
    for event in waiting:
        coming[event.origin][event.origin_seq].setdefault(event.hash, event)
        if event.origin not in chains:
            chains[event.origin] = _chain(connection, names, event.origin)
    accepted, dropped = _accept(connection, coming, chains, fresh)
    stored.append(connection, map(stored.texts, accepted))
    take_in(connection, names, accepted)
    for chain in chains.values():
        advance(connection, chain.number, chain.seq, chain.reading, chain.hash)
    left = [event for numbers in coming.values() for same in numbers.values() for event in same.values()]
    _keep(connection, waiting, left)
    return Intake(len(accepted), known, len(left), tuple(dropped))


def _chain(connection: Connection, names: Names, origin: str) -> _Chain:
    number = names.origin_number(connection, origin)
    columns = schema.origin.c
    row = connection.execute(
        select(columns.last_seq, columns.last_hlc, columns.last_hash).where(columns.no == number)
    ).one()
    return _Chain(number, row.last_seq, row.last_hlc, row.last_hash)


def _leave_out_known(
    connection: Connection, coming: Mapping[str, dict[int, dict[str, Event]]], chains: Mapping[str, _Chain]
) -> int:
    known = 0
    for origin, numbers in coming.items():
        old = [number for number in numbers if number <= chains[origin].seq]
        hashes = stored.hashes(connection, origin, old)
        for number in old:
            for hash in numbers.pop(number):
                if hash != hashes.get(number):
                    raise LogForkError(
                        f"Event {number} of {origin} is another here: two logs wrote under the same origin. "
                        "Give each installation an origin of its own; nothing was taken in."
                    )
                known += 1
    return known


def _held(connection: Connection) -> list[Event]:
    return [
        Event.from_dict(json.loads(text))
        for text in connection.execute(select(schema.held.c.event)).scalars()
    ]


def _accept(
    connection: Connection,
    coming: Mapping[str, dict[int, dict[str, Event]]],
    chains: Mapping[str, _Chain],
    fresh: set[str],
) -> tuple[list[Event], list[str]]:
    """Take from ``coming`` whatever may count now, in an order in which it may."""
    every = [event for numbers in coming.values() for same in numbers.values() for event in same.values()]
    # With their own ids, which another event must not have.
    ids = {id for event in every for id in (event.id, *event.parents)}
    readings = _readings(connection, ids)
    made = stored.existing(connection, {e.annotation_id for e in every if e.annotation_id is not None})
    accepted: list[Event] = []
    dropped: list[str] = []
    # An origin is looked at again when the parent for which it waited has come.
    asleep: dict[uuid.UUID, set[str]] = defaultdict(set)
    queue = deque(coming)
    while queue:
        origin = queue.popleft()
        chain, numbers = chains[origin], coming[origin]
        while (same := numbers.get(chain.seq + 1)) is not None:
            missing: uuid.UUID | None = None
            for event in list(same.values()):
                missing = next((parent for parent in event.parents if parent not in readings), None)
                if missing is not None:
                    asleep[missing].add(origin)
                    continue
                parents, payload = stored.texts(event)[1:]
                problem = _problem(event, chain, readings, made, parents, payload)
                if problem is None:
                    break
                if event.hash in fresh:
                    raise problem
                # It came before its predecessor, when nobody could tell.
                dropped.append(str(problem))
                del same[event.hash]
            else:
                if not same:
                    del numbers[chain.seq + 1]
                break
            for other in same.values():
                if other is not event:
                    forked = LogForkError(f"Event {other.origin_seq} of {origin} came in two forms.")
                    if other.hash in fresh:
                        raise forked
                    dropped.append(str(forked))
            del numbers[event.origin_seq]
            chain.seq, chain.reading, chain.hash = event.origin_seq, event.hlc, event.hash
            readings[event.id] = event.hlc
            if event.kind == "add" and event.annotation_id is not None:
                made.add(event.annotation_id)
            accepted.append(event)
            queue.extend(asleep.pop(event.id, ()))
    return accepted, dropped


def _problem(
    event: Event,
    chain: _Chain,
    readings: Mapping[uuid.UUID, int],
    made: set[uuid.UUID],
    parents: str,
    payload: str,
) -> AnnotationLogError | None:
    place = f"Event {event.origin_seq} of {event.origin}"
    if event.hash != chain_hash(event, chain.hash, parents=parents, payload=payload):
        return AnnotationLogError(f"{place} is not what was recorded: its hash is another.")
    if event.hlc <= max([chain.reading, *(readings[parent] for parent in event.parents)]):
        return AnnotationLogError(f"The clock of {place[0].lower()}{place[1:]} goes back.")
    if event.id in readings:
        return AnnotationLogError(
            f"{place} has the id of another event. If a part of that log was transferred here, this log "
            "cannot follow the whole: transfer what else is wanted, or begin a new log that follows it."
        )
    if event.annotation_id is not None and (event.kind == "add") == (event.annotation_id in made):
        what = "makes an annotation that exists" if event.kind == "add" else "changes one that was never made"
        return AnnotationLogError(f"{place} {what}: {event.annotation_id}.")
    try:
        clock.receive(0, event.hlc, times.now())
        payloads.check(event)
    except AnnotationError as error:
        return AnnotationLogError(f"{place} cannot be taken in. {error}")
    return None


def _readings(connection: Connection, ids: set[uuid.UUID]) -> dict[uuid.UUID, int]:
    columns = schema.event.c
    result: dict[uuid.UUID, int] = {}
    for chunk in batched(ids, _CHUNK):
        query = select(columns.id, columns.hlc).where(columns.id.in_(chunk))
        result.update((row[0], row[1]) for row in connection.execute(query))
    return result


def _keep(connection: Connection, before: Iterable[Event], now: Iterable[Event]) -> None:
    """Hold what waits, and nothing else."""
    identity = {(event.origin, event.origin_seq, event.hash): event for event in now}
    old = {(event.origin, event.origin_seq, event.hash) for event in before}
    columns = schema.held.c
    for origin, number, hash in old - identity.keys():
        connection.execute(
            delete(schema.held).where(
                columns.origin == origin, columns.origin_seq == number, columns.hash == hash
            )
        )
    rows = [(*key, canonical(event.to_dict())) for key, event in identity.items() if key not in old]
    bulk.insert(connection, schema.held, ("origin", "origin_seq", "hash", "event"), rows)
