"""Joining lineage with what was said: of each dataset on the way, of its records, its run and its data ID."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched

import polars as pl
from lsst.daf.butler import Butler

from gnomon.annotations import Annotation, Annotations, Cut, EffectiveFlag, Policy, Target
from gnomon.annotations.asking import Moment
from gnomon.curation.inheritance.covering import cleared_by_person
from gnomon.curation.marked_lineage.records import RecordsOf, targets_around
from gnomon.curation.marked_lineage.wider import wider_targets
from gnomon.repository.lineage import Dataset, Ways
from gnomon.repository.lineage.edges import data_id_of
from gnomon.repository.lineage.saying import datasets_of

__all__ = ["Mark", "MarkedLineage", "Node", "mark_lineage"]

_BATCH = 20_000


@dataclass(frozen=True)
class Mark:
    """What holds of one thing, and what was said of it.

    Attributes
    ----------
    target
        The dataset, a record that its data ID names, its run.
    flags
        What holds of the flags of which somebody said something.
    annotations
        All that was said and not retracted, in the order in which it was said.
    """

    target: Target
    flags: tuple[EffectiveFlag, ...] = ()
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class Node:
    """A dataset on the way.

    Attributes
    ----------
    id, dataset_type, data_id, run
        Which it is, as far as anybody knows.
    kind
        The strongest word with which every step of some way to it is known; `None` of the first.
    depth
        How many steps it is away.
    present
        Whether the repository has it; `None` if nobody asked.
    marks
        What was said of it and of what its data ID names.
    bad
        Whether a flag is set that means bad, of whatever it has to do with.
    touched
        Whether it was made from a dataset that is bad, in however many steps, of those that are known here.
    """

    id: uuid.UUID
    dataset_type: str | None
    data_id: Mapping[str, int | str]
    run: str | None
    kind: str | None
    depth: int
    present: bool | None
    marks: tuple[Mark, ...] = ()
    bad: bool = False
    touched: bool = False

    @property
    def flags(self) -> tuple[EffectiveFlag, ...]:
        """The flags that are set, of whatever the dataset has to do with."""
        return tuple(flag for mark in self.marks for flag in mark.flags if flag.state == "set")


@dataclass(frozen=True)
class MarkedLineage:
    """Datasets on the way, with what was said of them.

    Attributes
    ----------
    start
        Where it begins.
    down
        Whether it goes to what was made from it, and not to what it was made from.
    nodes
        The datasets by UUID, nearest first.
    edges
        The columns ``child``, ``parent``, ``kinds``, ``quantum`` and ``task``, as of
        `gnomon.repository.lineage.Ways`.
    cut, policy
        On which events the flags rest and by which policy they hold; `None` if nobody asked for flags.
    """

    start: uuid.UUID
    down: bool
    nodes: Mapping[uuid.UUID, Node]
    edges: pl.DataFrame
    cut: Cut | None = None
    policy: str | None = None


def mark_lineage(
    ways: Ways,
    *,
    annotations: Annotations | None = None,
    butler: Butler | None = None,
    flags: Iterable[str] | None = None,
    policy: Policy | str | None = None,
    at: Moment | None = None,
) -> MarkedLineage:
    """Say of each dataset on the way what holds of it, and what was said.

    Parameters
    ----------
    ways
        As `gnomon.repository.lineage.Lineage.ways` gives them.
    annotations
        The log; `None` if nobody wants to know.
    butler
        The repository's client. With it datasets that were removed are told from those that are there, data
        IDs get what their records add (the filter, the night, the exposures of a visit), and what was said of
        a stretch of time or of whatever fulfils a condition is taken to what it is about.
    flags
        Only these flags; `None` means all of which somebody said something.
    policy, at
        As of `gnomon.annotations.Annotations.effective`. Annotations are those of now.

    Returns
    -------
    MarkedLineage
        All of it, also what nobody said anything of.

    Raises
    ------
    AnnotationError
        If a flag is unknown.
    PolicyError
        If there is no such policy.
    CutError
        If the log does not reach the cut.
    ExpressionError
        If the repository does not understand the condition of a standing query.
    """
    there = _there(ways, butler)
    known = [_known(row, there) for row in ways.nodes.iter_rows(named=True)]
    marks: dict[str, Mark] = {}
    cut: Cut | None = None
    rule: str | None = None
    around: list[tuple[str, ...]] = [()] * len(known)
    if annotations is not None:
        records = RecordsOf((dataset.data_id or {} for dataset in known), butler)
        targets: dict[str, Target] = {}
        for place, dataset in enumerate(known):
            data_ids = records.complete(dataset.data_id or {})
            its = targets_around(dataset.id, dataset.dataset_type, dataset.run, data_ids)
            targets |= its
            around[place] = tuple(its)
        if butler is not None:
            wider = wider_targets(annotations, known, around, records=records, butler=butler)
            for place, more in wider.items():
                targets |= {target.key: target for target in more}
                around[place] += tuple(target.key for target in more)
        cut = annotations.cut(at)
        held = annotations.effective(targets.values(), flags=flags, policy=policy, at=cut)
        rule = held[0].policy if held else str(policy) if policy is not None else None
        marks = _marks(targets, held, _said(annotations, targets))
    its_marks = {
        dataset.id: tuple(marks[key] for key in keys if key in marks)
        for dataset, keys in zip(known, around, strict=True)
    }
    bad = _bad(its_marks, annotations)
    touched = _made_from(bad, ways.edges)
    nodes = {
        dataset.id: Node(
            dataset.id,
            dataset.dataset_type,
            dataset.data_id or {},
            dataset.run,
            kind,
            depth,
            None if there is None else dataset.id in there,
            its_marks[dataset.id],
            dataset.id in bad,
            dataset.id in touched,
        )
        for dataset, kind, depth in zip(known, ways.nodes["kind"], ways.nodes["depth"], strict=True)
    }
    return MarkedLineage(uuid.UUID(bytes=ways.start), ways.direction == "down", nodes, ways.edges, cut, rule)


def _bad(
    marks: Mapping[uuid.UUID, tuple[Mark, ...]], annotations: Annotations | None
) -> frozenset[uuid.UUID]:
    """Choose the datasets of which a flag is set that means bad."""
    if annotations is None or not any(marks.values()):
        return frozenset()
    meaning = annotations.vocabulary.meaning
    found = set()
    for identifier, some in marks.items():
        flags = [flag for mark in some for flag in mark.flags]
        cleared = [flag for flag in flags if cleared_by_person(flag)]
        if any(
            flag.state == "set" and meaning(flag.flag) == "bad" and not _overruled(flag, cleared)
            for flag in flags
        ):
            found.add(identifier)
    return frozenset(found)


def _overruled(flag: EffectiveFlag, cleared: Iterable[EffectiveFlag]) -> bool:
    """Say whether a person cleared a flag of a part of what it was said of: there it does not hold."""
    return any(other.flag == flag.flag and _is_part(other.target, flag.target) for other in cleared)


def _is_part(part: Target, whole: Target) -> bool:
    """Say whether a target is more specific than another one, both having to do with one dataset."""
    if part.key == whole.key:
        return False
    if part.kind == "dataset":
        return whole.kind != "dataset"
    if part.data_id is None or whole.data_id is None:
        return False
    return whole.dataset_type in (None, part.dataset_type) and whole.data_id.items() <= part.data_id.items()


def _made_from(bad: frozenset[uuid.UUID], edges: pl.DataFrame) -> frozenset[uuid.UUID]:
    """Find what was made from some datasets, by these edges."""
    if not bad:
        return frozenset()
    made: dict[bytes, list[bytes]] = {}
    for child, parent in edges.select("child", "parent").iter_rows():
        made.setdefault(parent, []).append(child)
    found: set[bytes] = set()
    waiting = [one.bytes for one in bad]
    while waiting:
        for child in made.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(uuid.UUID(bytes=one) for one in found)


def _there(ways: Ways, butler: Butler | None) -> dict[uuid.UUID, Dataset] | None:
    if butler is None:
        return None
    return {dataset.id: dataset for dataset in datasets_of(butler, ways.nodes["dataset"])}


def _known(row: Mapping[str, object], there: Mapping[uuid.UUID, Dataset] | None) -> Dataset:
    """Join what was recorded of a dataset with what the repository says."""
    identifier = uuid.UUID(bytes=row["dataset"])  # type: ignore[arg-type]
    recorded = Dataset(
        identifier,
        row["dataset_type"],  # type: ignore[arg-type]
        data_id_of(row["data_id"]),  # type: ignore[arg-type]
        row["run"],  # type: ignore[arg-type]
    )
    if there is None or (own := there.get(identifier)) is None:
        return recorded
    return own._replace(data_id={**(own.data_id or {}), **(recorded.data_id or {})})


def _said(annotations: Annotations, targets: Mapping[str, Target]) -> dict[str, list[Annotation]]:
    found: dict[str, list[Annotation]] = {}
    for batch in batched(targets.values(), _BATCH):
        for annotation in annotations.search(targets=batch):
            for target in annotation.targets:
                if target.key in targets:
                    found.setdefault(target.key, []).append(annotation)
    # One annotation of many things may come with several batches.
    return {key: list({one.id: one for one in some}.values()) for key, some in found.items()}


def _marks(
    targets: Mapping[str, Target],
    held: Iterable[EffectiveFlag],
    said: Mapping[str, list[Annotation]],
) -> dict[str, Mark]:
    flags: dict[str, list[EffectiveFlag]] = {}
    for flag in held:
        flags.setdefault(flag.target.key, []).append(flag)
    return {
        key: Mark(targets[key], tuple(flags.get(key, ())), tuple(said.get(key, ())))
        for key in targets
        if key in flags or key in said
    }
