"""Printing annotations of datasets that a repository does not have (any more)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gnomon.cli.annotations.opening import opened, progress_bar
from gnomon.cli.rows import print_rows

if TYPE_CHECKING:
    from gnomon.curation.orphans import Orphan

__all__ = ["print_orphans"]

_COLUMNS = ("made", "by", "gone", "first", "flags", "tags", "text", "state", "id")


def print_orphans(
    repository: str,
    annotations: str | None,
    config: str | None,
    format_: str,
    conditions: Mapping[str, Any],
    *,
    label: str | None = None,
    oldest: bool = False,
) -> None:
    """Print what is orphaned.

    Parameters
    ----------
    repository
        The repository that is asked.
    annotations, config
        Which log is meant.
    format_
        How to print.
    conditions
        Only annotations that fulfil these, and ``limit`` of them.
    label
        By which label targets call the repository.
    oldest
        Whether the oldest come first.

    Raises
    ------
    MissingExtraError
        If there is no Butler in this installation.
    """
    from gnomon.errors import MissingExtraError

    try:
        from gnomon.curation.orphans import find_orphans
        from gnomon.repository.configuration import open_butler
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--orphaned needs {error.name}, which is not installed; the extra butler has it: "
            "pip install 'gnomon[butler]'."
        ) from error
    given = {name: value for name, value in conditions.items() if name not in ("limit", "after")}
    with (
        open_butler(repository, without_datastore=True) as butler,
        opened(annotations, config, existing=True) as log,
        progress_bar("Looking for datasets") as progress,
    ):
        orphans = find_orphans(log, butler, repository=label, progress=progress, **given)
    if oldest:
        orphans.reverse()
    print_rows([_row(orphan) for orphan in orphans[: conditions.get("limit")]], _COLUMNS, format_)


def _row(orphan: "Orphan") -> dict[str, Any]:
    from gnomon import times

    one = orphan.annotation
    return {
        "made": times.to_utc_iso(one.created_at, precision=0),
        "by": f"{one.actor.name} ({one.actor.kind})",
        "gone": f"{len(orphan.gone)} of {orphan.of}",
        "first": str(orphan.gone[0].dataset_id),
        "flags": list(dict.fromkeys(f"{said.flag} {said.state}" for said in one.assertions)),
        "tags": list(one.tags),
        "text": one.text,
        "state": one.state,
        "id": str(one.id),
    }
