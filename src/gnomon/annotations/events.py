"""The only truth: events, one after the other, each sealed to the one before.

Every change is an event that is appended and never altered. The events of one origin are numbered without
gaps and chained by their hashes, so that a lost or altered one shows; `seal` makes the link and
`gnomon.annotations.audit` follows the chain. Whatever else the room keeps is computed from the events.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gnomon.annotations.model import Actor, ActorKind

__all__ = ["Event", "EventKind", "canonical", "digest", "seal"]

EventKind = Literal["add", "edit", "retract"]
"""What can happen to an annotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened, as it is kept for ever.

    Parameters
    ----------
    id
        UUIDv7.
    origin
        The installation that recorded it.
    origin_seq
        Its number there, from 1 without gaps.
    hlc
        The reading of the hybrid logical clock, see `gnomon.annotations.clock`.
    recorded_at
        The wall clock's time, TAI microseconds since 1970-01-01 TAI. Shown to people, never used for order.
    actor
        Who did it.
    actor_kind
        Whether that is a person, a bot or a pipeline.
    on_behalf_of
        The person for whom a program acted.
    agent, agent_version
        The program that was used.
    kind
        What happened.
    annotation_id
        To which annotation.
    parents
        The events that the author had seen and answers with this one.
    payload
        What was said, as plain JSON values.
    hash
        SHA-256, hexadecimal, of the origin's previous hash and this event; empty until it is sealed.
    """

    id: uuid.UUID
    origin: str
    origin_seq: int
    hlc: int
    recorded_at: int
    actor: str
    actor_kind: ActorKind
    on_behalf_of: str | None
    agent: str | None
    agent_version: str | None
    kind: EventKind
    annotation_id: uuid.UUID
    parents: tuple[uuid.UUID, ...]
    payload: Mapping[str, Any] = field(hash=False)
    hash: str = ""

    @property
    def by(self) -> Actor:
        """Who did it, with all that is known of them."""
        return Actor(
            self.actor,
            self.actor_kind,
            on_behalf_of=self.on_behalf_of,
            agent=self.agent,
            agent_version=self.agent_version,
        )

    def to_dict(self) -> dict[str, Any]:
        """Write the event as plain JSON values.

        Returns
        -------
        dict
            A value for each column.
        """
        return {
            "id": str(self.id),
            "origin": self.origin,
            "origin_seq": self.origin_seq,
            "hlc": self.hlc,
            "recorded_at": self.recorded_at,
            "actor": self.actor,
            "actor_kind": self.actor_kind,
            "on_behalf_of": self.on_behalf_of,
            "agent": self.agent,
            "agent_version": self.agent_version,
            "kind": self.kind,
            "annotation_id": str(self.annotation_id),
            "parents": [str(parent) for parent in self.parents],
            "payload": dict(self.payload),
            "hash": self.hash,
        }


def canonical(value: Any) -> str:
    """Write JSON so that equal values give equal texts.

    Parameters
    ----------
    value
        Plain JSON values; a float that is not finite raises `ValueError`.

    Returns
    -------
    str
        Keys sorted, no white space, text unescaped.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(event: Event, previous: str) -> str:
    """Compute the hash of an event.

    Parameters
    ----------
    event
        The event; its own ``hash`` does not enter.
    previous
        The hash of the event before it in its origin, empty for the first.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = event.to_dict()
    del content["hash"]
    return hashlib.sha256(f"{previous}\n{canonical(content)}".encode()).hexdigest()


def seal(event: Event, previous: str) -> Event:
    """Chain an event to the one before it.

    Parameters
    ----------
    event
        A complete event without a hash.
    previous
        The hash of the event before it in its origin, empty for the first.

    Returns
    -------
    Event
        The same event with its hash.
    """
    return replace(event, hash=digest(event, previous))
