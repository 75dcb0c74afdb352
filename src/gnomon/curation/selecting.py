"""What a condition selects in a repository: datasets, or data IDs of which there are records.

The same few questions are asked wherever something is marked, shown or mirrored, and a mistake in one of them
is to be told in the same words everywhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy.exc
from lsst.daf.butler import (
    Butler,
    ButlerUserError,
    DataCoordinate,
    DatasetRef,
    DatasetType,
    InvalidQueryError,
    MissingCollectionError,
    MissingDatasetTypeError,
)

from gnomon.annotations import Target
from gnomon.errors import (
    CollectionNotFoundError,
    DataIdError,
    DatasetTypeNotFoundError,
    ExpressionError,
    RepositoryError,
    nearest,
)

__all__ = [
    "check_collections",
    "explained",
    "find_data_ids",
    "find_dataset_types",
    "find_datasets",
    "is_dimension",
    "record_target",
    "shortened",
]

_SHOWN = 200  # characters of a condition in a message


def find_datasets(
    butler: Butler,
    dataset_type: str,
    *,
    collections: Sequence[str],
    where: str = "",
    bind: Mapping[str, Any] | None = None,
    find_first: bool = False,
    sort: bool = True,
) -> list[DatasetRef]:
    """Find datasets of one type.

    Parameters
    ----------
    butler
        Client of the repository.
    dataset_type
        The name of the type.
    collections
        Where they are looked for, in order.
    where, bind
        A condition on data IDs, in the Butler's language, and what its names stand for.
    find_first
        Whether only the first dataset of each data ID counts, and not those that it shadows.
    sort
        Whether their order matters.

    Returns
    -------
    list of DatasetRef
        Sorted by data ID and run.

    Raises
    ------
    DatasetTypeNotFoundError, CollectionNotFoundError
        If the repository has no such dataset type or collection.
    ExpressionError
        If the Butler does not understand the condition.
    RepositoryError
        If it cannot answer for another reason.
    """
    asking = explained(butler, where=where, collections=collections, dataset_type=dataset_type)
    with asking, butler.query() as query:
        found = query.datasets(dataset_type, list(collections), find_first=find_first)
        refs = list(found.where(where, bind=dict(bind or {})) if where else found)
    return sorted(refs, key=lambda ref: (ref.dataId.required_values, ref.run)) if sort else refs


def find_data_ids(
    butler: Butler, dimensions: Iterable[str], *, where: str = "", bind: Mapping[str, Any] | None = None
) -> list[DataCoordinate]:
    """Find the data IDs of which a repository has records.

    Parameters
    ----------
    butler
        Client of the repository.
    dimensions
        Of which dimensions.
    where, bind
        As of `find_datasets`.

    Returns
    -------
    list of DataCoordinate
        Sorted.

    Raises
    ------
    DataIdError
        If one is no dimension.
    ExpressionError
        If the Butler does not understand the condition.
    RepositoryError
        If it cannot answer for another reason.
    """
    names = list(dimensions)
    known = butler.dimensions.dimensions.names
    for name in names:
        if name not in known:
            raise DataIdError(f"The repository has no dimension {name!r}.{nearest(name, known)}")
    with explained(butler, where=where), butler.query() as query:
        found = query.data_ids(names)
        data_ids = list(found.where(where, bind=dict(bind or {})) if where else found)
    return sorted(data_ids, key=lambda data_id: data_id.required_values)


def find_dataset_types(butler: Butler, names: Iterable[str]) -> list[DatasetType]:
    """Find dataset types.

    Parameters
    ----------
    butler
        Client of the repository.
    names
        Names or shell patterns.

    Returns
    -------
    list of DatasetType
        Each once, by name.

    Raises
    ------
    DatasetTypeNotFoundError
        If a name or pattern leads to none.
    """
    found: dict[str, DatasetType] = {}
    for name in names:
        matching = [kind for kind in butler.registry.queryDatasetTypes(name) if not kind.isComponent()]
        if not matching:
            raise _unknown_type(butler, name)
        found |= {kind.name: kind for kind in matching}
    return [found[name] for name in sorted(found)]


def check_collections(butler: Butler, names: Iterable[str]) -> list[str]:
    """Find collections.

    Parameters
    ----------
    butler
        Client of the repository.
    names
        Names or shell patterns.

    Returns
    -------
    list of str
        Each once, in the order given; chains are left as they are.

    Raises
    ------
    CollectionNotFoundError
        If a name or pattern leads to none.
    """
    found: dict[str, None] = {}
    for name in names:
        try:
            matching = butler.collections.query(name)
        except MissingCollectionError:
            matching = []
        if not matching:
            raise _unknown_collection(butler, name)
        found |= dict.fromkeys(matching)
    return list(found)


def is_dimension(butler: Butler, name: str) -> bool:
    """Say whether something is a dimension, and not a dataset type.

    Parameters
    ----------
    butler
        Client of the repository.
    name
        What is asked about.

    Returns
    -------
    bool
        False for elements that are no dimension of their own, such as ``visit_definition``.
    """
    return name in butler.dimensions.dimensions.names


def record_target(dimension: str, data_id: DataCoordinate) -> Target:
    """Mean the record of a dimension.

    Parameters
    ----------
    dimension
        The dimension.
    data_id
        A data ID that has it, perhaps with others.

    Returns
    -------
    Target
        The record.
    """
    if tuple(data_id.dimensions.required) != tuple(data_id.universe[dimension].required.names):
        data_id = data_id.subset(data_id.universe.conform([dimension]))
    return Target.dimension(dimension, dict(data_id.required))


def shortened(condition: str) -> str:
    """Give the beginning of a condition, for a message.

    Parameters
    ----------
    condition
        The condition, which may name thousands of values.

    Returns
    -------
    str
        Enough of it to know it again.
    """
    return condition if len(condition) <= _SHOWN else f"{condition[:_SHOWN]}..."


@contextmanager
def explained(
    butler: Butler, *, where: str = "", collections: Sequence[str] = (), dataset_type: str = ""
) -> Iterator[None]:
    """Turn what the Butler raises about a question into our errors.

    Parameters
    ----------
    butler
        Client of the repository.
    where, collections, dataset_type
        What is asked, for the message.

    Yields
    ------
    None
        While the question is asked.
    """
    try:
        yield
    except MissingDatasetTypeError as error:
        raise _unknown_type(butler, dataset_type) from error
    except MissingCollectionError as error:
        known = set(butler.collections.query("*"))
        missing = next((name for name in collections if name not in known), ", ".join(collections))
        raise _unknown_collection(butler, missing) from error
    except InvalidQueryError as error:
        raise ExpressionError(
            f"The condition {shortened(where)!r} cannot be used: {shortened(_first_line(error))}"
        ) from error
    except RecursionError as error:
        raise ExpressionError(
            f"The condition {shortened(where)!r} cannot be used: it has {len(where):,} characters, and is "
            "nested too deeply for the Butler. Name ranges, or bind a list."
        ) from error
    # The registry's database, too: with SQLite a condition may not name more than about 1,000 values.
    except (ButlerUserError, NotImplementedError, sqlalchemy.exc.SQLAlchemyError) as error:
        asked = (dataset_type or "data IDs") + (f" where {shortened(where)}" if where else "")
        raise RepositoryError(
            f"The repository cannot be asked for {asked}: {shortened(_first_line(error))}"
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error.args[0] if error.args else error).partition("\n")[0].strip()


def _unknown_type(butler: Butler, name: str) -> DatasetTypeNotFoundError:
    known = [kind.name for kind in butler.registry.queryDatasetTypes("*")]
    return DatasetTypeNotFoundError(f"The repository has no dataset type {name!r}.{nearest(name, known)}")


def _unknown_collection(butler: Butler, name: str) -> CollectionNotFoundError:
    return CollectionNotFoundError(
        f"The repository has no collection {name!r}.{nearest(name, butler.collections.query('*'))}"
    )
