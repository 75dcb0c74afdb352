"""``butler query-annotations``: what was said of what a query finds."""

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from gnomon.cli.annotations.opening import opened, read_moment
from gnomon.cli.butler.command import Subcommand, log_options, selection_options
from gnomon.cli.butler.tables import print_tables
from gnomon.cli.options import format_option
from gnomon.cli.rows import print_rows

if TYPE_CHECKING:
    from gnomon.curation.said import Said

__all__ = ["query_annotations"]


@click.command(
    cls=Subcommand, short_help="List what was said about datasets or records, and which flags hold."
)
@selection_options
@click.option("--flag", "flags", multiple=True, help="Only these flags; virtual ones, such as unusable, too.")
@click.option("--state", type=click.Choice(["set", "clear", "examined"]), help="Only what holds so.")
@click.option("--policy", metavar="NAME@VERSION", help="By which policy.  [default: standard@1]")
@click.option("--at", metavar="CUT|UTC", help="As of a cut or a time; by default now.")
@click.option("--orphaned", is_flag=True, help="Annotations of datasets that REPO does not have.")
@format_option
@log_options
def query_annotations(
    repo: str,
    flags: tuple[str, ...],
    state: str | None,
    policy: str | None,
    at: str | None,
    orphaned: bool,
    format_: str,
    annotations: str | None,
    config: str | None,
    **selection: Any,
) -> None:
    """List what was said about datasets of REPO, or records, and which flags hold.

    Of a dataset it is listed, too, what was said of its exposure or visit, its detector, its night and so on.
    The cut on which the answer rests is printed on standard error.
    """
    from gnomon.cli.annotations.orphaned import print_orphans
    from gnomon.curation.marking import Request, find
    from gnomon.curation.said import said_of
    from gnomon.repository.configuration import open_butler

    errors = Console(stderr=True)
    if orphaned:
        if any(selection[name] for name in ("dataset_types", "collections", "where", "element")):
            raise click.UsageError("What is gone is in no collection: --orphaned goes with no condition.")
        if state or policy or at or selection["dataset_ids"] or len(flags) > 1:
            raise click.UsageError(
                "--orphaned lists annotations and not what holds: it goes with one --flag, and with none of "
                "--dataset, --state, --policy and --at."
            )
        conditions = {"flag": flags[0]} if flags else {}
        print_orphans(repo, annotations, config, format_, conditions, label=selection["repository"])
        return
    with (
        open_butler(repo, without_datastore=True) as butler,
        opened(annotations, config, existing=True) as log,
        errors.status("Looking in the repository"),
    ):
        found = find(butler, Request(**selection))
        cut = log.cut(read_moment(at))
        said = said_of(log, found.things, flags=list(flags) or None, policy=policy, at=cut, butler=butler)
    if state is not None:
        said = [one for one in said if getattr(one.what, "state", None) == state]
    rows = [_row(one) for one in said]
    if format_ != "table":
        print_rows(rows, list(dict.fromkeys(name for row in rows for name in row)), format_)
    elif rows:
        print_tables(rows)
    else:
        click.echo("Nothing was said of them.")
    silent = len(found.things) - len({id(one.thing) for one in said})
    without = f"; nothing was said of {silent} of them" if silent else ""
    click.echo(f"{found}{without}. As of {cut or 'the beginning'}.", err=True)


def _row(one: "Said") -> dict[str, Any]:
    from gnomon.annotations import EffectiveFlag

    what = one.what
    kind = {"data_id": "data ID", "query": "standing query"}.get(one.target.kind, one.target.kind)
    name = one.target.element or kind
    row: dict[str, Any] = {**one.thing.row(), "about": name}
    if isinstance(what, EffectiveFlag):
        return row | {
            "flag": what.flag,
            "state": f"{what.state} (conflict)" if what.conflict else what.state,
            "by": f"{what.by.name} ({what.by.kind})",
            "said": what.reason or what.text,
            "annotation": str(what.annotation_id),
        }
    said = [what.text.strip(), *(f"#{tag}" for tag in what.tags)]
    return row | {
        "flag": "",
        "state": "",
        "by": f"{what.actor.name} ({what.actor.kind})",
        "said": " ".join(part for part in said if part),
        "annotation": str(what.id),
    }
