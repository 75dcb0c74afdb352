"""The collections of a live repository, as plain definitions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionInfo,
    CollectionType,
    MissingCollectionError,
)

from gnomon.errors import CollectionNotFoundError, nearest
from gnomon.repository.finding import dataset_types, find
from gnomon.store import Chain, Tagged

__all__ = ["Collections", "definitions", "existing_runs", "resolve"]


@dataclass(frozen=True)
class Collections:
    """What some names of collections lead to.

    Attributes
    ----------
    runs
        RUN collections, in the order in which they are searched.
    chains
        Definitions of the CHAINED collections met on the way, nested ones too.
    tagged
        Names of the TAGGED collections met on the way.
    calibrations
        Names of the CALIBRATION collections met on the way. Which of their datasets holds depends on a moment
        and not on the data ID alone, so that they take no part in a search for measurements; each of their
        datasets is found in its run.
    missing
        Names and patterns that led to nothing, where that was allowed.
    """

    runs: list[str] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    tagged: list[str] = field(default_factory=list)
    calibrations: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def resolve(butler: Butler, collections: Iterable[str], *, missing_ok: bool = False) -> Collections:
    """Take collections apart into runs, and say what was met on the way.

    Parameters
    ----------
    butler
        The repository's client.
    collections
        Names or shell patterns of collections of any type.
    missing_ok
        Whether a name or pattern may lead to nothing, as that of a run that was removed does.

    Returns
    -------
    Collections
        Runs, chains, and the others by type; each once.

    Raises
    ------
    CollectionNotFoundError
        If a name or pattern matches no collection and may not.
    """
    result = Collections()
    seen: set[str] = set()
    for pattern in collections:
        found = _matching(butler, pattern)
        if not found:
            if not missing_ok:
                known = butler.collections.query("*")
                raise CollectionNotFoundError(
                    f"The repository has no collection {pattern!r}.{nearest(pattern, known)}"
                )
            result.missing.append(pattern)
        # A stack, last in first out, visits children in the order of the search.
        pending = list(reversed(found))
        while pending:
            info = pending.pop()
            if info.name in seen:
                continue
            seen.add(info.name)
            if info.type is CollectionType.RUN:
                result.runs.append(info.name)
            elif info.type is CollectionType.CHAINED:
                result.chains.append(Chain(info.name, tuple(info.children)))
                pending.extend(butler.collections.get_info(child) for child in reversed(info.children))
            elif info.type is CollectionType.TAGGED:
                result.tagged.append(info.name)
            else:
                result.calibrations.append(info.name)
    return result


def _matching(butler: Butler, pattern: str) -> Sequence[CollectionInfo]:
    try:
        return butler.collections.query_info(pattern, flatten_chains=False)
    except MissingCollectionError:
        return []


def definitions(butler: Butler, names: str | Iterable[str]) -> tuple[list[str], list[Chain | Tagged]]:
    """Give the definitions of collections as they are at this moment.

    Parameters
    ----------
    butler
        The repository's client.
    names
        Names or shell patterns of collections.

    Returns
    -------
    tuple
        The RUN collections, in the order in which they are searched, and the definitions of all CHAINED and
        TAGGED collections met on the way. Of a TAGGED collection the datasets with measurements are given.
        CALIBRATION collections are left out, as `Collections` says.

    Raises
    ------
    CollectionNotFoundError
        If a collection does not exist.
    """
    found = resolve(butler, [names] if isinstance(names, str) else names)
    kinds = dataset_types(butler) if found.tagged else []
    tagged = []
    for name in found.tagged:
        ids: set[bytes] = set()
        for kind in kinds:
            ids.update(find(butler, kind, [name])["dataset_id"].to_list())
        tagged.append(Tagged(name, frozenset(ids)))
    return found.runs, [*found.chains, *tagged]


def existing_runs(butler: Butler, names: Iterable[str]) -> list[str]:
    """Give those RUN collections that exist.

    Parameters
    ----------
    butler
        The repository's client.
    names
        Names of RUN collections.

    Returns
    -------
    list of str
        Those of them that the registry has.
    """
    known = set(butler.collections.query("*", collection_types=CollectionType.RUN))
    return [name for name in names if name in known]
