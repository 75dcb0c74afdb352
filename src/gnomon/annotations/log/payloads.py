"""Whether an event of another origin holds what it should, before it is taken for true."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gnomon.annotations import checks
from gnomon.annotations.log.events import Event
from gnomon.annotations.model import Assertion, Attachment, TimeLost
from gnomon.annotations.observations import Observation
from gnomon.annotations.policy import parse_policy
from gnomon.annotations.targets import Target
from gnomon.annotations.vocabulary import parse_vocabulary
from gnomon.errors import AnnotationError

__all__ = ["check"]


def check(event: Event) -> None:
    """Refuse an event that does not hold what its kind needs.

    Parameters
    ----------
    event
        An event.

    Raises
    ------
    AnnotationError
        If a part is missing or cannot be kept. Whether the flags are known here is no matter: another site
        may have a vocabulary that has not arrived yet.
    """
    payload = event.payload
    try:
        _CHECKS[event.kind](payload)
        _carried(payload.get("carried"))
    except AnnotationError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AnnotationError(
            f"An event of kind {event.kind} does not hold what it should: {type(error).__name__}: {error}."
        ) from None


def _carried(source: Mapping[str, Any] | None) -> None:
    """Check what an event says of the log in which it was recorded first, and of those on the way."""
    while source is not None:
        checks.origin(source["origin"])
        for parent in source["parents"]:
            checks.identifier(parent, "an event")
        for name, kind in (("origin_seq", int), ("hlc", int), ("previous", str), ("hash", str)):
            if type(source[name]) is not kind:
                raise AnnotationError(f"The {name} that an event had in another log is {source[name]!r}.")
        source = source.get("carried")


def _add(payload: Mapping[str, Any]) -> None:
    targets = [Target.from_dict(value) for value in payload["targets"]]
    if not targets or len(set(targets)) != len(targets):
        raise AnnotationError("An annotation is about at least one target, and about each once.")
    for name in ("text", "level", "tags", "urls", "flags"):
        if name not in payload:
            raise AnnotationError(f"An event that makes an annotation lacks its {name}.")
    if payload.get("key") is not None:
        checks.label(payload["key"], "idempotency key")
    for name in ("reply_to", "thread"):
        if payload.get(name) is not None:
            checks.identifier(payload[name], "an annotation")
    _content(payload)
    _flags(payload["flags"], len(targets))


def _edit(payload: Mapping[str, Any]) -> None:
    _content(payload)
    if "flags" in payload:
        # How many targets there are, the event does not say; `project` refuses a place beyond the last.
        _flags(payload["flags"], 2**31)


def _content(payload: Mapping[str, Any]) -> None:
    for name in ("text", "resolution"):
        if name in payload:
            checks.text(payload[name], name)
    if "level" in payload:
        checks.level(payload["level"])
    if "tags" in payload and list(checks.tags(payload["tags"])) != list(payload["tags"]):
        raise AnnotationError("Tags are in lower case, each once.")
    if "urls" in payload:
        checks.urls(payload["urls"])
    for attachment in payload.get("attachments", ()):
        Attachment(**attachment)
    if payload.get("assignee"):
        checks.label(payload["assignee"], "assignee")
    if payload.get("time_lost") is not None:
        TimeLost(**payload["time_lost"])


def _flags(flags: Sequence[Mapping[str, Any]], targets: int) -> None:
    seen: set[tuple[str, int | None]] = set()
    whole: set[str] = set()
    for value in flags:
        Assertion(value["flag"], value["state"], value["reason"], version=value["version"])
        place = value["target"]
        if place is not None and (type(place) is not int or not 0 <= place < targets):
            raise AnnotationError(f"{value['flag']} is asserted of the target {place!r}, which there is not.")
        if (
            (value["flag"], place) in seen
            or value["flag"] in whole
            or (place is None and _any(value["flag"], seen))
        ):
            raise AnnotationError(f"{value['flag']} is asserted twice of one target.")
        seen.add((value["flag"], place))
        if place is None:
            whole.add(value["flag"])


def _any(flag: str, seen: set[tuple[str, int | None]]) -> bool:
    return any(other == flag for other, _ in seen)


def _retract(payload: Mapping[str, Any]) -> None:
    checks.text(payload["reason"], "reason")


def _resolve(payload: Mapping[str, Any]) -> None:
    keys = set()
    for pair in payload["resolved"]:
        pending = Target.from_dict(pair["pending"])
        if pending.kind != "pending" or Target.from_dict(pair["target"]).kind == "pending":
            raise AnnotationError("Only a pending observation is resolved, and into something that is not.")
        if pending.key in keys:
            raise AnnotationError(f"{pending} is resolved twice.")
        keys.add(pending.key)


def _observe(payload: Mapping[str, Any]) -> None:
    for values in payload["observations"]:
        Observation.from_dict(values)


def _vocabulary(payload: Mapping[str, Any]) -> None:
    if parse_vocabulary(payload["document"]).label != payload["label"]:
        raise AnnotationError("A vocabulary has another label than its event.")


def _policy(payload: Mapping[str, Any]) -> None:
    if parse_policy(payload["document"]).label != payload["label"]:
        raise AnnotationError("A policy has another label than its event.")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "add": _add,
    "edit": _edit,
    "retract": _retract,
    "resolve": _resolve,
    "observe": _observe,
    "vocabulary": _vocabulary,
    "policy": _policy,
}
