"""What annotations with certain tags are about, as of a cut."""

from collections.abc import Sequence

from gnomon.annotations import Annotation, Annotations, Cut, checks
from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.errors import AnnotationNotFoundError

__all__ = ["find_tagged"]


def find_tagged(annotations: Annotations, tags: Sequence[str], cut: Cut) -> list[Exclusion]:
    """Find all that an annotation with one of some tags is about.

    Parameters
    ----------
    annotations
        The log.
    tags
        The tags.
    cut
        As of which events.

    Returns
    -------
    list of Exclusion
        One a target and tag. What was retracted, or edited so that it has the tag no more, does not count.

    Raises
    ------
    AnnotationError
        If a tag cannot be one.
    """
    if not tags:
        return []
    tags = checks.tags(tags)  # in the form in which they are kept
    found = {one.id: one for one in annotations.search(tags=tags, include_retracted=True)}
    if annotations.cut() != cut:
        found = _as_of(annotations, found, cut)
    wanted = set(tags)
    return [
        Exclusion(
            "exclude-tag",
            tag,
            target,
            by=one.actor.name,
            by_kind=one.actor.kind,
            reason=one.text,
            annotation_id=one.id,
        )
        for one in found.values()
        if one.state != "retracted"
        for tag in sorted(wanted.intersection(one.tags))
        for target in one.targets
    ]


def _as_of[K](annotations: Annotations, found: dict[K, Annotation], cut: Cut) -> dict[K, Annotation]:
    """Take back what later events did: only annotations that were changed since can have lost a tag."""
    changed = {
        event.annotation_id
        for event in annotations.events(after=cut)
        if event.annotation_id is not None and event.kind != "add"
    }
    then: dict[K, Annotation] = {}
    for id in {*found, *changed}:
        try:
            then[id] = annotations.get(id, at=cut)  # type: ignore[arg-type, index]
        except AnnotationNotFoundError:
            continue  # made later
    return then
