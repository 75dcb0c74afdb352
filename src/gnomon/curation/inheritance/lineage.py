"""From inputs to outputs, along the lineage: of how many inputs of each dataset something holds."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl
from lsst.daf.butler import Butler

from gnomon import dataids
from gnomon.annotations import Target
from gnomon.curation.inheritance.covering import THINGS, Covering, cleared_by_person
from gnomon.curation.inheritance.implied import with_implied
from gnomon.curation.inheritance.inherited import InheritedFlag, Source, causes_of
from gnomon.curation.inheritance.rules import Flow
from gnomon.repository.lineage import Lineage

__all__ = ["describe", "flow_through_lineage"]

_STRENGTH = {"predicted": 1, "read": 2, "used": 3}
_WAYS = pl.Schema({"output": pl.Binary, "input": pl.Binary})


def describe(datasets: Iterable[bytes], *, lineage: Lineage | None, butler: Butler) -> pl.DataFrame:
    """Say what datasets are, wherever that is known.

    Parameters
    ----------
    datasets
        UUIDs of 16 bytes.
    lineage
        Remembers datasets that the repository has no more.
    butler
        The repository's client.

    Returns
    -------
    polars.DataFrame
        In the schema `THINGS`, ``thing`` being the place; type and data ID are null where nobody knows them.
    """
    ids = list(dict.fromkeys(datasets))
    frame = pl.DataFrame({"dataset": ids}, schema={"dataset": pl.Binary})
    known = pl.DataFrame(schema={name: THINGS[name] for name in ("dataset", "dataset_type", "data_id")})
    if lineage is not None and ids:
        known = lineage.datasets(ids).select(known.columns).drop_nulls()
    missing = frame.join(known, on="dataset", how="anti")["dataset"].to_list()
    if missing:
        found = [
            (ref.id.bytes, ref.datasetType.name, dataids.key(dict(ref.dataId.required)))
            for ref in butler.get_many_datasets([uuid.UUID(bytes=one) for one in missing])
        ]
        known = pl.concat([known, pl.DataFrame(found, schema=known.schema, orient="row")])
    return (
        frame.with_row_index("thing")
        .join(known, on="dataset", how="left", maintain_order="left")
        .select(pl.col(name).cast(kind) for name, kind in THINGS.items())
    )


def flow_through_lineage(
    outputs: Iterable[bytes],
    covering: Covering,
    flows: Sequence[tuple[Flow, frozenset[str]]],
    *,
    lineage: Lineage,
    butler: Butler,
    label: str,
) -> Iterator[InheritedFlag]:
    """Let flags flow to datasets from what they were made from.

    A flag flows from where it was said, as many steps as the flow allows; what an input has from its own
    inputs counts there and not a second time on the way.

    Parameters
    ----------
    outputs
        UUIDs of 16 bytes of the datasets that may inherit.
    covering
        The flags, those that records inherited among them.
    flows
        The flows between datasets, each with the flags that it carries.
    lineage
        What was made from what.
    butler
        The repository's client.
    label
        The name of the rules.

    Yields
    ------
    InheritedFlag
        One for each dataset, flag, flow and type of inputs.
    """
    asked = list(dict.fromkeys(outputs))
    if not asked or not flows or not covering:
        return
    cleared = {(held.target.key, held.flag) for held in covering.held if cleared_by_person(held)}
    edges: dict[frozenset[str], dict[int | None, pl.DataFrame]] = {}
    for flow, names in flows:
        ways = edges.setdefault(flow.kinds, {})
        if flow.depth not in ways:
            ways[flow.depth] = _ways(asked, lineage, kinds=flow.kinds, depth=flow.depth)
        yield from _flow_once(
            ways[flow.depth], asked, covering, flow, names, cleared,
            lineage=lineage, butler=butler, label=label,
        )  # fmt: skip


def _flow_once(
    ways: pl.DataFrame,
    asked: Sequence[bytes],
    covering: Covering,
    flow: Flow,
    names: frozenset[str],
    cleared: set[tuple[str, str]],
    *,
    lineage: Lineage,
    butler: Butler,
    label: str,
) -> Iterator[InheritedFlag]:
    things = describe(ways["input"].unique(maintain_order=True), lineage=lineage, butler=butler)
    things = things.filter(pl.Series([flow.takes(name) for name in things["dataset_type"]], dtype=pl.Boolean))
    if flow.outputs:
        ends = describe(asked, lineage=lineage, butler=butler)
        fits = pl.Series([flow.reaches(name) for name in ends["dataset_type"]], dtype=pl.Boolean)
        ways = ways.join(ends.filter(fits), left_on="output", right_on="dataset", how="semi")
    held = covering.held
    flags = pl.DataFrame(
        [(place, flag.flag) for place, flag in enumerate(held) if flag.flag in names and counting(flag)],
        schema={"held": pl.Int64, "flag": pl.String},
        orient="row",
    )
    covered = covering.of(with_implied(things, covering.dimensions, butler=butler)).join(flags, on="held")
    inputs = ways.join(things, left_on="input", right_on="dataset").with_columns(
        pl.col("dataset_type").fill_null("inputs of no known type").alias("what")
    )
    of = inputs.group_by("output", "what").agg(pl.col("thing").n_unique().alias("of"))
    counted = (
        inputs.join(covered, on="thing")
        .group_by("output", "what", "flag")
        .agg(
            pl.col("thing").n_unique().cast(pl.Int64).alias("count"),
            pl.col("thing").unique().sort().alias("things"),
            pl.col("held").unique().sort().alias("held"),
        )
        .join(of, on=("output", "what"))
        .filter(flow.when.holds(pl.col("count"), pl.col("of")))
        .sort("output", "flag", "what")
    )
    wanted = things.filter(pl.col("thing").is_in(counted["things"].explode().unique().implode()))
    named = {row["thing"]: _source(row) for row in wanted.iter_rows(named=True)}
    for row in counted.iter_rows(named=True):
        target = Target.dataset(uuid.UUID(bytes=row["output"]))
        if (target.key, row["flag"]) in cleared:
            continue
        yield InheritedFlag(
            target,
            row["flag"],
            causes_of(held[place] for place in row["held"]),
            row["of"],
            f"{label}: {flow.name}",
            tuple(sorted((named[thing] for thing in row["things"]), key=lambda source: source.name)),
            row["what"],
            flow.effect,
        )


def counting(flag: object) -> bool:
    """Say whether a flag may flow on: what only informs ends where it is."""
    return not isinstance(flag, InheritedFlag) or flag.counts


def _ways(
    outputs: Sequence[bytes], lineage: Lineage, *, kinds: frozenset[str], depth: int | None
) -> pl.DataFrame:
    """Say for each output what it was made from, each dataset once; a circle ends where it began."""
    frontier = pl.DataFrame({"output": outputs, "input": outputs}, schema=_WAYS)
    seen = frontier
    asked = pl.DataFrame(schema={"input": pl.Binary})
    edges = pl.DataFrame(schema={"child": pl.Binary, "parent": pl.Binary})
    level = 0
    while len(frontier) and (depth is None or level < depth):
        level += 1
        fresh = frontier.select("input").unique().join(asked, on="input", how="anti")
        if len(fresh):
            asked = pl.concat([asked, fresh])
            edges = pl.concat([edges, _one_step(fresh["input"].to_list(), lineage, kinds)])
        frontier = (
            frontier.join(edges, left_on="input", right_on="child")
            .select("output", pl.col("parent").alias("input"))
            .unique()
            .join(seen, on=("output", "input"), how="anti")
        )
        seen = pl.concat([seen, frontier])
    return seen.filter(pl.col("output") != pl.col("input"))


def _one_step(children: Sequence[bytes], lineage: Lineage, kinds: frozenset[str]) -> pl.DataFrame:
    edges = lineage.edges(children).select("child", "parent", "kind")
    if kinds:
        edges = edges.filter(pl.col("kind").is_in(sorted(kinds)))
    else:
        rank = pl.col("kind").replace_strict(_STRENGTH, default=0, return_dtype=pl.Int64)
        edges = edges.filter(rank == rank.max().over("child"))
    return edges.select("child", "parent").unique()


def _source(row: Mapping[str, object]) -> Source:
    identifier = uuid.UUID(bytes=row["dataset"])  # type: ignore[arg-type]  # 16 bytes
    text = row["data_id"]
    if text is None:
        return Source(Target.dataset(identifier), str(identifier))
    data_id = dataids.parse(dataids.key(dataids.parse(str(text))))  # without what is implied
    return Source(Target.dataset(identifier), f"{row['dataset_type']} {dataids.format(data_id)}")
