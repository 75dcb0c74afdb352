"""CHAINED collections of a live repository, as plain values."""

from collections.abc import Sequence

from lsst.daf.butler import Butler, CollectionType, MissingCollectionError  # type: ignore[attr-defined]

from gnomon.errors import CollectionNotFoundError, nearest
from gnomon.store.search_path import Chain

__all__ = ["resolve"]


def resolve(butler: Butler, collections: Sequence[str]) -> tuple[list[str], list[Chain]]:
    """Take collections apart into runs, and give the chains met on the way.

    Parameters
    ----------
    butler
        The repository's client.
    collections
        Names or shell patterns of RUN and CHAINED collections.

    Returns
    -------
    tuple
        Names of the RUN collections, in order of search, and the definitions of the chains. Collections of
        other types are left out.

    Raises
    ------
    CollectionNotFoundError
        If a name or pattern matches no collection.
    """
    runs: dict[str, None] = {}
    chains: dict[str, Chain] = {}
    for pattern in collections:
        try:
            found = butler.collections.query_info(pattern, flatten_chains=False)
        except MissingCollectionError:
            found = []
        if not found:
            known = butler.collections.query("*")
            raise CollectionNotFoundError(
                f"The repository has no collection {pattern!r}.{nearest(pattern, known)}"
            )
        # A stack, last in first out, visits children in the order of the search.
        pending = list(reversed(found))
        while pending:
            info = pending.pop()
            if info.type is CollectionType.RUN:
                runs.setdefault(info.name)
            elif info.type is CollectionType.CHAINED and info.name not in chains:
                chains[info.name] = Chain(info.name, tuple(info.children))
                pending.extend(butler.collections.get_info(child) for child in reversed(info.children))
    return list(runs), list(chains.values())
