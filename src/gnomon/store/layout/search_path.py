"""Collections: the definitions of those that are CHAINED or TAGGED, and how they are resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from gnomon.errors import CollectionNotFoundError, StoreError, nearest

__all__ = ["Chain", "SearchPath", "Tagged", "flatten"]


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


@dataclass(frozen=True)
class SearchPath:
    """Where datasets are looked for, in order.

    Attributes
    ----------
    entries
        Names of RUN collections, and TAGGED collections.
    """

    entries: tuple[str | Tagged, ...]

    @property
    def runs(self) -> tuple[str, ...] | None:
        """The RUN collections if there are no others, else `None`."""
        runs = tuple(entry for entry in self.entries if isinstance(entry, str))
        return runs if len(runs) == len(self.entries) else None

    def rank(self, frame: pl.DataFrame) -> pl.Series:
        """Say which entry holds each row first.

        Parameters
        ----------
        frame
            Rows with ``run`` and ``dataset_id``.

        Returns
        -------
        polars.Series
            The entry's place; null where none holds it.
        """
        places = {entry: place for place, entry in enumerate(self.entries) if isinstance(entry, str)}
        ranks = [pl.col("run").replace_strict(places, default=None, return_dtype=pl.Int32)]
        for place, entry in enumerate(self.entries):
            if isinstance(entry, Tagged):
                ids = pl.Series([*entry.dataset_ids], dtype=pl.Binary)
                ranks.append(pl.when(pl.col("dataset_id").is_in(ids.implode())).then(pl.lit(place, pl.Int32)))
        return frame.select(pl.min_horizontal(ranks).alias("rank")).to_series()


def flatten(
    collections: Iterable[str], *, runs: Iterable[str], definitions: Mapping[str, Chain | Tagged]
) -> SearchPath:
    """Resolve collections into those that are searched, in order.

    Parameters
    ----------
    collections
        Names of collections.
    runs
        The RUN collections that hold measurements.
    definitions
        CHAINED and TAGGED collections by name.

    Returns
    -------
    SearchPath
        Each collection where it is first met. A child that holds no measurements adds nothing.

    Raises
    ------
    CollectionNotFoundError
        If one of ``collections`` is not known.
    StoreError
        If a chain contains itself.
    """
    known_runs = frozenset(runs)
    found: dict[str, str | Tagged] = {}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise StoreError(f"The chain {name!r} contains itself: {' > '.join((*above, name))}.")
        if name in done:  # chains that share children would else cost a visit for each way to them
            return
        if name in known_runs:
            found.setdefault(name, name)
        match definitions.get(name):
            case Tagged() as tagged:
                found.setdefault(name, tagged)
            case Chain(children=children):
                for child in children:
                    visit(child, (*above, name))
        done.add(name)

    for name in collections:
        if name not in known_runs and name not in definitions:
            hint = nearest(name, known_runs | definitions.keys())
            raise CollectionNotFoundError(f"The store knows no collection {name!r}.{hint}")
        visit(name, ())
    return SearchPath(tuple(found.values()))
