"""Virtual flags of what inherits: evaluated anew where flags of others come to those that hold there.

So a person's *recovered* on a visit takes effect against the clouds that it has from its exposure, although
the exposure itself remains as it is.
"""

from collections.abc import Iterable, Sequence

from gnomon.annotations import EffectiveFlag, Target
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.annotations.vocabulary.virtual import evaluate, order
from gnomon.curation.inheritance.covering import Covering
from gnomon.curation.inheritance.inherited import InheritedFlag, causes_of
from gnomon.curation.inheritance.rules import Effect

__all__ = ["asserted", "evaluate_inherited"]


def asserted(flags: Iterable[EffectiveFlag]) -> list[EffectiveFlag]:
    """Give the flags that somebody asserted: those given, and of virtual ones those that they follow from.

    Parameters
    ----------
    flags
        Effective flags.

    Returns
    -------
    list of EffectiveFlag
        Each once.
    """
    found: dict[tuple[str, str], EffectiveFlag] = {}
    todo = list(flags)
    while todo:
        flag = todo.pop()
        if flag.causes:
            todo += flag.causes
        else:
            found[flag.target.key, flag.flag] = flag
    return list(found.values())


def evaluate_inherited(
    names: Iterable[str],
    inherited: Sequence[InheritedFlag],
    covered: Iterable[tuple[Target, Sequence[int]]],
    covering: Covering,
    vocabulary: Vocabulary,
) -> list[InheritedFlag]:
    """Say which virtual flags follow where others are inherited.

    Parameters
    ----------
    names
        Virtual flags.
    inherited
        Flags that were asserted elsewhere.
    covered
        For each thing that inherits, the places in ``covering`` of all that is set on it.
    covering
        Flags that were asserted, and ``inherited``.
    vocabulary
        What virtual flags are made of.

    Returns
    -------
    list of InheritedFlag
        Those to which something inherited contributes.
    """
    virtual = order(names, vocabulary.virtual)
    if not virtual or not inherited:
        return []
    found = []
    for target, places in covered:
        known: dict[str, EffectiveFlag] = {}
        parts: dict[str, list[InheritedFlag]] = {}
        for place in places:
            held = covering.held[place]
            if isinstance(held, InheritedFlag):
                parts.setdefault(held.flag, []).append(held)
                known.setdefault(held.flag, _here(held, target))
            elif isinstance(held, EffectiveFlag):
                known[held.flag] = held
        for name in virtual:
            derived = evaluate(vocabulary.virtual[name], list(known.values())) if known else None
            if derived is None:
                continue
            known[name] = derived
            which = [part for cause in derived.causes for part in parts.get(cause.flag, ())]
            if derived.state != "set" or not which:
                continue
            # What is inherited by the very thing says more than what a part of its data ID has.
            first = next((part for part in which if part.target == target), which[0])
            causes = causes_of([*which, *asserted(c for c in derived.causes if c.flag not in parts)])
            effect: Effect = "counts" if all(part.counts for part in which) else "informs"
            one = first._replace(flag=name, causes=causes, target=target, effect=effect)
            parts[name] = [one]
            found.append(one)
    return found


def _here(flag: InheritedFlag, target: Target) -> EffectiveFlag:
    cause = flag.causes[0]
    claim = cause.claim._replace(target=target, flag=flag.flag, state="set", reason=flag.reason)
    return EffectiveFlag(target, flag.flag, "set", claim, cause.policy, cause.cut)
