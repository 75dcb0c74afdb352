"""What was asserted of many things at once, as rows for whoever weighs them."""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from gnomon.annotations.storage import bulk, events, resolutions
from gnomon.annotations.storage.annotations import MANY_PARENTS
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target

__all__ = [
    "AssertedRow",
    "asserted",
    "flags",
    "keys_with",
    "of_actors",
    "parents",
    "rows",
    "targets",
    "texts",
]

_ROWS = """
SELECT k.key, a.flag, a.state, a.version, a.reason, a.actor, a.recorded_at, a.text, a.annotation_id,
       a.event_id, a.hlc, a.origin, a.seq, a.live, a.parents, a.revised, a.made
FROM {{keys}} CROSS JOIN assertion AS a
WHERE a.target_key = k.value{flags}
"""
_OF_ACTORS = """
SELECT a.target_key, a.flag, a.state, a.version, a.reason, a.hlc, a.event_id, a.annotation_id, n.tags
FROM {keys} CROSS JOIN annotation AS n CROSS JOIN target AS t CROSS JOIN assertion AS a
WHERE n.creator = k.value AND t.made = n.made AND a.target_key = t.key AND a.made = n.made
  AND a.actor = k.value AND a.live
"""
_ASSERTED = """
SELECT a.target_key, a.flag, a.event_id, a.parents
FROM {{keys}} CROSS JOIN assertion AS a
WHERE a.target_key = k.value{flags}
"""


class AssertedRow(NamedTuple):
    """One row of `rows`, with the names of its columns; the first is the place among the keys asked about."""

    place: int
    flag: str
    state: str
    version: int
    reason: str
    actor: int
    recorded_at: int
    text: str | None
    annotation_id: Any
    event_id: Any
    hlc: int
    origin: int
    seq: int
    live: bool
    parents: str | None
    revised: bool
    made: int


def rows(
    connection: Connection, keys: Collection[str], flags: Sequence[str] | None
) -> Sequence[Sequence[Any]]:
    """Read everything that was ever asserted of some things.

    Parameters
    ----------
    connection
        Any transaction.
    keys
        Their keys.
    flags
        Of which flags; None means all.

    Returns
    -------
    sequence of rows
        In the order of the fields of `AssertedRow`, as the driver gives them.
    """
    return bulk.fetch(connection, _ROWS.format(flags=_among(flags)), keys, *(flags or ()), as_json=True)


def texts(connection: Connection, keys: Collection[int]) -> dict[int, str]:
    """Read the texts of annotations.

    Parameters
    ----------
    connection
        Any transaction.
    keys
        The keys of the annotations in this database.

    Returns
    -------
    dict
        The text of each.
    """
    query = "SELECT n.made, n.text FROM {keys} CROSS JOIN annotation AS n WHERE n.made = k.value"
    return {row[0]: row[1] for row in bulk.fetch(connection, query, keys)} if keys else {}


def flags(connection: Connection) -> list[str]:
    """Give the flags that were ever asserted.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    list of str
        By name.
    """
    # From each flag to the next along the index: there are few flags, and a million assertions.
    query = (
        "WITH RECURSIVE f(flag) AS (SELECT min(flag) FROM assertion UNION ALL "
        "SELECT (SELECT min(a.flag) FROM assertion AS a WHERE a.flag > f.flag) FROM f "
        "WHERE f.flag IS NOT NULL) "
        "SELECT flag FROM f WHERE flag IS NOT NULL"
    )
    return sorted(row[0] for row in bulk.query(connection, query))


def keys_with(connection: Connection, flags: Sequence[str]) -> list[str]:
    """Find the things of which some flags were ever asserted.

    Parameters
    ----------
    connection
        Any transaction.
    flags
        The flags.

    Returns
    -------
    list of str
        Their keys.
    """
    query = "SELECT DISTINCT a.target_key FROM {keys} CROSS JOIN assertion AS a WHERE a.flag = k.value"
    return [row[0] for row in bulk.fetch(connection, query, flags)]


def of_actors(connection: Connection, actors: Collection[int]) -> Sequence[Sequence[Any]]:
    """Read everything that some actors asserted and that counts.

    Parameters
    ----------
    connection
        Any transaction.
    actors
        Their numbers.

    Returns
    -------
    sequence of rows
        Target's key, flag, state, version, reason, clock, event, annotation, and its tags as JSON, as the
        driver gives them.
    """
    return bulk.fetch(connection, _OF_ACTORS, sorted(actors)) if actors else []


def targets(connection: Connection, keys: Collection[str]) -> dict[str, Target]:
    """Read what things are called.

    Parameters
    ----------
    connection
        Any transaction.
    keys
        Their keys.

    Returns
    -------
    dict
        The target for each key that some annotation is about.
    """
    query = (
        "SELECT t.key, min(t.body) FROM {keys} CROSS JOIN target AS t WHERE t.key = k.value GROUP BY t.key"
    )
    return {row[0]: Target.from_dict(json.loads(row[1])) for row in bulk.fetch(connection, query, keys)}


def asserted(
    connection: Connection, names: Names, keys: Iterable[str], flags: Sequence[str]
) -> dict[tuple[str, str], dict[uuid.UUID, frozenset[uuid.UUID]]]:
    """Say which events ever asserted some flags of some targets, and their parents.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    keys
        Keys of targets.
    flags
        Flags.

    Returns
    -------
    dict
        For each target and flag of which anything was said: the parents of each event that said it.
    """
    asked = list(keys)
    if not asked or not flags:
        return {}
    same = resolutions.spread(connection, names, asked, None)
    found = bulk.fetch(
        connection, _ASSERTED.format(flags=_among(flags)), asked if same is None else list(same), *flags
    )
    known = parents(connection, [(row[2], row[3]) for row in found])
    pairs: dict[tuple[str, str], dict[uuid.UUID, frozenset[uuid.UUID]]] = defaultdict(dict)
    for key, flag, raw, _ in found:
        event = as_uuid(raw)
        for meant in (key,) if same is None else same[key]:
            pairs[meant, flag][event] = known[event]
    return pairs


def parents(
    connection: Connection, told: Iterable[tuple[Any, str | None]]
) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Give the parents of events, from their rows where these have them.

    Parameters
    ----------
    connection
        Any transaction.
    told
        Ids of events as the driver gives them, each with what its row says of the parents.

    Returns
    -------
    dict
        The parents of each event.
    """
    result: dict[uuid.UUID, frozenset[uuid.UUID]] = {}
    elsewhere = set()
    for raw, text in told:
        event = as_uuid(raw)
        if text == MANY_PARENTS:
            elsewhere.add(event)
        elif event not in result:
            result[event] = frozenset(map(uuid.UUID, json.loads(text))) if text else frozenset()
    return result | events.parents_of(connection, elsewhere)


def as_uuid(raw: Any) -> uuid.UUID:
    """Read a UUID as the driver gives it.

    Parameters
    ----------
    raw
        A UUID, or its text.

    Returns
    -------
    uuid.UUID
        The UUID.
    """
    return raw if isinstance(raw, uuid.UUID) else uuid.UUID(raw)


def _among(flags: Sequence[str] | None) -> str:
    return "" if flags is None else f" AND a.flag IN ({', '.join('?' * len(flags))})"
