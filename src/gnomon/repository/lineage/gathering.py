"""Recording the lineage of what is in a repository: from graphs, from files, from tables of inputs."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from gnomon.errors import GnomonError, LineageError, nearest
from gnomon.repository.collections import resolve
from gnomon.repository.configuration import BUNDLE, SINGLE
from gnomon.repository.file_places import Place, file_places
from gnomon.repository.file_reading import Outcome, read_files
from gnomon.repository.finding import DATASET_ID, RUN, dataset_types_in, find
from gnomon.repository.lineage.graph_files import read_graph
from gnomon.repository.lineage.input_tables import InputTable, edges_from_table
from gnomon.repository.lineage.lineage import Lineage
from gnomon.repository.lineage.put_provenance import PutProvenance, in_arrow_metadata, in_file
from gnomon.repository.lineage.saying import record_said

__all__ = ["NotRead", "Recorded", "gather", "provenance_graphs", "record_graph"]

_GRAPH_CLASS = "ProvenanceQuantumGraph"
_TABLE = "ArrowAstropy"
_BATCH = 20_000
_LOCAL_THREADS, _REMOTE_THREADS = 2, 64

type Progress = Callable[[str, int, int], None]
"""Told what is being read, and how many of how many are."""


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class NotRead:
    """Something that could not be read.

    Attributes
    ----------
    what
        A dataset or a file.
    reason
        Why not.
    """

    what: str
    reason: str


@dataclass
class Recorded:
    """What a recording came to.

    Attributes
    ----------
    graphs, files, tables
        How many graphs, datasets' own files and tables of inputs were read.
    known
        How many were not, since they had been before.
    edges, datasets
        How many are new, or are known better than before.
    truncated
        How many files say that they do not name all inputs.
    not_read
        What could not be read; it is tried again the next time.
    """

    graphs: int = 0
    files: int = 0
    tables: int = 0
    known: int = 0
    edges: int = 0
    datasets: int = 0
    truncated: int = 0
    not_read: list[NotRead] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Give the report as plain values.

        Returns
        -------
        dict
            What JSON can write.
        """
        counts = {name: value for name, value in vars(self).items() if name != "not_read"}
        return counts | {"not_read": [vars(one) for one in self.not_read]}


def gather(
    butler: Butler,
    lineage: Lineage,
    *,
    collections: str | Sequence[str],
    input_tables: Iterable[InputTable] = (),
    reread: bool = False,
    progress: Progress = _silent,
) -> Recorded:
    """Record what a repository itself says of how the datasets in some collections were made.

    It says so in the graphs of finished runs that are kept as datasets, in the files of datasets (what the
    task was given before it put them), and in tables of inputs. What was read before is not read again.

    Parameters
    ----------
    butler
        The repository's client.
    lineage
        Where it is recorded.
    collections
        Names or shell patterns of collections.
    input_tables
        Which datasets are tables of what went into others.
    reread
        Whether to read again what was read before.
    progress
        Told how far it is.

    Returns
    -------
    Recorded
        What was found. What cannot be read is reported there and stops nothing.

    Raises
    ------
    CollectionNotFoundError
        If there is no such collection.
    LineageError
        If a table of inputs is of no type that the repository has, or the database fails.
    """
    names = [collections] if isinstance(collections, str) else list(collections)
    found = resolve(butler, names)
    work = _Gathering(butler, lineage, [*found.runs, *found.tagged], reread=reread, progress=progress)
    tables = list(input_tables)
    for table in tables:
        work.check(table)
    work.graphs()
    work.files()
    for table in tables:
        work.tables(table)
    return work.report


def record_graph(lineage: Lineage, uri: str, *, progress: Progress = _silent) -> Recorded:
    """Record what the file of a quantum graph says.

    Parameters
    ----------
    lineage
        Where it is recorded.
    uri
        A predicted graph, or that of a finished run.
    progress
        Told how far it is.

    Returns
    -------
    Recorded
        What was new in it.

    Raises
    ------
    LineageError
        If it cannot be read, or the database fails.
    """
    found = read_graph(uri, progress=lambda done, total: progress("Reading the graph", done, total))
    progress("Recording the graph", 0, 1)
    added = lineage.record(found.edges, datasets=found.datasets)
    return Recorded(graphs=1, edges=added.edges, datasets=added.datasets)


def provenance_graphs(butler: Butler, collections: Sequence[str]) -> list[DatasetRef]:
    """Find the graphs of finished runs that are kept as datasets.

    Parameters
    ----------
    butler
        The repository's client.
    collections
        RUN and TAGGED collections.

    Returns
    -------
    list of DatasetRef
        One a run at most.
    """
    result = []
    for kind in butler.registry.queryDatasetTypes():
        if kind.storageClass_name == _GRAPH_CLASS and not kind.isComponent() and collections:
            result += butler.query_datasets(
                kind, list(collections), find_first=False, limit=None, explain=False
            )
    return result


class _Gathering:
    """One recording, from searching to the report."""

    def __init__(
        self, butler: Butler, lineage: Lineage, collections: list[str], *, reread: bool, progress: Progress
    ) -> None:
        self._butler = butler
        self._lineage = lineage
        self._collections = collections
        self._reread = reread
        self._progress = progress
        self.report = Recorded()
        inhabited = frozenset[str]().union(*dataset_types_in(butler, collections).values())
        self._kinds = sorted(
            (
                kind
                for kind in butler.registry.queryDatasetTypes()
                if kind.name in inhabited and not kind.isComponent()
            ),
            key=lambda kind: kind.name,
        )

    def check(self, table: InputTable) -> None:
        """Refuse a table of inputs that names what is not there."""
        known = [kind.name for kind in self._kinds]
        for name in (table.product, table.table, *sorted(table.inputs)):
            if name not in known and name not in table.inputs:
                raise LineageError(
                    f"The collections have no datasets of type {name!r}.{nearest(name, known)}"
                )

    def graphs(self) -> None:
        """Record the graphs of finished runs."""
        refs = provenance_graphs(self._butler, self._collections)
        for ref in refs:
            source = f"dataset:{ref.id}"
            if not self._reread and self._lineage.has_source(source):
                self.report.known += 1
                continue
            try:
                found = read_graph(
                    self._butler.getURI(ref),
                    progress=lambda done, total: self._progress("Reading graphs", done, total),
                )
            except (GnomonError, OSError) as error:
                self.report.not_read.append(NotRead(f"{ref.datasetType.name} of {ref.run}", str(error)))
                continue
            self._progress("Recording graphs", 0, 1)
            self.report.graphs += 1
            self._count(self._lineage.record(found.edges, datasets=found.datasets, source=source))

    def files(self) -> None:
        """Record what the files of datasets say."""
        new: list[tuple[DatasetType, pl.DataFrame]] = []
        for kind in self._kinds:
            if kind.storageClass_name not in (SINGLE, BUNDLE, _TABLE):
                continue
            datasets = find(self._butler, kind, self._collections)
            if not self._reread:
                fresh = self._lineage.not_asked(datasets[DATASET_ID]).to_frame(DATASET_ID)
                self.report.known += len(datasets) - len(fresh)
                datasets = datasets.join(fresh, on=DATASET_ID, how="semi")
            if len(datasets):
                new.append((kind, datasets))
        total, done = sum(len(datasets) for _, datasets in new), 0
        for kind, datasets in new:
            for batch in datasets.iter_slices(_BATCH):
                self._progress("Reading files", done, total)
                self._batch(kind, batch)
                done += len(batch)
        self._progress("Reading files", done, total)

    def _batch(self, kind: DatasetType, datasets: pl.DataFrame) -> None:
        ids = datasets[DATASET_ID].to_list()
        places = file_places(self._butler, ids)
        outcomes = _footers(places) if kind.storageClass_name == _TABLE else read_files(places, _said)
        said: list[tuple[int, PutProvenance | None]] = []
        for position, outcome in outcomes:
            if isinstance(outcome, Exception):
                reason = str(outcome) or type(outcome).__name__
                what = f"{kind.name} {uuid.UUID(bytes=ids[position])} in {datasets[RUN][position]}"
                self.report.not_read.append(NotRead(what, reason))
                continue
            self.report.files += 1
            self.report.truncated += outcome is not None and outcome.dropped > 0
            said.append((position, outcome))
        self._count(record_said(self._butler, self._lineage, kind, datasets, said))

    def tables(self, table: InputTable) -> None:
        """Record what tables of inputs say."""
        kinds = {kind.name: kind for kind in self._kinds}
        products, tables = (
            find(self._butler, kinds[name], self._collections) for name in (table.product, table.table)
        )
        keys = [RUN, *kinds[table.product].dimensions.required]
        if kinds[table.table].dimensions.required != kinds[table.product].dimensions.required:
            raise LineageError(f"{table.table} and {table.product} do not have the same dimensions.")
        pairs = tables.select(pl.col(DATASET_ID).alias("table"), *keys).join(
            products.select(DATASET_ID, *keys), on=keys, nulls_equal=True
        )
        for done, (its_table, product) in enumerate(pairs.select("table", DATASET_ID).iter_rows()):
            self._progress("Reading tables of inputs", done, len(pairs))
            identifier = uuid.UUID(bytes=its_table)
            try:
                (ref,) = self._butler.get_many_datasets([identifier])
                content = self._butler.get(ref)
                edges = edges_from_table(self._lineage, product, content, inputs=table.inputs)
            except (GnomonError, OSError, LookupError, ValueError, RuntimeError) as error:
                self.report.not_read.append(NotRead(f"{table.table} {identifier}", str(error)))
                continue
            self.report.tables += 1
            self._count(self._lineage.record(edges))

    def _count(self, added: Any) -> None:
        self.report.edges += added.edges
        self.report.datasets += added.datasets


def _said(content: bytes, file: str) -> PutProvenance | None:
    del file
    return in_file(content)


def _footers(places: Sequence[Place]) -> Iterator[tuple[int, Outcome[PutProvenance | None]]]:
    """Read what the footers of Parquet files say; only of those in archives more than these is read."""
    packed = [n for n, place in enumerate(places) if place.uri is not None and place.uri.fragment]
    for number, outcome in read_files([places[n] for n in packed], _said_in_table):
        yield packed[number], outcome
    plain = sorted(set(range(len(places))).difference(packed))
    threads = _LOCAL_THREADS if all(places[n].uri is None for n in plain) else _REMOTE_THREADS
    with ThreadPoolExecutor(threads, thread_name_prefix="gnomon-footers") as executor:
        yield from zip(plain, executor.map(_footer, (places[n] for n in plain)), strict=True)


def _said_in_table(content: bytes, file: str) -> PutProvenance | None:
    del file
    return in_arrow_metadata(pq.read_metadata(pa.BufferReader(content)).metadata)


def _footer(place: Place) -> Outcome[PutProvenance | None]:
    try:
        if place.path is not None:
            metadata = pq.read_metadata(place.path).metadata
        elif place.uri is not None:
            with place.uri.open("rb") as file:
                metadata = pq.read_metadata(file).metadata
        else:
            return FileNotFoundError(place.missing)
        return in_arrow_metadata(metadata)
    except (OSError, pa.ArrowException, GnomonError) as error:
        return error
