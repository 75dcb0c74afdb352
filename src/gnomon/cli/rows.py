"""Printing rows without a frame: a command that only says something need not wait for Polars."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_json", "print_rows"]

_PLAIN_WIDTH = 160  # of a table that does not go to a terminal


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], format_: str) -> None:
    """Print rows on standard output.

    Parameters
    ----------
    rows
        A mapping from columns to plain values each.
    columns
        Which ones, in order.
    format_
        ``table``, ``json`` (a list of objects) or ``csv``.
    """
    if format_ == "json":
        print_json([{name: row.get(name) for name in columns} for row in rows])
        return
    if format_ == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
        return
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        # Text, and not a string, in which rich would look for markup and emoji.
        table.add_row(*(Text(_cell(row.get(name))) for name in columns))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(table)


def print_json(value: Any) -> None:
    """Print plain values as JSON on standard output.

    Parameters
    ----------
    value
        What `json` can write.
    """
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    sys.stdout.write("\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
