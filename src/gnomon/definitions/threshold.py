"""A specification with one threshold: ``value operator threshold``."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.definitions.bounds import Bounds
from gnomon.definitions.building import read_specification
from gnomon.definitions.documents import Fields, broken
from gnomon.definitions.specification import Specification, amount
from gnomon.definitions.units import same_quantity, unit_string
from gnomon.definitions.yaml_source import Located, Problems
from gnomon.errors import DefinitionTypeError, nearest
from gnomon.names import Name

__all__ = [
    "LARGEST",
    "OPERATORS",
    "ThresholdSpecification",
    "read_threshold",
    "threshold_bounds",
    "threshold_json",
]

LARGEST = float(np.finfo(np.float64).max)

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""How a value, on the left, is held against a threshold, on the right."""


def threshold_bounds(operator_str: str, edge: float) -> Bounds:
    """Say which values an operator and a threshold let pass.

    Parameters
    ----------
    operator_str
        One of `OPERATORS`.
    edge
        The threshold.

    Returns
    -------
    Bounds
        In the threshold's unit.
    """
    match operator_str:
        case "<" | "<=":
            return Bounds(upper=edge, upper_open=operator_str == "<")
        case ">" | ">=":
            return Bounds(lower=edge, lower_open=operator_str == ">")
        case _:
            return Bounds(edge, edge, outside=operator_str == "!=")


def read_threshold(name: Name, document: Located, problems: Problems) -> tuple[u.Quantity, str]:
    """Read the threshold of a document.

    Parameters
    ----------
    name
        Name of the specification.
    document
        It has a ``threshold``.
    problems
        What to do about unknown and missing keys.

    Returns
    -------
    tuple of astropy.units.Quantity and str
        Threshold and operator.

    Raises
    ------
    DefinitionError
        If a part is missing or of the wrong type.
    """
    fields = Fields.of(document, "threshold", f"the threshold of {name}", problems)
    fields.check_keys("value", "unit", "operator")
    if "unit" not in fields.mapping:
        problems.add(f"The threshold of {name} has no 'unit'.", fields.mapping.place, "missing-key")
    value = u.Quantity(fields.number("value"), fields.unit(), subok=True)
    return value, fields.choice("operator", OPERATORS)


def threshold_json(threshold: u.Quantity, operator_str: str) -> dict[str, Any]:
    """Give a threshold as plain values.

    Parameters
    ----------
    threshold
        A scalar; an infinite one is written as the largest number, since JSON has no infinity.
    operator_str
        One of `OPERATORS`.

    Returns
    -------
    dict
        ``value``, ``unit`` and ``operator``.
    """
    value = threshold.value.item()
    if isinstance(value, float):
        value = None if np.isnan(value) else float(np.clip(value, -LARGEST, LARGEST))
    return {"value": value, "unit": unit_string(threshold.unit), "operator": operator_str}


class ThresholdSpecification(Specification):
    """A test that holds a value against a threshold: ``value operator threshold``.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    threshold
        A scalar quantity.
    operator_str
        One of ``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``.
    metadata_query
        Terms that the metadata must all answer.
    tags
        Labels to group specifications by.
    tier, sigmas, min_count
        As for `Specification`.

    Raises
    ------
    DefinitionTypeError
        If the threshold is no scalar quantity or the operator none of those (also a `TypeError`).

    Examples
    --------
    >>> design = ThresholdSpecification("demo.scatter.design", 10 * u.mmag, "<=")
    >>> design.check(0.009 * u.mag)
    True
    >>> design.check_values(np.array([9.0, 11.0, np.nan]), "mmag").tolist()
    [True, False, False]
    """

    type = "threshold"

    def __init__(
        self,
        name: str | Name,
        threshold: u.Quantity,
        operator_str: str,
        metadata_query: Mapping[str, Any] | None = None,
        tags: Iterable[str] | str | None = None,
        *,
        tier: str | None = None,
        sigmas: float = 0.0,
        min_count: int | None = None,
    ) -> None:
        super().__init__(
            name, metadata_query=metadata_query, tags=tags, tier=tier, sigmas=sigmas, min_count=min_count
        )
        self.threshold = threshold
        self.operator_str = operator_str

    @classmethod
    def deserialize(
        cls,
        name: str | Name | None = None,
        threshold: Mapping[str, Any] | None = None,
        metric: str | Name | None = None,
        package: str | Name | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make a specification of the fields of a JSON or YAML document.

        Parameters
        ----------
        name
            Its name; it may be bare if ``metric`` is given.
        threshold
            ``value``, ``unit`` and ``operator``.
        metric, package
            The metric, and its package if that does not say it.
        **kwargs
            ``metadata_query``, ``tags``, ``tier``, ``sigmas`` and ``min_count``; others are passed over.

        Returns
        -------
        ThresholdSpecification
            The specification.

        Raises
        ------
        DefinitionError
            If a field is wrong.
        """
        whole = Name(package=package, metric=metric, spec=name)
        built = read_specification({**kwargs, "name": str(whole), "type": cls.type, "threshold": threshold})
        assert isinstance(built, cls)  # by its type
        return built

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        if cls.type not in document:
            raise broken(f"The specification {name} has no threshold.", document.place, "no-threshold")
        return cls(name, *read_threshold(name, document, problems), **common)

    @property
    def threshold(self) -> u.Quantity:
        """The threshold, a scalar quantity."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: u.Quantity) -> None:
        if not isinstance(value, u.Quantity) or not value.isscalar:
            raise DefinitionTypeError(
                f"A threshold is a scalar quantity, such as 10 * u.mmag, not {value!r}."
            )
        self._threshold = value

    @property
    def operator_str(self) -> str:
        """The operator between value and threshold."""
        return self._operator_str

    @operator_str.setter
    def operator_str(self, value: str) -> None:
        self.convert_operator_str(value)
        self._operator_str = value

    @property
    def operator(self) -> Callable[[Any, Any], Any]:
        """The operator as a function of two arguments."""
        return OPERATORS[self._operator_str]

    @staticmethod
    def convert_operator_str(op_str: str) -> Callable[[Any, Any], Any]:
        """Give an operator as a function of two arguments, the value and the threshold.

        Parameters
        ----------
        op_str
            One of ``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``.

        Returns
        -------
        callable
            The function of the standard library's `operator`.

        Raises
        ------
        DefinitionTypeError
            If there is no such operator (also a `ValueError`).
        """
        if op_str not in OPERATORS:
            raise DefinitionTypeError(f"{op_str!r} is not an operator.{nearest(str(op_str), OPERATORS)}")
        return OPERATORS[op_str]

    @property
    def unit(self) -> u.UnitBase:
        """The threshold's unit."""
        return self._threshold.unit

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass, in the threshold's unit."""
        del baselines
        return threshold_bounds(self._operator_str, float(self._threshold.value))

    @property
    def _limits(self) -> str:
        return f"{self._operator_str} {amount(self._threshold)}"

    def _serialize_type(self) -> dict[str, Any]:
        return threshold_json(self._threshold, self._operator_str)

    def _same(self, other: Any) -> bool:
        return bool(
            self._operator_str == other._operator_str and same_quantity(self._threshold, other._threshold)
        )

    def __repr__(self) -> str:
        return f"ThresholdSpecification({self._name!r}, {self._threshold!r}, {self._operator_str!r})"
