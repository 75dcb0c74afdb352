"""``gnomon annotations transfer``: annotations that go along with datasets."""

import uuid

import click
from rich.console import Console

from gnomon.cli.annotations.opening import opened, refuse_missing

__all__ = ["transfer"]


@click.command()
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="DEST")
@click.option("--repo", "repository", required=True, metavar="REPO", help="A repository with the datasets.")
@click.option(
    "--dataset-type", "dataset_types", multiple=True, metavar="TYPE", help="Of this type, or types."
)
@click.option("--collections", multiple=True, metavar="NAME,...", help="Where to look for datasets.")
@click.option("--where", default="", metavar="CONDITION", help="A condition on data IDs.")
@click.option("--find-first", is_flag=True, help="Only the first dataset of each data ID.")
@click.option("--dataset", "dataset_ids", multiple=True, type=click.UUID, help="A dataset, by its UUID.")
@click.option("--repository", "label", metavar="LABEL", help="The label of the repository, if you use one.")
@click.option(
    "--datasets-only",
    is_flag=True,
    help="Only what was said of the datasets themselves, not of their exposures, visits, nights and so on.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--config", metavar="FILE", help="A configuration file; its origin is that of DEST.")
def transfer(
    source: str,
    destination: str,
    repository: str,
    dataset_types: tuple[str, ...],
    collections: tuple[str, ...],
    where: str,
    find_first: bool,
    dataset_ids: tuple[uuid.UUID, ...],
    label: str | None,
    datasets_only: bool,
    dry_run: bool,
    config: str | None,
) -> None:
    """Carry what was said of datasets from the log SOURCE into the log DEST.

    Datasets keep their UUIDs in `butler transfer-datasets`; give the same selection here. What is said in
    SOURCE afterwards is brought by the same command, which repeats nothing. For example:

    gnomon annotations transfer summit.db usdf.db --repo REPO --dataset-type raw --collections LSSTCam/raw/all
    """
    from gnomon.cli.options import split_names
    from gnomon.curation.marking import Request, find
    from gnomon.curation.transferring import transfer as carry
    from gnomon.repository.configuration import open_butler

    refuse_missing(source)
    request = Request(
        dataset_types=dataset_types,
        collections=tuple(name for given in collections for name in split_names(given) or ()),
        where=where,
        find_first=find_first,
        dataset_ids=dataset_ids,
        repository=label,
    )
    with (
        Console(stderr=True).status("Looking for what was said"),
        open_butler(repository, without_datastore=True) as butler,
        opened(source, config) as from_,
        opened(destination, config) as to,
    ):
        found = find(butler, request)
        done = carry(
            from_,
            to,
            things=found.things,
            butler=butler,
            repository=label,
            records=not datasets_only,
            dry_run=dry_run,
        )
    verb = "would be" if dry_run else "are"
    click.echo(
        f"{found} with {done.annotations} annotations: {done.recorded} events {verb} new there, {done.known} "
        "were known."
    )
    if done.unknown_flags:
        click.echo(
            f"{destination} has no vocabulary for {', '.join(done.unknown_flags)}; where set, they count as "
            "bad there until `gnomon vocabulary import` says more.",
            err=True,
        )
