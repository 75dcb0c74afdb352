"""Printing what each task lost, what was left out, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.rows import print_json, print_rows

if TYPE_CHECKING:
    from gnomon.curation.exclusions import Exclusion
    from gnomon.curation.graphs import LeftOut, Pruned, TaskAccount

__all__ = ["print_account", "print_quanta"]

_TASKS = ("task", "stock", "left out", "in consequence", "run before", "remaining", "inputs lost", "of")
_MARKS = ("rule", "name", "target", "by", "reason", "quanta", "datasets", "in consequence")
_RULES = ("rule", "name", "by", "marks", "quanta", "datasets", "in consequence")
_THINGS = (
    "effect", "what", "data_id", "dataset_id", "instead", "rule", "name", "target", "by", "reason",
    "annotation_id",
)  # fmt: skip
_SHOWN = 10  # marks, where nobody asked for all
_DID = ("quanta", "datasets", "in consequence")


def print_account(
    head: Mapping[str, Any],
    tasks: Sequence["TaskAccount"],
    left_out: Sequence["LeftOut"],
    pruned: Sequence["Pruned"],
    warnings: Sequence[str],
    format_: str,
    *,
    whole: bool,
) -> None:
    """Print what a graph lost.

    Parameters
    ----------
    head
        What the answer rests on: cut, policy, digest and the like.
    tasks
        What each task lost.
    left_out
        What was left out directly.
    pruned
        The quanta that went in consequence.
    warnings
        What a person should know.
    format_
        ``table``; ``json`` has everything; ``csv`` has a row for each task, or with ``whole`` one for each
        quantum and dataset.
    whole
        Whether all marks are shown one by one; otherwise many are summed up by rule.
    """
    if format_ == "json":
        print_json(
            {
                **head,
                "tasks": [_task(one) for one in tasks],
                "marks": _marks(left_out, pruned),
                "left_out": _sorted(map(_thing, left_out)),
                "pruned": _sorted(map(_pruned, pruned)),
                "warnings": list(warnings),
            }
        )
        return
    if format_ == "csv":
        if whole:
            rows = [*_sorted(map(_thing, left_out)), *_sorted(map(_pruned, pruned))]
            print_rows([row | {"data_id": _data_id(row["data_id"])} for row in rows], _THINGS, "csv")
        else:
            print_rows(map(_task, tasks), _columns(tasks), "csv")
        return
    click.echo(
        f"As of {head['cut'] or 'the beginning'}, by {head['policy']}; digest {str(head['digest'])[:12]}.\n"
    )
    print_rows(map(_task, tasks), _columns(tasks), "table")
    marks = _marks(left_out, pruned)
    click.echo("")
    if not marks:
        click.echo("Nothing in this graph was marked or lacks what is required: nothing is left out.")
    elif whole or len(marks) <= _SHOWN:
        print_rows(marks, _MARKS, "table")
    else:
        print_rows(_by_rule(marks), _RULES, "table")
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def print_quanta(quanta: Mapping[str, int], format_: str) -> None:
    """Print how many quanta the tasks of a graph have from which nothing was to be left out.

    Parameters
    ----------
    quanta
        How many each task has.
    format_
        ``table``, ``json`` or ``csv``.
    """
    rows = [{"task": task, "remaining": number} for task, number in quanta.items()]
    if format_ == "json":
        print_json({"tasks": rows, "marks": [], "left_out": [], "pruned": [], "warnings": []})
    else:
        print_rows(rows, ("task", "remaining"), format_)


def _columns(tasks: Iterable["TaskAccount"]) -> Sequence[str]:
    skipped = any(task.skipped for task in tasks)
    return [name for name in _TASKS if skipped or name != "run before"]


def _task(task: "TaskAccount") -> dict[str, Any]:
    return {
        "task": task.label,
        "stock": task.expected,
        "left out": task.left_out,
        "in consequence": task.pruned,
        "run before": task.skipped,
        "remaining": task.remaining,
        "inputs lost": task.inputs_expected - task.inputs_remaining,
        "of": task.inputs_expected,
    }


def _marks(left_out: Iterable["LeftOut"], pruned: Iterable["Pruned"]) -> list[dict[str, Any]]:
    """Give each mark once, with what it did."""
    marks: dict[Exclusion, Counter[str]] = {}
    for one in left_out:
        did = "quanta" if one.effect == "quantum" else "datasets"
        marks.setdefault(one.why, Counter())[did] += 1
    for gone in pruned:
        marks.setdefault(gone.why, Counter())["in consequence"] += 1
    return [
        _why(why) | {name: did[name] for name in _DID}
        for why, did in sorted(marks.items(), key=lambda item: (item[0].rule, item[0].name, item[0].target.key))
    ]


def _by_rule(marks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sum up marks by rule, name and whose word they are."""
    sums: dict[tuple[str, str, str], Counter[str]] = {}
    for mark in marks:
        sums.setdefault((mark["rule"], mark["name"], mark["by"]), Counter()).update(
            {name: mark[name] for name in _DID} | {"marks": 1}
        )
    return [
        {"rule": rule, "name": name, "by": by, **{name: did[name] for name in ("marks", *_DID)}}
        for (rule, name, by), did in sums.items()
    ]


def _why(why: "Exclusion") -> dict[str, Any]:
    return {
        "rule": why.rule,
        "name": why.name,
        "target": str(why.target),
        "by": why.by,
        "by_kind": why.by_kind,
        "reason": why.reason,
        "annotation_id": None if why.annotation_id is None else str(why.annotation_id),
    }


def _thing(one: "LeftOut") -> dict[str, Any]:
    return {
        "effect": one.effect,
        "what": one.what,
        "data_id": one.data_id,
        "dataset_id": one.dataset_id or None,
        "instead": one.instead or None,
        **_why(one.why),
    }


def _pruned(one: "Pruned") -> dict[str, Any]:
    return {"effect": "in consequence", "what": one.task, "data_id": one.data_id, **_why(one.why)}


def _sorted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put rows in an order that does not depend on that in which the builder came by."""
    return sorted(rows, key=lambda row: (row["effect"], row["what"], tuple(map(str, row["data_id"].values()))))


def _data_id(data_id: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in data_id.items())
