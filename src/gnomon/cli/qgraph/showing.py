"""Printing what each task lost, what was left out, and why."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gnomon import dataids
from gnomon.cli.rows import print_json, print_rows

if TYPE_CHECKING:
    from gnomon.curation.graphs import TaskAccount

__all__ = ["print_account", "print_quanta"]

_TASKS = ("task", "stock", "left out", "in consequence", "run before", "remaining", "inputs lost", "of")
_DID = ("quanta", "datasets", "in consequence")
_MARKS = ("rule", "name", "target", "by", "reason", *_DID)
_RULES = ("rule", "name", "by", "marks", *_DID)
_ROWS = (
    "effect", "what", "data_id", "dataset_id", "instead", "rule", "name", "target", "by", "by_kind", "reason",
    "annotation_id", "causes",
)  # fmt: skip
_SHOWN = 10  # marks, where nobody asked for all
_COUNTED = {"quantum": "quanta", "pruned": "in consequence"}
_IDLE = "nothing"
_LACKING = ("required", "things", "that were")


def print_account(
    head: Mapping[str, Any],
    tasks: Sequence["TaskAccount"],
    record: Sequence[Mapping[str, Any]],
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
    record
        What was left out and why, rows of `gnomon.curation.graphs.record.RECORD_COLUMNS`.
    warnings
        What a person should know.
    format_
        ``table``; ``json`` has everything; ``csv`` has a row for each task, or with ``whole`` the record.
    whole
        Whether all marks are shown one by one; otherwise many are summed up by rule.
    """
    # The builder goes through sets: the order in which it came by something means nothing.
    rows = sorted(record, key=lambda row: tuple(str(row[name]) for name in _ROWS))
    if format_ == "json":
        print_json(
            {
                **head,
                "tasks": [_task(one) for one in tasks],
                "marks": _marks(rows),
                "lacking": _lacking(rows),
                "left_out": [_plain(row) for row in rows if row["effect"] != _IDLE],
                "without_effect": [_plain(row) for row in rows if row["effect"] == _IDLE],
                "warnings": list(warnings),
            }
        )
        return
    if format_ == "csv":
        if whole:
            print_rows(rows, _ROWS, "csv")
        else:
            print_rows(map(_task, tasks), _columns(tasks), "csv")
        return
    click.echo(
        f"As of {head['cut'] or 'the beginning'}, by {head['policy']}; digest {str(head['digest'])[:12]}.\n"
    )
    print_rows(map(_task, tasks), _columns(tasks), "table")
    click.echo("")
    _print_marks(_marks(rows), whole=whole)
    if lacking := _lacking(rows):
        click.echo("")
        print_rows(lacking, _LACKING, "table")
    if idle := sum(1 for row in rows if row["effect"] == _IDLE):
        click.echo(f"\n{idle:,} more marks are in force, and of nothing that this graph would have read.")
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
        print_json({"tasks": rows, "marks": [], "left_out": [], "without_effect": [], "warnings": []})
    else:
        print_rows(rows, ("task", "remaining"), format_)


def _print_marks(marks: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    if not marks:
        click.echo(
            "Nothing in this graph is marked, and nothing lacks what is required: nothing is left out."
        )
    elif whole or len(marks) <= _SHOWN:
        print_rows(marks, _MARKS, "table")
    else:
        print_rows(_by_rule(marks), _RULES, "table")


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


def _marks(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give each mark once, with what it did."""
    same = ("rule", "name", "target", "by", "by_kind", "reason", "annotation_id")
    marks: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        if row["effect"] != _IDLE:
            mark = tuple(row[name] for name in same)
            marks.setdefault(mark, Counter())[_COUNTED.get(row["effect"], "datasets")] += 1
    return [
        dict(zip(same, mark, strict=True)) | {"target": _target(mark[2])} | {name: did[name] for name in _DID}
        for mark, did in sorted(marks.items(), key=lambda item: item[0][:3])
    ]


def _lacking(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count what lacks what is required, and apart from the rest what nobody examined or measured."""
    things: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row["rule"].startswith("require-") and row["effect"] != _IDLE:
            # Of metrics the reason has the value, and of flags the state.
            why = (
                row["reason"]
                if row["reason"].startswith("never ")
                else "examined or measured, and do not have it"
            )
            things.setdefault((row["name"], why), set()).add(row["target"])
    return [
        {"required": name, "things": len(targets), "that were": why}
        for (name, why), targets in sorted(things.items())
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


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row) | {"data_id": json.loads(row["data_id"]) if row["data_id"] else None}


def _target(key: str) -> str:
    """Write the key of a target as people say it."""
    kind, _, rest = key.partition(":")
    match kind:
        case "dimension":
            return dataids.format(json.loads(rest))
        case "data_id":
            dataset_type, data_id = json.loads(rest)
            return f"{dataset_type or 'all'} of {dataids.format(data_id)}"
    return key
