"""When the things were observed that a data ID names which brings its records along."""

from typing import NamedTuple

from lsst.daf.butler import DataCoordinate, Timespan

from gnomon import times
from gnomon.repository.dimension_records import temporal_element

__all__ = ["Observation", "recorded_time"]


class Observation(NamedTuple):
    """When something was observed, in TAI microseconds since 1970-01-01 TAI; `None` where nobody says."""

    begin: int | None
    end: int | None


def recorded_time(data_id: DataCoordinate) -> Observation:
    """Give the time of observation that a data ID brings along, without asking a repository.

    Parameters
    ----------
    data_id
        One that has its dimension records, as those of a quantum.

    Returns
    -------
    Observation
        As `gnomon.repository.dimension_records.DimensionRecords` gives it; nothing where the records are not
        there.
    """
    element = temporal_element(data_id.dimensions)
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
