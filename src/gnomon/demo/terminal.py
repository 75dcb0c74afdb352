"""The demonstration on a terminal: progress while it runs, a summary at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from gnomon import times
from gnomon.demo.outcome import Outcome
from gnomon.demo.summary import next_steps, night_rows, short_name, specification_rows

__all__ = ["TerminalReporter", "print_outcome"]

_COLOURS = {"pass": "green", "fail": "red", "not measured": "yellow", "not applicable": "dim"}


class TerminalReporter:
    """Shows each step with its time; on something that is no terminal, a line a step.

    Parameters
    ----------
    console
        Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, what: str) -> Iterator[Any]:
        """Show a step while it lasts.

        Parameters
        ----------
        what
            The step, in words.

        Yields
        ------
        callable
            To be told how much is done, and of how much if that is known.
        """
        if not self._console.is_terminal:
            self._console.print(f"{what} ...", highlight=False)
            yield lambda *_: None
            return
        with Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        ) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
            done = progress.tasks[0].completed
            progress.update(task, total=max(done, 1), completed=max(done, 1))


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print what was found, and what to try next.

    Parameters
    ----------
    outcome
        What was found.
    console
        Where to.
    """
    console.print()
    console.print(_night_table(outcome))
    console.print(_verdict_table(outcome))
    console.print(_marks_table(outcome))
    console.print(f"The page of the night: [bold]{outcome.page}[/bold]\n", soft_wrap=True, highlight=False)
    console.print("[bold]What to try next[/bold]")
    for why, command in next_steps(outcome):
        console.print(f"  [dim]# {why}[/dim]", highlight=False, soft_wrap=True)
        console.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)


def _night_table(outcome: Outcome) -> Table:
    visits = f"{len(outcome.before.visits)} visits, and {len(outcome.after.visits)} without the flagged ones"
    table = _titled(f"The night of {outcome.source}: {visits}")
    for heading in ("metric", "all visits", "without flagged", "difference"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for row in night_rows(outcome):
        table.add_row(short_name(row.metric), row.before, row.after, row.difference)
    return table


def _verdict_table(outcome: Outcome) -> Table:
    table = _titled("Specifications")
    for heading in ("specification", "requirement", "measured", "verdict"):
        table.add_column(heading)
    for row in specification_rows(outcome):
        table.add_row(
            short_name(row.specification),
            row.requirement,
            row.measured,
            f"[{_COLOURS[row.verdict]}]{row.words}[/]",
        )
    return table


def _marks_table(outcome: Outcome) -> Table:
    title = f"Flagged visits, left out of the second run: {', '.join(map(str, outcome.left_out)) or 'none'}"
    table = _titled(title)
    for heading in ("visit", "who", "says", "why", "outcome"):
        table.add_column(heading)
    for mark in outcome.visit_marks():
        table.add_row(
            f"{mark.seq_num}\n[dim]{mark.visit}[/dim]",
            f"{mark.by} ({mark.kind})\n[dim]{times.to_utc_iso(mark.recorded_at, precision=0)}[/dim]",
            f"{mark.flag}: {mark.state}",
            mark.reason,
            f"{mark.outcome}: {mark.rule}",
        )
    return table


def _titled(title: str) -> Table:
    # A title is not wrapped to the width of its table if the table is at least as wide.
    return Table(title=title, title_justify="left", title_style="bold", min_width=len(title))
