"""Saying something: each method is one transaction, and what it says is one event or none."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from gnomon.annotations import acceptance, checks
from gnomon.annotations import policy as policies
from gnomon.annotations import vocabulary as vocabularies
from gnomon.annotations.documents import read_yaml
from gnomon.annotations.log.appending import Recorder
from gnomon.annotations.model import Actor, Annotation, Assertion, Attachment, Draft, Recorded, TimeLost
from gnomon.annotations.new_annotations import (
    Checked,
    NewAnnotations,
    annotation_as_it_is,
    history_of,
)
from gnomon.annotations.observations import Observation
from gnomon.annotations.opened import OpenedLog
from gnomon.annotations.policy import Policy
from gnomon.annotations.projections import Projection, project, write_assertions
from gnomon.annotations.storage import assertions as asserted
from gnomon.annotations.storage import definitions, resolutions
from gnomon.annotations.storage import events as stored_events
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import VocabularyDocument
from gnomon.errors import (
    AnnotationError,
    AnnotationNotFoundError,
    ConcurrencyError,
    GnomonError,
    PolicyError,
    VocabularyError,
)

__all__ = ["Writing"]


class Writing(OpenedLog):
    """The part of `gnomon.annotations.Annotations` that records events."""

    def add(
        self,
        *,
        targets: Iterable[Target],
        text: str = "",
        flags: Iterable[Assertion] = (),
        tags: Iterable[str] = (),
        urls: Iterable[str] = (),
        level: int | str = 20,
        attachments: Iterable[Attachment] = (),
        reply_to: uuid.UUID | str | None = None,
        assignee: str | None = None,
        time_lost: TimeLost | None = None,
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
            How important, by the levels of logging: a number or its name.
        attachments
            Files, which are kept elsewhere.
        reply_to
            The annotation that this one answers.
        assignee
            Who is to look after it.
        time_lost
            How much time was lost, and to what.
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
        AnnotationNotFoundError
            If there is no annotation ``reply_to``.
        ConcurrencyError
            If something else was said under ``key``.
        """
        draft = Draft(
            targets=targets,
            text=text,
            flags=flags,
            tags=tags,
            urls=urls,
            level=level,
            attachments=attachments,
            reply_to=reply_to,
            assignee=assignee,
            time_lost=time_lost,
            key=key,
            parents=parents,
        )
        acceptance.check_actor(actor)
        given = _events(draft.parents)
        with self._writing() as (connection, names):
            vocabulary = self._present_vocabulary(connection, names)
            checked = [acceptance.new_payload(draft, vocabulary)]
            bulk = NewAnnotations(connection, names, self.origin, actor, checked)
            outcome = bulk.record(0, draft, given)
            if outcome.error is not None:
                raise outcome.error
            changed = bulk.write()
            if outcome.annotation_id is None:
                raise AnnotationNotFoundError("What was recorded has no id.")
            if outcome.repeated:
                return annotation_as_it_is(connection, outcome.annotation_id).annotation()
            return changed[outcome.annotation_id].annotation()

    def add_many(
        self, drafts: Iterable[Draft], *, actor: Actor, key: str | None = None, all_or_nothing: bool = False
    ) -> list[Recorded]:
        """Say many things at once.

        Parameters
        ----------
        drafts
            What is to be said, in order; a later one has seen the earlier ones.
        actor
            Who says it.
        key
            An idempotency key for the whole: the items count as said under this key and their place, so that
            the same bulk, sent again because no answer came, changes nothing.
        all_or_nothing
            Whether one item that cannot be recorded stops all.

        Returns
        -------
        list of Recorded
            What became of each item, in order. Those that cannot be recorded have an error; the others are
            recorded in one transaction.

        Raises
        ------
        AnnotationError
            With ``all_or_nothing``, that of the first item which cannot be recorded; nothing is recorded
            then.
        """
        acceptance.check_actor(actor)
        prefix = None if key is None else checks.label(key, "idempotency key")
        items = [_numbered(draft, prefix, place) for place, draft in enumerate(drafts)]
        seen = [_events(draft.parents) for draft in items]
        with self._writing() as (connection, names):
            vocabulary = self._present_vocabulary(connection, names)
            checked: list[Checked | GnomonError] = []
            for draft in items:
                try:
                    checked.append(acceptance.new_payload(draft, vocabulary))
                except GnomonError as error:
                    checked.append(error)
            bulk = NewAnnotations(connection, names, self.origin, actor, checked)
            results = []
            for place, draft in enumerate(items):
                outcome = bulk.record(place, draft, seen[place])
                if all_or_nothing and outcome.error is not None:
                    raise outcome.error
                results.append(outcome)
            bulk.write()
        return results

    def edit(
        self,
        annotation_id: uuid.UUID | str,
        *,
        actor: Actor,
        expected: uuid.UUID | str,
        text: str | None = None,
        tags: Iterable[str] | None = None,
        urls: Iterable[str] | None = None,
        level: int | str | None = None,
        flags: Iterable[Assertion] | None = None,
        attachments: Iterable[Attachment] | None = None,
        assignee: str | None = None,
        resolution: str | None = None,
        time_lost: TimeLost | None = None,
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
        text, tags, urls, level, flags, attachments, assignee, resolution, time_lost
            What replaces the old; None leaves it, and an empty assignee or resolution takes it away. An
            assertion that is given again as it was remains the word of whoever made it: to affirm it, add an
            annotation.

        Returns
        -------
        Annotation
            The annotation as it stands now; where nothing differs, nothing is recorded. An edit of an
            annotation in conflict settles it.

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
            "attachments": None if attachments is None else acceptance.attachments(attachments),
            "assignee": checks.label(assignee, "assignee") if assignee else assignee,
            "resolution": None if resolution is None else checks.text(resolution, "resolution"),
            "time_lost": None if time_lost is None else acceptance.time_lost(time_lost),
        }
        said = None if flags is None else list(flags)
        with self._writing() as (connection, names):
            history = history_of(connection, id)
            before = project(history)
            acceptance.refuse_over_person(before, history, actor)
            if before.state == "retracted":
                raise AnnotationError(f"Annotation {id} is retracted and cannot be edited; add a new one.")
            if before.event_id != seen:
                raise ConcurrencyError(
                    f"Annotation {id} was changed since: the editor saw event {seen}, the last one is "
                    f"{before.event_id}, by {before.actor.name}. Look at it again and edit that."
                )
            changed: dict[acceptance.Pair, tuple[object, ...]] = {}
            if said is not None:
                vocabulary = self._present_vocabulary(connection, names)
                checked = acceptance.assertions(said, before.targets, vocabulary)
                given["flags"] = write_assertions(checked, before.targets)
                kept = {(s.target_key, s.flag): s.said for s in before.stances if s.counts}
                wanted = acceptance.pairs(checked, before.targets)
                changed = {pair: word for pair, word in wanted.items() if kept.get(pair) != word}
            old = _content(before)
            payload = {
                name: value
                for name, value in given.items()
                if value is not None and (value != old[name] or name in before.conflicts)
            }
            if not payload:
                return before.annotation()
            acceptance.refuse_empty(old | payload)
            keys, flags_asked = {key for key, _ in changed}, sorted({flag for _, flag in changed})
            known = asserted.asserted(connection, names, sorted(keys), flags_asked)
            answered = {*before.heads, *acceptance.answered(changed, known, None)}
            recorder = Recorder(connection, names, self.origin)
            recorder.record("edit", id, actor=actor, parents=answered, payload=payload)
            return recorder.write()[id].annotation()

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
        return self.retract_many([annotation_id], actor=actor, reason=reason)[0]

    def retract_many(
        self, annotation_ids: Iterable[uuid.UUID | str], *, actor: Actor, reason: str = ""
    ) -> list[Annotation]:
        """Take annotations back, all or none of them.

        Parameters
        ----------
        annotation_ids
            Which annotations.
        actor, reason
            As of `retract`.

        Returns
        -------
        list of Annotation
            The retracted annotations, in the order given, each once.

        Raises
        ------
        AnnotationNotFoundError, AnnotationError
            As `retract`; nothing is retracted then.
        """
        ids = list(dict.fromkeys(checks.identifier(id, "an annotation") for id in annotation_ids))
        acceptance.check_actor(actor)
        payload = {"reason": checks.text(reason, "reason")}
        with self._writing() as (connection, names):
            histories = stored_events.of_annotations(connection, ids)
            recorder = Recorder(connection, names, self.origin)
            left: dict[uuid.UUID, Projection] = {}
            for id in ids:
                if id not in histories:
                    raise AnnotationNotFoundError(f"There is no annotation {id}.")
                left[id] = before = project(histories[id])
                acceptance.refuse_over_person(before, histories[id], actor)
                if before.state != "retracted":
                    recorder.record("retract", id, actor=actor, parents=before.heads, payload=payload)
            changed = recorder.write()
        return [(changed.get(id) or left[id]).annotation() for id in ids]

    def resolve(self, resolved: Mapping[Target, Target], *, actor: Actor) -> list[Target]:
        """Say which records pending observations became: what was said of them counts for the records.

        Parameters
        ----------
        resolved
            The record for each pending observation.
        actor
            Who found out.

        Returns
        -------
        list of Target
            The pending observations of which this is new; if none is, nothing is recorded. A later event
            corrects an earlier one.

        Raises
        ------
        AnnotationError
            If a key is no pending observation, or a value is one.
        """
        acceptance.check_actor(actor)
        for pending, target in resolved.items():
            if pending.kind != "pending":
                raise AnnotationError(f"{pending} is not a pending observation, and has nothing to become.")
            if target.kind == "pending":
                raise AnnotationError(f"{pending} becomes a record or a dataset, not {target}.")
        with self._writing() as (connection, names):
            became = resolutions.become(connection, names, [pending.key for pending in resolved])
            new = {p: t for p, t in resolved.items() if became.get(p.key) != t}
            if new:
                pairs = [{"pending": p.to_dict(), "target": t.to_dict()} for p, t in new.items()]
                recorder = Recorder(connection, names, self.origin)
                recorder.record("resolve", None, actor=actor, parents=(), payload={"resolved": pairs})
                recorder.write()
        return list(new)

    def observe(self, observations: Iterable[Observation], *, actor: Actor) -> int:
        """Tell what is known of exposures.

        Parameters
        ----------
        observations
            The exposures; what was told of one before is replaced.
        actor
            Who tells it.

        Returns
        -------
        int
            How many exposures the event tells of.

        Raises
        ------
        AnnotationError
            If something else was given.
        """
        acceptance.check_actor(actor)
        told: dict[tuple[str, str], Observation] = {}
        for observation in observations:
            if not isinstance(observation, Observation):
                raise AnnotationError(f"{observation!r} is not an Observation.")
            told[observation.instrument, observation.obs_id] = observation
        if told:
            with self._writing() as (connection, names):
                payload = {"observations": [observation.to_dict() for observation in told.values()]}
                recorder = Recorder(connection, names, self.origin)
                recorder.record("observe", None, actor=actor, parents=(), payload=payload)
                recorder.write()
        return len(told)

    def lay_down(
        self, document: VocabularyDocument | Policy | Path | Mapping[str, Any], *, actor: Actor
    ) -> str:
        """Lay down a vocabulary of flags or a policy, for all who share the log.

        Parameters
        ----------
        document
            The vocabulary or policy, its file, or its plain values.
        actor
            Who lays it down: a person, since a bot has no say in how its own word is weighed.

        Returns
        -------
        str
            Its label. The same again changes nothing.

        Raises
        ------
        VocabularyError, PolicyError
            If it is none, does not fit to what is there, or something else has its label.
        AnnotationError
            If the actor is no person.
        """
        acceptance.check_actor(actor)
        if not actor.is_human:
            raise AnnotationError(
                f"{actor.name} is a {actor.kind}: vocabularies and policies are laid down by persons."
            )
        found = _document(document)
        kind = "policy" if isinstance(found, Policy) else "vocabulary"
        with self._writing() as (connection, names):
            if isinstance(found, Policy):
                known: Any = {**self._laid_down(connection, names), **policies.shipped()}.get(found.label)
            else:
                known = vocabularies.shipped().get(found.label) or self._document_of(connection, names, found)
            if known is not None:
                if known.document == found.document:
                    return found.label
                error = PolicyError if isinstance(found, Policy) else VocabularyError
                raise error(f"{found.label} was laid down already, with other contents: raise its version.")
            if isinstance(found, VocabularyDocument):
                if found.name in {label.rpartition("@")[0] for label in vocabularies.shipped()}:
                    raise VocabularyError(f"{found.name} is the vocabulary of gnomon; choose another name.")
                vocabularies.refuse_contradiction(self._present_vocabulary(connection, names), found)
            elif found.vocabulary not in vocabularies.shipped():
                raise PolicyError(f"The policy goes by {found.vocabulary}, which gnomon does not have.")
            recorder = Recorder(connection, names, self.origin)
            payload = {"label": found.label, "document": found.document}
            recorder.record(
                "policy" if kind == "policy" else "vocabulary", None, actor=actor, parents=(), payload=payload
            )
            recorder.write()
        return found.label

    def _document_of(
        self, connection: Connection, names: Names, asked: VocabularyDocument
    ) -> VocabularyDocument | None:
        for definition in definitions.read(connection, names, None):
            if definition.kind == "vocabulary" and definition.label == asked.label:
                return vocabularies.parse_vocabulary(definition.document)
        return None


def _events(parents: Iterable[uuid.UUID | str] | None) -> set[uuid.UUID] | None:
    return None if parents is None else {checks.identifier(parent, "an event") for parent in parents}


def _numbered(draft: Draft, prefix: str | None, place: int) -> Draft:
    if not isinstance(draft, Draft):
        raise AnnotationError(f"An item of a bulk is a Draft, not {draft!r}.")
    if prefix is None:
        return draft
    return replace(draft, key=f"{prefix}:{draft.key or place}")


def _document(given: object) -> VocabularyDocument | Policy:
    if isinstance(given, VocabularyDocument | Policy):
        return given
    if isinstance(given, Path):
        values = read_yaml(given, VocabularyError)
        if isinstance(values, Mapping) and "policy" in values:
            return policies.load_policy(given)
        return vocabularies.load_vocabulary(given)
    if isinstance(given, Mapping) and "policy" in given:
        return policies.parse_policy(given)
    return vocabularies.parse_vocabulary(given)


def _content(before: Projection) -> dict[str, Any]:
    return {
        "text": before.text,
        "tags": list(before.tags),
        "urls": list(before.urls),
        "level": before.level,
        "flags": list(before.flags),
        "attachments": list(before.attachments),
        "assignee": before.assignee or "",
        "resolution": before.resolution,
        "time_lost": before.time_lost,
    }
