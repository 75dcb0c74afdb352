"""A measurement: one value of one metric."""

import math
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeGuard

import astropy.units as u
import numpy as np

from gnomon import times
from gnomon.definitions import Metric, unit_string
from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.definitions.units import convert
from gnomon.errors import (
    MeasurementError,
    MeasurementTypeError,
    NameMismatchError,
    TimeFormatError,
    UnitMismatchError,
)
from gnomon.measurements.blob import Blob
from gnomon.measurements.blob_set import BlobSet
from gnomon.measurements.datum import Datum, Plain, same_values
from gnomon.measurements.documents import shown
from gnomon.measurements.measurement_document import KeptRefs, read_measurement
from gnomon.measurements.notes import Notes
from gnomon.measurements.plain import jsonify
from gnomon.names import Name

__all__ = ["Measurement"]

# The established readers pass over any extra and any note, so what they do not know goes there.
_UNCERTAINTY = "gnomon_uncertainty"
_COUNT = "gnomon_count"
_MEASURED_AT = "measured_at"


class Measurement(JsonSerializationMixin):
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
    MeasurementTypeError
        If the value is not a scalar number, or another argument not what it should be (also a `TypeError`).
    NameFormatError
        If ``metric`` is no name of a metric (also a `TypeError`).

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

    __slots__ = ("_blobs", "_identifier", "_metric", "_name", "_notes", "_refs", "_unit", "_value")

    _unit: u.UnitBase | None
    """Without a value, what a file said; `None` if it said none, and is to be written so again."""

    def __init__(
        self,
        metric: Metric | Name | str,
        quantity: Any = None,
        blobs: Iterable[Blob] | BlobSet | None = None,
        extras: Mapping[str, Datum] | None = None,
        notes: Mapping[str, Any] | None = None,
        identifier: str | None = None,
        *,
        uncertainty: Any = None,
        count: int | None = None,
    ) -> None:
        self._metric = metric if isinstance(metric, Metric) else None
        self._name = metric.name if isinstance(metric, Metric) else _metric_name(metric)
        self._identifier = identifier or uuid.uuid4().hex
        self._value: float | int | None = None
        self.quantity = quantity
        self._refs: KeptRefs | None = None
        self._blobs: dict[str, Blob] = {}
        for blob in _each_blob(blobs):
            self.link_blob(blob)
        if extras is not None:
            if not isinstance(extras, Mapping):
                raise MeasurementTypeError(f"Extras are a mapping of Datum objects, not {shown(extras)}.")
            if extras:
                self.extras.update(extras)
        self._notes = Notes(self._name, notes)
        if uncertainty is not None:
            self.uncertainty = uncertainty
        if count is not None:
            self.count = count

    @classmethod
    def _of(
        cls,
        name: Name,
        value: float | int | None,
        unit: u.UnitBase | None,
        blobs: dict[str, Blob],
        notes: Notes,
        identifier: str,
        refs: KeptRefs | None = None,
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
        measurement._refs = refs
        return measurement

    @classmethod
    def deserialize(
        cls,
        metric: str | Name | Metric | None = None,
        identifier: str | None = None,
        value: float | None = None,
        unit: str | None = None,
        blob_refs: Iterable[str] | None = None,
        blobs: BlobSet | Iterable[Blob] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make a measurement of the fields of a JSON document.

        Parameters
        ----------
        metric
            Name of the metric, or the metric itself.
        identifier
            Its unique identifier; by default a new one.
        value
            The number. `None` is NaN, or nothing where there is no ``unit`` either.
        unit
            The string of the number's unit.
        blob_refs
            Identifiers of its blobs; those that are not among ``blobs`` are kept and written again.
        blobs
            Where to find them. Without ``blob_refs`` the measurement gets all of them.
        **kwargs
            ``notes``, and ``gnomon_value``, which tells what a ``value`` of `None` stands for; others are
            passed over.

        Returns
        -------
        Measurement
            The measurement.

        Raises
        ------
        MeasurementTypeError
            If a field is wrong (also a `ValueError`).
        UnitMismatchError
            If the unit does not convert into that of a given metric (also a `TypeError`).
        """
        found = blobs if blobs is None or isinstance(blobs, BlobSet) else BlobSet(_each_blob(blobs))
        name = metric.name if isinstance(metric, Metric) else metric
        document = {**kwargs, "metric": name, "identifier": identifier, "value": value, "unit": unit}
        if blob_refs is not None:
            document["blob_refs"] = blob_refs if isinstance(blob_refs, str | Mapping) else list(blob_refs)
        elif found is not None:
            document["blob_refs"] = list(found)
        measurement = cls._read(document, found)
        if isinstance(metric, Metric):
            measurement.metric = metric
        return measurement

    @classmethod
    def _read(cls, document: Any, blobs: BlobSet | None) -> Self:
        return cls._of(*read_measurement(document, blobs))

    def _default_unit(self) -> u.UnitBase:
        if self._metric is not None:
            return self._metric.unit
        return u.dimensionless_unscaled if self._unit is None else self._unit

    @property
    def metric(self) -> Metric | None:
        """The metric, if it is known and not only its name.

        Setting it sets ``metric_name`` too.

        Raises
        ------
        MeasurementTypeError
            If it is set to something else (also a `TypeError`).
        UnitMismatchError
            If the value's unit does not convert into its own (also a `TypeError`).
        """
        return self._metric

    @metric.setter
    def metric(self, value: Metric) -> None:
        if not isinstance(value, Metric):
            raise MeasurementTypeError(f"The metric of a measurement is a Metric, not {shown(value)}.")
        if self._value is not None:
            _check_unit(value, self.unit)
        self.metric_name = value.name
        self._metric = value

    @property
    def metric_name(self) -> Name:
        """The name of the metric.

        Setting takes a string too; extras and notes follow, and a metric of another name is let go.

        Raises
        ------
        MeasurementTypeError
            If it is set to the name of something else (also a `TypeError`).
        """
        return self._name

    @metric_name.setter
    def metric_name(self, value: Name | str) -> None:
        name = _metric_name(value)
        old, new = str(self._name), str(name)
        if old == new:
            return
        self._name = name
        self._metric = None
        self._notes._rename(new)
        if extras := self._blobs.pop(old, None):
            # A new blob, since another measurement may have the old one among its own.
            datums = {**extras, **self._blobs.get(new, {})}
            self._blobs[new] = Blob._of(new, datums, uuid.uuid4().hex)

    @property
    def identifier(self) -> str:
        """The unique identifier."""
        return self._identifier

    @property
    def description(self) -> str | None:
        """The description of the metric, if that is known."""
        return None if self._metric is None else self._metric.description

    @property
    def quantity(self) -> u.Quantity | None:
        """The value with its unit. It can be set, as in the constructor."""
        return None if self._value is None else u.Quantity(self._value, self._unit, subok=True)

    @quantity.setter
    def quantity(self, value: Any) -> None:
        if value is None:
            self._value, self._unit = None, u.dimensionless_unscaled
            return
        number, unit = _scalar(value)
        if self._metric is not None:
            _check_unit(self._metric, unit)
        self._value, self._unit = number, unit

    @property
    def value(self) -> float | int | None:
        """The value without its unit."""
        return self._value

    @property
    def unit(self) -> u.UnitBase:
        """The unit of the value; without one, that of the metric."""
        return self._default_unit() if self._value is None else self._unit

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless."""
        return unit_string(self.unit)

    @property
    def datum(self) -> Datum:
        """The value as a datum, labelled with the name of the metric."""
        return Datum(self.quantity, label=str(self._name), description=self.description)

    @property
    def blobs(self) -> dict[str, Blob]:
        """The blobs by name, that of the extras among them."""
        self.extras  # noqa: B018  # it makes the blob
        return self._blobs

    @blobs.setter
    def blobs(self, value: Mapping[str, Blob]) -> None:
        for blob in value.values():
            _check_blob(blob)
        self._blobs = {blob.name: blob for blob in value.values()}

    def _kept_blobs(self) -> list[Blob]:
        """Give the blobs that are worth writing: extras only where there are any."""
        return [blob for key, blob in self._blobs.items() if len(blob) or key != str(self._name)]

    def link_blob(self, blob: Blob) -> None:
        """Add a blob; one of the same name is replaced.

        Parameters
        ----------
        blob
            The blob, which other measurements may share.

        Raises
        ------
        MeasurementTypeError
            If it is none (also a `TypeError`).
        """
        _check_blob(blob)
        self._blobs[blob.name] = blob

    @property
    def extras(self) -> Blob:
        """The blob named after the metric, for data of this measurement alone."""
        name = str(self._name)
        blob = self._blobs.get(name)
        if blob is None:
            blob = self._blobs[name] = Blob(name)
        return blob

    @extras.setter
    def extras(self, value: Blob) -> None:
        _check_blob(value)
        if value.name != str(self._name):
            raise NameMismatchError(
                f"The extras of {self._name} are a blob of that name, not of {value.name}."
            )
        self._blobs[value.name] = value

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
        if datum is None or not _is_number(datum.value):
            return None
        return u.Quantity(datum.quantity, subok=True)

    @uncertainty.setter
    def uncertainty(self, value: Any) -> None:
        if value is None:
            self._set_extra(_UNCERTAINTY, None)
            return
        number, unit = _scalar(value)
        if not isinstance(value, u.Quantity):
            unit = self.unit
        elif not unit.is_equivalent(self.unit):
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
        return int(datum.value) if datum is not None and _is_number(datum.value) else None

    @count.setter
    def count(self, value: Any) -> None:
        if value is None:
            self._set_extra(_COUNT, None)
            return
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < 0:
            raise MeasurementError(f"A count of samples is an integer, 0 or more, not {value!r}.")
        self._set_extra(_COUNT, Datum._of(int(value), None, "count", "How many samples made the value."))

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

    @property
    def json(self) -> dict[str, Any]:
        """The measurement as plain values, as `deserialize` takes them; of the blobs the identifiers.

        The value is in the metric's unit if the metric is known. Notes are there if there are any. NaN and
        the infinities are `None`; of the infinities, and of nothing at all, ``gnomon_value`` tells.
        """
        document = self._document(self._metric)
        if self._notes:
            document["notes"] = {key: jsonify(note, f"The note {key}") for key, note in self._notes.items()}
        return document

    def _document(self, metric: Metric | None) -> dict[str, Any]:
        """Give the JSON without the notes, in the unit of a metric if there is one and it is possible."""
        value: Any = self._value
        document: dict[str, Any] = {
            "metric": str(self._name),
            "identifier": self._identifier,
            "value": None,
            "unit": None if self._unit is None else "",
            "blob_refs": [blob.identifier for blob in self._kept_blobs()] if self._blobs else [],
        }
        if self._refs is not None:
            document["blob_refs"] = self._refs.merged(document["blob_refs"])
        if value is None:
            if self._unit is not None:
                # Established readers take it for NaN, and refuse a unit that is not the metric's.
                document["unit"] = self.unit_str if metric is None else metric.unit_str
                document["gnomon_value"] = "none"
            return document
        unit = self.unit
        if metric is not None and unit is not metric.unit and unit.is_equivalent(metric.unit):
            if unit != metric.unit:
                value = float(convert(value, unit, metric.unit))
            unit = metric.unit
        document["unit"] = unit_string(unit)
        if math.isfinite(value):
            document["value"] = value
        elif math.isinf(value):
            document["gnomon_value"] = "inf" if value > 0 else "-inf"
        return document

    def __eq__(self, other: object) -> bool:
        """Compare all but the identifiers; NaN equals NaN, since a copy is the same measurement."""
        if not isinstance(other, Measurement):
            return NotImplemented
        if self is other:
            return True
        if self._name != other._name or self._notes._notes != other._notes._notes:
            return False
        if not same_values(self._value, self._unit, other._value, other._unit):
            return False
        mine = {blob.name: blob for blob in self._kept_blobs()}
        theirs = {blob.name: blob for blob in other._kept_blobs()}
        return mine.keys() == theirs.keys() and all(
            blob.same_data(theirs[name]) for name, blob in mine.items()
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        return f"{self._name}: {'not measured' if self._value is None else self.quantity}"

    def __repr__(self) -> str:
        return f"Measurement({str(self._name)!r}, {self.quantity!r})"

    def _repr_latex_(self) -> str:
        """Give name and value for notebooks."""
        quantity = self.quantity
        return str(self) if quantity is None else f"{self._name}: {quantity._repr_latex_()}"


def _check_blob(blob: Any) -> None:
    if not isinstance(blob, Blob):
        raise MeasurementTypeError(f"A blob is a Blob, not {shown(blob)}.")


def _is_number(value: Plain) -> TypeGuard[float | int]:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _metric_name(metric: Name | str) -> Name:
    name = metric if isinstance(metric, Name) else Name(metric=metric)
    if not name.is_metric:
        raise MeasurementTypeError(f"A measurement is of a metric; {str(name)!r} names something else.")
    return name


def _each_blob(blobs: Any) -> Iterable[Any]:
    if blobs is None:
        return ()
    if isinstance(blobs, BlobSet) or (isinstance(blobs, Mapping) and not isinstance(blobs, Blob)):
        return blobs.values()
    if isinstance(blobs, str | Blob) or not isinstance(blobs, Iterable):
        raise MeasurementTypeError(f"Blobs are a list of Blob objects, not {shown(blobs)}.")
    return blobs


def _scalar(value: Any) -> tuple[float, u.UnitBase]:
    unit = u.dimensionless_unscaled
    number = value
    if isinstance(value, u.Quantity):
        number, unit = value.value, value.unit
    is_array = isinstance(number, np.ndarray | np.generic)
    if (
        isinstance(number, bool | str | bytes)
        or np.ndim(number) != 0
        or (is_array and number.dtype.kind not in "iuf")
    ):
        raise MeasurementTypeError(f"A measurement is a scalar quantity, not {shown(value)}.")
    try:
        return float(number), unit
    except (TypeError, ValueError, OverflowError) as error:
        raise MeasurementTypeError(f"A measurement is a scalar quantity, not {shown(value)}.") from error


def _check_unit(metric: Metric, unit: u.UnitBase) -> None:
    if unit is not metric.unit and not unit.is_equivalent(metric.unit):
        raise UnitMismatchError(
            f"{metric.name} is measured in {metric.unit_str or 'no unit'}; a value in "
            f"{unit_string(unit) or 'no unit'} does not convert into that."
        )
