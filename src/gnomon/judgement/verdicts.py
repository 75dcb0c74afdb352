"""Verdicts: measurements held against specifications, each with its reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gnomon.definitions import Specification, SpecificationSet, ThresholdSpecification, unit_string
from gnomon.errors import DefinitionError, UnitMismatchError
from gnomon.judgement.frames import Rows, to_frame
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["VERDICTS", "Verdicts", "judge"]

VERDICTS: tuple[str, ...] = ("pass", "fail", "not applicable", "not measured")
"""What a verdict can be."""

_KEPT = ("dataset_id", *DATA_ID_COLUMNS, OTHER_DIMENSIONS, "run")
_READ = ("metric", "value", "unit", "dataset_type", "software", *_KEPT)
_COLUMNS = (
    "metric",
    "specification",
    "verdict",
    "reason",
    "value",
    "unit",
    "threshold",
    "threshold_unit",
    "operator",
    "tags",
    *_KEPT,
)
_TERMS = frozenset({*DATA_ID_COLUMNS, "run", "dataset_type", "software"})
_VERDICT = pl.Enum(VERDICTS)
_ORDER = "_order"
_ADDED: dict[str, Any] = {
    _ORDER: pl.Int64,
    "specification": pl.String,
    "verdict": _VERDICT,
    "reason": pl.String,
    "threshold": pl.Float64,
    "threshold_unit": pl.String,
    "operator": pl.String,
    "tags": pl.List(pl.String),
}


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What came of holding measurements against specifications.

    Attributes
    ----------
    table
        One row for each measurement and specification of its metric, and one for each specification without
        a measurement: ``metric``, ``specification``, ``verdict``, ``reason``, ``value``, ``unit``,
        ``threshold``, ``threshold_unit``, ``operator``, ``tags``, ``dataset_id``, the columns of the data ID,
        ``dimensions`` and ``run``.
    unspecified
        Metrics that were measured and have no specification, sorted.
    """

    table: pl.DataFrame
    unspecified: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Count the verdicts.

        Returns
        -------
        dict
            From each of `VERDICTS` to how often it was given.
        """
        found = dict(self.table.group_by("verdict").len().iter_rows())
        return {verdict: int(found.get(verdict, 0)) for verdict in VERDICTS}

    def failed(self) -> pl.DataFrame:
        """Give the rows of the table that failed.

        Returns
        -------
        polars.DataFrame
            Columns as in ``table``.
        """
        return self.table.filter(pl.col("verdict") == "fail")

    def by_specification(self) -> pl.DataFrame:
        """Count the verdicts of each specification.

        Returns
        -------
        polars.DataFrame
            ``metric``, ``specification``, ``operator``, ``threshold``, ``threshold_unit``, ``tags``, a count
            for each verdict under its name with underscores, ``judged`` (pass and fail together) and
            ``passed`` (the part of the judged that passed; null where none was), in the order of the
            specifications.
        """
        counts = [
            (pl.col("verdict") == verdict).sum().cast(pl.Int64).alias(verdict.replace(" ", "_"))
            for verdict in VERDICTS
        ]
        judged = pl.col("pass") + pl.col("fail")
        return (
            self.table.group_by("metric", "specification", maintain_order=True)
            .agg(pl.col("operator", "threshold", "threshold_unit", "tags").first(), *counts)
            .with_columns(
                judged.alias("judged"), pl.when(judged > 0).then(pl.col("pass") / judged).alias("passed")
            )
        )


def judge(
    rows: Rows,
    specifications: SpecificationSet | Iterable[Specification],
    *,
    metadata: Mapping[str, Any] | None = None,
) -> Verdicts:
    """Hold measurements against specifications.

    Parameters
    ----------
    rows
        Measurements in the schema of `gnomon.measurements.rows`; ``metric``, ``value`` and ``unit`` at least.
    specifications
        What is asked of them.
    metadata
        Facts about all the rows. A term of a specification's query is looked up among a row's data ID, run,
        dataset type and software, and where there is none, here.

    Returns
    -------
    Verdicts
        Every specification with every measurement of its metric: *pass*, *fail*, *not applicable* (a term of
        the query does not hold, or the units do not convert), or *not measured* (no measurement, or a null or
        NaN value), each with the reason. One misfit never ends the rest.

    Raises
    ------
    SchemaError
        If ``rows`` is no table of measurements.

    Notes
    -----
    A value is converted into the threshold's unit, once for each pair of a unit and a specification.
    """
    frame = _with_ids(rows)
    chosen = specifications.values() if isinstance(specifications, SpecificationSet) else specifications
    groups = {key[0]: group for key, group in frame.partition_by("metric", as_dict=True).items()}
    parts = [_head(frame.clear())]
    unmeasured = []
    specified = set()
    for order, specification in enumerate(chosen):
        metric = str(specification.metric_name)
        specified.add(metric)
        if metric in groups:
            judged = _judge_rows(groups[metric], specification, metadata or {})
            about = [
                pl.lit(value, dtype=_ADDED[name]).alias(name) if name != "tags" else _list(value)
                for name, value in _about(order, specification).items()
            ]
            parts.append(judged.with_columns(about).select(_ORDER, *_COLUMNS))
        else:
            verdict, reason = _unmeasured(metric, specification, metadata or {})
            known = {"metric": metric, "unit": None, "verdict": verdict, "reason": reason}
            unmeasured.append(known | _about(order, specification))
    parts.append(pl.DataFrame(unmeasured, schema=parts[0].schema))
    table = pl.concat(parts, how="vertical").sort(_ORDER, maintain_order=True).drop(_ORDER)
    return Verdicts(table, tuple(sorted(groups.keys() - specified)))


def _with_ids(rows: Rows) -> pl.DataFrame:
    present = rows.columns if isinstance(rows, pl.DataFrame) else getattr(rows, "column_names", ())
    absent = {"dataset_id", "run", "dataset_type"} - set(present)
    frame = to_frame(rows, [name for name in _READ if name not in absent])
    types = {"dataset_id": pl.Binary}
    return frame.with_columns(
        pl.lit(None, dtype=types.get(name, pl.String)).alias(name) for name in sorted(absent)
    ).select(_READ)


def _head(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the table of no verdicts, so that there is one even without specifications."""
    added = [pl.lit(None, dtype=kind).alias(name) for name, kind in _ADDED.items()]
    return frame.with_columns(added).select(_ORDER, *_COLUMNS)


def _about(order: int, specification: Specification) -> dict[str, Any]:
    """Give what every row says of its specification."""
    about = {_ORDER: order, "specification": str(specification.name), "tags": sorted(specification.tags)}
    threshold: dict[str, Any] = {"threshold": None, "threshold_unit": None, "operator": None}
    if isinstance(specification, ThresholdSpecification):
        quantity = specification.threshold
        threshold = {
            "threshold": float(quantity.value),
            "threshold_unit": unit_string(quantity.unit),
            "operator": specification.operator_str,
        }
    return about | threshold


def _list(tags: list[str]) -> pl.Expr:
    return pl.lit(pl.Series("tags", [tags], dtype=pl.List(pl.String))).first()


def _unmeasured(metric: str, specification: Specification, metadata: Mapping[str, Any]) -> tuple[str, str]:
    for term, wanted in specification.metadata_query.items():
        if term in metadata and metadata[term] != wanted:
            return "not applicable", f"asks for {term} = {wanted}; it is {metadata[term]}"
    return "not measured", f"there is no measurement of {metric}"


def _judge_rows(
    group: pl.DataFrame, specification: Specification, metadata: Mapping[str, Any]
) -> pl.DataFrame:
    passed = np.zeros(len(group), dtype=np.bool_)
    misfit = np.full(len(group), None, dtype=object)
    close = np.zeros(len(group), dtype=np.bool_)
    for unit, where, values in _by_unit(group):
        try:
            passed[where] = specification.check_values(values, unit)
        except (UnitMismatchError, DefinitionError) as error:
            misfit[where] = error.message
        else:
            close[where] = _close(values, unit, specification)
    number = (
        pl.when(pl.Series(close)).then(pl.col("value")).otherwise(pl.col("value").round_sig_figs(6))
    ).cast(pl.String)
    quantity = (number.str.strip_suffix(".0") + " " + pl.col("unit")).str.strip_chars_end()
    unapplied = _unapplied(group, specification.metadata_query, metadata)
    unfit = pl.Series(misfit.tolist(), dtype=pl.String)
    met = pl.Series(passed)
    cases: list[tuple[pl.Expr, str, pl.Expr]] = [
        (unapplied.is_not_null(), "not applicable", unapplied),
        (pl.col("value").is_null(), "not measured", pl.lit("there is no value")),
        (pl.col("value").is_nan(), "not measured", pl.lit("the value is not a number")),
        (pl.lit(unfit).is_not_null(), "not applicable", pl.lit(unfit)),
        (pl.lit(met), "pass", quantity + f" is {specification.requirement}"),
        (pl.lit(value=True), "fail", quantity + f" is not {specification.requirement}"),
    ]
    verdict: Any = pl
    reason: Any = pl
    for condition, word, words in cases:
        verdict = verdict.when(condition).then(pl.lit(word, dtype=_VERDICT))
        reason = reason.when(condition).then(words)
    return group.with_columns(verdict.alias("verdict"), reason.alias("reason"))


def _by_unit(group: pl.DataFrame) -> Iterator[tuple[str, Any, Any]]:
    """Give each unit with where it stands and the values there; nulls as NaN."""
    values = group["value"].fill_null(float("nan")).to_numpy()
    units = group["unit"].unique(maintain_order=True)
    if len(units) == 1:
        yield units[0], slice(None), values
        return
    for unit in units:
        where = (group["unit"] == unit).to_numpy()
        yield unit, where, values[where]


def _close(values: Any, unit: str, specification: Specification) -> Any:
    """Say where six digits might show a value as the very threshold that it misses."""
    if not isinstance(specification, ThresholdSpecification):
        return False
    edge = specification.threshold.to_value(unit)
    return np.abs(values - edge) <= 1e-5 * np.abs(edge)


def _unapplied(group: pl.DataFrame, query: Mapping[str, Any], metadata: Mapping[str, Any]) -> pl.Expr:
    """Give the reason why a specification does not apply to a row; null where it does."""
    reasons = [_term(group, term, wanted, metadata) for term, wanted in query.items()]
    return pl.coalesce(reasons) if reasons else pl.lit(None, dtype=pl.String)


def _term(group: pl.DataFrame, term: str, wanted: Any, metadata: Mapping[str, Any]) -> pl.Expr:
    if term in _TERMS:
        fact = pl.col(term)
    else:
        pairs = pl.element().filter(pl.element().struct.field("key") == term)
        fact = pl.col(OTHER_DIMENSIONS).list.eval(pairs.struct.field("value")).list.first()
    kind = group.select(fact.alias("fact")).schema["fact"]
    if kind == pl.String:
        # Dimensions in the map are kept as strings whatever they are.
        comparable = isinstance(wanted, str) or term not in _TERMS
        wanted_here: Any = str(wanted)
    else:
        comparable = isinstance(wanted, int | float) and not isinstance(wanted, bool)
        wanted_here = wanted
    holds = (fact == wanted_here) if comparable else pl.lit(value=False)
    elsewhere = term in metadata and bool(metadata[term] == wanted)
    asks = f"asks for {term} = {wanted}; "
    absent = f"{asks}it is {metadata[term]}" if term in metadata else f"{asks}that is not known"
    return (
        pl.when(fact.is_null())
        .then(pl.lit(None if elsewhere else absent, dtype=pl.String))
        .when(~holds)
        .then(pl.lit(f"{asks}it is ") + fact.cast(pl.String))
    )
