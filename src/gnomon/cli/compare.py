"""``gnomon compare``: two runs, or two versions of the software, held against each other."""

from typing import TYPE_CHECKING

import click

from gnomon.cli.options import format_option, split_names, store_option
from gnomon.dataids import STANDARD_DIMENSIONS

if TYPE_CHECKING:
    import polars as pl

    from gnomon.judgement import Comparison

__all__ = ["compare"]

_IDENTITY = ("metric", *STANDARD_DIMENSIONS, "dimensions")


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--by",
    type=click.Choice(["run", "software"]),
    default="run",
    show_default=True,
    help="What A and B are: collections, or versions of what computed the values.",
)
@click.option("--metrics", help="Names or shell patterns, separated by commas; all by default.")
@click.option("--collections", help="With --by software, only what is in these collections.")
@click.option("--dataset-type", help="Names or shell patterns, separated by commas.")
@click.option("--where", help="An expression over the columns, such as \"visit > 5 AND band = 'r'\".")
@click.option(
    "--rtol",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="The largest relative difference that is no change.",
)
@click.option(
    "--order",
    type=click.Choice(["difference", "relative", "sigmas"]),
    default="difference",
    show_default=True,
    help="By what the worst movers are found.",
)
@click.option(
    "--top", type=click.IntRange(min=0), default=5, show_default=True, help="How many of each metric to show."
)
@store_option
@format_option
@click.pass_context
def compare(
    ctx: click.Context,
    a: str,
    b: str,
    by: str,
    metrics: str | None,
    collections: str | None,
    dataset_type: str | None,
    where: str | None,
    rtol: float,
    order: str,
    top: int,
    store: str | None,
    format_: str,
) -> None:
    """Compare the measurements of A with those of B, paired by metric and data ID.

    A and B are collections, several of one side separated by commas, or versions with --by software. As a
    table: a summary by metric, the pairs that moved most, and what has no partner. As JSON the same, without
    leaving out anything of what has no partner. As CSV a row for each pair and for each that has none.

    Exit status: 0 if everything has a partner and nothing moved by more than --rtol, 1 otherwise.
    """
    from gnomon.cli.printing import plain_rows, print_frame, print_json
    from gnomon.judgement import compare_runs
    from gnomon.store import open_store

    found = compare_runs(
        open_store(store),
        split_names(a) or [],
        split_names(b) or [],
        metrics=split_names(metrics),
        by=by,
        rtol=rtol,
        collections=split_names(collections),
        dataset_type=split_names(dataset_type),
        where=where,
    )
    movers = found.movers(top, by=order)
    if format_ == "json":
        print_json(
            {
                "a": found.a,
                "b": found.b,
                "identical": found.identical,
                "repeated_a": found.repeated_a,
                "repeated_b": found.repeated_b,
                "summary": plain_rows(found.summary()),
                "movers": plain_rows(movers),
                "only_in_a": plain_rows(found.only_in_a),
                "only_in_b": plain_rows(found.only_in_b),
                "unit_conflicts": plain_rows(found.unit_conflicts),
            }
        )
    elif format_ == "csv":
        print_frame(_lines(found), "csv")
    else:
        _print(found, movers, top)
    if not found.identical:
        ctx.exit(1)


def _print(found: "Comparison", movers: "pl.DataFrame", top: int) -> None:
    from gnomon.cli.printing import print_frame

    click.echo(f"a: {found.a}\nb: {found.b}\n")
    print_frame(_shown(found.summary()), "table")
    sections = [
        ("Moved most", movers.drop("changed"), None),
        ("Only in a", found.only_in_a, len(found.only_in_a)),
        ("Only in b", found.only_in_b, len(found.only_in_b)),
        ("Units that do not convert", found.unit_conflicts, None),
    ]
    for title, frame, total in sections:
        shown = frame if total is None else frame.head(top)
        if len(frame) and (top or total is None):
            rest = "" if total is None or total <= top else f", the first {top} of {total:,}"
            click.echo(f"\n{title}{rest}")
            print_frame(_shown(shown), "table")
    for name, count in (("a", found.repeated_a), ("b", found.repeated_b)):
        if count:
            click.echo(f"\n{count:,} rows of {name} have a newer one of the same metric and data ID.")


def _shown(frame: "pl.DataFrame") -> "pl.DataFrame":
    return frame.select(name for name in frame.columns if frame[name].null_count() < len(frame))


def _lines(found: "Comparison") -> "pl.DataFrame":
    """Give everything as one table: pairs, and what has no partner."""
    import polars as pl

    values = ("value", "uncertainty")
    state = pl.when("changed").then(pl.lit("changed")).otherwise(pl.lit("same"))
    parts = [found.matched.select(state.alias("state"), pl.exclude("changed"))]
    for side, frame in (("a", found.only_in_a), ("b", found.only_in_b)):
        named = {name: f"{name}_{side}" for name in values}
        parts.append(frame.rename(named).select(pl.lit(f"only in {side}").alias("state"), pl.all()))
    return pl.concat(parts, how="diagonal").sort("state", *_IDENTITY[:-1], maintain_order=True)
