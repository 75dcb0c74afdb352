"""From exposures to visits and back, by the visit definitions of the repository.

A visit may consist of several exposures, and an exposure may belong to a visit of each of several visit
systems. What holds of one detector of an exposure is inherited by that detector of the visit.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched, combinations

import polars as pl
from lsst.daf.butler import Butler

from gnomon import dataids
from gnomon.annotations import EffectiveFlag, Target
from gnomon.curation.inheritance.covering import cleared_by_person
from gnomon.curation.inheritance.inherited import InheritedFlag, Source, causes_of
from gnomon.curation.inheritance.rules import Flow
from gnomon.errors import InheritanceError, nearest

__all__ = ["Definitions", "flow_through_records"]

_PAIRS = pl.Schema({"instrument": pl.String, "visit": pl.Int64, "exposure": pl.Int64})
_BATCH = 1000
# From how many keys on reading all definitions of an instrument is quicker than asking for them.
_ALL = 20_000

type _Rest = tuple[tuple[str, int | str], ...]


class Definitions:
    """The visit definitions of a repository, each fetched once.

    Parameters
    ----------
    butler
        The repository's client.
    """

    def __init__(self, butler: Butler) -> None:
        self._butler = butler
        self._known: dict[str, pl.DataFrame] = {
            dimension: pl.DataFrame(schema=_PAIRS) for dimension in ("exposure", "visit")
        }
        self._asked: dict[str, pl.DataFrame] = {
            dimension: pl.DataFrame(schema={"instrument": pl.String, dimension: pl.Int64})
            for dimension in ("exposure", "visit")
        }
        self._members: dict[tuple[str, ...], pl.DataFrame] = {}

    def of(self, keys: pl.DataFrame, dimension: str) -> pl.DataFrame:
        """Give the definitions in which some exposures or visits occur.

        Parameters
        ----------
        keys
            The columns ``instrument`` and that of the dimension.
        dimension
            ``exposure`` or ``visit``.

        Returns
        -------
        polars.DataFrame
            The columns ``instrument``, ``visit`` and ``exposure``.
        """
        on = ["instrument", dimension]
        wanted = keys.select(on).unique()
        missing = wanted.join(self._asked[dimension], on=on, how="anti")
        if len(missing):
            fresh = self._fetch(missing, dimension)
            self._known[dimension] = pl.concat([self._known[dimension], fresh]).unique()
            self._asked[dimension] = pl.concat([self._asked[dimension], missing])
        return self._known[dimension].join(wanted, on=on, how="semi")

    def among(self, pairs: pl.DataFrame, systems: tuple[str, ...]) -> pl.DataFrame:
        """Keep the visits of some visit systems.

        Parameters
        ----------
        pairs
            With the columns ``instrument`` and ``visit``.
        systems
            Names of visit systems; empty means all.

        Returns
        -------
        polars.DataFrame
            Some of the rows.

        Raises
        ------
        InheritanceError
            If no instrument of the repository has a visit system of that name.
        """
        if not systems:
            return pairs
        if systems not in self._members:
            self._members[systems] = self._membership(systems)
        return pairs.join(self._members[systems], on=("instrument", "visit"), how="semi")

    def _fetch(self, keys: pl.DataFrame, dimension: str) -> pl.DataFrame:
        group = self._butler.dimensions.conform(["visit", "exposure"])
        rows = []
        for (instrument,), part in keys.group_by("instrument", maintain_order=True):
            numbers = part[dimension].to_list()
            batches = batched(numbers, _BATCH) if len(numbers) < _ALL else [None]
            for batch in batches:
                with self._butler.query() as query:
                    some = query.join_dimensions(group).where(instrument=str(instrument))
                    if batch is not None:
                        some = some.where(f"{dimension} IN (numbers)", bind={"numbers": list(batch)})
                    rows += [
                        (record.instrument, record.visit, record.exposure)
                        for record in some.dimension_records("visit_definition")
                    ]
        return pl.DataFrame(rows, schema=_PAIRS, orient="row").join(
            keys, on=["instrument", dimension], how="semi"
        )

    def _membership(self, systems: tuple[str, ...]) -> pl.DataFrame:
        with self._butler.query() as query:
            numbers = {
                (record.instrument, record.id): record.name
                for record in query.dimension_records("visit_system")
            }
        known = set(numbers.values())
        for name in systems:
            if name not in known:
                raise InheritanceError(f"The repository has no visit system {name!r}.{nearest(name, known)}")
        with self._butler.query() as query:
            rows = [
                (record.instrument, record.visit)
                for record in query.dimension_records("visit_system_membership")
                if numbers.get((record.instrument, record.visit_system)) in systems
            ]
        return pl.DataFrame(rows, schema={"instrument": pl.String, "visit": pl.Int64}, orient="row")


def flow_through_records(
    held: Iterable[EffectiveFlag],
    flows: Sequence[tuple[Flow, frozenset[str]]],
    *,
    definitions: Definitions,
    label: str,
) -> list[InheritedFlag]:
    """Let flags flow between exposures and visits until nothing new comes.

    Parameters
    ----------
    held
        Effective flags in every state.
    flows
        The flows between records, each with the flags that it carries.
    definitions
        Of the repository.
    label
        The name of the rules.

    Returns
    -------
    list of InheritedFlag
        For each thing, flag and flow at most one.
    """
    everything = list(held)
    own = [flag for flag in everything if flag.state == "set" and _splittable(flag.target)]
    cleared = {(flag.target.key, flag.flag) for flag in everything if cleared_by_person(flag)}
    found: dict[tuple[str, str, str], InheritedFlag] = {}
    # What one flow gives can be where another begins; only then is there more than one round.
    circle = len({flow.way for flow, _ in flows}) > 1
    while True:
        sources: list[EffectiveFlag | InheritedFlag] = [*own, *found.values()]
        new: dict[tuple[str, str, str], InheritedFlag] = {}
        for flow, names in flows:
            for flag in _flow_once(sources, flow, names, definitions, label):
                if (flag.target.key, flag.flag) not in cleared:
                    new[flag.target.key, flag.flag, flow.name] = flag
        same = new.keys() == found.keys() and all(
            flag.causes == found[key].causes and flag.sources == found[key].sources
            for key, flag in new.items()
        )
        found = new
        if same or not circle:
            return list(found.values())


def _flow_once(
    sources: Sequence[EffectiveFlag | InheritedFlag],
    flow: Flow,
    names: frozenset[str],
    definitions: Definitions,
    label: str,
) -> list[InheritedFlag]:
    start, _, end = flow.way.partition(" to ")
    told: list[tuple[int, str, int | str, int | str, _Rest]] = []
    for place, flag in enumerate(sources):
        data_id = flag.target.data_id
        if flag.flag not in names or data_id is None or start not in data_id or end in data_id:
            continue
        if isinstance(flag, InheritedFlag) and not flag.counts:
            continue
        rest = tuple(
            (name, value) for name, value in sorted(data_id.items()) if name not in ("instrument", start)
        )
        told.append((place, flag.flag, data_id["instrument"], data_id[start], rest))
    if not told:
        return []
    # Numbered in an order of their own, so that no answer depends on that of the flags.
    ordered = sorted({row[-1] for row in told}, key=lambda rest: (len(rest), rest))
    rests = {rest: number for number, rest in enumerate(ordered)}
    rows = [(*row[:-1], rests[row[-1]]) for row in told]
    schema = {
        "place": pl.Int64,
        "flag": pl.String,
        "instrument": pl.String,
        start: pl.Int64,
        "rest": pl.Int64,
    }
    flagged = pl.DataFrame(rows, schema=schema, orient="row")
    near = definitions.among(definitions.of(flagged, start), flow.visit_systems)
    reached = flagged.join(near, on=("instrument", start))
    whole = definitions.among(definitions.of(near, end), flow.visit_systems)
    of = whole.group_by("instrument", end).agg(pl.col(start).n_unique().alias("of"))
    thing = ["flag", "instrument", end]
    counted = (
        reached.select(*thing, "rest")
        .unique()
        .join(_parts(rests), on="rest")
        .join(reached.rename({"rest": "part"}), on=[*thing, "part"])
        .group_by(*thing, "rest")
        .agg(
            pl.col(start).n_unique().cast(pl.Int64).alias("count"),
            pl.struct(start, "part").unique().sort().alias("sources"),
            pl.col("place").unique().sort().alias("places"),
        )
        .join(of, on=("instrument", end))
        .filter(flow.when.holds(pl.col("count"), pl.col("of")))
    )
    inherited = []
    for row in counted.iter_rows(named=True):
        instrument = row["instrument"]
        target = Target.dimension(
            end, {"instrument": instrument, end: row[end], **dict(ordered[row["rest"]])}
        )
        causes = causes_of(sources[place] for place in row["places"])
        if all(cause.target == target for cause in causes):
            continue
        named: dict[int, Source] = {}
        for source in row["sources"]:
            data_id = {"instrument": instrument, start: source[start], **dict(ordered[source["part"]])}
            named.setdefault(source[start], Source(Target.dimension(start, data_id), dataids.format(data_id)))
        inherited.append(
            InheritedFlag(
                target,
                row["flag"],
                causes,
                row["of"],
                f"{label}: {flow.name}",
                tuple(named.values()),
                f"{start}s",
                flow.effect,
            )
        )
    return inherited


def _parts(rests: Mapping[_Rest, int]) -> pl.DataFrame:
    """Say for each rest of a data ID which others are part of it, itself among them."""
    rows = [
        (number, rests[part])
        for rest, number in rests.items()
        for size in range(len(rest) + 1)
        for part in combinations(rest, size)
        if part in rests
    ]
    return pl.DataFrame(rows, schema={"rest": pl.Int64, "part": pl.Int64}, orient="row")


def _splittable(target: Target) -> bool:
    return target.kind == "dimension" and target.data_id is not None and "instrument" in target.data_id
