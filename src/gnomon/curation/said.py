"""What was said of datasets and records, by whatever name, and which of their flags hold."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

from lsst.daf.butler import Butler

from gnomon.annotations import Annotation, Annotations, Cut, EffectiveFlag, Target
from gnomon.curation.standing_queries import spread
from gnomon.curation.things import Thing, targets_about

__all__ = ["Said", "annotations_about", "said_of"]

_BATCH = 10_000


@dataclass(frozen=True)
class Said:
    """One thing that was said of something.

    Attributes
    ----------
    thing
        Of what.
    target
        Under which name: itself, for example its exposure, or a standing query that it fulfils.
    what
        An effective flag, or an annotation that asserts nothing of the target.
    """

    thing: Thing
    target: Target
    what: EffectiveFlag | Annotation


def said_of(
    annotations: Annotations,
    things: Sequence[Thing],
    *,
    flags: Iterable[str] | None = None,
    policy: str | None = None,
    at: Cut | int | None = None,
    butler: Butler | None = None,
) -> list[Said]:
    """Say what was said of things.

    Parameters
    ----------
    annotations
        The log.
    things
        Datasets, records and data IDs.
    flags
        Only these flags, virtual ones among them; None means all, and annotations without flags too.
    policy, at
        As of `gnomon.annotations.Annotations.effective`. Annotations without flags are shown as they are now.
    butler
        Client of the repository, with which standing queries are evaluated; without it they are left out.

    Returns
    -------
    list of Said
        In the order of the things; of each what was said of itself before what was said of its records.

    Raises
    ------
    AnnotationError, CutError
        If a flag or policy is unknown, or the log does not reach the cut.
    ExpressionError, RepositoryError
        If a standing query cannot be evaluated.
    """
    flags = None if flags is None else list(flags)
    about = targets_about(things)
    wanted = list(dict.fromkeys(target for targets in about for target in targets))
    cut = annotations.cut(at)
    held: dict[Target, list[EffectiveFlag]] = defaultdict(list)
    for flag in annotations.effective(wanted, flags=flags, policy=policy, at=cut):
        held[flag.target].append(flag)
    if butler is not None:
        queries = {t for one in annotations.search(kind="query") for t in one.targets if t.standing}
        standing = annotations.effective(queries, flags=flags, policy=policy, at=cut)
        for flag, members in spread(standing, butler=butler):
            for member in members:
                held[member].append(flag)
    told: dict[Target, list[Annotation]] = defaultdict(list)
    if flags is None:
        for one in annotations_about(annotations, wanted):
            asserted = {said.target for said in one.assertions}
            for target in one.targets:
                if None not in asserted and target not in asserted:
                    told[target].append(one)
    result = []
    for thing, targets in zip(things, about, strict=True):
        for target in targets:
            result += [Said(thing, flag.target, flag) for flag in held.get(target, ())]
            result += [Said(thing, target, one) for one in told.get(target, ())]
    return result


def annotations_about(
    annotations: Annotations, targets: Iterable[Target], *, include_retracted: bool = False
) -> Iterator[Annotation]:
    """Find annotations of very many things.

    Parameters
    ----------
    annotations
        The log.
    targets
        The things.
    include_retracted
        Whether those that no longer count are wanted too.

    Yields
    ------
    Annotation
        Each once.
    """
    seen: set[uuid.UUID] = set()
    for batch in batched(targets, _BATCH):
        for one in annotations.search(targets=batch, include_retracted=include_retracted):
            if one.id not in seen:
                seen.add(one.id)
                yield one
