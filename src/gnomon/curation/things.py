"""A dataset or record as a question finds it, and everything by which it can be spoken of.

Somebody who says something about a visit says it of every dataset of that visit, too; so whoever asks about a
dataset has to ask about its data ID, its records and what they belong to.
"""

import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple, Self

from lsst.daf.butler import DataCoordinate, DatasetRef

from gnomon import dataids
from gnomon.annotations import Target

__all__ = ["Thing", "targets_about"]


class Thing(NamedTuple):
    """A dataset, a record, or a data ID of a dataset type.

    Parameters
    ----------
    data_id
        Dimensions and values, implied ones too where they are known.
    dataset_type, run, dataset_id
        Of a dataset; a data ID has only the first.
    element
        Of a record: its dimension.
    """

    data_id: Mapping[str, int | str]
    dataset_type: str | None = None
    run: str | None = None
    dataset_id: uuid.UUID | None = None
    element: str | None = None

    @classmethod
    def of_dataset(cls, ref: DatasetRef) -> Self:
        """Give a dataset.

        Parameters
        ----------
        ref
            The dataset.

        Returns
        -------
        Thing
            The same without the Butler.
        """
        return cls(dict(ref.dataId.mapping), ref.datasetType.name, ref.run, ref.id)

    @classmethod
    def of_record(cls, element: str, data_id: DataCoordinate) -> Self:
        """Give a record.

        Parameters
        ----------
        element
            Its dimension.
        data_id
            Its data ID.

        Returns
        -------
        Thing
            The same without the Butler.
        """
        return cls(dict(data_id.mapping), element=element)

    def row(self) -> dict[str, int | str]:
        """Give plain values, as the Butler's own tables have them.

        Returns
        -------
        dict
            What is known; the same columns for all datasets of one type.
        """
        named = {"record": self.element, "type": self.dataset_type, "run": self.run}
        row: dict[str, int | str] = {name: value for name, value in named.items() if value is not None}
        if self.dataset_id is not None:
            row["id"] = str(self.dataset_id)
        return row | dict(self.data_id)


def targets_about(things: Iterable[Thing]) -> list[list[Target]]:
    """Say under which targets things are spoken of.

    Parameters
    ----------
    things
        Datasets, records and data IDs.

    Returns
    -------
    list of list of Target
        For each thing: the dataset itself, datasets of its type with its data ID, its record, and the records
        of everything that its data ID names, such as of a raw the exposure, detector, night and filter.
    """
    known: dict[tuple[object, ...], Target] = {}
    result = []
    for thing in things:
        about = [] if thing.dataset_id is None else [Target.dataset(thing.dataset_id)]
        if thing.dataset_type is not None and thing.data_id:
            identifying = {name: thing.data_id[name] for name in _required(tuple(thing.data_id))}
            about.append(Target.of_data_id(identifying, dataset_type=thing.dataset_type))
        for element, names in _records(tuple(thing.data_id)):
            key = (names, *[thing.data_id[name] for name in names])
            if (target := known.get(key)) is None:
                target = Target.dimension(element, {name: thing.data_id[name] for name in names})
                known[key] = target
            about.append(target)
        result.append(about)
    return result


@lru_cache(maxsize=256)
def _required(names: tuple[str, ...]) -> frozenset[str]:
    return dataids.required(names)


@lru_cache(maxsize=256)
def _records(names: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Say of which records a data ID speaks: of sets of dimensions that need no other, closest first."""
    identifying = sorted(dataids.required(names))
    sets = {
        frozenset(chosen)
        for size in range(1, len(identifying) + 1)
        for chosen in combinations(identifying, size)
    }
    sets |= {frozenset({name, *_needed(name)}) for name in names}
    closed = [s for s in sets if all(_needed(name) <= s for name in s) and s <= frozenset(names)]
    named = [(dataids.most_specific(dict.fromkeys(s, 0)), tuple(sorted(s))) for s in closed]
    rank = {name: place for place, name in enumerate(dataids.STANDARD_DIMENSIONS)}
    named.sort(key=lambda one: (-len(one[1]), rank.get(one[0], len(rank)), one))
    return tuple(named)


def _needed(name: str) -> frozenset[str]:
    return dataids.REQUIRED.get(name, frozenset())
