"""Bringing measurements from a Butler repository into the metrics store."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon.repository.chains import resolve
from gnomon.repository.configuration import BUNDLE
from gnomon.repository.measurement_rows import Unreadable, read_rows, software_of
from gnomon.repository.metric_tables import is_metric_table, read_metric_tables
from gnomon.store import AppendResult, Store

__all__ = ["HarvestReport", "Unreadable", "harvest"]

STORAGE_CLASSES = ("MetricValue", BUNDLE)
_SOURCE = "harvest"
_BATCH = 10_000

type Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Show nothing."""


@dataclass
class HarvestReport:
    """What a harvest found and did.

    Attributes
    ----------
    runs
        The RUN collections that were searched.
    found
        Measurements, each of which has a dataset, or had one before it was put into a table.
    known
        Of those, how many the store had before.
    appended
        What became of the others' rows; of a dry run, nothing.
    pruned
        How many datasets the store had that the registry no longer has; 0 unless pruning was asked for.
    unreadable
        What could not be read.
    """

    runs: list[str]
    found: int = 0
    known: int = 0
    appended: AppendResult = field(default_factory=lambda: AppendResult(0))
    pruned: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


def harvest(
    butler: Butler,
    store: Store,
    *,
    collections: str | Sequence[str],
    prune: bool = False,
    dry_run: bool = False,
    progress: Progress = _silent,
) -> HarvestReport:
    """Bring the measurements of collections into the store; only what is new is read.

    Measurements that were put into tables (``metrictable_{package}``) are taken from there, each as the
    one that it was. The tables of these collections are read each time.

    Parameters
    ----------
    butler
        The repository's client.
    store
        Where they go.
    collections
        Names or shell patterns of RUN and CHAINED collections. The definitions of chains are kept too.
    prune
        Whether datasets that are gone from these collections' runs are removed from the store.
    dry_run
        Whether to only count.
    progress
        Told how many of how many new datasets are read.

    Returns
    -------
    HarvestReport
        What was found and done. What cannot be read is reported there and stops nothing.

    Raises
    ------
    CollectionNotFoundError
        If a collection does not exist.
    """
    names = [collections] if isinstance(collections, str) else list(collections)
    runs, chains = resolve(butler, names)
    report = HarvestReport(runs)
    stored = set(store.dataset_ids(collections=runs).to_list())
    refs = {dataset_type: _find(butler, dataset_type, runs) for dataset_type in _dataset_types(butler)}
    versions: dict[str, str | None] = {}

    def software_of_run(run: str) -> str | None:
        if run not in versions:
            versions[run] = software_of(butler, run)
        return versions[run]

    tables = [ref for kind in _table_types(butler) for ref in _find(butler, kind, runs)]
    collated, report.unreadable = read_metric_tables(butler, tables, software=software_of_run)
    in_tables = set(collated["dataset_id"].to_pylist())
    present = in_tables | {ref.id.bytes for group in refs.values() for ref in group}
    report.found = len(present)
    report.known = len(present & stored)
    if prune:
        gone = _absent(butler, stored - present)
        report.pruned = len(gone) if dry_run else store.remove(gone, reason="no longer in the registry")
    if dry_run:
        return report
    for chain in chains:
        store.define_chain(chain)
    software = {run: software_of_run(run) for run in runs}
    total, done = report.found - report.known, 0
    progress(done, total)
    for table in _tables(collated, in_tables - stored):
        report.appended = _sum(report.appended, store.append(table, source=_SOURCE))
        done += len(table)
        progress(done, total)
    for dataset_type, group in refs.items():
        new = [ref for ref in group if ref.id.bytes not in stored and ref.id.bytes not in in_tables]
        for batch in _batches(new):
            table, unreadable = read_rows(butler, dataset_type, batch, software=software)
            report.unreadable.extend(unreadable)
            report.appended = _sum(report.appended, store.append(table, source=_SOURCE))
            done += len(batch)
            progress(done, total)
    return report


def _dataset_types(butler: Butler) -> list[DatasetType]:
    return [
        dataset_type
        for dataset_type in butler.registry.queryDatasetTypes()
        if dataset_type.storageClass_name in STORAGE_CLASSES
    ]


def _table_types(butler: Butler) -> list[DatasetType]:
    return [kind for kind in butler.registry.queryDatasetTypes() if is_metric_table(kind)]


def _tables(collated: pa.Table, new: set[bytes]) -> Iterator[pa.Table]:
    """Give the rows of new datasets, those of one dataset type together."""
    wanted = pa.array(sorted(new), pa.binary(16))
    rows = collated.filter(pc.is_in(collated["dataset_id"], value_set=wanted))
    for kind in sorted(set(rows["dataset_type"].to_pylist())):
        yield rows.filter(pc.equal(rows["dataset_type"], kind))


def _find(butler: Butler, dataset_type: DatasetType, runs: Sequence[str]) -> list[DatasetRef]:
    if not runs:
        return []
    return butler.query_datasets(dataset_type, collections=runs, find_first=False, limit=None, explain=False)


def _absent(butler: Butler, dataset_ids: set[bytes]) -> set[bytes]:
    """Give the datasets that the registry does not know, under whatever type."""
    known = butler.get_many_datasets([uuid.UUID(bytes=given) for given in dataset_ids])
    return dataset_ids - {ref.id.bytes for ref in known}


def _batches(refs: Sequence[DatasetRef]) -> Iterator[Sequence[DatasetRef]]:
    for start in range(0, len(refs), _BATCH):
        yield refs[start : start + _BATCH]


def _sum(a: AppendResult, b: AppendResult) -> AppendResult:
    return AppendResult(a.added + b.added, a.repeated + b.repeated)
