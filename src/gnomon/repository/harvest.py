"""Bringing measurements from a Butler repository into the metrics store."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from lsst.daf.butler import Butler, DatasetNotFoundError, DatasetRef, DatasetType
from lsst.resources import ResourcePath

from gnomon import times
from gnomon.errors import GnomonError
from gnomon.measurements import Measurement
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.measurements.yaml_codec import from_yaml
from gnomon.repository.chains import resolve
from gnomon.repository.observation_times import observation_times
from gnomon.store import AppendResult, Store

__all__ = ["HarvestReport", "Unreadable", "harvest"]

STORAGE_CLASS = "MetricValue"
_SOURCE = "harvest"
_BATCH = 10_000
_OWN_EXTRAS = ("gnomon_uncertainty", "gnomon_count")

type Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Unreadable:
    """A dataset that could not be read, and why."""

    dataset_id: str
    dataset_type: str
    place: str
    reason: str


@dataclass
class HarvestReport:
    """What a harvest found and did.

    Attributes
    ----------
    runs
        The RUN collections that were searched.
    found
        Datasets that hold measurements.
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
    appended: AppendResult = AppendResult(0, 0, 0)
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
    if not runs:
        return report
    stored = store.dataset_ids(collections=runs)
    refs = {dataset_type: _find(butler, dataset_type, runs) for dataset_type in _dataset_types(butler)}
    present = {ref.id.bytes for group in refs.values() for ref in group}
    report.found = len(present)
    report.known = len(present & stored)
    if prune:
        gone = stored - present
        report.pruned = len(gone) if dry_run else store.remove(gone, reason="no longer in the registry")
    if dry_run:
        return report
    for chain in chains:
        store.define_chain(chain)
    software = {run: _software(butler, run) for run in runs}
    total, done = report.found - report.known, 0
    progress(done, total)
    for dataset_type, group in refs.items():
        new = [ref for ref in group if ref.id.bytes not in stored]
        for batch in _batches(new):
            table = _rows(butler, dataset_type, batch, software, report)
            report.appended = _sum(report.appended, store.append(table, source=_SOURCE))
            done += len(batch)
            progress(done, total)
    return report


def _dataset_types(butler: Butler) -> list[DatasetType]:
    return [
        dataset_type
        for dataset_type in butler.registry.queryDatasetTypes()
        if dataset_type.storageClass_name == STORAGE_CLASS
    ]


def _find(butler: Butler, dataset_type: DatasetType, runs: Sequence[str]) -> list[DatasetRef]:
    return butler.query_datasets(
        dataset_type, collections=runs, find_first=False, limit=None, explain=False
    )


def _rows(
    butler: Butler,
    dataset_type: DatasetType,
    refs: Sequence[DatasetRef],
    software: Mapping[str, str | None],
    report: HarvestReport,
) -> pa.Table:
    """Read datasets of one type and arrange them as rows."""
    kept: list[tuple[DatasetRef, Measurement]] = []
    for ref, uri in zip(refs, _uris(butler, refs), strict=True):
        try:
            kept.append((ref, from_yaml(uri.read())))
        except (GnomonError, OSError) as error:
            report.unreadable.append(Unreadable(str(ref.id), dataset_type.name, str(uri), str(error)))
    observations = observation_times(butler, [ref.dataId for ref, _ in kept])
    late = [ref for ref, measurement in kept if measurement.measured_at is None]
    ingested = _ingest_dates(butler, dataset_type, late)
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for (ref, measurement), observation in zip(kept, observations, strict=True):
        data_id = dict(ref.dataId.mapping)
        uncertainty = measurement.uncertainty
        moment = measurement.measured_at
        columns["dataset_id"].append(ref.id.bytes)
        columns["metric"].append(str(measurement.metric_name))
        columns["value"].append(measurement.value)
        columns["unit"].append(measurement.unit_str)
        columns["uncertainty"].append(None if uncertainty is None else uncertainty.to_value(measurement.unit))
        columns["count"].append(measurement.count)
        columns["run"].append(ref.run)
        columns["dataset_type"].append(dataset_type.name)
        for name in DATA_ID_COLUMNS:
            columns[name].append(data_id.pop(name, None))
        columns[OTHER_DIMENSIONS].append({name: str(value) for name, value in data_id.items()} or None)
        columns["obs_begin"].append(observation.begin)
        columns["obs_end"].append(observation.end)
        columns["measured_at"].append(ingested.get(ref) if moment is None else moment)
        columns["software"].append(software[ref.run])
        columns["extras"].append(_extras(measurement, inferred_time=moment is None))
    arrays = [pa.array(columns[item.name], type=_plain(item.type)).cast(item.type) for item in SCHEMA]
    return conform(pa.table(arrays, names=SCHEMA.names))


def _plain(type_: pa.DataType) -> pa.DataType:
    """Give the type in which values stand before they are cast: times are counts of microseconds."""
    return pa.int64() if pa.types.is_timestamp(type_) else type_


def _extras(measurement: Measurement, *, inferred_time: bool) -> str | None:
    """Write what has no column of its own as JSON."""
    name = str(measurement.metric_name)
    result: dict[str, Any] = {}
    if blob := measurement.blobs.get(name):
        datums = {
            key: {"value": datum.value, "unit": datum.unit_str}
            for key, datum in blob.items()
            if key not in _OWN_EXTRAS
        }
        if datums:
            result["extras"] = datums
    notes = {key: note for key, note in measurement.notes.items() if not key.endswith(".measured_at")}
    if notes:
        result["notes"] = notes
    if inferred_time:
        result["measured_at"] = "the registry's ingest date"
    return json.dumps(result, ensure_ascii=False, default=str) if result else None


def _uris(butler: Butler, refs: Sequence[DatasetRef]) -> list[ResourcePath]:
    """Say where the files are; in bulk, which the public interface does not offer, if that is possible."""
    try:
        many = butler._datastore.getManyURIs(refs)
        return [many[ref].primaryURI for ref in refs]
    except (AttributeError, NotImplementedError, KeyError, TypeError):
        return [butler.getURI(ref) for ref in refs]


def _ingest_dates(
    butler: Butler, dataset_type: DatasetType, refs: Sequence[DatasetRef]
) -> dict[DatasetRef, int]:
    """Give when the registry learned of datasets, in TAI microseconds."""
    if not refs:
        return {}
    wanted = {ref.id: ref for ref in refs}
    name = dataset_type.name
    with butler.query() as query:
        query = query.join_dataset_search(name, sorted({ref.run for ref in refs}))
        rows = query.general(
            dataset_type.dimensions, dataset_fields={name: {"dataset_id", "ingest_date"}}, find_first=False
        )
        return {
            wanted[row[f"{name}.dataset_id"]]: int(times.to_tai_us(row[f"{name}.ingest_date"]))
            for row in rows
            if row[f"{name}.dataset_id"] in wanted
        }


def _software(butler: Butler, run: str) -> str | None:
    """Give the version of gnomon that wrote a run, from its record of packages."""
    try:
        packages = butler.get("packages", collections=run)
    except (DatasetNotFoundError, LookupError):
        return None
    version = packages.get("gnomon")
    return None if version is None else f"gnomon {version}"


def _batches(refs: Sequence[DatasetRef]) -> Iterator[Sequence[DatasetRef]]:
    for start in range(0, len(refs), _BATCH):
        yield refs[start : start + _BATCH]


def _sum(a: AppendResult, b: AppendResult) -> AppendResult:
    return AppendResult(a.added + b.added, a.replaced + b.replaced, a.unchanged + b.unchanged)
