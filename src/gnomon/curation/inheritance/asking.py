"""From a log to what things inherit."""

from collections.abc import Iterable

from lsst.daf.butler import Butler

from gnomon.annotations import Annotations, Cut, Target
from gnomon.annotations.asking import Moment
from gnomon.annotations.policy import Policy
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.curation.inheritance.inherited import InheritedFlag
from gnomon.curation.inheritance.inheriting import inherit
from gnomon.curation.inheritance.rules import STANDARD, InheritanceRules, load_inheritance
from gnomon.curation.standing_queries import expand
from gnomon.repository.lineage import Lineage

__all__ = ["find_inherited", "needed_flags"]


def needed_flags(names: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """Say which flags are to be asked for, so that some flags can be inherited.

    Parameters
    ----------
    names
        Flags, virtual ones among them.
    vocabulary
        What virtual flags are made of.

    Returns
    -------
    list of str
        The same, and all that the virtual ones are made of, sorted.
    """
    found = set[str]()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            if name in vocabulary.virtual:
                todo += vocabulary.virtual[name].needs
    return sorted(found)


def find_inherited(
    annotations: Annotations,
    targets: Iterable[Target] | None,
    *,
    butler: Butler,
    flags: Iterable[str] | None = None,
    rules: InheritanceRules | str = STANDARD,
    policy: Policy | str | None = None,
    at: Moment | None = None,
    lineage: Lineage | None = None,
    advisory: bool = True,
) -> list[InheritedFlag]:
    """Say which flags things have from others.

    Parameters
    ----------
    annotations
        The log.
    targets
        Which things; None means anything, see `Inheritance.everywhere`.
    butler
        Client of the repository.
    flags
        Which flags, virtual ones among them; None means all that were asserted.
    rules
        Which flags flow where, or their name or file.
    policy, at
        As of `gnomon.annotations.Annotations.effective`.
    lineage
        What was made from what; without it nothing is inherited from inputs.
    advisory
        Whether to give what only informs, too.

    Returns
    -------
    list of InheritedFlag
        By target, flag and rule.

    Raises
    ------
    AnnotationError
        If a flag, a policy or rules are unknown.
    """
    known = load_inheritance(rules) if isinstance(rules, str) else rules
    vocabulary = annotations.vocabulary
    cut: Cut = annotations.cut(at)
    asked = None if flags is None else {vocabulary.check_asked(flag) for flag in flags}
    names = annotations.asserted_flags() if asked is None else needed_flags(asked, vocabulary)
    held = annotations.effective(None, flags=names, policy=policy, at=cut) if names else []
    if any(flag.target.kind == "query" for flag in held):
        held += expand(held, butler=butler)
    found = inherit(
        held,
        known,
        butler=butler,
        lineage=lineage,
        vocabulary=vocabulary,
        virtual=() if asked is None else asked & vocabulary.virtual.keys(),
        targets=targets,
        advisory=advisory,
    )
    return [flag for flag in found if asked is None or flag.flag in asked]
