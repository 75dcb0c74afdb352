"""What takes the place of a dataset that is left out, where an older one stands behind it."""

from collections.abc import Callable, Sequence
from typing import Literal

from lsst.daf.butler import Butler, CollectionType, DataCoordinate, DatasetRef  # type: ignore[attr-defined]
from lsst.daf.butler.queries import DatasetRefQueryResults

from gnomon.curation.exclusions import Exclusions

__all__ = ["OnShadow", "find_older", "searched"]

OnShadow = Literal["drop", "fall-back"]
"""Whether a data ID is left out with its dataset, or another dataset of the same data ID takes its place."""


def searched(butler: Butler, collections: Sequence[str]) -> list[str]:
    """Give the collections that are searched one after the other, chains taken apart.

    Parameters
    ----------
    butler
        Client of the repository.
    collections
        Collections of any type.

    Returns
    -------
    list of str
        In order, each once.
    """
    kinds = {CollectionType.RUN, CollectionType.TAGGED, CollectionType.CALIBRATION}
    return list(butler.collections.query(collections, collection_types=kinds, flatten_chains=True))


def find_older(
    butler: Butler,
    collections: Sequence[str],
    refs: Sequence[DatasetRef],
    exclusions: Exclusions,
    *,
    narrow: Callable[[DatasetRefQueryResults], DatasetRefQueryResults] | None = None,
) -> dict[DataCoordinate, DatasetRef]:
    """Find for datasets that are left out the first others of the same type and data ID that are not.

    Parameters
    ----------
    butler
        Client of the repository.
    collections
        Where to look, in order.
    refs
        Datasets of one type.
    exclusions
        What is left out.
    narrow
        Adds the condition that the others have to fulfil, too: it may be about the datasets themselves.

    Returns
    -------
    dict
        By data ID; what has no other dataset is missing.
    """
    if not refs:
        return {}
    (dataset_type,) = {ref.datasetType for ref in refs}
    waiting = {ref.dataId for ref in refs}
    found: dict[DataCoordinate, DatasetRef] = {}
    for collection in searched(butler, collections):
        if not waiting:
            break
        if not dataset_type.dimensions and narrow is None:
            one = butler.find_dataset(dataset_type, collections=collection)
            candidates = [] if one is None else [one]
        else:
            with butler.query() as query:
                joined = query.join_data_coordinates(waiting) if dataset_type.dimensions else query
                results = joined.datasets(dataset_type, collection)
                candidates = list(results if narrow is None else narrow(results))
        for ref, why in zip(candidates, exclusions.of_datasets(candidates), strict=True):
            if why is None:
                found[ref.dataId] = ref
                waiting.discard(ref.dataId)
    return found
