"""What a person should know of a graph before it is run, and what is too much."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gnomon.curation.exclusions import Exclusions
from gnomon.curation.graphs.accounts import Accounts, LeftOut, Pruned, TaskAccount
from gnomon.errors import ExclusionError, GraphLossError

__all__ = ["LARGE_LOSS", "asked_of", "check_losses", "lost", "tags_of_nothing", "warnings_of"]

LARGE_LOSS = 0.5
"""A task that lost more than this fraction of its inputs is named."""


def lost(
    message: str, tasks: Sequence[TaskAccount], left_out: Sequence[LeftOut], pruned: Sequence[Pruned]
) -> GraphLossError:
    """Make an error that tells what was lost.

    Parameters
    ----------
    message
        What is wrong.
    tasks, left_out, pruned
        What each task lost, what was left out, and what went in consequence.

    Returns
    -------
    GraphLossError
        To be raised.
    """
    error = GraphLossError(message)
    error.tasks, error.left_out, error.pruned = tuple(tasks), tuple(left_out), tuple(pruned)
    return error


def asked_of(exclusions: Exclusions, accounts: Accounts) -> list[dict[str, Any]]:
    """Say how many inputs were asked for what is required, and how many lack it.

    Parameters
    ----------
    exclusions
        What is required.
    accounts
        What was done.

    Returns
    -------
    list of dict
        One a required flag and metric: ``rule``, ``name``, ``asked``, ``lacking``, and, of these,
        ``unknown``, which nobody examined or measured.
    """
    lacking = Counter((one.why.rule, one.why.name) for one in accounts.left_out)
    unknown = Counter((one.why.rule, one.why.name) for one in accounts.left_out if not one.why.by_kind)
    return [
        {
            "rule": need.rule,
            "name": need.name,
            "asked": accounts.asked[need.name],
            "lacking": lacking[need.rule, need.name],
            "unknown": unknown[need.rule, need.name],
        }
        for need in exclusions.requirements
    ]


def check_losses(
    tasks: Sequence[TaskAccount],
    left_out: Sequence[LeftOut],
    max_loss: float,
    *,
    pruned: Sequence[Pruned] = (),
) -> None:
    """Refuse a graph in which a task lost too much.

    Parameters
    ----------
    tasks
        What each task lost.
    left_out, pruned
        What was left out and what went in consequence, for the error.
    max_loss
        The fraction of its inputs that a task may lose.

    Raises
    ------
    GraphLossError
        Naming each task that lost more.
    ExclusionError
        If ``max_loss`` is no fraction.
    """
    if not 0 <= max_loss <= 1:
        raise ExclusionError(f"max_loss is a fraction from 0 to 1, not {max_loss!r}.")
    if over := [task for task in tasks if task.loss > max_loss]:
        raise lost(
            f"{'; '.join(map(_in_words, over))}. At most {max_loss:.1%} of the inputs of a task may be lost.",
            tasks,
            left_out,
            pruned,
        )


def warnings_of(exclusions: Exclusions, tasks: Sequence[TaskAccount], accounts: Accounts) -> tuple[str, ...]:
    """Say what a person should know.

    Parameters
    ----------
    exclusions
        What was to be left out.
    tasks
        What each task lost.
    accounts
        What was done.

    Returns
    -------
    tuple of str
        One sentence each.

    Raises
    ------
    ExclusionError
        If inputs name observations and a requirement could be asked of none of them: they would all be used.
    """
    for need in exclusions.requirements:
        if not accounts.asked[need.name] and accounts.observed:
            raise ExclusionError(
                f"{need.name} is required and could be asked of none of {accounts.observed} inputs that name "
                "an observation: what is known of it is about other dimensions, such as single detectors."
            )
    found = [f"{_in_words(task)}." for task in tasks if task.loss > LARGE_LOSS]
    found += [
        f"{need.name} is required and was asked of nothing: no input names an observation."
        for need in exclusions.requirements
        if not accounts.asked[need.name]
    ]
    found += [
        f"{need.name} is required and could be asked of {asked} of {accounts.observed} inputs that name an "
        "observation; the others are used as they are."
        for need in exclusions.requirements
        if 0 < (asked := accounts.asked[need.name]) < accounts.observed
    ]
    found += [
        f"Task {label} was run before for {count} quanta with inputs that are left out now; what it made "
        "of them is taken over. Build without the run that has it to have it made again."
        for label, count in accounts.tainted.items()
        if count
    ]
    found += tags_of_nothing(exclusions)
    for one in exclusions.unapplied:
        if one.exclusion.target.kind == "collection" and "CHAINED" in one.why:
            found.append(f"{one.exclusion} leaves out nothing: {one.why}.")
    return tuple(found)


def tags_of_nothing(exclusions: Exclusions) -> list[str]:
    """Name the tags that were to leave something out and that nothing has: anybody may make up a tag.

    Parameters
    ----------
    exclusions
        What was to be left out.

    Returns
    -------
    list of str
        One sentence each.
    """
    known = {mark.name for mark in exclusions.marks if mark.rule == "exclude-tag"}
    return [
        f"No annotation had the tag {tag!r} as of this cut, so that it leaves out nothing."
        for tag in exclusions.selection.exclude_tags
        if tag.lower() not in known
    ]


def _in_words(task: TaskAccount) -> str:
    lost = task.inputs_expected - task.inputs_remaining
    return (
        f"Task {task.label} lost {lost} of {task.inputs_expected} inputs ({task.loss:.1%}) and "
        f"{task.expected - task.remaining} of {task.expected} quanta"
    )
