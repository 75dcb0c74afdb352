"""From what the files of datasets say to what is recorded, with the names of all that they speak of."""

import uuid
from collections.abc import Iterable
from itertools import batched

import polars as pl
from lsst.daf.butler import Butler, DatasetType

from gnomon.repository.finding import DATASET_ID, RUN
from gnomon.repository.lineage.edges import Dataset, Edge
from gnomon.repository.lineage.lineage import Added, Lineage
from gnomon.repository.lineage.put_provenance import PutProvenance

__all__ = ["datasets_of", "record_said"]

_BATCH = 1000


def datasets_of(butler: Butler, dataset_ids: Iterable[bytes]) -> list[Dataset]:
    """Ask the registry what it knows of datasets.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_ids
        Their UUIDs.

    Returns
    -------
    list of Dataset
        Those that it knows.
    """
    return [
        Dataset(ref.id, ref.datasetType.name, dict(ref.dataId.mapping), ref.run)
        for batch in batched(dataset_ids, _BATCH)
        for ref in butler.get_many_datasets([uuid.UUID(bytes=one) for one in batch])
    ]


def record_said(
    butler: Butler,
    lineage: Lineage,
    kind: DatasetType,
    datasets: pl.DataFrame,
    said: Iterable[tuple[int, PutProvenance | None]],
) -> Added:
    """Record what the files of datasets of one type say of how they were made.

    Parameters
    ----------
    butler
        The repository's client, which names the inputs.
    lineage
        Where it is recorded.
    kind
        The type of the datasets.
    datasets
        As `gnomon.repository.finding.find` gives them.
    said
        Places in ``datasets``, and what the file there says; `None` if nothing, which is remembered too.

    Returns
    -------
    Added
        What is new.

    Raises
    ------
    LineageError
        If the database fails; nothing is recorded then.
    """
    edges: list[Edge] = []
    named: list[Dataset] = []
    places: list[int] = []
    ids = datasets[DATASET_ID].to_list()
    for place, provenance in said:
        places.append(place)
        if provenance is not None:
            edges += provenance.edges(uuid.UUID(bytes=ids[place]), kind.name)
            named += (given.dataset for given in provenance.inputs)
    named += datasets_of(butler, sorted({edge.parent.bytes for edge in edges}))
    named += _rows(kind, datasets[places])
    return lineage.record(edges, datasets=named, asked=[ids[place] for place in places])


def _rows(kind: DatasetType, datasets: pl.DataFrame) -> list[Dataset]:
    names = list(kind.dimensions.names)
    return [
        Dataset(
            uuid.UUID(bytes=row[DATASET_ID]),
            kind.name,
            {name: row[name] for name in names if row[name] is not None},
            row[RUN],
        )
        for row in datasets.iter_rows(named=True)
    ]
