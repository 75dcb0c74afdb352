"""What is left out, and what is granted, since a thing has a flag from others."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lsst.daf.butler import Butler, DatasetRef

from gnomon.annotations import EffectiveFlag
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.requirements import RequiredFlag
from gnomon.curation.inheritance import Inheritance, InheritedFlag, inherit, load_inheritance

if TYPE_CHECKING:
    from gnomon.repository.lineage import Lineage

__all__ = ["Inheriting", "find_inherited", "grant"]


class Inheriting:
    """Says of datasets what they inherit from what they were made from.

    Parameters
    ----------
    compiled
        All that is inherited.
    names
        The flags that leave out.
    """

    def __init__(self, compiled: Inheritance, names: Collection[str]) -> None:
        self._compiled, self._names = compiled, frozenset(names)

    def of_datasets(self, refs: Sequence[DatasetRef], found: list[Exclusion | None]) -> None:
        """Say what those datasets inherit that nothing else leaves out.

        Parameters
        ----------
        refs
            The datasets.
        found
            What leaves out each; None is replaced by what is inherited.
        """
        asked = {str(ref.id): place for place, ref in enumerate(refs) if found[place] is None}
        for flag in self._compiled.of_datasets([refs[place] for place in asked.values()]):
            place = asked[str(flag.target.dataset_id)]
            if found[place] is None and flag.flag in self._names:
                found[place] = _exclusion(flag)


def find_inherited(
    flags: Sequence[EffectiveFlag],
    names: Collection[str],
    rules: str | None,
    *,
    butler: Butler | None,
    lineage: "Lineage | None",
    vocabulary: Vocabulary | None,
) -> tuple[list[Exclusion], Inheriting | None]:
    """Find what is left out since it has a flag from others.

    Parameters
    ----------
    flags
        Effective flags in every state, those among them that virtual ones are made of.
    names
        The flags that leave out.
    rules
        The rules of inheritance, by name or file; None means that nothing is inherited.
    butler
        Client of the repository; without one, nothing is inherited.
    lineage
        From which datasets others were made.
    vocabulary
        What flags mean.

    Returns
    -------
    tuple
        What is left out, and, if by the rules a dataset is as bad as what it was made from, what says so of
        any dataset.

    Raises
    ------
    InheritanceError
        If there are no such rules, or they need a lineage and there is none.
    """
    if rules is None:
        return [], None
    loaded = load_inheritance(rules)  # refused if nobody knows them, also while there is nothing to inherit
    if butler is None or not flags:
        return [], None
    compiled = Inheritance(
        flags, loaded, butler=butler, lineage=lineage, vocabulary=vocabulary, virtual=names
    )
    marks = [_exclusion(flag) for flag in compiled.everywhere() if flag.flag in names]
    return marks, Inheriting(compiled, names) if loaded.datasets_count else None


def grant(
    need: RequiredFlag,
    rules: str | None,
    *,
    butler: Butler | None,
    lineage: "Lineage | None",
    vocabulary: Vocabulary | None,
) -> None:
    """Let a required flag hold also where it is inherited.

    Parameters
    ----------
    need
        The required flag.
    rules, butler, lineage, vocabulary
        As of `find_inherited`.
    """
    if rules is None or butler is None or not need.held:
        return
    found = inherit(need.held, load_inheritance(rules), butler=butler, lineage=lineage, vocabulary=vocabulary)
    for flag in found:
        need.grant(flag.target, flag.causes[0])


def _exclusion(flag: InheritedFlag) -> Exclusion:
    return Exclusion(
        "inherited",
        flag.flag,
        flag.target,
        by=", ".join(dict.fromkeys(cause.by.name for cause in flag.causes)),
        by_kind=flag.by.kind,
        reason=flag.reason,
        annotation_id=flag.annotation_id,
        causes=flag.causes,
    )
