"""Bringing a collection up to what should be in it: only the differences, in one transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lsst.daf.butler import (  # type: ignore[attr-defined]
    Butler,
    CollectionType,
    DatasetRef,
    MissingCollectionError,
)
from lsst.daf.butler.registry import ConflictingDefinitionError

from gnomon import times
from gnomon.curation.exclusions import Exclusions
from gnomon.curation.good_collections.changes import (
    DATASET_TYPE,
    Change,
    SyncRecord,
    dataset_type,
    describe_moment,
    last_record,
    record_run,
    write_record,
)
from gnomon.curation.good_collections.contents import Contents, Source, find_contents, key_of
from gnomon.curation.selecting import find_datasets
from gnomon.errors import ConcurrencyError, ExclusionsUnavailableError, NotOursError, RepositoryError

__all__ = ["SyncReport", "sync"]

_OURS = "Kept by `gnomon collections sync`"
_ATTEMPTS = 8


@dataclass(frozen=True)
class SyncReport:
    """What a sync did, or would do.

    Attributes
    ----------
    record
        The changes, and on what they rest; its number is 0 where nothing was recorded.
    contents
        What is in the collection now, or would be.
    excluded
        How many datasets of the source are left out, by rule and name.
    made
        Whether the collection is new.
    before
        The sync before this one.
    dry_run
        Whether nothing was changed.
    """

    record: SyncRecord
    contents: Contents
    excluded: Mapping[tuple[str, str], int]
    made: bool
    before: SyncRecord | None
    dry_run: bool

    @property
    def changed(self) -> bool:
        """Whether there are differences."""
        return bool(self.record.changes)

    @property
    def asked_otherwise(self) -> bool:
        """Whether the sync before asked for something else, so that two may undo each other's work."""
        return self.before is not None and (
            {**self.before.selection, "at": None} != {**self.record.selection, "at": None}
            or self.before.source != self.record.source
        )


def sync(
    butler: Butler,
    *,
    collection: str,
    source: Source,
    exclusions: Exclusions,
    by: str,
    adopt: bool = False,
    allow_empty: bool = False,
    dry_run: bool = False,
) -> SyncReport:
    """Mirror what nothing excludes into a TAGGED collection.

    Parameters
    ----------
    butler
        Client of the repository, writeable unless it is a dry run.
    collection
        The TAGGED collection; it is made if it does not exist. Datasets of other types than those of the
        source are left as they are.
    source
        Where the datasets come from.
    exclusions
        What excludes, as of one cut. An older cut than the one on which the last sync rests is refused,
        unless it was asked for.
    by
        Who runs it.
    adopt
        Whether a collection that gnomon did not make may be taken over.
    allow_empty
        Whether a collection that holds something may be emptied.
    dry_run
        Whether only to say what would change.

    Returns
    -------
    SyncReport
        What changed. Where nothing did, nothing is recorded.

    Raises
    ------
    NotOursError
        If the collection is another's.
    ExclusionsUnavailableError
        If the log of annotations lacks what the last sync knew.
    ConcurrencyError
        If another sync was quicker and knew more, or others change the collection all the time.
    RepositoryError
        If the collection would be emptied, or is part of its own source.
    """
    for attempt in range(_ATTEMPTS):
        exists = _check_ours(butler, collection, adopt)
        _refuse_own_source(butler, collection, source)
        contents = find_contents(butler, source, exclusions)
        before = last_record(butler, collection) if exists else None
        _refuse_older(exclusions, before, raced=attempt > 0)
        present = _present(butler, collection, contents.dataset_types) if exists else []
        changes, leaving, entering = _differences(contents, present, source)
        if leaving and not contents.good and not allow_empty:
            raise RepositoryError(
                f"{collection} holds {len(present)} datasets, and nothing would be left of them: is the "
                "source the right one? If it is, allow the collection to become empty."
            )
        number = (0 if before is None else before.number) + 1
        record = SyncRecord(
            collection=collection,
            number=number if changes and not dry_run else 0,
            at=times.now(),
            by=by,
            cut=exclusions.cut,
            policy=exclusions.policy,
            digest=exclusions.digest,
            selection=exclusions.selection.to_dict(),
            source=source.to_dict(),
            entered=len(entering),
            left=len(leaving),
            kept=len(present) - len(leaving),
            changes=tuple(changes),
        )
        excluded = Counter((str(one.rule), one.name) for one in contents.excluded.values())
        report = SyncReport(record, contents, excluded, not exists, before, dry_run)
        if dry_run:
            return report
        _make_ours(butler, collection, exists, source)
        if not changes:
            return report
        if _write(butler, record, leaving, entering):
            return report
    raise ConcurrencyError(f"{collection} is changed by others all the time: try again later.")


def _write(
    butler: Butler, record: SyncRecord, leaving: Iterable[DatasetRef], entering: Iterable[DatasetRef]
) -> bool:
    butler.registry.registerDatasetType(dataset_type(butler))
    butler.collections.register(record_run(record.collection, record.number))
    try:
        with butler.transaction():
            # First of all, since the number decides which of two syncs goes on.
            write_record(butler, record)
            butler.registry.disassociate(record.collection, leaving)
            butler.registry.associate(record.collection, entering)
    except ConflictingDefinitionError:
        return False
    return True


def _differences(
    contents: Contents, present: Iterable[DatasetRef], source: Source
) -> tuple[list[Change], list[DatasetRef], list[DatasetRef]]:
    here = {ref.id: ref for ref in present}
    leaving = [ref for id, ref in here.items() if id not in contents.by_id]
    entering = [ref for id, ref in contents.by_id.items() if id not in here]
    changes = []
    for ref in leaving:
        if (exclusion := contents.excluded.get(ref.id)) is not None:
            changes.append(Change.excluded(ref, exclusion))
        elif (other := contents.good.get(key_of(ref))) is not None:
            changes.append(Change.of("left", ref, "shadowed", f"{other.run} has this data ID before it"))
        else:
            place = ", ".join(source.collections) + (f" where {source.where}" if source.where else "")
            changes.append(Change.of("left", ref, "not-in-source", f"not found first in {place}"))
    changes += [Change.of("entered", ref, "nothing-excludes") for ref in entering]
    return changes, leaving, entering


def _present(butler: Butler, collection: str, types: Iterable[str]) -> list[DatasetRef]:
    return [
        ref for name in types for ref in find_datasets(butler, name, collections=[collection], sort=False)
    ]


def _check_ours(butler: Butler, collection: str, adopt: bool) -> bool:
    if any(sign in collection for sign in "*?["):
        raise RepositoryError(f"{collection!r} is a pattern; one collection, by its name, can follow.")
    try:
        info = butler.collections.get_info(collection)
    except MissingCollectionError:
        return False
    if info.type is not CollectionType.TAGGED:
        raise NotOursError(
            f"{collection} is a {info.type.name} collection; datasets enter and leave only a TAGGED one."
        )
    if not (adopt or info.doc.startswith(_OURS)):
        raise NotOursError(
            f"{collection} exists and was not made by gnomon: it is left as it is. Choose another name, or "
            "adopt it, which lets gnomon take out whatever it would not put in."
        )
    return True


def _make_ours(butler: Butler, collection: str, exists: bool, source: Source) -> None:
    doc = f"{_OURS} from {', '.join(source.collections)}; its record is in {DATASET_TYPE} datasets."
    if not exists:
        butler.collections.register(collection, CollectionType.TAGGED, doc=doc)
    elif not butler.collections.get_info(collection).doc.startswith(_OURS):
        butler.registry.setCollectionDocumentation(collection, doc)


def _refuse_own_source(butler: Butler, collection: str, source: Source) -> None:
    for name in source.collections:
        try:
            found = butler.collections.query(name, flatten_chains=True, include_chains=True)
        except MissingCollectionError:
            continue
        if collection in found:
            raise RepositoryError(
                f"{collection} is part of {name}, from which it is to be filled: nothing that left it could "
                "ever come back. Name the runs that stand behind it."
            )


def _refuse_older(exclusions: Exclusions, before: SyncRecord | None, *, raced: bool) -> None:
    if before is None or exclusions.selection.at is not None or not exclusions.selection.asks_annotations:
        return
    if before.cut <= exclusions.cut:
        return
    if raced:
        raise ConcurrencyError(
            f"Another sync was quicker and knew more: it rests on {before.cut}, and this one on "
            f"{exclusions.cut or 'the beginning'}. Its work was left as it is."
        )
    raise ExclusionsUnavailableError(
        f"The annotations go to {exclusions.cut or 'the beginning'}, and the last sync, of "
        f"{describe_moment(before)}, rests on {before.cut}: this log lacks events that it knew. Bring it up "
        "to date, or ask for a cut."
    )
