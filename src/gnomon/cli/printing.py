"""Printing frames: as a table for people, as JSON or CSV for programs."""

import json
import sys
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

__all__ = ["print_frame", "print_json"]

_PLAIN_WIDTH = 160  # of a table that does not go to a terminal


def print_frame(frame: pl.DataFrame, format_: str) -> None:
    """Print a frame on standard output.

    Parameters
    ----------
    frame
        The rows. Binary columns are printed as hexadecimal, times as ISO 8601.
    format_
        ``table``, ``json`` (a list of objects; NaN is null) or ``csv``.
    """
    frame = frame.with_columns(
        pl.col(pl.Binary).bin.encode("hex"), pl.col(pl.Datetime).dt.to_string("iso:strict")
    )
    if format_ == "csv":
        sys.stdout.write(frame.select(pl.exclude("dimensions")).write_csv())
    elif format_ == "json":
        print_json(frame.with_columns(pl.col(pl.Float64).fill_nan(None)).to_dicts())
    else:
        table = Table(box=None, pad_edge=False)
        for name, kind in frame.schema.items():
            table.add_column(name, justify="right" if kind.is_numeric() else "left", overflow="fold")
        for row in frame.iter_rows():
            table.add_row(*(_cell(value) for value in row))
        console = Console()
        if not console.is_terminal:
            console = Console(width=_PLAIN_WIDTH)
        console.print(table, markup=False)


def print_json(value: Any) -> None:
    """Print plain values as JSON on standard output.

    Parameters
    ----------
    value
        What `json` can write.
    """
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
