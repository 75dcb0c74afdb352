"""The Butler's queries, without what is marked: code that asks the Butler moves by changing one call.

What comes back is what the Butler gives, less what is left out; the list that holds it says what that was,
and why.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from astropy.time import Time
from lsst.daf.butler import (
    Butler,
    DataCoordinate,
    DataId,
    DatasetRef,
    DatasetType,
    DimensionRecord,
    EmptyQueryResultError,
)

from gnomon import dataids
from gnomon.annotations import Annotations, Cut, open_annotations
from gnomon.curation.exclusions import Exclusion, Exclusions, Selection, find_exclusions
from gnomon.curation.graphs.falling_back import OnShadow, find_older
from gnomon.curation.inheritance import STANDARD, load_inheritance
from gnomon.errors import ExclusionError, nearest
from gnomon.repository.lineage import Lineage, open_lineage
from gnomon.store import Store, open_store

__all__ = ["LeftOut", "Queried", "query_datasets", "query_dimension_records"]

_LOG = logging.getLogger(__name__)
_SHADOW = ("drop", "fall-back")
_SHOWN = 5

type _Place = str | os.PathLike[str]


class LeftOut[T](NamedTuple):
    """One thing that the Butler would have given.

    Parameters
    ----------
    what
        The dataset or record.
    why
        The mark or requirement that left it out.
    instead
        The dataset of the same data ID that took its place, if one did.
    """

    what: T
    why: Exclusion
    instead: T | None = None


class Queried[T](list[T]):
    """A list of what is left, which knows what was left out.

    Parameters
    ----------
    items
        What is left, in the Butler's order.
    left_out
        What is not.
    exclusions
        What was asked for, with the cut on which the answer rests.
    """

    def __init__(self, items: Iterable[T], left_out: Iterable[LeftOut[T]], exclusions: Exclusions) -> None:
        super().__init__(items)
        self.left_out = tuple(left_out)
        self.exclusions = exclusions

    @property
    def reasons(self) -> Mapping[tuple[str, str], int]:
        """How many were left out by each rule and flag, tag or condition."""
        return Counter((one.why.rule, one.why.name) for one in self.left_out)

    def explain(self) -> list[str]:
        """Say what was left out and why.

        Returns
        -------
        list of str
            A line for each rule and flag, tag or condition, the most frequent first, with some examples.
        """
        lines = []
        for (rule, name), number in Counter(self.reasons).most_common():
            some = dict.fromkeys(
                _example(one) for one in self.left_out if (one.why.rule, one.why.name) == (rule, name)
            )
            shown = ", ".join(list(some)[:_SHOWN])
            more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
            lines.append(f"{number} left out by {rule} {name}: {shown}{more}.")
        return lines


def query_datasets(
    butler: Butler,
    dataset_type: str | DatasetType,
    collections: str | Iterable[str] | None = None,
    *,
    exclude_flags: Iterable[str] = (),
    require_flags: Iterable[str] = (),
    exclude_tags: Iterable[str] = (),
    require_metrics: Iterable[str] = (),
    policy: str | None = None,
    at: Cut | Time | int | None = None,
    inherit: str | None = STANDARD,
    on_shadow: OnShadow = "drop",
    annotations: Annotations | _Place | None = None,
    store: Store | str | None = None,
    lineage: Lineage | _Place | None = None,
    find_first: bool = True,
    data_id: DataId | None = None,
    where: str = "",
    bind: Mapping[str, Any] | None = None,
    with_dimension_records: bool = False,
    order_by: Iterable[str] | str | None = None,
    limit: int | None = None,
    explain: bool = True,
    **kwargs: Any,
) -> Queried[DatasetRef]:
    """Query for datasets as `Butler.query_datasets` does, without what is left out.

    Parameters
    ----------
    butler
        Client of the repository.
    dataset_type, collections, find_first, data_id, where, bind, with_dimension_records, order_by, **kwargs
        As of `Butler.query_datasets`.
    exclude_flags, require_flags, exclude_tags, require_metrics, policy, at, inherit
        As of `gnomon.curation.exclusions.Selection`.
    on_shadow
        With ``find_first``, what becomes of a data ID whose first dataset is left out while another one
        stands in a later collection: ``drop`` leaves the data ID out, ``fall-back`` takes the first dataset
        that is not left out.
    annotations, store, lineage
        An open log, store or lineage, or where it is kept; None means what the settings say. The last two are
        opened only if metrics are required, or the rules of inheritance let inputs count.
    limit
        How many at most are wanted *after* the exclusion; negative, as for the Butler, means that a warning
        is given if there were more. None, and not the Butler's 20,000, is the default: a list that ends
        somewhere cannot be told from one that is complete.
    explain
        Whether an empty answer is an error.

    Returns
    -------
    Queried
        A list of datasets, with ``left_out`` and ``exclusions``.

    Raises
    ------
    lsst.daf.butler.EmptyQueryResultError
        With ``explain``, if nothing is left; it says whether the Butler found nothing, or what left it out.
    ExclusionError
        If the selection cannot be understood.
    ExclusionsUnavailableError
        If annotations or metrics cannot be read: the answer would be unfiltered.
    """
    if on_shadow not in _SHADOW:
        raise ExclusionError(f"on_shadow is {on_shadow!r}.{nearest(str(on_shadow), _SHADOW)}")
    selection = _selection(
        exclude_flags, require_flags, exclude_tags, require_metrics, policy=policy, at=at, inherit=inherit
    )
    with _found(selection, butler, annotations, store, lineage) as exclusions:
        refs = butler.query_datasets(
            dataset_type,
            collections,
            find_first=find_first,
            data_id=data_id,
            where=where,
            bind=bind,
            with_dimension_records=with_dimension_records,
            order_by=order_by,
            limit=limit if not selection or limit == 0 else None,
            explain=explain,
            **kwargs,
        )
        verdicts = exclusions.of_datasets(refs) if selection else [None] * len(refs)
        older: dict[DataCoordinate, DatasetRef] = {}
        gone = [ref for ref, why in zip(refs, verdicts, strict=True) if why is not None]
        if gone and find_first and on_shadow == "fall-back":
            searched = butler.collections.defaults if collections is None else _listed(collections)
            older = find_older(
                butler,
                searched,
                gone,
                exclusions,
                narrow=(lambda found: found.where(where, data_id or {}, bind=bind, **kwargs))
                if where
                else None,
            )
            if with_dimension_records:
                records = {ref.dataId: ref.dataId for ref in gone}
                older = {key: ref.expanded(records[key]) for key, ref in older.items()}
    kept: list[DatasetRef] = []
    left_out: list[LeftOut[DatasetRef]] = []
    for ref, why in zip(refs, verdicts, strict=True):
        if why is None:
            kept.append(ref)
            continue
        instead = older.get(ref.dataId)
        left_out.append(LeftOut(ref, why, instead))
        if instead is not None:
            kept.append(instead)
    return _answer(kept, left_out, exclusions, limit=limit, explain=explain)


def query_dimension_records(
    butler: Butler,
    element: str,
    *,
    exclude_flags: Iterable[str] = (),
    require_flags: Iterable[str] = (),
    exclude_tags: Iterable[str] = (),
    require_metrics: Iterable[str] = (),
    policy: str | None = None,
    at: Cut | Time | int | None = None,
    inherit: str | None = STANDARD,
    annotations: Annotations | _Place | None = None,
    store: Store | str | None = None,
    lineage: Lineage | _Place | None = None,
    data_id: DataId | None = None,
    where: str = "",
    bind: Mapping[str, Any] | None = None,
    order_by: Iterable[str] | str | None = None,
    limit: int | None = None,
    explain: bool = True,
    **kwargs: Any,
) -> Queried[DimensionRecord]:
    """Query for dimension records as `Butler.query_dimension_records` does, without what is left out.

    Parameters
    ----------
    butler
        Client of the repository.
    element, data_id, where, bind, order_by, **kwargs
        As of `Butler.query_dimension_records`.
    exclude_flags, require_flags, exclude_tags, require_metrics, policy, at, inherit
        As of `gnomon.curation.exclusions.Selection`.
    annotations, store, lineage, limit, explain
        As of `query_datasets`.

    Returns
    -------
    Queried
        A list of records, with ``left_out`` and ``exclusions``.

    Raises
    ------
    lsst.daf.butler.EmptyQueryResultError
        As of `query_datasets`.
    ExclusionError
        If the selection cannot be understood.
    ExclusionsUnavailableError
        If annotations or metrics cannot be read.
    """
    selection = _selection(
        exclude_flags, require_flags, exclude_tags, require_metrics, policy=policy, at=at, inherit=inherit
    )
    with _found(selection, butler, annotations, store, lineage) as exclusions:
        records = butler.query_dimension_records(
            element,
            data_id=data_id,
            where=where,
            bind=bind,
            order_by=order_by,
            limit=limit if not selection or limit == 0 else None,
            explain=explain,
            **kwargs,
        )
        verdicts: Sequence[Exclusion | None] = (
            exclusions.of_data_ids(_data_ids(butler, records)) if selection else [None] * len(records)
        )
    pairs = list(zip(records, verdicts, strict=True))
    return _answer(
        [record for record, why in pairs if why is None],
        [LeftOut(record, why) for record, why in pairs if why is not None],
        exclusions,
        limit=limit,
        explain=explain,
    )


def _selection(*lists: Iterable[str], **others: Any) -> Selection:
    names = ("exclude_flags", "require_flags", "exclude_tags", "require_metrics")
    given = {
        name: value if isinstance(value, str) else tuple(value)
        for name, value in zip(names, lists, strict=True)
    }
    return Selection(**given, **others)  # type: ignore[arg-type]  # one text is refused there


@contextmanager
def _found(
    selection: Selection,
    butler: Butler,
    annotations: Annotations | _Place | None,
    store: Store | str | None,
    lineage: Lineage | _Place | None,
) -> Iterator[Exclusions]:
    """Find what is left out, and keep open what was opened for it."""
    with ExitStack() as opened:
        log: Annotations | None = None
        if isinstance(annotations, Annotations):
            log = annotations
        elif selection.asks_annotations:
            log = opened.enter_context(open_annotations(annotations))
        kept: Store | None = None
        if isinstance(store, Store):
            kept = store
        elif selection.asks_metrics:
            kept = open_store(store)
        known: Lineage | None = None
        if isinstance(lineage, Lineage):
            known = lineage
        elif _needs_lineage(selection):
            known = opened.enter_context(open_lineage(lineage))
        yield find_exclusions(selection, annotations=log, butler=butler, store=kept, lineage=known)


def _needs_lineage(selection: Selection) -> bool:
    if not selection.exclude_flags or selection.inherit is None:
        return False
    return load_inheritance(selection.inherit).datasets_count


def _data_ids(butler: Butler, records: Sequence[DimensionRecord]) -> list[Mapping[str, int | str]]:
    """Give the data IDs of records with what they imply, which the records know themselves."""
    if not records:
        return []
    dimensions = records[0].definition.minimal_group
    required = tuple(dimensions.required)
    implied = [name for name in dimensions.implied if hasattr(records[0], name)]
    bands: dict[tuple[str, str], str] = {}
    if "band" in dimensions.implied and "physical_filter" in implied:
        bands = {
            (record.instrument, record.name): record.band
            for record in butler.query_dimension_records("physical_filter", explain=False, limit=None)
        }
    found: list[Mapping[str, int | str]] = []
    for record in records:
        data_id = dict(zip(required, record.dataId.required_values, strict=True))
        for name in implied:
            data_id[name] = getattr(record, name)
        if bands:
            data_id["band"] = bands[record.instrument, record.physical_filter]
        found.append(data_id)
    return found


def _answer[T](
    kept: list[T],
    left_out: list[LeftOut[T]],
    exclusions: Exclusions,
    *,
    limit: int | None,
    explain: bool,
) -> Queried[T]:
    if limit is not None and len(kept) > abs(limit):
        if limit < 0:
            _LOG.warning("More is available than the requested limit of %d.", abs(limit))
        kept = kept[: abs(limit)]
    answer = Queried(kept, left_out, exclusions)
    if explain and limit != 0 and not kept and left_out:
        raise EmptyQueryResultError(answer.explain())
    return answer


def _example(one: LeftOut[Any]) -> str:
    what, why = one.what, one.why
    if why.target.kind == "dataset" and isinstance(what, DatasetRef):
        name = f"{what.datasetType.name} {dataids.format(dict(what.dataId.required))} in {what.run}"
    else:
        name = str(why.target)
    return name + (f" ({': '.join(filter(None, (why.by, why.reason)))})" if why.by else "")


def _listed(collections: str | Iterable[str]) -> list[str]:
    return [collections] if isinstance(collections, str) else list(collections)
