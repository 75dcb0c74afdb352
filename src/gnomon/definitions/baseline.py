"""A specification relative to a baseline: how much worse than before a value may be."""

from collections.abc import Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.definitions.bounds import Bounds
from gnomon.definitions.documents import Fields
from gnomon.definitions.metric import Metric
from gnomon.definitions.specification import Specification, is_number
from gnomon.definitions.threshold import LARGEST, read_threshold, threshold_json
from gnomon.definitions.units import parse_unit, same_quantity, unit_string
from gnomon.definitions.yaml_source import Located, Problems
from gnomon.errors import DefinitionError, DefinitionTypeError
from gnomon.names import Name

__all__ = ["BaselineSpecification"]


class BaselineSpecification(Specification):
    """A test that a value has not moved too far from a baseline, the same metric of an earlier run.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    increase, decrease
        How far above and below the baseline a value may be; `None` for any distance. At least one is needed.
    unit
        The unit of both. Without one they are parts of the baseline's magnitude, such as 0.05.
    fallback
        A threshold and an operator for readers that know only thresholds; it plays no part here.
    **common
        ``metadata_query``, ``tags``, ``tier``, ``sigmas`` and ``min_count``, as for `Specification`.

    Raises
    ------
    DefinitionError
        If neither distance is given, or one is negative or no number.

    Examples
    --------
    >>> steady = BaselineSpecification("demo.scatter.steady", increase=0.1)
    >>> steady.check_values([10.9, 11.1], baselines=[10.0, 10.0]).tolist()
    [True, False]
    """

    type = "baseline"

    def __init__(
        self,
        name: str | Name,
        *,
        increase: float | None = None,
        decrease: float | None = None,
        unit: str | u.UnitBase | None = None,
        fallback: tuple[u.Quantity, str] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(name, **common)
        for distance in (increase, decrease):
            if distance is not None and (not is_number(distance)):
                raise DefinitionTypeError(
                    f"A distance from the baseline of {name} is a number, not {distance!r}."
                )
            if distance is not None and not distance >= 0:
                raise DefinitionError(
                    f"A distance from the baseline of {name} is 0 or more, not {distance!r}."
                )
        if increase is None and decrease is None:
            raise DefinitionError(
                f"{name} allows any distance from its baseline: say 'increase' or 'decrease'."
            )
        self.increase, self.decrease = increase, decrease
        self._unit = None if unit is None else parse_unit(unit)
        self.fallback = fallback

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        fields = Fields.of(document, cls.type, f"the baseline of {name}", problems)
        fields.check_keys("increase", "decrease", "unit")
        # A threshold is for other readers, and what is inherited need not be whole.
        threshold = document.get("threshold")
        whole = isinstance(threshold, Mapping) and {"value", "operator"} <= threshold.keys()
        return cls(
            name,
            increase=fields.optional("increase"),
            decrease=fields.optional("decrease"),
            unit=fields.unit() if fields.mapping.get("unit") is not None else None,
            fallback=read_threshold(name, document, problems) if whole else None,
            **common,
        )

    @property
    def unit(self) -> u.UnitBase | None:
        """The unit of the distances; `None` where they are parts of the baseline."""
        return self._unit

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass; none if there are no baselines."""
        if baselines is None:
            return Bounds(np.nan, np.nan)
        scale = np.abs(baselines) if self._unit is None else 1.0
        # From an infinite baseline no distance is a number, and what is too large is infinite.
        with np.errstate(invalid="ignore", over="ignore"):
            return Bounds(
                np.where(np.isnan(baselines), np.nan, -np.inf)
                if self.decrease is None
                else baselines - self.decrease * scale,
                np.where(np.isnan(baselines), np.nan, np.inf)
                if self.increase is None
                else baselines + self.increase * scale,
            )

    @property
    def _limits(self) -> str:
        parts = []
        for distance, direction in ((self.increase, "above"), (self.decrease, "below")):
            if distance is not None:
                size = (
                    f"{100 * distance:.10g} %"
                    if self._unit is None
                    else f"{distance:.10g} {unit_string(self._unit)}".rstrip()
                )
                parts.append(f"{size} {direction}")
        return f"at most {' and '.join(parts)} its baseline"

    def _serialize_type(self) -> dict[str, Any]:
        document: dict[str, Any] = {"increase": self.increase, "decrease": self.decrease}
        document["unit"] = None if self._unit is None else unit_string(self._unit)
        return {key: value for key, value in document.items() if value is not None}

    def _fallback(self) -> dict[str, Any]:
        if self.fallback is not None:
            return threshold_json(*self.fallback)
        # Nothing is known of the value itself, so every finite one passes.
        return threshold_json(u.Quantity(LARGEST, self._unit or u.dimensionless_unscaled, subok=True), "<=")

    def json_for(self, metric: Metric | None) -> dict[str, Any]:
        """Give the JSON, with a threshold in the metric's unit where there is no other."""
        document = self.json
        if metric is not None and self.fallback is None and self._unit is None:
            document["threshold"]["unit"] = metric.unit_str
        return document

    def _same(self, other: Any) -> bool:
        if (self._unit is None) != (other._unit is None):
            return False
        pairs = ((self.increase, other.increase), (self.decrease, other.decrease))
        return all(
            (a is None) == (b is None)
            and (
                a is None
                or same_quantity(
                    u.Quantity(a, self._unit, subok=True), u.Quantity(b, other._unit, subok=True)
                )
            )
            for a, b in pairs
        )
