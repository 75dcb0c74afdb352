"""How a metric is measured from a catalog, without a line of Python: compute, select, aggregate.

A recipe stands in the metric's own YAML, below what is ours in its reference::

    reference:
      gnomon:
        measure:
          compute: {snr: flux / flux_err, error: 1.0857 * flux_err / flux}
          select: snr > 10 AND NOT saturated
          of: error
          unit: mag
          aggregate: median
          group_by: [band]
          keep_sources: true

Expressions are those of `gnomon.expressions`. A recipe is only read and checked here; what it gives for a
catalog is the business of `gnomon.algorithms.recipes`. Reading one imports and runs nothing that it names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u

from gnomon.definitions.documents import Fields, expect, located, strings
from gnomon.definitions.units import unit_string
from gnomon.definitions.yaml_source import Located, Place, Problems
from gnomon.errors import DefinitionError, ExpressionError, nearest
from gnomon.expressions import Expression, parse
from gnomon.expressions.tree import Name

__all__ = ["AGGREGATIONS", "Recipe", "check_recipe"]

AGGREGATIONS = frozenset(
    {
        "count",
        "fraction",
        "max",
        "mean",
        "median",
        "min",
        "percentile",
        "sigma_mad",
        "slope",
        "std",
        "sum",
    }
)
"""The aggregations that have a name; ``package.module:function`` is one of a user's own."""

_KEYS = (
    "compute",
    "select",
    "of",
    "unit",
    "aggregate",
    "percentile",
    "against",
    "group_by",
    "keep_sources",
)
_PARAMETERS = {"percentile": "percentile", "against": "slope"}
_WITHOUT_UNIT = ("count", "fraction")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Recipe:
    """What to compute from a catalog, which rows to select, and how to aggregate them to a number.

    Attributes
    ----------
    aggregate
        One of `AGGREGATIONS`, or ``package.module:function``.
    of
        What is aggregated: a column, a computed one, or an expression; for ``fraction`` a condition. `None`
        for a ``count`` of the selected rows.
    compute
        New columns by name, computed in this order from the catalog's and from earlier ones. One that has
        the name of a column hides it.
    select
        The condition for a row to count; `None` where all do.
    unit
        The unit of ``of``; `None` where the catalog says it.
    percentile
        Which percentile, from 0 to 100; `None` for another aggregation.
    against
        What a ``slope`` is against: an expression; `None` for another aggregation.
    group_by
        Columns or dimensions; each combination of their values is measured on its own too.
    keep_sources
        The columns that are kept of single rows beside the aggregated value; `None` where nothing is kept,
        empty where the aggregated value is all.
    """

    aggregate: str
    of: Expression | None = None
    compute: tuple[tuple[str, Expression], ...] = ()
    select: Expression | None = None
    unit: u.UnitBase | None = None
    percentile: float | None = None
    against: Expression | None = None
    group_by: tuple[str, ...] = ()
    keep_sources: tuple[str, ...] | None = None

    @classmethod
    def deserialize(cls, document: Mapping[str, Any]) -> Self:
        """Make a recipe of plain values.

        Parameters
        ----------
        document
            What stands under ``measure``, or what `json` gave.

        Returns
        -------
        Recipe
            The recipe.

        Raises
        ------
        DefinitionError
            If something in it is wrong.
        """
        content = expect(located(document), Located, "'measure'", Place(None, 0))
        return cls.read(content, "'measure'", Problems())

    @classmethod
    def read(cls, document: Located, what: str, problems: Problems) -> Self:
        """Read a recipe.

        Parameters
        ----------
        document
            What stands under ``measure``.
        what
            What it is, to end a sentence with.
        problems
            What to do about unknown keys.

        Returns
        -------
        Recipe
            The recipe.

        Raises
        ------
        DefinitionError
            If something in it is wrong; it says the file and the line.
        """
        fields = Fields(document, what, problems)
        fields.check_keys(*_KEYS)
        aggregate = _aggregate(fields)
        of = _expression(fields, "of")
        if of is None and aggregate != "count":
            raise fields.missing("of")
        for key, needing in _PARAMETERS.items():
            given = document.get(key) is not None
            if given and aggregate != needing:
                raise fields.error(f"{key!r} means something for {needing!r}, not for {aggregate!r}.", key)
            if not given and aggregate == needing:
                raise fields.missing(key)
        unit = None if document.get("unit") is None else fields.unit()
        if unit is not None and aggregate in _WITHOUT_UNIT:
            raise fields.error(f"a {aggregate} has no unit.", "unit")
        percentile = fields.optional("percentile")
        if percentile is not None and not 0 <= percentile <= 100:
            raise fields.error(f"a percentile is from 0 to 100, not {percentile:g}.", "percentile")
        return cls(
            aggregate=aggregate,
            of=of,
            compute=_computed(fields),
            select=_expression(fields, "select"),
            unit=unit,
            percentile=percentile,
            against=_expression(fields, "against"),
            group_by=_columns(fields, "group_by"),
            keep_sources=_kept(fields),
        )

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the catalog, or dimensions of its data ID, that it needs."""
        needed: set[str] = set()
        computed: set[str] = set()
        for name, expression in self.compute:
            needed |= expression.names - computed
            computed.add(name)
        for part in (self.select, self.of, self.against):
            needed |= (part.names if part is not None else frozenset()) - computed
        needed |= {*self.group_by, *(self.keep_sources or ())} - computed
        return frozenset(needed)

    @property
    def json(self) -> dict[str, Any]:
        """The recipe as plain values, as `deserialize` takes them; what is not said is left out."""
        document: dict[str, Any] = {}
        if self.compute:
            document["compute"] = {name: str(expression) for name, expression in self.compute}
        for key, expression in (("select", self.select), ("of", self.of)):
            if expression is not None:
                document[key] = str(expression)
        if self.unit is not None:
            document["unit"] = unit_string(self.unit)
        document["aggregate"] = self.aggregate
        if self.percentile is not None:
            document["percentile"] = self.percentile
        if self.against is not None:
            document["against"] = str(self.against)
        if self.group_by:
            document["group_by"] = list(self.group_by)
        if self.keep_sources is not None:
            document["keep_sources"] = list(self.keep_sources) or True
        return document


def _aggregate(fields: Fields) -> str:
    if fields.mapping.get("aggregate") is None:
        raise fields.missing("aggregate")
    name = fields.mapping["aggregate"]
    if isinstance(name, str) and (name in AGGREGATIONS or _FUNCTION.fullmatch(name)):
        return name
    if isinstance(name, str) and ":" in name:
        raise fields.error(f"{name!r:.60} is not package.module:function.", "aggregate")
    hint = nearest(str(name), AGGREGATIONS)
    raise fields.error(f"{name!r:.60} is not an aggregation, nor package.module:function.{hint}", "aggregate")


def _expression(fields: Fields, key: str) -> Expression | None:
    text = fields.mapping.get(key)
    return None if text is None else _parsed(fields, key, text, f"{key!r}")


def _parsed(fields: Fields, key: str, text: Any, what: str) -> Expression:
    expect(text, str, f"In {fields.what}: {what}", fields.mapping.where(key))
    try:
        expression = parse(text)
    except ExpressionError as error:
        raise fields.error(f"{what} is no expression. {error.message}", key) from error
    if expression.binds:
        raise fields.error(f"nobody gives a value for :{min(expression.binds)} in {what}.", key)
    return expression


def _computed(fields: Fields) -> tuple[tuple[str, Expression], ...]:
    if fields.mapping.get("compute") is None:
        return ()
    inner = Fields.of(fields.mapping, "compute", f"'compute' of {fields.what}", fields.problems)
    return tuple(
        (_column(inner, name, name), _parsed(inner, name, text, repr(name)))
        for name, text in inner.mapping.items()
    )


def _column(fields: Fields, key: str, name: Any) -> str:
    try:
        return Name(str(name)).name
    except ExpressionError as error:
        raise fields.error(f"{name!r:.60} cannot be the name of a column.", key) from error


def _columns(fields: Fields, key: str) -> tuple[str, ...]:
    names = tuple(_column(fields, key, name) for name in strings(fields.mapping, key, fields.problems))
    if len(set(names)) < len(names):
        raise fields.error(f"{key!r} names a column twice.", key)
    return names


def _kept(fields: Fields) -> tuple[str, ...] | None:
    value = fields.mapping.get("keep_sources")
    if value is None or value is False:
        return None
    if value is True:
        return ()
    if not isinstance(value, list | str):
        raise fields.error(
            f"'keep_sources' is true, false or a list of columns, not {value!r:.60}.", "keep_sources"
        )
    return _columns(fields, "keep_sources")


def check_recipe(recipe: Any) -> Recipe | None:
    """Take a recipe, or plain values of one.

    Parameters
    ----------
    recipe
        A recipe, what stands under ``measure``, or `None`.

    Returns
    -------
    Recipe or None
        The recipe.

    Raises
    ------
    DefinitionError
        If it is something else, or something in it is wrong.
    """
    if recipe is None or isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        return Recipe.deserialize(recipe)
    raise DefinitionError(f"How a metric is measured is a Recipe or a mapping, not {recipe!r:.60}.")
