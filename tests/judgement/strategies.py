"""Rows of measurements and specifications of all kinds, for laws of judgement."""

from typing import Any

import astropy.units as u
import pyarrow as pa
from hypothesis import strategies as st

from gnomon.definitions import (
    BaselineSpecification,
    RangeSpecification,
    Specification,
    ThresholdSpecification,
    ToleranceSpecification,
)
from gnomon.measurements import rows

METRICS = ("p.a", "p.a", "p.a", "p.b")
NUMBERS = st.integers(-4, 4).map(float) | st.integers(-4, 4).map(float) | st.floats()


def record(metric: str, value: float | None, unit: str = "mmag", **more: Any) -> dict[str, Any]:
    """Give a row as a mapping."""
    return {
        "dataset_id": b"0" * 16,
        "metric": metric,
        "value": value,
        "unit": unit,
        "run": "run",
        "dataset_type": "metricvalue",
        **more,
    }


def table(*records: dict[str, Any]) -> pa.Table:
    """Make a table of rows."""
    return rows.from_records(records)


@st.composite
def records(draw: st.DrawFn, metrics: tuple[str, ...] = METRICS) -> dict[str, Any]:
    """Draw a row."""
    return record(
        draw(st.sampled_from(metrics)),
        draw(st.none() | NUMBERS),
        draw(st.sampled_from(["mmag", "mmag", "mmag", "mag", "s"])),
        uncertainty=draw(st.sampled_from([None, float("nan"), 0.0, 1.0, 2.0]) | st.floats(0, 3)),
        count=draw(st.none() | st.integers(0, 5)),
        band=draw(st.sampled_from(["g", "r", None])),
        instrument=draw(st.sampled_from(["I", "I2"])),
        visit=draw(st.none() | st.integers(1, 3)),
    )


_TERMS = {
    "band": st.sampled_from(
        ["g", 3, {"in": ["g", "x"]}, {"not_in": ["g", 1]}, {"min": "h"}, {"like": "[gh]"}, {"max": 3}]
    ),
    "visit": st.sampled_from(
        [
            2,
            2.0,
            "2",
            {"min": 2},
            {"above": 1, "below": 3},
            {"in": [1, "2"]},
            {"not_in": [2]},
            {"like": "2"},
        ]
    ),
    "instrument": st.sampled_from(["I", {"like": "I*"}, {"like": "?"}]),
    "season": st.sampled_from([1, {"min": 1, "max": 2}, "x", {"in": [1, 2]}, True]),
    "site": st.just("here"),
}
TERMS = st.lists(st.sampled_from(sorted(_TERMS)), max_size=2, unique=True).flatmap(
    lambda terms: st.fixed_dictionaries({term: _TERMS[term] for term in terms})
)
METADATA = st.fixed_dictionaries(
    {},
    optional={"season": st.integers(0, 3), "site": st.sampled_from(["here", "there"]), "band": st.just("g")},
)


@st.composite
def specifications(draw: st.DrawFn, index: int = 0) -> Specification:
    """Draw a specification of single values."""
    name = f"{draw(st.sampled_from((*METRICS, 'p.c')))}.s{index}"
    common: dict[str, Any] = {
        "metadata_query": draw(TERMS),
        "sigmas": draw(st.sampled_from([0.0, 0.0, 2.0, -1.0])),
        "min_count": draw(st.sampled_from([None, None, None, 3])),
    }
    edge = draw(st.integers(-4, 4).map(float))
    unit = draw(st.sampled_from(["mmag", "mmag", "mag"]))
    match draw(st.sampled_from(["threshold", "range", "tolerance", "baseline"])):
        case "threshold":
            operator = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
            return ThresholdSpecification(name, u.Quantity(edge, unit), operator, **common)
        case "range":
            ends = u.Quantity(edge, unit), u.Quantity(edge + draw(st.integers(0, 4)), unit)
            inclusive = draw(st.sampled_from(["both", "lower", "upper", "neither"]))
            return RangeSpecification(name, *ends, inclusive=inclusive, **common)
        case "tolerance":
            return ToleranceSpecification(
                name, u.Quantity(edge, unit), draw(st.sampled_from([0.0, 0.5, 1.0])), **common
            )
        case _:
            return BaselineSpecification(
                name,
                increase=draw(st.sampled_from([0.0, 0.5, 1.0])),
                decrease=draw(st.sampled_from([None, 0.0, 1.0])),
                unit=draw(st.sampled_from([None, "mmag"])),
                **common,
            )
