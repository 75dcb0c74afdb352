"""From measurements to a frame with one row for each thing that a rule can speak of.

Metrics are paired by what *names* a thing, its required dimensions: that one row knows the band of a visit and
another does not makes no difference. A metric of something coarser (of the visit) stands beside one of something
finer (of its detectors).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gnomon import dataids
from gnomon.curation.rules.columns import FIELDS, type_of, unit_column
from gnomon.curation.rules.rule import MetricUse, Rule
from gnomon.definitions import parse_unit
from gnomon.definitions.units import convert
from gnomon.errors import DefinitionError, UnitMismatchError
from gnomon.judgement.frames import Rows, to_frame
from gnomon.measurements import observations, other_dimensions
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["OTHERS", "READ", "Shaped", "measured_things", "shapes"]

OTHERS = "_other_dimensions"
"""The dimensions without a column of their own, as one text."""

READ = (
    "dataset_id",
    "metric",
    "value",
    "unit",
    "dataset_type",
    *DATA_ID_COLUMNS,
    OTHER_DIMENSIONS,
    "obs_begin",
    "obs_end",
)
"""The columns of stored measurements that rules look at."""

_ABOUT = ("dataset_id", *DATA_ID_COLUMNS, OTHER_DIMENSIONS, OTHERS, *FIELDS)
_KIND = "_kind"


@dataclass(frozen=True)
class Shaped:
    """Rows whose data IDs have the same dimensions.

    Attributes
    ----------
    dimensions
        All of them, implied ones among them.
    key
        The columns that name what a row is about: the required dimensions that have one, and `OTHERS` if
        there are others.
    frame
        The rows.
    """

    dimensions: tuple[str, ...]
    key: tuple[str, ...]
    frame: pl.DataFrame


def shapes(frame: pl.DataFrame) -> list[Shaped]:
    """Part rows by the dimensions that their data IDs have.

    Parameters
    ----------
    frame
        With the data-ID columns, and `OTHERS`.

    Returns
    -------
    list of Shaped
        Together all rows.
    """
    height = len(frame)
    if not height:
        return []
    nulls = {name: frame[name].null_count() for name in DATA_ID_COLUMNS}
    mixed = [pl.col(name).is_null() for name in DATA_ID_COLUMNS if 0 < nulls[name] < height]
    if frame[OTHERS].n_unique() > 1 or frame[OTHERS][0]:
        names = pl.col(OTHERS).str.extract_all(r"(?:^|\x1e)[^\x1f]*\x1f").list.join("")
        mixed.append(names.rank("dense"))
    if not mixed:
        return [_shaped(frame)]
    numbered = frame.with_columns(pl.struct(e.alias(str(i)) for i, e in enumerate(mixed)).alias(_KIND))
    parts = numbered.partition_by(_KIND, maintain_order=True, include_key=False)
    return [_shaped(part) for part in parts]


def measured_things(rule: Rule, rows: Rows) -> list[Shaped]:
    """Give what a rule's metrics were measured of, with a column for each of them.

    Parameters
    ----------
    rule
        The rule.
    rows
        Measurements in the schema of `gnomon.measurements.rows`, and what is known of observations beside.

    Returns
    -------
    list of Shaped
        Rows in which at least one metric has a finite value, with the columns of the data ID, those of
        `FIELDS`, and for each of the rule's metrics its value and its unit.

    Raises
    ------
    SchemaError
        If the rows are not measurements.
    UnitMismatchError
        If a metric's values are in units that do not convert, or in several without that the rule says which.
    DefinitionError
        If the metrics are measured of things that have nothing to do with each other.
    """
    known = _with_fields(rows)
    parts: list[tuple[str, Shaped]] = []
    for name, use in rule.uses.items():
        own = _of_use(rule, name, use, known)
        for part in shapes(own):
            parts.append((name, _taken(rule, name, use, part)))
    finest = _finest(rule, [part for _, part in parts])
    things = []
    for key in finest:
        joined = _joined(rule, key, parts)
        if joined is not None:
            things.append(joined)
    return things


def _with_fields(rows: Rows) -> pl.DataFrame:
    frame = to_frame(rows, READ)
    given = pl.DataFrame(rows) if not isinstance(rows, pl.DataFrame) else rows
    fields = [
        given[name] if name in given.columns else pl.lit(None, type_of(name)).alias(name)
        for name in observations.METADATA
    ]
    airmass = (1 / pl.col("zenith_angle").radians().cos()).alias("airmass")
    return frame.with_columns(*fields).with_columns(
        pl.when(pl.col("zenith_angle").is_between(0, 90, closed="left")).then(airmass).alias("airmass"),
        other_dimensions.as_text().alias(OTHERS),
    )


def _of_use(rule: Rule, name: str, use: MetricUse, known: pl.DataFrame) -> pl.DataFrame:
    """Give the finite values of one metric, in one unit."""
    wanted = (pl.col("metric") == use.metric) & pl.col("value").is_finite()
    if use.dataset_type is not None:
        wanted &= pl.col("dataset_type") == use.dataset_type
    own = known.filter(wanted)
    units = own["unit"].unique(maintain_order=True).to_list()
    if use.unit is None and len(units) > 1:
        raise UnitMismatchError(
            f"The rule {rule.name} finds {use.metric} in several units, {', '.join(map(repr, sorted(units)))}: "
            f"say in which it judges, metrics: {{{name}: {{metric: {use.metric}, unit: ...}}}}."
        )
    value = pl.col("value")
    if use.unit is not None and units != [use.unit]:
        factors = {unit: _factor(use, unit) for unit in units}
        value = value * pl.col("unit").replace_strict(factors, return_dtype=pl.Float64) if units else value
        own = own.with_columns(pl.lit(use.unit).alias("unit"))
    return own.select(*_ABOUT, value.alias(name), pl.col("unit").alias(unit_column(name)))


def _factor(use: MetricUse, unit: str) -> float:
    try:
        return float(convert(1.0, parse_unit(unit), parse_unit(use.unit)))
    except UnitMismatchError as error:
        raise UnitMismatchError(
            f"{use.metric} was measured in {unit or 'no unit'}, which does not convert into {use.unit}."
        ) from error


def _taken(rule: Rule, name: str, use: MetricUse, part: Shaped) -> Shaped:
    """Take one value for each thing that is marked, where the metric is measured of its parts."""
    marks = rule.marks
    if use.take is None or marks is None or not marks < frozenset(part.key):
        return part
    names = [column for column in part.key if column in marks]
    taken = getattr(pl.col(name), use.take)().cast(pl.Float64).alias(name)
    dimensions = _known_of(names, part.dimensions)
    others = [column for column in (*dimensions, *FIELDS, unit_column(name)) if column not in names]
    frame = part.frame.group_by(names, maintain_order=True).agg(
        taken, *(pl.col(column).first() for column in others)
    )
    gone = [pl.lit(None, type_of(column)).alias(column) for column in DATA_ID_COLUMNS if column not in dimensions]
    nothing = part.frame.select("dataset_id", OTHER_DIMENSIONS, OTHERS).clear()
    blank = [pl.lit(None, nothing.schema[c]).alias(c) for c in ("dataset_id", OTHER_DIMENSIONS)]
    frame = frame.with_columns(*gone, *blank, pl.lit("").alias(OTHERS)).select(part.frame.columns)
    return Shaped(dimensions, tuple(names), frame)


def _known_of(names: Sequence[str], dimensions: Iterable[str]) -> tuple[str, ...]:
    """Give those of some dimensions that follow from others."""
    implied = frozenset().union(*(dataids.IMPLIED.get(name, frozenset()) for name in names))
    return tuple(name for name in dimensions if name in names or name in implied)


def _finest(rule: Rule, parts: Sequence[Shaped]) -> list[tuple[str, ...]]:
    """Give the keys of what the rule speaks of: what it marks, or else the finest that there are."""
    keys = dict.fromkeys(part.key for part in parts)
    if rule.marks is not None:
        wanted = rule.marks
        for key in keys:
            if not frozenset(key) <= wanted:
                raise DefinitionError(
                    f"The rule {rule.name} marks each {rule.of}, but is about what is measured of "
                    f"{_shown(key)}: say with take: which of its values counts."
                )
        return [key for key in keys if frozenset(key) == wanted]
    found = [key for key in keys if not any(frozenset(key) < frozenset(other) for other in keys)]
    if len(rule.uses) > 1 and len(found) > 1:
        reach = [sum(1 for key in keys if frozenset(key) <= frozenset(finest)) for finest in found]
        if max(reach) < len(keys):
            shown = " and ".join(_shown(key) for key in found)
            raise DefinitionError(
                f"The metrics of the rule {rule.name} are measured of {shown}, which have nothing in common."
            )
    return found


def _shown(key: tuple[str, ...]) -> str:
    return "-".join(name for name in key if name not in ("instrument", "skymap")) or "the whole repository"


def _joined(rule: Rule, key: tuple[str, ...], parts: Sequence[tuple[str, Shaped]]) -> Shaped | None:
    """Bring all metrics to the things with one key."""
    own = [(name, part) for name, part in parts if frozenset(part.key) == frozenset(key)]
    first_name, first = own[0]
    uses = list(rule.uses)
    if len(uses) == 1:
        return first
    about = pl.concat([part.frame.select(_ABOUT) for _, part in own])
    frame = about.unique(key, keep="first", maintain_order=True) if key else about.head(1)
    frame = _filled(frame, about, key)
    for name in uses:
        columns = (name, unit_column(name))
        fitting = [part for other, part in parts if other == name and frozenset(part.key) <= frozenset(key)]
        fitting.sort(key=lambda part: len(part.key), reverse=True)
        found: list[pl.Expr] = []
        units: list[pl.Expr] = []
        for number, part in enumerate(fitting):
            marked = [f"_{number}_{column}" for column in columns]
            values = part.frame.select(*part.key, *(pl.col(c).alias(m) for c, m in zip(columns, marked, strict=True)))
            if part.key:
                values = values.unique(part.key, keep="first", maintain_order=True)
                frame = frame.join(values, on=part.key, how="left", maintain_order="left")
            else:
                frame = frame.join(values.head(1), how="cross")
            found.append(pl.col(marked[0]))
            units.append(pl.col(marked[1]))
        value = pl.coalesce(found) if found else pl.lit(None, pl.Float64)
        unit = pl.coalesce(units) if units else pl.lit(None, pl.String)
        frame = frame.with_columns(value.alias(columns[0]), unit.alias(columns[1]))
    wanted = [column for name in uses for column in (name, unit_column(name))]
    del first_name
    return Shaped(first.dimensions, first.key, frame.select(*_ABOUT, *wanted))


def _filled(frame: pl.DataFrame, about: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """Fill what one row does not know of a thing with what another does."""
    if not key:
        return frame
    unknown = [c for c in _ABOUT if c not in key and c != OTHERS and frame[c].null_count()]
    known = [c for c in unknown if about[c].null_count() < len(about)]
    for column in known:
        values = about.select(*key, pl.col(column).alias("_filled")).drop_nulls("_filled")
        values = values.unique(key, keep="first")
        frame = frame.join(values, on=key, how="left", maintain_order="left").with_columns(
            pl.coalesce(column, "_filled").alias(column)
        )
        frame = frame.drop("_filled")
    return frame


def _shaped(frame: pl.DataFrame) -> Shaped:
    dimensions = tuple(name for name in DATA_ID_COLUMNS if frame[name].null_count() == 0)
    others = [entry["key"] for entry in _entries(frame)]
    required = dataids.required((*dimensions, *others))
    key = tuple(name for name in dimensions if name in required)
    return Shaped(dimensions, (*key, OTHERS) if others else key, frame)


def _entries(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame[OTHER_DIMENSIONS][0].to_list() if frame[OTHERS][0] else []
