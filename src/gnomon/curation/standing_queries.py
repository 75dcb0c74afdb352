"""Flags on standing queries: whatever fulfils the condition when it is asked carries the flag."""

from collections.abc import Iterable, Sequence
from typing import Any

from lsst.daf.butler import Butler, CollectionType  # type: ignore[attr-defined]

from gnomon.annotations import EffectiveFlag, Target
from gnomon.curation.selecting import find_data_ids, find_datasets, is_dimension
from gnomon.curation.things import Thing
from gnomon.errors import DatasetTypeNotFoundError, ExpressionError, RepositoryError

__all__ = ["evaluate", "expand", "members", "spread"]


def expand(
    flags: Iterable[EffectiveFlag], *, butler: Butler, repository: str | None = None
) -> list[EffectiveFlag]:
    """Spread the flags on standing queries over what fulfils their conditions now.

    Parameters
    ----------
    flags
        Effective flags of targets of any kind.
    butler
        Client of the repository that is asked, once for each query.
    repository
        The label by which targets call this repository. A query that names another one is not asked here;
        without a label, every query is.

    Returns
    -------
    list of EffectiveFlag
        For each flag on a standing query the same flag on every member, a dataset or a record. Other flags
        are left out: a *frozen* query stands beside the very things that it gave, which carry the flag
        themselves. A member of two queries is there twice.

    Raises
    ------
    ExpressionError
        If the Butler does not understand a condition: what it was to mark cannot be told, and so must not be
        taken for unmarked.
    RepositoryError
        If it cannot answer for another reason.
    """
    return [
        flag._replace(target=member)
        for flag, found in spread(flags, butler=butler, repository=repository)
        for member in found
    ]


def spread(
    flags: Iterable[EffectiveFlag], *, butler: Butler, repository: str | None = None
) -> list[tuple[EffectiveFlag, list[Target]]]:
    """Say what carries the flags on standing queries.

    Parameters
    ----------
    flags, butler, repository
        As of `expand`.

    Returns
    -------
    list of tuple
        Each flag on a standing query, and what fulfils its condition now.

    Raises
    ------
    ExpressionError, RepositoryError
        As of `expand`.
    """
    known: dict[str, list[Target]] = {}
    result = []
    for flag in flags:
        target = flag.target
        if target.kind != "query" or not target.standing:
            continue
        if repository is not None and target.repository not in (None, repository):
            continue
        if target.key not in known:
            try:
                known[target.key] = members(target, butler=butler)
            except (ExpressionError, RepositoryError) as error:
                raise type(error)(
                    f"The standing query of annotation {flag.annotation_id}, by {flag.by.name}, cannot be "
                    f"evaluated. {error.message} Until it is retracted nobody can tell what carries "
                    f"{flag.flag}."
                ) from error
        result.append((flag, known[target.key]))
    return result


def members(query: Target, *, butler: Butler) -> list[Target]:
    """Say what a query gives now.

    Parameters
    ----------
    query, butler
        As of `evaluate`.

    Returns
    -------
    list of Target
        Datasets, or records of a dimension.

    Raises
    ------
    ExpressionError, RepositoryError
        As of `evaluate`.
    """
    return [
        Target.dimension(thing.element, thing.data_id)
        if thing.element is not None
        else Target.dataset(thing.dataset_id or "", query.repository)
        for thing in evaluate(query, butler=butler)
    ]


def evaluate(query: Target, *, butler: Butler) -> list[Thing]:
    """Evaluate a query.

    Parameters
    ----------
    query
        A target of kind *query*, standing or frozen.
    butler
        Client of the repository.

    Returns
    -------
    list of Thing
        Datasets in any of the collections, or in any at all if it names none; or records of a dimension.
        There are none of a dataset type or in a collection that the repository does not have (any more).

    Raises
    ------
    ExpressionError
        If the Butler does not understand the condition.
    RepositoryError
        If it cannot answer for another reason, or the target is no query.
    """
    of = query.dataset_type
    if query.kind != "query" or of is None:
        raise RepositoryError(f"{query} is a {query.kind} and no query that could be evaluated.")
    values: Any = query.values
    where, collections = str(values["where"]), list(values["collections"])
    if is_dimension(butler, of):
        return [Thing.of_record(of, data_id) for data_id in find_data_ids(butler, [of], where=where)]
    searched = _searched(butler, collections)
    if not searched:
        return []
    try:
        return list(map(Thing.of_dataset, find_datasets(butler, of, collections=searched, where=where)))
    except DatasetTypeNotFoundError:
        return []


def _searched(butler: Butler, collections: Sequence[str]) -> list[str]:
    if not collections:
        return list(butler.collections.query("*", collection_types=CollectionType.RUN))
    known = set(butler.collections.query("*"))
    return [name for name in collections if name in known]
