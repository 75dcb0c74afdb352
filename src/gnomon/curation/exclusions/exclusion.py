"""One reason for leaving something out."""

import uuid
from collections.abc import Iterable
from typing import Literal, NamedTuple

import pyarrow as pa

from gnomon.annotations import EffectiveFlag, Target

__all__ = ["COLUMNS", "Exclusion", "RuleName", "table_of"]

RuleName = Literal["exclude-flag", "require-flag", "exclude-tag", "require-metric", "inherited"]
"""The rules, as they are shown and recorded."""

COLUMNS = pa.schema(
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("by", pa.string(), nullable=False),
        pa.field("by_kind", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("annotation_id", pa.string()),
        # The Butler's formatter of tables takes no lists of text.
        pa.field("causes", pa.string(), nullable=False),
    ]
)
"""The columns of a table of exclusions."""


class Exclusion(NamedTuple):
    """Why something is left out; a tuple, since a survey has a hundred thousand of them.

    Parameters
    ----------
    rule
        By which rule.
    name
        The flag, tag or condition.
    target
        Of what it was said: the thing itself, or what contains it, such as its visit. Of a required flag or
        metric the dataset or record that lacks it.
    by
        Whose word it is: the name of a person or program; empty where nobody spoke.
    by_kind
        ``human``, ``bot`` or ``pipeline``; ``metrics`` for what the store says; empty where nobody spoke.
    reason
        Why.
    annotation_id
        The annotation that says so, if one does.
    causes
        The flags from which it follows, of virtual and inherited flags.
    """

    rule: RuleName
    name: str
    target: Target
    by: str = ""
    by_kind: str = ""
    reason: str = ""
    annotation_id: uuid.UUID | None = None
    causes: tuple[EffectiveFlag, ...] = ()

    def __hash__(self) -> int:
        return hash((self.rule, self.name, self.target.key))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Exclusion)
            and (self.rule, self.name, self.target.key, self.by, self.reason, self.annotation_id)
            == (other.rule, other.name, other.target.key, other.by, other.reason, other.annotation_id)
        )  # fmt: skip

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __str__(self) -> str:
        word = f" by {self.by}" if self.by else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.rule} {self.name} at {self.target}{word}{reason}"


def table_of(exclusions: Iterable[Exclusion]) -> pa.Table:
    """Write exclusions as a table.

    Parameters
    ----------
    exclusions
        Any.

    Returns
    -------
    pyarrow.Table
        With `COLUMNS`.
    """
    rows = [
        (
            one.rule,
            one.name,
            one.target.key,
            one.by,
            one.by_kind,
            one.reason,
            None if one.annotation_id is None else str(one.annotation_id),
            "; ".join(f"{cause.target} {cause.flag} by {cause.by.name}" for cause in one.causes),
        )
        for one in exclusions
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, COLUMNS, strict=True)], COLUMNS
    )
