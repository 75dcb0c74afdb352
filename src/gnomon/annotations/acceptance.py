"""What may be said: the rules that a new event has to keep before it is recorded.

`gnomon.annotations.checks` looks at one value at a time; here the parts of an annotation are held against
each other, the vocabulary and what the log already says.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gnomon.annotations import checks
from gnomon.annotations.log.events import Event
from gnomon.annotations.model import Actor, Assertion, Attachment, Draft, TimeLost
from gnomon.annotations.policy import heads
from gnomon.annotations.projections import Projection, read_assertions, write_assertions
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.errors import AnnotationError, ConcurrencyError

__all__ = [
    "Asserted",
    "Pair",
    "answered",
    "assertions",
    "attachments",
    "by_key",
    "check_actor",
    "names",
    "new_payload",
    "pairs",
    "refuse_empty",
    "refuse_other",
    "refuse_over_person",
    "targets",
    "time_lost",
]

Pair = tuple[str, str]
"""The key of a target, and a flag."""

Asserted = Mapping[Pair, Mapping[uuid.UUID, frozenset[uuid.UUID]]]
"""For each pair, the events that ever asserted it and their parents."""


def targets(given: Iterable[Target], *, some: bool = True) -> tuple[Target, ...]:
    """Check targets.

    Parameters
    ----------
    given
        What was given.
    some
        Whether there must be one.

    Returns
    -------
    tuple of Target
        Each once, in the order given.

    Raises
    ------
    AnnotationError
        If something is no target, or there is none where one is needed.
    """
    if isinstance(given, Target):
        raise AnnotationError("The targets must be a list, even if there is one.")
    values: Iterable[object] = given
    result: dict[Target, None] = {}
    for value in values:
        if not isinstance(value, Target):
            raise AnnotationError(f"{value!r} is not a target; make one with Target.dimension and the like.")
        result[value] = None
    if some and not result:
        raise AnnotationError("An annotation is about at least one target.")
    return tuple(result)


def by_key(given: Iterable[Target]) -> dict[str, Target]:
    """Check targets that are asked about, perhaps very many.

    Parameters
    ----------
    given
        What was given.

    Returns
    -------
    dict
        Each once, by its key.

    Raises
    ------
    AnnotationError
        If something is no target.
    """
    about = given if isinstance(given, list | tuple) else targets(given, some=False)
    if not all(isinstance(target, Target) for target in about):
        about = targets(about, some=False)
    return {target.key: target for target in about}


def assertions(
    given: Iterable[Assertion],
    about: Sequence[Target],
    vocabulary: Vocabulary,
    said: Callable[[], Collection[str]],
) -> list[Assertion]:
    """Check assertions against the vocabulary and the targets.

    Parameters
    ----------
    given
        What was given.
    about
        The targets of the annotation.
    vocabulary
        The flags there are.
    said
        Gives the flags of which anything was ever said: what was said once can be withdrawn, whatever became
        of the flag.

    Returns
    -------
    list of Assertion
        The same.

    Raises
    ------
    AnnotationError
        If a flag is unknown, is asserted of what is no target, or twice of the same one.
    """
    if isinstance(given, str | Assertion):
        raise AnnotationError(f"The flags must be a list of assertions, not {given!r}.")
    values: list[object] = list(given)
    known, seen, result = frozenset(about), set[Pair](), list[Assertion]()
    for value in values:
        if not isinstance(value, Assertion):
            raise AnnotationError(f"A flag is asserted by Assertion(flag, state), not by {value!r}.")
        if value.state == "withdrawn":
            once = value.flag in vocabulary.flags or value.flag in said()
            flag = value.flag if once else vocabulary.check(value.flag)
        else:
            flag = vocabulary.check_asserted(value.flag, about if value.target is None else (value.target,))
        if flag != value.flag:
            value = replace(value, flag=flag)
        if value.target is not None and value.target not in known:
            raise AnnotationError(
                f"{value.flag} is asserted of {value.target}, which is no target of the annotation."
            )
        for target in about if value.target is None else (value.target,):
            if (target.key, value.flag) in seen:
                raise AnnotationError(f"{value.flag} is asserted twice of {target}.")
            seen.add((target.key, value.flag))
        result.append(value)
    return result


def names(flags: Iterable[str]) -> list[str]:
    """Check a list of names of flags.

    Parameters
    ----------
    flags
        What was given.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    AnnotationError
        If it is one text and no list.
    """
    if isinstance(flags, str):
        raise AnnotationError(f"The flags must be a list of names, not {flags!r}.")
    return list(dict.fromkeys(flags))


def check_actor(actor: object) -> None:
    """Refuse what is no `Actor`, such as a mere name, which would leave open whether it is a person's.

    Parameters
    ----------
    actor
        What was given.

    Raises
    ------
    AnnotationError
        If it is something else.
    """
    if not isinstance(actor, Actor):
        raise AnnotationError(f"Who says it is given as Actor(name, kind), not as {actor!r}.")


def refuse_empty(payload: Mapping[str, Any]) -> None:
    """Refuse an annotation that says nothing.

    Parameters
    ----------
    payload
        What it says.

    Raises
    ------
    AnnotationError
        If there is no text, no assertion, no tag, no file and no lost time.
    """
    said = payload["flags"] or payload["tags"] or payload.get("attachments") or payload.get("time_lost")
    if not (payload["text"].strip() or said):
        raise AnnotationError("An annotation says something: a text, a flag or a tag is needed.")


def attachments(given: Iterable[Attachment]) -> list[dict[str, str]]:
    """Check attachments.

    Parameters
    ----------
    given
        What was given.

    Returns
    -------
    list of dict
        As plain JSON values, each once.

    Raises
    ------
    AnnotationError
        If one is something else.
    """
    values: dict[Attachment, None] = {}
    for value in checks.several(given, "attachments"):
        if not isinstance(value, Attachment):
            raise AnnotationError(f"A file is attached by Attachment(uri, checksum), not by {value!r}.")
        values[value] = None
    return [value.to_dict() for value in values]


def time_lost(given: object) -> dict[str, Any]:
    """Check how much time was lost.

    Parameters
    ----------
    given
        What was given.

    Returns
    -------
    dict
        As plain JSON values.

    Raises
    ------
    AnnotationError
        If it is something else.
    """
    if not isinstance(given, TimeLost):
        raise AnnotationError(f"Lost time is given as TimeLost(kind, seconds), not as {given!r}.")
    return given.to_dict()


def new_payload(
    draft: Draft, vocabulary: Vocabulary, said: Callable[[], Collection[str]]
) -> tuple[dict[str, Any], tuple[Target, ...], list[Assertion]]:
    """Check a new annotation, apart from what the log says.

    Parameters
    ----------
    draft
        What is to be said.
    vocabulary, said
        As of `assertions`.

    Returns
    -------
    tuple
        The payload of its event, its targets and its assertions.

    Raises
    ------
    AnnotationError
        If it says nothing, is about nothing, or a part of it cannot be recorded.
    """
    about = targets(draft.targets)
    flags = assertions(draft.flags, about, vocabulary, said)
    payload: dict[str, Any] = {
        "targets": [target.to_dict() for target in about],
        "text": checks.text(draft.text, "text"),
        "level": checks.level(draft.level),
        "tags": list(checks.tags(draft.tags)),
        "urls": list(checks.urls(draft.urls)),
        "flags": write_assertions(flags, about),
    }
    if draft.attachments:
        payload["attachments"] = attachments(draft.attachments)
    if draft.assignee is not None:
        payload["assignee"] = checks.label(draft.assignee, "assignee")
    if draft.time_lost is not None:
        payload["time_lost"] = time_lost(draft.time_lost)
    if draft.key is not None:
        payload["key"] = checks.label(draft.key, "idempotency key")
    refuse_empty(payload)
    return payload, about, flags


def refuse_over_person(before: Projection, history: Iterable[Event], actor: Actor) -> None:
    """Refuse that a bot or pipeline changes what a person wrote.

    Parameters
    ----------
    before
        The annotation.
    history
        Its events.
    actor
        Who wants to edit or retract it.

    Raises
    ------
    AnnotationError
        If the actor is no person, and a person made or changed the annotation: to edit or retract their word
        would be to override it by another door.
    """
    if actor.is_human:
        return
    person = next((event for event in history if event.actor_kind == "human"), None)
    if person is not None:
        raise AnnotationError(
            f"{actor.name} is a {actor.kind}, and annotation {before.id} is {person.actor}'s word: only a "
            "person may change it. Add an annotation that says otherwise."
        )


def pairs(said: Iterable[Assertion], about: Sequence[Target]) -> dict[Pair, tuple[object, ...]]:
    """Spread assertions over their targets.

    Parameters
    ----------
    said
        Assertions.
    about
        The targets of the annotation.

    Returns
    -------
    dict
        For each target and flag what is said, in the form of `gnomon.annotations.projections.Stance.said`.
    """
    return {
        (target.key, assertion.flag): (assertion.state, assertion.version, assertion.reason)
        for assertion in said
        for target in (about if assertion.target is None else (assertion.target,))
    }


def answered(wanted: Iterable[Pair], known: Asserted, given: set[uuid.UUID] | None) -> set[uuid.UUID]:
    """Say which events a new one answers.

    Parameters
    ----------
    wanted
        The flags and targets that the new event speaks of.
    known
        What was ever asserted of them.
    given
        What its author says to have seen; None means everything.

    Returns
    -------
    set of uuid.UUID
        What was given, or the heads of every flag and target.

    Raises
    ------
    AnnotationError
        If one of those given has nothing to do with these flags and targets.
    """
    said = [parents for pair in wanted if (parents := known.get(pair))]
    if given is None:
        return {event for parents in said for event in heads(parents)}
    if strange := given - {event for parents in said for event in parents}:
        raise AnnotationError(
            f"Event {min(strange)} asserts none of these flags of these targets: it is not what is answered."
        )
    return given


def refuse_other(first: Event, actor: Actor, payload: Mapping[str, Any]) -> None:
    """Refuse something else under a key that was used.

    Parameters
    ----------
    first
        The event that was recorded under the key.
    actor, payload
        Who speaks now, and what is said.

    Raises
    ------
    ConcurrencyError
        If something else was said then. The order of targets, flags, tags and links is no difference.
    """
    if first.actor_kind != actor.kind or _content(first.payload) != _content(payload):
        raise ConcurrencyError(
            f"{actor.name} has used the key {payload['key']!r} for something else, annotation "
            f"{first.annotation_id}; under one key only the same can be said again."
        )


def _content(payload: Mapping[str, Any]) -> tuple[object, ...]:
    about = [Target.from_dict(value) for value in payload["targets"]]
    return (
        frozenset(about),
        frozenset(read_assertions(payload["flags"], about)),
        frozenset(payload["tags"]),
        frozenset(payload["urls"]),
        payload["text"],
        payload["level"],
        frozenset(Attachment(**value) for value in payload.get("attachments", ())),
        payload.get("assignee"),
        payload.get("reply_to"),
        None if payload.get("time_lost") is None else TimeLost(**payload["time_lost"]),
    )
