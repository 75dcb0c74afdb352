"""Marked lineage as an indented tree.

Lineage is no tree: a dataset can be reached on several ways. It is shown once with all that is behind it, and
named again elsewhere. Where many datasets of one type stand side by side, those are shown that are worth a
look, since a flag is set or a person said something, or that lead to such; the others are counted, also where
a program examined them and found nothing.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from gnomon import dataids
from gnomon.curation.marked_lineage.marking import Mark, MarkedLineage, Node

__all__ = ["Line", "to_tree"]

Style = Literal["dataset", "bad", "touched", "gone", "mark", "said", "more"]
"""What a line is: a dataset, a bad one, one that was made from such, one that the repository no longer has; a
flag that is set; anything else that somebody said; how many there are more."""

_SIDE_BY_SIDE = 5
_EXAMPLES = 2
_TEXT = 100


@dataclass(frozen=True)
class Line:
    """A line of the tree.

    Attributes
    ----------
    indent
        The branches before the text.
    text
        What it says.
    style
        What it is about.
    """

    indent: str
    text: str
    style: Style

    def __str__(self) -> str:
        return f"{self.indent}{self.text}"


def to_tree(marked: MarkedLineage, *, fold: int | None = _SIDE_BY_SIDE) -> list[Line]:
    """Draw marked lineage.

    Parameters
    ----------
    marked
        As `gnomon.curation.marked_lineage.mark_lineage` gives it.
    fold
        How many datasets of one type, known in one way, are shown side by side; of more, only those for which
        a flag is set or of which a person said something, or that lead to such. `None`: all.

    Returns
    -------
    list of Line
        From the dataset itself on.
    """
    return list(_Drawing(marked, fold).lines())


@dataclass(frozen=True)
class _Step:
    """An edge from a dataset that is drawn to the next one."""

    node: Node
    kinds: tuple[str, ...]
    task: str | None


@dataclass
class _Drawing:
    marked: MarkedLineage
    fold: int | None
    next: dict[uuid.UUID, list[_Step]] = field(default_factory=dict)
    drawn: set[uuid.UUID] = field(default_factory=set)
    leads: set[uuid.UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        near, far = ("parent", "child") if self.marked.down else ("child", "parent")
        merged: dict[tuple[bytes, bytes], tuple[list[str], str | None]] = {}
        for one, other, kinds, task in self.marked.edges.select(near, far, "kinds", "task").iter_rows():
            before, known = merged.get((one, other), ([], None))
            merged[one, other] = ([*before, *(kind for kind in kinds if kind not in before)], known or task)
        back: dict[uuid.UUID, list[uuid.UUID]] = {}
        for (one, other), (kinds, task) in merged.items():
            start, end = uuid.UUID(bytes=one), uuid.UUID(bytes=other)
            self.next.setdefault(start, []).append(_Step(self.marked.nodes[end], tuple(kinds), task))
            back.setdefault(end, []).append(start)
        for steps in self.next.values():
            steps.sort(key=lambda step: (step.node.dataset_type or "", step.kinds, _order(step.node)))
        # All that lead to a dataset that is worth a look, found backwards from it.
        waiting = [node.id for node in self.marked.nodes.values() if any(map(_worth_a_look, node.marks))]
        self.leads.update(waiting)
        while waiting:
            for before_it in back.get(waiting.pop(), ()):
                if before_it not in self.leads:
                    self.leads.add(before_it)
                    waiting.append(before_it)

    def lines(self) -> Iterator[Line]:
        """Draw all of it, depth first, with a stack of its own: lineage can be deep."""
        start = self.marked.nodes[self.marked.start]
        self.drawn.add(start.id)
        yield from self._own(start, "", "", "")
        stack = [self._behind(start, "")]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            line, deeper = found
            if line is not None:
                yield line
            if deeper is not None:
                stack.append(self._behind(*deeper))

    def _behind(self, node: Node, indent: str) -> Iterator[tuple[Line | None, tuple[Node, str] | None]]:
        """Give the lines below a dataset, and after each dataset that it is to be gone on with."""
        groups = [
            self._chosen(list(steps))
            for _, steps in groupby(
                self.next.get(node.id, ()), key=lambda step: (step.node.dataset_type, step.kinds)
            )
        ]
        for place, (shown, hidden) in enumerate(groups):
            last_group = place == len(groups) - 1
            for number, step in enumerate(shown):
                last = last_group and not hidden and number == len(shown) - 1
                branch, below = ("└── ", "    ") if last else ("├── ", "│   ")
                again = step.node.id in self.drawn
                self.drawn.add(step.node.id)
                how = f" [{step.kinds[0]}]" + (f" by {step.task}" if step.task else "")
                if again:
                    yield Line(indent + branch, f"{_name(step.node)}{how} (shown above)", "more"), None
                    continue
                for line in self._own(step.node, indent + branch, indent + below, how):
                    yield line, None
                yield None, (step.node, indent + below)
            if hidden:
                yield Line(indent + ("└── " if last_group else "├── "), self._count(hidden), "more"), None

    def _chosen(self, steps: list[_Step]) -> tuple[list[_Step], list[_Step]]:
        if self.fold is None or len(steps) <= self.fold:
            return steps, []
        shown = [step for step in steps if step.node.id in self.leads]
        # Of the others, some are examples.
        examples = max(_EXAMPLES - len(shown), 0)
        plain = [step for step in steps if step.node.id not in self.leads]
        return shown + plain[:examples], plain[examples:]

    def _count(self, hidden: Sequence[_Step]) -> str:
        behind = self._hidden_behind(hidden)
        kind = hidden[0].node.dataset_type or "dataset"
        said = " without a flag or a person's word" if self.marked.cut is not None else ""
        more = f", and {behind} behind them" if behind else ""
        return f"... {len(hidden)} more {kind} [{hidden[0].kinds[0]}]{said}{more}"

    def _hidden_behind(self, hidden: Sequence[_Step]) -> int:
        """Count what is reached from datasets that are not shown, and is not shown anywhere before."""
        seen = {step.node.id for step in hidden}
        first = len(seen)
        waiting = list(seen)
        while waiting:
            for step in self.next.get(waiting.pop(), ()):
                if step.node.id not in seen and step.node.id not in self.drawn:
                    seen.add(step.node.id)
                    waiting.append(step.node.id)
        return len(seen) - first

    def _own(self, node: Node, first: str, indent: str, how: str) -> Iterator[Line]:
        style: Style = "dataset"
        if node.bad or node.touched:
            style = "bad" if node.bad else "touched"
        elif node.present is False:
            style = "gone"
        gone = ""
        if node.present is False:
            # What was only planned may never have been made.
            gone = (
                " (not in the repository)" if node.kind == "predicted" else " (no longer in the repository)"
            )
        run = "" if node.run is None else f" in {node.run}"
        yield Line(first, f"{_name(node)}{run}{how} {node.id}{gone}", style)
        has_more = "│   " if self.next.get(node.id) else "    "
        for mark in node.marks:
            yield from _said(node, mark, indent + has_more)


def _worth_a_look(mark: Mark) -> bool:
    return any(flag.state == "set" for flag in mark.flags) or any(
        annotation.creator.is_human for annotation in mark.annotations
    )


def _said(node: Node, mark: Mark, indent: str) -> Iterator[Line]:
    of = "" if mark.target.dataset_id == node.id else f"{mark.target}: "
    told = set()
    for flag in mark.flags:
        why = f": {_short(flag.reason)}" if flag.reason else ""
        conflict = ", in conflict" if flag.conflict else ""
        told.add(flag.annotation_id)
        style: Style = "mark" if flag.state == "set" else "said"
        yield Line(indent, f"* {of}{flag.flag} {flag.state} by {flag.by.name}{conflict}{why}", style)
    for annotation in mark.annotations:
        if annotation.assertions and not annotation.creator.is_human:
            # What a program says of each dataset are the reasons of those of its flags that hold.
            continue
        if annotation.text:
            yield Line(indent, f'* {of}"{_short(annotation.text)}" ({annotation.creator.name})', "said")
        elif annotation.tags and annotation.id not in told:
            tags = ", ".join(annotation.tags)
            yield Line(indent, f"* {of}tagged {tags} by {annotation.creator.name}", "said")


def _name(node: Node) -> str:
    if node.dataset_type is None:
        return "unknown dataset"
    identifying = {
        name: value for name, value in node.data_id.items() if name in dataids.required(node.data_id)
    }
    return f"{node.dataset_type} {dataids.format(identifying)}" if identifying else node.dataset_type


def _order(node: Node) -> tuple[tuple[str, str, int], ...]:
    return tuple(
        (name, "" if isinstance(value, int) else value, value if isinstance(value, int) else 0)
        for name, value in sorted(node.data_id.items())
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 3]}..."
