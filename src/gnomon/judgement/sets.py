"""Statistical specifications: values judged together, a set for each combination of dimensions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.definitions import Specification, StatisticalSpecification, parse_unit, unit_string
from gnomon.definitions.units import convert
from gnomon.judgement.applicability import Unmet, other_dimension
from gnomon.judgement.checking import Values, convertible
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["judge_sets"]

_ROW = "_row"


class _Verdict(NamedTuple):
    verdict: str
    cause: str | None
    reason: str
    value: float | None = None
    unit: str = ""
    n: int | None = None
    measured: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The measurements that one specification is about, and which of them cannot be judged, and why."""

    values: Values
    left_out: dict[str, npt.NDArray[np.bool_]]


def judge_sets(
    frame: pl.DataFrame,
    values: Values,
    order: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    unmet: Unmet,
    specifications: Sequence[Specification],
) -> pl.DataFrame:
    """Judge sets of measurements.

    Parameters
    ----------
    frame
        All measurements, with ``count``, ``run`` and the columns of the data ID.
    values
        Their values.
    order, row
        Pairs of a statistical specification and a measurement, those of one specification together.
    unmet
        Which of the pairs do not fit.
    specifications
        The specifications that ``order`` points to.

    Returns
    -------
    polars.DataFrame
        A row for each specification and combination of its dimensions: ``order``, ``verdict``, ``cause``,
        ``reason``, ``value`` (the statistic), ``unit``, ``count`` (how many values were judged),
        ``measured``, ``run`` where all are of one run, and the dimensions.
    """
    applies = ~unmet.mask
    place = np.cumsum(unmet.mask) - 1
    records: list[dict[str, Any]] = []
    bounds = np.flatnonzero(np.diff(order)) + 1
    for here in np.split(np.arange(len(order)), bounds) if len(order) else ():
        which = int(order[here[0]])
        specification = specifications[which]
        assert isinstance(specification, StatisticalSpecification)
        chosen = here[applies[here]]
        if len(chosen):
            found = _judge_one(frame, values, row[chosen], specification)
            records += [{"order": which, **verdict._asdict(), **where} for verdict, where in found]
        else:
            misfit = place[here]
            verdict = _inapplicable(unmet.term.gather(misfit), unmet.reason.gather(misfit))
            records.append({"order": which, **verdict._asdict()})
    schema: dict[str, Any] = {
        "order": pl.Int64,
        "verdict": pl.String,
        "cause": pl.String,
        "reason": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "n": pl.Int64,
        "measured": pl.String,
        "run": pl.String,
        **{name: frame.schema[name] for name in DATA_ID_COLUMNS},
        OTHER_DIMENSIONS: ENTRIES,
    }
    columns = {name: [record.get(name) for record in records] for name in schema}
    return pl.DataFrame(columns, schema=schema).rename({"n": "count"})


def _inapplicable(terms: pl.Series, reasons: pl.Series) -> _Verdict:
    """Say why a specification applies to none of its measurements: by the commonest reason."""
    counted = (
        pl.DataFrame({"term": terms, "reason": reasons})
        .group_by("term", "reason")
        .len()
        .sort("len", "reason", descending=[True, False])
    )
    term, reason, count = counted.row(0)
    if len(counted) > 1:
        reason = f"{reason}, for {count} of {len(terms)} measurements, and the others do not fit either"
    return _Verdict("not applicable", f"the query asks for another {term}", reason)


def _judge_one(
    frame: pl.DataFrame,
    values: Values,
    rows: npt.NDArray[np.int64],
    specification: StatisticalSpecification,
) -> Iterator[tuple[_Verdict, dict[str, Any]]]:
    sub = frame.select(
        pl.col("count", "run").gather(pl.Series(rows)),
        *(_dimension(name).gather(pl.Series(rows)).alias(f"by_{name}") for name in specification.by),
    )
    members = _members(values.take(rows), sub["count"], specification)
    by = [f"by_{name}" for name in specification.by]
    run = pl.when(pl.col("run").n_unique() == 1).then(pl.col("run").first())
    positions = pl.int_range(pl.len(), dtype=pl.Int64).alias(_ROW)
    if by:
        groups = sub.with_columns(positions).group_by(by).agg(_ROW, run).sort(by, nulls_last=True)
    else:
        groups = sub.with_columns(positions).select(pl.col(_ROW).implode(), run)
    for group in groups.iter_rows(named=True):
        where: dict[str, Any] = {"run": group["run"]}
        for name in specification.by:
            value = group[f"by_{name}"]
            if name in DATA_ID_COLUMNS:
                where[name] = value
            elif value is not None:
                where.setdefault(OTHER_DIMENSIONS, []).append({"key": name, "value": value})
        yield _judge_group(members, np.array(group[_ROW], dtype=np.int64), specification), where


def _dimension(name: str) -> pl.Expr:
    return pl.col(name) if name in DATA_ID_COLUMNS else other_dimension(name)


def _members(values: Values, counts: pl.Series, specification: StatisticalSpecification) -> _Members:
    left_out = {"without a value": np.isnan(values.value)}
    for code in np.unique(values.unit):
        if convertible(values.units[code], specification.unit)[1] is not None:
            written = unit_string(specification.unit) or "no unit"
            left_out[f"in {values.units[code] or 'no unit'}, which does not convert into {written}"] = (
                values.unit == code
            )
    if specification.min_count:
        known = counts.is_not_null().to_numpy()
        few = known & (counts.fill_null(0).to_numpy() < specification.min_count)
        left_out[f"from fewer than {specification.min_count} samples"] = few
        left_out["from an unknown number of samples"] = ~known
    if specification.sigmas > 0:
        left_out["without an uncertainty"] = np.isnan(values.uncertainty)
    return _Members(values, left_out)


def _judge_group(
    members: _Members, index: npt.NDArray[np.int64], specification: StatisticalSpecification
) -> _Verdict:
    judged = np.ones(len(index), dtype=np.bool_)
    remarks = []
    for words, mask in members.left_out.items():
        here = mask[index] & judged
        if n := int(here.sum()):
            remarks.append(f"{n} {words}")
            judged &= ~here
    left_out = f"; left out: {', '.join(remarks)}" if remarks else ""
    values = members.values.take(index[judged])
    n = len(values.value)
    needed = max(1, specification.of or 1)
    if n < needed:
        there = f"there {'is' if n == 1 else 'are'} {n} value{'s' * (n != 1)}; "
        wanted = f"{needed} {'is' if needed == 1 else 'are'} needed"
        return _Verdict("not measured", "there are too few values", f"{there}{wanted}{left_out}", n=n)
    value, unit, passed = _summarise(values, specification)
    one = "value" if n == 1 else "values"
    match specification.statistic:
        case "at_most":
            measured = f"{value:.0f} of {n}"
            words = f"{measured} {one} {'fails' if value == 1 else 'fail'}"
        case "fraction":
            met = round(value * n)
            measured = f"{met} of {n}"
            words = f"{measured} {one} {'passes' if met == 1 else 'pass'}"
        case _:
            shown = f"{value!r}" if specification.close_calls(value, unit) else f"{value:.6g}"
            measured = f"{shown.removesuffix('.0')} {unit}".rstrip()
            words = f"percentile {specification.level:.10g} of {n} {one} is {measured}"
    reason = f"{words}; asked is {specification.requirement}{left_out}"
    return _Verdict("pass" if passed else "fail", None, reason, value, unit, n, measured)


def _summarise(values: Values, specification: StatisticalSpecification) -> tuple[float, str, bool]:
    """Compute the statistic; a percentile is in the unit of the values if all have the same."""
    codes = np.unique(values.unit)
    unit = values.units[codes[0]]
    number, uncertainty = values.value, values.uncertainty
    if len(codes) > 1:
        unit = unit_string(specification.unit)
        number, uncertainty = number.copy(), uncertainty.copy()
        for code in codes:
            here = values.unit == code
            given = parse_unit(values.units[code])
            ends = [
                convert(values.value[here] + sign * values.uncertainty[here], given, specification.unit)
                for sign in (-1, 1)
            ]
            number[here] = convert(values.value[here], given, specification.unit)
            with np.errstate(invalid="ignore"):
                uncertainty[here] = np.abs(ends[1] - ends[0]) / 2
    value, passed = specification.summarise(number, unit, uncertainties=uncertainty)
    return value, unit if specification.statistic == "percentile" else "", passed
