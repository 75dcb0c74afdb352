"""Names, patterns and tags of a question, resolved into what the store has."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from gnomon.errors import DatasetTypeNotFoundError, GnomonError, MetricNotFoundError, nearest
from gnomon.store.layout.catalog import Contents, Known, names_of
from gnomon.store.layout.kept import Kept
from gnomon.store.layout.search_path import Chain, SearchPath, Tagged, flatten
from gnomon.store.questions.arguments import Names, to_list
from gnomon.store.questions.query import expand

__all__ = ["dataset_types_that_can_hold", "to_dataset_types", "to_metrics", "to_search_path"]


def to_metrics(known: Known, kept: Kept, metrics: Names | None, tags: Names | None) -> list[str] | None:
    """Resolve metrics.

    Parameters
    ----------
    known
        What the store has.
    kept
        Where the definitions of metrics are.
    metrics
        Names or shell patterns.
    tags
        Tags of which a metric must have all.

    Returns
    -------
    list of str or None
        `None` if all are wanted.

    Raises
    ------
    MetricNotFoundError
        If nothing has such a name or tag.
    """
    if metrics is None and tags is None:
        return None
    names = set(names_of(known, "metrics"))
    if tags is not None:
        wanted = to_list(tags)
        defined = kept.metrics()
        every = set(defined["tags"].explode().drop_nulls())
        for tag in wanted:
            if tag not in every:
                raise MetricNotFoundError(f"No metric has the tag {tag!r}.{nearest(tag, every)}")
        has = pl.all_horizontal(pl.col("tags").list.contains(tag) for tag in wanted)
        names &= set((defined.filter(has) if wanted else defined)["metric"])
    if metrics is None:
        return sorted(names)
    return _expand(to_list(metrics), names, "metric", MetricNotFoundError)


def to_search_path(
    known: Known,
    kept: Kept,
    collections: Names | None,
    definitions: Iterable[Chain | Tagged] | None,
    as_of: int | None,
) -> SearchPath | None:
    """Resolve collections.

    Parameters
    ----------
    known
        What the store has.
    kept
        Where the definitions of collections are.
    collections
        Names of collections.
    definitions
        Definitions that go before those that were kept.
    as_of
        The moment whose definitions are wanted, in TAI microseconds.

    Returns
    -------
    SearchPath or None
        `None` if no collections were named.

    Raises
    ------
    CollectionNotFoundError
        If the store knows no such collection.
    """
    if collections is None:
        return None
    names, runs = to_list(collections), set(names_of(known, "runs"))
    live = {definition.name: definition for definition in definitions or ()}
    # Runs alone need no definitions.
    known_before = {} if not live and runs.issuperset(names) else kept.collections(as_of=as_of)
    return flatten(names, runs=runs, definitions={**known_before, **live})


def to_dataset_types(known: Known, given: Names | None) -> set[str] | None:
    """Resolve names or shell patterns of dataset types; `None` is all.

    Raises
    ------
    DatasetTypeNotFoundError
        If the store has no such dataset type.
    """
    if given is None:
        return None
    names = set[str]().union(*known.values())
    return set(_expand(to_list(given), names, "dataset type", DatasetTypeNotFoundError))


def dataset_types_that_can_hold(
    held: Mapping[str, Contents], types: set[str] | None, metrics: Sequence[str] | None
) -> list[str]:
    """Name the dataset types of a table that can hold what is asked for."""
    return [
        dataset_type
        for dataset_type, contents in held.items()
        if (types is None or dataset_type in types)
        and (metrics is None or not contents.metrics.isdisjoint(metrics))
    ]


def _expand(patterns: Sequence[str], known: set[str], what: str, error: type[GnomonError]) -> list[str]:
    try:
        return expand(patterns, known)
    except LookupError as missing:
        pattern = missing.args[0]
        raise error(f"The store has no {what} {pattern!r}.{nearest(pattern, known)}") from None
