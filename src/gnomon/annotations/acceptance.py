"""What may be said: the rules that a new event has to keep before it is recorded.

`gnomon.annotations.checks` looks at one value at a time; here the parts of an annotation are held against
each other, the vocabulary and what the log already says.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from gnomon.annotations import policy, projections, schema, storage
from gnomon.annotations.model import Actor, Assertion
from gnomon.annotations.projections import Head
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.errors import AnnotationError, AnnotationNotFoundError, ConcurrencyError

__all__ = [
    "answered",
    "assertions",
    "check_actor",
    "found",
    "names",
    "pairs",
    "refuse_empty",
    "refuse_over_person",
    "repeated",
    "targets",
]

Pair = tuple[str, str]
"""The key of a target, and a flag."""


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


def assertions(
    given: Iterable[Assertion], about: Sequence[Target], vocabulary: Vocabulary
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
        vocabulary.check(value.flag)
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


def refuse_empty(text: str, said: Sequence[Assertion], tags: Sequence[str]) -> None:
    """Refuse an annotation that says nothing.

    Parameters
    ----------
    text, said, tags
        What it says.

    Raises
    ------
    AnnotationError
        If there is no text, no assertion and no tag.
    """
    if not (text.strip() or said or tags):
        raise AnnotationError("An annotation says something: a text, a flag or a tag is needed.")


def refuse_over_person(connection: Connection, before: Head, actor: Actor) -> None:
    """Refuse that a bot or pipeline changes what a person wrote.

    Parameters
    ----------
    connection
        Any transaction.
    before
        The annotation.
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
    columns = schema.event.c
    persons = storage.events(connection, columns.annotation_id == before.id, columns.actor_kind == "human")
    if (person := next(persons, None)) is not None:
        raise AnnotationError(
            f"{actor.name} is a {actor.kind}, and annotation {before.id} is {person.actor}'s word: only a "
            "person may change it. Add an annotation that says otherwise."
        )


def found(connection: Connection, id: uuid.UUID) -> Head:
    """Find one annotation.

    Parameters
    ----------
    connection
        Any transaction.
    id
        Which.

    Returns
    -------
    Head
        The annotation.

    Raises
    ------
    AnnotationNotFoundError
        If there is none.
    """
    if (head := storage.heads(connection, [id]).get(id)) is None:
        raise AnnotationNotFoundError(f"There is no annotation {id}.")
    return head


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
        (target.key, assertion.flag): (assertion.version, assertion.state, assertion.reason)
        for assertion in said
        for target in (about if assertion.target is None else (assertion.target,))
    }


def answered(connection: Connection, pairs: Iterable[Pair], given: set[uuid.UUID] | None) -> set[uuid.UUID]:
    """Say which events a new one answers.

    Parameters
    ----------
    connection
        A writing transaction, so that nothing comes between.
    pairs
        The flags and targets that the new event speaks of.
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
    wanted = set(pairs)
    keys, flags = sorted({key for key, _ in wanted}), sorted({flag for _, flag in wanted})
    known = [parents for pair, parents in storage.asserted(connection, keys, flags).items() if pair in wanted]
    if given is None:
        return {event for parents in known for event in policy.heads(parents)}
    if strange := given - {event for parents in known for event in parents}:
        raise AnnotationError(
            f"Event {min(strange)} asserts none of these flags of these targets: it is not what is answered."
        )
    return given


def repeated(connection: Connection, id: uuid.UUID, actor: Actor, payload: Mapping[str, Any]) -> Head:
    """Give the annotation that was made under a key, if the same is said again.

    Parameters
    ----------
    connection
        Any transaction.
    id
        The annotation made under the key.
    actor, payload
        Who speaks now, and what is said.

    Returns
    -------
    Head
        The annotation as it stands now.

    Raises
    ------
    ConcurrencyError
        If something else was said then. The order of targets, flags, tags and links is no difference.
    """
    first = next(storage.events(connection, schema.event.c.annotation_id == id, schema.event.c.kind == "add"))
    if first.actor_kind != actor.kind or _content(first.payload) != _content(payload):
        raise ConcurrencyError(
            f"{actor.name} has used the key {payload['key']!r} for something else, annotation {id}; under "
            "one key only the same can be said again."
        )
    return found(connection, id)


def _content(payload: Mapping[str, Any]) -> tuple[object, ...]:
    about = [Target.from_dict(value) for value in payload["targets"]]
    return (
        frozenset(about),
        frozenset(projections.read_assertions(payload["flags"], about)),
        frozenset(payload["tags"]),
        frozenset(payload["urls"]),
        payload["text"],
        payload["level"],
    )
