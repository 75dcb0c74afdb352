"""How far back the history goes, and what of it may go: the law that vacuum applies.

The history is complete from a moment on, which is written down before anything older is dropped and never
goes back. Whatever is dropped makes no difference to an answer as of any later moment.
"""

import json
from collections.abc import Mapping, Sequence

import polars as pl

from gnomon import times
from gnomon.measurements import observations
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import (
    CURRENT_STATES,
    MERGED,
    RECORDED_AT,
    STATE,
    SUPERSEDED,
)
from gnomon.store.layout.tables import Snapshot, Tables, collect

__all__ = [
    "KEYS_OF_KEPT",
    "complete_since",
    "files_with_removed_rows",
    "record_complete_since",
    "spent_removals",
    "without_outdated",
]

_FOLDER = "history"

KEYS_OF_KEPT: Mapping[str, Sequence[str]] = {
    "chains": ("name",),
    "tagged": ("name",),
    "observations": observations.KEY,
    "metrics": ("metric",),
}
"""The small tables of which, of rows with the same key, the last holds."""


def complete_since(place: Place) -> int | None:
    """Say since when the history of a store is complete.

    Returns
    -------
    int or None
        TAI microseconds; `None` if nothing was ever dropped.
    """
    names = [name.removesuffix(".json") for name in place.files(_FOLDER)]
    return max((int(name) for name in names if name.isdecimal()), default=None)


def record_complete_since(place: Place, moment: int) -> int:
    """Write down that what was superseded before a moment is going to be dropped.

    Parameters
    ----------
    place
        Where the store is.
    moment
        TAI microseconds.

    Returns
    -------
    int
        Since when it is complete: this moment, or a later one that was written down before.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    known = complete_since(place)
    if known is not None and known >= moment:
        return known
    # The name says it, so that of two processes at once none can take back what the other one said.
    content = json.dumps({"complete_since": times.to_utc_iso(moment, precision=6)})
    place.write(f"{_FOLDER}/{moment}.json", content.encode() + b"\n")
    for name in place.files(_FOLDER):
        earlier = name.removesuffix(".json")
        if earlier.isdecimal() and int(earlier) < moment:
            place.delete(f"{_FOLDER}/{name}")
    return moment


def without_outdated(rows: pl.DataFrame, key: Sequence[str], before: int) -> pl.DataFrame:
    """Drop rows of a small table of which another one took the place before a moment.

    Parameters
    ----------
    rows
        All rows of the table.
    key
        In what rows are alike.
    before
        TAI microseconds: answers as of this moment and later ones stay the same.

    Returns
    -------
    polars.DataFrame
        The others.
    """
    moment = pl.col(RECORDED_AT).cast(pl.Int64)
    # Of what came by then the last one is still needed; of several at one moment nobody says which that is.
    last = moment.filter(moment <= before).max().over(list(key))
    return rows.filter((moment > before) | (moment == last))


def spent_removals(tables: Tables, removals: pl.DataFrame, before: int, waiting: pl.DataFrame) -> pl.Series:
    """Say which removals nothing is left of that they could apply to.

    A removal applies to the rows of its dataset or run that were recorded before it, in whatever state: those
    that no longer hold are shown by a question as of an earlier moment, and only the removal hides them then.

    Parameters
    ----------
    tables
        The store's tables.
    removals
        All rows of the table of removals.
    before
        TAI microseconds; later ones stay.
    waiting
        Rows in the buffer of this host: ``dataset_id``, ``run`` and ``recorded_at``.

    Returns
    -------
    polars.Series
        True for each that may go.
    """
    old = removals[RECORDED_AT].cast(pl.Int64) < before
    candidates = removals.filter(old)
    if candidates.is_empty():
        return old
    newest = candidates[RECORDED_AT].max()
    earliest = {key: [_earliest(waiting.lazy(), candidates, key)] for key in ("dataset_id", "run")}
    for name in tables.names():
        snapshot = tables.open(name)
        if snapshot is None:
            continue
        frame = snapshot.scan((*CURRENT_STATES, SUPERSEDED)).filter(pl.col(RECORDED_AT) < newest)
        for key, found in earliest.items():
            found.append(_earliest(frame, candidates, key))
    needed = removals.with_columns(
        removals.select(key)
        .join(
            pl.concat(found).group_by(key).agg(pl.col("earliest").min()),
            on=key,
            how="left",
            maintain_order="left",
        )["earliest"]
        .alias(f"_{key}")
        for key, found in earliest.items()
    ).select(pl.min_horizontal("_dataset_id", "_run") < pl.col(RECORDED_AT))
    return old & ~needed.to_series().fill_null(value=False)


def _earliest(frame: pl.LazyFrame, removals: pl.DataFrame, key: str) -> pl.DataFrame:
    """Give when the first row of each removed dataset or run was recorded."""
    ids = removals.select(key).drop_nulls().unique()
    wanted = frame.select(key, RECORDED_AT)
    if len(ids) <= 100:  # a plain condition lets whole files and row groups be passed over
        wanted = wanted.filter(pl.col(key).is_in(ids[key].implode()))
    else:
        wanted = wanted.join(ids.lazy(), on=key, how="semi")
    return collect(wanted.group_by(key).agg(pl.col(RECORDED_AT).min().alias("earliest")))


def files_with_removed_rows(snapshot: Snapshot, removals: pl.DataFrame, before: int) -> list[str]:
    """Name the files that are in order and hold rows that were removed before a moment.

    Parameters
    ----------
    snapshot
        A table of measurements.
    removals
        All rows of the table of removals.
    before
        TAI microseconds.

    Returns
    -------
    list of str
        Paths, as `Snapshot.files` has them.
    """
    old = removals.filter(pl.col(RECORDED_AT).cast(pl.Int64) < before)
    if old.is_empty():
        return []
    latest = {
        key: old.drop_nulls(key).group_by(key).agg(pl.col(RECORDED_AT).max().alias("removed_at"))
        for key in ("dataset_id", "run")
    }
    found = []
    for path in snapshot.files.filter(pl.col(STATE) == MERGED)["path"]:
        frame = snapshot.scan((MERGED,), paths=[path])
        for key, removed in latest.items():
            if removed.is_empty():
                continue
            rows = frame.select(key, RECORDED_AT).join(removed.lazy(), on=key)
            if collect(rows.filter(pl.col("removed_at") > pl.col(RECORDED_AT)).select(pl.len())).item():
                found.append(path)
                break
    return found
