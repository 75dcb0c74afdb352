"""Marked lineage as a graph in the language of Graphviz."""

import json
import uuid

from gnomon import dataids
from gnomon.curation.marked_lineage.marking import MarkedLineage, Node

__all__ = ["to_dot"]

_BAD, _TOUCHED = "#f4b6b6", "#fbeab0"
_STYLES = {"used": "solid", "read": "dashed", "predicted": "dotted"}


def to_dot(marked: MarkedLineage) -> str:
    """Write marked lineage for Graphviz, complete.

    Parameters
    ----------
    marked
        As `gnomon.curation.marked_lineage.mark_lineage` gives it.

    Returns
    -------
    str
        A digraph from what was there first to what was made of it. An edge is drawn by the strongest word
        that is known: solid what was used, dashed what was read, dotted what was predicted. Datasets with a
        flag that means bad are filled red, what was made from them yellow; those that the repository no
        longer has are dashed.
    """
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for node in marked.nodes.values():
        attributes = {"label": _label(node)}
        if node.id == marked.start:
            attributes["penwidth"] = "2"
        styles = []
        if node.bad or node.touched:
            styles.append("filled")
            attributes["fillcolor"] = _BAD if node.bad else _TOUCHED
        if node.present is False:
            styles.append("dashed")
        if styles:
            attributes["style"] = ",".join(styles)
        lines.append(f"  {_quoted(str(node.id))} [{_listed(attributes)}];")
    for child, parent, kinds, task in marked.edges.select("child", "parent", "kinds", "task").iter_rows():
        attributes = {"style": _STYLES[kinds[0]], "tooltip": " ".join(kinds)}
        if task is not None:
            attributes["tooltip"] += f" by {task}"
        ends = (_quoted(str(uuid.UUID(bytes=parent))), _quoted(str(uuid.UUID(bytes=child))))
        lines.append(f"  {ends[0]} -> {ends[1]} [{_listed(attributes)}];")
    return "\n".join([*lines, "}", ""])


def _label(node: Node) -> str:
    identifying = {
        name: value for name, value in node.data_id.items() if name in dataids.required(node.data_id)
    }
    parts = [node.dataset_type or "unknown dataset"]
    if identifying:
        parts.append(dataids.format(identifying))
    parts += sorted({f"{flag.flag} ({flag.by.name})" for flag in node.flags})
    return "\n".join(parts)


def _listed(attributes: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    # Strings of both languages are quoted alike, but for what is not ASCII, which Graphviz takes as it is.
    return json.dumps(text, ensure_ascii=False)
