"""From measurements to a frame with one row for each thing that a rule can speak of.

Metrics are paired by what *names* a thing, its required dimensions: that one row knows the band of a visit
and another does not makes no difference. A metric of something coarser (of the visit) stands beside one of
something finer (of its detectors).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gnomon import dataids, expressions
from gnomon.algorithms.settled_units import has_bare_numbers
from gnomon.curation.rules.columns import FIELDS, type_of, unit_column
from gnomon.curation.rules.parts import MetricUse
from gnomon.curation.rules.rule import Rule
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
        With the columns of the data ID, those of `FIELDS`, and for each of the rule's metrics its value, null
        where it is not finite, and its unit.

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
        own = _in_one_unit(rule, name, use, _of_use(use, known))
        parts += [(name, _taken(rule, name, use, part)) for part in shapes(own)]
    finest = _finest(rule, [part for _, part in parts])
    return [_joined(rule, key, parts) for key in finest]


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


def _of_use(use: MetricUse, known: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of one metric; a value that is not finite is none."""
    wanted = pl.col("metric") == use.metric
    if use.dataset_type is not None:
        wanted &= pl.col("dataset_type") == use.dataset_type
    finite = pl.when(pl.col("value").is_finite()).then(pl.col("value"))
    return known.filter(wanted).with_columns(finite.alias("value"))


def _in_one_unit(rule: Rule, name: str, use: MetricUse, own: pl.DataFrame) -> pl.DataFrame:
    """Bring the values of a metric into one unit: the rule's, or that of most of them."""
    units = _units(own)
    wanted = use.unit if use.unit is not None else units[0] if units else None
    value = pl.col("value")
    if units and units != [wanted]:
        if use.unit is None and _depends_on_unit(rule, use, units[0]):
            short = use.metric.rpartition(".")[2]
            raise UnitMismatchError(
                f"The rule {rule.name} finds {use.metric} in several units, "
                f"{', '.join(map(repr, sorted(units)))}: write the numbers in its condition with units, or "
                f"say in which unit it judges, metrics: "
                f"{{{short}: {{metric: {use.metric}, unit: {wanted}}}}}."
            )
        factors = {unit: _factor(use, unit, str(wanted)) for unit in units}
        value = value * pl.col("unit").replace_strict(factors, default=None, return_dtype=pl.Float64)
    unit = pl.col("unit") if wanted is None else pl.lit(wanted)
    return own.select(*_ABOUT, value.alias(name), unit.alias(unit_column(name)))


def _units(own: pl.DataFrame) -> list[str]:
    """Give the units of the values that there are, that of most of them first."""
    if len(own) and bool((own["unit"] == own["unit"][0]).all()):
        return [own["unit"][0]]
    found = own.drop_nulls("value")["unit"].value_counts()
    return found.sort("count", "unit", descending=[True, False])["unit"].to_list()


def _depends_on_unit(rule: Rule, use: MetricUse, unit: str) -> bool:
    """Say whether what a rule says depends on the unit in which a metric's values are."""
    names = {name: parse_unit(unit) for name, column in rule.names.items() if rule.uses.get(column) == use}
    if rule.trend is not None or rule.baseline is not None:
        names |= dict.fromkeys(("residual", "scatter", "baseline", "baseline_scatter"), parse_unit(unit))
    texts = [text for text in (rule.condition, rule.only) if text]
    return any(has_bare_numbers(expressions.parse(text), names) for text in texts)


def _factor(use: MetricUse, unit: str, wanted: str) -> float:
    try:
        return float(f"{float(convert(1.0, parse_unit(unit), parse_unit(wanted))):.15g}")
    except UnitMismatchError as error:
        raise UnitMismatchError(
            f"{use.metric} was measured in {unit or 'no unit'}, which does not convert into "
            f"{wanted or 'no unit'}."
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
    absent = [column for column in DATA_ID_COLUMNS if column not in dimensions]
    gone = [pl.lit(None, type_of(column)).alias(column) for column in absent]
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


def _joined(rule: Rule, key: tuple[str, ...], parts: Sequence[tuple[str, Shaped]]) -> Shaped:
    """Bring all metrics to the things with one key."""
    own = [(name, part) for name, part in parts if frozenset(part.key) == frozenset(key)]
    base = own[0][1]
    if len(rule.uses) == 1:
        return base
    frame = base.frame.select(_ABOUT)
    for _, part in own[1:]:
        frame = _with_more(frame, part.frame.select(_ABOUT), base.key)
    for name in rule.uses:
        columns = (name, unit_column(name))
        fitting = [part for other, part in parts if other == name and frozenset(part.key) <= frozenset(key)]
        fitting.sort(key=lambda part: len(part.key), reverse=True)
        found = [_beside(frame, part, columns) for part in fitting]
        if len(found) > 1:  # of the finest that has a value
            joined = pl.concat(
                [one.rename({c: f"{place} {c}" for c in columns}) for place, one in enumerate(found)],
                how="horizontal",
            )
            named = [pl.coalesce(f"{place} {c}" for place in range(len(found))).alias(c) for c in columns]
            found = [joined.select(named)]
        nothing = [
            pl.lit(None, kind).alias(c) for c, kind in zip(columns, (pl.Float64, pl.String), strict=True)
        ]
        frame = frame.hstack(found[0].get_columns()) if found else frame.with_columns(nothing)
    return Shaped(base.dimensions, base.key, frame)


def _beside(frame: pl.DataFrame, part: Shaped, columns: Sequence[str]) -> pl.DataFrame:
    """Give the values of a metric that belong to each of some rows."""
    if not part.key:
        one = part.frame.drop_nulls(columns[0]).select(columns).head(1)
        return frame.select().join(one, how="cross") if len(one) else one.clear(len(frame))
    if _is_same(frame, part.frame, part.key):
        return part.frame.select(columns)
    joining = _telling(part.key, frame, part.frame)
    values = part.frame.drop_nulls(columns[0]).select(*joining, *columns)
    values = values.unique(joining, keep="first", maintain_order=True)
    return frame.select(joining).join(values, on=joining, how="left", maintain_order="left").select(columns)


def _with_more(frame: pl.DataFrame, other: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Add the things that are not there yet, and what is not known yet of those that are."""
    if not key:
        return frame
    if not _is_same(frame, other, key):
        frame = pl.concat([frame, other.join(frame, on=key, how="anti", maintain_order="left")])
        frame = frame.unique(key, keep="first", maintain_order=True)
    return _filled(frame, other, key)


def _is_same(frame: pl.DataFrame, other: pl.DataFrame, key: Sequence[str]) -> bool:
    """Say whether two tables are of the same things in the same order, as answers of the store often are."""
    return len(frame) == len(other) and all(frame[name].equals(other[name]) for name in key)


def _telling(key: Sequence[str], frame: pl.DataFrame, other: pl.DataFrame) -> list[str]:
    """Leave out of a key what is the same everywhere, such as the instrument; something is left."""
    alike = [
        name
        for name in key
        if len(frame)
        and len(other)
        and bool((frame[name] == other[name][0]).all())
        and bool((other[name] == other[name][0]).all())
    ]
    return [name for name in key if name not in alike] or list(key)


def _filled(frame: pl.DataFrame, other: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Fill what one row does not know of a thing with what another does."""
    for column in _ABOUT:
        unknown = frame[column].null_count()
        if column in key or column == OTHERS or not unknown or other[column].null_count() == len(other):
            continue
        values = other.select(*key, pl.col(column).alias("_filled")).drop_nulls("_filled")
        values = values.unique(key, keep="first")
        joined = frame.join(values, on=key, how="left", maintain_order="left")
        frame = joined.with_columns(pl.coalesce(column, "_filled").alias(column)).drop("_filled")
    return frame


def _shaped(frame: pl.DataFrame) -> Shaped:
    dimensions = tuple(name for name in DATA_ID_COLUMNS if frame[name].null_count() == 0)
    others = [entry["key"] for entry in _entries(frame)]
    required = dataids.required((*dimensions, *others))
    key = tuple(name for name in dimensions if name in required)
    return Shaped(dimensions, (*key, OTHERS) if others else key, frame)


def _entries(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame[OTHER_DIMENSIONS][0].to_list() if frame[OTHERS][0] else []
