"""When the things that data IDs name were observed."""

from collections.abc import Sequence
from typing import NamedTuple

from lsst.daf.butler import Butler, DataCoordinate, Timespan

from gnomon import times

__all__ = ["Observation", "observation_times", "recorded_time"]

# The narrower comes first: a visit's own time says more than its night's.
_TEMPORAL = ("exposure", "visit", "day_obs")


class Observation(NamedTuple):
    """When something was observed, in TAI microseconds since 1970-01-01 TAI; `None` where nobody says."""

    begin: int | None
    end: int | None


def observation_times(butler: Butler, data_ids: Sequence[DataCoordinate]) -> list[Observation]:
    """Give the time of observation of each data ID.

    Parameters
    ----------
    butler
        The repository's client.
    data_ids
        Data IDs that share their dimensions.

    Returns
    -------
    list of Observation
        One each, in order: the timespan of the exposure or else of the visit, the night where there is only
        a ``day_obs``, and nothing for what has no time, such as a tract.

    Notes
    -----
    The records are fetched for their own dimension and not together with those of others, since such a query
    leaves out data IDs that lack any one record.
    """
    if not data_ids:
        return []
    group = data_ids[0].dimensions
    element = next((name for name in _TEMPORAL if name in group.required), None)
    if element is None:
        return [Observation(None, None)] * len(data_ids)
    own = butler.dimensions[element].minimal_group
    keys = [data_id.subset(own) for data_id in data_ids]
    with butler.query() as query:
        query = query.join_data_coordinates(set(keys))
        known = {record.dataId: _observation(record.timespan) for record in query.dimension_records(element)}
    return [known.get(key, Observation(None, None)) for key in keys]


def recorded_time(data_id: DataCoordinate) -> Observation:
    """Give the time of observation that a data ID brings along, without asking a repository.

    Parameters
    ----------
    data_id
        One that has its dimension records, as those of a quantum.

    Returns
    -------
    Observation
        As `observation_times` gives it; nothing where the records are not there.
    """
    element = next((name for name in _TEMPORAL if name in data_id.dimensions.required), None)
    record = data_id.records[element] if element is not None and data_id.hasRecords() else None
    return _observation(None if record is None else record.timespan)


def _observation(timespan: Timespan | None) -> Observation:
    if timespan is None or timespan.isEmpty():
        return Observation(None, None)
    begin, end = timespan.begin, timespan.end
    # An unbounded end is no time.
    return Observation(
        None if begin is None else int(times.to_tai_us(begin)),
        None if end is None else int(times.to_tai_us(end)),
    )
