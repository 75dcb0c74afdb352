"""What is left out, compiled once and asked about many things."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from lsst.daf.butler import Butler, DataCoordinate, DatasetRef

from gnomon import times
from gnomon.annotations import Cut
from gnomon.curation.exclusions.exclusion import Exclusion, table_of
from gnomon.curation.exclusions.inheritance import Inheriting
from gnomon.curation.exclusions.lookup import Lookup, ShapedLookup
from gnomon.curation.exclusions.requirements import Requirement
from gnomon.curation.exclusions.selection import Selection

__all__ = ["Exclusions", "Unapplied"]

type _Values = tuple[Any, ...]


@dataclass(frozen=True)
class Unapplied:
    """A mark that excludes, and leaves out nothing.

    Parameters
    ----------
    exclusion
        The mark.
    why
        Why it does not.
    """

    exclusion: Exclusion
    why: str


@dataclass(frozen=True, eq=False)
class Exclusions:
    """What a selection leaves out as of one cut; get one from `find_exclusions`.

    Parameters
    ----------
    selection
        What was asked for.
    cut
        The events on which the answer rests.
    policy
        The policy by which flags count.
    marks
        What excludes, by flag, tag and inheritance, in order of rule, target and name.
    requirements
        What inputs have to fulfil.
    unapplied
        Marks that exclude and could not be taken to any data.
    lookup
        The marks by what they leave out.
    metrics_at
        As of which moment metrics counted, ISO 8601 in UTC; None if none were asked for.
    butler
        Client of the repository in which datasets are asked about.
    inheriting
        Says what datasets inherit from what they were made from, where that counts.
    digest
        Names the answer: equal digests leave out the same.
    """

    selection: Selection
    cut: Cut
    policy: str
    marks: tuple[Exclusion, ...]
    lookup: Lookup = field(repr=False)
    requirements: tuple[Requirement, ...]
    unapplied: tuple[Unapplied, ...] = ()
    metrics_at: str | None = None
    butler: Butler | None = field(default=None, repr=False)
    inheriting: Inheriting | None = field(default=None, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", self._digest())

    def __bool__(self) -> bool:
        return bool(self.lookup) or bool(self.requirements) or self.inheriting is not None

    def of_datasets(self, refs: Sequence[DatasetRef], *, required: bool = True) -> list[Exclusion | None]:
        """Say what leaves out each of many datasets.

        Parameters
        ----------
        refs
            Datasets.
        required
            Whether required flags and metrics are asked too.

        Returns
        -------
        list of Exclusion or None
            In their order; what is said of the dataset itself goes before its run, its data ID, and what it
            lacks.
        """
        matching = _Matching(self)
        found = [matching.of_dataset(ref) for ref in refs]
        if self.inheriting is not None:
            self.inheriting.of_datasets(refs, found)
        if required:
            for requirement in self.requirements:
                requirement.of_datasets(refs, found)
        return found

    def of_data_ids(
        self, data_ids: Sequence[Mapping[str, int | str] | DataCoordinate], *, required: bool = True
    ) -> list[Exclusion | None]:
        """Say what leaves out each of many data IDs.

        Parameters
        ----------
        data_ids
            Data IDs, the Butler's or mappings. A mapping is taken as it is: what is said of the night of a
            visit is found only if the night is part of it.
        required
            Whether required flags and metrics are asked too.

        Returns
        -------
        list of Exclusion or None
            In their order.
        """
        matching = _Matching(self)
        found = [matching.of_data_id(data_id) for data_id in data_ids]
        if required:
            for requirement in self.requirements:
                requirement.of_data_ids(data_ids, found)
        return found

    def records(self) -> pa.Table:
        """Give all that excludes, and what is known to lack what is required.

        Returns
        -------
        pyarrow.Table
            With the columns of `gnomon.curation.exclusions.exclusion.COLUMNS`, sorted.
        """
        return table_of([*self.marks, *(one for need in self.requirements for one in need.records())])

    def pinned(self) -> Selection:
        """Give the selection as of what this answer rests on, for the next steps of a campaign.

        Returns
        -------
        Selection
            With the cut of the annotations and the moment of the metrics; it leaves out the same tomorrow.
        """
        at = None if self.metrics_at is None else times.from_utc_iso(self.metrics_at)
        return replace(self.selection, at=self.cut, metrics_at=at)

    def to_dict(self) -> dict[str, Any]:
        """Write what identifies the answer, as plain JSON values.

        Returns
        -------
        dict
            Selection, cut, policy, digest, and how many marks there are.
        """
        return {
            "selection": self.selection.to_dict(),
            "cut": str(self.cut),
            "policy": self.policy,
            "metrics_at": self.metrics_at,
            "digest": self.digest,
            "marks": len(self.marks),
            "unapplied": len(self.unapplied),
        }

    def _digest(self) -> str:
        parts = hashlib.sha256()
        head = {
            "exclude": [sorted(self.selection.exclude_flags), sorted(self.selection.exclude_tags)],
            "require": [[need.rule, need.name, need.digest] for need in self.requirements],
            "policy": self.policy,
        }
        parts.update(json.dumps(head, sort_keys=True).encode())
        for one in self.marks:
            parts.update(f"\n{one.rule}\t{one.name}\t{one.target.key}\t{one.annotation_id or ''}".encode())
        for name, (_, clears) in sorted(self.lookup.contested.items()):
            for place in clears.named():
                parts.update(f"\nclear\t{name}\t{place}".encode())
        return parts.hexdigest()


class _Matching:
    """Lookups by shape, made when they are first needed."""

    def __init__(self, exclusions: Exclusions) -> None:
        self._lookup, self._butler = exclusions.lookup, exclusions.butler
        self._made: dict[object, ShapedLookup] = {}

    def of_dataset(self, ref: DatasetRef) -> Exclusion | None:
        shaped, values = self._shaped(ref.dataId, ref.datasetType.name)
        return shaped.at_dataset(ref.id, ref.run, values)

    def of_data_id(self, data_id: Mapping[str, int | str] | DataCoordinate) -> Exclusion | None:
        if isinstance(data_id, DataCoordinate):
            shaped, values = self._shaped(data_id, None)
            return shaped.at_data_id(values)
        return self._make(tuple(data_id), None).at_data_id(tuple(data_id.values()))

    def _shaped(self, data_id: DataCoordinate, dataset_type: str | None) -> tuple[ShapedLookup, _Values]:
        dimensions = data_id.dimensions
        kind = (dimensions, dataset_type)
        if (shaped := self._made.get(kind)) is None:
            shaped = self._made[kind] = self._make(tuple(dimensions.data_coordinate_keys), dataset_type)
        if shaped.reach <= len(dimensions.required):
            return shaped, data_id.required_values
        if not data_id.hasFull() and self._butler is not None:
            data_id = self._butler.registry.expandDataId(data_id)
        if data_id.hasFull():
            return shaped, data_id.full_values
        return self._make(tuple(dimensions.required), dataset_type), data_id.required_values

    def _make(self, names: tuple[str, ...], dataset_type: str | None) -> ShapedLookup:
        if (shaped := self._made.get((names, dataset_type))) is None:
            shaped = self._made[names, dataset_type] = self._lookup.shaped(names, dataset_type)
        return shaped
