"""Specifications with two limits: a range, and a tolerance around a target."""

from collections.abc import Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.definitions.bounds import Bounds
from gnomon.definitions.documents import Fields
from gnomon.definitions.specification import Specification, amount, is_number
from gnomon.definitions.threshold import threshold_json
from gnomon.definitions.units import same_quantity, unit_string
from gnomon.definitions.yaml_source import Located, Problems
from gnomon.errors import DefinitionError, DefinitionTypeError
from gnomon.names import Name

__all__ = ["RangeSpecification", "ToleranceSpecification"]

_INCLUSIVE = ("both", "lower", "upper", "neither")


class RangeSpecification(Specification):
    """A test that a value lies between two limits.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    lower, upper
        The limits, scalar quantities in units that convert into one another.
    inclusive
        Which of the limits passes itself: ``both``, ``lower``, ``upper`` or ``neither``.
    **common
        ``metadata_query``, ``tags``, ``tier``, ``sigmas`` and ``min_count``, as for `Specification`.

    Raises
    ------
    DefinitionError
        If a limit is no scalar quantity, the limits do not fit together, or the lower is not the lower.

    Examples
    --------
    >>> sane = RangeSpecification("demo.seeing.sane", 0.3 * u.arcsec, 3 * u.arcsec)
    >>> sane.check_values(np.array([0.2, 0.3, 3.0, 3.1, np.nan])).tolist()
    [False, True, True, False, False]
    """

    type = "range"

    def __init__(
        self,
        name: str | Name,
        lower: u.Quantity,
        upper: u.Quantity,
        *,
        inclusive: str = "both",
        **common: Any,
    ) -> None:
        super().__init__(name, **common)
        for limit in (lower, upper):
            if not isinstance(limit, u.Quantity) or not limit.isscalar:
                raise DefinitionTypeError(f"A limit of {name} is a scalar quantity, not {limit!r}.")
        if inclusive not in _INCLUSIVE:
            raise DefinitionError(f"'inclusive' is one of {', '.join(_INCLUSIVE)}, not {inclusive!r}.")
        try:
            self.lower, self.upper = lower.to(upper.unit), upper
        except u.UnitConversionError as error:
            raise DefinitionError(
                f"The limits of {name}, {lower} and {upper}, have no unit in common."
            ) from error
        if not self.lower.value <= self.upper.value:
            raise DefinitionError(f"The lower limit of {name}, {lower}, is not below the upper, {upper}.")
        self.inclusive = inclusive

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        fields = Fields.of(document, cls.type, f"the range of {name}", problems)
        fields.check_keys("lower", "upper", "unit", "inclusive")
        unit = fields.unit()
        return cls(
            name,
            u.Quantity(fields.number("lower"), unit, subok=True),
            u.Quantity(fields.number("upper"), unit, subok=True),
            inclusive=fields.choice("inclusive", _INCLUSIVE, "both"),
            **common,
        )

    @property
    def unit(self) -> u.UnitBase:
        """The limits' unit."""
        return self.upper.unit

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass, in the limits' unit."""
        del baselines
        return Bounds(
            float(self.lower.value),
            float(self.upper.value),
            self.inclusive in ("upper", "neither"),
            self.inclusive in ("lower", "neither"),
        )

    @property
    def _limits(self) -> str:
        left, right = ("(" if self.bounds().lower_open else "["), (")" if self.bounds().upper_open else "]")
        unit = unit_string(self.unit)
        return f"in {left}{self.lower.value:.10g}, {self.upper.value:.10g}{right} {unit}".rstrip()

    def _serialize_type(self) -> dict[str, Any]:
        return {
            "lower": float(self.lower.value),
            "upper": float(self.upper.value),
            "unit": unit_string(self.unit),
            "inclusive": self.inclusive,
        }

    def _fallback(self) -> dict[str, Any]:
        return threshold_json(self.upper, "<" if self.bounds().upper_open else "<=")

    def _same(self, other: Any) -> bool:
        return bool(
            self.inclusive == other.inclusive
            and same_quantity(self.lower, other.lower)
            and same_quantity(self.upper, other.upper)
        )


class ToleranceSpecification(Specification):
    """A test that a value lies near a target.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    target
        What the value should be, a scalar quantity.
    within
        How far it may be from that, a quantity; or a number, a part of the target's magnitude.
    **common
        ``metadata_query``, ``tags``, ``tier``, ``sigmas`` and ``min_count``, as for `Specification`.

    Raises
    ------
    DefinitionError
        If an argument is no scalar or negative, or the units do not fit together.

    Examples
    --------
    >>> gain = ToleranceSpecification("demo.gain.near", 1.5 * u.electron / u.adu, 0.02)
    >>> gain.check(1.52 * u.electron / u.adu), gain.check(1.54 * u.electron / u.adu)
    (True, False)
    """

    type = "tolerance"

    def __init__(
        self, name: str | Name, target: u.Quantity, within: u.Quantity | float, **common: Any
    ) -> None:
        super().__init__(name, **common)
        if not isinstance(target, u.Quantity) or not target.isscalar:
            raise DefinitionTypeError(f"The target of {name} is a scalar quantity, not {target!r}.")
        if isinstance(within, u.Quantity):
            try:
                within = within.to(target.unit)
            except u.UnitConversionError as error:
                raise DefinitionError(
                    f"The target of {name}, {target}, and its tolerance, {within}, have no unit in common."
                ) from error
        elif not is_number(within):
            raise DefinitionTypeError(f"The tolerance of {name} is a quantity or a number, not {within!r}.")
        if np.ndim(within) != 0 or not float(getattr(within, "value", within)) >= 0:
            raise DefinitionError(f"The tolerance of {name} is one number, 0 or more, not {within!r}.")
        self.target = target
        self.within = within

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        fields = Fields.of(document, cls.type, f"the tolerance of {name}", problems)
        fields.check_keys("target", "within", "fraction", "unit")
        unit = fields.unit()
        within, fraction = fields.optional("within"), fields.optional("fraction")
        if (within is None) == (fraction is None):
            raise fields.error(
                "it has either 'within' (in its unit) or 'fraction' (of its target).", "within"
            )
        target = u.Quantity(fields.number("target"), unit, subok=True)
        return cls(
            name, target, fraction if within is None else u.Quantity(within, unit, subok=True), **common
        )

    @property
    def _distance(self) -> float:
        if isinstance(self.within, u.Quantity):
            return float(self.within.value)
        return float(self.within) * abs(float(self.target.value))

    @property
    def unit(self) -> u.UnitBase:
        """The target's unit."""
        return self.target.unit

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass, in the target's unit."""
        del baselines
        target = float(self.target.value)
        return Bounds(target - self._distance, target + self._distance)

    @property
    def _limits(self) -> str:
        if isinstance(self.within, u.Quantity):
            return f"within {amount(self.within)} of {amount(self.target)}"
        return f"within {100 * self.within:.10g} % of {amount(self.target)}"

    def _serialize_type(self) -> dict[str, Any]:
        distance = (
            {"within": float(self.within.value)}
            if isinstance(self.within, u.Quantity)
            else {"fraction": float(self.within)}
        )
        return {"target": float(self.target.value), **distance, "unit": unit_string(self.unit)}

    def _fallback(self) -> dict[str, Any]:
        return threshold_json(u.Quantity(self.bounds().upper, self.unit, subok=True), "<=")

    def _same(self, other: Any) -> bool:
        return bool(
            same_quantity(self.target, other.target)
            and isinstance(self.within, u.Quantity) == isinstance(other.within, u.Quantity)
            and same_quantity(u.Quantity(self.within, subok=True), u.Quantity(other.within, subok=True))
        )
