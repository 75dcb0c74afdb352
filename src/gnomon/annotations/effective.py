"""What holds in the end: an effective flag, with the chain of its reasons."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self, SupportsIndex

from gnomon.annotations.cuts import Cut
from gnomon.annotations.model import Actor, AssertedState, FlagState
from gnomon.annotations.targets import Target

__all__ = ["Answer", "Claim", "EffectiveFlag", "Outcome", "Reason", "Rule"]

Outcome = Literal["holds", "overruled", "challenge"]
"""What became of an assertion."""

Rule = Literal[
    "unopposed", "authority", "human over bot", "later", "worse", "agrees", "inactive", "withdrawn", "virtual"
]
"""Why it did, see `gnomon.annotations.policy`."""


class Claim(NamedTuple):
    """One assertion about one target, with what a policy needs to rank it.

    A tuple and no dataclass, since an answer about ten thousand things is made of as many of them.

    Parameters
    ----------
    target, flag, state, version, reason
        What is said.
    actor, recorded_at
        Who said it, and when.
    text
        The text of its annotation.
    annotation, event
        The ids of the annotation and the event, as the database has them; see the properties.
    rank
        The clock's reading, origin and event: breaks ties the same way everywhere.
    counts
        False if it was retracted or edited away. Such a claim decides nothing, but what came after it still
        came after what it answered.
    """

    target: Target
    flag: str
    state: AssertedState
    version: int
    reason: str
    actor: Actor
    recorded_at: int
    text: str
    annotation: str | uuid.UUID
    event: str | uuid.UUID
    rank: tuple[int, str, str]
    counts: bool

    @property
    def annotation_id(self) -> uuid.UUID:
        """The annotation in which it was said."""
        return self.annotation if isinstance(self.annotation, uuid.UUID) else uuid.UUID(self.annotation)

    @property
    def event_id(self) -> uuid.UUID:
        """The event with which it was said."""
        return self.event if isinstance(self.event, uuid.UUID) else uuid.UUID(self.event)


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


class Answer(NamedTuple):
    """What the flags of one answer share.

    Parameters
    ----------
    policy, cut
        As of `EffectiveFlag`.
    claim
        Makes the claim of what was told, see `EffectiveFlag`.
    """

    policy: str
    cut: Cut
    claim: Callable[[Target, Any], Claim] | None = None


_SHOWN = ("target", "flag", "state", "claim", "policy", "cut", "conflict", "considered", "causes")
_DEFAULTS = {"conflict": False, "considered": (), "causes": ()}


class _Kept(NamedTuple):
    target: Target
    flag: str
    state: FlagState
    told: Any
    answer: Answer
    conflict: bool
    considered: tuple["Reason", ...]
    causes: tuple["EffectiveFlag", ...]


class EffectiveFlag(_Kept):
    """What holds of one flag at one target; a tuple for the same reason as `Claim`.

    Parameters
    ----------
    target, flag, state
        What holds.
    claim
        The assertion that says so; of a virtual flag, the first of its causes'. Where nobody contradicts it,
        it is made of the row of the database when it is looked at: of a hundred thousand flags few are.
    policy
        The policy that decided, as ``name@version``.
    cut
        The events on which the answer rests.
    conflict
        Whether persons disagree, neither having seen the other's word; ``state`` is then the worse one.
    considered
        The reasons, where there are more than that nobody contradicts the claim.
    causes
        Of a virtual flag: the effective flags from which it follows.
    """

    __slots__ = ()

    # What is kept is not what is shown: a tuple of the parameters it is for whoever takes it apart.
    _fields: ClassVar[tuple[str, ...]] = _SHOWN  # type: ignore[assignment,misc]
    _field_defaults: ClassVar[dict[str, Any]] = _DEFAULTS  # type: ignore[misc]
    __match_args__: ClassVar[tuple[str, ...]] = _SHOWN

    def __new__(
        cls,
        target: Target,
        flag: str,
        state: FlagState,
        claim: Claim,
        policy: str,
        cut: Cut,
        conflict: bool = False,
        considered: tuple[Reason, ...] = (),
        causes: tuple["EffectiveFlag", ...] = (),
    ) -> Self:
        """Take a claim, the policy and the cut apart from the row that stands for them in a long answer."""
        answer = Answer(policy, cut)
        return super().__new__(cls, target, flag, state, claim, answer, conflict, considered, causes)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._values()

    def __len__(self) -> int:
        return len(_SHOWN)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        return self._values()[place]

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(_SHOWN, self._values(), strict=True))

    def _replace(self, **changes: Any) -> Self:
        # The claim is taken first: what was said stays said of its own target.
        return type(self)(**self._asdict() | changes)

    def __replace__(self, **changes: Any) -> Self:
        return self._replace(**changes)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EffectiveFlag):
            return self._values() == other._values()
        return self._values() == other if isinstance(other, tuple) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.target.key, self.flag, self.state, self.policy))

    def __repr__(self) -> str:
        return f"EffectiveFlag({self.target}, {self.flag!r}, {self.state!r}, by={self.by.name!r})"

    def _values(self) -> tuple[Any, ...]:
        return (
            self.target, self.flag, self.state, self.claim, self.policy, self.cut, self.conflict,
            self.considered, self.causes,
        )  # fmt: skip

    @property
    def claim(self) -> Claim:
        """The assertion that says so."""
        told = self.told
        if isinstance(told, Claim) or self.answer.claim is None:
            return told  # type: ignore[no-any-return]  # without a maker it is a claim
        return self.answer.claim(self.target, told)

    @property
    def policy(self) -> str:
        """The policy that decided, as ``name@version``."""
        return self.answer.policy

    @property
    def cut(self) -> Cut:
        """The events on which the answer rests."""
        return self.answer.cut

    @property
    def by(self) -> Actor:
        """Who said so."""
        return self.claim.actor

    @property
    def recorded_at(self) -> int:
        """When, in TAI microseconds since 1970-01-01 TAI."""
        return self.claim.recorded_at

    @property
    def reason(self) -> str:
        """Why."""
        return self.claim.reason

    @property
    def text(self) -> str:
        """The text of the annotation that says so."""
        return self.claim.text

    @property
    def annotation_id(self) -> uuid.UUID:
        """The annotation that says so."""
        return self.claim.annotation_id

    @property
    def event_id(self) -> uuid.UUID:
        """The event with which it was said."""
        return self.claim.event_id

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every assertion that was considered, in order of precedence."""
        return self.considered or (Reason(self.claim, "holds", "unopposed"),)

    @property
    def challenged_by(self) -> tuple[Actor, ...]:
        """The bots and pipelines that contradict a person's word, without those it had already answered."""
        challengers = {
            reason.claim.actor.name: reason.claim.actor
            for reason in self.considered
            if reason.outcome == "challenge"
        }
        return tuple(challengers.values())
