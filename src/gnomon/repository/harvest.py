"""Bringing measurements from a Butler repository into the metrics store."""

import gc
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import polars as pl
from lsst.daf.butler import Butler, DatasetType

from gnomon.errors import CollectionNotFoundError, FormatError, GnomonError, LineageError, nearest
from gnomon.measurements.values import NOT_MEASURED, Values
from gnomon.repository.collated import Collated
from gnomon.repository.collections import Collections, resolve
from gnomon.repository.computation_times import ComputationTimes
from gnomon.repository.contents import parse
from gnomon.repository.dimension_records import DimensionRecords
from gnomon.repository.file_places import file_places
from gnomon.repository.file_reading import read_files
from gnomon.repository.finding import DATASET_ID, RUN, dataset_types, dataset_types_in, find, present
from gnomon.repository.harvest_report import HarvestReport, TypeReport, Unreadable
from gnomon.repository.lineage import Lineage
from gnomon.repository.lineage.put_provenance import PutProvenance, in_file
from gnomon.repository.lineage.saying import record_said
from gnomon.repository.measurement_rows import arrange, to_table
from gnomon.repository.run_software import RunSoftware
from gnomon.repository.storing import Storing
from gnomon.store import Store, Tagged

__all__ = ["HarvestReport", "TypeReport", "Unreadable", "harvest"]

# As much as is read before it is stored. What a killed harvest has read and not stored is read again.
_DATASETS, _ROWS = 20_000, 100_000

type Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Show nothing."""


def harvest(
    butler: Butler,
    store: Store,
    *,
    collections: str | Sequence[str],
    prune: bool = False,
    reread: bool = False,
    dry_run: bool = False,
    lineage: Lineage | None = None,
    progress: Progress = _silent,
) -> HarvestReport:
    """Bring the measurements of collections into the store; only what is new is read.

    A harvest can be killed at any moment and run again, and several can run at once: the store takes each
    measurement once, and a dataset wholly or not at all.

    Measurements that were put into tables (``metrictable_{package}``) are taken from there, each as the
    one that it was.

    Parameters
    ----------
    butler
        The repository's client.
    store
        Where they go.
    collections
        Names or shell patterns of RUN, CHAINED and TAGGED collections. The definitions of the last two are
        kept too, nested ones as well. CALIBRATION collections take no part, and the report names them.
    prune
        Whether datasets are removed from the store that are gone: from these collections' runs, and with
        runs that are named here and no longer exist.
    reread
        Whether to read what the store has already too: a quantum that is run again can write other values as
        the same datasets. The newer measurement holds then.
    dry_run
        Whether to only count.
    lineage
        Where what the files say of how the datasets were made is recorded, on the way; None means nowhere.
        If that fails, measurements are brought in all the same, and the report says why.
    progress
        Told how many of how many new datasets are read.

    Returns
    -------
    HarvestReport
        What was found and done. What cannot be read is reported there and stops nothing; it is tried again by
        the next harvest.

    Raises
    ------
    CollectionNotFoundError
        If a collection does not exist.
    StoreError
        If the store cannot be read or written. What was stored before stays.
    """
    names = [collections] if isinstance(collections, str) else list(collections)
    found = resolve(butler, names, missing_ok=prune)
    report = HarvestReport(found.runs, calibrations=found.calibrations)
    report.gone = _gone(butler, store, found)
    with _without_old_garbage():
        work = _Harvest(butler, store, found, report, progress, reread=reread, lineage=lineage)
        work.search()
        if prune:
            gone = work.absent()
            report.pruned = len(gone) if dry_run else store.remove(gone, reason="no longer in the registry")
        if not dry_run:
            work.read()
            for tagged in work.tagged():
                store.define_tagged(tagged)
            for chain in found.chains:
                store.define_chain(chain)
    report.types = {name: one for name, one in sorted(report.types.items()) if one.found or one.unreadable}
    return report


def _gone(butler: Butler, store: Store, found: Collections) -> list[str]:
    """Give the runs that were named, that the registry no longer has and the store does."""
    gone = [name for name in found.missing if len(store.dataset_ids(collections=[name]))]
    if unknown := [name for name in found.missing if name not in gone]:
        known = butler.collections.query("*")
        raise CollectionNotFoundError(
            f"Neither the repository nor the store has a collection {unknown[0]!r}."
            f"{nearest(unknown[0], known)}"
        )
    return gone


@contextmanager
def _without_old_garbage() -> Iterator[None]:
    """Spare Python the search through all that was there before for each few thousand files that are read."""
    ours = gc.get_freeze_count() == 0
    if ours:
        gc.freeze()
    try:
        yield
    finally:
        if ours:
            gc.unfreeze()


class _Harvest:
    """One harvest, from searching to storing."""

    def __init__(
        self,
        butler: Butler,
        store: Store,
        found: Collections,
        report: HarvestReport,
        progress: Progress,
        *,
        reread: bool,
        lineage: Lineage | None,
    ) -> None:
        self._lineage = lineage
        self._butler = butler
        self._store = store
        self._found = found
        self._report = report
        self._progress = progress
        self._reread = reread
        self._records = DimensionRecords(butler)
        self._software = RunSoftware(butler)
        self._collated = Collated(butler, store, report, reread=reread)
        self._new: list[tuple[DatasetType, pl.DataFrame]] = []
        self._present: list[pl.Series] = []
        self._members: dict[str, list[pl.Series]] = {name: [] for name in found.tagged}

    def search(self) -> None:
        """Find out what there is, and what of it is new."""
        collections = [*self._found.runs, *self._found.tagged]
        self._collated.search(collections)
        self._present.append(self._collated.dataset_ids())
        inhabited = frozenset[str]().union(*dataset_types_in(self._butler, collections).values())
        kinds = [kind for kind in dataset_types(self._butler) if kind.name in inhabited]
        for kind in kinds:
            datasets = find(self._butler, kind, collections)
            ids = datasets[DATASET_ID]
            self._present.append(ids)
            if self._found.tagged:
                self._tag(kind)
            stored = self._stored(kind.name)
            collated = self._collated.dataset_ids(kind.name)
            new = datasets.join(stored, on=DATASET_ID, how="anti").join(
                collated.to_frame(), on=DATASET_ID, how="anti"
            )
            counts = self._report.of(kind.name)
            # What stands in tables was counted there.
            own = datasets.join(collated.to_frame(), on=DATASET_ID, how="anti")
            counts.found += len(own)
            counts.known += len(own) - len(new)
            if len(new):
                self._new.append((kind, new))

    def _stored(self, dataset_type: str) -> pl.DataFrame:
        if self._reread:
            return pl.DataFrame(schema={DATASET_ID: pl.Binary})
        runs = None if self._found.tagged else self._found.runs
        return self._store.dataset_ids(collections=runs, dataset_type=dataset_type).to_frame()

    def _tag(self, kind: DatasetType) -> None:
        for name, parts in self._members.items():
            parts.append(find(self._butler, kind, [name])[DATASET_ID])

    def tagged(self) -> list[Tagged]:
        """Give the definitions of the TAGGED collections."""
        return [
            Tagged(name, frozenset(one for part in parts for one in part.to_list()))
            for name, parts in self._members.items()
        ]

    def absent(self) -> list[bytes]:
        """Give the datasets of these runs that the store has and the registry under no type at all."""
        runs = [*self._found.runs, *self._report.gone]
        if not runs:
            return []
        stored = self._store.dataset_ids(collections=runs).to_frame()
        there = pl.concat(self._present).to_frame()
        doubtful = stored.join(there, on=DATASET_ID, how="anti")
        known = present(self._butler, doubtful[DATASET_ID]).to_frame()
        gone: list[bytes] = doubtful.join(known, on=DATASET_ID, how="anti")[DATASET_ID].to_list()
        return gone

    def read(self) -> None:
        """Read what is new and store it."""
        total = self._collated.new + sum(len(datasets) for _, datasets in self._new)
        done = 0
        self._progress(done, total)
        with Storing(self._store, self._report) as storing:
            for count in self._collated.read(storing, self._records, self._software):
                done += count
                self._progress(done, total)
            runs = dict.fromkeys(run for _, new in self._new for run in new[RUN].unique(maintain_order=True))
            times = ComputationTimes(self._butler, runs)
            for kind, datasets in self._new:
                for batch in datasets.iter_slices(_DATASETS):
                    for count in self._read_batch(kind, batch, times, storing):
                        done += count
                        self._progress(done, total)

    def _read_batch(
        self, kind: DatasetType, datasets: pl.DataFrame, times: ComputationTimes, storing: Storing
    ) -> Iterator[int]:
        """Read datasets of one type; give how many were dealt with whenever some are."""
        ids = datasets[DATASET_ID].to_list()
        places = file_places(self._butler, ids)
        storage_class = kind.storageClass_name

        tells = self._lineage is not None

        def make(content: bytes, file: str) -> tuple[list[Values], _Said]:
            return parse(content, storage_class, file=file), _said(content) if tells else None

        said: list[tuple[int, PutProvenance | None]] = []
        counts = self._report.of(kind.name)
        positions: list[int] = []
        values: list[Values] = []
        count = 0
        for position, outcome in read_files(places, make):
            count += 1
            if isinstance(outcome, Exception):
                self._report.could_not_read(
                    Unreadable(
                        str(uuid.UUID(bytes=ids[position])),
                        kind.name,
                        datasets[RUN][position],
                        str(places[position]),
                        _reason(outcome),
                    )
                )
                continue
            counts.read += 1
            found, provenance = outcome
            values.extend(found)
            positions.extend([position] * len(found))
            if not isinstance(provenance, Exception):
                said.append((position, provenance))
            if len(values) >= _ROWS:
                self._keep(kind, arrange(datasets, positions, values), times, storing)
                yield count
                positions, values, count = [], [], 0
        if values:
            self._keep(kind, arrange(datasets, positions, values), times, storing)
        self._tell(kind, datasets, said)
        yield count

    def _tell(
        self, kind: DatasetType, datasets: pl.DataFrame, said: list[tuple[int, PutProvenance | None]]
    ) -> None:
        """Record what files say of how their datasets were made, if any does."""
        if self._lineage is None or not any(provenance is not None for _, provenance in said):
            return
        try:
            self._report.edges += record_said(self._butler, self._lineage, kind, datasets, said).edges
        except LineageError as error:
            self._report.lineage_error = str(error)
            self._lineage = None

    def _keep(self, kind: DatasetType, rows: pl.DataFrame, times: ComputationTimes, storing: Storing) -> None:
        observed = self._records.observed(rows, kind.dimensions)
        whole = times.fill(rows.hstack(observed), kind)
        software = self._software.of(rows[RUN].unique().to_list())
        self._report.of(kind.name).measurements += int((rows["metric"] != NOT_MEASURED.metric).sum())
        storing.put(to_table(whole, kind, software), self._records.take_observations())


type _Said = PutProvenance | FormatError | None


def _said(content: bytes) -> _Said:
    """Read what a file says of how it was made; what is wrong with that is no fault of its values."""
    try:
        return in_file(content)
    except FormatError as error:
        return error


def _reason(error: Exception) -> str:
    if isinstance(error, GnomonError | OSError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"
