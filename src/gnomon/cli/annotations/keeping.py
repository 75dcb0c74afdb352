"""Commands that look after the log: ``import``, ``export``, ``check``, ``rebuild``, ``upgrade``."""

import sys
from pathlib import Path

import click

from gnomon.cli.annotations.opening import log_options, opened, progress_bar
from gnomon.cli.options import format_option

__all__ = ["check", "export", "import_", "rebuild", "upgrade"]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--after", metavar="CUT", default="", help="Only what is not within this cut.")
@log_options
def export(file: Path, after: str, annotations: str | None, config: str | None) -> None:
    """Write the log as JSON Lines into FILE, or - for standard output."""
    from gnomon.annotations import Cut

    known = Cut.parse(after)
    with opened(annotations, config, existing=True) as log, progress_bar("Writing events") as progress:
        if str(file) == "-":
            log.export(sys.stdout, after=known)
            return
        number = log.export(file, after=known, progress=progress)
    click.echo(f"{number} events in {file}.")


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@log_options
def import_(file: Path, annotations: str | None, config: str | None) -> None:
    """Take in the events of FILE, which `export` wrote here or elsewhere; - for standard input.

    The order in which files come makes no difference, and taking one in again changes nothing.
    """
    with opened(annotations, config) as log, progress_bar("Taking in events") as progress:
        if str(file) == "-":
            found = log.import_(sys.stdin, name="standard input")
        else:
            found = log.import_(file, progress=progress)
    waiting = f", {found.held} wait for others" if found.held else ""
    click.echo(f"{found.recorded} events are new, {found.known} were known{waiting}.")
    for sentence in found.dropped:
        click.echo(f"Dropped: {sentence}", err=True)


@click.command()
@log_options
@format_option
@click.pass_context
def check(ctx: click.Context, annotations: str | None, config: str | None, format_: str) -> None:
    """Look for damage: broken chains, gaps, and projections that differ from the events.

    Ends with status 1 if there is any.
    """
    from gnomon.cli.rows import print_rows

    with opened(annotations, config, existing=True) as log:
        with progress_bar("Checking") as progress:
            problems = log.check(progress=progress)
        notices, cut, digest = log.notices(), log.cut(), log.digest()
    if format_ != "table" or problems:
        print_rows([{"problem": problem} for problem in problems], ["problem"], format_)
    else:
        click.echo(f"All is well up to {cut or 'the beginning'}, digest {digest}.")
    for notice in notices:
        click.echo(f"Note: {notice}", err=True)
    if problems:
        ctx.exit(1)


@click.command()
@log_options
def rebuild(annotations: str | None, config: str | None) -> None:
    """Compute everything anew from the events, in one transaction."""
    with opened(annotations, config, existing=True) as log, progress_bar("Computing anew") as progress:
        number = log.rebuild(progress=progress)
    click.echo(f"{number} annotations computed anew.")


@click.command()
@log_options
def upgrade(annotations: str | None, config: str | None) -> None:
    """Take the tables of an older gnomon to the present ones, as a whole or not at all.

    A SQLite file is upgraded whenever it is opened; a PostgreSQL database only so, since others may still use
    an older gnomon.
    """
    with (
        progress_bar("Upgrading") as progress,
        opened(annotations, config, existing=True, upgrade=True, progress=progress) as log,
    ):
        cut = log.cut()
    click.echo(f"The tables are those of this gnomon; the log goes to {cut or 'the beginning'}.")
