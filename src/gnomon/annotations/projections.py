"""How events become annotations: one pure step, used for appending and for replay alike.

`apply` takes the annotation before an event and gives it after. Because the same function serves when an
event is appended, when everything is rebuilt and when the two are compared, they cannot drift apart.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from gnomon.annotations.events import Event
from gnomon.annotations.model import Actor, Annotation, AnnotationState, Assertion, FlagState
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationLogError

__all__ = ["Head", "Stance", "apply", "read_assertions", "replay", "write_assertions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """What one event says of one flag at one target.

    Parameters
    ----------
    event_id
        The event that first said so: an edit that leaves it as it was does not renew it, since correcting a
        word in the text is no new look at the data.
    target_key, flag, version, state, reason
        What is said.
    whole
        Whether it was said of all targets at once.
    position
        Its place among the annotation's assertions.
    live
        False once an edit has replaced it.
    """

    event_id: uuid.UUID
    target_key: str
    flag: str
    version: int
    state: FlagState
    reason: str
    whole: bool
    position: int
    live: bool = True

    @property
    def said(self) -> tuple[object, ...]:
        """What is compared to find whether an edit changes it."""
        return (self.version, self.state, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An annotation as the projections keep it.

    Parameters
    ----------
    id, state, text, level, tags, urls, targets
        As in `gnomon.annotations.model.Annotation`.
    event_id
        The last event.
    content_id, actor, recorded_at
        The last event that changed what is said, its author and time.
    creator, key
        Who made the annotation, and their idempotency key.
    created
        The clock's reading when it was made, by which annotations are ordered.
    stances
        What it says of flags, and what it used to say.
    """

    id: uuid.UUID
    state: AnnotationState
    text: str
    level: int
    tags: tuple[str, ...]
    urls: tuple[str, ...]
    targets: tuple[Target, ...]
    event_id: uuid.UUID
    content_id: uuid.UUID
    actor: Actor
    recorded_at: int
    creator: str
    key: str | None
    created: int
    stances: frozenset[Stance]

    def annotation(self) -> Annotation:
        """Give what is shown of it.

        Returns
        -------
        Annotation
            The annotation without its past.
        """
        return Annotation(
            id=self.id,
            text=self.text,
            level=self.level,
            tags=self.tags,
            urls=self.urls,
            state=self.state,
            targets=self.targets,
            assertions=self._assertions(),
            actor=self.actor,
            recorded_at=self.recorded_at,
            event_id=self.event_id,
        )

    def _assertions(self) -> tuple[Assertion, ...]:
        targets = {target.key: target for target in self.targets}
        live = sorted((s for s in self.stances if s.live), key=lambda s: (s.position, s.target_key))
        # What was said of all targets at once has a stance for each, and is one assertion.
        firsts = (next(group) for _, group in groupby(live, key=lambda s: s.position))
        return tuple(
            Assertion(
                s.flag,
                s.state,
                reason=s.reason,
                target=None if s.whole else targets[s.target_key],
                version=s.version,
            )
            for s in firsts
        )


def apply(before: Head | None, event: Event) -> Head:
    """Take one event in.

    Parameters
    ----------
    before
        The annotation before it; None if there was none.
    event
        The event.

    Returns
    -------
    Head
        The annotation after it.

    Raises
    ------
    AnnotationLogError
        If the event changes an annotation that does not exist, or makes one that does.
    """
    if (before is None) != (event.kind == "add"):
        made = "was never made" if before is None else "exists already"
        raise AnnotationLogError(
            f"Event {event.id} ({event.kind}) is about annotation {event.annotation_id}, which {made}."
        )
    if before is None:
        return _added(event)
    if event.kind == "retract":
        return replace(before, event_id=event.id, state="retracted")
    return _edited(before, event)


def replay(events: Iterable[Event]) -> Head:
    """Compute an annotation from all its events.

    Parameters
    ----------
    events
        The events of one annotation, at least one, by their clock.

    Returns
    -------
    Head
        The annotation as it stands after the last.

    Raises
    ------
    AnnotationLogError
        If the events do not fit together.
    """
    head: Head | None = None
    for event in events:
        head = apply(head, event)
    if head is None:
        raise AnnotationLogError("An annotation without events has nothing to be computed from.")
    return head


def write_assertions(assertions: Iterable[Assertion], targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Write assertions as plain JSON values for an event's payload.

    Parameters
    ----------
    assertions
        What is said.
    targets
        The targets of the annotation; an assertion names its own by the place in this list.

    Returns
    -------
    list of dict
        One each, in order.
    """
    places = {target.key: place for place, target in enumerate(targets)}
    return [
        {
            "flag": assertion.flag,
            "state": assertion.state,
            "reason": assertion.reason,
            "version": assertion.version,
            "target": None if assertion.target is None else places[assertion.target.key],
        }
        for assertion in assertions
    ]


def read_assertions(values: Iterable[Mapping[str, Any]], targets: Sequence[Target]) -> list[Assertion]:
    """Read what `write_assertions` wrote.

    Parameters
    ----------
    values
        Plain JSON values.
    targets
        The targets of the annotation.

    Returns
    -------
    list of Assertion
        One each, in order.
    """
    return [
        Assertion(
            value["flag"],
            value["state"],
            reason=value["reason"],
            target=None if value["target"] is None else targets[value["target"]],
            version=value["version"],
        )
        for value in values
    ]


def _added(event: Event) -> Head:
    payload = event.payload
    targets = tuple(Target.from_dict(value) for value in payload["targets"])
    return Head(
        id=event.annotation_id,
        state="live",
        text=payload["text"],
        level=payload["level"],
        tags=tuple(payload["tags"]),
        urls=tuple(payload["urls"]),
        targets=targets,
        event_id=event.id,
        content_id=event.id,
        actor=event.by,
        recorded_at=event.recorded_at,
        creator=event.actor,
        key=payload.get("key"),
        created=event.hlc,
        stances=frozenset(_stances(event, payload["flags"], targets)),
    )


def _edited(before: Head, event: Event) -> Head:
    payload = event.payload
    stances = before.stances
    if "flags" in payload:
        stances = _replaced(before.stances, _stances(event, payload["flags"], before.targets))
    return replace(
        before,
        event_id=event.id,
        content_id=event.id,
        actor=event.by,
        recorded_at=event.recorded_at,
        text=payload.get("text", before.text),
        level=payload.get("level", before.level),
        tags=tuple(payload.get("tags", before.tags)),
        urls=tuple(payload.get("urls", before.urls)),
        stances=stances,
    )


def _replaced(before: Iterable[Stance], now: Iterable[Stance]) -> frozenset[Stance]:
    previous = {(stance.target_key, stance.flag): stance for stance in before if stance.live}
    result = {stance for stance in before if not stance.live}
    for stance in now:
        old = previous.pop((stance.target_key, stance.flag), None)
        if old is not None and old.said == stance.said:
            result.add(replace(stance, event_id=old.event_id))
        else:
            result.add(stance)
            if old is not None:
                result.add(replace(old, live=False))
    return frozenset(result | {replace(stance, live=False) for stance in previous.values()})


def _stances(event: Event, flags: Iterable[Mapping[str, Any]], targets: Sequence[Target]) -> list[Stance]:
    return [
        Stance(
            event_id=event.id,
            target_key=target.key,
            flag=assertion.flag,
            version=assertion.version,
            state=assertion.state,
            reason=assertion.reason,
            whole=assertion.target is None,
            position=position,
        )
        for position, assertion in enumerate(read_assertions(flags, targets))
        for target in (targets if assertion.target is None else (assertion.target,))
    ]
