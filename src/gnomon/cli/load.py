"""``gnomon load``: measurements from the store."""

from typing import Any

import click

from gnomon.cli.asking import question, selection_options, time_options
from gnomon.cli.options import format_option, split_names, store_option
from gnomon.dataids import STANDARD_DIMENSIONS

__all__ = ["load"]

_SHOWN = ("metric", "value", "unit", "uncertainty", "count", *STANDARD_DIMENSIONS, "obs_begin", "run")
_ALWAYS = ("metric", "value", "unit")


@click.command()
@click.argument("metrics", nargs=-1)
@selection_options
@time_options
@click.option("--columns", help="The columns to print, separated by commas.")
@click.option(
    "--metadata",
    help="What is known of the observations besides, such as exposure_time,target_name; all for all of it.",
)
@click.option("--wide", is_flag=True, help="A row a data ID, a column a metric.")
@click.option("--all-columns", is_flag=True, help="Print every column, empty ones too.")
@store_option
@format_option
def load(
    metrics: tuple[str, ...],
    columns: str | None,
    metadata: str | None,
    wide: bool,
    all_columns: bool,
    store: str | None,
    format_: str,
    **asked: Any,
) -> None:
    """Print the measurements of METRICS: full names or shell patterns such as 'demo.*'; all by default.

    Times that are printed are TAI.
    """
    from gnomon.cli.printing import print_frame
    from gnomon.store import open_store

    chosen = split_names(columns)
    known = True if metadata == "all" else split_names(metadata) or False
    result = open_store(store).load(
        list(metrics) or None, columns=chosen, metadata=known, wide=wide, **question(**asked)
    )
    frame = result.polars()
    if not (all_columns or wide or chosen):
        also = frame.columns[len(frame.columns) - _count(known) :] if known else []
        names = [name for name in _SHOWN if name in _ALWAYS or frame[name].null_count() < len(frame)]
        frame = frame.select(*names, *also)
    print_frame(frame, format_)


def _count(metadata: bool | list[str]) -> int:
    from gnomon.measurements.observations import METADATA

    return len(METADATA) if isinstance(metadata, bool) else len(set(metadata))
