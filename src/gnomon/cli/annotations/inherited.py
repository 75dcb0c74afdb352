"""What ``gnomon annotations effective --inherit`` shows; apart, since only this part needs a Butler."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gnomon.errors import MissingExtraError

if TYPE_CHECKING:
    from gnomon.annotations import Annotations, Cut, Target
    from gnomon.curation.inheritance import InheritedFlag

__all__ = ["COLUMNS", "find", "row_of"]

COLUMNS = (
    "about", "flag", "state", "by", "reason", "text", "conflict", "challenged_by", "causes", "inherited",
    "effect", "annotation",
)  # fmt: skip
"""The columns that are shown."""


def find(
    log: "Annotations",
    about: "Sequence[Target] | None",
    *,
    repo: str | None,
    lineage: str | None,
    config: str | None,
    flags: Sequence[str] | None,
    rules: str,
    policy: str | None,
    cut: "Cut",
) -> "list[InheritedFlag]":
    """Open what is needed, and find what is inherited.

    Parameters
    ----------
    log
        The annotations.
    about
        Of which things; None means everything.
    repo, lineage, config, flags, rules, policy
        What the options say.
    cut
        On which events the answer is to rest.

    Returns
    -------
    list of InheritedFlag
        Those that count and those that inform.

    Raises
    ------
    MissingExtraError
        If the Butler is not installed.
    """
    try:
        from gnomon.curation.inheritance import find_inherited
        from gnomon.repository.configuration import open_butler
        from gnomon.repository.lineage import open_lineage
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "lsst":
            raise
        raise MissingExtraError(
            f"--inherit needs {error.name}, which is not installed; the extra butler has it: "
            "pip install 'gnomon[butler]'."
        ) from error
    from gnomon import settings

    place = settings.load(config=config, lineage=lineage).lineage
    with open_butler(str(repo)) as butler, open_lineage(place) as known:
        return find_inherited(
            log,
            about,
            butler=butler,
            flags=flags,
            rules=rules,
            policy=policy,
            at=cut,
            lineage=known,
        )


def row_of(flag: "InheritedFlag") -> dict[str, Any]:
    """Write an inherited flag as a row.

    Parameters
    ----------
    flag
        What is inherited.

    Returns
    -------
    dict
        With the columns `COLUMNS`; in JSON the causes are annotations of their own.
    """
    return {
        "about": str(flag.target),
        "flag": flag.flag,
        "state": flag.state,
        "by": ", ".join(dict.fromkeys(f"{cause.by.name} ({cause.by.kind})" for cause in flag.causes)),
        "reason": flag.reason,
        "text": "; ".join(dict.fromkeys(filter(None, (cause.reason or cause.text for cause in flag.causes)))),
        "conflict": "conflict" if any(cause.conflict for cause in flag.causes) else "",
        "challenged_by": sorted({actor.name for cause in flag.causes for actor in cause.challenged_by}),
        "causes": [f"{cause.target} {cause.flag} {cause.state}" for cause in flag.causes],
        "inherited": flag.rule,
        "effect": flag.effect,
        "annotation": ", ".join(dict.fromkeys(str(cause.annotation_id) for cause in flag.causes)),
    }
