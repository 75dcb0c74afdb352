"""How events become annotations: one pure function of all events of an annotation.

`project` takes them in any order and gives the annotation. Because the same function serves when an event is
appended, when events of another origin arrive late, when everything is rebuilt, when a past cut is asked for
and when the projections are checked, none of these can drift apart.

Within one origin, edits follow one another. Between origins they may not have seen each other, and then:

- a text, level, list of links, assignee or resolution that two edits set at once is a *conflict*; the one by
  the
  clock is shown first;
- tags and flags add up: what one edit added stays, and only what an edit had seen can it take away;
- a retraction masks, whatever was edited at the same time;
- a bot or pipeline takes nothing away that a person said.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.model import (
    Actor,
    Annotation,
    AnnotationState,
    AssertedState,
    Assertion,
    Attachment,
    TimeLost,
)
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, AnnotationLogError

__all__ = ["Projection", "Stance", "project", "read_assertions", "write_assertions"]


class Stance(NamedTuple):
    """What one event says of one flag at one target.

    Parameters
    ----------
    target_key, flag, state, version, reason
        What is said.
    event
        The event that first said so: an edit that leaves it as it was does not renew it, since correcting a
        word in the text is no new look at the data.
    counts
        False once an edit has replaced it or a retraction masks it.
    """

    target_key: str
    flag: str
    state: AssertedState
    version: int
    reason: str
    event: Event
    counts: bool = True

    @property
    def said(self) -> tuple[object, ...]:
        """What is compared to find whether an edit changes it."""
        return (self.state, self.version, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """An annotation as the tables keep it.

    Parameters
    ----------
    id, state, text, level, tags, urls, targets, reply_to, thread, assignee, resolution
        As in `gnomon.annotations.model.Annotation`.
    flags, attachments, time_lost, conflicts
        The same as plain JSON values.
    created
        The clock's reading when it was made.
    event_id, heads
        The last event by the clock, and all that no other one has answered.
    revisions
        How many events there are.
    actor, recorded_at, creator, created_at
        Who wrote what stands there and who made it, and when.
    origin, key
        Where it was made, and under which idempotency key.
    stances
        What it says of flags, and what it used to say.
    """

    id: uuid.UUID
    created: int
    state: AnnotationState
    text: str
    level: int
    tags: tuple[str, ...]
    urls: tuple[str, ...]
    flags: Sequence[Mapping[str, Any]]
    attachments: Sequence[Mapping[str, Any]]
    conflicts: Mapping[str, Sequence[Any]]
    reply_to: uuid.UUID | None
    thread: uuid.UUID | None
    assignee: str | None
    resolution: str
    time_lost: Mapping[str, Any] | None
    event_id: uuid.UUID
    heads: tuple[uuid.UUID, ...]
    revisions: int
    actor: Actor
    recorded_at: int
    creator: Actor
    created_at: int
    origin: str
    key: str | None
    targets: tuple[Target, ...]
    stances: Sequence[Stance]

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
            assertions=tuple(read_assertions(self.flags, self.targets)),
            attachments=tuple(Attachment(**value) for value in self.attachments),
            reply_to=self.reply_to,
            thread=self.thread,
            assignee=self.assignee,
            resolution=self.resolution,
            time_lost=None if self.time_lost is None else TimeLost(**self.time_lost),
            actor=self.actor,
            recorded_at=self.recorded_at,
            creator=self.creator,
            created_at=self.created_at,
            event_id=self.event_id,
            conflicts={field: tuple(values) for field, values in self.conflicts.items()},
        )


def project(events: Iterable[Event]) -> Projection:
    """Compute an annotation from its events.

    Parameters
    ----------
    events
        All events of one annotation that count, each once, in any order; at least one.

    Returns
    -------
    Projection
        The annotation.

    Raises
    ------
    AnnotationLogError
        If the events do not fit together, or one of them does not hold what it should.
    """
    ordered = sorted(events, key=lambda event: event.rank)
    kinds = [event.kind for event in ordered]
    if kinds.count("add") != 1 or ordered[0].kind != "add":
        raise AnnotationLogError(
            f"The events of annotation {ordered[0].annotation_id} do not begin with one that makes it, "
            f"and no other: {', '.join(kinds)}."
        )
    first = ordered[0]
    try:
        if len(ordered) == 1:
            return _single(first)
        return _several(first, ordered)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, AnnotationLogError):
            raise
        what = str(error) if isinstance(error, AnnotationError) else f"{type(error).__name__}: {error}"
        raise AnnotationLogError(
            f"The events of annotation {first.annotation_id} ({first.origin}:{first.origin_seq}) do not hold "
            f"what they should: {what}"
        ) from error


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


def _single(event: Event) -> Projection:
    payload = event.payload
    targets = tuple(Target.from_dict(value) for value in payload["targets"])
    by = event.by
    return Projection(
        id=_id(event),
        created=event.hlc,
        state="live",
        text=payload["text"],
        level=payload["level"],
        tags=tuple(payload["tags"]),
        urls=tuple(payload["urls"]),
        flags=payload["flags"],
        attachments=payload.get("attachments", ()),
        conflicts={},
        reply_to=_uuid(payload.get("reply_to")),
        thread=_uuid(payload.get("thread")),
        assignee=payload.get("assignee") or None,
        resolution=payload.get("resolution", ""),
        time_lost=payload.get("time_lost"),
        event_id=event.id,
        heads=(event.id,),
        revisions=1,
        actor=by,
        recorded_at=event.recorded_at,
        creator=by,
        created_at=event.recorded_at,
        origin=event.origin,
        key=payload.get("key"),
        targets=targets,
        stances=_stances(event, targets),
    )


def _several(first: Event, ordered: Sequence[Event]) -> Projection:
    alone = _single(first)
    ancestors = _ancestors(ordered)
    content = [event for event in ordered if event.kind != "retract"]
    by_persons = [event for event in content if event.actor_kind == "human"]
    retracting = [event for event in ordered if event.kind == "retract"]
    by_person = any(event.actor_kind == "human" for event in retracting)
    values: dict[str, Any] = {}
    conflicts: dict[str, Sequence[Any]] = {}
    for field in ("text", "level", "urls", "attachments", "assignee", "resolution", "time_lost"):
        standing = _standing([e for e in content if field in e.payload], ancestors)
        if standing:
            values[field] = standing[0].payload[field]
            different = {canonical(e.payload[field]): e.payload[field] for e in standing}
            if len(different) > 1:
                conflicts[field] = list(different.values())
    stances = _fold_stances(alone, content, ancestors)
    if retracting:
        stances = [
            s._replace(counts=s.counts and not by_person and s.event.actor_kind == "human") for s in stances
        ]
    parents = {parent for event in ordered for parent in event.parents}
    heads = [event.id for event in ordered if event.id not in parents]
    last = (by_persons or content)[-1]
    retracted = by_person or (bool(retracting) and not by_persons)
    return Projection(
        id=alone.id,
        created=alone.created,
        state="retracted" if retracted else "conflict" if conflicts else "live",
        text=values["text"],
        level=values["level"],
        tags=_fold_tags(content, ancestors),
        urls=tuple(values["urls"]),
        flags=_shown(content, alone.targets, stances, retracted=bool(retracting)),
        attachments=values.get("attachments", ()),
        conflicts=conflicts,
        reply_to=alone.reply_to,
        thread=alone.thread,
        assignee=values.get("assignee") or None,
        resolution=values.get("resolution", ""),
        time_lost=values.get("time_lost"),
        event_id=heads[-1],
        heads=tuple(sorted(heads)),
        revisions=len(ordered),
        actor=last.by,
        recorded_at=last.recorded_at,
        creator=alone.creator,
        created_at=alone.created_at,
        origin=alone.origin,
        key=alone.key,
        targets=alone.targets,
        stances=stances,
    )


def _ancestors(ordered: Sequence[Event]) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Say for each event which others of its annotation came before it, directly or through others."""
    result: dict[uuid.UUID, set[uuid.UUID]] = {}
    for event in ordered:  # by the clock, so parents come first
        before: set[uuid.UUID] = set()
        for parent in event.parents:
            if parent in result:
                before.add(parent)
                before |= result[parent]
        result[event.id] = before
    return result


def _standing(setting: list[Event], ancestors: Mapping[uuid.UUID, set[uuid.UUID]]) -> list[Event]:
    """Give the events that set a field and were not answered by another, the last by the clock first."""
    setting = [event for event in setting if event.actor_kind == "human"] or setting
    answered = {id for event in setting for id in ancestors[event.id]}
    return [event for event in reversed(setting) if event.id not in answered]


def _fold_stances(
    alone: Projection, content: Sequence[Event], ancestors: Mapping[uuid.UUID, set[uuid.UUID]]
) -> list[Stance]:
    added: dict[uuid.UUID, list[Stance]] = {}
    removed: dict[uuid.UUID, set[tuple[str, str, uuid.UUID]]] = {}
    for event in content:
        if "flags" not in event.payload:
            continue
        seen = ancestors[event.id]
        gone = {identity for id in seen for identity in removed.get(id, ())}
        fresh = {(s.target_key, s.flag): s for s in _stances(event, alone.targets)}
        mine: set[tuple[str, str, uuid.UUID]] = set()
        for stance in (s for id in seen for s in added.get(id, ())):
            identity = (stance.target_key, stance.flag, stance.event.id)
            if identity in gone:
                continue
            new = fresh.get((stance.target_key, stance.flag))
            if new is not None and new.said == stance.said:
                del fresh[stance.target_key, stance.flag]
            elif event.actor_kind == "human" or stance.event.actor_kind != "human":
                mine.add(identity)
        added[event.id], removed[event.id] = list(fresh.values()), mine
    gone = {identity for identities in removed.values() for identity in identities}
    return [
        stance._replace(counts=(stance.target_key, stance.flag, stance.event.id) not in gone)
        for stances in added.values()
        for stance in stances
    ]


def _fold_tags(content: Sequence[Event], ancestors: Mapping[uuid.UUID, set[uuid.UUID]]) -> tuple[str, ...]:
    added: dict[uuid.UUID, list[str]] = {}
    removed: dict[uuid.UUID, set[tuple[str, uuid.UUID]]] = {}
    persons = {event.id for event in content if event.actor_kind == "human"}
    for event in content:
        if "tags" not in event.payload:
            continue
        seen = ancestors[event.id]
        gone = {identity for id in seen for identity in removed.get(id, ())}
        before = {(tag, id) for id in seen for tag in added.get(id, ()) if (tag, id) not in gone}
        now, had = list(event.payload["tags"]), {tag for tag, _ in before}
        added[event.id] = [tag for tag in now if tag not in had]
        removed[event.id] = {
            (tag, id) for tag, id in before if tag not in now and (event.id in persons or id not in persons)
        }
    gone = {identity for identities in removed.values() for identity in identities}
    live = {tag: None for id, tags in added.items() for tag in tags if (tag, id) not in gone}
    # The order of whoever wrote last, then what others added.
    last = next(event.payload["tags"] for event in reversed(content) if "tags" in event.payload)
    return tuple(dict.fromkeys([*(tag for tag in last if tag in live), *live]))


def _shown(
    content: Sequence[Event], targets: Sequence[Target], stances: Sequence[Stance], *, retracted: bool
) -> Sequence[Mapping[str, Any]]:
    """Give the assertions as somebody wrote them, or, where several did, one for each target."""
    last: list[Mapping[str, Any]] = next(
        _sound(event.payload["flags"], targets) for event in reversed(content) if "flags" in event.payload
    )
    if retracted:
        return last  # shown as they were; none of them counts
    live = [stance for stance in stances if stance.counts]
    written = {
        (key, value["flag"], value["state"], value["version"], value["reason"])
        for value in last
        for key in ([t.key for t in targets] if value["target"] is None else [targets[value["target"]].key])
    }
    if written == {(s.target_key, s.flag, s.state, s.version, s.reason) for s in live}:
        return last
    places = {target.key: place for place, target in enumerate(targets)}
    return [
        {
            "flag": s.flag,
            "state": s.state,
            "reason": s.reason,
            "version": s.version,
            "target": places[s.target_key],
        }
        for s in sorted(live, key=lambda s: (places[s.target_key], s.flag, s.event.rank))
    ]


def _stances(event: Event, targets: Sequence[Target]) -> list[Stance]:
    return [
        Stance(target.key, value["flag"], value["state"], value["version"], value["reason"], event)
        for value in _sound(event.payload["flags"], targets)
        for target in (targets if value["target"] is None else (targets[value["target"]],))
    ]


def _sound(flags: Sequence[Mapping[str, Any]], targets: Sequence[Target]) -> list[Mapping[str, Any]]:
    """Leave out what an event of another origin says of a target that the annotation does not have."""
    return [value for value in flags if value["target"] is None or value["target"] < len(targets)]


def _id(event: Event) -> uuid.UUID:
    if event.annotation_id is None:
        raise AnnotationLogError(f"Event {event.origin}:{event.origin_seq} names no annotation.")
    return event.annotation_id


def _uuid(value: str | None) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)
