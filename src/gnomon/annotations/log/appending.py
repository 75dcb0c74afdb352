"""Recording events: numbering, clock, chain of hashes, and the projections that follow."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import uuid_utils.compat as uuid_utils
from sqlalchemy import Connection

from gnomon import times
from gnomon.annotations.log import clock
from gnomon.annotations.log.events import Event, EventKind, canonical, chain_hash
from gnomon.annotations.log.taking_in import take_in
from gnomon.annotations.model import Actor
from gnomon.annotations.projections import Projection
from gnomon.annotations.storage import bulk
from gnomon.annotations.storage import events as stored
from gnomon.annotations.storage.names import Names

__all__ = ["Recorder"]


class Recorder:
    """Records events of one origin, one after the other, and writes them all at the end.

    Parameters
    ----------
    connection
        A writing transaction, so that nobody else numbers events meanwhile.
    names
        The numbers of actors and origins.
    origin
        The origin.
    """

    def __init__(self, connection: Connection, names: Names, origin: str) -> None:
        self._connection, self._names, self._origin = connection, names, origin
        self._number = names.origin_number(connection, origin)
        query = "SELECT last_seq, last_hash FROM origin WHERE no = ?"
        ((self._seq, self._hash),) = bulk.query(connection, query, self._number)
        self._reading = stored.last_reading(connection)
        self._written: list[tuple[Event, str, str]] = []

    def record(
        self,
        kind: EventKind,
        annotation_id: uuid.UUID | None,
        *,
        actor: Actor,
        parents: Iterable[uuid.UUID],
        payload: Mapping[str, Any],
        id: uuid.UUID | None = None,
        recorded_at: int | None = None,
    ) -> Event:
        """Seal one event.

        Parameters
        ----------
        kind, annotation_id, actor, parents, payload
            As of an `Event`.
        id, recorded_at
            Of one that another log recorded first; None makes a new id, and means now.

        Returns
        -------
        Event
            Numbered and chained.
        """
        wall = times.now()
        self._reading = clock.tick(self._reading, wall)
        self._seq += 1
        written = canonical(sorted(map(str, parents))), canonical(payload)
        values: dict[str, Any] = {
            "id": uuid_utils.uuid7() if id is None else id,
            "origin": self._origin,
            "origin_seq": self._seq,
            "hlc": self._reading,
            "recorded_at": wall if recorded_at is None else recorded_at,
            "actor": actor.name,
            "actor_kind": actor.kind,
            "on_behalf_of": actor.on_behalf_of,
            "agent": actor.agent,
            "agent_version": actor.agent_version,
            "kind": kind,
            "annotation_id": annotation_id,
            "parents": tuple(sorted(parents)),
            "payload": payload,
        }
        self._hash = chain_hash(Event(**values), self._hash, parents=written[0], payload=written[1])
        event = Event(**values, hash=self._hash)
        self._written.append((event, *written))
        return event

    def write(self) -> dict[uuid.UUID, Projection]:
        """Write what was recorded.

        Returns
        -------
        dict
            The annotations that changed, as they stand now.
        """
        stored.append(self._connection, self._written)
        changed = take_in(self._connection, self._names, [event for event, _, _ in self._written])
        advance(self._connection, self._number, self._seq, self._reading, self._hash)
        return changed


def advance(connection: Connection, number: int, seq: int, reading: int, hash: str) -> None:
    """Write how far an origin goes.

    Parameters
    ----------
    connection
        A writing transaction.
    number
        The number of the origin.
    seq, reading, hash
        Of its last event.
    """
    statement = "UPDATE origin SET last_seq = ?, last_hlc = ?, last_hash = ? WHERE no = ?"
    bulk.execute(connection, statement, seq, reading, hash, number)
