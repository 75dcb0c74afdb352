"""A measurement: one value of one metric."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np

from gnomon import times
from gnomon.definitions import Metric, unit_string
from gnomon.errors import MeasurementError, TimeFormatError, UnitMismatchError
from gnomon.measurements.blob import Blob
from gnomon.measurements.datum import Datum
from gnomon.measurements.notes import Notes
from gnomon.names import Name

__all__ = ["Measurement"]

# The established readers pass over any extra and any note, so what they do not know goes there.
_UNCERTAINTY = "gnomon_uncertainty"
_COUNT = "gnomon_count"
_MEASURED_AT = "measured_at"


class Measurement:
    """One scalar value of one metric, with what explains it.

    Parameters
    ----------
    metric
        The metric, or its name. With a `Metric`, units are checked.
    quantity
        A scalar quantity; a bare number is dimensionless; `None` where nothing could be measured.
    blobs
        Data behind the value; they may be shared with other measurements.
    extras
        Data of this measurement alone, by key; kept in the blob that is named after the metric.
    notes
        Remarks by key; keys get the prefix ``package.metric.``.
    identifier
        Its unique identifier; by default a new one.
    uncertainty
        Standard uncertainty of the value: a quantity, or a number in the value's unit.
    count
        How many samples made the value.

    Raises
    ------
    UnitMismatchError
        If the unit of the value or the uncertainty cannot be the metric's (also a `TypeError`).
    MeasurementError
        If the value is not a scalar number, or another argument not what it should be.
    NameFormatError
        If ``metric`` is no name of a metric.

    Notes
    -----
    Uncertainty and count are kept as the extras ``gnomon_uncertainty`` and ``gnomon_count``, and the moment
    of measuring as the note ``measured_at``: those are places that every reader of the established format
    passes over, so its files stay readable everywhere, and a user's own extras of similar names stay
    untouched.

    Examples
    --------
    >>> scatter = Measurement("demo.scatter", 12.5 * u.mmag, count=11)
    >>> scatter.value, scatter.unit_str, scatter.count
    (12.5, 'mmag', 11)
    """

    __slots__ = ("_blobs", "_identifier", "_metric", "_name", "_notes", "_unit", "_value")

    def __init__(
        self,
        metric: Metric | Name | str,
        quantity: Any = None,
        blobs: Iterable[Blob] | None = None,
        extras: Mapping[str, Any] | None = None,
        notes: Mapping[str, Any] | None = None,
        identifier: str | None = None,
        *,
        uncertainty: Any = None,
        count: int | None = None,
    ) -> None:
        self._metric = metric if isinstance(metric, Metric) else None
        self._name = metric.name if isinstance(metric, Metric) else _metric_name(metric)
        self._identifier = identifier or uuid.uuid4().hex
        self._value: float | None = None
        self._unit: u.UnitBase = self._default_unit()
        self.quantity = quantity
        self._blobs: dict[str, Blob] = {}
        for blob in blobs or ():
            self.link_blob(blob)
        if extras:
            self.extras.update(extras)
        self._notes = Notes(str(self._name), notes)
        if uncertainty is not None:
            self.uncertainty = uncertainty
        if count is not None:
            self.count = count

    @classmethod
    def _of(
        cls,
        name: Name,
        value: float | None,
        unit: u.UnitBase,
        blobs: dict[str, Blob],
        notes: Notes,
        identifier: str,
    ) -> Self:
        """Make a measurement of parts that are known to be right."""
        measurement = cls.__new__(cls)
        measurement._metric = None
        measurement._name = name
        measurement._value = value
        measurement._unit = unit
        measurement._blobs = blobs
        measurement._notes = notes
        measurement._identifier = identifier
        return measurement

    def _default_unit(self) -> u.UnitBase:
        return u.dimensionless_unscaled if self._metric is None else self._metric.unit

    @property
    def metric(self) -> Metric | None:
        """The metric, if it is known and not only its name. Setting checks the unit."""
        return self._metric

    @metric.setter
    def metric(self, value: Metric) -> None:
        if value.name != self._name:
            raise MeasurementError(f"A measurement of {self._name} cannot become one of {value.name}.")
        if self._value is not None:
            _check_unit(value, self._unit)
        self._metric = value

    @property
    def metric_name(self) -> Name:
        """The name of the metric."""
        return self._name

    @property
    def identifier(self) -> str:
        """The unique identifier."""
        return self._identifier

    @property
    def quantity(self) -> u.Quantity | None:
        """The value with its unit. It can be set; a bare number is dimensionless."""
        return None if self._value is None else u.Quantity(self._value, self._unit, subok=True)

    @quantity.setter
    def quantity(self, value: Any) -> None:
        if value is None:
            self._value, self._unit = None, self._default_unit()
            return
        number, unit = _scalar(value)
        if self._metric is not None:
            _check_unit(self._metric, unit)
        self._value, self._unit = number, unit

    @property
    def value(self) -> float | None:
        """The value without its unit."""
        return self._value

    @property
    def unit(self) -> u.UnitBase:
        """The unit of the value."""
        return self._unit

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless."""
        return unit_string(self._unit)

    @property
    def blobs(self) -> dict[str, Blob]:
        """The blobs by name, that of the extras among them."""
        return self._blobs

    def link_blob(self, blob: Blob) -> None:
        """Add a blob; one of the same name is replaced.

        Parameters
        ----------
        blob
            The blob, which other measurements may share.

        Raises
        ------
        MeasurementError
            If it is none.
        """
        if not isinstance(blob, Blob):
            raise MeasurementError(f"A blob is a Blob, not {type(blob).__name__}.")
        self._blobs[blob.name] = blob

    @property
    def extras(self) -> Blob:
        """The blob named after the metric, for data of this measurement alone."""
        name = str(self._name)
        blob = self._blobs.get(name)
        if blob is None:
            blob = self._blobs[name] = Blob(name)
        return blob

    def _extra(self, key: str) -> Datum | None:
        blob = self._blobs.get(str(self._name))
        return None if blob is None or key not in blob else blob[key]

    def _set_extra(self, key: str, datum: Datum | None) -> None:
        if datum is not None:
            self.extras[key] = datum
        elif self._extra(key) is not None:
            del self.extras[key]

    @property
    def notes(self) -> Notes:
        """Remarks by key, with or without the prefix ``package.metric.``."""
        return self._notes

    @property
    def uncertainty(self) -> u.Quantity | None:
        """The standard uncertainty of the value. Setting takes a bare number in the value's unit."""
        datum = self._extra(_UNCERTAINTY)
        return None if datum is None or not isinstance(datum.value, float | int) else datum.quantity

    @uncertainty.setter
    def uncertainty(self, value: Any) -> None:
        if value is None:
            self._set_extra(_UNCERTAINTY, None)
            return
        number, unit = _scalar(value)
        if not isinstance(value, u.Quantity):
            unit = self._unit
        elif not unit.is_equivalent(self._unit):
            raise UnitMismatchError(
                f"The uncertainty of {self._name} is in {unit_string(unit) or 'no unit'}, its value in "
                f"{self.unit_str or 'no unit'}."
            )
        self._set_extra(
            _UNCERTAINTY,
            Datum._of(number, unit, "uncertainty", "Standard uncertainty of the measured value."),
        )

    @property
    def count(self) -> int | None:
        """How many samples made the value."""
        datum = self._extra(_COUNT)
        return None if datum is None or not isinstance(datum.value, float | int) else int(datum.value)

    @count.setter
    def count(self, value: Any) -> None:
        if value is None:
            self._set_extra(_COUNT, None)
            return
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < 0:
            raise MeasurementError(f"A count of samples is an integer, 0 or more, not {value!r}.")
        self._set_extra(
            _COUNT,
            Datum._of(int(value), u.dimensionless_unscaled, "count", "How many samples made the value."),
        )

    @property
    def measured_at(self) -> int | None:
        """When the value was computed, in TAI microseconds (see `gnomon.times`); `None` if it is not said."""
        note = self._notes.get(_MEASURED_AT)
        if not isinstance(note, str):
            return None
        try:
            return times.from_utc_iso(note)
        except TimeFormatError:  # somebody else's note of that name
            return None

    @measured_at.setter
    def measured_at(self, value: int | None) -> None:
        if value is None:
            self._notes.pop(_MEASURED_AT, None)
        else:
            self._notes[_MEASURED_AT] = times.to_utc_iso(value, precision=6)

    def __eq__(self, other: object) -> bool:
        """Compare all but the identifiers; NaN equals NaN, since a copy is the same measurement."""
        if not isinstance(other, Measurement):
            return NotImplemented
        return (
            self._name == other._name
            and Datum._of(self._value, self._unit, None, None)
            == Datum._of(other._value, other._unit, None, None)
            and self._blobs == other._blobs
            and dict(self._notes) == dict(other._notes)
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        value = "not measured" if self._value is None else f"{self._value:g} {self.unit_str}".rstrip()
        return f"{self._name}: {value}"

    def __repr__(self) -> str:
        return f"Measurement({str(self._name)!r}, {self.quantity!r})"


def _metric_name(metric: Name | str) -> Name:
    name = metric if isinstance(metric, Name) else Name(metric=metric)
    if not name.is_metric:
        raise MeasurementError(f"A measurement is of a metric; {str(name)!r} names something else.")
    return name


def _scalar(value: Any) -> tuple[float, u.UnitBase]:
    unit = u.dimensionless_unscaled
    number = value
    if isinstance(value, u.Quantity):
        number, unit = value.value, value.unit
    if isinstance(number, bool | np.bool_ | str | bytes) or np.ndim(number) != 0:
        raise MeasurementError(f"A measurement is a scalar quantity, not {value!r}.")
    try:
        return float(number), unit
    except (TypeError, ValueError, OverflowError) as error:
        raise MeasurementError(f"A measurement is a scalar quantity, not {value!r}.") from error


def _check_unit(metric: Metric, unit: u.UnitBase) -> None:
    if not unit.is_equivalent(metric.unit):
        raise UnitMismatchError(
            f"{metric.name} is measured in {metric.unit_str or 'no unit'}; a value in "
            f"{unit_string(unit) or 'no unit'} does not convert into that."
        )
