"""What should be in a collection: of each data ID the dataset that counts, unless something excludes it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lsst.daf.butler import Butler, CollectionType, DatasetRef  # type: ignore[attr-defined]

from gnomon.curation.exclusions import Exclusion, Exclusions
from gnomon.curation.selecting import check_collections, find_dataset_types, find_datasets
from gnomon.errors import RepositoryError

__all__ = ["Contents", "OnShadow", "Source", "find_contents"]

OnShadow = Literal["drop", "fall-back"]
"""What becomes of a data ID whose first dataset is excluded: nothing, or the next dataset takes its place."""

type Key = tuple[str, tuple[Any, ...]]
"""Dataset type and data ID."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the datasets of a collection come from.

    Parameters
    ----------
    collections
        Collections or patterns, in the order in which they are searched.
    dataset_types
        Dataset types or patterns.
    where
        A condition on data IDs, in the Butler's language.
    on_shadow
        What becomes of a data ID whose first dataset is excluded.
    """

    collections: tuple[str, ...]
    dataset_types: tuple[str, ...]
    where: str = ""
    on_shadow: OnShadow = "drop"

    def __post_init__(self) -> None:
        if not self.collections or not self.dataset_types:
            raise RepositoryError("Say from which collections, and of which dataset types.")
        if self.on_shadow not in ("drop", "fall-back"):
            raise RepositoryError(f"A shadowed dataset is dropped or falls back, not {self.on_shadow!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain JSON values.

        Returns
        -------
        dict
            A value for each part.
        """
        return {
            "collections": list(self.collections),
            "dataset_types": list(self.dataset_types),
            "where": self.where,
            "on_shadow": self.on_shadow,
        }


@dataclass(frozen=True)
class Contents:
    """What should be in a collection.

    Attributes
    ----------
    good
        The dataset for each dataset type and data ID.
    excluded
        What is left out, by the UUID of the dataset, and why.
    dataset_types
        The names of the dataset types that were looked for.
    by_id
        What is good, by UUID.
    """

    good: Mapping[Key, DatasetRef]
    excluded: Mapping[uuid.UUID, Exclusion]
    dataset_types: tuple[str, ...]
    by_id: Mapping[uuid.UUID, DatasetRef] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {ref.id: ref for ref in self.good.values()})


def key_of(ref: DatasetRef) -> Key:
    """Name the place that a dataset takes in a collection.

    Parameters
    ----------
    ref
        The dataset.

    Returns
    -------
    tuple
        Of which a TAGGED collection holds one dataset.
    """
    return ref.datasetType.name, ref.dataId.required_values


def find_contents(butler: Butler, source: Source, exclusions: Exclusions) -> Contents:
    """Find what should be in a collection.

    Parameters
    ----------
    butler
        Client of the repository.
    source
        Where the datasets come from.
    exclusions
        What excludes.

    Returns
    -------
    Contents
        What is in and what is not.

    Raises
    ------
    CollectionNotFoundError, DatasetTypeNotFoundError, ExpressionError, RepositoryError
        If there is no such collection or type, or the condition cannot be used.
    """
    collections = check_collections(butler, source.collections)
    types = find_dataset_types(butler, source.dataset_types)
    good: dict[Key, DatasetRef] = {}
    excluded: dict[uuid.UUID, Exclusion] = {}
    for dataset_type in types:
        # Falling back needs every collection in order; dropping only what is found first.
        searches = [collections] if source.on_shadow == "drop" else [[c] for c in _flat(butler, collections)]
        for searched in searches:
            refs = find_datasets(
                butler, dataset_type.name, collections=searched, where=source.where, find_first=True
            )
            keyed = [(key, ref) for ref in refs if (key := key_of(ref)) not in good]
            found = exclusions.of_datasets([ref for _, ref in keyed])
            for (key, ref), exclusion in zip(keyed, found, strict=True):
                if exclusion is None:
                    good[key] = ref
                else:
                    excluded[ref.id] = exclusion
    return Contents(good, excluded, tuple(kind.name for kind in types))


def _flat(butler: Butler, collections: Sequence[str]) -> list[str]:
    found = butler.collections.query(list(collections), flatten_chains=True)
    calibrations = set(butler.collections.query("*", collection_types=CollectionType.CALIBRATION))
    return [name for name in dict.fromkeys(found) if name not in calibrations]
