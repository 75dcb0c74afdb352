"""A metric: a named scalar quantity with a unit and a meaning."""

from collections.abc import Iterable
from typing import Any, Literal

import astropy.units as u

from gnomon.dataids import check_dimensions
from gnomon.definitions.units import parse_unit, unit_string
from gnomon.errors import DefinitionError, nearest
from gnomon.names import Name

__all__ = ["Better", "Metric"]

type Better = Literal["lower", "higher"]
"""Which direction of a metric is the better one."""


class Metric:
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

    Attributes
    ----------
    description, reference_doc, reference_url, reference_page
        As given; they can be set.

    Raises
    ------
    DefinitionError
        If the unit, a dimension or ``better`` is not one.
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
    ) -> None:
        self.name = name
        self.description = description
        self.unit = unit
        self.tags = () if tags is None else tags
        self.reference_doc = reference_doc
        self.reference_url = reference_url
        self.reference_page = reference_page
        self.dimensions = dimensions
        self.better = better

    @property
    def name(self) -> Name:
        """The name; setting takes a string too."""
        return self._name

    @name.setter
    def name(self, value: str | Name) -> None:
        name = value if isinstance(value, Name) and value.is_metric else Name(metric=value)
        self._name = name

    @property
    def unit(self) -> u.UnitBase:
        """The unit; setting takes a string too."""
        return self._unit

    @unit.setter
    def unit(self, value: str | u.UnitBase | None) -> None:
        self._unit = parse_unit(value)

    @property
    def unit_str(self) -> str:
        """The unit as a string; empty for dimensionless."""
        return unit_string(self._unit)

    @property
    def tags(self) -> set[str]:
        """The labels, a set that can be changed; setting takes any iterable or one string."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str] | str) -> None:
        tags = {value} if isinstance(value, str) else set(value)
        for tag in tags:
            if not isinstance(tag, str):
                raise DefinitionError(f"A tag is a string, not {type(tag).__name__}: {tag!r}.")
        self._tags = tags

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
    def reference(self) -> dict[str, Any]:
        """The reference as a mapping with ``doc``, ``page`` and ``url``."""
        return {"doc": self.reference_doc, "page": self.reference_page, "url": self.reference_url}

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
        )

    def __eq__(self, other: object) -> bool:
        return self._state() == other._state() if isinstance(other, Metric) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        unit = self.unit_str or "dimensionless"
        return f"{self.name} ({unit}): {self.description}"

    def __repr__(self) -> str:
        return f"Metric({str(self.name)!r}, {self.description!r}, {self.unit_str!r})"
