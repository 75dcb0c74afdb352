"""What specifications ask, as columns: one item for each specification."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gnomon.definitions import (
    BaselineSpecification,
    Specification,
    StatisticalSpecification,
    unit_string,
)
from gnomon.definitions.tiers import tier_of
from gnomon.judgement.wording import encodable

__all__ = ["ABOUT", "Limits", "describe"]

ABOUT: dict[str, Any] = {
    "metric": pl.String,
    "specification": pl.String,
    "kind": pl.String,
    "requirement": pl.String,
    "tier": pl.String,
    "threshold": pl.Float64,
    "threshold_unit": pl.String,
    "operator": pl.String,
    "tags": pl.List(pl.String),
}
"""The columns by which every verdict tells of its specification."""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """The numbers by which values are judged.

    Attributes
    ----------
    lower, upper, lower_open, upper_open, outside
        As in `gnomon.definitions.bounds.Bounds`; of no meaning where ``relative``.
    sigmas
        As in `Specification`.
    min_count
        How many samples are needed; 0 where it does not matter.
    unit
        Index into ``units``.
    relative
        Whether the bounds depend on a baseline.
    apart
        Whether a specification has a way of its own to check a value, in place of bounds.
    statistical
        Whether values are judged together.
    units
        The units that occur; `None` where values are judged in their own.
    """

    lower: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]
    lower_open: npt.NDArray[np.bool_]
    upper_open: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    sigmas: npt.NDArray[np.float64]
    min_count: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    relative: npt.NDArray[np.bool_]
    apart: npt.NDArray[np.bool_]
    statistical: npt.NDArray[np.bool_]
    units: tuple[Any, ...]


def describe(specifications: Sequence[Specification]) -> tuple[pl.DataFrame, Limits]:
    """Write specifications as columns.

    Parameters
    ----------
    specifications
        Any kinds.

    Returns
    -------
    tuple of polars.DataFrame and Limits
        The columns of `ABOUT`, and the numbers, in the same order.
    """
    about: dict[str, list[Any]] = {name: [] for name in ABOUT}
    limits: dict[str, list[Any]] = {field.name: [] for field in fields(Limits) if field.name != "units"}
    codes: dict[str | None, int] = {}
    units: list[Any] = []
    for specification in specifications:
        name = encodable(str(specification.name))
        unit = specification.unit
        written = None if unit is None else unit_string(unit)
        relative = isinstance(specification, BaselineSpecification)
        bounds = specification.bounds()
        code = codes.get(written)
        if code is None:
            code = codes[written] = len(units)
            units.append(unit)
        threshold = getattr(specification, "threshold", None)
        known = threshold is not None
        for column, value in (
            ("metric", name.rpartition(".")[0]),
            ("specification", name),
            ("kind", specification.type),
            ("requirement", specification.requirement),
            ("tier", tier_of(specification)),
            ("threshold", float(threshold.value) if threshold is not None else None),
            ("threshold_unit", written if known else None),
            ("operator", getattr(specification, "operator_str", None) if known else None),
            ("tags", sorted(map(encodable, specification.tags))),
        ):
            about[column].append(value)
        for column, number in (
            # Bounds of a baseline are not a number until the baseline is known.
            ("lower", bounds.lower),
            ("upper", bounds.upper),
            ("lower_open", bounds.lower_open),
            ("upper_open", bounds.upper_open),
            ("outside", bounds.outside),
            ("sigmas", specification.sigmas),
            ("min_count", specification.min_count or 0),
            ("unit", code),
            ("relative", relative),
            ("apart", not specification.judged_by_bounds),
            ("statistical", isinstance(specification, StatisticalSpecification)),
        ):
            limits[column].append(number)
    kinds: dict[str, Any] = {"sigmas": np.float64, "lower": np.float64, "upper": np.float64}
    kinds |= {"min_count": np.int64, "unit": np.int64}
    arrays: dict[str, Any] = {
        name: np.array(values, dtype=kinds.get(name, np.bool_)) for name, values in limits.items()
    }
    # Of lists of lists Polars makes a series for each; Arrow does not.
    about["tags"] = pl.Series(pa.array(about["tags"], pa.list_(pa.string())))  # type: ignore[assignment]
    return pl.DataFrame(about, schema=ABOUT), Limits(**arrays, units=tuple(units))
