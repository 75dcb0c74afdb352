"""Observations in the tables."""

import json
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, tuple_

from gnomon.annotations.log.events import Event, canonical
from gnomon.annotations.observations import Observation
from gnomon.annotations.storage import bulk, schema
from gnomon.annotations.storage.names import Names

__all__ = ["next_after", "previous_before", "read", "write"]

_COLUMNS = tuple(column.name for column in schema.observation.columns)


def write(connection: Connection, names: Names, events: Iterable[Event]) -> None:
    """Write what events of kind *observe* say: of each exposure, what the last one by the clock says.

    Parameters
    ----------
    connection
        A writing transaction.
    names
        The numbers of origins.
    events
        The events.
    """
    latest: dict[tuple[str, str], tuple[tuple[int, str, int], Observation]] = {}
    for event in events:
        rank = (event.hlc, event.origin, event.origin_seq)
        for values in event.payload["observations"]:
            observation = Observation.from_dict(values)
            key = (observation.instrument, observation.obs_id)
            if key not in latest or latest[key][0] <= rank:
                latest[key] = (rank, observation)
    columns = schema.observation.c
    for chunk in batched(list(latest), 500):
        known = connection.execute(
            select(columns.instrument, columns.obs_id, columns.hlc, columns.origin, columns.seq).where(
                tuple_(columns.instrument, columns.obs_id).in_(chunk)
            )
        ).all()
        names.refresh(connection, origins={row.origin for row in known})
        for row in known:
            if (row.hlc, names.origins[row.origin], row.seq) > latest[row.instrument, row.obs_id][0]:
                del latest[row.instrument, row.obs_id]
        old = [key for key in chunk if key in latest]
        if old:
            connection.execute(
                delete(schema.observation).where(tuple_(columns.instrument, columns.obs_id).in_(old))
            )
    rows = [
        (
            o.instrument, o.obs_id, hlc, names.origin_number(connection, origin), seq, o.exposure, o.day_obs,
            o.seq_num, o.begin, o.end, o.type, canonical(o.to_dict()),
        )
        for (hlc, origin, seq), o in latest.values()
    ]  # fmt: skip
    bulk.insert(connection, schema.observation, _COLUMNS, rows)


def read(connection: Connection, *conditions: ColumnElement[bool]) -> list[Observation]:
    """Read observations by the time at which they began.

    Parameters
    ----------
    connection
        Any transaction.
    *conditions
        Which ones, on the columns of `gnomon.annotations.storage.schema.observation`.

    Returns
    -------
    list of Observation
        Those without a time last.
    """
    columns = schema.observation.c
    order: Sequence[Any] = (columns.begin.asc().nulls_last(), columns.instrument, columns.obs_id)
    query = select(columns.body).where(*conditions).order_by(*order)
    return [Observation.from_dict(json.loads(body)) for body in connection.execute(query).scalars()]


def next_after(connection: Connection, instrument: str, moment: int) -> Observation | None:
    """Give the first observation that begins at a moment or later.

    Parameters
    ----------
    connection
        Any transaction.
    instrument
        Of which instrument.
    moment
        TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    Observation or None
        None if there is none yet.
    """
    columns = schema.observation.c
    query = (
        select(columns.body)
        .where(columns.instrument == instrument, columns.begin >= moment)
        .order_by(columns.begin, columns.obs_id)
        .limit(1)
    )
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else Observation.from_dict(json.loads(body))


def previous_before(connection: Connection, instrument: str, moment: int) -> Observation | None:
    """Give the last observation that began before a moment.

    Parameters
    ----------
    connection
        Any transaction.
    instrument
        Of which instrument.
    moment
        TAI microseconds since 1970-01-01 TAI.

    Returns
    -------
    Observation or None
        None if there is none.
    """
    columns = schema.observation.c
    query = (
        select(columns.body)
        .where(columns.instrument == instrument, columns.begin < moment)
        .order_by(columns.begin.desc(), columns.obs_id.desc())
        .limit(1)
    )
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else Observation.from_dict(json.loads(body))
