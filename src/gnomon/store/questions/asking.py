"""Asking: from a question to the rows that answer it, over all tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from gnomon import times
from gnomon.errors import StoreError
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.layout.catalog import Catalog, names_of, with_rows
from gnomon.store.layout.kept import Kept
from gnomon.store.layout.order import IMPLIED, ORDER, in_order
from gnomon.store.layout.schema import (
    RECORDED_AT,
    SOURCE,
    STORED_SCHEMA,
    SUPERSEDED_AT,
    TableName,
    table_names,
)
from gnomon.store.layout.search_path import Chain, SearchPath, Tagged
from gnomon.store.layout.tables import Tables
from gnomon.store.questions import reading
from gnomon.store.questions.arguments import (
    Moment,
    Names,
    to_columns,
    to_interval,
    to_list,
    to_metadata,
    to_moment,
)
from gnomon.store.questions.history import HELD_UNTIL, REASON, rows_that_came_in, with_ends
from gnomon.store.questions.query import Bound, Query
from gnomon.store.questions.result import DATA_ID, Result, widen
from gnomon.store.questions.selection import (
    dataset_types_that_can_hold,
    to_dataset_types,
    to_metrics,
    to_search_path,
)
from gnomon.store.upkeep.retention import complete_since

__all__ = ["Asker"]

# Two rows that agree in these are one dataset's, and stay as they stood.
_SORTED_BY = tuple(name for name in ORDER if name not in {*IMPLIED, "dataset_id"})
_WIDE = (*DATA_ID_COLUMNS, OTHER_DIMENSIONS, "run", "value", "unit", "obs_begin", "obs_end")


class Asker:
    """Answers questions to a store, as `gnomon.store.Store` says.

    Parameters
    ----------
    tables, catalog, kept
        Of the store.
    buffer
        Of this host.
    """

    def __init__(self, tables: Tables, catalog: Catalog, kept: Kept, buffer: Buffer) -> None:
        self._tables = tables
        self._catalog = catalog
        self._kept = kept
        self._buffer = buffer

    def load(
        self,
        metrics: Names | None,
        *,
        tags: Names | None,
        collections: Names | None,
        definitions: Iterable[Chain | Tagged] | None,
        dataset_type: Names | None,
        where: str | None,
        bind: Mapping[str, Any] | None,
        observed: tuple[Moment, Moment],
        measured: tuple[Moment, Moment],
        software: Names | None,
        values: tuple[Bound, Bound],
        latest: bool,
        as_of: Moment,
        columns: Sequence[str] | None,
        metadata: bool | Sequence[str],
        wide: bool,
    ) -> Result:
        """Load measurements."""
        moment = to_moment(as_of)
        self._check_remembered(moment)
        # Before the tables: what is drained meanwhile is then seen twice, and counts once, rather than never.
        buffered = self._buffered()
        known = with_rows(self._catalog.load(), buffered.items()) if buffered else self._catalog.load()
        query = Query(
            metrics=to_metrics(known, self._kept, metrics, tags),
            path=to_search_path(known, self._kept, collections, definitions, moment),
            where=where,
            bind=bind or {},
            observed=to_interval(observed),
            measured=to_interval(measured),
            software=None if software is None else to_list(software),
            values=values,
            latest=latest,
            as_of=moment,
            metadata=to_metadata(metadata),
        )
        types = to_dataset_types(known, dataset_type)
        shown = to_columns(columns)
        # What the answer is sorted by, and what is still to be asked of it, is read besides.
        asked = [name for name in SCHEMA.names if name in query.columns]
        read = list(dict.fromkeys((*shown, *_SORTED_BY, *asked, *(_WIDE if wide else ()))))
        removals = self._kept.removals(as_of=moment)
        frames: list[pl.DataFrame] = []
        is_settled = not buffered and moment is None
        for name, held in known.items():
            wanted = dataset_types_that_can_hold(held, types, query.metrics)
            if not wanted:
                continue
            snapshot = self._tables.open(name)
            is_settled = is_settled and not frames and snapshot is not None and snapshot.is_settled
            frame = reading.read(
                snapshot,
                name,
                query,
                dataset_types=wanted if types is not None or (query.path and query.metrics) else None,
                buffered=buffered.get(name),
                removals=removals,
                columns=read,
            )
            if wide:
                names = [pl.lit(dimension) for dimension in name.dimensions]
                own = reading.identity_columns(name.dimensions)
                frame = frame.with_columns(
                    pl.concat_str(*names, *reading.as_texts(own), separator="\x1d").alias(DATA_ID)
                )
            frames.append(frame)
        nothing = pl.DataFrame(STORED_SCHEMA.empty_table()).select(read)
        found = pl.concat(frames) if len(frames) > 1 else frames[0] if frames else nothing
        found = query.in_range(query.in_software(found))
        if query.observed_columns:
            found = reading.with_observations(
                found, self._kept.observations(as_of=moment), query.observed_columns
            )
        found = in_order(query.satisfy(found), is_settled=is_settled)
        if not wide:
            return Result(found.select(*shown, *query.metadata), wide=False)
        if DATA_ID not in found.columns:
            found = found.with_columns(pl.lit("").alias(DATA_ID))
        broad, units = widen(found, by_run=query.path is None and not latest, also=query.metadata)
        return Result(broad, wide=True, units=units)

    def history(
        self,
        metrics: Names | None,
        *,
        tags: Names | None,
        dataset_ids: Iterable[bytes] | None,
        collections: Names | None,
        definitions: Iterable[Chain | Tagged] | None,
        dataset_type: Names | None,
        where: str | None,
        bind: Mapping[str, Any] | None,
    ) -> pl.DataFrame:
        """Give all measurements that ever came in, and until when each held."""
        buffered = self._buffered()
        known = with_rows(self._catalog.load(), buffered.items()) if buffered else self._catalog.load()
        query = Query(
            metrics=to_metrics(known, self._kept, metrics, tags),
            path=to_search_path(known, self._kept, collections, definitions, None),
            where=where,
            bind=bind or {},
        )
        types = to_dataset_types(known, dataset_type)
        ids = None if dataset_ids is None else sorted(set(dataset_ids))
        frames = [pl.DataFrame(STORED_SCHEMA.empty_table())]
        for name, held in known.items():
            if wanted := dataset_types_that_can_hold(held, types, query.metrics):
                rows = buffered.get(name)
                table = self._tables.open(name)
                frames.append(
                    rows_that_came_in(
                        table, name, query, dataset_types=wanted, dataset_ids=ids, buffered=rows
                    )
                )
        found = with_ends(pl.concat(frames), self._kept.all_removals())
        if query.observed_columns:
            found = reading.with_observations(found, self._kept.observations(), query.observed_columns)
        found = query.satisfy(found).sort(RECORDED_AT, maintain_order=True)
        return in_order(found).select(*SCHEMA.names, RECORDED_AT, SOURCE, HELD_UNTIL, REASON)

    def metrics(self, metrics: Names | None, tags: Names | None) -> list[str]:
        """Name the metrics that a question is about, as `gnomon.store.Store.load` takes them."""
        buffered = self._buffered()
        known = with_rows(self._catalog.load(), buffered.items())
        found = to_metrics(known, self._kept, metrics, tags)
        return sorted(names_of(known, "metrics")) if found is None else found

    def dataset_ids(self, *, collections: Names | None, dataset_type: Names | None) -> pl.Series:
        """Give the datasets whose measurements are in the store and were not removed."""
        path = None if collections is None else SearchPath(tuple(to_list(collections)))
        wanted = None if dataset_type is None else set(to_list(dataset_type))
        buffered = self._buffered()
        removals = self._kept.removals()
        found = [pl.Series("dataset_id", [], pl.Binary)]
        for rows in buffered.values():
            if wanted is not None:
                rows = rows.filter(pl.col("dataset_type").is_in(sorted(wanted)))
            if path is not None:
                rows = rows.filter(pl.col("run").is_in(path.entries))
            found.append((rows if removals is None else removals.apply(rows))["dataset_id"].unique())
        for name, types in self._catalog.load().items():
            present = sorted(kind for kind in types if wanted is None or kind in wanted)
            snapshot = self._tables.open(name) if present else None
            if snapshot is not None:
                found.append(reading.dataset_ids(snapshot, present, path=path, removals=removals))
        return pl.concat(found).unique() if len(found) > 2 else found[-1]

    def _check_remembered(self, moment: int | None) -> None:
        since = None if moment is None else complete_since(self._tables.place)
        if moment is not None and since is not None and moment < since:
            begin, asked = times.to_utc_iso(since), times.to_utc_iso(moment)
            raise StoreError(
                f"The history of {self._tables.place.uri} begins at {begin}; what held before, such as at "
                f"{asked}, is not known any more."
            )

    def _buffered(self) -> dict[TableName, pl.DataFrame]:
        """Give what waits in the buffer of this host, by table."""
        rows = self._buffer.rows()
        if rows is None:
            return {}
        return dict(table_names(rows.with_columns(pl.lit(None, pl.Datetime("us")).alias(SUPERSEDED_AT))))
