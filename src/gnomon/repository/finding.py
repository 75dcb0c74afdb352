"""Which datasets of a repository hold measurements: asked of the registry in bulk, kept as columns.

A million references to datasets would fill gigabytes. As columns they are some tens of megabytes, and can be
compared with what the store has in one join.
"""

import uuid
from collections.abc import Iterable, Sequence
from itertools import batched

import polars as pl
from lsst.daf.butler import Butler, DataCoordinate, DatasetRef, DatasetType

from gnomon.dataids import takes_integer
from gnomon.repository.configuration import BUNDLE, ESTABLISHED_BUNDLE, SINGLE

__all__ = ["DATASET_ID", "FORMS", "RUN", "dataset_types", "dataset_types_in", "find", "present", "refs_of"]

FORMS = (SINGLE, BUNDLE, ESTABLISHED_BUNDLE)
"""The storage classes of datasets that hold measurements."""

DATASET_ID, RUN = "dataset_id", "run"

_PAGE = 20_000


def dataset_types(butler: Butler) -> list[DatasetType]:
    """Give the dataset types whose datasets hold measurements.

    Parameters
    ----------
    butler
        The repository's client.

    Returns
    -------
    list of DatasetType
        Sorted by name.
    """
    found = butler.registry.queryDatasetTypes()
    return sorted(
        (kind for kind in found if kind.storageClass_name in FORMS and not kind.isComponent()),
        key=lambda kind: kind.name,
    )


def dataset_types_in(butler: Butler, runs: Sequence[str]) -> dict[str, frozenset[str]]:
    """Give the dataset types that runs have datasets of, or had.

    Parameters
    ----------
    butler
        The repository's client.
    runs
        The RUN collections.

    Returns
    -------
    dict
        Names of dataset types by run.
    """
    if not runs:
        return {}
    infos = butler.collections.query_info(list(runs), include_summary=True)
    return {info.name: frozenset(info.dataset_types or ()) for info in infos}


def find(
    butler: Butler,
    dataset_type: DatasetType,
    collections: Sequence[str],
    *,
    data_ids: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Find the datasets of a type.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_type
        The type.
    collections
        RUN and TAGGED collections; every dataset in any of them is found, whether or not another one stands
        before it.
    data_ids
        Only of these data IDs: a column for each required dimension of the type.

    Returns
    -------
    polars.DataFrame
        The columns ``dataset_id`` (16 bytes) and ``run``, and one of each dimension, implied ones too. A
        dataset stands in it once.
    """
    names = list(dataset_type.dimensions.names)
    schema = {DATASET_ID: pl.Binary, RUN: pl.String} | {
        name: pl.Int64 if takes_integer(name) else pl.String for name in names
    }
    if not collections:
        return pl.DataFrame(schema=schema)
    own = dataset_type.name
    id_key, run_key = f"{own}.{DATASET_ID}", f"{own}.{RUN}"
    frames = [pl.DataFrame(schema=schema)]
    with butler.query() as query:
        if data_ids is not None:
            group = dataset_type.dimensions
            wanted = data_ids.select(group.required).unique().iter_rows()
            query = query.join_data_coordinates(
                [DataCoordinate.from_required_values(group, row) for row in wanted]
            )
        rows = query.join_dataset_search(own, list(collections)).general(
            dataset_type.dimensions, dataset_fields={own: {"dataset_id", "run"}}, find_first=False
        )
        for page in batched(rows, _PAGE):
            columns = {
                DATASET_ID: [row[id_key].bytes for row in page],
                RUN: [row[run_key] for row in page],
            } | {name: [row[name] for row in page] for name in names}
            frames.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(frames).unique(DATASET_ID, keep="first", maintain_order=True)


def refs_of(butler: Butler, dataset_ids: Iterable[bytes]) -> list[DatasetRef]:
    """Give references to datasets.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_ids
        Their UUIDs, 16 bytes each.

    Returns
    -------
    list of DatasetRef
        Of those that the registry knows, in no particular order.
    """
    return list(butler.get_many_datasets([uuid.UUID(bytes=given) for given in dataset_ids]))


def present(butler: Butler, dataset_ids: pl.Series) -> pl.Series:
    """Say which datasets the registry knows, under whatever type and in whatever run.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_ids
        UUIDs, 16 bytes each.

    Returns
    -------
    polars.Series
        Those of them that it knows.
    """
    known = [
        ref.id.bytes
        for batch in batched(dataset_ids.to_list(), _PAGE)
        for ref in butler.get_many_datasets([uuid.UUID(bytes=given) for given in batch])
    ]
    return pl.Series(DATASET_ID, known, pl.Binary)
