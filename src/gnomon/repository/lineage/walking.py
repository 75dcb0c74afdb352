"""Walking along edges: what the database is asked, and what follows from the edges that it gives.

The database is asked step by step, for all datasets of a step at once and for each dataset once: so a circle
ends by itself, and a million edges come over in half of the time of a recursive query, which has to go
through them twice. What is reached from where, in how many steps and how surely, follows from those edges.
"""

import json
from collections.abc import Sequence
from typing import Literal

import polars as pl
from sqlalchemy import Connection

from gnomon.repository.lineage.edges import KINDS

__all__ = ["Direction", "only_strongest", "reach", "reached_edges"]

Direction = Literal["up", "down"]
"""Towards what something was made from, or what was made from it."""

_PACK = 8  # more than all bits of kinds together
_ENDS = {"up": ("child", "parent"), "down": ("parent", "child")}


def reached_edges(
    connection: Connection,
    starts: Sequence[int],
    direction: Direction,
    *,
    mask: int,
    depth: int | None,
    quanta: bool = True,
) -> pl.DataFrame:
    """Give all edges on the ways from some datasets.

    Parameters
    ----------
    connection
        Inside a transaction.
    starts
        Numbers of datasets.
    direction
        Which way.
    mask
        The kinds of edges to follow.
    depth
        How many steps at most; `None` means all.
    quanta
        Whether anybody wants to know the quanta.

    Returns
    -------
    polars.DataFrame
        The columns ``child``, ``parent``, ``quantum`` (numbers; absent if nobody wants them) and ``kinds``.
    """
    near, far = _ENDS[direction]
    columns = {
        "child": pl.Int64,
        "parent": pl.Int64,
        **({"quantum": pl.Int64} if quanta else {}),
        "kinds": pl.Int64,
    }
    found = [pl.DataFrame(schema=columns)]
    seen = frontier = pl.Series("no", starts, pl.Int64).unique()
    steps = 0
    while len(frontier) and (depth is None or steps < depth):
        steps += 1
        edges = _from(connection, frontier, near, far, mask=mask, quanta=quanta).select(list(columns))
        found.append(edges)
        ends = edges[far].alias("no").unique().to_frame()
        # Each dataset is gone on from once, so that a circle ends where it began.
        frontier = ends.join(seen.to_frame(), on="no", how="anti")["no"]
        seen = pl.concat([seen, frontier])
    return pl.concat(found)


def _from(
    connection: Connection, numbers: pl.Series, near: str, far: str, *, mask: int, quanta: bool
) -> pl.DataFrame:
    """Give all edges from some datasets to their neighbours.

    What takes time is the number of rows that come over, so each brings all edges of one dataset.
    """
    packed = f"CAST(edge.{far} * {_PACK} + edge.kinds AS text)"
    if quanta:
        packed += " || ' ' || CAST(edge.quantum AS text)"
    given: str | list[int]
    if connection.dialect.name == "sqlite":
        source, given = "SELECT value AS no FROM json_each(?)", json.dumps(numbers.to_list())
        gathered = f"group_concat({packed})"
    else:
        source, given = "SELECT unnest(CAST(%s AS bigint[])) AS no", numbers.to_list()
        gathered = f"string_agg({packed}, ',')"
    rows = connection.exec_driver_sql(
        f"SELECT given.no, (SELECT {gathered} FROM edge WHERE edge.{near} = given.no "
        f"AND edge.kinds & {int(mask)} <> 0) FROM ({source}) AS given",
        (given,),
    ).all()
    each = (
        pl.DataFrame(rows, schema={near: pl.Int64, "packed": pl.String}, orient="row")
        .drop_nulls()
        .with_columns(pl.col("packed").str.split(","))
        .explode("packed")
    )
    if quanta:
        each = each.with_columns(
            pl.col("packed")
            .str.split_exact(" ", 1)
            .struct.rename_fields(["packed", "quantum"])
            .struct.unnest()
        )
        each = each.with_columns(pl.col("quantum").cast(pl.Int64))
    return each.with_columns(pl.col("packed").cast(pl.Int64)).with_columns(
        (pl.col("packed") // _PACK).alias(far), (pl.col("packed") % _PACK).alias("kinds")
    )


def only_strongest(edges: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """Keep of the edges of each child those that have the strongest word said of it.

    Parameters
    ----------
    edges
        As of `reached_edges`.
    best
        The columns ``child`` and ``best``: the union of the kinds of all edges of each child.

    Returns
    -------
    polars.DataFrame
        Some of the edges: where a task said what it used, only that; else what it read; else what a graph
        predicted.
    """
    strongest = pl.lit(0)
    for bit in sorted(KINDS.values()):
        strongest = pl.when(pl.col("best") & bit != 0).then(bit).otherwise(strongest)
    return (
        edges.join(best, on="child", how="left")
        .filter(pl.col("kinds") & strongest != 0)
        .select(edges.columns)
    )


def reach(
    edges: pl.DataFrame, starts: Sequence[int], direction: Direction, *, depth: int | None
) -> pl.DataFrame:
    """Say what is reached from where.

    Parameters
    ----------
    edges
        As of `reached_edges`.
    starts
        Numbers of datasets.
    direction
        Which way.
    depth
        How many steps at most.

    Returns
    -------
    polars.DataFrame
        The columns ``start``, ``no``, ``kinds`` and ``depth``: a row for each start and each dataset that is
        reached from it. ``depth`` is the number of steps on the shortest way, ``kinds`` the bit of the
        strongest word with which every step of some way is known.
    """
    near, far = _ENDS[direction]
    # An edge may come several times, once for each quantum; its kinds need not be together for what follows.
    every = edges.select(pl.col(near).alias("no"), pl.col(far).alias("next"), "kinds")
    found = _steps(every, starts, depth).with_columns(pl.lit(min(KINDS.values()), pl.Int64).alias("kinds"))
    stronger = 0
    for bit in sorted(KINDS.values(), reverse=True)[:-1]:
        stronger |= bit
        sure = every.filter(pl.col("kinds") & stronger != 0)
        if len(sure) == len(every):
            part = found.select("start", "no")
        else:
            part = _steps(sure, starts, depth).select("start", "no")
        found = (
            found.join(part.with_columns(pl.lit(bit, pl.Int64).alias("sure")), on=("start", "no"), how="left")
            .with_columns(pl.max_horizontal("kinds", "sure").alias("kinds"))
            .drop("sure")
        )
    return found.select("start", "no", "kinds", "depth").sort("start", "depth", "no")


def _steps(ways: pl.DataFrame, starts: Sequence[int], depth: int | None) -> pl.DataFrame:
    ways = ways.select("no", "next")
    frontier = pl.DataFrame(
        {"start": starts, "no": starts}, schema={"start": pl.Int64, "no": pl.Int64}
    ).unique()
    seen = frontier.with_columns(pl.lit(0, pl.Int64).alias("depth"))
    steps = 0
    while len(frontier) and (depth is None or steps < depth):
        steps += 1
        frontier = (
            frontier.join(ways, on="no")
            .select("start", pl.col("next").alias("no"))
            .unique()
            .join(seen, on=("start", "no"), how="anti")
        )
        seen = seen.vstack(frontier.with_columns(pl.lit(steps, pl.Int64).alias("depth")))
    return seen.filter(pl.col("depth") > 0)
