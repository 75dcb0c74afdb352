"""The words of the room: who says what of a target, and what holds in the end.

An assertion says one of three things of a flag. *set*: it is so. *clear*: it is not so, whatever was said
before. *examined*: somebody looked for it and found nothing. That nobody ever looked is none of the three: it
is the absence of any, which `Annotations.coverage` calls `NEVER_EXAMINED`.
"""

import uuid
from dataclasses import dataclass
from typing import Final, Literal, get_args

from gnomon.annotations import checks
from gnomon.annotations.targets import Target
from gnomon.errors import AnnotationError, nearest

__all__ = [
    "NEVER_EXAMINED",
    "Actor",
    "ActorKind",
    "Annotation",
    "AnnotationState",
    "Assertion",
    "Claim",
    "Coverage",
    "EffectiveFlag",
    "FlagState",
    "Outcome",
    "Reason",
    "Rule",
]

ActorKind = Literal["human", "bot", "pipeline"]
"""A person, a program that watches the data, or the processing itself."""

FlagState = Literal["set", "clear", "examined"]
"""What an assertion says of its flag."""

Coverage = Literal["set", "clear", "examined", "never examined"]
"""What is known of a flag at a target."""

NEVER_EXAMINED: Final = "never examined"
"""Nobody ever said anything of the flag."""

AnnotationState = Literal["live", "retracted", "conflict"]
"""Whether an annotation counts. *conflict* is for edits that two sites made at once: not within one log."""

Outcome = Literal["holds", "overruled", "challenge"]
"""What became of an assertion."""

Rule = Literal["unopposed", "human over bot", "later", "worse", "agrees"]
"""Why it did, see `gnomon.annotations.policy`."""


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
        *set*, *clear* or *examined*.
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
    state: FlagState
    reason: str = ""
    target: Target | None = None
    version: int = 1

    def __post_init__(self) -> None:
        checks.label(self.flag, "flag")
        checks.text(self.reason, "reason")
        if self.state not in get_args(FlagState):
            raise AnnotationError(
                f"{self.state!r} is not what can be said of a flag."
                f"{nearest(str(self.state), get_args(FlagState))}"
            )
        version: object = self.version
        if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**31:
            raise AnnotationError(f"The version of a flag is an integer from 1, not {self.version!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation as it stands now.

    Parameters
    ----------
    id
        Its name for ever.
    text
        What was written.
    level
        How important, by the levels of logging: 20 is information.
    tags, urls
        Words and links.
    state
        Whether it counts.
    targets
        What it is about.
    assertions
        What it says of flags.
    actor, recorded_at
        Who wrote what stands here, and when (TAI microseconds): of an edited annotation, the last editor.
    event_id
        The last event that changed it: what `Annotations.edit` expects.
    """

    id: uuid.UUID
    text: str
    level: int
    tags: tuple[str, ...]
    urls: tuple[str, ...]
    state: AnnotationState
    targets: tuple[Target, ...]
    assertions: tuple[Assertion, ...]
    actor: Actor
    recorded_at: int
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One assertion about one target, with what the policy needs to rank it.

    Parameters
    ----------
    target, flag, state, reason, version
        What is said.
    actor, recorded_at
        Who said it, and when.
    text
        The text of its annotation.
    annotation_id, event_id
        Where it was said.
    parents
        The events that its author had seen.
    rank
        The clock's reading, origin and event: breaks ties the same way everywhere.
    counts
        False if it was retracted or edited away. Such a claim decides nothing, but what came after it still
        came after what it answered.
    """

    target: Target
    flag: str
    state: FlagState
    reason: str
    version: int
    actor: Actor
    recorded_at: int
    text: str
    annotation_id: uuid.UUID
    event_id: uuid.UUID
    parents: frozenset[uuid.UUID]
    rank: tuple[int, str, str]
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """One assertion that was considered, and what became of it.

    Parameters
    ----------
    claim
        The assertion.
    outcome
        Whether it holds, was overruled, or challenges a person's word without changing it.
    rule
        By which rule.
    """

    claim: Claim
    outcome: Outcome
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveFlag:
    """What holds of one flag at one target.

    Parameters
    ----------
    target, flag, state
        What holds.
    by, recorded_at
        Who said so, and when.
    reason, text
        Why, and the text of the annotation that says so.
    annotation_id, event_id
        Where it was said.
    conflict
        Whether persons disagree, neither having seen the other's word; ``state`` is then the worse one.
    reasons
        Every assertion that was considered, in order of precedence.
    challenged_by
        The bots and pipelines that contradict a person's word, without those which it had already answered.
    """

    target: Target
    flag: str
    state: FlagState
    by: Actor
    recorded_at: int
    reason: str
    text: str
    annotation_id: uuid.UUID
    event_id: uuid.UUID
    conflict: bool
    reasons: tuple[Reason, ...]
    challenged_by: tuple[Actor, ...]
