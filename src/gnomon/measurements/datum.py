"""A datum: a value with a unit, a label and a description, kept beside a measurement to explain it."""

from typing import Any, Self

import astropy.units as u
import numpy as np

from gnomon.definitions import parse_unit, unit_string
from gnomon.errors import MeasurementError, UnitMismatchError

__all__ = ["Datum", "Plain"]

type Plain = float | int | str | bool | list[Any] | None
"""The value of a datum without its unit, as files hold it."""


class Datum:
    """A value with a unit, a label and a description.

    Parameters
    ----------
    quantity
        A quantity (scalar or array), a number or an array of them, a string, a boolean or `None`.
    unit
        The unit of a number, as a string or an astropy unit; by default it is dimensionless. A quantity is
        converted into it.
    label
        A few words, such as the title of an axis.
    description
        What it is.

    Raises
    ------
    MeasurementError
        If the value is none of those, or one without units is given a unit.
    UnitMismatchError
        If a quantity does not convert into ``unit``.
    DefinitionError
        If there is no such unit.

    Examples
    --------
    >>> Datum(16.5, "mmag", label="scatter").quantity
    <Quantity 16.5 mmag>
    """

    __slots__ = ("_plain", "_unit", "description", "label")

    def __init__(
        self,
        quantity: Any = None,
        unit: str | u.UnitBase | None = None,
        label: str | None = None,
        description: str | None = None,
    ) -> None:
        self.label = label
        self.description = description
        self._unit = u.dimensionless_unscaled
        self._plain: Plain = None
        self._set(quantity, unit)

    @classmethod
    def _of(cls, plain: Plain, unit: u.UnitBase, label: str | None, description: str | None) -> Self:
        """Make a datum of parts that are known to be right."""
        datum = cls.__new__(cls)
        datum._plain, datum._unit, datum.label, datum.description = plain, unit, label, description
        return datum

    def _set(self, value: Any, unit: str | u.UnitBase | None = None) -> None:
        if isinstance(value, u.Quantity):
            if unit is not None:
                try:
                    value = value.to(parse_unit(unit))
                except u.UnitConversionError as error:
                    raise UnitMismatchError(f"{value} does not convert into {unit}.") from error
            self._plain, self._unit = value.value.tolist(), value.unit
            return
        target = parse_unit(unit)
        if value is None or isinstance(value, str | bool | np.bool_):
            if target != u.dimensionless_unscaled:
                raise MeasurementError(f"{value!r} has no unit; given was {unit_string(target)!r}.")
            self._plain = bool(value) if isinstance(value, np.bool_) else value
        else:
            self._plain = _numbers(value)
        self._unit = target

    @property
    def quantity(self) -> Any:
        """The value: a quantity, or the string, boolean or `None` that was given. It can be set."""
        if self._plain is None or isinstance(self._plain, str | bool):
            return self._plain
        return u.Quantity(self._plain, self._unit, subok=True)

    @quantity.setter
    def quantity(self, value: Any) -> None:
        self._set(value)

    @property
    def value(self) -> Plain:
        """The value without its unit, in plain Python types; an array is a list."""
        return self._plain

    @property
    def unit(self) -> u.UnitBase:
        """The unit; dimensionless for what has none."""
        return self._unit

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless."""
        return unit_string(self._unit)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Datum):
            return NotImplemented
        return (
            self._unit == other._unit
            and _same(self._plain, other._plain)
            and (self.label, self.description) == (other.label, other.description)
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        text = f"{self._plain} {self.unit_str}".rstrip()
        return text if self.label is None else f"{self.label} = {text}"

    def __repr__(self) -> str:
        rest = f"label={self.label!r}, description={self.description!r}"
        return f"Datum({self._plain!r}, {self.unit_str!r}, {rest})"


def _numbers(value: Any) -> Plain:
    if isinstance(value, int | float):
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise MeasurementError(f"A datum is a number, a string, a boolean or None, not {value!r}.") from error
    if array.dtype.kind not in "iuf":
        raise MeasurementError(f"A datum is a number, a string, a boolean or None, not {value!r}.")
    plain: Plain = array.tolist()
    return plain


def _same(a: Plain, b: Plain) -> bool:
    """Compare values; NaN equals NaN, since a copy is the same datum."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float) and isinstance(b, float) and a != a and b != b:
        return True
    return isinstance(a, bool) == isinstance(b, bool) and a == b
