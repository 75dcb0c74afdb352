"""``gnomon spool``: what waits on this host for its way into the store."""

import click

from gnomon.cli.options import format_option, store_option

__all__ = ["spool"]


@click.group()
def spool() -> None:
    """Look at what waits on this host for its way into the metrics store, and bring it there."""


@spool.command()
@store_option
@format_option
def status(store: str | None, format_: str) -> None:
    """Print how many measurements wait in the hot buffer of this host."""
    import polars as pl

    from gnomon import times
    from gnomon.cli.printing import print_frame
    from gnomon.store import open_store

    opened = open_store(store)
    waiting = opened.status().waiting
    oldest = None if waiting.oldest is None else times.to_utc_iso(waiting.oldest)
    row = {"store": opened.uri, "entries": waiting.entries, "measurements": waiting.rows, "oldest": oldest}
    kinds = {"store": pl.String, "entries": pl.Int64, "measurements": pl.Int64, "oldest": pl.String}
    print_frame(pl.DataFrame([row], schema=kinds), format_)


@spool.command()
@store_option
def flush(store: str | None) -> None:
    """Bring what waits on this host into the store, also what killed processes left."""
    from gnomon.store import open_store

    click.echo(f"{open_store(store).flush()} measurements were brought into the store.")
