"""The runs that were recorded, and taking one back."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from gnomon.annotations import Actor, Annotation, Annotations
from gnomon.annotations.model import AssertedState
from gnomon.curation.rules.running import AGENT
from gnomon.errors import AnnotationError, AnnotationNotFoundError, nearest

__all__ = ["RecordedRun", "find_run", "recorded_runs", "withdraw_runs"]

_RUN = "run_"


@dataclass(frozen=True)
class RecordedRun:
    """One run of a rule, as the log has it.

    Attributes
    ----------
    run
        Its name.
    rule, version
        Which rule.
    recorded_at
        When, in TAI microseconds since 1970-01-01 TAI.
    withdrawn
        Whether it was taken back.
    counts
        How many things it set, examined, cleared, or took its word back of.
    annotation_ids
        The annotations that record it.
    """

    run: str
    rule: str
    version: int
    recorded_at: int
    withdrawn: bool
    counts: Mapping[AssertedState, int]
    annotation_ids: tuple[UUID, ...]


def recorded_runs(annotations: Annotations, *, rule: str | None = None) -> list[RecordedRun]:
    """Give the runs of rules that were recorded, withdrawn ones among them.

    Parameters
    ----------
    annotations
        The log.
    rule
        Only of the rule with this name.

    Returns
    -------
    list of RecordedRun
        The oldest first.
    """
    # Not by tags: a person may have edited them, and it is a run nevertheless.
    if rule is None:
        found = annotations.search(actor_kind="bot", agent=AGENT, include_retracted=True)
    else:
        found = annotations.search(actor_kind="bot", agent=AGENT, actor=rule, include_retracted=True)
    runs: dict[str, list[Annotation]] = {}
    for annotation in found:
        # An actor is also found by what they edited.
        if rule in (None, annotation.creator.name):
            runs.setdefault(_run_of(annotation), []).append(annotation)
    return [_recorded(name, parts) for name, parts in runs.items()]


def find_run(annotations: Annotations, run: str) -> RecordedRun:
    """Find a run of a rule.

    Parameters
    ----------
    annotations
        The log.
    run
        Its name, or the id of an annotation that records it.

    Returns
    -------
    RecordedRun
        The run.

    Raises
    ------
    AnnotationNotFoundError
        If there is none.
    """
    runs = recorded_runs(annotations)
    for one in runs:
        if run == one.run or run in map(str, one.annotation_ids):
            return one
    raise AnnotationNotFoundError(
        f"There is no run {run!r} of a rule.{nearest(run, (one.run for one in runs))}"
    )


def withdraw_runs(
    annotations: Annotations,
    run: str | None = None,
    *,
    rule: str | None = None,
    version: int | None = None,
    actor: Actor,
    reason: str = "",
) -> list[RecordedRun]:
    """Take back all that a run of a rule said, or all runs of a rule.

    What the run had said anew then no longer counts, and what it had replaced holds again, as far as no later
    run has said something else of it. Withdrawn in the reverse order of their making, runs leave exactly what
    was there before them.

    Parameters
    ----------
    annotations
        The log.
    run
        The name of a run, or the id of an annotation that records one.
    rule
        The name of a rule, of which all runs are taken back.
    version
        Only runs of this version of the rule.
    actor
        Who takes them back.
    reason
        Why.

    Returns
    -------
    list of RecordedRun
        Those that were taken back; none if all had been before.

    Raises
    ------
    AnnotationNotFoundError
        If there is no such run, or none of such a rule or version.
    AnnotationError
        If neither a run nor a rule is named, or both are, or a bot would take back what a person edited.
    """
    if (run is None) == (rule is None):
        raise AnnotationError("Say which run is to be withdrawn, or of which rule all runs are.")
    if version is not None and rule is None:
        raise AnnotationError("A version is that of a rule: say which rule.")
    if run is not None:
        chosen = [find_run(annotations, run)]
    else:
        runs = recorded_runs(annotations, rule=rule)
        chosen = [one for one in runs if version in (None, one.version)]
        if not chosen:
            raise AnnotationNotFoundError(_unknown(annotations, str(rule), version, runs))
    live = [one for one in chosen if not one.withdrawn]
    annotations.retract_many([id for one in live for id in one.annotation_ids], actor=actor, reason=reason)
    return [replace(one, withdrawn=True) for one in live]


def _unknown(annotations: Annotations, rule: str, version: int | None, runs: list[RecordedRun]) -> str:
    if runs:
        versions = ", ".join(str(number) for number in sorted({one.version for one in runs}))
        return f"Version {version} of the rule {rule} has recorded nothing; there are runs of {versions}."
    known = {one.rule for one in recorded_runs(annotations)}
    return f"No rule {rule!r} has recorded anything.{nearest(rule, known)}"


def _run_of(annotation: Annotation) -> str:
    named = (tag.removeprefix(_RUN) for tag in annotation.tags if tag.startswith(_RUN))
    return next(named, str(annotation.id))


def _recorded(name: str, parts: list[Annotation]) -> RecordedRun:
    counts = Counter(assertion.state for part in parts for assertion in part.assertions)
    versions = [assertion.version for part in parts for assertion in part.assertions]
    return RecordedRun(
        run=name,
        rule=parts[0].creator.name,
        version=max(versions, default=1),
        recorded_at=parts[0].created_at,
        withdrawn=all(part.state == "retracted" for part in parts),
        counts=counts,
        annotation_ids=tuple(part.id for part in parts),
    )
