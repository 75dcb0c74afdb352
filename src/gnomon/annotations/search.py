"""Conditions on annotations, as SQL."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from gnomon.annotations import checks, schema
from gnomon.annotations.targets import Target

__all__ = ["conditions"]


def conditions(
    *,
    target: Target | None,
    flag: str | None,
    tag: str | None,
    actor: str | None,
    text: str | None,
    include_retracted: bool,
    dialect: str,
) -> list[ColumnElement[bool]]:
    """Translate a search.

    Parameters
    ----------
    target, flag, tag, actor, text, include_retracted
        As in `gnomon.annotations.Annotations.search`.
    dialect
        ``sqlite`` or ``postgresql``.

    Returns
    -------
    list
        Conditions on `gnomon.annotations.schema.annotation`, all of which are to hold.

    Raises
    ------
    AnnotationError
        If a tag, an actor or a text cannot be one.
    """
    columns = schema.annotation.c
    result: list[ColumnElement[bool]] = []
    if not include_retracted:
        result.append(columns.state != "retracted")
    if target is not None:
        about = select(schema.target.c.annotation_id).where(schema.target.c.key == target.key)
        result.append(columns.id.in_(about))
    if flag is not None:
        asserting = select(schema.assertion.c.annotation_id).where(
            schema.assertion.c.flag == flag, schema.assertion.c.live
        )
        result.append(columns.id.in_(asserting))
    if tag is not None:
        # Tags hold no quotation mark, so that one in quotes is found as a whole in the list's JSON.
        result.append(columns.tags.contains(f'"{checks.tags([tag])[0]}"', autoescape=True))
    if actor is not None:
        written = select(schema.event.c.annotation_id).where(
            schema.event.c.actor == checks.label(actor, "actor"), schema.event.c.kind != "retract"
        )
        result.append(columns.id.in_(written))
    if text is not None:
        # Not LIKE, which has wildcards, and ignores case on one database only.
        place: Any = func.instr if dialect == "sqlite" else func.strpos
        result.append(place(columns.text, checks.text(text, "text")) > 0)
    return result
