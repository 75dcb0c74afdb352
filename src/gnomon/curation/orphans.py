"""Annotations of datasets that a repository does not have (any more): kept, and shown as what they are."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any

from lsst.daf.butler import Butler

from gnomon.annotations import Annotation, Annotations, Target

__all__ = ["Orphan", "existing", "find_orphans"]

_PAGE = 5_000
_BATCH = 20_000
_KINDS = ("dataset", "measurement")

type _Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Orphan:
    """An annotation of datasets that are gone.

    Attributes
    ----------
    annotation
        The annotation, which counts as ever.
    gone
        Those of its targets whose dataset is not in the repository.
    of
        How many datasets and measurements it is about.
    """

    annotation: Annotation
    gone: tuple[Target, ...]
    of: int

    @property
    def whole(self) -> bool:
        """Whether none of its datasets is left."""
        return len(self.gone) == self.of


def find_orphans(
    annotations: Annotations,
    butler: Butler,
    *,
    repository: str | None = None,
    limit: int | None = None,
    progress: _Progress | None = None,
    **conditions: Any,
) -> list[Orphan]:
    """Find annotations of datasets, or of measurements in them, that a repository does not have.

    Parameters
    ----------
    annotations
        The log.
    butler
        Client of the repository.
    repository
        The label by which targets call this repository; those that name another one are passed over.
    limit
        How many at most; None means all.
    progress
        Told how many annotations were looked at and how many of them were found.
    **conditions
        Only of annotations that fulfil these, see `gnomon.annotations.conditions.Conditions`.

    Returns
    -------
    list of Orphan
        The newest annotation first. A dataset that was never here is not told from one that was removed.
    """
    orphans: list[Orphan] = []
    looked = 0
    for page in _pages(annotations, conditions):
        concerned = {one.id: _datasets(one, repository) for one in page}
        wanted = {target.dataset_id for targets in concerned.values() for target in targets}
        here = existing(butler, [id for id in wanted if id is not None])
        for one in page:
            targets = concerned[one.id]
            gone = tuple(target for target in targets if target.dataset_id not in here)
            if gone:
                orphans.append(Orphan(one, gone, len(targets)))
        looked += len(page)
        if progress is not None:
            progress(looked, looked)
    orphans.sort(key=lambda orphan: (orphan.annotation.created_at, orphan.annotation.id), reverse=True)
    return orphans if limit is None else orphans[:limit]


def existing(butler: Butler, dataset_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Say which datasets a repository has.

    Parameters
    ----------
    butler
        Client of the repository.
    dataset_ids
        UUIDs, any number of them.

    Returns
    -------
    set of uuid.UUID
        Those that the registry knows, whether or not their files are stored.
    """
    return {ref.id for batch in batched(dataset_ids, _BATCH) for ref in butler.get_many_datasets(batch)}


def _pages(annotations: Annotations, conditions: dict[str, Any]) -> Iterator[list[Annotation]]:
    seen: set[uuid.UUID] = set()
    kinds = [conditions["kind"]] if conditions.get("kind") else _KINDS
    for kind in kinds:
        after: str | None = None
        while True:
            page = annotations.search(**{**conditions, "kind": kind}, limit=_PAGE, after=after)
            fresh = [one for one in page if one.id not in seen]
            seen.update(one.id for one in fresh)
            if fresh:
                yield fresh
            if page.next is None:
                break
            after = page.next


def _datasets(one: Annotation, repository: str | None) -> list[Target]:
    return [
        target
        for target in one.targets
        if target.dataset_id is not None and (repository is None or target.repository in (None, repository))
    ]
