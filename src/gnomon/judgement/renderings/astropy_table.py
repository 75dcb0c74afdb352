"""A report as an astropy table, with the established columns first."""

import polars as pl
from astropy.table import Table

__all__ = ["render_table"]

_COLUMNS = {
    "Status": "status",
    "Specification": "specification",
    "Measurement": "measurement",
    "Test": "requirement",
    "Metric Tags": "metric_tags",
    "Spec. Tags": "spec_tags",
    "Reason": "reason",
}


def render_table(lines: pl.DataFrame) -> Table:
    """Write a report as a table.

    Parameters
    ----------
    lines
        The lines of the report.

    Returns
    -------
    astropy.table.Table
        Strings: ``Status``, ``Specification``, ``Measurement``, ``Test``, ``Metric Tags``, ``Spec. Tags`` and
        ``Reason``; ``Data ID`` too if any line has one.
    """
    columns = dict(_COLUMNS)
    if (lines["data_id"] != "").any():
        columns["Data ID"] = "data_id"
    return Table(
        [lines[name].to_list() for name in columns.values()],
        names=list(columns),
        dtype=["str"] * len(columns),
    )
