"""Which things of which somebody may have said something a dataset has to do with.

Its data ID names records: of the exposure, of the visit, of the detector, of the night. A mark on any of them
is a mark on what was made of it, so each part of a data ID that is one of its own is asked about.
"""

import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import combinations

from lsst.daf.butler import Butler, DataCoordinate

from gnomon import dataids
from gnomon.annotations import Target

__all__ = ["RecordsOf", "targets_around"]

type DataId = Mapping[str, int | str]

_IMPLYING = ("exposure", "visit")


class RecordsOf:
    """What the repository's records add to data IDs: implied dimensions, and the exposures of visits.

    Parameters
    ----------
    data_ids
        The data IDs that will be asked about.
    butler
        The repository's client; `None` if nothing is to be added.
    """

    def __init__(self, data_ids: Iterable[DataId], butler: Butler | None) -> None:
        self._implied: dict[tuple[str, DataIdKey], dict[str, int | str]] = {}
        self._exposures: dict[DataIdKey, list[int]] = {}
        self._times: dict[tuple[str, DataIdKey], tuple[int, int]] = {}
        self._bands: dict[DataIdKey, str] = {}
        if butler is None:
            return
        wanted: dict[str, set[DataIdKey]] = {name: set() for name in _IMPLYING}
        for data_id in data_ids:
            for name in _IMPLYING:
                if name in data_id and "instrument" in data_id:
                    wanted[name].add((data_id["instrument"], data_id[name]))
        if not any(wanted.values()):
            return
        with butler.query() as query:
            self._bands = {
                (record.instrument, record.name): record.band
                for record in query.dimension_records("physical_filter")
                if record.band is not None
            }
        for name, keys in wanted.items():
            if keys:
                self._ask(butler, name, keys)

    def _ask(self, butler: Butler, name: str, keys: set["DataIdKey"]) -> None:
        group = butler.dimensions.conform([name])
        coordinates = [DataCoordinate.from_required_values(group, key) for key in sorted(keys)]
        with butler.query() as query:
            for record in query.join_data_coordinates(coordinates).dimension_records(name):
                if (span := record.timespan) is not None and not span.isEmpty():
                    begin, end = span.nsec
                    self._times[name, (record.instrument, record.id)] = (begin // 1000, end // 1000)
                implied = {
                    key: getattr(record, key)
                    for key in ("day_obs", "physical_filter", "group")
                    if getattr(record, key, None) is not None
                }
                band = self._bands.get((record.instrument, implied.get("physical_filter", "")))
                self._implied[name, (record.instrument, record.id)] = (
                    implied if band is None else {**implied, "band": band}
                )
        if name == "visit":
            with butler.query() as query:
                joined = query.join_data_coordinates(coordinates)
                for record in joined.dimension_records("visit_definition"):
                    key = (record.instrument, record.visit)
                    self._exposures.setdefault(key, []).append(record.exposure)

    def times(self, data_id: DataId) -> tuple[int, int] | None:
        """Say when the exposure or visit of a data ID was.

        Parameters
        ----------
        data_id
            Dimensions and values.

        Returns
        -------
        tuple of int or None
            Begin and end, TAI microseconds since 1970-01-01 TAI; `None` if it is of neither, or the
            repository does not know.
        """
        for name in _IMPLYING:
            if name in data_id:
                return self._times.get((name, (data_id.get("instrument", ""), data_id[name])))
        return None

    def complete(self, data_id: DataId) -> list[dict[str, int | str]]:
        """Give a data ID with all that it implies, and those of the exposures that it stands for.

        Parameters
        ----------
        data_id
            Dimensions and values.

        Returns
        -------
        list of dict
            The data ID itself first. A visit of several exposures gives one more for each of them.
        """
        whole = dict(data_id)
        for name in _IMPLYING:
            if name in data_id and "instrument" in data_id:
                key = (data_id["instrument"], data_id[name])
                whole = {**self._implied.get((name, key), {}), **whole}
        result = [whole]
        if "visit" in data_id and "exposure" not in data_id:
            key = (data_id.get("instrument", ""), data_id["visit"])
            without = {name: value for name, value in data_id.items() if name != "visit"}
            result += [without | {"exposure": exposure} for exposure in self._exposures.get(key, ())]
        return result


type DataIdKey = tuple[int | str, int | str]


def targets_around(
    dataset_id: uuid.UUID, dataset_type: str | None, run: str | None, data_ids: Iterable[DataId]
) -> dict[str, Target]:
    """Give everything that a dataset has to do with.

    Parameters
    ----------
    dataset_id, dataset_type, run
        The dataset.
    data_ids
        Its data ID, and others that it stands for.

    Returns
    -------
    dict
        Targets by key: the dataset, its run, every record that its data IDs name, and every data ID of that
        dataset type that they contain.
    """
    own = Target.dataset(dataset_id)
    found = {own.key: own}
    if run is not None:
        collection = Target.collection(run)
        found[collection.key] = collection
    for data_id in data_ids:
        for target in _of_parts(tuple(sorted(data_id.items())), dataset_type):
            found[target.key] = target
    return found


@lru_cache(maxsize=65536)
def _of_parts(data_id: tuple[tuple[str, int | str], ...], dataset_type: str | None) -> tuple[Target, ...]:
    values = dict(data_id)
    found = []
    for names in _parts(tuple(values)):
        part = {name: values[name] for name in names}
        found.append(Target.of_data_id(part))
        if dataset_type is not None:
            found.append(Target.of_data_id(part, dataset_type=dataset_type))
    return tuple(found)


@lru_cache(maxsize=1024)
def _parts(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Give all sets of dimensions that can stand alone, none of them implied by another one."""
    known = [name for name in names if name.rstrip("0123456789") in dataids.REQUIRED]
    return tuple(
        part
        for size in range(1, len(known) + 1)
        for part in combinations(known, size)
        if all(dataids.REQUIRED.get(name, frozenset()) <= set(part) for name in part)
        and dataids.required(part) == set(part)
    )
