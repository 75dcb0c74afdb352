"""The rules themselves, as pure functions of assertions; the package's text has them in words."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from gnomon.annotations.cuts import Cut
from gnomon.annotations.effective import Claim, EffectiveFlag, Outcome, Reason, Rule
from gnomon.annotations.model import AssertedState, FlagState
from gnomon.annotations.policy.files import Policy
from gnomon.errors import AnnotationError

__all__ = ["Meaning", "Parents", "heads", "resolve", "seen"]

Meaning = Literal["bad", "good", "neutral"]
"""What it means for the data if a flag is set; a neutral one asks for attention."""

Parents = Mapping[uuid.UUID, frozenset[uuid.UUID]]

_WORSE: Final[Mapping[bool, Mapping[FlagState, int]]] = {
    False: {"set": 2, "clear": 1, "examined": 0},
    True: {"clear": 2, "examined": 1, "set": 0},
}


def seen(events: Iterable[uuid.UUID], parents: Parents) -> frozenset[uuid.UUID]:
    """Say what the authors of some events had seen, directly or through others.

    Parameters
    ----------
    events
        The events.
    parents
        The parents of each event about one flag of one target; others are passed over.

    Returns
    -------
    frozenset of uuid.UUID
        All that came before any of ``events``.
    """
    result: set[uuid.UUID] = set()
    todo = list(events)
    while todo:
        new = (parents.get(todo.pop(), frozenset()) & parents.keys()) - result
        result |= new
        todo += new
    return frozenset(result)


def heads(parents: Parents) -> frozenset[uuid.UUID]:
    """Give the events that no other one has answered: what a new author sees.

    Parameters
    ----------
    parents
        The parents of each event about one flag of one target.

    Returns
    -------
    frozenset of uuid.UUID
        Those that are parents of none.
    """
    return frozenset(parents.keys()).difference(*parents.values())


def resolve(
    claims: Iterable[Claim], parents: Parents, *, policy: Policy, meaning: Meaning, cut: Cut
) -> EffectiveFlag | None:
    """Decide what holds of one flag at one target.

    Parameters
    ----------
    claims
        All assertions of the same flag and target, also those that no longer count, in any order.
    parents
        The parents of each of their events.
    policy
        By which rules.
    meaning
        What it means if the flag is set.
    cut
        The events on which the answer rests.

    Returns
    -------
    EffectiveFlag or None
        What holds, with the chain of reasons; None if no assertion counts.

    Raises
    ------
    AnnotationError
        If the claims are of different flags or targets.
    """
    everything = list(claims)
    if len({(claim.target, claim.flag) for claim in everything}) > 1:
        raise AnnotationError("Only assertions of one flag at one target can be weighed against each other.")
    counting = sorted((c for c in everything if c.counts), key=lambda c: c.rank, reverse=True)
    withdrawn = _withdrawn(counting, parents)
    said = [c for c in counting if c.event_id not in withdrawn]
    active = [c for c in said if policy.counts(c.actor, c.flag, c.version)]
    humans = [claim for claim in active if claim.actor.is_human]
    machines = [claim for claim in active if not claim.actor.is_human]
    ignored = [claim for claim in said if claim not in active]
    taken_back = [claim for claim in counting if claim.event_id in withdrawn]
    if policy.programs == "ignored" and not humans:
        return None
    ruling, outranked = _by_authority(humans, policy) if humans else (machines, [])
    if not ruling:
        return None
    worse = _WORSE[meaning == "good"]
    standing, replaced = _standing(ruling, parents, worse)
    holder = standing[0]
    disagreement = _disagree(standing)
    challengers = machines if humans else []

    rule = _rule_of_holder(disagreement, outranked, replaced, challengers)
    reasons = [Reason(holder, "holds", rule)]
    for claim in standing[1:]:
        agrees = _says_set(claim) == _says_set(holder)
        reasons.append(Reason(claim, "holds", "agrees") if agrees else Reason(claim, "overruled", "worse"))
    reasons += [Reason(claim, "overruled", "later") for claim in replaced]
    reasons += [Reason(claim, "overruled", "authority") for claim in outranked]
    if challengers:
        current, old = _standing(challengers, parents, worse)
        answered = seen((claim.event_id for claim in standing), parents)
        for claim in current:
            challenge = _says_set(claim) != _says_set(holder) and claim.event_id not in answered
            outcome: Outcome = "challenge" if challenge else "overruled"
            reasons.append(Reason(claim, outcome, "human over bot"))
        reasons += [Reason(claim, "overruled", "later") for claim in old]
    reasons += [Reason(claim, "overruled", "inactive") for claim in ignored]
    reasons += [Reason(claim, "overruled", "withdrawn") for claim in taken_back]
    return EffectiveFlag(
        holder.target,
        holder.flag,
        _held(holder.state),
        holder,
        policy.label,
        cut,
        bool(humans) and disagreement,
        tuple(reasons),
    )


def _withdrawn(claims: Sequence[Claim], parents: Parents) -> frozenset[uuid.UUID]:
    """Give the events that say nothing any more: withdrawals, and what their actors withdrew with them."""
    gone: set[uuid.UUID] = set()
    for claim in claims:
        if claim.state == "withdrawn":
            gone.add(claim.event_id)
            before = seen([claim.event_id], parents)
            gone |= {c.event_id for c in claims if c.event_id in before and _same_actor(c, claim)}
    return frozenset(gone)


def _same_actor(one: Claim, other: Claim) -> bool:
    return one.actor.name == other.actor.name and one.actor.kind == other.actor.kind


def _held(state: AssertedState) -> FlagState:
    if state == "withdrawn":
        raise AnnotationError("What was withdrawn cannot hold.")
    return state


def _by_authority(humans: list[Claim], policy: Policy) -> tuple[list[Claim], list[Claim]]:
    """Part persons into those whose word the policy places highest, and the others."""
    if not policy.authority:
        return humans, []
    ranks = [policy.rank(c.actor.name, c.flag, c.target.instrument) for c in humans]
    highest = min(ranks)
    ranked = list(zip(humans, ranks, strict=True))
    return [c for c, rank in ranked if rank == highest], [c for c, rank in ranked if rank > highest]


def _standing(
    claims: Sequence[Claim], parents: Parents, worse: Mapping[FlagState, int]
) -> tuple[list[Claim], list[Claim]]:
    """Part a class into what stands, worst first, and what was replaced, newest first."""
    answered = seen((claim.event_id for claim in claims), parents)
    standing = [claim for claim in claims if claim.event_id not in answered]
    # A stable sort: equally bad ones stay newest first.
    standing.sort(key=lambda claim: worse[_held(claim.state)], reverse=True)
    return standing, [claim for claim in claims if claim.event_id in answered]


def _rule_of_holder(
    disagreement: bool, outranked: Sequence[Claim], replaced: Sequence[Claim], machines: Sequence[Claim]
) -> Rule:
    if disagreement:
        return "worse"
    if outranked:
        return "authority"
    if replaced:
        return "later"
    return "human over bot" if machines else "unopposed"


def _disagree(claims: Sequence[Claim]) -> bool:
    return len({_says_set(claim) for claim in claims}) > 1


def _says_set(claim: Claim) -> bool:
    return claim.state == "set"
