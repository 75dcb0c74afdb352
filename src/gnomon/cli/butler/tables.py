"""Tables as the other ``butler query-*`` commands print them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import click

__all__ = ["print_tables"]


def print_tables(rows: Sequence[Mapping[str, Any]], *, most: int | None = None) -> None:
    """Print rows, a table for each set of columns.

    Parameters
    ----------
    rows
        What to print; those with the same columns stand together.
    most
        How many rows at most; a line says how many more there are.
    """
    from astropy.table import Table

    shown = rows if most is None else rows[:most]
    for columns, group in groupby(shown, key=tuple):
        table = Table(rows=[["" if v is None else v for v in row.values()] for row in group], names=columns)
        click.echo("")
        for line in table.pformat(max_lines=-1, max_width=-1):
            click.echo(line)
    if len(shown) < len(rows):
        click.echo(f"... and {len(rows) - len(shown)} more.")
    click.echo("")
