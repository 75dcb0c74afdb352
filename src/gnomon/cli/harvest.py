"""``gnomon harvest``: measurements from a repository into the store."""

import click
from rich.console import Console
from rich.progress import Progress

from gnomon.cli.options import store_option

__all__ = ["harvest"]

_SHOWN = 10  # unreadable datasets named one by one


@click.command()
@click.argument("repository", metavar="REPO")
@click.option(
    "--collections", required=True, help="RUN or CHAINED collections, or shell patterns, separated by commas."
)
@click.option("--prune", is_flag=True, help="Remove from the store what the registry no longer has.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@store_option
@click.pass_context
def harvest(
    ctx: click.Context, repository: str, collections: str, prune: bool, dry_run: bool, store: str | None
) -> None:
    """Bring the measurements in collections of REPO into the metrics store; only what is new is read.

    Ends with status 1 if something could not be read.
    """
    from gnomon.repository import harvest as harvesting
    from gnomon.repository.configuration import open_butler
    from gnomon.store import open_store

    errors = Console(stderr=True)
    metrics = open_store(store)
    names = [name.strip() for name in collections.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one.", ctx, param_hint="--collections")
    with open_butler(repository) as butler, Progress(console=errors, transient=True) as progress:
        task = progress.add_task("Reading measurements", total=None)
        report = harvesting.harvest(
            butler,
            metrics,
            collections=names,
            prune=prune,
            dry_run=dry_run,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    new = report.found - report.known
    click.echo(f"{len(report.runs)} runs, {report.found} datasets with measurements, {new} of them new.")
    if dry_run:
        click.echo(
            f"Nothing was changed. {report.pruned} datasets would be removed."
            if prune
            else "Nothing was changed."
        )
        return
    click.echo(f"{report.appended.added} measurements added; {report.pruned} datasets removed.")
    for item in report.unreadable[:_SHOWN]:
        errors.print(f"Not read: {item.dataset_type} {item.dataset_id}: {item.reason}", markup=False)
    if len(report.unreadable) > _SHOWN:
        errors.print(f"... and {len(report.unreadable) - _SHOWN} more.")
    if report.unreadable:
        ctx.exit(1)
