"""Which mark leaves out a thing, where a more specific word may stand against a mark on what contains it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.places import Matcher, Places, Shape, within

__all__ = ["Lookup", "ShapedLookup"]

type _Values = tuple[Any, ...]


class Lookup:
    """Marks, and the persons' words that stand against them.

    A flag on a visit covers its detectors; where a person cleared it on one detector of the visit, the more
    specific word holds there. A program's does not.

    Parameters
    ----------
    plain
        Marks against which nothing stands.
    contested
        Marks of flags that a person cleared somewhere: by flag, the marks and where it was cleared.
    """

    def __init__(
        self, plain: Places[Exclusion], contested: Mapping[str, tuple[Places[Exclusion], Places[Exclusion]]]
    ) -> None:
        self.plain = plain
        self.contested = dict(contested)
        self._all = [plain, *(marks for marks, _ in self.contested.values())]

    def __bool__(self) -> bool:
        return any(map(bool, self._all))

    @property
    def types(self) -> frozenset[str]:
        """The dataset types that are marked at data IDs."""
        return frozenset().union(*(places.types for places in self._all))

    @property
    def by_dataset(self) -> bool:
        """Whether a dataset or run is marked, so that datasets have to be looked at one by one."""
        return any(places.datasets or places.runs for places in self._all)

    def shaped(self, names: Sequence[str], dataset_type: str | None = None) -> "ShapedLookup":
        """Make ready for many things of one shape.

        Parameters
        ----------
        names, dataset_type
            As of `gnomon.curation.exclusions.places.Places.matcher`.

        Returns
        -------
        ShapedLookup
            For their values.
        """
        return ShapedLookup(
            self.plain,
            self.plain.matcher(names, dataset_type),
            [
                (marks, marks.matcher(names, dataset_type), clears, clears.matcher(names, dataset_type))
                for marks, clears in self.contested.values()
            ],
        )


class ShapedLookup:
    """A lookup for things of one shape; made by `Lookup.shaped`.

    Attributes
    ----------
    reach
        How many leading values of a data ID are looked at.
    """

    def __init__(
        self,
        plain: Places[Exclusion],
        matcher: Matcher[Exclusion],
        contested: Iterable[
            tuple[Places[Exclusion], Matcher[Exclusion], Places[Exclusion], Matcher[Exclusion]]
        ],
    ) -> None:
        self._datasets, self._runs, self._matcher = plain.datasets, plain.runs, matcher
        self._contested = list(contested)
        self._simple = not self._contested
        self._some = bool(matcher) or any(marks for _, marks, _, _ in self._contested)
        self.reach = max(
            [matcher.reach, *(reach for _, a, _, b in self._contested for reach in (a.reach, b.reach))]
        )

    def __bool__(self) -> bool:
        return self._some

    def at_data_id(self, values: _Values) -> Exclusion | None:
        """Say what leaves out a data ID.

        Parameters
        ----------
        values
            Its values, at least as many as `reach`.

        Returns
        -------
        Exclusion or None
            The first mark that does.
        """
        if (found := self._matcher.find(values)) is not None or self._simple:
            return found
        return self._contest(values, None, None)

    def at_dataset(self, dataset_id: UUID, run: str, values: _Values) -> Exclusion | None:
        """Say what leaves out a dataset.

        Parameters
        ----------
        dataset_id, run
            Its UUID and RUN collection.
        values
            The values of its data ID, as of `at_data_id`.

        Returns
        -------
        Exclusion or None
            What is said of the dataset itself goes before its run, and that before its data ID.
        """
        if (found := self._datasets.get(dataset_id)) is not None:
            return found
        if self._runs and (found := self._runs.get(run)) is not None:
            return found
        if (found := self._matcher.find(values)) is not None or self._simple:
            return found
        return self._contest(values, dataset_id, run)

    def _contest(self, values: _Values, dataset_id: UUID | None, run: str | None) -> Exclusion | None:
        for marks, matcher, clears, cleared in self._contested:
            if dataset_id is not None:
                if (found := marks.datasets.get(dataset_id)) is not None:
                    return found
                if dataset_id in clears.datasets:
                    continue
                if run is not None and (found := marks.runs.get(run)) is not None:
                    return found
            against: list[Shape] | None = None
            for shape, found in matcher.every(values):
                if against is None:
                    against = [place for place, _ in cleared.every(values)]
                if not any(within(place, shape) for place in against):
                    return found
        return None
