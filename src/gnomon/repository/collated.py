"""Bringing the measurements of tables into the store, each as the dataset that it was."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from lsst.daf.butler import Butler, DatasetType

from gnomon.dataids import takes_integer
from gnomon.errors import GnomonError
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import NO_METRIC, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.repository.collections import existing_runs
from gnomon.repository.computation_times import ComputationTimes
from gnomon.repository.dimension_records import DimensionRecords
from gnomon.repository.file_places import Place, file_places
from gnomon.repository.finding import DATASET_ID, RUN, find
from gnomon.repository.harvest_report import HarvestReport, Unreadable
from gnomon.repository.metric_tables import datasets_in, is_metric_table, opened, rows_in
from gnomon.repository.run_software import RunSoftware
from gnomon.repository.storing import Storing
from gnomon.store import Store

__all__ = ["Collated"]

_DATASETS = 100_000
_TYPE = "dataset_type"
_IDS = pl.Schema({DATASET_ID: pl.Binary, _TYPE: pl.String})
_NONE = pl.Series(DATASET_ID, [], pl.Binary)


@dataclass(frozen=True)
class _Table:
    """A table some of whose datasets are new."""

    dataset_id: str
    dataset_type: str
    run: str
    place: Place
    new: pl.Series


class Collated:
    """The tables of measurements of one harvest.

    Of each only the identifiers of its datasets are read, and its rows where some of those are new.

    Parameters
    ----------
    butler
        The repository's client.
    store
        Where they go.
    report
        Where what is found is added.
    reread
        Whether what the store has counts as new too.
    """

    def __init__(self, butler: Butler, store: Store, report: HarvestReport, *, reread: bool = False) -> None:
        self._reread = reread
        self._butler = butler
        self._store = store
        self._report = report
        self._kinds = {kind.name: kind for kind in butler.registry.queryDatasetTypes()}
        self._tables: list[_Table] = []
        self._datasets = pl.DataFrame(schema=_IDS)

    @property
    def new(self) -> int:
        """How many datasets are new."""
        return sum(len(table.new) for table in self._tables)

    def dataset_ids(self, dataset_type: str | None = None) -> pl.Series:
        """Give the datasets whose measurements stand in tables.

        Parameters
        ----------
        dataset_type
            Only of this type.

        Returns
        -------
        polars.Series
            UUIDs, 16 bytes each.
        """
        frame = self._datasets
        if dataset_type is not None:
            frame = frame.filter(pl.col(_TYPE) == dataset_type)
        return frame[DATASET_ID]

    def search(self, collections: Sequence[str]) -> None:
        """Find the tables, and what in them is new.

        Parameters
        ----------
        collections
            RUN and TAGGED collections.
        """
        for kind in self._kinds.values():
            if not is_metric_table(kind):
                continue
            found = find(self._butler, kind, collections)
            ids = found[DATASET_ID].to_list()
            for dataset_id, run, place in zip(
                ids, found[RUN].to_list(), file_places(self._butler, ids), strict=True
            ):
                table = _Table(str(uuid.UUID(bytes=dataset_id)), kind.name, run, place, _NONE)
                try:
                    with opened(place) as file:
                        self._look(table, datasets_in(file).cast(_IDS))
                except (GnomonError, OSError) as error:
                    self._unreadable(table, error)

    def _look(self, table: _Table, inside: pl.DataFrame) -> None:
        # Of several tables the first has a dataset.
        fresh = inside.join(self._datasets, on=DATASET_ID, how="anti")
        self._datasets = pl.concat([self._datasets, fresh])
        new = [_NONE]
        for (name,), part in fresh.partition_by(_TYPE, as_dict=True).items():
            stored = _NONE if self._reread else self._store.dataset_ids(dataset_type=str(name))
            unknown = part.join(stored.to_frame(), on=DATASET_ID, how="anti")[DATASET_ID]
            counts = self._report.of(str(name))
            counts.found += len(part)
            counts.known += len(part) - len(unknown)
            new.append(unknown)
        ids = pl.concat(new)
        if len(ids):
            self._tables.append(_Table(table.dataset_id, table.dataset_type, table.run, table.place, ids))

    def read(self, storing: Storing, records: DimensionRecords, software: RunSoftware) -> Iterator[int]:
        """Read what is new and store it.

        Parameters
        ----------
        storing
            Takes the rows.
        records
            Knows when things were observed.
        software
            Knows what computed the datasets of a run, which tables do not.

        Yields
        ------
        int
            How many datasets were dealt with since the last time.
        """
        for table in self._tables:
            for start in range(0, len(table.new), _DATASETS):
                wanted = table.new.slice(start, _DATASETS)
                try:
                    with opened(table.place) as file:
                        rows = rows_in(file, wanted)
                except (GnomonError, OSError) as error:
                    self._unreadable(table, error)
                    yield len(table.new) - start
                    break
                self._keep(rows, storing, records, software)
                yield len(wanted)

    def _keep(
        self, rows: pl.DataFrame, storing: Storing, records: DimensionRecords, software: RunSoftware
    ) -> None:
        runs = existing_runs(self._butler, rows[RUN].unique().to_list())
        known = {run: text for run, text in software.of(runs).items() if text is not None}
        versions = pl.col(RUN).replace_strict(known, default=None, return_dtype=pl.String)
        times = ComputationTimes(self._butler, runs)
        for (name,), part in rows.partition_by(_TYPE, as_dict=True).items():
            kind = self._kinds.get(str(name))
            whole = part.with_columns(versions.alias("software"))
            if kind is not None:
                whole = _completed(whole, kind, records, times)
            counts = self._report.of(str(name))
            counts.read += whole[DATASET_ID].n_unique()
            counts.measurements += int((whole["metric"] != NO_METRIC).sum())
            storing.put(conform(whole.select(SCHEMA.names).to_arrow()), records.take_observations())

    def _unreadable(self, table: _Table, error: Exception) -> None:
        self._report.could_not_read(
            Unreadable(table.dataset_id, table.dataset_type, table.run, str(table.place), str(error))
        )


def _completed(
    rows: pl.DataFrame, kind: DatasetType, records: DimensionRecords, times: ComputationTimes
) -> pl.DataFrame:
    """Put in times that the table does not have."""
    columns = rows.columns
    others = [name for name in kind.dimensions.names if name not in columns]
    entries = pl.col(OTHER_DIMENSIONS).cast(ENTRIES)
    for name in others:
        # A filter within a list of pairs, whose keys are the names.
        element = pl.element().filter(pl.element().struct.field("key") == name).struct.field("value")
        value = entries.list.eval(element).list.first()
        rows = rows.with_columns(value.cast(pl.Int64 if takes_integer(name) else pl.String).alias(name))
    observed = records.observed(rows, kind.dimensions)
    rows = rows.with_columns(rows[name].fill_null(observed[name]) for name in observed.columns)
    return times.fill(rows, kind).select(columns)
