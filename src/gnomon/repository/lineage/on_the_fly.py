"""Lineage of which nothing was recorded: from the graphs of finished runs, read when somebody asks."""

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lsst.daf.butler import Butler, CollectionType  # type: ignore[attr-defined]

from gnomon.errors import LineageNotFoundError
from gnomon.repository.collections import resolve
from gnomon.repository.lineage.gathering import Progress, provenance_graphs, record_graph
from gnomon.repository.lineage.graph_files import read_graph
from gnomon.repository.lineage.lineage import Lineage, open_lineage
from gnomon.repository.lineage.saying import datasets_of

__all__ = ["passing_lineage"]


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def passing_lineage(
    butler: Butler,
    dataset_id: uuid.UUID,
    *,
    down: bool = False,
    collections: Sequence[str] | None = None,
    graphs: Sequence[str] = (),
    progress: Progress = _silent,
) -> Iterator[Lineage]:
    """Make the lineage of one dataset from graphs, for as long as it is needed.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_id
        The dataset.
    down
        Whether what was made from it is asked for, and not what it was made from.
    collections
        Where to look for the graphs of finished runs. By default, upwards, the run of the dataset, and those
        of whatever it turns out to be made from; downwards, all runs of the repository.
    graphs
        Files of graphs, read instead.
    progress
        Told how far it is.

    Yields
    ------
    Lineage
        What these graphs say. It is gone afterwards.

    Raises
    ------
    LineageNotFoundError
        If the repository does not have the dataset and no graph names it.
    CollectionNotFoundError
        If there is no such collection.
    LineageError
        If a file cannot be read.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gnomon-lineage-") as folder,
        open_lineage(Path(folder) / "lineage.db") as lineage,
    ):
        known = datasets_of(butler, [dataset_id.bytes])
        lineage.record(datasets=known)
        if graphs:
            for graph in graphs:
                record_graph(lineage, graph, progress=progress)
        elif collections is not None or down:
            where = resolve(butler, collections).runs if collections is not None else _all_runs(butler)
            _read(butler, lineage, where, progress)
        elif known and known[0].run is not None:
            _follow(butler, lineage, dataset_id, known[0].run, progress)
        if not lineage.datasets([dataset_id]).height:
            raise LineageNotFoundError(
                f"Neither the repository nor any graph that was read has a dataset {dataset_id}."
            )
        yield lineage


def _all_runs(butler: Butler) -> list[str]:
    return list(butler.collections.query("*", collection_types=CollectionType.RUN))


def _follow(butler: Butler, lineage: Lineage, dataset_id: uuid.UUID, run: str, progress: Progress) -> None:
    """Read the graph of a run, then those of the runs in which its inputs were made, and so on."""
    waiting, seen = [run], {run}
    while waiting:
        _read(butler, lineage, waiting, progress)
        runs = lineage.ways(dataset_id).nodes["run"].drop_nulls().unique().to_list()
        waiting = sorted(set(runs) - seen)
        seen |= set(waiting)


def _read(butler: Butler, lineage: Lineage, runs: Sequence[str], progress: Progress) -> None:
    for ref in provenance_graphs(butler, runs):
        found = read_graph(
            butler.getURI(ref), progress=lambda done, total: progress("Reading graphs", done, total)
        )
        lineage.record(found.edges, datasets=found.datasets)
