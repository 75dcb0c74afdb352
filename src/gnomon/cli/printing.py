"""Printing frames: as a table for people, as JSON or CSV for programs."""

import json
import math
import sys
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnomon.measurements.rows import OTHER_DIMENSIONS

__all__ = ["plain_rows", "print_frame", "print_json"]

_PLAIN_WIDTH = 160  # of a table that does not go to a terminal


def print_frame(frame: pl.DataFrame, format_: str) -> None:
    """Print a frame on standard output.

    Parameters
    ----------
    frame
        The rows. Binary columns are printed as hexadecimal, times as ISO 8601, dimensions without a column of
        their own as a JSON object.
    format_
        ``table``, ``json`` (a list of objects; NaN and infinities, which JSON does not know, are null) or
        ``csv``.
    """
    if format_ == "json":
        print_json(plain_rows(frame))
        return
    frame = _as_text(frame)
    if OTHER_DIMENSIONS in frame.columns:
        written = [
            json.dumps(_plain(value)) if value else None for value in frame[OTHER_DIMENSIONS].to_list()
        ]
        frame = frame.with_columns(pl.Series(OTHER_DIMENSIONS, written, pl.String))
    if format_ == "csv":
        sys.stdout.write(frame.write_csv())
        return
    table = Table(box=None, pad_edge=False)
    for name, kind in frame.schema.items():
        table.add_column(Text(name), justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        # Text, and not a string, in which rich would look for markup and emoji.
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(table)


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame as JSON can have them.

    Parameters
    ----------
    frame
        The rows.

    Returns
    -------
    list of dict
        One each: binary values as hexadecimal, times as ISO 8601, NaN and infinities as null.
    """
    return [{name: _plain(value) for name, value in row.items()} for row in _as_text(frame).to_dicts()]


def print_json(value: Any) -> None:
    """Print plain values as JSON on standard output.

    Parameters
    ----------
    value
        What `json` can write.
    """
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    sys.stdout.write("\n")


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(pl.Binary).bin.encode("hex"), pl.col(pl.Datetime).dt.to_string("iso:strict")
    )


def _plain(value: Any) -> Any:
    """Give what JSON can say of a value of a frame."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):  # how polars has a map
        return {entry["key"]: entry["value"] for entry in value}
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
