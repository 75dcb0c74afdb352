"""A datum: a value with a unit, a label and a description, kept beside a measurement to explain it."""

import math
from collections.abc import Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np

from gnomon.definitions import parse_unit, unit_string
from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.definitions.units import same_quantity
from gnomon.errors import MeasurementTypeError, UnitMismatchError
from gnomon.measurements.documents import DocumentError, check_keys, read_text, read_unit, shown

__all__ = ["Datum", "Plain", "read_array", "same_values"]

type Plain = float | int | str | bool | list[Any] | None
"""The value of a datum without its unit, as files hold it."""

_KEYS = frozenset({"value", "unit", "label", "description"})
_MISSING: Any = object()
_DIMENSIONLESS = u.dimensionless_unscaled


class Datum(JsonSerializationMixin):
    """A value with a unit, a label and a description.

    Parameters
    ----------
    quantity
        A quantity (scalar or array); or a string, a boolean, an integer or `None`, which are kept as they
        are and have no unit. Anything else, a float or an array, needs ``unit`` and becomes a quantity, as
        does an integer with a unit that is not dimensionless.
    unit
        The unit of a number, as a string or an astropy unit; empty for dimensionless. A quantity is
        converted into it.
    label
        A few words, such as the title of an axis.
    description
        What it is.

    Raises
    ------
    MeasurementError
        If a float or an array has no unit, or is none (also a `ValueError`).
    UnitMismatchError
        If a quantity does not convert into ``unit``.
    DefinitionError
        If there is no such unit.

    Examples
    --------
    >>> Datum(16.5, "mmag", label="scatter").quantity
    <Quantity 16.5 mmag>
    """

    __slots__ = ("_description", "_label", "_unit", "_value")

    _unit: u.UnitBase | None
    """`None` for what is no quantity."""
    _value: Any
    """Of a scalar the plain value; of an array the quantity itself."""

    def __init__(
        self,
        quantity: Any = None,
        unit: str | u.UnitBase | None = None,
        label: str | None = None,
        description: str | None = None,
    ) -> None:
        self.label = label
        self.description = description
        self._set(quantity, unit)

    @classmethod
    def _of(
        cls, value: Any, unit: u.UnitBase | None, label: str | None = None, description: str | None = None
    ) -> Self:
        """Make a datum of parts that are known to be right: a scalar and its unit, or a quantity's."""
        datum = cls.__new__(cls)
        datum._value, datum._unit, datum._label, datum._description = value, unit, label, description
        return datum

    def _set(self, value: Any, unit: str | u.UnitBase | None = None) -> None:
        if isinstance(value, u.Quantity):
            if unit is not None:
                try:
                    value = value.to(parse_unit(unit))
                except u.UnitConversionError as error:
                    raise UnitMismatchError(f"{value} does not convert into {unit}.") from error
            self._take(value)
        elif value is None or isinstance(value, str | bool):
            self._value, self._unit = value, None
        elif isinstance(value, np.bool_):
            self._value, self._unit = bool(value), None
        elif isinstance(value, int | np.integer):
            target = parse_unit(unit)
            if target == _DIMENSIONLESS:
                self._value, self._unit = int(value), None
            else:
                self._take(_quantity(value, target))
                self._value = int(value)
        elif unit is None:
            raise MeasurementTypeError(
                f"A number that is no integer needs its unit, '' for none; given was {shown(value)}."
            )
        else:
            self._take(_quantity(value, parse_unit(unit)))

    def _take(self, quantity: u.Quantity) -> None:
        if quantity.value.dtype.kind not in "iuf":
            raise MeasurementTypeError(f"A datum is real numbers, not {quantity!r:.60}.")
        self._unit = quantity.unit
        if quantity.shape:
            self._value = quantity
        else:
            number = quantity.value.item()
            self._value = number if isinstance(number, int) else float(number)

    @property
    def quantity(self) -> Any:
        """The value: a quantity, or the string, boolean, integer or `None` that was given. It can be set.

        Raises
        ------
        MeasurementError
            If it is set to something else.
        """
        if self._unit is None or isinstance(self._value, u.Quantity):
            return self._value
        return u.Quantity(self._value, self._unit, subok=True)

    @quantity.setter
    def quantity(self, value: Any) -> None:
        self._set(value)

    @property
    def value(self) -> Plain:
        """The value without its unit, in plain Python types; an array is a list."""
        if not isinstance(self._value, u.Quantity):
            plain: Plain = self._value
        elif self._value.dtype.kind == "f":
            plain = self._value.value.astype(np.float64).tolist()
        else:
            plain = self._value.value.tolist()
        return plain

    @property
    def unit(self) -> u.UnitBase | None:
        """The unit; `None` for what is no quantity."""
        return self._unit

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless and for what is no quantity."""
        return "" if self._unit is None else unit_string(self._unit)

    @property
    def latex_unit(self) -> str:
        """The unit as LaTeX between ``$``; empty for dimensionless and for what is no quantity."""
        if self._unit is None or self._unit == _DIMENSIONLESS:
            return ""
        return str(self._unit.to_string("latex"))

    @property
    def label(self) -> str | None:
        """A few words, or `None`. It can be set."""
        return self._label

    @label.setter
    def label(self, value: str | None) -> None:
        self._label = _text_or_none(value, "label")

    @property
    def description(self) -> str | None:
        """What it is, or `None`. It can be set."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = _text_or_none(value, "description")

    @property
    def json(self) -> dict[str, Any]:
        """The datum as plain values, as `deserialize` takes them.

        NaN and the infinities are `None`; where a dimensionless one leaves nothing that tells it from no
        value at all, the unit is `None` too.
        """
        value: Any = self._value
        unit: str | None = self.unit_str
        if isinstance(value, float):
            if not math.isfinite(value):
                value, unit = None, unit or None
        elif isinstance(value, u.Quantity):
            finite = np.isfinite(value.value)
            value = self.value
            if not finite.all():
                value = _finite(value)
        return {"value": value, "unit": unit, "label": self._label, "description": self._description}

    @classmethod
    def deserialize(
        cls,
        label: str | None = None,
        description: str | None = None,
        value: Plain = None,
        unit: str | None = _MISSING,
    ) -> Self:
        """Make a datum of the fields of a JSON document.

        Parameters
        ----------
        label
            A few words.
        description
            What it is.
        value
            A plain value. `None` is NaN where there is a unit, or where ``unit`` is given as `None`;
            within lists it is always NaN.
        unit
            The string of a unit.

        Returns
        -------
        Datum
            The datum.

        Raises
        ------
        MeasurementTypeError
            If a field is wrong (also a `ValueError`).
        """
        document = {"label": label, "description": description, "value": value}
        return cls._read(document if unit is _MISSING else {**document, "unit": unit})

    @classmethod
    def _read(cls, document: Any) -> Self:
        if not isinstance(document, Mapping):
            raise DocumentError(f"is a datum, a mapping, not {shown(document)}.")
        check_keys(document, _KEYS)
        label, description = read_text(document, "label"), read_text(document, "description")
        value, unit = document.get("value"), document.get("unit", "")
        if value is None:
            if unit == "":
                return cls._of(None, None, label, description)
            return cls._of(math.nan, _DIMENSIONLESS if unit is None else read_unit(unit), label, description)
        kind = type(value)
        if kind is str or kind is bool or (kind is int and not unit):
            return cls._of(value, None, label, description)
        if unit is None or "unit" not in document:
            raise DocumentError("is missing; a number that is no integer needs it, '' for none.", ".unit")
        parsed = read_unit(unit)
        if kind is int:
            try:
                float(value)
            except OverflowError as error:
                raise DocumentError("is too large for a number with a unit.", ".value") from error
        elif kind is list:
            value = u.Quantity(read_array(value), parsed, subok=True, copy=False, dtype=None)
        elif kind is not float:
            raise DocumentError(f"is a scalar or a list of numbers, not {shown(value)}.", ".value")
        return cls._of(value, parsed, label, description)

    def __eq__(self, other: object) -> bool:
        """Compare all; quantities are equal in whatever unit they are written, and NaN equals NaN."""
        if not isinstance(other, Datum):
            return NotImplemented
        if (self._label, self._description) != (other._label, other._description):
            return False
        return same_values(self._value, self._unit, other._value, other._unit)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        text = str(self.quantity)
        if self._label is not None:
            text = f"{self._label} = {text}"
        return text if self._description is None else f"{text}\n{self._description}"

    def __repr__(self) -> str:
        rest = f"label={self._label!r}, description={self._description!r}"
        return f"Datum({self.value!r}, {self.unit_str!r}, {rest})"


def _text_or_none(value: Any, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise MeasurementTypeError(f"The {what} of a datum is a string or None, not {shown(value)}.")


def _quantity(value: Any, unit: u.UnitBase) -> u.Quantity:
    try:
        return u.Quantity(value, unit, subok=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise MeasurementTypeError(
            f"A datum is a number, an array, a string, a boolean or None, not {shown(value)}."
        ) from error


def read_array(value: list[Any]) -> Any:
    """Make an array of nested lists of plain values.

    Parameters
    ----------
    value
        Numbers, and `None` for NaN.

    Returns
    -------
    numpy.ndarray
        Of integers if there are only those, else of floats.

    Raises
    ------
    DocumentError
        If there is anything else, or rows are of different lengths.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and all(
            item is None or (isinstance(item, int | float) and not isinstance(item, bool))
            for item in array.flat
        ):
            array = array.astype(np.float64)
    except (ValueError, OverflowError, RecursionError) as error:
        raise DocumentError(f"is not an array of numbers: {error}", ".value") from error
    if array.dtype.kind not in "iuf":
        raise DocumentError("is a list of something else than numbers.", ".value")
    return array


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value if math.isfinite(value) else None


def same_values(a: Any, a_unit: u.UnitBase | None, b: Any, b_unit: u.UnitBase | None) -> bool:
    """Say whether two values are the same but for rounding, whatever their units.

    Parameters
    ----------
    a, b
        Scalars without their unit, or whole quantities that are arrays.
    a_unit, b_unit
        Their units; `None` for what has none.

    Returns
    -------
    bool
        Whether units convert and values agree to 1 part in 10^12; NaN equals NaN, and what is no number only
        itself. An integer without a unit is dimensionless.
    """
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return bool(type(a) is type(b) and a == b)
    if not isinstance(a, u.Quantity) and not isinstance(b, u.Quantity):
        alike = a_unit is b_unit or (a_unit or _DIMENSIONLESS) == (b_unit or _DIMENSIONLESS)
        if alike and (a == b or (a != a and b != b)):
            return True
        if isinstance(a, int) and isinstance(b, int) and alike:
            return False
    try:
        return same_quantity(_whole(a, a_unit), _whole(b, b_unit))
    except OverflowError:  # an integer beyond all floats
        return False


def _whole(value: Any, unit: u.UnitBase | None) -> u.Quantity:
    if isinstance(value, u.Quantity):
        return value
    return u.Quantity(float(value), _DIMENSIONLESS if unit is None else unit, subok=True)
