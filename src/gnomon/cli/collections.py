"""``gnomon collections``: collections that follow what people and bots said."""

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from gnomon import dataids
from gnomon.cli.choosing import choice_options, find, take_choice
from gnomon.cli.options import format_option, parse_data_id, split_names, user_option
from gnomon.cli.rows import print_rows

if TYPE_CHECKING:
    from gnomon.curation.good_collections import Change, SyncRecord, SyncReport

__all__ = ["collections"]

_SHOWN = 50
_CHANGES = ("change", "data_id", "rule", "name", "by", "reason", "dataset")
_WHOLE = (*_CHANGES, "type", "run", "annotation")


@click.group()
def collections() -> None:
    """Keep collections that follow what people and bots said."""


@collections.command()
@click.argument("repository", metavar="REPO")
@click.option("--collection", metavar="NAME", help="The TAGGED collection; it is made if there is none.")
@click.option("--from", "sources", required=True, metavar="NAME,...", help="Where the datasets come from.")
@click.option(
    "--dataset-type",
    "dataset_types",
    required=True,
    multiple=True,
    metavar="TYPE,...",
    help="Of which types.",
)
@click.option("--where", default="", metavar="CONDITION", help="A condition on data IDs.")
@choice_options
@click.option(
    "--on-shadow",
    type=click.Choice(["drop", "fall-back"]),
    default="drop",
    show_default=True,
    help="Where the first dataset of a data ID is left out: leave out the data ID, or take the next one.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.ecsv",
    help="Write what remains as a table of data IDs, for --data-id-table.",
)
@click.option("--adopt", is_flag=True, help="Take over a collection that gnomon did not make.")
@click.option("--allow-empty", is_flag=True, help="Let a collection become empty.")
@click.option("--dry-run", is_flag=True, help="Only show what would enter and leave.")
@user_option
@format_option
def sync(
    repository: str,
    collection: str | None,
    sources: str,
    dataset_types: tuple[str, ...],
    where: str,
    on_shadow: str,
    table: Path | None,
    adopt: bool,
    allow_empty: bool,
    dry_run: bool,
    user: str,
    format_: str,
    **given: Any,
) -> None:
    """Bring a collection of REPO up to what nothing leaves out: only the differences, all or none.

    Each change is recorded, see `gnomon collections history`. Nothing is touched if what was said about the
    data cannot be reached. For example:

    gnomon collections sync REPO --collection good/raw --from LSSTCam/raw/all --dataset-type raw
    --exclude-flags unusable
    """
    from gnomon.curation import good_collections as good
    from gnomon.repository.configuration import open_butler

    if collection is None and table is None:
        raise click.UsageError("Say what is to be kept up: --collection NAME, --table FILE.ecsv, or both.")
    choice = take_choice(given)
    if not choice:
        raise click.UsageError(
            "Say what is left out: --exclude-flags, --require-flags, --exclude-tags or --require-metric."
        )
    source = good.Source(
        collections=tuple(split_names(sources) or ()),
        dataset_types=tuple(name for text in dataset_types for name in split_names(text) or ()),
        where=where,
        on_shadow=on_shadow,  # type: ignore[arg-type]  # click has checked it
    )
    writeable = collection is not None and not dry_run
    working = Console(stderr=True).status("Asking what is left out")
    with (
        open_butler(repository, writeable=writeable) as butler,
        working,
        find(choice, butler) as exclusions,
    ):
        working.update(f"Comparing {collection or 'what remains'} with {sources}")
        report = None
        if collection is None:
            contents = good.find_contents(butler, source, exclusions)
        else:
            report = good.sync(
                butler,
                collection=collection,
                source=source,
                exclusions=exclusions,
                by=user,
                adopt=adopt,
                allow_empty=allow_empty,
                dry_run=dry_run,
            )
            contents = report.contents
        working.stop()
        if report is not None:
            _print_report(report, format_)
        for one in exclusions.unapplied[:_SHOWN]:
            click.echo(f"Note: {one.exclusion} leaves out nothing: {one.why}.", err=True)
        if table is not None and not dry_run:
            number = good.write_table(contents.good.values(), table)
            click.echo(f"{number} data IDs in {table}.", err=True)


@collections.command()
@click.argument("repository", metavar="REPO")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@click.option("--collection", required=True, metavar="NAME", help="Of which collection.")
@click.option("--dataset", "datasets", multiple=True, type=click.UUID, help="Only of this dataset.")
@click.option("--since", metavar="UTC", help="From this time on.")
@click.option("--until", metavar="UTC", help="Before this time.")
@format_option
def history(
    repository: str,
    data_id: tuple[str, ...],
    collection: str,
    datasets: tuple[uuid.UUID, ...],
    since: str | None,
    until: str | None,
    format_: str,
) -> None:
    """Print what entered and left a collection of REPO, when and why.

    Of everything, or of what has a data ID, such as instrument=LSSTCam exposure=42.
    """
    from gnomon import times
    from gnomon.curation import good_collections as good
    from gnomon.repository.configuration import open_butler

    with open_butler(repository) as butler:
        records = good.history(
            butler,
            collection,
            dataset_ids=datasets or None,
            data_id=parse_data_id(data_id) if data_id else None,
            since=None if since is None else times.from_utc_iso(since),
            until=None if until is None else times.from_utc_iso(until),
        )
    row, columns = (_shown, _CHANGES) if format_ == "table" else (_row, _WHOLE)
    rows = [
        {
            "at": times.to_utc_iso(record.at, precision=0),
            "sync": record.number,
            "run_by": record.by,
            **row(change),
            "cut": str(record.cut),
            "policy": record.policy,
        }
        for record in records
        for change in record.changes
    ]
    more = ("cut",) if format_ == "table" else ("run_by", "cut", "policy")
    print_rows(rows, ("at", "sync", *columns, *more), format_)
    if not rows and format_ == "table":
        click.echo("No sync changed that.", err=True)


def _print_report(report: "SyncReport", format_: str) -> None:
    record = report.record
    if format_ == "table":
        if record.changes:
            print_rows(map(_shown, record.changes[:_SHOWN]), _CHANGES, format_)
        if len(record.changes) > _SHOWN:
            click.echo(f"... and {len(record.changes) - _SHOWN} more.")
    else:
        print_rows(map(_row, record.changes), _WHOLE, format_)
    click.echo(_in_words(report, record), err=format_ != "table")
    if report.asked_otherwise and report.before is not None:
        click.echo(
            "Note: the sync before asked for something else, "
            f"{json.dumps({**report.before.selection, **report.before.source})}; two that take turns undo "
            "each other's work.",
            err=True,
        )


def _in_words(report: "SyncReport", record: "SyncRecord") -> str:
    left_out = ", ".join(
        f"{number} by {rule} {name}" for (rule, name), number in sorted(report.excluded.items())
    )
    what = "Would change" if report.dry_run else "Changed" if report.changed else "Unchanged"
    return (
        f"{what}: {record.entered} entered, {record.left} left, {record.kept} stayed. Left out: "
        f"{left_out or 'nothing'}. As of {record.cut or 'the beginning'} under {record.policy}."
    )


def _shown(change: "Change") -> dict[str, Any]:
    data_id = dataids.format(dataids.parse(change.data_id))
    return _row(change) | {"data_id": f"{change.dataset_type} {data_id}"}


def _row(change: "Change") -> dict[str, Any]:
    return {
        "change": change.change,
        "dataset": str(change.dataset_id),
        "type": change.dataset_type,
        "run": change.run,
        "data_id": change.data_id,
        "rule": change.rule,
        "name": change.name,
        "by": change.by,
        "reason": change.reason,
        "annotation": change.annotation_id,
    }
