"""What the store keeps beside measurements: collections, removals, observations, definitions of metrics.

Each is a small table to which is appended; of rows with the same key the last holds.
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl
import pyarrow as pa

from gnomon import times
from gnomon.definitions import MetricSet
from gnomon.measurements import observations
from gnomon.store.layout.removals import Removals
from gnomon.store.layout.schema import (
    CHAINS_SCHEMA,
    METRICS_SCHEMA,
    OBSERVATIONS_SCHEMA,
    RECORDED_AT,
    REMOVALS_SCHEMA,
    TAGGED_SCHEMA,
)
from gnomon.store.layout.search_path import Chain, Tagged
from gnomon.store.layout.tables import Tables, collect

__all__ = ["TABLES", "Kept"]

TABLES: Mapping[str, pa.Schema] = {
    "chains": CHAINS_SCHEMA,
    "tagged": TAGGED_SCHEMA,
    "observations": OBSERVATIONS_SCHEMA,
    "metrics": METRICS_SCHEMA,
    "removals": REMOVALS_SCHEMA,
}
"""The small tables, by name."""


class Kept:
    """The small tables of a store.

    Parameters
    ----------
    tables
        The store's tables.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def collections(self, *, as_of: int | None = None) -> dict[str, Chain | Tagged]:
        """Give the definitions of collections that hold, or held at a moment (TAI microseconds)."""
        chains = self._held("chains", CHAINS_SCHEMA, ("name",), as_of)
        tagged = self._held("tagged", TAGGED_SCHEMA, ("name",), as_of)
        found: dict[str, tuple[object, Chain | Tagged]] = {}
        for name, children, moment in chains.select("name", "children", RECORDED_AT).iter_rows():
            found[name] = (moment, Chain(name, tuple(children)))
        for name, ids, moment in tagged.select("name", "dataset_ids", RECORDED_AT).iter_rows():
            # A name that was given to a collection of the other kind means the newer one.
            if name not in found or moment > found[name][0]:
                found[name] = (moment, Tagged(name, frozenset(ids)))
        return {name: definition for name, (_, definition) in found.items()}

    def define(self, given: Iterable[Chain | Tagged]) -> int:
        """Keep the definitions of collections; say how many differ from those that held."""
        known = self.collections()
        changed = [item for item in given if known.get(item.name) != item]
        for name, schema, kind in (("chains", CHAINS_SCHEMA, Chain), ("tagged", TAGGED_SCHEMA, Tagged)):
            rows = [item for item in changed if isinstance(item, kind)]
            if rows:
                moment = times.to_datetime(self.after(["kept/chains", "kept/tagged"]))
                contents = [
                    list(item.children) if isinstance(item, Chain) else sorted(item.dataset_ids)
                    for item in rows
                ]
                columns = [[item.name for item in rows], contents, [moment] * len(rows)]
                self._tables.keep(name, pa.table(columns, schema=schema))
        return len(changed)

    def removals(self, *, as_of: int | None = None) -> Removals | None:
        """Give what was removed, by a moment (TAI microseconds) if one is given; `None` if nothing was."""
        frame = self._tables.kept("removals", REMOVALS_SCHEMA)
        return None if frame is None else Removals.of(frame, as_of=as_of)

    def all_removals(self) -> pl.DataFrame:
        """Give every removal that there ever was: ``dataset_id`` or ``run``, ``reason``, ``recorded_at``."""
        frame = self._tables.kept("removals", REMOVALS_SCHEMA)
        return pl.DataFrame(REMOVALS_SCHEMA.empty_table()) if frame is None else collect(frame)

    def remove(
        self, key: str, values: Sequence[object], *, reason: str, after: Iterable[str], not_before: int
    ) -> None:
        """Record that datasets or runs (``dataset_id``, ``run``) are gone, later than all rows of tables."""
        moment = times.to_datetime(max(self.after(after), not_before + 1))
        columns: dict[str, list[object]] = {
            "dataset_id": [None] * len(values),
            "run": [None] * len(values),
            "reason": [reason] * len(values),
            RECORDED_AT: [moment] * len(values),
        }
        columns[key] = list(values)
        self._tables.keep("removals", pa.table(columns, schema=REMOVALS_SCHEMA))

    def observations(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Give what is known of exposures and visits, or was at a moment (TAI microseconds)."""
        return self._held("observations", OBSERVATIONS_SCHEMA, observations.KEY, as_of)

    def keep_observations(self, table: pa.Table) -> int:
        """Keep what records of exposures and visits say; say how many were new or changed."""
        given = pl.DataFrame(observations.conform(table)).unique(
            observations.KEY, keep="last", maintain_order=True
        )
        return self._keep_changed("observations", OBSERVATIONS_SCHEMA, observations.KEY, given)

    def metrics(self) -> pl.DataFrame:
        """Give the definitions of metrics: ``metric``, ``unit``, ``description``, ``tags``."""
        return self._held("metrics", METRICS_SCHEMA, ("metric",), None)

    def define_metrics(self, metrics: MetricSet) -> int:
        """Keep the definitions of metrics; say how many were new or changed."""
        rows = [
            {
                "metric": str(name),
                "unit": metric.unit_str,
                "description": metric.description or "",
                "tags": sorted(metric.tags),
            }
            for name, metric in metrics.items()
        ]
        kinds = pl.DataFrame(METRICS_SCHEMA.empty_table()).drop(RECORDED_AT).schema
        return self._keep_changed("metrics", METRICS_SCHEMA, ("metric",), pl.DataFrame(rows, schema=kinds))

    def after(self, folders: Iterable[str]) -> int:
        """Give the present moment, or one later than all rows of some tables if those seem to lie ahead."""
        newest = (self._tables.newest(folder) for folder in folders)
        return max(times.now(), *(moment + 1 for moment in newest if moment is not None), 0)

    def _held(self, name: str, schema: pa.Schema, key: Sequence[str], as_of: int | None) -> pl.DataFrame:
        frame = self._tables.kept(name, schema)
        if frame is None:
            return pl.DataFrame(schema.empty_table())
        if as_of is not None:
            frame = frame.filter(pl.col(RECORDED_AT).cast(pl.Int64) <= as_of)
        return collect(frame.sort(RECORDED_AT)).unique(key, keep="last", maintain_order=True)

    def _keep_changed(self, name: str, schema: pa.Schema, key: Sequence[str], given: pl.DataFrame) -> int:
        held = self._held(name, schema, key, None).select(given.columns)
        changed = given.join(held, on=given.columns, how="anti", nulls_equal=True) if len(held) else given
        if len(changed):
            moment = pl.lit(self.after([f"kept/{name}"])).cast(pl.Datetime("us"))
            rows = changed.with_columns(moment.alias(RECORDED_AT)).to_arrow()
            self._tables.keep(name, rows.cast(schema))
        return len(changed)
