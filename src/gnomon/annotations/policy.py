"""Who wins: which of many assertions about one flag at one target holds.

The rules, in this order:

1. **human over bot**: if a person said anything, only what persons said decides. Bots and pipelines are one
   class below. A bot that contradicts the person's word, and that the person had not seen, is a *challenge*:
   it is shown and changes nothing. One that the person had seen, and contradicted, is simply *overruled*.
2. **later**: within a class, an assertion whose author had seen another replaces it. Seen means causally: the
   events recorded as parents, and theirs in turn, never the time of a clock.
3. **worse**: assertions of the same class that nobody saw and replaced stand side by side. Where they
   disagree, the worse one holds for processing, since wrongly used data cost more than unused ones. If they
   are persons' this is a *conflict*, which is shown until a person who has seen both decides. Bots that
   disagree make no conflict: a person's word, or their next run, settles it anyway.

*Worse* means *set* before *clear* before *examined*. Only *set* against either of the others is a
disagreement: *clear* and *examined* both say that the data may be used.

Causal order is decided among the events that ever asserted the same flag of the same target, retracted and
edited-away ones included, so that an answer depends on nothing else that happens to be in the log.

Everything here is a pure function of assertions; storage is elsewhere.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from gnomon.annotations.model import Claim, EffectiveFlag, FlagState, Outcome, Reason, Rule
from gnomon.errors import AnnotationError

__all__ = ["BADNESS", "heads", "resolve", "seen"]

BADNESS: Mapping[FlagState, int] = {"set": 2, "clear": 1, "examined": 0}
"""Which state is worse for the data: the greater one."""

Parents = Mapping[uuid.UUID, frozenset[uuid.UUID]]


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


def resolve(claims: Iterable[Claim]) -> EffectiveFlag | None:
    """Decide what holds of one flag at one target.

    Parameters
    ----------
    claims
        All assertions of the same flag and target, also those that no longer count, in any order.

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
    if not counting:
        return None
    parents = {claim.event_id: claim.parents for claim in everything}
    humans = [claim for claim in counting if claim.actor.is_human]
    machines = [claim for claim in counting if not claim.actor.is_human]
    ruling, ruled = (humans, machines) if humans else (machines, [])
    standing, replaced = _standing(ruling, parents)
    holder = standing[0]
    disagreement = _disagree(standing)

    reasons = [Reason(holder, "holds", _rule_of_holder(standing, replaced, ruled))]
    for claim in standing[1:]:
        agrees = _says_bad(claim) == _says_bad(holder)
        reasons.append(Reason(claim, "holds", "agrees") if agrees else Reason(claim, "overruled", "worse"))
    reasons += [Reason(claim, "overruled", "later") for claim in replaced]
    challengers: dict[str, Claim] = {}
    if ruled:
        current, old = _standing(ruled, parents)
        answered = seen((claim.event_id for claim in standing), parents)
        for claim in current:
            challenge = _says_bad(claim) != _says_bad(holder) and claim.event_id not in answered
            outcome: Outcome = "challenge" if challenge else "overruled"
            reasons.append(Reason(claim, outcome, "human over bot"))
            if challenge:
                challengers.setdefault(claim.actor.name, claim)
        reasons += [Reason(claim, "overruled", "later") for claim in old]
    return EffectiveFlag(
        target=holder.target,
        flag=holder.flag,
        state=holder.state,
        by=holder.actor,
        recorded_at=holder.recorded_at,
        reason=holder.reason,
        text=holder.text,
        annotation_id=holder.annotation_id,
        event_id=holder.event_id,
        conflict=bool(humans) and disagreement,
        reasons=tuple(reasons),
        challenged_by=tuple(claim.actor for claim in challengers.values()),
    )


def _standing(claims: Sequence[Claim], parents: Parents) -> tuple[list[Claim], list[Claim]]:
    """Part a class into what stands, worst first, and what was replaced, newest first."""
    answered = seen((claim.event_id for claim in claims), parents)
    standing = [claim for claim in claims if claim.event_id not in answered]
    # A stable sort: equally bad ones stay newest first.
    standing.sort(key=lambda claim: BADNESS[claim.state], reverse=True)
    return standing, [claim for claim in claims if claim.event_id in answered]


def _rule_of_holder(standing: Sequence[Claim], replaced: Sequence[Claim], ruled: Sequence[Claim]) -> Rule:
    if _disagree(standing):
        return "worse"
    if replaced:
        return "later"
    return "human over bot" if ruled else "unopposed"


def _disagree(claims: Sequence[Claim]) -> bool:
    return len({_says_bad(claim) for claim in claims}) > 1


def _says_bad(claim: Claim) -> bool:
    return claim.state == "set"
