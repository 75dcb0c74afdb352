"""Conditions on annotations, as SQL."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, Select, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from gnomon import dataids, times
from gnomon.annotations import checks
from gnomon.annotations.conditions import Conditions
from gnomon.annotations.model import ActorKind, AnnotationState, AssertedState
from gnomon.annotations.storage import bulk, resolutions, schema, text_index
from gnomon.annotations.storage.names import Names
from gnomon.annotations.targets import Target, TargetKind
from gnomon.annotations.vocabulary import Vocabulary
from gnomon.errors import AnnotationError, nearest

__all__ = ["query"]

_INT64 = 2**63
_KNOWN = Conditions.__annotations__.keys() | {"_live"}
# From how many assertions of a flag on a page is looked through one by one, instead of listing them all.
_MANY = 5000


def query(
    connection: Connection,
    names: Names,
    asked: Conditions,
    *,
    vocabulary: Vocabulary,
    limit: int | None,
    after: str | None,
    newest: bool,
) -> Select[Any]:
    """Translate a search.

    Parameters
    ----------
    connection
        Any transaction.
    names
        The numbers of origins.
    asked
        The conditions.
    vocabulary
        The flags that there are.
    limit, after, newest
        As of `gnomon.annotations.Annotations.search`.

    Returns
    -------
    sqlalchemy.Select
        Rows of ``annotation``, one more than ``limit`` if there are.

    Raises
    ------
    AnnotationError
        If a condition cannot be one.
    """
    dialect = connection.dialect.name
    table = schema.annotation
    given: dict[str, Any] = dict(asked)
    state_given = given.get("state") is not None
    if not given.pop("include_retracted", False) and not state_given:
        given["_live"] = True
    if given.get("flag") is None and given.get("flag_state") is not None:
        raise AnnotationError("A state of a flag can only be asked for together with the flag.")
    flag_state = given.pop("flag_state", None)
    conditions: list[ColumnElement[bool]] = []
    piece, words = given.pop("text", None), given.pop("words", None)
    source: Any = table
    place: Any = table.c.made
    if piece is not None and checks.text(piece, "text"):
        conditions += text_index.holds(piece, dialect)
    found = None if words is None else text_index.words(checks.text(words, "words"))
    if words is not None and not found:
        raise AnnotationError(f"There is no word in {words!r}: letters, digits or underscores are expected.")
    if dialect == "sqlite":
        for index, match in text_index.matching(piece, found):
            source = source.join(index, index.c.rowid == table.c.made)
            conditions.append(match)
            # Walking along the index gives the order of time without sorting what matches.
            place = index.c.rowid
    elif found:
        conditions += text_index.holds_words(found)
    # What a text search finds is looked up one by one; otherwise whatever has the flag or tag is listed.
    searched = dialect == "sqlite" and source is not table
    for name, value in given.items():
        if name not in _KNOWN:
            raise AnnotationError(f"{name!r} is not a condition of a search.{nearest(name, _KNOWN)}")
        if value is None:
            continue
        if name in ("target", "targets"):
            conditions.append(_about(connection, names, [value] if name == "target" else value))
        elif name == "flag":
            flag = vocabulary.check(value)
            look_up = searched or (dialect == "sqlite" and limit is not None and _frequent(connection, flag))
            conditions.append(_member(_asserting(flag, flag_state), look_up))
        elif name in ("tag", "tags"):
            conditions.append(_member(_tagged([value] if name == "tag" else value), searched))
        elif name == "data_id":
            conditions.append(_data_id(value, dialect))
        else:
            conditions.append(_MAKERS[name](value))
    if after is not None:
        key = _token(after)
        conditions.append(place < key if newest else place > key)
    result = select(table).select_from(source).where(*conditions)
    result = result.order_by(place.desc() if newest else place)
    return result if limit is None else result.limit(limit + 1)


def _token(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{1,16}", value) or int(value, 16) >= _INT64:
        raise AnnotationError(f"{value!r} is not what a page gave as the place of the next one.")
    return int(value, 16)


def _about(connection: Connection, names: Names, targets: Iterable[Target]) -> ColumnElement[bool]:
    keys = []
    for target in targets:
        if not isinstance(target, Target):
            raise AnnotationError(f"{target!r} is not a target; make one with Target.dimension and the like.")
        keys.append(target.key)
    same = resolutions.spread(connection, names, keys, None)
    columns = schema.target.c
    wanted = keys if same is None else list(same)
    return schema.annotation.c.made.in_(select(columns.made).where(columns.key.in_(wanted)))


def _asserting(flag: str, state: object) -> Select[Any]:
    columns = schema.assertion.c
    asserting = select(columns.made).where(columns.flag == flag, columns.live)
    if state is not None:
        asserting = asserting.where(
            columns.state == _one_of(state, get_args(AssertedState), "state of a flag")
        )
    return asserting


def _frequent(connection: Connection, flag: str) -> bool:
    """Say whether so much has a flag that a page is full before all that has it is listed."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM assertion WHERE flag = ? LIMIT {_MANY}) AS some"
    return bool(bulk.query(connection, query, flag)[0][0] == _MANY)


def _member(selected: Select[Any], searched: bool) -> ColumnElement[bool]:
    made = schema.annotation.c.made
    if not searched:
        return made.in_(selected)
    (column,) = selected.selected_columns
    return selected.where(column == made).correlate(schema.annotation).exists()


def _data_id(values: Mapping[str, int | str], dialect: str) -> ColumnElement[bool]:
    dataids.check_dimensions(values)
    body = schema.target.c.body
    parts: list[ColumnElement[bool]] = []
    for name, value in values.items():
        if dialect == "sqlite":
            parts.append(func.json_extract(body, f"$.data_id.{name}") == value)
        else:
            found = func.jsonb_extract_path_text(cast(body, JSONB), "data_id", name)
            parts.append(found == str(value))
    return schema.annotation.c.made.in_(select(schema.target.c.made).where(*parts))


def _of_target(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return schema.annotation.c.made.in_(select(schema.target.c.made).where(*conditions))


def _during(value: object) -> ColumnElement[bool]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise AnnotationError(f"A stretch of time is given by its two moments, not by {value!r}.")
    begin, end = (checks.moment(moment, "moment") for moment in value)
    columns = schema.target.c
    return _of_target(columns.begin < end, columns.end > begin)


def _tagged(values: Iterable[str]) -> Select[Any]:
    return select(schema.tag.c.made).where(schema.tag.c.tag.in_(checks.tags(values)))


def _actors(**values: str) -> Any:
    columns = schema.actor.c
    return select(columns.no).where(*(columns[name] == value for name, value in values.items()))


def _actor(name: object) -> ColumnElement[bool]:
    label = checks.label(name, "actor")
    columns = schema.event.c
    edited = select(columns.annotation_id).where(columns.kind == "edit", columns.actor == label)
    return or_(schema.annotation.c.creator.in_(_actors(name=label)), schema.annotation.c.id.in_(edited))


def _resolved(value: object) -> ColumnElement[bool]:
    column = schema.annotation.c.resolution
    return column != "" if value else column == ""


def _lost(value: object) -> ColumnElement[bool]:
    kind = _one_of(value, ("weather", "fault"), "kind of lost time")
    return schema.annotation.c.time_lost.contains(f'"kind":"{kind}"', autoescape=True)


def _attached(value: object) -> ColumnElement[bool]:
    column = schema.annotation.c.attachments
    return column != "[]" if value else column == "[]"


def _one_of(value: object, among: Iterable[str], what: str) -> str:
    words = list(among)
    if value not in words:
        raise AnnotationError(f"{value!r} is no {what}.{nearest(str(value), words)}")
    return str(value)


def _moment(value: Any) -> int:
    return checks.moment(value if isinstance(value, int) else times.to_tai_us(value), "moment")


def _ids(values: Iterable[Any]) -> ColumnElement[bool]:
    ids = [checks.identifier(value, "an annotation") for value in checks.several(values, "ids")]
    return schema.annotation.c.id.in_(ids)


_a = schema.annotation.c
_MAKERS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "_live": lambda _: _a.state != "retracted",
    "ids": _ids,
    "kind": lambda v: _of_target(schema.target.c.kind == _one_of(v, get_args(TargetKind), "kind of target")),
    "instrument": lambda v: _of_target(schema.target.c.instrument == checks.label(v, "instrument")),
    "during": _during,
    "exclude_tags": lambda v: ~_a.made.in_(_tagged(v)),
    "url": lambda v: _a.urls.contains(checks.text(v, "link"), autoescape=True),
    "actor": _actor,
    "actor_kind": lambda v: _a.creator.in_(_actors(kind=_one_of(v, get_args(ActorKind), "kind of actor"))),
    "agent": lambda v: _a.creator.in_(_actors(agent=checks.label(v, "agent"))),
    "min_level": lambda v: _a.level >= checks.level(v),
    "max_level": lambda v: _a.level < checks.level(v),
    "since": lambda v: _a.created_at >= _moment(v),
    "until": lambda v: _a.created_at < _moment(v),
    "state": lambda v: _a.state == _one_of(v, get_args(AnnotationState), "state of an annotation"),
    "thread": lambda v: or_(
        _a.thread == checks.identifier(v, "an annotation"), _a.id == checks.identifier(v, "an annotation")
    ),
    "reply_to": lambda v: _a.reply_to == checks.identifier(v, "an annotation"),
    "assignee": lambda v: _a.assignee == checks.label(v, "assignee"),
    "resolved": _resolved,
    "time_lost": _lost,
    "has_attachments": _attached,
    "origin": lambda v: _a.origin.in_(
        select(schema.origin.c.no).where(schema.origin.c.name == checks.origin(v))
    ),
}
