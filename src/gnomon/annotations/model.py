"""The words of the room: who says what of a target.

An assertion says one of three things of a flag. *set*: it is so. *clear*: it is not so, whatever was said
before. *examined*: somebody looked for it and found nothing. That nobody ever looked is none of the three: it
is the absence of any, which `Annotations.coverage` calls `NEVER_EXAMINED`. And whoever said one of the three
can say *withdrawn*: what they said before no longer counts, and nothing is said instead.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, get_args

from gnomon.annotations import checks
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, GnomonError, nearest

__all__ = [
    "NEVER_EXAMINED",
    "Actor",
    "ActorKind",
    "Annotation",
    "AnnotationState",
    "AssertedState",
    "Assertion",
    "Attachment",
    "Coverage",
    "Draft",
    "FlagState",
    "Recorded",
    "TimeLost",
    "Word",
]

ActorKind = Literal["human", "bot", "pipeline"]
"""A person, a program that watches the data, or the processing itself."""

FlagState = Literal["set", "clear", "examined"]
"""What can hold of a flag."""

AssertedState = Literal["set", "clear", "examined", "withdrawn"]
"""What an assertion says of its flag; *withdrawn* takes back what its actor said before, and says nothing."""

Coverage = Literal["set", "clear", "examined", "never examined"]
"""What is known of a flag at a target."""

NEVER_EXAMINED: Final = "never examined"
"""Nobody ever said anything of the flag."""

AnnotationState = Literal["live", "retracted", "conflict"]
"""Whether an annotation counts. In *conflict* is one that two origins edited unseen by each other."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who says something.

    Parameters
    ----------
    name
        The name of the person, bot or pipeline.
    kind
        Which of these it is.
    on_behalf_of
        The person for whom a program acts. It remains the program's word.
    agent, agent_version
        The program that was used.

    Raises
    ------
    AnnotationError
        If the name is empty, the kind unknown, or a text cannot be kept.
    """

    name: str
    kind: ActorKind
    on_behalf_of: str | None = None
    agent: str | None = None
    agent_version: str | None = None

    def __post_init__(self) -> None:
        checks.label(self.name, "name of the actor")
        if self.kind not in get_args(ActorKind):
            raise AnnotationError(
                f"{self.kind!r} is not a kind of actor.{nearest(str(self.kind), get_args(ActorKind))}"
            )
        for what in ("on_behalf_of", "agent", "agent_version"):
            if (value := getattr(self, what)) is not None:
                checks.label(value, what)

    @property
    def is_human(self) -> bool:
        """Whether this is a person; bots and pipelines are one class below."""
        return self.kind == "human"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an annotation says of one flag.

    Parameters
    ----------
    flag
        A flag of the vocabulary, or one under ``user/``.
    state
        *set*, *clear*, *examined*, or *withdrawn*.
    reason
        Why, in a few words.
    target
        Of which of the annotation's targets; None means all of them.
    version
        The version of the flag, or of the algorithm that decided it, from 1.

    Raises
    ------
    AnnotationError
        If the state is unknown, the version is not a positive integer of 32 bits, or a text cannot be kept.
    """

    flag: str
    state: AssertedState
    reason: str = ""
    target: Target | None = None
    version: int = 1

    def __post_init__(self) -> None:
        checks.label(self.flag, "flag")
        checks.text(self.reason, "reason")
        if self.state not in get_args(AssertedState):
            raise AnnotationError(
                f"{self.state!r} is not what can be said of a flag."
                f"{nearest(str(self.state), get_args(AssertedState))}"
            )
        version: object = self.version
        if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**31:
            raise AnnotationError(f"The version of a flag is an integer from 1, not {self.version!r}.")


class Word(NamedTuple):
    """One assertion that counts, as its actor left it; a tuple, since there can be very many.

    Parameters
    ----------
    target_key, flag, state, version, reason
        What is said.
    clock
        The clock's reading: of two words of one actor on the same, the later one is what they say.
    event, annotation
        Ids of the event and the annotation, as the database has them.
    tags
        Those of the annotation, as a JSON list.
    """

    target_key: str
    flag: str
    state: AssertedState
    version: int
    reason: str
    clock: int
    event: str
    annotation: str
    tags: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to an annotation and is kept elsewhere.

    Parameters
    ----------
    uri
        Where it is.
    checksum
        What it is: ``sha256:`` and the digits; md5, sha1 and sha512 are known too.
    title
        What it shows.

    Raises
    ------
    AnnotationError
        If the address or the checksum cannot be one.
    """

    uri: str
    checksum: str
    title: str = ""

    def __post_init__(self) -> None:
        checks.uri(self.uri)
        object.__setattr__(self, "checksum", checks.checksum(self.checksum))
        checks.text(self.title, "title of an attachment")

    def to_dict(self) -> dict[str, str]:
        """Write it as plain JSON values.

        Returns
        -------
        dict
            A value for each part.
        """
        return {"uri": self.uri, "checksum": self.checksum, "title": self.title}


@dataclass(frozen=True, slots=True)
class TimeLost:
    """How much time was lost, and to what.

    Parameters
    ----------
    kind
        To *weather* or to a *fault*.
    seconds
        How much.

    Raises
    ------
    AnnotationError
        If the kind is another, or the time negative, longer than a year or no number.
    """

    kind: Literal["weather", "fault"]
    seconds: float

    def __post_init__(self) -> None:
        if self.kind not in ("weather", "fault"):
            raise AnnotationError(
                f"Time is lost to weather or to a fault, not to {self.kind!r}."
                f"{nearest(str(self.kind), ('weather', 'fault'))}"
            )
        seconds: object = self.seconds
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 <= seconds <= 366 * 86400
        ):
            raise AnnotationError(f"The time lost is a number of seconds, at most a year, not {seconds!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain JSON values.

        Returns
        -------
        dict
            A value for each part.
        """
        return {"kind": self.kind, "seconds": float(self.seconds)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An annotation that is to be made: one item of `gnomon.annotations.Annotations.add_many`.

    Parameters
    ----------
    targets, text, flags, tags, urls, level, attachments, reply_to, assignee, time_lost, key, parents
        As in `gnomon.annotations.Annotations.add`.
    """

    targets: Iterable[Target]
    text: str = ""
    flags: Iterable[Assertion] = ()
    tags: Iterable[str] = ()
    urls: Iterable[str] = ()
    level: int | str = 20
    attachments: Iterable[Attachment] = ()
    reply_to: uuid.UUID | str | None = None
    assignee: str | None = None
    time_lost: TimeLost | None = None
    key: str | None = None
    parents: Iterable[uuid.UUID | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of one item of a bulk.

    Parameters
    ----------
    annotation_id
        The annotation; None if the item was refused.
    event_id
        The event that made it.
    repeated
        Whether it had been made before, under the same key.
    error
        Why it was refused.
    """

    annotation_id: uuid.UUID | None = None
    event_id: uuid.UUID | None = None
    repeated: bool = False
    error: GnomonError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation as it stands now, or stood at a cut.

    Parameters
    ----------
    id
        Its name for ever.
    text
        What was written.
    level
        How important, by the levels of logging: 20 is information.
    tags, urls, attachments
        Words, links and files.
    state
        Whether it counts.
    targets
        What it is about.
    assertions
        What it says of flags.
    reply_to, thread
        The annotation that it answers, and the one with which that thread began.
    assignee, resolution
        Who is to look after it, and what came of that; empty as long as it is open.
    time_lost
        How much time was lost.
    actor, recorded_at
        Who wrote what stands here, and when (TAI microseconds): of an edited annotation, the last editor.
    creator, created_at
        Who made it, and when.
    event_id
        The last event that changed it: what `gnomon.annotations.Annotations.edit` expects.
    conflicts
        Of an annotation in *conflict*: the values that stand against each other, by field; shown is the
        first.
    """

    id: uuid.UUID
    text: str
    level: int
    tags: tuple[str, ...]
    urls: tuple[str, ...]
    state: AnnotationState
    targets: tuple[Target, ...]
    assertions: tuple[Assertion, ...]
    attachments: tuple[Attachment, ...] = ()
    reply_to: uuid.UUID | None = None
    thread: uuid.UUID | None = None
    assignee: str | None = None
    resolution: str = ""
    time_lost: TimeLost | None = None
    actor: Actor
    recorded_at: int
    creator: Actor
    created_at: int
    event_id: uuid.UUID
    conflicts: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, hash=False)
