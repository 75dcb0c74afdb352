"""Recording new annotations: many in one transaction, or one."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import uuid_utils.compat as uuid_utils
from sqlalchemy import Connection

from gnomon.annotations import acceptance, checks
from gnomon.annotations.log.appending import Recorder
from gnomon.annotations.log.events import Event
from gnomon.annotations.model import Actor, Assertion, Draft, Recorded
from gnomon.annotations.projections import Projection, project
from gnomon.annotations.storage import annotations as stored
from gnomon.annotations.storage import assertions as asserted
from gnomon.annotations.storage import events as stored_events
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationNotFoundError, GnomonError

__all__ = ["Checked", "NewAnnotations", "annotation_as_it_is", "history_of"]

type Checked = tuple[dict[str, Any], tuple[Target, ...], list[Assertion]]
"""A new annotation that may be recorded: its payload, what it is about, and what it asserts."""


class NewAnnotations:
    """New annotations of one actor in one transaction, each of which has seen those before it."""

    def __init__(
        self,
        connection: Connection,
        names: Names,
        origin: str,
        actor: Actor,
        checked: Sequence[Checked | GnomonError],
    ) -> None:
        self._connection, self._names, self._actor = connection, names, actor
        self._checked = checked
        self._recorder = Recorder(connection, names, origin)
        good = [item for item in checked if not isinstance(item, GnomonError)]
        keys = [payload["key"] for payload, _, _ in good if "key" in payload]
        self._used: dict[str, tuple[uuid.UUID, uuid.UUID]] = (
            stored.keyed(connection, names, origin, actor.name, dict.fromkeys(keys)) if keys else {}
        )
        self._new: dict[str, Event] = {}
        wanted = {pair for _, about, said in good for pair in acceptance.pairs(said, about)}
        self._known: dict[acceptance.Pair, dict[uuid.UUID, frozenset[uuid.UUID]]] = asserted.asserted(
            connection, names, sorted({key for key, _ in wanted}), sorted({flag for _, flag in wanted})
        )

    def record(self, place: int, draft: Draft, given: set[uuid.UUID] | None) -> Recorded:
        """Record one item."""
        item = self._checked[place]
        if isinstance(item, GnomonError):
            return Recorded(error=item)
        payload, about, said = item
        try:
            answering = self._reply(draft.reply_to, payload)
            if draft.key is not None and (old := self._repeated(draft.key, payload)) is not None:
                return old
            pairs = acceptance.pairs(said, about)
            answered = acceptance.answered(pairs, self._known, given)
        except GnomonError as error:
            return Recorded(error=error)
        event = self._recorder.record(
            "add",
            uuid_utils.uuid7(),
            actor=self._actor,
            parents=answered | answering,
            payload=payload,
        )
        parents = frozenset(event.parents)
        for pair in pairs:
            self._known.setdefault(pair, {})[event.id] = parents
        if draft.key is not None:
            self._new[draft.key] = event
        return Recorded(annotation_id=event.annotation_id, event_id=event.id)

    def write(self) -> dict[uuid.UUID, Projection]:
        """Write what was recorded."""
        return self._recorder.write()

    def _reply(self, reply_to: uuid.UUID | str | None, payload: dict[str, Any]) -> set[uuid.UUID]:
        if reply_to is None:
            return set()
        before = annotation_as_it_is(self._connection, checks.identifier(reply_to, "an annotation"))
        payload["reply_to"] = str(before.id)
        payload["thread"] = str(before.thread or before.id)
        return {before.event_id}

    def _repeated(self, key: str, payload: Mapping[str, Any]) -> Recorded | None:
        if key in self._new:
            first = self._new[key]
        elif key in self._used:
            history = history_of(self._connection, self._used[key][0])
            first = next(event for event in history if event.kind == "add")
        else:
            return None
        acceptance.refuse_other(first, self._actor, payload)
        return Recorded(annotation_id=first.annotation_id, event_id=first.id, repeated=True)


def history_of(connection: Connection, id: uuid.UUID) -> list[Event]:
    """Read the events of one annotation, or say that there is none."""
    found = stored_events.of_annotations(connection, [id]).get(id)
    if found is None:
        raise AnnotationNotFoundError(f"There is no annotation {id}.")
    return found


def annotation_as_it_is(connection: Connection, id: uuid.UUID) -> Projection:
    """Read one annotation as it stands now."""
    return project(history_of(connection, id))
