"""``gnomon qgraph exclusions``: what is left out, in forms that unmodified tools take."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.choosing import choice_options, find, take_choice
from gnomon.cli.options import split_names

if TYPE_CHECKING:
    from gnomon.curation.data_queries import LeftOut
    from gnomon.curation.exclusions import Exclusions

__all__ = ["exclusions"]

_SHOWN = 5  # observations named one by one


@click.command()
@click.argument("repository", metavar="REPO")
@click.option(
    "--as",
    "form",
    type=click.Choice(["where", "visits", "table"]),
    required=True,
    help="A condition on data IDs that leaves them out; the visits or exposures that are left out, one a "
    "line; or a table of the data IDs that remain, in ECSV.",
)
@click.option(
    "-t",
    "--dataset-type",
    required=True,
    help="The dataset type from which processing starts, such as raw.",
)
@click.option("-i", "--input", "collections", required=True, help="Where to look, separated by commas.")
@click.option(
    "-d", "--data-query", metavar="QUERY", default="", help="A condition on data IDs, as `pipetask` takes it."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file instead of standard output.",
)
@choice_options
@click.pass_context
def exclusions(
    ctx: click.Context,
    /,
    repository: str,
    form: str,
    dataset_type: str,
    collections: str,
    data_query: str,
    output: Path | None,
    **given: Any,
) -> None:
    """Write what is left out of REPO in a form that unmodified tools take.

    All three are about data IDs, and so coarser than `gnomon qgraph build`: where one dataset is left out,
    whatever has its data ID goes. A table is what REMAINS, since `--data-id-table` joins it: what is not in
    it is not processed. Ends with status 1 if there is a part that the form cannot say.
    """
    from gnomon.curation.data_queries import left_out_of
    from gnomon.repository.configuration import open_butler

    choice = take_choice(given)
    if not choice:
        raise click.UsageError(
            "Say what is left out, with --exclude-flags, --require-flags, --exclude-tags or --require-metric."
        )
    names = split_names(collections)
    if not names:
        raise click.BadParameter("name at least one.", ctx, param_hint="--input")
    with open_butler(repository) as butler, find(choice, butler) as found:
        left_out = left_out_of(butler, dataset_type, collections=names, exclusions=found, where=data_query)
    text, whole = _written(left_out, found, form)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
    number, all = left_out.number, len(left_out.datasets)
    kept = f"; the table has the {all - number:,} that remain" if form == "table" else ""
    click.echo(
        f"{number:,} of {all:,} {dataset_type} are left out as of {found.cut or 'the beginning'}{kept}.",
        err=True,
    )
    for mark in left_out.unsaid[:_SHOWN]:
        click.echo(f"Not said, since it is about another dataset type or dataset: {mark}", err=True)
    if len(left_out.unsaid) > _SHOWN:
        click.echo(
            f"... and {len(left_out.unsaid) - _SHOWN:,} more; `gnomon qgraph build` heeds them.", err=True
        )
    if left_out.unsaid or not whole:
        ctx.exit(1)


def _written(left_out: "LeftOut", found: "Exclusions", form: str) -> tuple[str, bool]:
    """Write it, and say whether that is all of it."""
    if form == "where":
        return f"{left_out.where()}\n", True
    if form == "table":
        from io import StringIO

        table = left_out.table()
        table.meta["gnomon"] = found.to_dict() | {"holds": "the data IDs that remain"}
        text = StringIO()
        table.write(text, format="ascii.ecsv")
        return text.getvalue(), True
    observations = left_out.observations()
    for instrument, number, out, of in observations.in_part[:_SHOWN]:
        click.echo(
            f"{observations.dimension} {number} of {instrument} is not listed: {out:,} of its {of:,} are "
            "left out.",
            err=True,
        )
    if (more := len(observations.in_part) - _SHOWN) > 0:
        click.echo(f"... and {more:,} more; --as where or --as table says them all.", err=True)
    lines = "".join(f"{number}\n" for _, number in observations.whole)
    return lines, not observations.in_part
