"""Measuring a catalog by a recipe: a metric and a table in, measurements out.

The recipe is the metric's own (see `gnomon.definitions.recipe`). Of what is unknown the language of
expressions says that it selects nothing; so here:

* a row counts if ``select`` is true of it;
* of the rows that count, those whose value is null, NaN or infinite are left out of the aggregate;
* a ``fraction`` is of all rows that count: where the condition is unknown, it does not hold;
* a row whose group is null belongs to none of them.

**Units.** The unit of what is aggregated is the recipe's ``unit`` if it states one, whatever the catalog
says; else that of the columns, as far as it follows from them; else the metric's. The result is converted
into the metric's unit.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
import polars as pl
from astropy.units.function.core import FunctionUnitBase

from gnomon.algorithms.aggregation import Estimate, estimate, estimate_fraction
from gnomon.algorithms.catalogs import Catalog
from gnomon.algorithms.expression_units import unit_of
from gnomon.definitions import Metric, Recipe, unit_string
from gnomon.definitions.units import IncompatibleUnitsError, convert
from gnomon.errors import ExpressionError, MetricComputationError, UnitMismatchError, nearest
from gnomon.expressions import Expression
from gnomon.measurements import Blob, Datum, Measurement

__all__ = ["MAX_GROUPS", "MAX_SOURCES", "Grouped", "measure_catalog", "measure_groups"]

MAX_GROUPS = 1000
"""A measurement has no more groups than this."""

MAX_SOURCES = 1000
"""A measurement keeps the values of no more single rows than this."""

_VALUE, _AGAINST, _SELECTED, _ROW = "__value", "__against", "__selected", "__row"
_DIMENSIONLESS = u.dimensionless_unscaled
_SPREADS = frozenset({"std", "sigma_mad"})


@dataclass(frozen=True)
class Grouped:
    """The measurement of some of a catalog's rows.

    Attributes
    ----------
    group
        What these rows have in common; empty where they are all.
    measurement
        The measurement; `None` where there is nothing to measure.
    """

    group: Mapping[str, Any]
    measurement: Measurement | None


def measure_catalog(metric: Metric, table: Any) -> Measurement | None:
    """Measure a metric from a catalog.

    Parameters
    ----------
    metric
        The metric, with its recipe.
    table
        A `Catalog`, or anything that `Catalog.of` takes.

    Returns
    -------
    Measurement or None
        With uncertainty and count as `gnomon.algorithms.aggregation` gives them, the numbers of ``rows`` and
        of ``selected`` ones among the extras, and the recipe among the notes. Of each group of ``group_by``
        there are the extras ``[column=value]``, ``[column=value] uncertainty`` and ``[column=value] count``.
        With ``keep_sources`` there is a blob ``package.metric.sources``: arrays ``row`` and ``value`` and the
        columns asked for, of the `MAX_SOURCES` rows whose values are farthest from the aggregate. `None`
        where nothing is left to aggregate.

    Raises
    ------
    MetricComputationError
        If a column is missing or of the wrong type, or units do not fit.
    """
    [grouped] = measure_groups(metric, table, split=())
    return grouped.measurement


def measure_groups(metric: Metric, table: Any, *, split: Sequence[str]) -> list[Grouped]:
    """Measure a metric from a catalog, each group on its own.

    Parameters
    ----------
    metric
        The metric, with its recipe.
    table
        A `Catalog`, or anything that `Catalog.of` takes.
    split
        Which of the columns in ``group_by`` make measurements of their own; the others make extras of those.

    Returns
    -------
    list of Grouped
        One for each group of which the catalog has a row, sorted; one for the whole if nothing is split.

    Raises
    ------
    MetricComputationError
        If a column is missing or of the wrong type, or units do not fit.
    """
    if metric.measure is None:
        raise MetricComputationError(f"{metric.name} does not say how it is measured from a catalog.")
    return _Evaluation(metric, metric.measure, Catalog.of(table)).groups(split)


class _Evaluation:
    """One recipe, applied to one catalog."""

    def __init__(self, metric: Metric, recipe: Recipe, catalog: Catalog) -> None:
        self.metric, self.recipe = metric, recipe
        for name in sorted(recipe.columns):
            if name not in catalog.frame.columns:
                raise self.error(self.absent(name, catalog))
        self.units = dict(catalog.units)
        frame = catalog.frame
        for name, expression in recipe.compute:
            unit = self.unit(name, expression)
            frame = frame.with_columns(self.translated(name, expression, frame).alias(name))
            self.units.pop(name, None)
            if unit is not None:
                self.units[name] = unit
        selected = pl.lit(value=True)
        if recipe.select is not None:
            self.unit("select", recipe.select)
            selected = self.translated("select", recipe.select, frame, condition=True).fill_null(value=False)
        columns = {_SELECTED: selected}
        fraction = recipe.aggregate == "fraction"
        if recipe.of is not None:
            columns[_VALUE] = self.translated("of", recipe.of, frame, condition=fraction)
        if recipe.against is not None:
            columns[_AGAINST] = self.translated("against", recipe.against, frame)
        self.frame = frame.with_row_index(_ROW).with_columns(**columns)
        if recipe.of is not None:
            self.check_value()
        self.value_unit, self.result_unit = self.find_units()

    def error(self, message: str) -> MetricComputationError:
        return MetricComputationError(f"{self.metric.name}: {message}")

    def absent(self, name: str, catalog: Catalog) -> str:
        if name in catalog.names:
            return f"the column {name!r} of the catalog has no single number, text or time a row."
        return f"the catalog has no column {name!r}.{nearest(name, catalog.names)}"

    def translated(
        self, what: str, expression: Expression, frame: pl.DataFrame, *, condition: bool = False
    ) -> pl.Expr:
        try:
            return expression.to_polars(frame, condition=condition)
        except ExpressionError as error:
            raise self.error(f"in {what!r}: {error.message}") from error

    def unit(self, what: str, expression: Expression) -> u.UnitBase | None:
        try:
            return unit_of(expression, self.units)
        except UnitMismatchError as error:
            raise self.error(f"in {what!r}: {error.message}") from error

    def check_value(self) -> None:
        kind = self.frame.schema[_VALUE]
        recipe = self.recipe
        if recipe.aggregate == "count":
            if not kind.is_float():
                # Whatever is there counts; of numbers, only what is one.
                present = pl.when(pl.col(_VALUE).is_not_null()).then(1.0)
                self.frame = self.frame.with_columns(present.alias(_VALUE))
        elif recipe.aggregate == "fraction":
            self.frame = self.frame.with_columns(pl.col(_VALUE).cast(pl.Float64).fill_null(0.0))
        elif kind == pl.Boolean:
            raise self.error(f"'of' is a condition, {recipe.of}; the aggregation of those is 'fraction'.")
        for column, what in ((_VALUE, recipe.of), (_AGAINST, recipe.against)):
            if column not in self.frame.columns:
                continue
            kind = self.frame.schema[column]
            if not kind.is_numeric() and kind != pl.Null:
                raise self.error(f"{what} is {kind}, not numbers.")
            number = pl.col(column).cast(pl.Float64).fill_null(float("nan"))
            self.frame = self.frame.with_columns(number)

    def find_units(self) -> tuple[u.UnitBase, u.UnitBase]:
        """Give the unit of the values and that of the result."""
        recipe = self.recipe
        if recipe.of is None or recipe.aggregate in ("count", "fraction"):
            if recipe.of is not None:
                self.unit("of", recipe.of)
            return _DIMENSIONLESS, _DIMENSIONLESS
        found = self.unit("of", recipe.of)
        if recipe.unit is not None:
            if found is not None and found.is_equivalent(_DIMENSIONLESS) and found != _DIMENSIONLESS:
                raise self.error(
                    f"{recipe.of} is computed of units that do not cancel: {unit_string(found)}."
                )
            found = recipe.unit
        if found is None:
            return self.metric.unit, self.metric.unit
        # Differences of magnitudes are plain magnitudes, in whatever system these are.
        plain = found.function_unit if isinstance(found, FunctionUnitBase) else found
        if recipe.against is not None:
            against = self.unit("against", recipe.against)
            if isinstance(against, FunctionUnitBase):
                against = against.function_unit
            return found, plain if against is None else plain / against
        return found, plain if recipe.aggregate in _SPREADS else found

    def groups(self, split: Sequence[str]) -> list[Grouped]:
        fine = [name for name in self.recipe.group_by if name not in split]
        return [
            Grouped(group, self.measurement(frame, fine)) for group, frame in self.parts(self.frame, split)
        ]

    def parts(self, frame: pl.DataFrame, keys: Sequence[str]) -> list[tuple[dict[str, Any], pl.DataFrame]]:
        if not keys:
            return [({}, frame)]
        known = frame.drop_nulls(list(keys)).drop_nans([key for key in keys if frame.schema[key].is_float()])
        count = known.select(pl.struct(keys).n_unique()).item()
        if count > MAX_GROUPS:
            raise self.error(f"{', '.join(keys)} make {count} groups; there can be {MAX_GROUPS}.")
        found = known.sort(keys, maintain_order=True).partition_by(*keys, as_dict=True, maintain_order=True)
        return [(dict(zip(keys, values, strict=True)), part) for values, part in found.items()]

    def measurement(self, frame: pl.DataFrame, fine: Sequence[str]) -> Measurement | None:
        whole = self.aggregated(frame)
        if whole is None:
            return None
        value, uncertainty = self.converted(whole)
        measurement = Measurement(
            self.metric,
            u.Quantity(value, self.metric.unit, subok=True),
            uncertainty=uncertainty,
            count=whole.count,
        )
        extras = measurement.extras
        extras["rows"] = Datum(len(frame), description="Rows of the catalog.")
        number = int(frame[_SELECTED].sum())
        extras["selected"] = Datum(number, description="Rows that were selected.")
        for group, part in self.parts(frame, fine) if fine else ():
            self.add_group(extras, group, self.aggregated(part))
        measurement.notes["recipe"] = json.dumps(self.recipe.json, ensure_ascii=False)
        if self.recipe.keep_sources is not None:
            measurement.link_blob(self.sources(frame.filter(_SELECTED), whole))
        return measurement

    def add_group(self, extras: Blob, group: Mapping[str, Any], found: Estimate | None) -> None:
        label = ", ".join(f"{name}={value}" for name, value in group.items())
        if found is None:
            return
        value, uncertainty = self.converted(found)
        unit = self.metric.unit
        extras[f"[{label}]"] = Datum(u.Quantity(value, unit, subok=True), label=label)
        if uncertainty is not None:
            extras[f"[{label}] uncertainty"] = Datum(u.Quantity(uncertainty, unit, subok=True), label=label)
        extras[f"[{label}] count"] = Datum(found.count, label=label)

    def aggregated(self, frame: pl.DataFrame) -> Estimate | None:
        # Bare arrays: with a thousand groups, each further step of Polars is a second.
        recipe = self.recipe
        selected = frame[_SELECTED].to_numpy()
        if recipe.of is None:
            number = int(np.count_nonzero(selected))
            return Estimate(float(number), None, number)
        values = frame[_VALUE].to_numpy()[selected]
        if recipe.aggregate == "fraction":
            return estimate_fraction(int(np.sum(values)), len(values))
        if ":" in recipe.aggregate:
            return self.by_function(recipe.aggregate, values[np.isfinite(values)])
        against = None
        if recipe.against is not None:
            against = frame[_AGAINST].to_numpy()[selected]
        return estimate(recipe.aggregate, values, percentile=recipe.percentile, against=against)

    def by_function(self, name: str, values: np.ndarray[Any, Any]) -> Estimate | None:
        """Call a user's own function with the values that there are, as a quantity."""
        if not len(values):
            return None
        module, _, attribute = name.partition(":")
        try:
            function = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise self.error(f"the aggregation {name} cannot be imported: {error}") from error
        try:
            found = function(u.Quantity(values, self.value_unit, subok=True))
        except MetricComputationError:
            raise
        except Exception as error:  # whatever may be wrong in it, the other metrics are not
            raise self.error(f"{name} failed: {type(error).__name__}: {error}") from error
        if found is None or isinstance(found, Estimate):
            return found
        try:
            number = found.to_value(self.result_unit) if isinstance(found, u.Quantity) else float(found)
            return Estimate(float(number), None, len(values))
        except (TypeError, ValueError) as error:
            raise self.error(
                f"{name} gave {found!r:.60}, which is no number in {self.result_unit}."
            ) from error

    def converted(self, found: Estimate) -> tuple[float, float | None]:
        """Give value and uncertainty in the metric's unit."""
        unit, target = self.result_unit, self.metric.unit
        try:
            value = float(convert(found.value, unit, target))
            if found.uncertainty is None:
                return value, None
            if isinstance(unit, FunctionUnitBase) or isinstance(target, FunctionUnitBase):
                # Between a flux and a magnitude an uncertainty would need the value too.
                return value, found.uncertainty if unit == target else None
            return value, float(convert(found.uncertainty, unit, target))
        except IncompatibleUnitsError as error:
            hint = "" if self.recipe.unit else " The recipe's 'unit' can say in which unit 'of' is."
            raise self.error(
                f"it is measured in {self.metric.unit_str or 'no unit'}, and its recipe gives a value in "
                f"{unit_string(unit) or 'no unit'}.{hint}"
            ) from error

    def sources(self, selected: pl.DataFrame, whole: Estimate) -> Blob:
        """Give the rows whose values are farthest from the aggregate."""
        recipe = self.recipe
        blob = Blob(f"{self.metric.name}.sources")
        kept = selected
        if recipe.of is not None:
            kept = kept.filter(pl.col(_VALUE).is_finite())
            if recipe.aggregate != "slope":
                kept = kept.sort((pl.col(_VALUE) - whole.value).abs(), descending=True, maintain_order=True)
        kept = kept.head(MAX_SOURCES)
        blob["row"] = _array(kept[_ROW], _DIMENSIONLESS, "Row of the catalog, from 0.")
        if recipe.of is not None:
            blob["value"] = _array(kept[_VALUE], self.value_unit, str(recipe.of))
        if recipe.against is not None:
            blob["against"] = _array(
                kept[_AGAINST], self.unit("against", recipe.against) or _DIMENSIONLESS, str(recipe.against)
            )
        for name in recipe.keep_sources or ():
            blob[name] = _array(kept[name], self.units.get(name, _DIMENSIONLESS), None)
        return blob


def _array(column: pl.Series, unit: u.UnitBase, description: str | None) -> Datum:
    """Make a datum of a column; one of text becomes a JSON list, since a datum has arrays of numbers only."""
    if column.dtype.is_integer() and not column.null_count():
        numbers = column.cast(pl.Int64).to_numpy()
        return Datum(u.Quantity(numbers, unit, dtype=np.int64), description=description)
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return Datum(u.Quantity(values, unit, subok=True), description=description)
    return Datum(json.dumps(column.to_list(), ensure_ascii=False, default=str), description=description)
