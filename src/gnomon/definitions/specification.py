"""A specification: a test that a metric passes or fails."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.definitions.units import parse_unit, unit_string
from gnomon.errors import DefinitionError, UnitMismatchError, nearest
from gnomon.names import Name

__all__ = ["OPERATORS", "Specification", "ThresholdSpecification"]

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""How a value, on the left, is held against a threshold, on the right."""


class Specification(ABC):
    """A test of one metric, for the jobs that its query selects.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    metadata_query
        Terms that the metadata must all have, with equal values.
    tags
        Labels to group specifications by; a single string is a single label.

    Raises
    ------
    DefinitionError
        If the query or a tag is of the wrong type.
    NameFormatError
        If ``name`` is no name of a specification.
    """

    type: ClassVar[str]

    def __init__(
        self,
        name: str | Name,
        *,
        metadata_query: Mapping[str, Any] | None = None,
        tags: Iterable[str] | str | None = None,
    ) -> None:
        self.name = name
        if metadata_query is not None and not isinstance(metadata_query, Mapping):
            raise DefinitionError(f"A metadata query is a mapping, not {metadata_query!r}.")
        self.metadata_query: dict[str, Any] = dict(metadata_query or {})
        self.tags = () if tags is None else tags

    @property
    def name(self) -> Name:
        """The name; setting takes a string too."""
        return self._name

    @name.setter
    def name(self, value: str | Name) -> None:
        self._name = value if isinstance(value, Name) and value.is_spec else Name(spec=value)

    @property
    def metric_name(self) -> Name:
        """The name of the metric that is tested."""
        return Name(package=self._name.package, metric=self._name.metric)

    @property
    def tags(self) -> set[str]:
        """The labels, a set that can be changed; setting takes any iterable or one string."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str] | str) -> None:
        tags = {value} if isinstance(value, str) else set(value)
        for tag in tags:
            if not isinstance(tag, str):
                raise DefinitionError(f"A tag is a string, not {tag!r}.")
        self._tags = tags

    def query_metadata(self, metadata: Mapping[str, Any], *, arg_driven: bool = False) -> bool:
        """Say whether the specification applies to what some metadata describe.

        Parameters
        ----------
        metadata
            Keys and values.
        arg_driven
            Whether ``metadata`` is the question and the specification's query what must answer it.

        Returns
        -------
        bool
            Whether all terms of the query are in the metadata with equal values (or the other way round).
        """
        query, facts = (metadata, self.metadata_query) if arg_driven else (self.metadata_query, metadata)
        return all(term in facts and bool(facts[term] == value) for term, value in query.items())

    @property
    @abstractmethod
    def requirement(self) -> str:
        """What is asked of a value, in a few words that can follow it, such as ``<= 10 mmag``."""

    @abstractmethod
    def check_values(
        self, values: npt.ArrayLike, unit: str | u.UnitBase | None = None
    ) -> npt.NDArray[np.bool_]:
        """Say which of many values pass.

        Parameters
        ----------
        values
            Numbers, any shape.
        unit
            Their unit; by default that in which the specification is written.

        Returns
        -------
        numpy.ndarray of bool
            The same shape; `False` where the value is NaN.

        Raises
        ------
        UnitMismatchError
            If the units do not convert.
        """

    @abstractmethod
    def check(self, measurement: Any) -> bool:
        """Say whether a value passes.

        Parameters
        ----------
        measurement
            A scalar quantity.

        Returns
        -------
        bool
            Whether it passes; NaN never does.
        """


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
        Terms that the metadata must all have, with equal values.
    tags
        Labels to group specifications by.

    Raises
    ------
    DefinitionError
        If the threshold is no scalar quantity or the operator none of those.

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
    ) -> None:
        super().__init__(name, metadata_query=metadata_query, tags=tags)
        self.threshold = threshold
        self.operator_str = operator_str

    @property
    def threshold(self) -> u.Quantity:
        """The threshold, a scalar quantity."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: u.Quantity) -> None:
        if not isinstance(value, u.Quantity) or not value.isscalar:
            raise DefinitionError(f"A threshold is a scalar quantity, such as 10 * u.mmag, not {value!r}.")
        self._threshold = value

    @property
    def operator_str(self) -> str:
        """The operator between value and threshold."""
        return self._operator_str

    @operator_str.setter
    def operator_str(self, value: str) -> None:
        if value not in OPERATORS:
            raise DefinitionError(f"{value!r} is not an operator.{nearest(str(value), OPERATORS)}")
        self._operator_str = value

    @property
    def operator(self) -> Callable[[Any, Any], Any]:
        """The operator as a function of two arguments."""
        return OPERATORS[self._operator_str]

    @property
    def requirement(self) -> str:
        """Operator and threshold, such as ``<= 10 mmag``."""
        number = f"{float(self._threshold.value):.10g}"
        return f"{self._operator_str} {number} {unit_string(self._threshold.unit)}".rstrip()

    def check(self, measurement: Any) -> bool:
        """Say whether a quantity passes.

        Parameters
        ----------
        measurement
            A scalar quantity, in any unit that converts into the threshold's, or something that has one
            as its ``quantity``.

        Returns
        -------
        bool
            ``measurement operator threshold``; `False` for NaN.

        Raises
        ------
        UnitMismatchError
            If the units do not convert.
        """
        quantity = getattr(measurement, "quantity", measurement)
        if not isinstance(quantity, u.Quantity):
            quantity = u.Quantity(quantity)
        return bool(self.check_values(np.asarray(quantity.value), quantity.unit))

    def check_values(
        self, values: npt.ArrayLike, unit: str | u.UnitBase | None = None
    ) -> npt.NDArray[np.bool_]:
        """Say which of many values pass.

        Parameters
        ----------
        values
            Numbers, any shape.
        unit
            Their unit; by default the threshold's.

        Returns
        -------
        numpy.ndarray of bool
            The same shape; `False` where the value is NaN.

        Raises
        ------
        UnitMismatchError
            If the units do not convert.
        """
        array = np.asarray(values, dtype=np.float64)
        target = self._threshold.unit
        given = target if unit is None else parse_unit(unit)
        if given != target:
            try:
                with np.errstate(over="ignore"):  # too large for the unit is infinite
                    array = np.asarray(u.Quantity(array, given).to_value(target))
            except u.UnitConversionError as error:
                raise UnitMismatchError(
                    f"{self.name} has its threshold in {_words(target)}; a value in {_words(given)} cannot "
                    "be held against it."
                ) from error
        passed = OPERATORS[self._operator_str](array, float(self._threshold.value))
        return np.asarray(passed & ~np.isnan(array))

    def _state(self) -> tuple[Any, ...]:
        threshold = self._threshold
        number = float(threshold.value)
        return (
            self._name,
            "nan" if np.isnan(number) else number,
            threshold.unit,
            self._operator_str,
            self.metadata_query,
            self._tags,
        )

    def __eq__(self, other: object) -> bool:
        return (
            self._state() == other._state() if isinstance(other, ThresholdSpecification) else NotImplemented
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        return f"{self.name}: {self.requirement}"

    def __repr__(self) -> str:
        return f"ThresholdSpecification({str(self.name)!r}, {self._threshold!r}, {self._operator_str!r})"


def _words(unit: u.UnitBase) -> str:
    return unit_string(unit) or "no unit"
