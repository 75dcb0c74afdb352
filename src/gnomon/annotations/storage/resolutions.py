"""Which record a pending observation became: one thing under two keys."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, select

from gnomon.annotations.cuts import Cut
from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.storage import bulk, schema
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target

__all__ = ["Resolution", "become", "spread", "unresolved", "write"]

_COLUMNS = tuple(column.name for column in schema.resolution.columns)
_PENDING = "pending:"
_SELECT = "SELECT r.pending_key, r.target_key, r.hlc, r.origin, r.seq, r.pending, r.target FROM {keys} "


class Resolution(NamedTuple):
    """What one event says that a pending observation became."""

    pending_key: str
    target_key: str
    hlc: int
    origin: int
    seq: int
    pending: str
    target: str


def write(connection: Connection, names: Names, events: Iterable[Event]) -> None:
    """Write what events of kind *resolve* say.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of origins.
    events
        The events.
    """
    rows = []
    for event in events:
        number = names.origin_number(connection, event.origin)
        for pair in event.payload["resolved"]:
            pending, target = Target.from_dict(pair["pending"]), Target.from_dict(pair["target"])
            rows.append(
                (
                    pending.key,
                    number,
                    event.origin_seq,
                    event.hlc,
                    target.key,
                    canonical(pending.to_dict()),
                    canonical(target.to_dict()),
                )
            )
    bulk.insert(connection, schema.resolution, _COLUMNS, rows)


def spread(
    connection: Connection, names: Names, keys: Collection[str], cut: Cut | None
) -> Mapping[str, list[str]] | None:
    """Say under which other keys the same things are spoken of.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    keys
        The keys that are asked about.
    cut
        Which events count; None means all.

    Returns
    -------
    mapping or None
        For each key in the tables, the keys asked about that mean the same; None if every key means itself.
    """
    if not bulk.query(connection, "SELECT 1 FROM resolution LIMIT 1"):
        return None
    asked = set(keys)
    records = set(asked)
    clause = "CROSS JOIN resolution AS r WHERE r.pending_key = k.value"
    became = _winners(connection, names, clause, [key for key in asked if key.startswith(_PENDING)], cut)
    records.update(found.target_key for found in became.values())
    candidates = _became_one_of(connection, records)
    if not became and not candidates:
        return None
    all_of_them = _winners(connection, names, clause, candidates, cut)
    group: dict[str, set[str]] = {record: {record} for record in records}
    for found in all_of_them.values():
        if found.target_key in group:
            group[found.target_key].add(found.pending_key)
    result: dict[str, list[str]] = {}
    for key in asked:
        record = became[key].target_key if key in became else key
        for member in group[record] | {key}:
            result.setdefault(member, []).append(key)
    return result


def become(
    connection: Connection, names: Names, keys: Collection[str], cut: Cut | None = None
) -> dict[str, Target]:
    """Say which records pending observations became.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    keys
        The keys of pending observations.
    cut
        Which events count; None means all.

    Returns
    -------
    dict
        The record of each that is known.
    """
    clause = "CROSS JOIN resolution AS r WHERE r.pending_key = k.value"
    found = _winners(connection, names, clause, keys, cut)
    return {key: Target.from_dict(json.loads(row.target)) for key, row in found.items()}


def unresolved(connection: Connection) -> list[Target]:
    """Give the pending observations that no event resolves.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    list of Target
        By key.
    """
    columns = schema.target.c
    query = (
        select(columns.key, columns.body)
        .where(
            columns.kind == "pending",
            columns.key.not_in(select(schema.resolution.c.pending_key)),
        )
        .distinct()
        .order_by(columns.key)
    )
    return [Target.from_dict(json.loads(row.body)) for row in connection.execute(query)]


def _became_one_of(connection: Connection, records: Collection[str]) -> set[str]:
    """Give the pending observations of which some event says that they became one of some records."""
    # Where more is asked about than was ever resolved, reading it all is quicker than as many look-ups.
    few = bulk.query(connection, f"SELECT pending_key, target_key FROM resolution LIMIT {len(records) + 1}")
    if len(few) <= len(records):
        return {pending for pending, record in few if record in records}
    query = _SELECT + "CROSS JOIN resolution AS r WHERE r.target_key = k.value"
    return {row[0] for row in bulk.fetch(connection, query, list(records))}


def _winners(
    connection: Connection, names: Names, clause: str, keys: Collection[str], cut: Cut | None
) -> dict[str, Resolution]:
    """Give for each pending observation the last resolution that counts: a later one corrects an earlier."""
    if not keys:
        return {}
    rows = [Resolution(*row) for row in bulk.fetch(connection, _SELECT + clause, list(keys))]
    names.refresh(connection, origins={row.origin for row in rows})
    result: dict[str, Resolution] = {}
    for row in sorted(rows, key=lambda row: (row.hlc, names.origins[row.origin], row.seq)):
        if cut is None or cut.holds(names.origins[row.origin], row.seq):
            result[row.pending_key] = row
    return result
