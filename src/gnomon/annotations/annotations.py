"""The room's front door: say something of the data, and ask what was said and what holds.

An `Annotations` object is bound to one database and one origin. What is accepted stands in
`gnomon.annotations.acceptance`, how events become annotations in `gnomon.annotations.projections`, who
wins in `gnomon.annotations.policy`; here they are put together, a transaction each.
"""

import os
import re
import uuid
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import uuid_utils.compat as uuid_utils
from sqlalchemy import Connection, select

from gnomon import times
from gnomon.annotations import (
    acceptance,
    audit,
    checks,
    clock,
    policy,
    projections,
    schema,
    search,
    storage,
    vocabulary,
)
from gnomon.annotations.database import Database, open_database
from gnomon.annotations.events import Event, EventKind, seal
from gnomon.annotations.model import NEVER_EXAMINED, Actor, Annotation, Assertion, Coverage, EffectiveFlag
from gnomon.annotations.projections import Head
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.errors import AnnotationError, AnnotationNotFoundError, ConcurrencyError

__all__ = ["Annotations", "open_annotations"]

_ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def open_annotations(
    uri: str | os.PathLike[str] | None = None, *, origin: str | None = None
) -> "Annotations":
    """Open the annotations; make an empty log if there is none.

    Parameters
    ----------
    uri
        A path, ``sqlite:///path`` or ``postgresql+psycopg://host/database``; None takes it from the settings.
    origin
        The name under which events are recorded; None takes it from the settings.

    Returns
    -------
    Annotations
        To be closed, or used as a context manager.

    Raises
    ------
    AnnotationLogError
        If ``uri`` cannot be understood or what it names cannot be opened.
    NotOursError
        If it names a file or database that gnomon did not make; it is left as it is.
    AnnotationError
        If ``origin`` is not a name.
    """
    if uri is None or origin is None:
        from gnomon import settings  # only here: whoever says both needs no configuration

        configured = settings.load()
        uri = configured.annotations if uri is None else uri
        origin = configured.origin if origin is None else origin
    if not _ORIGIN.fullmatch(origin):
        raise AnnotationError(
            f"{origin!r} is not the name of an origin: expected are 1 to 63 letters, digits and ._-, a "
            "letter or a digit first."
        )
    return Annotations(open_database(uri), origin=origin)


class Annotations:
    """What people and bots say about the data. Get one from `open_annotations`.

    Parameters
    ----------
    database
        Where the log is kept.
    origin
        The name under which events are recorded.
    flags
        The curated flags; those that ship with gnomon if None.

    Notes
    -----
    May be shared between threads. Every method is one transaction: it happens as a whole or not at all, and
    when it has returned it is on disk.
    """

    def __init__(self, database: Database, *, origin: str, flags: Vocabulary | None = None) -> None:
        self._database = database
        self.origin = origin
        self.vocabulary = vocabulary.load() if flags is None else flags

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; closing twice is no mistake."""
        self._database.close()

    def add(
        self,
        *,
        targets: Iterable[Target],
        text: str = "",
        flags: Iterable[Assertion] = (),
        tags: Iterable[str] = (),
        urls: Iterable[str] = (),
        level: int = 20,
        actor: Actor,
        key: str | None = None,
        parents: Iterable[uuid.UUID | str] | None = None,
    ) -> Annotation:
        """Say something about one thing or many.

        Parameters
        ----------
        targets
            What it is about; the same thing twice counts once.
        text
            What is to be said.
        flags
            What is asserted, each of all targets or of one: a bot's run over a night is one annotation.
        tags
            Words by which it can be found.
        urls
            Links, ``http`` or ``https``.
        level
            How important, by the levels of logging.
        actor
            Who says it.
        key
            An idempotency key, the actor's own: saying the same again under it changes nothing.
        parents
            The events about these flags and targets that the author had seen; None means all there are.
            Whoever decides on an older state than the present one should say so.

        Returns
        -------
        Annotation
            The new annotation; under a known ``key``, the one from then as it stands now.

        Raises
        ------
        AnnotationError
            If it says nothing, is about nothing, or a part of it cannot be recorded.
        ConcurrencyError
            If something else was said under ``key``.
        """
        about = acceptance.targets(targets)
        said = acceptance.assertions(flags, about, self.vocabulary)
        payload: dict[str, Any] = {
            "targets": [target.to_dict() for target in about],
            "text": checks.text(text, "text"),
            "level": checks.level(level),
            "tags": list(checks.tags(tags)),
            "urls": list(checks.urls(urls)),
            "flags": projections.write_assertions(said, about),
        }
        acceptance.refuse_empty(payload["text"], said, payload["tags"])
        acceptance.check_actor(actor)
        if key is not None:
            payload["key"] = checks.label(key, "idempotency key")
        given = None if parents is None else {checks.identifier(parent, "an event") for parent in parents}
        with self._database.write() as connection:
            if key is not None and (known := storage.keyed(connection, actor.name, key)) is not None:
                return acceptance.repeated(connection, known, actor, payload).annotation()
            answered = acceptance.answered(connection, acceptance.pairs(said, about), given)
            return self._append(
                connection,
                "add",
                uuid_utils.uuid7(),
                actor=actor,
                parents=answered,
                payload=payload,
                before=None,
            )

    def edit(
        self,
        annotation_id: uuid.UUID | str,
        *,
        actor: Actor,
        expected: uuid.UUID | str,
        text: str | None = None,
        tags: Iterable[str] | None = None,
        urls: Iterable[str] | None = None,
        level: int | None = None,
        flags: Iterable[Assertion] | None = None,
    ) -> Annotation:
        """Say it otherwise; what stood before stays in the history.

        Parameters
        ----------
        annotation_id
            Which annotation.
        actor
            Who edits it.
        expected
            The `Annotation.event_id` that the editor has seen.
        text, tags, urls, level, flags
            What replaces the old; None leaves it. An assertion that is given again as it was remains the
            word of whoever made it: to affirm it, add an annotation.

        Returns
        -------
        Annotation
            The annotation as it stands now; where nothing differs, nothing is recorded.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        ConcurrencyError
            If somebody else changed it since.
        AnnotationError
            If it is retracted, nothing would be left of it, a part cannot be recorded, or a bot or pipeline
            would change what a person wrote.
        """
        id = checks.identifier(annotation_id, "an annotation")
        seen = checks.identifier(expected, "an event")
        acceptance.check_actor(actor)
        given: dict[str, Any] = {
            "text": None if text is None else checks.text(text, "text"),
            "tags": None if tags is None else list(checks.tags(tags)),
            "urls": None if urls is None else list(checks.urls(urls)),
            "level": None if level is None else checks.level(level),
        }
        asserted = None if flags is None else list(flags)
        with self._database.write() as connection:
            before = acceptance.found(connection, id)
            acceptance.refuse_over_person(connection, before, actor)
            if before.state == "retracted":
                raise AnnotationError(f"Annotation {id} is retracted and cannot be edited; add a new one.")
            if before.event_id != seen:
                raise ConcurrencyError(
                    f"Annotation {id} was changed since: the editor saw event {seen}, the last one is "
                    f"{before.event_id}, by {before.actor.name}. Look at it again and edit that."
                )
            now = before.annotation()
            said = (
                list(now.assertions)
                if asserted is None
                else acceptance.assertions(asserted, before.targets, self.vocabulary)
            )
            given["flags"] = projections.write_assertions(said, before.targets)
            old: dict[str, Any] = {
                "text": now.text,
                "tags": list(now.tags),
                "urls": list(now.urls),
                "level": now.level,
                "flags": projections.write_assertions(now.assertions, before.targets),
            }
            payload = {
                name: value for name, value in given.items() if value is not None and value != old[name]
            }
            if not payload:
                return now
            merged = old | payload
            acceptance.refuse_empty(merged["text"], said, merged["tags"])
            kept = {(s.target_key, s.flag): s.said for s in before.stances if s.live}
            changed = {
                pair
                for pair, word in acceptance.pairs(said, before.targets).items()
                if kept.get(pair) != word
            }
            answered = {before.event_id, *acceptance.answered(connection, changed, None)}
            return self._append(
                connection, "edit", id, actor=actor, parents=answered, payload=payload, before=before
            )

    def retract(self, annotation_id: uuid.UUID | str, *, actor: Actor, reason: str = "") -> Annotation:
        """Take an annotation back: it no longer counts, and stays in the history.

        Parameters
        ----------
        annotation_id
            Which annotation.
        actor
            Who takes it back.
        reason
            Why.

        Returns
        -------
        Annotation
            The retracted annotation; one that was retracted already is left as it is.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        AnnotationError
            If the reason cannot be recorded, or a bot or pipeline would take back what a person wrote.
        """
        id = checks.identifier(annotation_id, "an annotation")
        acceptance.check_actor(actor)
        payload = {"reason": checks.text(reason, "reason")}
        with self._database.write() as connection:
            before = acceptance.found(connection, id)
            acceptance.refuse_over_person(connection, before, actor)
            if before.state == "retracted":
                return before.annotation()
            return self._append(
                connection,
                "retract",
                id,
                actor=actor,
                parents={before.event_id},
                payload=payload,
                before=before,
            )

    def get(self, annotation_id: uuid.UUID | str) -> Annotation:
        """Give one annotation, retracted or not.

        Parameters
        ----------
        annotation_id
            Which annotation.

        Returns
        -------
        Annotation
            As it stands now.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        """
        id = checks.identifier(annotation_id, "an annotation")
        with self._database.read() as connection:
            return acceptance.found(connection, id).annotation()

    def history(self, annotation_id_or_target: uuid.UUID | str | Target) -> list[Event]:
        """Give all that ever happened to an annotation, or to all annotations of a target.

        Parameters
        ----------
        annotation_id_or_target
            Which.

        Returns
        -------
        list of Event
            By the clock, oldest first; empty for a target of which nobody said anything.

        Raises
        ------
        AnnotationNotFoundError
            If there is no such annotation.
        """
        columns = schema.event.c
        with self._database.read() as connection:
            if isinstance(annotation_id_or_target, Target):
                about = select(schema.target.c.annotation_id).where(
                    schema.target.c.key == annotation_id_or_target.key
                )
                return list(storage.events(connection, columns.annotation_id.in_(about)))
            id = checks.identifier(annotation_id_or_target, "an annotation")
            found = list(storage.events(connection, columns.annotation_id == id))
        if not found:
            raise AnnotationNotFoundError(f"There is no annotation {id}.")
        return found

    def search(
        self,
        *,
        target: Target | None = None,
        flag: str | None = None,
        tag: str | None = None,
        actor: str | None = None,
        text: str | None = None,
        include_retracted: bool = False,
    ) -> list[Annotation]:
        """Find annotations that fulfil every condition given.

        Parameters
        ----------
        target
            About this thing, perhaps among others.
        flag
            Asserting anything of this flag.
        tag
            With this tag.
        actor
            Written or edited by whoever has this name.
        text
            With this in the text, letter by letter; no character stands for others.
        include_retracted
            Whether those that no longer count are wanted too.

        Returns
        -------
        list of Annotation
            In the order in which they were made.

        Raises
        ------
        AnnotationError
            If the flag is unknown, or a condition cannot be one.
        """
        wanted = search.conditions(
            target=target,
            flag=None if flag is None else self.vocabulary.check(flag),
            tag=tag,
            actor=actor,
            text=text,
            include_retracted=include_retracted,
            dialect=self._database.dialect,
        )
        with self._database.read() as connection:
            found = storage.heads(connection, storage.annotation_ids(connection, *wanted))
        return [head.annotation() for head in found.values()]

    def effective(
        self, targets: Iterable[Target], *, flags: Iterable[str] | None = None
    ) -> list[EffectiveFlag]:
        """Say what holds of many things at once.

        Parameters
        ----------
        targets
            Of which things, in any order.
        flags
            Of which flags; all if None.

        Returns
        -------
        list of EffectiveFlag
            One for each target and flag of which somebody said something that counts, sorted by the target's
            key and the flag.

        Raises
        ------
        AnnotationError
            If a flag is unknown.
        """
        wanted = {target.key: target for target in acceptance.targets(targets, some=False)}
        names = None if flags is None else [self.vocabulary.check(flag) for flag in acceptance.names(flags)]
        with self._database.read() as connection:
            claims = storage.claims(connection, wanted, names)
        resolved = (policy.resolve(claims[pair]) for pair in sorted(claims))
        return [flag for flag in resolved if flag is not None]

    def coverage(self, targets: Iterable[Target], *, flag: str) -> dict[Target, Coverage]:
        """Say what is known of one flag, and where nobody ever looked.

        Parameters
        ----------
        targets
            Of which things.
        flag
            Which flag.

        Returns
        -------
        dict
            For every target what holds, or *never examined*, in the order given.

        Raises
        ------
        AnnotationError
            If the flag is unknown.
        """
        about = acceptance.targets(targets, some=False)
        known: dict[Target, Coverage] = {
            effective.target: effective.state for effective in self.effective(about, flags=[flag])
        }
        return {target: known.get(target, NEVER_EXAMINED) for target in about}

    def rebuild(self) -> int:
        """Throw away all that was computed from the events, and compute it anew.

        Returns
        -------
        int
            How many annotations there are.

        Raises
        ------
        AnnotationLogError
            If the events do not fit together; then nothing is changed.
        """
        with self._database.write() as connection:
            return audit.rebuild(connection)

    def check(self) -> list[str]:
        """Look for damage: broken chains, gaps, and projections that differ from a replay.

        Returns
        -------
        list of str
            A sentence for each problem; empty if all is well. Missing last events of an origin cannot be seen
            from within: compare with another copy.
        """
        with self._database.read() as connection:
            return audit.problems(connection)

    def _append(
        self,
        connection: Connection,
        kind: EventKind,
        annotation_id: uuid.UUID,
        *,
        actor: Actor,
        parents: Iterable[uuid.UUID],
        payload: Mapping[str, Any],
        before: Head | None,
    ) -> Annotation:
        number, previous = storage.last(connection, self.origin)
        wall = times.now()
        event = seal(
            Event(
                id=uuid_utils.uuid7(),
                origin=self.origin,
                origin_seq=number + 1,
                hlc=clock.tick(storage.last_reading(connection), wall),
                recorded_at=wall,
                actor=actor.name,
                actor_kind=actor.kind,
                on_behalf_of=actor.on_behalf_of,
                agent=actor.agent,
                agent_version=actor.agent_version,
                kind=kind,
                annotation_id=annotation_id,
                parents=tuple(sorted(parents)),
                payload=payload,
            ),
            previous,
        )
        after = projections.apply(before, event)
        storage.append(connection, event)
        storage.save(connection, before, after)
        return after.annotation()
