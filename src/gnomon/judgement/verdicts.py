"""Verdicts: measurements held against specifications, each with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gnomon.definitions import (
    Specification,
    SpecificationSet,
    ThresholdSpecification,
    parse_unit,
    unit_string,
)
from gnomon.errors import DefinitionError, UnitMismatchError
from gnomon.judgement.applicability import Applicability
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
_VERDICT = pl.Enum(VERDICTS)
_ORDER = "_order"
_ABOUT: dict[str, Any] = {
    "specification": pl.String,
    "requirement": pl.String,
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
    chosen = list(specifications.values() if isinstance(specifications, SpecificationSet) else specifications)
    applicability = Applicability(frame, chosen, metadata or {})
    metrics = pl.Series([str(s.metric_name) for s in chosen], dtype=pl.String)
    about = pl.DataFrame([_about(s) for s in chosen], schema=_ABOUT).with_columns(
        metrics.alias("metric"), pl.int_range(pl.len(), dtype=pl.Int64).alias(_ORDER)
    )
    queries = about.with_columns(**applicability.columns())
    pairs = queries.join(frame, on="metric", how="inner", maintain_order="left_right")
    judged = _judge_pairs(pairs, chosen, applicability.reason())
    unmeasured = about.join(frame, on="metric", how="anti")
    reasons = [applicability.unmeasured(i) for i in unmeasured[_ORDER]]
    nothing = pl.Series(reasons, dtype=pl.String)
    rest = unmeasured.with_columns(
        _verdict(pl.when(nothing.is_null()).then(pl.lit("not measured")).otherwise(pl.lit("not applicable"))),
        pl.lit(nothing).fill_null(pl.format("there is no measurement of {}", "metric")).alias("reason"),
    )
    table = pl.concat([judged, rest], how="diagonal").sort(_ORDER, maintain_order=True).select(_COLUMNS)
    return Verdicts(table, tuple(sorted(set(frame["metric"].unique()) - set(metrics))))


def _with_ids(rows: Rows) -> pl.DataFrame:
    present = rows.columns if isinstance(rows, pl.DataFrame) else getattr(rows, "column_names", ())
    absent = {"dataset_id", "run", "dataset_type"} - set(present)
    frame = to_frame(rows, [name for name in _READ if name not in absent])
    types = {"dataset_id": pl.Binary}
    return frame.with_columns(
        pl.lit(None, dtype=types.get(name, pl.String)).alias(name) for name in sorted(absent)
    ).select(_READ)


def _about(specification: Specification) -> dict[str, Any]:
    """Give what every row says of its specification."""
    about: dict[str, Any] = {
        "specification": str(specification.name),
        "requirement": specification.requirement,
        "tags": sorted(specification.tags),
    }
    if isinstance(specification, ThresholdSpecification):
        about["threshold"] = float(specification.threshold.value)
        about["threshold_unit"] = unit_string(specification.threshold.unit)
        about["operator"] = specification.operator_str
    return about


def _verdict(words: Any) -> pl.Expr:
    return words.cast(_VERDICT).alias("verdict")  # type: ignore[no-any-return]


def _judge_pairs(pairs: pl.DataFrame, chosen: list[Specification], unapplied: pl.Expr) -> pl.DataFrame:
    """Judge measurements, each beside one specification of its metric."""
    # Whoever shares a specification and a unit must stand together, to be converted at once.
    pairs = pairs.with_row_index("_row").sort(_ORDER, "unit", maintain_order=True)
    values = pairs["value"].fill_null(float("nan")).to_numpy()
    passed = np.zeros(len(pairs), dtype=np.bool_)
    close = np.zeros(len(pairs), dtype=np.bool_)
    misfits: dict[tuple[int, str], str] = {}
    start = 0
    runs = pairs.group_by(_ORDER, "unit", maintain_order=True).len()
    for order, unit, length in runs.iter_rows():
        here = slice(start, start + length)
        start += length
        specification = chosen[order]
        try:
            passed[here] = specification.check_values(values[here], unit)
            close[here] = _close(values[here], unit, specification)
        except (UnitMismatchError, DefinitionError) as error:
            misfits[order, unit] = error.message
    misfit = pl.DataFrame(
        [(order, unit, message) for (order, unit), message in misfits.items()],
        schema={_ORDER: pl.Int64, "unit": pl.String, "_misfit": pl.String},
        orient="row",
    )
    pairs = pairs.with_columns(
        pl.Series("_passed", passed), pl.Series("_close", close), unapplied.alias("_no")
    )
    pairs = pairs.join(misfit, on=[_ORDER, "unit"], how="left", maintain_order="left")
    number = pl.when("_close").then(pl.col("value")).otherwise(pl.col("value").round_sig_figs(6))
    quantity = (number.cast(pl.String).str.strip_suffix(".0") + " " + pl.col("unit")).str.strip_chars_end()
    cases: list[tuple[pl.Expr, str, pl.Expr]] = [
        (pl.col("_no").is_not_null(), "not applicable", pl.col("_no")),
        (pl.col("value").is_null(), "not measured", pl.lit("there is no value")),
        (pl.col("value").is_nan(), "not measured", pl.lit("the value is not a number")),
        (pl.col("_misfit").is_not_null(), "not applicable", pl.col("_misfit")),
        (pl.col("_passed"), "pass", pl.format("{} is {}", quantity, "requirement")),
        (pl.lit(value=True), "fail", pl.format("{} is not {}", quantity, "requirement")),
    ]
    verdict: Any = pl
    reason: Any = pl
    for condition, word, words in cases:
        verdict = verdict.when(condition).then(pl.lit(word))
        reason = reason.when(condition).then(words)
    return pairs.with_columns(_verdict(verdict), reason.alias("reason")).sort("_row")


def _close(values: Any, unit: str, specification: Specification) -> Any:
    """Say where six digits might show a value as the very threshold that it misses."""
    if not isinstance(specification, ThresholdSpecification):
        return False
    edge = specification.threshold.value
    if unit_string(specification.threshold.unit) != unit:
        edge = specification.threshold.to_value(parse_unit(unit))
    return np.abs(values - edge) <= 1e-5 * np.abs(edge)
