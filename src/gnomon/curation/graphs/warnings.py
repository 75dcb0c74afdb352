"""What a person should know of a graph before it is run, and what is too much."""

from collections.abc import Sequence

from gnomon.curation.exclusions import Exclusions
from gnomon.curation.graphs.accounts import Accounts, LeftOut, TaskAccount
from gnomon.errors import ExclusionError, GraphLossError

__all__ = ["LARGE_LOSS", "check_losses", "warnings_of"]

LARGE_LOSS = 0.5
"""A task that lost more than this fraction of its inputs is named."""


def check_losses(tasks: Sequence[TaskAccount], left_out: Sequence[LeftOut], max_loss: float) -> None:
    """Refuse a graph in which a task lost too much.

    Parameters
    ----------
    tasks
        What each task lost.
    left_out
        What was left out, for the error.
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
        error = GraphLossError(
            f"{'; '.join(map(_in_words, over))}. At most {max_loss:.1%} of the inputs of a task may be lost."
        )
        error.tasks, error.left_out = tuple(tasks), tuple(left_out)
        raise error


def warnings_of(
    exclusions: Exclusions, tasks: Sequence[TaskAccount], accounts: Accounts
) -> tuple[str, ...]:
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
    for one in exclusions.unapplied:
        if one.exclusion.target.kind == "collection" and "CHAINED" in one.why:
            found.append(f"{one.exclusion} leaves out nothing: {one.why}.")
    return tuple(found)


def _in_words(task: TaskAccount) -> str:
    lost = task.inputs_expected - task.inputs_remaining
    return (
        f"Task {task.label} lost {lost} of {task.inputs_expected} inputs ({task.loss:.1%}) and "
        f"{task.expected - task.remaining} of {task.expected} quanta"
    )
