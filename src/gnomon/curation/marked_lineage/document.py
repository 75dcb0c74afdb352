"""Marked lineage as plain values."""

import uuid
from typing import Any

from gnomon import times
from gnomon.curation.marked_lineage.marking import Mark, MarkedLineage, Node

__all__ = ["to_document"]


def to_document(marked: MarkedLineage) -> dict[str, Any]:
    """Write marked lineage as plain values, complete.

    Parameters
    ----------
    marked
        As `gnomon.curation.marked_lineage.mark_lineage` gives it.

    Returns
    -------
    dict
        What JSON can write: ``dataset``, ``direction``, ``cut``, ``policy``, ``datasets`` and ``edges``. A
        dataset is ``bad`` if a flag is set that means so, and ``touched`` if it was made from one that is.
    """
    return {
        "dataset": str(marked.start),
        "direction": "down" if marked.down else "up",
        "cut": None if marked.cut is None else str(marked.cut),
        "policy": marked.policy,
        "datasets": [_node(node) for node in marked.nodes.values()],
        "edges": [
            {
                "child": str(uuid.UUID(bytes=child)),
                "parent": str(uuid.UUID(bytes=parent)),
                "kinds": kinds,
                "quantum": None if quantum is None else str(uuid.UUID(bytes=quantum)),
                "task": task,
            }
            for child, parent, kinds, quantum, task in marked.edges.select(
                "child", "parent", "kinds", "quantum", "task"
            ).iter_rows()
        ],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": str(node.id),
        "dataset_type": node.dataset_type,
        "data_id": dict(node.data_id),
        "run": node.run,
        "kind": node.kind,
        "depth": node.depth,
        "present": node.present,
        "bad": node.bad,
        "touched": node.touched,
        "marks": [_mark(mark) for mark in node.marks],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "target": mark.target.to_dict(),
        "flags": [
            {
                "flag": flag.flag,
                "state": flag.state,
                "by": flag.by.name,
                "reason": flag.reason,
                "conflict": flag.conflict,
                "recorded_at": times.to_utc_iso(flag.recorded_at),
                "annotation": str(flag.annotation_id),
            }
            for flag in mark.flags
        ],
        "annotations": [
            {
                "id": str(annotation.id),
                "by": annotation.creator.name,
                "text": annotation.text,
                "tags": sorted(annotation.tags),
            }
            for annotation in mark.annotations
        ],
    }
