"""What a stored row takes from a measurement, apart from the dataset that holds it."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from astropy.time import Time
from astropy.units import UnitConversionError

from gnomon import times
from gnomon.errors import MeasurementError, TimeFormatError
from gnomon.measurements.measurement import Measurement

__all__ = ["CERTAIN_TIME", "MEASURED_AT", "NOT_MEASURED", "Values", "extras_text", "moments", "values_of"]

MEASURED_AT = "measured_at"
"""The key of the note, and of the extras of a row, that tells about the time of measuring."""

CERTAIN_TIME = re.compile(
    r"(?:19[7-9]|20\d)\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:\.\d{1,6})?Z",
    re.ASCII,
)
"""A text that is a time for certain: of a day that every month has, and in no leap second."""

_UNCERTAINTY = "gnomon_uncertainty"
_OWN_EXTRAS = (_UNCERTAINTY, "gnomon_count")
_LARGEST_COUNT = 2**63 - 1
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?", re.ASCII)


class Values(NamedTuple):
    """One measurement, as columns of `gnomon.measurements.rows.SCHEMA` have it.

    Attributes
    ----------
    metric
        The full name.
    value
        In ``unit``; `None` where nothing could be measured.
    unit
        The string of the unit.
    uncertainty
        Standard uncertainty, in the same unit.
    count
        How many samples made the value.
    measured_at
        When it was computed: TAI microseconds, or the text in UTC of a file, which `moments` reads.
    extras
        What has no column of its own, as JSON.
    """

    metric: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    count: int | None = None  # type: ignore[assignment]  # a method of tuples, of no use here
    measured_at: int | str | None = None
    extras: str | None = None


NOT_MEASURED = Values("", None, "")
"""What stands for a dataset that holds no measurement (see `gnomon.measurements.rows.NO_METRIC`)."""


def values_of(measurement: Measurement) -> Values:
    """Take a measurement apart.

    Parameters
    ----------
    measurement
        The measurement.

    Returns
    -------
    Values
        What the columns hold.

    Raises
    ------
    MeasurementError
        If its uncertainty or count cannot be stored.
    """
    deviation = _deviation(measurement)
    try:
        count = measurement.count
    except (ValueError, OverflowError) as error:
        raise MeasurementError("The count of samples is not an integer.") from error
    if count is not None and abs(count) > _LARGEST_COUNT:
        raise MeasurementError(f"The count of samples is {count:.3g}, more than can be stored.")
    name = str(measurement.metric_name)
    datums = {
        key: {"value": datum.value, "unit": datum.unit_str}
        for key, datum in measurement.blobs.get(name, {}).items()
        if key not in _OWN_EXTRAS
    }
    note = measurement.notes.get(MEASURED_AT)
    certain = isinstance(note, str) and CERTAIN_TIME.fullmatch(note)
    value, moment = measurement.value, note if certain else measurement.measured_at
    own_note = f"{name}.{MEASURED_AT}"
    notes = {key: n for key, n in measurement.notes.items() if moment is None or key != own_note}
    return Values(
        name,
        None if value is None else float(value),
        measurement.unit_str,
        deviation,
        count,
        moment,
        extras_text(datums, notes),
    )


def _deviation(measurement: Measurement) -> float | None:
    """Give the uncertainty in the unit of the value."""
    extras = measurement.blobs.get(str(measurement.metric_name))
    datum = None if extras is None else extras.get(_UNCERTAINTY)
    if datum is None:
        return None
    # Making a quantity takes longer than all the rest.
    if type(datum.value) is float and datum.unit is not None and datum.unit == measurement.unit:
        return datum.value
    uncertainty = measurement.uncertainty
    try:
        return None if uncertainty is None else float(uncertainty.to_value(measurement.unit))
    except UnitConversionError as error:
        raise MeasurementError(f"The uncertainty has another kind of unit than the value: {error}") from error


def extras_text(datums: Mapping[str, Any], notes: Mapping[str, Any]) -> str | None:
    """Write what has no column of its own.

    Parameters
    ----------
    datums
        Values and units by key.
    notes
        Remarks by key.

    Returns
    -------
    str or None
        A JSON object, in which NaN and the infinities are null; `None` where there is nothing.
    """
    content = {key: value for key, value in (("extras", datums), ("notes", notes)) if value}
    if not content:
        return None
    return json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, default=str)


def moments(given: Sequence[int | str | None]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Read many times of measuring, those that are texts in one conversion.

    Parameters
    ----------
    given
        As `Values` has them.

    Returns
    -------
    tuple
        TAI microseconds, and where there are none: a text that is no time is somebody else's note.
    """
    result = np.zeros(len(given), np.int64)
    missing = np.zeros(len(given), np.bool_)
    texts: list[str] = []
    places: list[int] = []
    for place, moment in enumerate(given):
        if moment is None:
            missing[place] = True
        elif isinstance(moment, int):
            result[place] = moment
        elif _ISO.fullmatch(moment):
            texts.append(moment.removesuffix("Z"))
            places.append(place)
        else:
            result[place], missing[place] = _one(moment)
    if texts:
        try:
            result[places] = times.to_tai_us(Time(texts, format="isot", scale="utc"))
        except ValueError:  # one of them is the 30th of February
            for place, text in zip(places, texts, strict=True):
                result[place], missing[place] = _one(text)
    return result, missing


def _one(text: str) -> tuple[int, bool]:
    try:
        return times.from_utc_iso(text), False
    except TimeFormatError:
        return 0, True


def _finite(value: Any) -> Any:
    """Replace NaN and the infinities, of which JSON has none, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_finite(item) for item in value]
    return value
