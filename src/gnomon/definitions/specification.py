"""A specification: a test that values of a metric pass or fail.

What is common to all kinds stands here. Each kind says which values pass as `Bounds`; the checking of many
values at once, of units and of uncertainties is the same for all.
"""

import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.definitions.bounds import Bounds
from gnomon.definitions.metadata_query import MetadataQuery
from gnomon.definitions.metric import Metric
from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.definitions.tagged import Tagged
from gnomon.definitions.units import IncompatibleUnitsError, convert, parse_unit, unit_string
from gnomon.definitions.yaml_source import Located, Problems
from gnomon.errors import DefinitionError, DefinitionTypeError, nearest
from gnomon.names import Name

__all__ = ["TIERS", "Specification", "amount", "is_number"]

TIERS = ("minimum", "design", "stretch")
"""How much is asked, from the least to the most."""


class Specification(Tagged, JsonSerializationMixin, ABC):
    """A test of one metric, for the jobs that its query selects.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    metadata_query
        Terms that the metadata must all answer (see `MetadataQuery`).
    tags
        Labels to group specifications by; a single string is a single label.
    tier
        How much is asked: ``minimum``, ``design`` or ``stretch``; `None` where it is not said.
    sigmas
        By how many of its standard uncertainties a value must pass, if positive; how many it may be off, if
        negative. With 0 uncertainties do not matter.
    min_count
        How many samples a value must come from to be judged at all.

    Attributes
    ----------
    metadata_query, sigmas, min_count
        As given; they can be set.

    Raises
    ------
    DefinitionError
        If an argument is wrong.
    NameFormatError
        If ``name`` is no name of a specification.
    """

    type: ClassVar[str]
    """The name of the kind, which is also the key of what is particular to it."""
    _kinds: ClassVar[dict[str, builtins.type["Specification"]]] = {}
    """Every kind by its ``type``."""

    def __init_subclass__(cls) -> None:
        if "_read" in cls.__dict__:
            Specification._kinds.setdefault(cls.type, cls)

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        """Make a specification of a resolved document.

        ``common`` has the arguments that all kinds take.
        """
        raise NotImplementedError(f"{cls.__name__} is not read from files")

    def __init__(
        self,
        name: str | Name,
        *,
        metadata_query: Mapping[str, Any] | None = None,
        tags: Iterable[str] | str | None = None,
        tier: str | None = None,
        sigmas: float = 0.0,
        min_count: int | None = None,
    ) -> None:
        self.name = name
        self.metadata_query = MetadataQuery(metadata_query)
        self.tags = () if tags is None else tags
        self.tier = tier
        if not is_number(sigmas) or not np.isfinite(sigmas):
            raise DefinitionTypeError(f"'sigmas' of {name} is a finite number, not {sigmas!r}.")
        if min_count is not None and (isinstance(min_count, bool) or not isinstance(min_count, int)):
            raise DefinitionTypeError(f"'min_count' of {name} is an integer, not {min_count!r}.")
        self.sigmas = float(sigmas)
        self.min_count = min_count

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
    def tier(self) -> str | None:
        """How much is asked, as it was given; see `gnomon.definitions.tiers` for what names and tags say."""
        return self._tier

    @tier.setter
    def tier(self, value: str | None) -> None:
        if value is not None and value not in TIERS:
            raise DefinitionError(f"{value!r} is no tier.{nearest(str(value), TIERS)}")
        self._tier = value

    def query_metadata(self, metadata: Mapping[str, Any], arg_driven: bool = False) -> bool:
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
            Whether all terms of the query are in the metadata and hold (or the other way round).
        """
        return self.metadata_query(metadata, arg_driven=arg_driven)

    @property
    def unit(self) -> u.UnitBase | None:
        """The unit in which it is written; `None` where values are judged in their own."""
        return None

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass.

        Parameters
        ----------
        baselines
            What the values are held against, one for each, where the kind needs it.

        Returns
        -------
        Bounds
            In ``unit``. A kind that has none overrides `check` instead.
        """
        del baselines
        return Bounds()

    @property
    def judged_by_bounds(self) -> bool:
        """Whether `bounds` says all, so that many values can be judged at once; else `check` is asked."""
        return type(self).check is Specification.check

    @property
    def _limits(self) -> str:
        """What is asked of a value, but for its uncertainty, in words that can follow it."""
        return f"{self.type} {self._serialize_type()}"

    @property
    def requirement(self) -> str:
        """What is asked of a value, in a few words that can follow it, such as ``<= 10 mmag``."""
        if not self.sigmas:
            return self._limits
        return f"{self._limits} {'by' if self.sigmas > 0 else 'within'} {abs(self.sigmas):g} sigma"

    @abstractmethod
    def _serialize_type(self) -> dict[str, Any]:
        """Give what is particular to the kind as plain values."""

    def _fallback(self) -> dict[str, Any] | None:
        """Give the threshold by which readers that know only thresholds come nearest."""
        return None

    @property
    def json(self) -> dict[str, Any]:
        """The specification as plain values, as `gnomon.definitions.building.read_specification` takes them.

        Every kind has a ``threshold``, so that readers which know no other can read it.
        """
        document: dict[str, Any] = {
            "name": str(self._name),
            "type": self.type,
            self.type: self._serialize_type(),
            "metadata_query": self.metadata_query.json,
            "tags": self._tag_list(),
        }
        if (fallback := self._fallback()) is not None:
            document["threshold"] = fallback
        optional = {"tier": self._tier, "sigmas": self.sigmas or None, "min_count": self.min_count}
        document.update({key: value for key, value in optional.items() if value is not None})
        return document

    def json_for(self, metric: Metric | None) -> dict[str, Any]:
        """Give the JSON of the specification for readers who know its metric too.

        Parameters
        ----------
        metric
            The metric, if it is known.

        Returns
        -------
        dict
            As ``json``; a threshold that is only there for readers which know no other kind is in a unit
            that the metric's values convert into.
        """
        del metric
        return self.json

    def check(self, measurement: Any) -> bool:
        """Say whether a quantity passes.

        Parameters
        ----------
        measurement
            A scalar quantity, in any unit that converts into the specification's, or something that has one
            as its ``quantity`` and may have an ``uncertainty``.

        Returns
        -------
        bool
            Whether it passes; NaN, and nothing at all, never do.

        Raises
        ------
        IncompatibleUnitsError
            If the units do not convert (also an astropy `~astropy.units.UnitConversionError`).
        DefinitionTypeError
            If there is more than one value; for many there is `check_values`.
        """
        quantity = getattr(measurement, "quantity", measurement)
        if quantity is None:
            return False
        if not isinstance(quantity, u.Quantity):
            quantity = u.Quantity(quantity)
        if quantity.shape:
            raise DefinitionTypeError(
                f"{self.name} checks one value, not {quantity.size}; for many there is check_values."
            )
        uncertainty = getattr(measurement, "uncertainty", None)
        if uncertainty is not None:
            uncertainty = uncertainty.to_value(quantity.unit)
        return bool(self.check_values(np.asarray(quantity.value), quantity.unit, uncertainties=uncertainty))

    def check_values(
        self,
        values: npt.ArrayLike,
        unit: str | u.UnitBase | None = None,
        *,
        uncertainties: npt.ArrayLike | None = None,
        baselines: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Say which of many values pass.

        Parameters
        ----------
        values
            Numbers, any shape.
        unit
            Their unit; by default that in which the specification is written.
        uncertainties
            Their standard uncertainties, in the same unit; needed where ``sigmas`` is not 0.
        baselines
            What they are held against, in the same unit; needed by specifications relative to a baseline.

        Returns
        -------
        numpy.ndarray of bool
            The same shape; `False` where the value or its baseline is NaN, and where ``sigmas`` is positive
            and the uncertainty is missing or NaN.

        Raises
        ------
        IncompatibleUnitsError
            If the units do not convert.
        """
        if not self.judged_by_bounds:
            return self._check_each(np.asarray(values, dtype=np.float64), unit)
        held = None if baselines is None else self._converted(baselines, unit)
        low, high = self._intervals(values, unit, uncertainties)
        return self.bounds(held).hold(low, high, whole=self.sigmas >= 0)

    def _check_each(
        self, values: npt.NDArray[np.float64], unit: str | u.UnitBase | None
    ) -> npt.NDArray[np.bool_]:
        given = parse_unit(unit)
        try:
            passed = [
                not np.isnan(value) and bool(self.check(u.Quantity(value, given, subok=True)))
                for value in values.ravel()
            ]
        except u.UnitConversionError as error:
            raise IncompatibleUnitsError(f"{self.name}: {error}") from error
        return np.array(passed, dtype=np.bool_).reshape(values.shape)

    def _intervals(
        self, values: npt.ArrayLike, unit: str | u.UnitBase | None, uncertainties: npt.ArrayLike | None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Give the ends of what is held against the bounds in place of each value, in ``unit``."""
        array = np.asarray(values, dtype=np.float64)
        if not self.sigmas:
            exact = self._converted(array, unit)
            return exact, exact
        missing = np.nan if self.sigmas > 0 else 0.0
        given = missing if uncertainties is None else np.asarray(uncertainties, dtype=np.float64)
        # Between infinities there is nothing to say, and what is too large is infinite.
        with np.errstate(invalid="ignore", over="ignore"):
            spread = abs(self.sigmas) * np.where(np.isnan(given), missing, given)
            ends = self._converted(array - spread, unit), self._converted(array + spread, unit)
        # Some units, magnitudes among them, turn the order round.
        return np.minimum(*ends), np.maximum(*ends)

    def close_calls(
        self,
        values: npt.ArrayLike,
        unit: str | u.UnitBase | None = None,
        *,
        baselines: npt.ArrayLike | None = None,
        tolerance: float = 1e-5,
    ) -> npt.NDArray[np.bool_]:
        """Say which of many values lie so close to a limit that a few digits might show them as the limit.

        Parameters
        ----------
        values, unit, baselines
            As for `check_values`.
        tolerance
            How close, as a part of the limit.

        Returns
        -------
        numpy.ndarray of bool
            The same shape.

        Raises
        ------
        IncompatibleUnitsError
            If the units do not convert.
        """
        held = None if baselines is None else self._converted(baselines, unit)
        return self.bounds(held).near(self._converted(values, unit), tolerance)

    def _converted(self, values: npt.ArrayLike, unit: str | u.UnitBase | None) -> npt.NDArray[np.float64]:
        target = self.unit
        if unit is None or target is None:
            return np.asarray(values, dtype=np.float64)
        given = parse_unit(unit)
        try:
            return convert(values, given, target)
        except IncompatibleUnitsError as error:
            raise IncompatibleUnitsError(
                f"{self.name} is written in {unit_string(target) or 'no unit'}; a value in "
                f"{unit_string(given) or 'no unit'} cannot be held against it."
            ) from error

    def _same(self, other: Any) -> bool:
        """Say whether what is particular to the kind agrees with another of the same kind."""
        return bool(self._serialize_type() == other._serialize_type())

    def __eq__(self, other: object) -> bool:
        """Compare all but the order of tags; quantities are equal in whatever unit they are written."""
        if not isinstance(other, Specification):
            return NotImplemented
        return (
            self.type == other.type
            and self._name == other._name
            and self.metadata_query == other.metadata_query
            and self._tags == other._tags
            and (self._tier, self.sigmas, self.min_count) == (other._tier, other.sigmas, other.min_count)
            and self._same(other)
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        return f"{self.name}: {self.requirement}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def _repr_latex_(self) -> str:
        """Give the requirement for notebooks."""
        return f"$x$ {self.requirement}"


def is_number(value: object) -> bool:
    """Say whether a value is a number, which a boolean is not.

    Parameters
    ----------
    value
        Any value.

    Returns
    -------
    bool
        Whether it is an integer or a float.
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def amount(quantity: u.Quantity) -> str:
    """Write a quantity in as many digits as matter.

    Parameters
    ----------
    quantity
        A scalar.

    Returns
    -------
    str
        Such as ``10 mmag``; a dimensionless one is the number alone.
    """
    return f"{float(quantity.value):.10g} {unit_string(quantity.unit)}".rstrip()
