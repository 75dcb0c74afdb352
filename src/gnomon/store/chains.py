"""CHAINED collections: definitions kept with the store, and how they are resolved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gnomon.errors import CollectionNotFoundError, StoreError, nearest

__all__ = ["Chain", "Tagged", "flatten"]


@dataclass(frozen=True)
class Chain:
    """The definition of a CHAINED collection.

    Attributes
    ----------
    name
        The chain's name.
    children
        Names of RUN and CHAINED collections, searched in this order.
    """

    name: str
    children: tuple[str, ...]


@dataclass(frozen=True)
class Tagged:
    """The definition of a TAGGED collection.

    Attributes
    ----------
    name
        The collection's name.
    dataset_ids
        UUIDs of its datasets, 16 bytes each; those without measurements need not be there.
    """

    name: str
    dataset_ids: frozenset[bytes]


def flatten(
    collections: Iterable[str], *, runs: Iterable[str], chains: Mapping[str, Sequence[str]]
) -> list[str]:
    """Resolve collections into the RUN collections that are searched, in order.

    Parameters
    ----------
    collections
        Names of RUN and CHAINED collections.
    runs
        The RUN collections that hold measurements.
    chains
        Children by name of chain.

    Returns
    -------
    list of str
        RUN collections, each where it is first met. A child that holds no measurements adds nothing.

    Raises
    ------
    CollectionNotFoundError
        If one of ``collections`` is neither.
    StoreError
        If a chain contains itself.
    """
    known_runs = frozenset(runs)
    found: dict[str, None] = {}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise StoreError(f"The chain {name!r} contains itself: {' > '.join((*above, name))}.")
        if name in done:  # chains that share children would else cost a visit for each way to them
            return
        if name in known_runs:
            found.setdefault(name)
        for child in chains.get(name, ()):
            visit(child, (*above, name))
        done.add(name)

    for name in collections:
        if name not in known_runs and name not in chains:
            hint = nearest(name, known_runs | chains.keys())
            raise CollectionNotFoundError(f"The store knows no collection {name!r}.{hint}")
        visit(name, ())
    return list(found)
