"""``gnomon demo``: one night, the whole way."""

import json
import sys
import webbrowser
from pathlib import Path

import click
from rich.console import Console

__all__ = ["demo"]

_PLAIN_WIDTH = 120  # of tables that do not go to a terminal


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option(
    "--table",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Another night's table of the same shape.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON instead of tables.")
@click.option("--open", "open_page", is_flag=True, help="Open the page of the night in a browser.")
def demo(folder: Path, table: Path | None, as_json: bool, open_page: bool) -> None:
    """Measure, judge and mark one real night in FOLDER (by default, ./demo).

    Makes a Butler repository of a night in the field of EY UMa, measures its visits with pipetask, harvests,
    judges and marks the measurements, measures again without the marked visits, compares, and writes a page.
    What an earlier call left in FOLDER is kept.
    """
    from gnomon.demo.journey import run_demo
    from gnomon.demo.page import write_page
    from gnomon.demo.terminal import TerminalReporter, print_outcome

    outcome = run_demo(folder, table=table, report=TerminalReporter(Console(stderr=True)))
    page = write_page(outcome)
    if as_json:
        json.dump(outcome.to_dict(), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        console = Console()
        print_outcome(outcome, console if console.is_terminal else Console(width=_PLAIN_WIDTH))
    if open_page:
        webbrowser.open(page.as_uri())
