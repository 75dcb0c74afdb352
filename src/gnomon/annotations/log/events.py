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
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Literal, get_args

from gnomon.annotations import checks
from gnomon.annotations.model import Actor, ActorKind
from gnomon.errors import AnnotationLogError, nearest

__all__ = ["ABOUT_ANNOTATIONS", "Event", "EventKind", "canonical", "chain_hash", "digest", "seal"]

EventKind = Literal["add", "edit", "retract", "resolve", "observe", "vocabulary", "policy"]
"""What can happen: the first three to an annotation; a pending observation becomes known, observations are
told, a vocabulary or a policy is laid down."""

ABOUT_ANNOTATIONS = frozenset({"add", "edit", "retract"})
"""The kinds that are about one annotation."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


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
        To which annotation; None if it is about none.
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
    annotation_id: uuid.UUID | None
    parents: tuple[uuid.UUID, ...]
    payload: Mapping[str, Any] = field(hash=False)
    hash: str = ""

    @property
    def by(self) -> Actor:
        """Who did it, with all that is known of them."""
        return _actor(self.actor, self.actor_kind, self.on_behalf_of, self.agent, self.agent_version)

    @property
    def rank(self) -> tuple[int, str, str]:
        """The order of events, the same everywhere and never against cause and effect."""
        return (self.hlc, self.origin, str(self.id))

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
            "annotation_id": None if self.annotation_id is None else str(self.annotation_id),
            "parents": [str(parent) for parent in self.parents],
            "payload": dict(self.payload),
            "hash": self.hash,
        }

    @classmethod
    def from_dict(cls, values: object) -> "Event":
        """Read what `to_dict` wrote, perhaps elsewhere.

        Parameters
        ----------
        values
            Plain JSON values.

        Returns
        -------
        Event
            The event; whether its hash is right is not looked at.

        Raises
        ------
        AnnotationLogError
            If it is no event.
        """
        if not isinstance(values, dict) or values.keys() != set(_FIELDS):
            missing = set(_FIELDS) - set(values) if isinstance(values, dict) else set(_FIELDS)
            raise AnnotationLogError(f"This is no event: expected is a JSON object with {_named(missing)}.")
        if values["kind"] not in get_args(EventKind):
            raise AnnotationLogError(
                f"{values['kind']!r} is not a kind of event."
                f"{nearest(str(values['kind']), get_args(EventKind))}"
            )
        of_annotation = values["kind"] in ABOUT_ANNOTATIONS
        if of_annotation == (values["annotation_id"] is None):
            raise AnnotationLogError(f"An event of kind {values['kind']} is about one annotation, or none.")
        number, hlc = values["origin_seq"], values["hlc"]
        if type(number) is not int or not 0 < number < 2**63 or type(hlc) is not int or not 0 <= hlc < 2**63:
            raise AnnotationLogError("The number and the clock of an event are positive integers of 64 bits.")
        if not isinstance(values["parents"], list) or not isinstance(values["payload"], dict):
            raise AnnotationLogError("The parents of an event are a list, its payload is an object.")
        event = cls(
            id=checks.identifier(values["id"], "an event"),
            origin=checks.origin(values["origin"]),
            origin_seq=number,
            hlc=hlc,
            recorded_at=checks.moment(values["recorded_at"], "time of an event"),
            actor=values["actor"],
            actor_kind=values["actor_kind"],
            on_behalf_of=values["on_behalf_of"],
            agent=values["agent"],
            agent_version=values["agent_version"],
            kind=values["kind"],
            annotation_id=checks.identifier(values["annotation_id"], "an annotation")
            if of_annotation
            else None,
            parents=tuple(checks.identifier(parent, "an event") for parent in values["parents"]),
            payload=values["payload"],
            hash=str(values["hash"]),
        )
        event.by  # noqa: B018  # an actor checks itself
        return event


def _write(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


@lru_cache(maxsize=4096)
def _actor(
    name: str, kind: ActorKind, on_behalf_of: str | None, agent: str | None, agent_version: str | None
) -> Actor:
    return Actor(name, kind, on_behalf_of=on_behalf_of, agent=agent, agent_version=agent_version)


_FIELDS = tuple(Event.__dataclass_fields__)


def _named(missing: set[str]) -> str:
    return ", ".join(sorted(missing)) if missing else "nothing else than the parts of an event"


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
    return _encode(value)


def chain_hash(event: Event, previous: str, *, parents: str, payload: str) -> str:
    """Compute the hash of an event whose parents and payload are written already.

    Parameters
    ----------
    event
        The event; its own ``hash`` does not enter.
    previous
        The hash of the event before it in its origin, empty for the first.
    parents, payload
        Their `canonical` texts.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    # The canonical text put together by hand, keys in order: a bulk append writes thousands a second.
    annotation = "null" if event.annotation_id is None else f'"{event.annotation_id}"'
    content = (
        f'{previous}\n{{"actor":{_write(event.actor)},"actor_kind":{_write(event.actor_kind)},'
        f'"agent":{_write(event.agent)},"agent_version":{_write(event.agent_version)},'
        f'"annotation_id":{annotation},"hlc":{event.hlc},"id":"{event.id}","kind":{_write(event.kind)},'
        f'"on_behalf_of":{_write(event.on_behalf_of)},"origin":{_write(event.origin)},'
        f'"origin_seq":{event.origin_seq},"parents":{parents},"payload":{payload},'
        f'"recorded_at":{event.recorded_at}}}'
    )
    return hashlib.sha256(content.encode()).hexdigest()


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
    parents = canonical([str(parent) for parent in event.parents])
    return chain_hash(event, previous, parents=parents, payload=canonical(event.payload))


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
