"""From what was marked to data: timespans to exposures, collections to datasets, queries to members."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
    MissingCollectionError,
    Timespan,
)

from gnomon import times
from gnomon.annotations import EffectiveFlag, Target
from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.lookup import Lookup
from gnomon.curation.exclusions.places import Places
from gnomon.curation.exclusions.requirements import RequiredFlag
from gnomon.curation.inheritance.covering import cleared_by_person
from gnomon.errors import ExclusionError

__all__ = ["Placing", "Unplaced"]

type Unplaced = tuple[Exclusion, str]
"""A mark that leaves out nothing, and why."""

_SPANS = 100
"""How many timespans one query asks about."""


class Placing:
    """Takes marks to the data of one repository.

    Parameters
    ----------
    butler
        Client of the repository; None if marks are to count only where they stand.
    """

    def __init__(self, butler: Butler | None) -> None:
        self._butler = butler
        self._members = cache(self._find_members)

    def place(
        self, marks: Sequence[Exclusion], clears: Iterable[EffectiveFlag]
    ) -> tuple[Lookup, list[Unplaced]]:
        """Arrange marks by what they leave out.

        Parameters
        ----------
        marks
            In order of preference.
        clears
            What holds and is not set; a person's clear stands against a mark on something that contains it.

        Returns
        -------
        tuple
            Marks by place, and those that have none.

        Raises
        ------
        ExclusionError
            If a mark needs a Butler to be taken to data.
        """
        cleared: dict[str, Places[Exclusion]] = {}
        for flag in clears:
            if cleared_by_person(flag):
                against = Exclusion("exclude-flag", flag.flag, flag.target)
                cleared.setdefault(flag.flag, Places()).put(flag.target, against)
        plain: Places[Exclusion] = Places()
        contested = {name: (Places[Exclusion](cleared=places), places) for name, places in cleared.items()}
        unplaced: list[Unplaced] = []
        later: list[tuple[Places[Exclusion], Exclusion]] = []
        for mark in marks:
            places = plain
            if mark.rule in ("exclude-flag", "inherited") and mark.name in contested:
                places = contested[mark.name][0]
            if not places.put(mark.target, mark):
                later.append((places, mark))
        spans = [(places.put, mark) for places, mark in later if mark.target.kind == "timespan"]
        for places, mark in later:
            if mark.target.kind != "timespan" and (
                why := self._place_other(mark.target, mark, places.put, places.put_run)
            ):
                unplaced.append((mark, why))
        self._place_timespans(spans)
        return Lookup(plain, contested), unplaced

    def extend(self, need: RequiredFlag) -> None:
        """Take a required flag to what carries it through a timespan, collection or query.

        Parameters
        ----------
        need
            The required flag, holding what was said of records and datasets.
        """
        spans: list[tuple[Callable[[Target, EffectiveFlag], object], EffectiveFlag]] = []
        for flag in need.held:
            put = need.places(flag).put
            if flag.target.kind == "timespan":
                spans.append((put, flag))
            elif not put(flag.target, flag):
                self._place_other(flag.target, flag, put, need.places(flag).put_run)
        self._place_timespans(spans)

    def _place_other[V](
        self,
        target: Target,
        value: V,
        put: Callable[[Target, V], object],
        put_run: Callable[[str, V], object],
    ) -> str:
        """Place a collection or query, or say why it has no place."""
        match target.kind:
            case "collection":
                return self._place_collection(str(target.name), value, put, put_run)
            case "query":
                if not target.standing:
                    return ""  # what it gave stands beside it
                for member in self._members(target):
                    put(member, value)
                return ""
            case "measurement":
                return "a mark on a measurement says nothing of the data; required metrics pass it over"
            case "pending":
                return "the observation is not known to be in a repository yet"
        return f"nothing is left out by a mark on a {target.kind}"

    def _place_collection[V](
        self,
        name: str,
        value: V,
        put: Callable[[Target, V], object],
        put_run: Callable[[str, V], object],
    ) -> str:
        if self._butler is None:
            put_run(name, value)
            return ""
        try:
            kind = self._butler.collections.get_info(name).type
        except MissingCollectionError:
            return "this repository has no such collection"
        if kind is CollectionType.RUN:
            put_run(name, value)
        elif kind is CollectionType.TAGGED:
            for member in self._tagged(self._butler, name):
                put(member, value)
        else:
            return f"it is a {kind.name} collection, which holds data of others too: mark its RUN collections"
        return ""

    @staticmethod
    def _tagged(butler: Butler, name: str) -> list[Target]:
        kinds = butler.collections.get_info(name, include_summary=True).dataset_types
        with butler.query() as query:
            return [
                Target.dataset(ref.id)
                for kind in kinds or ()
                for ref in query.datasets(kind, name, find_first=False)
            ]

    def _find_members(self, query: Target) -> list[Target]:
        from gnomon.curation import standing_queries

        return standing_queries.members(query, butler=self._needed(query))

    def _needed(self, target: Target) -> Butler:
        if self._butler is None:
            raise ExclusionError(
                f"{target} is marked, and what it means can only be told with a Butler: give one."
            )
        return self._butler

    def _place_timespans[V](self, spans: Sequence[tuple[Callable[[Target, V], object], V]]) -> None:
        """Put what holds of a timespan at every exposure and visit that overlaps it."""
        by_instrument: dict[str, list[tuple[Callable[[Target, V], object], V, Target]]] = {}
        for put, value in spans:
            target: Target = value.target  # type: ignore[attr-defined]
            by_instrument.setdefault(str(target.instrument), []).append((put, value, target))
        for instrument, some in by_instrument.items():
            butler = self._needed(some[0][2])
            for start in range(0, len(some), _SPANS):
                chunk = some[start : start + _SPANS]
                targets = [target for _, _, target in chunk]
                for element in ("exposure", "visit"):
                    for record, hits in _overlapping(butler, element, instrument, targets):
                        at = Target.dimension(element, {"instrument": instrument, element: record})
                        # Marks of other flags have other places; of one place the first stays.
                        for hit in hits:
                            put, value, _ = chunk[hit]
                            put(at, value)


def _overlapping(
    butler: Butler, element: str, instrument: str, spans: Sequence[Target]
) -> Iterable[tuple[int, list[int]]]:
    """Find the records that overlap timespans, each with the places of all that it overlaps, in order."""
    with butler.query() as query:
        x = query.expression_factory
        column = getattr(x, element).timespan
        overlaps = [
            column.overlaps(Timespan(times.from_tai_us(span.begin or 0), times.from_tai_us(span.end or 0)))
            for span in spans
        ]
        records = list(query.where(x.instrument == instrument, x.any(*overlaps)).dimension_records(element))
    if not records:
        return []
    begins = np.array([times.to_tai_us(record.timespan.begin) for record in records])
    ends = np.array([times.to_tai_us(record.timespan.end) for record in records])
    hits = np.stack([(begins < (span.end or 0)) & (ends > (span.begin or 0)) for span in spans])
    return [
        (record.id, np.flatnonzero(overlapped).tolist())
        for record, overlapped in zip(records, hits.T, strict=True)
    ]
