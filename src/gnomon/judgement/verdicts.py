"""Verdicts: measurements held against specifications, each with its reason."""

from dataclasses import dataclass

import polars as pl

from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["COLUMNS", "KEPT", "VERDICT", "VERDICTS", "Verdicts"]

VERDICTS: tuple[str, ...] = ("pass", "fail", "not applicable", "not measured")
"""What a verdict can be."""
VERDICT = pl.Enum(VERDICTS)
"""The type of the column of verdicts."""
KEPT: tuple[str, ...] = ("dataset_id", *DATA_ID_COLUMNS, OTHER_DIMENSIONS, "run")
"""The columns by which a verdict tells of what was measured."""
COLUMNS: tuple[str, ...] = (
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
    "kind",
    "requirement",
    "tier",
    "uncertainty",
    "count",
    "baseline",
    "cause",
    "measured",
    *KEPT,
)
"""The columns of `Verdicts.table`."""

_OF_SPECIFICATION = ("operator", "threshold", "threshold_unit", "tags", "kind", "requirement", "tier")


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What came of holding measurements against specifications.

    Attributes
    ----------
    table
        One row for each measurement and specification of its metric, one for each set of measurements that
        a statistical specification judges together, and one for each specification without a measurement:
        ``metric``, ``specification``, ``verdict``, ``reason``, ``value`` and ``unit`` (of the measurement, or
        of the statistic), ``threshold``, ``threshold_unit`` and ``operator`` (null where the specification
        has no threshold), ``tags``, ``kind``, ``requirement``, ``tier``, ``uncertainty``, ``count`` (of
        samples; of values in a set), ``baseline`` (in ``unit``), ``cause`` (in a few words why nothing was
        judged, the same for like reasons; null for pass and fail), ``measured`` (value,
        uncertainty and unit in words; null where there is no value), ``dataset_id``, the columns of the data
        ID, ``dimensions`` and ``run``.
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
            ``metric``, ``specification``, ``operator``, ``threshold``, ``threshold_unit``, ``tags``,
            ``kind``, ``requirement``, ``tier``, a count for each verdict under its name with underscores,
            ``judged`` (pass and fail together) and ``passed`` (the part of the judged that passed; null where
            none was), in the order of the specifications.
        """
        counts = [
            (pl.col("verdict") == verdict).sum().cast(pl.Int64).alias(verdict.replace(" ", "_"))
            for verdict in VERDICTS
        ]
        judged = pl.col("pass") + pl.col("fail")
        return (
            self.table.group_by("metric", "specification", maintain_order=True)
            .agg(pl.col(_OF_SPECIFICATION).first(), *counts)
            .with_columns(
                judged.alias("judged"), pl.when(judged > 0).then(pl.col("pass") / judged).alias("passed")
            )
        )
