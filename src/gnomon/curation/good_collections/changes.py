"""The record of a collection: what entered and left it, when, by which rule and as of which cut.

Each sync that changes something leaves a dataset in a RUN of its own, numbered without gaps, in the very
transaction that changes the collection. So there is no change without a record and no record without a
change; the number, which the registry gives away only once, lets one of two syncs at the same time win.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from lsst.daf.butler import Butler, CollectionType, DatasetRef, DatasetType  # type: ignore[attr-defined]

from gnomon import times
from gnomon.annotations import Cut
from gnomon.curation.exclusions import Exclusion
from gnomon.curation.selecting import check_collections
from gnomon.errors import FormatError

__all__ = ["DATASET_TYPE", "Change", "SyncRecord", "history", "last_record", "record_run", "write_record"]

DATASET_TYPE = "gnomon_collection_changes"
_PLACE = "gnomon/collections"
_METADATA = b"gnomon"
_DIGITS = 6

COLUMNS = pa.schema(
    [
        pa.field("change", pa.string(), nullable=False),
        pa.field("dataset_id", pa.binary(16), nullable=False),
        pa.field("dataset_type", pa.string(), nullable=False),
        pa.field("run", pa.string(), nullable=False),
        pa.field("data_id", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("by", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("annotation_id", pa.string()),
    ]
)


class Change(NamedTuple):
    """One dataset that entered or left a collection.

    Parameters
    ----------
    change
        Which of these.
    dataset_id, dataset_type, run, data_id
        The dataset; the data ID as its canonical key.
    rule
        Why: a rule of `gnomon.curation.exclusions`; ``shadowed`` where another dataset has taken its place,
        ``not-in-source`` where the source has it no more, ``nothing-excludes`` of what entered.
    name, target, by, reason, annotation_id
        Of the exclusion.
    """

    change: Literal["entered", "left"]
    dataset_id: uuid.UUID
    dataset_type: str
    run: str
    data_id: str
    rule: str
    name: str = ""
    target: str = ""
    by: str = ""
    reason: str = ""
    annotation_id: str | None = None

    @classmethod
    def of(cls, change: Literal["entered", "left"], ref: DatasetRef, rule: str, reason: str = "") -> "Change":
        """Say that a dataset entered or left without anybody's word.

        Parameters
        ----------
        change, rule, reason
            As of the class.
        ref
            The dataset.

        Returns
        -------
        Change
            The change.
        """
        values = dict(zip(ref.dimensions.required, ref.dataId.required_values, strict=True))
        # What `dataids.key` gives, which need not find out again what is required.
        data_id = json.dumps(values, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        return cls(change, ref.id, ref.datasetType.name, ref.run, data_id, rule, reason=reason)

    @classmethod
    def excluded(cls, ref: DatasetRef, exclusion: Exclusion) -> "Change":
        """Say that a dataset left since something excludes it.

        Parameters
        ----------
        ref
            The dataset.
        exclusion
            What excludes it.

        Returns
        -------
        Change
            The change.
        """
        return cls.of("left", ref, exclusion.rule, exclusion.reason)._replace(
            name=exclusion.name,
            target=str(exclusion.target),
            by=exclusion.by,
            annotation_id=None if exclusion.annotation_id is None else str(exclusion.annotation_id),
        )


@dataclass(frozen=True, kw_only=True)
class SyncRecord:
    """One sync that changed a collection.

    Attributes
    ----------
    collection
        Which collection.
    number
        From 1 without gaps.
    at
        When, TAI microseconds since 1970-01-01 TAI.
    by
        Who ran it.
    cut, policy, digest
        On which events of the annotations it rests, by which policy, and the digest of all that excludes.
    selection, source
        What was asked for, as plain values.
    entered, left, kept
        How many datasets.
    changes
        Which ones.
    """

    collection: str
    number: int
    at: int
    by: str
    cut: Cut
    policy: str
    digest: str
    selection: Mapping[str, Any]
    source: Mapping[str, Any]
    entered: int
    left: int
    kept: int
    changes: tuple[Change, ...] = ()


def record_run(collection: str, number: int) -> str:
    """Name the RUN that holds a record.

    Parameters
    ----------
    collection
        The collection that is followed.
    number
        The number of the sync.

    Returns
    -------
    str
        A name that no other record has.
    """
    return f"{_PLACE}/{collection}/{number:0{_DIGITS}d}"


def write_record(butler: Butler, record: SyncRecord) -> None:
    """Write a record; to be called in the transaction that makes the changes.

    Parameters
    ----------
    butler
        Client of the repository, writeable, in which the dataset type and the run are registered.
    record
        The record.
    """
    head = {
        "collection": record.collection,
        "number": record.number,
        "at": record.at,
        "by": record.by,
        "cut": str(record.cut),
        "policy": record.policy,
        "digest": record.digest,
        "selection": dict(record.selection),
        "source": dict(record.source),
        "entered": record.entered,
        "left": record.left,
        "kept": record.kept,
    }
    columns = list(zip(*record.changes, strict=True)) or [()] * len(COLUMNS)
    columns[1] = tuple(id.bytes for id in columns[1])
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, COLUMNS, strict=True)]
    table = pa.table(arrays, schema=COLUMNS.with_metadata({_METADATA: json.dumps(head).encode()}))
    butler.put(table, dataset_type(butler), run=record_run(record.collection, record.number))


def dataset_type(butler: Butler) -> DatasetType:
    """Give the dataset type of records.

    Parameters
    ----------
    butler
        Client of the repository.

    Returns
    -------
    DatasetType
        One dataset a RUN.
    """
    return DatasetType(DATASET_TYPE, (), "ArrowTable", universe=butler.dimensions)


def last_record(butler: Butler, collection: str) -> SyncRecord | None:
    """Read the last record of a collection.

    Parameters
    ----------
    butler
        Client of the repository.
    collection
        The collection that is followed.

    Returns
    -------
    SyncRecord or None
        Without its changes; None if no sync ever changed it.

    Raises
    ------
    FormatError
        If the record cannot be read.
    """
    refs = _refs(butler, collection)
    return _head(butler, refs[-1]) if refs else None


def history(
    butler: Butler,
    collection: str,
    *,
    dataset_ids: Iterable[uuid.UUID] | None = None,
    data_id: Mapping[str, int | str] | None = None,
    since: int | None = None,
    until: int | None = None,
) -> list[SyncRecord]:
    """Read what entered and left a collection.

    Parameters
    ----------
    butler
        Client of the repository.
    collection
        The collection that is followed.
    dataset_ids
        Only changes of these datasets.
    data_id
        Only changes of datasets whose data ID has these dimensions and values.
    since, until
        Only syncs at this moment or later, and before this (TAI microseconds since 1970-01-01 TAI).

    Returns
    -------
    list of SyncRecord
        In the order in which they happened, each with the changes that are asked for; those without any are
        left out where datasets or a data ID are given.

    Raises
    ------
    CollectionNotFoundError
        If there is no such collection, and no record of one.
    FormatError
        If a record cannot be read.
    """
    refs = _refs(butler, collection)
    if not refs:
        check_collections(butler, [collection])
    wanted = None if dataset_ids is None else pa.array([id.bytes for id in dataset_ids], pa.binary(16))
    result = []
    for ref in refs:
        record = _head(butler, ref)
        if (since is not None and record.at < since) or (until is not None and record.at >= until):
            continue
        table = butler.get(ref)
        if wanted is not None:
            table = table.filter(pc.is_in(table["dataset_id"], wanted))
        for name, value in (data_id or {}).items():
            # Whatever has the pair in its text is looked at closely below.
            pair = json.dumps({name: value}, separators=(",", ":"), ensure_ascii=False)[1:-1]
            table = table.filter(pc.match_substring(table["data_id"], pair))
        changes = tuple(
            change
            for change in _changes(ref, table)
            if data_id is None or data_id.items() <= json.loads(change.data_id).items()
        )
        if changes or (wanted is None and data_id is None):
            result.append(replace(record, changes=changes))
    return result


def _refs(butler: Butler, collection: str) -> Sequence[DatasetRef]:
    pattern = re.compile(rf"{re.escape(_PLACE)}/{re.escape(collection)}/\d{{{_DIGITS},}}")
    names = butler.collections.query(f"{_PLACE}/{collection}/*", collection_types=CollectionType.RUN)
    runs = [name for name in names if pattern.fullmatch(name)]
    if not runs:
        return []
    # A run without a record is what a sync left behind that was killed, or came too late.
    found = butler.query_datasets(DATASET_TYPE, runs, find_first=False, limit=None, explain=False)
    return sorted(found, key=lambda ref: (len(ref.run), ref.run))


def _head(butler: Butler, ref: DatasetRef) -> SyncRecord:
    schema = butler.get(ref.makeComponentRef("schema"))
    try:
        head = json.loads(schema.metadata[_METADATA])
        return SyncRecord(**{**head, "cut": Cut.parse(head["cut"])})
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"The record in {ref.run} cannot be read: {error}.") from error


def _changes(ref: DatasetRef, table: pa.Table) -> Iterator[Change]:
    try:
        for row in table.select(COLUMNS.names).to_pylist():
            yield Change(**{**row, "dataset_id": uuid.UUID(bytes=row["dataset_id"])})
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"The record in {ref.run} cannot be read: {error}.") from error


def describe_moment(record: SyncRecord) -> str:
    """Write when a sync was.

    Parameters
    ----------
    record
        The sync.

    Returns
    -------
    str
        UTC.
    """
    return times.to_utc_iso(record.at, precision=0)
