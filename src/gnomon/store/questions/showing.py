"""How a store and its answers show themselves in a notebook and in a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from gnomon import times
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS
from gnomon.notebook import file_size, html_block, html_list, html_table, text_table
from gnomon.store.upkeep.status import Status

if TYPE_CHECKING:
    from gnomon.store.questions.correlation import Correlation

__all__ = ["correlation_html", "correlation_text", "result_html", "result_text", "store_html", "store_text"]

_FIRST = ("metric", "value", "unit", "uncertainty", "count")
_LAST = ("obs_begin", "obs_end", "measured_at", "run", "software", "dataset_type", "dataset_id", "extras")
_NOT_IN_TEXT = ("obs_end", "measured_at", "dataset_type", "dataset_id", "extras")  # for want of room
_TIMES = ("obs_begin", "obs_end", "measured_at")


def result_text(frame: pl.DataFrame, units: Mapping[str, str], *, wide: bool) -> str:
    """Write measurements as text.

    Parameters
    ----------
    frame
        The rows.
    units
        Unit by column.
    wide
        Whether a row is a data ID.
    """
    what = "data IDs" if wide else "measurements"
    shown, remarks = _arranged(frame, units)
    table = text_table(shown.drop(_NOT_IN_TEXT, strict=False), units=remarks, what=what) if len(frame) else ""
    return f"<Result of {len(frame)} {what}>" + (f"\n{table}" if table else "")


def result_html(frame: pl.DataFrame, units: Mapping[str, str], *, wide: bool) -> str:
    """Write measurements for a notebook.

    Parameters
    ----------
    frame
        The rows.
    units
        Unit by column.
    wide
        Whether a row is a data ID.
    """
    what = "data IDs" if wide else "measurements"
    shown, remarks = _arranged(frame, units)
    table = html_table(shown, units=remarks, what=what) if len(frame) else ""
    return html_block("Result", f"{len(frame):,} {what}", [table])


def _arranged(frame: pl.DataFrame, units: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Put what is looked at first first, and units into the heading."""
    names = frame.columns
    remarks = {**units, **dict.fromkeys((name for name in _TIMES if name in names), "TAI")}
    if "value" in units and "unit" in names:
        names = [name for name in names if name != "unit"]
    ends = {*_FIRST, *_LAST}
    dimensions = [name for name in (*DATA_ID_COLUMNS, OTHER_DIMENSIONS) if name in names]
    middle = [name for name in names if name not in ends and name not in dimensions]
    order = [
        *(name for name in _FIRST if name in names),
        *dimensions,
        *middle,
        *(name for name in _LAST if name in names),
    ]
    return frame.select(order), remarks


def store_text(status: Status, metrics: set[str]) -> str:
    """Write what there is in a store as text.

    Parameters
    ----------
    status
        What `gnomon.store.upkeep.status.status` found.
    metrics
        Names of its metrics.
    """
    names = sorted(metrics)
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
    return f"<Store {status.uri}>\n{_said(status)}" + (f"\nmetrics: {listed}" if names else "")


def store_html(status: Status, metrics: set[str], runs: set[str]) -> str:
    """Write what there is in a store for a notebook.

    Parameters
    ----------
    status
        What `gnomon.store.upkeep.status.status` found.
    metrics, runs
        Names.
    """
    columns = ["table", "rows", "metrics", "files", "size", "first", "last"]
    tables = status.frame().with_columns(
        pl.Series("size", [file_size(table.bytes) for table in status.tables], pl.String)
    )
    remarks = {"first": "came in, TAI", "last": "came in, TAI"}
    parts = [html_table(tables.select(columns), units=remarks, rows=50, what="tables", gather=False)]
    if metrics:
        parts.append(html_list("metrics", metrics))
    if runs:
        parts.append(html_list("runs", runs))
    return html_block(f"Store {status.uri}", _said(status), parts if status.tables else [])


def _said(status: Status) -> str:
    if status.format is None:
        return "nothing yet"
    said = (
        f"{status.rows:,} rows, {status.metrics:,} metrics of {status.dataset_types:,} dataset types in "
        f"{status.runs:,} runs, {file_size(status.bytes)}"
    )
    if status.waiting.rows:
        said += f", {status.waiting.rows:,} rows waiting in the buffer of this host"
    if status.complete_since is not None:
        said += f", history since {times.to_utc_iso(status.complete_since, precision=0)}"
    return said


def correlation_text(correlation: "Correlation") -> str:
    """Write a correlation as text.

    Parameters
    ----------
    correlation
        It.
    """
    gaps = correlation.gaps()
    said = [f"<Correlation of {len(correlation)} measurements with {_signals(correlation)}>"]
    figures = correlation.figures()
    said += (
        [text_table(figures, rows=20, what="pairs of metric and signal", gather=False)]
        if len(figures)
        else []
    )
    said += [f"{rows:,} rows: {gap}" for gap, rows in gaps.iter_rows()]
    return "\n".join(said)


def correlation_html(correlation: "Correlation") -> str:
    """Write a correlation for a notebook: figures, gaps, and the first rows.

    Parameters
    ----------
    correlation
        It.
    """
    rows = correlation.polars()
    units = dict(correlation.units)
    of_metric = rows["unit"].unique().to_list()
    if len(of_metric) == 1:
        units |= {name: of_metric[0] for name in ("value", "uncertainty") if name in rows}
    figures, gaps = correlation.figures(), correlation.gaps()
    shown, remarks = _arranged(rows, units)
    parts = (
        [html_table(figures, rows=20, what="pairs of metric and signal", gather=False)]
        if len(figures)
        else []
    )
    parts += [html_table(gaps, what="reasons", gather=False)] if len(gaps) else []
    parts += [html_table(shown, units=remarks, what="measurements")] if len(rows) else []
    return html_block("Correlation", f"of {len(rows):,} measurements with {_signals(correlation)}", parts)


def _signals(correlation: "Correlation") -> str:
    names = ", ".join(correlation.signals)
    if correlation.how in ("nearest", "linear"):
        at = f"at the middle of the observation, within {correlation.tolerance:g} s"
    elif correlation.tolerance:
        at = f"over the observation and {correlation.tolerance:g} s on either side"
    else:
        at = "over the observation"
    return f"{names} ({correlation.how} {at})"
