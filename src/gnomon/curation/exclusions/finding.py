"""From a selection to what it leaves out: annotations and metrics, asked once as of one cut."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from lsst.daf.butler import Butler

from gnomon import settings
from gnomon.annotations import Annotations, Cut, EffectiveFlag
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.curation.exclusions import freshness, inheritance, tags
from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.exclusions import Exclusions, Unapplied
from gnomon.curation.exclusions.placing import Placing
from gnomon.curation.exclusions.requirements import RequiredFlag, Requirement
from gnomon.curation.exclusions.selection import Selection
from gnomon.curation.exclusions.visits import VisitsOf
from gnomon.curation.inheritance import needed_flags
from gnomon.errors import AnnotationLogError, ExclusionError, ExclusionsUnavailableError, StoreError

if TYPE_CHECKING:
    from gnomon.repository.lineage import Lineage
    from gnomon.store import Store

__all__ = ["find_exclusions"]

_DEFAULT_POLICY = "standard@1"


def find_exclusions(
    selection: Selection,
    *,
    annotations: Annotations | None = None,
    butler: Butler | None = None,
    store: "Store | None" = None,
    metric_collections: Sequence[str] | str | None = None,
    lineage: "Lineage | None" = None,
    max_age: timedelta | None = None,
) -> Exclusions:
    """Find out what a selection leaves out.

    Parameters
    ----------
    selection
        What is asked for.
    annotations
        The log; needed if flags or tags are asked for.
    butler
        The repository in which datasets will be asked about. Without one, only marks on datasets, records
        and runs can be taken to data, and nothing is inherited from one record to another.
    store
        The metrics store; needed if metrics are asked for.
    metric_collections
        The collections whose measurements count; None means the last measurement of each data ID.
    lineage
        From which datasets others were made, for what is inherited along it.
    max_age
        How old the newest event of the log, and the newest measurement that is asked about, may be; None
        takes it from the settings, which allow any age unless somebody says otherwise.

    Returns
    -------
    Exclusions
        As of one cut, which can be asked about any number of things.

    Raises
    ------
    ExclusionsUnavailableError
        If annotations or metrics are asked for and are not given, or cannot be read.
    ExclusionsOutOfDateError
        If the newest of them is older than allowed.
    ExclusionError
        If a condition cannot be understood, or a mark needs a Butler to be taken to data.
    AnnotationError
        If a flag, tag or policy is unknown.
    """
    excluding: list[str] = []
    requiring: list[str] = []
    vocabulary: Vocabulary | None = None
    if max_age is None and selection:
        max_age = settings.load().max_age
    cut, policy = Cut(), selection.policy or _DEFAULT_POLICY
    flags: list[EffectiveFlag] = []
    required: list[EffectiveFlag] = []
    tagged: list[Exclusion] = []
    if selection.asks_annotations:
        if annotations is None:
            raise ExclusionsUnavailableError("Flags or tags are asked for, and no annotations are given.")
        with _reachable("annotations"):
            freshness.check_annotations(annotations, max_age)
            cut, vocabulary = annotations.cut(selection.at), annotations.vocabulary
            excluding, requiring = _flag_names(selection, annotations)
            if excluding or requiring:
                # Virtual flags are evaluated anew where those arrive that they are made of.
                parts = set(needed_flags(excluding, vocabulary))
                held = annotations.effective(None, flags=sorted({*parts, *requiring}), policy=policy, at=cut)
                flags = [flag for flag in held if flag.flag in parts]
                required = [flag for flag in held if flag.flag in requiring]
            tagged = tags.find_tagged(annotations, selection.exclude_tags, cut)
    placing = Placing(butler)
    flags = _with_members(flags, butler)
    inherited, inheriting = inheritance.find_inherited(
        flags, excluding, selection.inherit, butler=butler, lineage=lineage, vocabulary=vocabulary
    )
    flags = [flag for flag in flags if flag.flag in excluding]
    marks = sorted(
        [*(_of_flag(flag) for flag in flags if flag.state == "set"), *tagged, *inherited],
        key=lambda one: (_ORDER[one.rule], one.target.key, one.name),
    )
    lookup, unapplied = placing.place(marks, (flag for flag in flags if flag.state != "set"))
    visits = VisitsOf(butler)
    requirements: list[Requirement] = []
    for name in requiring:
        need = RequiredFlag(name, [flag for flag in required if flag.flag == name], visits)
        placing.extend(need)
        inheritance.grant(need, selection.inherit, butler=butler, lineage=lineage, vocabulary=vocabulary)
        requirements.append(need)
    metrics_at = None
    if selection.asks_metrics:
        if store is None:
            raise ExclusionsUnavailableError("Metrics are asked for, and no store is given.")
        from gnomon.curation.exclusions import metrics

        with _reachable("metrics store"):
            found = metrics.find_required(
                selection,
                store,
                collections=metric_collections,
                visits=visits,
                max_age=max_age,
                distrusted=[mark.target for mark in marks if mark.target.kind == "measurement"],
            )
        requirements += found.requirements
        metrics_at = found.as_of
    return Exclusions(
        selection=selection,
        cut=cut,
        policy=policy,
        marks=tuple(marks),
        lookup=lookup,
        requirements=tuple(requirements),
        unapplied=tuple(Unapplied(mark, why) for mark, why in unapplied),
        metrics_at=metrics_at,
        butler=butler,
        inheriting=inheriting,
    )


_ORDER = {"exclude-flag": 0, "exclude-tag": 1, "inherited": 2, "require-flag": 3, "require-metric": 4}


@contextmanager
def _reachable(what: str) -> Iterator[None]:
    """Tell every failure to read as one sort of error: nobody may go on with an unfiltered answer."""
    try:
        yield
    except (AnnotationLogError, StoreError, OSError) as error:
        raise ExclusionsUnavailableError(
            f"What is to be left out cannot be told, since the {what} cannot be read: {error}"
        ) from error


def _flag_names(selection: Selection, annotations: Annotations) -> tuple[list[str], list[str]]:
    """Give the flags that are meant, other words for them resolved."""
    vocabulary = annotations.vocabulary
    excluding, requiring = (
        list(dict.fromkeys(vocabulary.check_asked(name) for name in names))
        for names in (selection.exclude_flags, selection.require_flags)
    )
    if both := set(excluding) & set(requiring):
        raise ExclusionError(f"The flag {min(both)!r} is both excluded and required: nothing would be left.")
    return excluding, requiring


def _of_flag(flag: EffectiveFlag) -> Exclusion:
    return Exclusion(
        "exclude-flag",
        flag.flag,
        flag.target,
        by=flag.by.name,
        by_kind=flag.by.kind,
        reason=flag.reason or flag.text,
        annotation_id=flag.annotation_id,
        causes=flag.causes,
    )


def _with_members(flags: list[EffectiveFlag], butler: Butler | None) -> list[EffectiveFlag]:
    """Add what standing queries give now, which inherits as if it were marked itself."""
    if not any(flag.target.kind == "query" and flag.target.standing for flag in flags):
        return flags
    if butler is None:
        raise ExclusionError("A standing query is marked, and what it gives can only be told with a Butler.")
    from gnomon.curation.standing_queries import expand

    return [*(flag for flag in flags if flag.target.kind != "query"), *expand(flags, butler=butler)]
