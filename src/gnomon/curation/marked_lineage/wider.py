"""Marks that name no record: on a stretch of time, and on whatever fulfils a condition.

They are taken to the datasets that they are about: those of exposures and visits in that time, and those that
the condition finds, or of whose records it finds one.
"""

from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np
from lsst.daf.butler import Butler

from gnomon.annotations import Annotations, Target
from gnomon.annotations.conditions import Conditions
from gnomon.curation.marked_lineage.records import RecordsOf
from gnomon.curation.standing_queries import members
from gnomon.repository.lineage import Dataset

__all__ = ["wider_targets"]


def wider_targets(
    annotations: Annotations,
    datasets: Sequence[Dataset],
    around: Sequence[Sequence[str]],
    *,
    records: RecordsOf,
    butler: Butler,
) -> dict[int, list[Target]]:
    """Give what else datasets have to do with, of which somebody said something.

    Parameters
    ----------
    annotations
        The log.
    datasets
        The datasets.
    around
        The keys of what each of them has to do with.
    records
        Knows when exposures and visits were.
    butler
        The repository's client, which says what fulfils a condition now.

    Returns
    -------
    dict
        Stretches of time and standing queries, by the place of the dataset.

    Raises
    ------
    ExpressionError
        If the repository does not understand a condition.
    RepositoryError
        If it cannot answer.
    """
    found: dict[int, list[Target]] = {}
    known = _Observed(datasets, records)
    if known.during is not None:
        for target in _said_of(annotations, kind="timespan", during=known.during).values():
            for place in known.overlapping(target):
                found.setdefault(place, []).append(target)
    queries = [target for target in _said_of(annotations, kind="query").values() if target.standing]
    if queries:
        places: dict[str, list[int]] = {}
        for place, keys in enumerate(around):
            for key in keys:
                places.setdefault(key, []).append(place)
        for query in queries:
            hit = {place for one in members(query, butler=butler) for place in places.get(one.key, ())}
            for place in sorted(hit):
                found.setdefault(place, []).append(query)
    return found


def _said_of(annotations: Annotations, **conditions: Unpack[Conditions]) -> Mapping[str, Target]:
    return {
        target.key: target
        for annotation in annotations.search(**conditions)
        for target in annotation.targets
        if target.kind == conditions["kind"]
    }


class _Observed:
    """When the exposures and visits of datasets were."""

    def __init__(self, datasets: Sequence[Dataset], records: RecordsOf) -> None:
        self._places: list[int] = []
        self._instruments: list[str] = []
        spans: list[tuple[int, int]] = []
        for place, dataset in enumerate(datasets):
            data_id = dataset.data_id or {}
            if (times := records.times(data_id)) is not None:
                self._places.append(place)
                self._instruments.append(str(data_id["instrument"]))
                spans.append(times)
        self._begins, self._ends = np.array(spans, dtype=np.int64).reshape(-1, 2).T
        self.during = (int(self._begins.min()), int(self._ends.max())) if spans else None

    def overlapping(self, span: Target) -> list[int]:
        """Choose the datasets that overlap a stretch of their instrument's time."""
        if span.begin is None or span.end is None:
            return []
        overlaps = (self._begins < span.end) & (self._ends > span.begin)
        return [
            self._places[number]
            for number in np.flatnonzero(overlaps)
            if self._instruments[number] == span.instrument
        ]
