"""Judging: every measurement held against every specification of its metric."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.definitions import Specification, SpecificationSet
from gnomon.errors import DefinitionTypeError
from gnomon.judgement.applicability import Applicability, Unmet
from gnomon.judgement.asked import describe
from gnomon.judgement.baselines import baselines
from gnomon.judgement.checking import Values
from gnomon.judgement.frames import Rows, to_frame
from gnomon.judgement.sets import judge_sets
from gnomon.judgement.singles import Singles
from gnomon.judgement.verdicts import COLUMNS, KEPT, VERDICT, Verdicts

__all__ = ["judge"]

_READ = ("metric", "value", "unit", "uncertainty", "count", "dataset_type", "software", *KEPT)

type _Integers = npt.NDArray[np.int64]
type _Bools = npt.NDArray[np.bool_]


def judge(
    rows: Rows,
    specifications: SpecificationSet | Iterable[Specification],
    *,
    metadata: Mapping[str, Any] | None = None,
    baseline: Rows | None = None,
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
    baseline
        Measurements of an earlier run, for specifications that are relative to one. They are found by metric
        and data ID, implied dimensions aside.

    Returns
    -------
    Verdicts
        Every specification with every measurement of its metric, or if it is a statistical one, with every
        set of them: *pass*, *fail*, *not applicable* (a term of the query does not hold, the units do not
        convert, or there is no baseline), or *not measured* (no measurement, no value, too few samples, or no
        uncertainty where one is needed), each with the reason. One misfit never ends the rest.

    Raises
    ------
    SchemaError
        If ``rows`` or ``baseline`` is no table of measurements.
    DefinitionTypeError
        If one of the specifications is none.

    Notes
    -----
    A value passes if `Specification.check_values` says so. The time goes with the number of pairs of a
    measurement and a specification; units are looked at once for each pair of units.
    """
    frame = _with_ids(rows)
    chosen = list(specifications.values() if isinstance(specifications, SpecificationSet) else specifications)
    for specification in chosen:
        if not isinstance(specification, Specification):
            raise DefinitionTypeError(f"A specification is expected here, not {specification!r:.60}.")
    about, limits = describe(chosen)
    order, row = _pairs(about, frame)
    unmet = Applicability(frame, chosen, metadata or {}).unmet(order, row)
    earlier = baselines(frame, baseline if limits.relative.any() else None)
    values = _values(frame, earlier["baseline"])

    together = limits.statistical[order] & (row >= 0)
    single = Singles(
        about,
        limits,
        frame,
        values,
        earlier["problem"],
        order[~together],
        row[~together],
        _some(unmet, ~together),
    )
    parts = [single.judge(chosen)]
    if together.any():
        sets = judge_sets(frame, values, order[together], row[together], _some(unmet, together), chosen)
        of_sets = about[sets["order"]]
        parts.append(sets.with_columns(pl.col("verdict").cast(VERDICT), *of_sets))
    table = pl.concat(parts, how="diagonal").sort("order", maintain_order=True)
    unspecified = set(frame["metric"].unique()) - set(about["metric"].unique())
    return Verdicts(table.select(COLUMNS), tuple(sorted(unspecified)))


def _with_ids(rows: Rows) -> pl.DataFrame:
    present = rows.columns if isinstance(rows, pl.DataFrame) else getattr(rows, "column_names", ())
    absent = {"dataset_id", "run", "dataset_type"} - set(present)
    frame = to_frame(rows, [name for name in _READ if name not in absent])
    types = {"dataset_id": pl.Binary}
    return frame.with_columns(
        pl.lit(None, dtype=types.get(name, pl.String)).alias(name) for name in sorted(absent)
    ).select(_READ)


def _pairs(about: pl.DataFrame, frame: pl.DataFrame) -> tuple[_Integers, _Integers]:
    """Pair specifications and rows by metric; the row is -1 where there is none."""
    asked = about.select("metric", pl.int_range(pl.len(), dtype=pl.Int64).alias("order"))
    measured = frame.select("metric", pl.int_range(pl.len(), dtype=pl.Int64).alias("row"))
    pairs = asked.join(measured, on="metric", how="left", maintain_order="left_right")
    return pairs["order"].to_numpy(), pairs["row"].fill_null(-1).to_numpy()


def _some(unmet: Unmet, chosen: _Bools) -> Unmet:
    kept = pl.Series(chosen[unmet.mask], dtype=pl.Boolean)
    return Unmet(unmet.mask[chosen], unmet.term.filter(kept), unmet.reason.filter(kept))


def _values(frame: pl.DataFrame, baseline: pl.Series) -> Values:
    unit = frame["unit"].fill_null("")
    units = unit.unique().sort()
    codes = unit.cast(pl.Enum(units)).to_physical().cast(pl.Int64)
    value, uncertainty, held = (
        numbers.fill_null(float("nan")).to_numpy()
        for numbers in (frame["value"], frame["uncertainty"], baseline)
    )
    return Values(value, uncertainty, held, codes.to_numpy(), units.to_list())
