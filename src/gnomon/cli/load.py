"""``gnomon load``: measurements from the store."""

import click

from gnomon.cli.options import format_option, split_names, store_option
from gnomon.dataids import STANDARD_DIMENSIONS

__all__ = ["load"]

_SHOWN = ("metric", "value", "unit", "uncertainty", "count", *STANDARD_DIMENSIONS, "obs_begin", "run")
_ALWAYS = ("metric", "value", "unit")


@click.command()
@click.argument("metrics", nargs=-1)
@click.option(
    "--collections", help="RUN or CHAINED collections, separated by commas; the first match counts."
)
@click.option("--dataset-type", help="Names or shell patterns, separated by commas.")
@click.option("--where", help="An expression over the columns, such as \"visit > 5 AND band = 'r'\".")
@click.option("--latest", is_flag=True, help="Only the last measurement of each metric and data ID.")
@click.option("--wide", is_flag=True, help="A row a data ID, a column a metric.")
@click.option("--all-columns", is_flag=True, help="Print every column, empty ones too.")
@store_option
@format_option
def load(
    metrics: tuple[str, ...],
    collections: str | None,
    dataset_type: str | None,
    where: str | None,
    latest: bool,
    wide: bool,
    all_columns: bool,
    store: str | None,
    format_: str,
) -> None:
    """Print the measurements of METRICS: full names or shell patterns such as 'demo.*'; all by default.

    Times are TAI.
    """
    from gnomon.cli.printing import print_frame
    from gnomon.store import open_store

    result = open_store(store).load(
        list(metrics) or None,
        collections=split_names(collections),
        dataset_type=split_names(dataset_type),
        where=where,
        latest=latest,
        wide=wide,
    )
    frame = result.polars()
    if not all_columns and not wide:
        frame = frame.select(n for n in _SHOWN if n in _ALWAYS or frame[n].null_count() < len(frame))
    print_frame(frame, format_)
