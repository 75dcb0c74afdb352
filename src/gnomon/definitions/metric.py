"""A metric: a named scalar quantity with a unit and a meaning."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import astropy.units as u
from astropy.units.function.core import FunctionUnitBase

from gnomon.dataids import check_dimensions
from gnomon.definitions.recipe import Recipe, check_recipe
from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.definitions.tagged import Tagged
from gnomon.definitions.units import parse_unit, unit_string
from gnomon.errors import DefinitionError, DefinitionTypeError, nearest
from gnomon.names import Name

__all__ = ["EXTENSION", "Better", "Metric"]

type Better = Literal["lower", "higher"]
"""Which direction of a metric is the better one."""

EXTENSION = "gnomon"
"""The key below ``reference`` for what is ours: established readers refuse an unknown key anywhere else."""


class Metric(Tagged, JsonSerializationMixin):
    """A scalar quantity that can be measured.

    Parameters
    ----------
    name
        ``package.metric``, as a string or a `Name`.
    description
        What is measured, for people.
    unit
        An astropy unit or its string; empty for dimensionless.
    tags
        Labels to group metrics by; a single string is a single label.
    reference_doc, reference_url, reference_page
        Where the metric is defined: the handle of a document, an address, a page.
    dimensions
        Names of the dimensions of the data ID at which the metric is measured; `None` where it is not said.
    better
        Whether a ``lower`` or ``higher`` value is better; `None` where neither is.
    measure
        How it is measured from a catalog: a recipe, or plain values of one; `None` where it is not said.

    Attributes
    ----------
    description, reference_doc, reference_url, reference_page
        As given; they can be set.

    Raises
    ------
    DefinitionError
        If the unit, a dimension, ``better`` or the recipe is not one.
    NameFormatError
        If ``name`` is no name of a metric.

    Examples
    --------
    >>> metric = Metric("demo.zero_point", "Offset of the zero point.", "mmag", tags=["photometry"])
    >>> metric.check_unit(0.01 * u.mag)
    True
    """

    def __init__(
        self,
        name: str | Name,
        description: str = "",
        unit: str | u.UnitBase | None = "",
        tags: Iterable[str] | str | None = None,
        reference_doc: str | None = None,
        reference_url: str | None = None,
        reference_page: int | str | None = None,
        *,
        dimensions: Iterable[str] | None = None,
        better: Better | None = None,
        measure: Recipe | Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.unit = parse_unit(unit)
        self.tags = () if tags is None else tags
        self.reference_doc = reference_doc
        self.reference_url = reference_url
        self.reference_page = reference_page
        self.dimensions = dimensions
        self.better = better
        self.measure = measure

    @classmethod
    def deserialize(
        cls,
        name: str | Name | None = None,
        description: str | None = None,
        unit: str | None = None,
        tags: Iterable[str] | str | None = None,
        reference: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a metric of the fields of a JSON or YAML document.

        Parameters
        ----------
        name
            ``package.metric``.
        description
            What is measured; line ends after it are taken off.
        unit
            The string of a unit.
        tags
            Labels.
        reference
            ``doc``, ``page`` and ``url``, and under ``gnomon`` what is ours, ``dimensions``,
            ``better`` and ``measure``.

        Returns
        -------
        Metric
            The metric.

        Raises
        ------
        DefinitionError
            If a field is wrong.
        """
        if name is None:
            raise DefinitionTypeError("A metric without a name was given.")
        for what, value, kind in (("description", description, str), ("reference", reference, Mapping)):
            if value is not None and not isinstance(value, kind):
                raise DefinitionTypeError(f"The {what} of {name} cannot be {value!r:.60}.")
        reference = reference or {}
        ours = reference.get(EXTENSION) or {}
        if not isinstance(ours, Mapping):
            raise DefinitionTypeError(
                f"{EXTENSION!r} in the reference of {name} is a mapping, not {ours!r:.60}."
            )
        return cls(
            name,
            (description or "").rstrip("\n"),
            unit,
            tags,
            reference.get("doc"),
            reference.get("url"),
            reference.get("page"),
            dimensions=ours.get("dimensions"),
            better=ours.get("better"),
            measure=ours.get("measure"),
        )

    @property
    def name(self) -> Name:
        """The name; setting takes a string too."""
        return self._name

    @name.setter
    def name(self, value: str | Name) -> None:
        name = value if isinstance(value, Name) and value.is_metric else Name(metric=value)
        if not name.is_metric:
            raise DefinitionTypeError(f"{str(name)!r} does not name a metric.")
        self._name = name

    @property
    def unit(self) -> u.UnitBase:
        """The unit. Setting takes a unit and no string, for which there is ``unit_str``."""
        return self._unit

    @unit.setter
    def unit(self, value: u.UnitBase) -> None:
        if not isinstance(value, u.UnitBase | FunctionUnitBase):
            raise DefinitionTypeError(
                f"The unit of a metric is an astropy unit, not {value!r}; a string is set by unit_str."
            )
        self._unit = value

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless. It can be set."""
        return unit_string(self._unit)

    @unit_str.setter
    def unit_str(self, value: str) -> None:
        self._unit = parse_unit(value)

    @property
    def dimensions(self) -> tuple[str, ...] | None:
        """The dimensions at which the metric is measured, or `None`."""
        return self._dimensions

    @dimensions.setter
    def dimensions(self, value: Iterable[str] | None) -> None:
        if isinstance(value, str):
            value = (value,)
        dimensions = None if value is None else tuple(value)
        if dimensions is not None:
            check_dimensions(dimensions)
        self._dimensions = dimensions

    @property
    def better(self) -> Better | None:
        """Which direction is better, or `None`."""
        return self._better

    @better.setter
    def better(self, value: Better | None) -> None:
        if value not in (None, "lower", "higher"):
            hint = nearest(str(value), ("lower", "higher"))
            raise DefinitionError(f"What is better is 'lower' or 'higher', not {value!r}.{hint}")
        self._better = value

    @property
    def measure(self) -> Recipe | None:
        """How it is measured from a catalog, or `None`. Setting takes plain values of a recipe too."""
        return self._measure

    @measure.setter
    def measure(self, value: Recipe | Mapping[str, Any] | None) -> None:
        self._measure = check_recipe(value)

    @property
    def reference(self) -> str:
        """The reference for people: document, page and address, as far as there are any."""
        parts = []
        if self.reference_doc:
            page = f", p. {_text(self.reference_page)}" if self.reference_page else ""
            parts.append(f"{_text(self.reference_doc)}{page}")
        if self.reference_url:
            parts.append(_text(self.reference_url))
        return ", ".join(parts)

    @property
    def json(self) -> dict[str, Any]:
        """The metric as plain values, as `deserialize` takes them."""
        reference: dict[str, Any] = {
            "doc": self.reference_doc,
            "page": self.reference_page,
            "url": self.reference_url,
        }
        ours: dict[str, Any] = {}
        if self._dimensions is not None:
            ours["dimensions"] = list(self._dimensions)
        if self._better is not None:
            ours["better"] = self._better
        if self._measure is not None:
            ours["measure"] = self._measure.json
        if ours:
            reference[EXTENSION] = ours
        return {
            "name": str(self._name),
            "description": self.description,
            "unit": self.unit_str,
            "tags": self._tag_list(),
            "reference": reference,
        }

    def check_unit(self, quantity: u.Quantity) -> bool:
        """Say whether a quantity can be a value of this metric.

        Parameters
        ----------
        quantity
            Any quantity.

        Returns
        -------
        bool
            Whether its unit converts into the metric's.
        """
        return bool(quantity.unit.is_equivalent(self._unit))

    def _state(self) -> tuple[Any, ...]:
        return (
            self._name,
            self.description,
            self._unit,
            self._tags,
            self.reference_doc,
            self.reference_url,
            self.reference_page,
            self._dimensions,
            self._better,
            self._measure,
        )

    def __eq__(self, other: object) -> bool:
        return self._state() == other._state() if isinstance(other, Metric) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        unit = self.unit_str or "dimensionless_unscaled"
        return f"{self.name} ({unit}): {self.description}"

    def __repr__(self) -> str:
        return f"Metric({str(self.name)!r}, {self.description!r}, {self.unit_str!r})"


def _text(reference: object) -> str:
    """Write a part of a reference, which established packages have as lists too."""
    return ", ".join(map(str, reference)) if isinstance(reference, list) else str(reference)
