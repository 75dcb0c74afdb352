"""Vocabularies and policies that the log holds."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from gnomon.annotations.cuts import Cut
from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.storage import bulk, schema
from gnomon.annotations.storage.names import Names

__all__ = ["Definition", "count", "read", "write"]

_COLUMNS = tuple(column.name for column in schema.definition.columns)


class Definition(NamedTuple):
    """One vocabulary or policy as an event has it."""

    kind: str
    label: str
    document: object


def write(connection: Connection, names: Names, events: Iterable[Event]) -> None:
    """Write what events of kinds *vocabulary* and *policy* say.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of origins.
    events
        The events.
    """
    rows = [
        (
            event.kind,
            event.payload["label"],
            names.origin_number(connection, event.origin),
            event.origin_seq,
            event.hlc,
            canonical(event.payload["document"]),
        )
        for event in events
    ]
    bulk.insert(connection, schema.definition, _COLUMNS, rows)


def count(connection: Connection) -> int:
    """Count them, which tells whether something was laid down since.

    Parameters
    ----------
    connection
        Any transaction.

    Returns
    -------
    int
        How many there are.
    """
    return int(bulk.query(connection, "SELECT count(*) FROM definition")[0][0])


def read(connection: Connection, names: Names, cut: Cut | None) -> list[Definition]:
    """Read them.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    cut
        Which events count; None means all.

    Returns
    -------
    list of Definition
        In the order in which they were laid down; of two that claim one label, the first.
    """
    rows = connection.execute(select(schema.definition)).all()
    names.refresh(connection, origins={row.origin for row in rows})
    found: dict[tuple[str, str], Definition] = {}
    for row in sorted(rows, key=lambda row: (row.hlc, names.origins[row.origin], row.seq)):
        if cut is None or cut.holds(names.origins[row.origin], row.seq):
            definition = Definition(row.kind, row.label, json.loads(row.document))
            found.setdefault((row.kind, row.label), definition)
    return list(found.values())
