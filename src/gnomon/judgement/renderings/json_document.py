"""A report as JSON, for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["SCHEMA_VERSION", "render_json"]

SCHEMA_VERSION = 1
"""Rises when a key is taken away or changes its meaning."""

_PLAIN = (
    "specification",
    "metric",
    "kind",
    "verdict",
    "cause",
    "reason",
    "requirement",
    "tier",
    "value",
    "unit",
    "uncertainty",
    "count",
    "baseline",
    "threshold",
    "threshold_unit",
    "operator",
    "tags",
    "run",
)


def render_json(lines: pl.DataFrame, counts: Mapping[str, int], unspecified: Sequence[str]) -> str:
    """Write a report as JSON.

    Parameters
    ----------
    lines
        The lines of the report.
    counts
        How many verdicts there are of each kind.
    unspecified
        Metrics of which nothing is asked.

    Returns
    -------
    str
        An object with ``schema_version``, ``passed`` (whether nothing failed), ``counts``, ``unspecified``
        and ``verdicts``, an object a line with the columns of `Verdicts.table`; the data ID is an object
        ``data_id``, and ``dataset_id`` is in hexadecimal. NaN and the infinities, which JSON does not know,
        are null.
    """
    numbers = pl.col(pl.Float64)
    frame = lines.with_columns(
        pl.when(numbers.is_finite()).then(numbers).name.keep(), pl.col("dataset_id").bin.encode("hex")
    )
    others = frame[OTHER_DIMENSIONS].to_list()
    ids = frame.select(DATA_ID_COLUMNS).iter_rows()
    verdicts: list[dict[str, Any]] = []
    for row, data_id, more in zip(
        frame.select(*_PLAIN, "dataset_id").iter_rows(named=True), ids, others, strict=True
    ):
        row["data_id"] = {
            name: value for name, value in zip(DATA_ID_COLUMNS, data_id, strict=True) if value is not None
        }
        row["data_id"].update((entry["key"], entry["value"]) for entry in more or ())
        verdicts.append(row)
    document = {
        "schema_version": SCHEMA_VERSION,
        "passed": not counts.get("fail"),
        "counts": dict(counts),
        "unspecified": list(unspecified),
        "verdicts": verdicts,
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
