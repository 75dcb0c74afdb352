"""What a search can ask for, and the page that it gives."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

from astropy.time import Time

from gnomon.annotations.model import ActorKind, Annotation, AnnotationState, AssertedState
from gnomon.annotations.targets import Target, TargetKind

__all__ = ["Conditions", "Page"]


class Conditions(TypedDict, total=False):
    """Conditions on annotations; all that are given have to be fulfilled.

    Attributes
    ----------
    ids
        One of these.
    target, targets
        About this thing, or about one of these.
    kind, instrument
        About a target of this kind, or of this instrument.
    data_id
        About a target with these dimensions and values in its data ID.
    during
        About a timespan that overlaps the one from the first to the second moment (TAI microseconds).
    flag, flag_state
        Asserting anything of this flag, or this.
    tag, tags, exclude_tags
        With this tag, with one of these, and with none of these.
    url
        With a link that has this in it.
    actor, actor_kind, agent
        Written or edited by whoever has this name; made by a person, bot or pipeline; made with this program.
    min_level, max_level
        At least, and less than.
    since, until
        Made at this moment or later, and earlier than this: a time, or TAI microseconds.
    text
        With this in the text, letter by letter; no character stands for others.
    words
        With all of these words in the text, in any order and case.
    state
        Live, retracted or in conflict; by default all that are not retracted.
    include_retracted
        Whether those that no longer count are wanted too.
    thread, reply_to
        In the thread that began with this annotation; answering this one.
    assignee, resolved
        To be looked after by this person; with or without a resolution.
    time_lost
        With time lost to weather or to a fault.
    has_attachments
        With or without files.
    origin
        Made at this origin.
    """

    ids: Iterable[uuid.UUID | str]
    target: Target
    targets: Iterable[Target]
    kind: TargetKind
    instrument: str
    data_id: Mapping[str, int | str]
    during: tuple[int, int]
    flag: str
    flag_state: AssertedState
    tag: str
    tags: Iterable[str]
    exclude_tags: Iterable[str]
    url: str
    actor: str
    actor_kind: ActorKind
    agent: str
    min_level: int | str
    max_level: int | str
    since: Time | int
    until: Time | int
    text: str
    words: str
    state: AnnotationState
    include_retracted: bool
    thread: uuid.UUID | str
    reply_to: uuid.UUID | str
    assignee: str
    resolved: bool
    time_lost: Literal["weather", "fault"]
    has_attachments: bool
    origin: str


class Page(list[Annotation]):
    """Annotations, and how to go on.

    Parameters
    ----------
    annotations
        What was found.
    next
        What to give as ``after`` for the next page; None if there is none.
    """

    def __init__(self, annotations: Iterable[Annotation] = (), *, next: str | None = None) -> None:
        super().__init__(annotations)
        self.next = next
