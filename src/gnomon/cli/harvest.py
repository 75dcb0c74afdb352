"""``gnomon harvest``: measurements from a repository into the store."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from gnomon.cli.options import format_option, store_option

if TYPE_CHECKING:
    import polars as pl

    from gnomon.repository.harvest_report import HarvestReport

__all__ = ["harvest"]

_SHOWN = 10  # unreadable datasets named one by one


@click.command()
@click.argument("repository", metavar="REPO")
@click.option(
    "--collections",
    required=True,
    help="RUN, CHAINED or TAGGED collections, or shell patterns, separated by commas.",
)
@click.option("--prune", is_flag=True, help="Remove from the store what the registry no longer has.")
@click.option("--reread", is_flag=True, help="Read what the store has already too.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option(
    "--lineage",
    metavar="URI",
    help="Where what the files say of how they were made is recorded; by default $GNOMON_LINEAGE or what the "
    "settings say.",
)
@click.option("--no-lineage", is_flag=True, help="Do not record how they were made.")
@store_option
@format_option
@click.pass_context
def harvest(
    ctx: click.Context,
    repository: str,
    collections: str,
    prune: bool,
    reread: bool,
    dry_run: bool,
    lineage: str | None,
    no_lineage: bool,
    store: str | None,
    format_: str,
) -> None:
    """Bring the measurements in collections of REPO into the metrics store; only what is new is read.

    Their files also say from which datasets they were made, which is recorded for `gnomon lineage`.

    It can be killed and run again at any time. Ends with status 1 if something could not be read.
    """
    from gnomon.repository import harvest as harvesting
    from gnomon.repository.configuration import open_butler
    from gnomon.repository.lineage import open_lineage
    from gnomon.store import open_store

    errors = Console(stderr=True)
    metrics = open_store(store)
    names = [name.strip() for name in collections.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one.", ctx, param_hint="--collections")
    if lineage is not None and no_lineage:
        raise click.UsageError("--lineage and --no-lineage exclude each other.")
    with (
        open_butler(repository) as butler,
        nullcontext() if no_lineage or dry_run else open_lineage(lineage) as recorded,
        Progress(console=errors, transient=True) as progress,
    ):
        task = progress.add_task("Searching", total=None)
        report = harvesting.harvest(
            butler,
            metrics,
            collections=names,
            prune=prune,
            reread=reread,
            dry_run=dry_run,
            lineage=recorded,
            progress=lambda done, total: progress.update(
                task, completed=done, total=total, description="Reading measurements"
            ),
        )
    _print(report, format_, prune=prune, dry_run=dry_run)
    for name in report.calibrations:
        errors.print(
            f"Left out: {name}, of type CALIBRATION; its datasets are in their runs.",
            markup=False,
            soft_wrap=True,
        )
    if format_ != "json":
        for item in report.unreadable[:_SHOWN]:
            errors.print(
                f"Not read: {item.dataset_type} {item.dataset_id} in {item.run}: {item.reason}",
                markup=False,
                soft_wrap=True,
            )
        if report.not_read > _SHOWN:
            errors.print(f"... and {report.not_read - _SHOWN} more; --format json names them.")
    if report.lineage_error:
        errors.print(f"Lineage was not recorded: {report.lineage_error}", markup=False, soft_wrap=True)
    if report.not_read or report.lineage_error:
        ctx.exit(1)


def _print(report: "HarvestReport", format_: str, *, prune: bool, dry_run: bool) -> None:
    from gnomon.cli.printing import print_frame, print_json

    if format_ == "json":
        print_json(report.document())
        return
    if report.types:
        print_frame(_by_type(report), format_)
    if format_ == "csv":
        return
    new = report.found - report.known
    click.echo(f"{len(report.runs)} runs, {report.found} datasets with measurements, {new} of them new.")
    if report.gone:
        click.echo(f"Gone from the repository: {', '.join(report.gone)}.")
    if dry_run:
        removed = f" {report.pruned} datasets would be removed." if prune else ""
        click.echo(f"Nothing was changed.{removed}")
        return
    click.echo(f"{report.measurements} measurements brought in; {report.pruned} datasets removed.")
    if report.edges:
        click.echo(f"{report.edges} edges of lineage recorded.")


def _by_type(report: "HarvestReport") -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(
        [
            {
                "dataset type": name,
                "found": one.found,
                "new": one.found - one.known,
                "read": one.read,
                "unreadable": one.unreadable,
                "measurements": one.measurements,
            }
            for name, one in report.types.items()
        ]
    )
