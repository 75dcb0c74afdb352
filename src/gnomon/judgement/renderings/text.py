"""A report as text, for terminals and logs."""

import io
import shutil

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnomon.judgement.lines import SYMBOLS
from gnomon.judgement.renderings.summary import causes, count_words

__all__ = ["render_text"]

_STYLES = {"pass": "green", "fail": "bold red", "not measured": "yellow", "not applicable": "dim"}
_PLAIN_WIDTH = 160  # of what does not go to a terminal
_LISTED = 200
_IN_TABLE = 1000  # lines; more take a terminal's whole buffer, and seconds
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"


def render_text(
    lines: pl.DataFrame, counts: dict[str, int], *, everything: bool = False, color: bool = False
) -> str:
    """Write a report as text.

    Parameters
    ----------
    lines
        The lines of the report.
    counts
        How many verdicts there are of each kind.
    everything
        Whether to list every line. If not, all failures are listed, the first 200 of what passed, and what
        was not judged is summed up by its cause.
    color
        Whether to use the colours and the width of a terminal.

    Returns
    -------
    str
        Failures first; the last line sums up.
    """
    # A file of somebody else's must not be able to steer the terminal.
    lines = lines.with_columns(pl.col(pl.String).str.replace_all(_CONTROL, "�"))
    width = shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns if color else _PLAIN_WIDTH
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=color, color_system="standard" if color else None, width=width
    )
    judged = ("fail", "pass")
    for verdict in (*judged, "not measured", "not applicable") if everything else judged:
        chosen = lines.filter(pl.col("verdict") == verdict)
        limit = len(chosen) if everything or verdict == "fail" else _LISTED
        if min(len(chosen), limit) > _IN_TABLE:
            file.write(_long_table(chosen.head(limit), verdict) + "\n")
        elif len(chosen):
            console.print(_table(chosen.head(limit), verdict))
        if len(chosen) > limit:
            console.print(Text(f"… and {len(chosen) - limit:,} more that passed"))
        if len(chosen):
            console.print()
    if not everything and len(summed := causes(lines)):
        console.print(_sums(summed))
        console.print()
    console.print(Text(count_words(counts), style=_STYLES["fail"] if counts.get("fail") else _STYLES["pass"]))
    # The cells of the last column are padded.
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _columns(lines: pl.DataFrame) -> dict[str, str]:
    columns = {"specification": "Specification", "data_id": "Data ID", "reason": "Reason"}
    if not (lines["data_id"] != "").any():
        del columns["data_id"]
    return columns


def _long_table(lines: pl.DataFrame, verdict: str) -> str:
    """Write what is too long for a table whose every cell is looked at."""
    columns = _columns(lines)
    titles = pl.DataFrame({name: [title] for name, title in columns.items()})
    cells = pl.concat([titles, lines.select(*columns)])
    *first, _ = columns
    padded = [pl.col(name).str.pad_end(pl.col(name).str.len_chars().max()) for name in first]
    rows = cells.select(pl.concat_str([*padded, pl.col("reason")], separator="  ")).to_series()
    return "\n".join([f"{SYMBOLS[verdict]} {verdict}", *rows])


def _table(lines: pl.DataFrame, verdict: str) -> Table:
    table = Table(box=None, pad_edge=False, title=Text(f"{SYMBOLS[verdict]} {verdict}"), title_justify="left")
    columns = _columns(lines)
    for title in columns.values():
        table.add_column(title, overflow="fold")
    for row in lines.select(*columns).iter_rows():
        # Text, and not a string, in which rich would look for markup and emoji.
        cells = [Text(cell) for cell in row]
        cells[0].stylize(_STYLES[verdict])
        table.add_row(*cells)
    return table


def _sums(summed: pl.DataFrame) -> Table:
    table = Table(box=None, pad_edge=False, title=Text("Not judged"), title_justify="left")
    table.add_column("Verdicts", justify="right")
    for title in ("Why", "For example"):
        table.add_column(title, overflow="fold")
    for row in summed.iter_rows(named=True):
        table.add_row(
            f"{row['n']:,}",
            Text(
                f"{SYMBOLS[row['verdict']]} {row['verdict']}: {row['cause']}", style=_STYLES[row["verdict"]]
            ),
            Text(f"{row['specification']}: {row['reason']}"),
        )
    return table
