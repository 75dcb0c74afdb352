"""What an input has to fulfil, and who is asked."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lsst.daf.butler import DataCoordinate, DatasetRef

from gnomon.annotations import EffectiveFlag, Target
from gnomon.curation.exclusions.exclusion import Exclusion, RuleName
from gnomon.curation.exclusions.places import Matcher, Places, Shape, within
from gnomon.curation.exclusions.visits import VisitsOf
from gnomon.curation.inheritance.covering import cleared_by_person

__all__ = ["OBSERVATIONS", "RequiredFlag", "Requirement"]

OBSERVATIONS = frozenset({"exposure", "visit"})
"""The dimensions that name an observation: what has neither of them is asked for nothing."""

type _Values = tuple[Any, ...]


class Requirement(ABC):
    """One condition that inputs have to fulfil.

    Parameters
    ----------
    name
        The flag or condition.
    visits
        Tells to which visits an exposure belongs.
    """

    rule: RuleName

    def __init__(self, name: str, visits: VisitsOf) -> None:
        self.name = name
        self._visits = visits

    @property
    @abstractmethod
    def digest(self) -> str:
        """Names what fulfils it and what does not."""

    @abstractmethod
    def records(self) -> list[Exclusion]:
        """Say what is known not to fulfil it, in order."""

    @abstractmethod
    def asks(self, names: Sequence[str]) -> bool:
        """Say whether things with these dimensions can be asked.

        Parameters
        ----------
        names
            The dimensions.

        Returns
        -------
        bool
            False for what names no observation, or is coarser than what is known.
        """

    @abstractmethod
    def of_shape(
        self,
        names: Sequence[str],
        values: Sequence[_Values],
        visits: Sequence[Sequence[int]],
        refs: Sequence[DatasetRef] | None,
        dataset_type: str | None,
    ) -> list[Exclusion | None]:
        """Judge many things of one shape.

        Parameters
        ----------
        names
            Their dimensions.
        values
            The values of each.
        visits
            The visits to which the exposure of each belongs; empty where the data ID has a visit itself.
        refs
            The datasets, if they are datasets.
        dataset_type
            Their type.

        Returns
        -------
        list of Exclusion or None
            What each lacks.
        """

    def of_datasets(self, refs: Sequence[DatasetRef], found: list[Exclusion | None]) -> int:
        """Judge those datasets that nothing else leaves out.

        Parameters
        ----------
        refs
            The datasets.
        found
            What leaves out each; None is replaced by what the dataset lacks.

        Returns
        -------
        int
            How many were asked.
        """
        groups: dict[tuple[tuple[str, ...], str], list[int]] = {}
        for place, ref in enumerate(refs):
            if found[place] is None:
                kind = (tuple(ref.dataId.dimensions.data_coordinate_keys), ref.datasetType.name)
                groups.setdefault(kind, []).append(place)
        asked = 0
        for (names, dataset_type), places in groups.items():
            if self.asks(names):
                some = [refs[place] for place in places]
                values = [_values(ref.dataId) for ref in some]
                self._fill(found, places, names, values, some, dataset_type)
                asked += len(places)
        return asked

    def of_data_ids(
        self, data_ids: Sequence[Mapping[str, int | str] | DataCoordinate], found: list[Exclusion | None]
    ) -> int:
        """Judge those data IDs that nothing else leaves out.

        Parameters
        ----------
        data_ids, found
            As of `of_datasets`.

        Returns
        -------
        int
            How many were asked.
        """
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, data_id in enumerate(data_ids):
            if found[place] is None:
                names = (
                    tuple(data_id.dimensions.data_coordinate_keys)
                    if isinstance(data_id, DataCoordinate)
                    else tuple(data_id)
                )
                groups.setdefault(names, []).append(place)
        asked = 0
        for names, places in groups.items():
            if self.asks(names):
                some = [data_ids[place] for place in places]
                values = [
                    _values(one) if isinstance(one, DataCoordinate) else tuple(one.values()) for one in some
                ]
                self._fill(found, places, names, values, None, None)
                asked += len(places)
        return asked

    def _fill(
        self,
        found: list[Exclusion | None],
        places: Sequence[int],
        names: Sequence[str],
        values: Sequence[_Values],
        refs: Sequence[DatasetRef] | None,
        dataset_type: str | None,
    ) -> None:
        visits: Sequence[Sequence[int]] = [()] * len(values)
        if "visit" not in names and "exposure" in names:
            instrument, exposure = names.index("instrument"), names.index("exposure")
            visits = self._visits.of([(one[instrument], one[exposure]) for one in values])
        judged = self.of_shape(names, values, visits, refs, dataset_type)
        for place, held in zip(places, judged, strict=True):
            found[place] = held


class RequiredFlag(Requirement):
    """A flag that has to be set on the dataset, a record that its data ID contains, or its visit.

    Parameters
    ----------
    name
        The flag.
    held
        What holds of it anywhere.
    visits
        Tells to which visits an exposure belongs.
    """

    rule = "require-flag"

    def __init__(self, name: str, held: Iterable[EffectiveFlag], visits: VisitsOf) -> None:
        super().__init__(name, visits)
        self._cleared: Places[EffectiveFlag] = Places()
        self._set: Places[EffectiveFlag] = Places(cleared=self._cleared)
        self._other: Places[EffectiveFlag] = Places()
        self.held = list(held)
        for flag in self.held:
            self.places(flag).put(flag.target, flag)
            if cleared_by_person(flag):
                self._cleared.put(flag.target, flag)

    def places(self, flag: EffectiveFlag) -> Places[EffectiveFlag]:
        """Give where the flag is set, or where it is not, by what one of them says.

        Parameters
        ----------
        flag
            What holds.

        Returns
        -------
        Places
            To put it at what it was taken to, too.
        """
        return self._set if flag.state == "set" else self._other

    def grant(self, target: Target, flag: EffectiveFlag) -> None:
        """Let the flag hold at a target that has it from others.

        Parameters
        ----------
        target
            Where.
        flag
            From what.
        """
        self._set.put(target, flag)

    @property
    def digest(self) -> str:
        """Names what has the flag set."""
        keys = sorted(f"{flag.target.key} {flag.annotation_id}" for flag in self.held if flag.state == "set")
        # A timespan, collection or query is the same while what it means grows, and so is who inherits.
        parts = ["\n".join(keys), *self._set.named(), "cleared", *self._cleared.named()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def records(self) -> list[Exclusion]:
        """Say where somebody examined it and it is not set."""
        return [_lacking(self.name, flag, flag.target) for flag in self.held if flag.state != "set"]

    def asks(self, names: Sequence[str]) -> bool:
        """Say whether things with these dimensions name an observation."""
        return not OBSERVATIONS.isdisjoint(names)

    def of_shape(
        self,
        names: Sequence[str],
        values: Sequence[_Values],
        visits: Sequence[Sequence[int]],
        refs: Sequence[DatasetRef] | None,
        dataset_type: str | None,
    ) -> list[Exclusion | None]:
        """Judge many things of one shape."""
        beside = (*names, "visit") if any(visits) else tuple(names)
        own_set, own_other, own_cleared = (
            places.matcher(names, dataset_type) for places in (self._set, self._other, self._cleared)
        )
        set_, other, cleared = (
            places.matcher(beside, dataset_type) for places in (self._set, self._other, self._cleared)
        )
        result: list[Exclusion | None] = []
        for place, one in enumerate(values):
            ref = None if refs is None else refs[place]
            if visits[place]:
                asked = [(set_, other, cleared, (*one, visit)) for visit in visits[place]]
            else:
                asked = [(own_set, own_other, own_cleared, one)]
            if self._granted(ref, [(a, c, whole) for a, _, c, whole in asked]):
                result.append(None)
                continue
            held = None
            if ref is not None:
                held = self._other.datasets.get(ref.id) or self._other.runs.get(ref.run)
            for _, matcher, _, whole in asked:
                held = held or matcher.find(whole)
            target = _record(names, one) if ref is None else Target.dataset(ref.id)
            result.append(_lacking(self.name, held, target))
        return result

    def _granted(
        self,
        ref: DatasetRef | None,
        asked: Iterable[tuple[Matcher[EffectiveFlag], Matcher[EffectiveFlag], _Values]],
    ) -> bool:
        """Say whether the flag is set, and no person cleared it on a part that the thing is or belongs to."""
        if ref is not None:
            if ref.id in self._set.datasets:
                return True
            if ref.id in self._cleared.datasets:
                return False
            if ref.run in self._set.runs:
                return True
        for matcher, cleared, values in asked:
            against: list[Shape] | None = None
            for shape, _ in matcher.every(values):
                if against is None:
                    against = [place for place, _ in cleared.every(values)]
                if not any(within(place, shape) for place in against):
                    return True
        return False


def _lacking(name: str, held: EffectiveFlag | None, target: Target) -> Exclusion:
    if held is None:
        return Exclusion("require-flag", name, target, reason="never examined")
    said = {"clear": "cleared", "examined": "examined and not set"}.get(held.state, held.state)
    return Exclusion(
        "require-flag",
        name,
        target,
        by=held.by.name,
        by_kind=held.by.kind,
        reason=f"{said}: {held.reason}" if held.reason else said,
        annotation_id=held.annotation_id,
    )


def _values(data_id: DataCoordinate) -> _Values:
    """Give all values in order, with None for implied ones that nobody looked up."""
    if data_id.hasFull():
        return data_id.full_values
    missing = len(data_id.dimensions.data_coordinate_keys) - len(data_id.required_values)
    return data_id.required_values + (None,) * missing


def _record(names: Sequence[str], values: _Values) -> Target:
    return Target.of_data_id(
        {name: value for name, value in zip(names, values, strict=True) if value is not None}
    )
