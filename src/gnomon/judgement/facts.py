"""Whether facts of many rows meet what terms of queries ask, all at once.

The answers are those of `gnomon.definitions.metadata_query.meets`, which looks at one fact.
"""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.definitions.metadata_query import is_condition
from gnomon.judgement.wording import encodable

__all__ = ["hold"]

_ORDER: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "min": lambda fact, bound: fact >= bound,
    "max": lambda fact, bound: fact <= bound,
    "above": lambda fact, bound: fact > bound,
    "below": lambda fact, bound: fact < bound,
}


def hold(
    facts: pl.Series, which: npt.NDArray[np.intp], wanted: Sequence[Any], *, untyped: bool
) -> npt.NDArray[np.bool_]:
    """Say which facts are what is asked of them.

    Parameters
    ----------
    facts
        Integers or strings of one term, without nulls.
    which
        For each fact, the index of what is asked of it.
    wanted
        Plain values and conditions.
    untyped
        Whether the facts are strings because they are kept so, whatever they are: then a number is what it
        is written like.

    Returns
    -------
    numpy.ndarray of bool
        One for each fact. A fact of another type than what is asked does not meet it.
    """
    conditions = [value if is_condition(value) else {} for value in wanted]
    keys = set[str]().union(*conditions)
    plain = [
        None if condition else _as(value, facts.dtype, untyped)
        for value, condition in zip(wanted, conditions, strict=True)
    ]
    asks = np.array([bool(condition) for condition in conditions], dtype=np.bool_)[which]
    frame = pl.DataFrame({"fact": facts, "which": pl.Series(which, dtype=pl.Int64)})
    kind = pl.String if facts.dtype == pl.String else pl.Float64
    held = _equal(frame, pl.Series("wanted", plain, dtype=kind)).to_numpy() | asks
    for key, compare in _ORDER.items():
        if key in keys:
            held &= _ordered(frame, [condition.get(key) for condition in conditions], compare, untyped)
    for key in ("in", "not_in"):
        if key in keys:
            choices = [condition.get(key) for condition in conditions]
            held &= _members(frame, choices, key == "in", untyped)
    if "like" in keys:
        held &= _like(frame, [condition.get("like") for condition in conditions])
    return np.asarray(held)


def _equal(frame: pl.DataFrame, column: pl.Series) -> pl.Series:
    return (frame["fact"] == column.gather(frame["which"])).fill_null(value=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as(value: Any, kind: pl.DataType, untyped: bool) -> Any:
    """Give a plain value in the type of the facts; `None`, which nothing equals, where it has another."""
    if kind == pl.String:
        return encodable(str(value)) if untyped or isinstance(value, str) else None
    return float(value) if isinstance(value, int | float) and abs(value) < 2**63 else None


def _ordered(
    frame: pl.DataFrame,
    bounds: list[Any],
    compare: Callable[[pl.Expr, pl.Expr], pl.Expr],
    untyped: bool,
) -> npt.NDArray[np.bool_]:
    numbers = pl.Series([float(b) if _is_number(b) else None for b in bounds], dtype=pl.Float64)
    texts = pl.Series([encodable(b) if isinstance(b, str) else None for b in bounds], dtype=pl.String)
    asked = np.array([b is not None for b in bounds], dtype=np.bool_)[frame["which"].to_numpy()]
    is_text = frame.schema["fact"] == pl.String
    fact = pl.col("fact")
    as_number = fact.cast(pl.Float64, strict=False) if untyped or not is_text else None
    frame = frame.with_columns(
        numbers.gather(frame["which"]).alias("_n"), texts.gather(frame["which"]).alias("_t")
    )
    answer = pl.lit(value=False)
    if as_number is not None:
        answer = answer | compare(as_number, pl.col("_n")).fill_null(value=False)
    if is_text:
        answer = answer | compare(fact, pl.col("_t")).fill_null(value=False)
    held = frame.select(answer.alias("held"))["held"].to_numpy()
    return np.asarray(held | ~asked)


def _members(frame: pl.DataFrame, choices: list[Any], wanted: bool, untyped: bool) -> npt.NDArray[np.bool_]:
    kind = frame.schema["fact"]
    key = pl.String if kind == pl.String else pl.Float64
    index: list[int] = []
    items: list[Any] = []
    for i, choice in enumerate(choices):
        for item in choice or ():
            # True is 1 in Python, but a flag is not a visit number.
            value = None if isinstance(item, bool) else _as(item, kind, untyped)
            if value is not None:
                index.append(i)
                items.append(value)
    lists = pl.DataFrame({"which": pl.Series(index, dtype=pl.Int64), "fact": pl.Series(items, dtype=key)})
    asked = np.array([choice is not None for choice in choices], dtype=np.bool_)[frame["which"].to_numpy()]
    found = frame.with_columns(pl.col("fact").cast(key)).join(
        lists.unique().with_columns(pl.lit(value=True).alias("_in")),
        on=["which", "fact"],
        how="left",
        maintain_order="left",
    )["_in"]
    is_in = found.fill_null(value=False).to_numpy()
    return np.asarray((is_in == wanted) | ~asked)


def _like(frame: pl.DataFrame, patterns: list[Any]) -> npt.NDArray[np.bool_]:
    asked = np.array([pattern is not None for pattern in patterns], dtype=np.bool_)[frame["which"].to_numpy()]
    if frame.schema["fact"] != pl.String:
        return np.asarray(~asked)
    # The names of instruments, filters and runs are few, however many rows there are.
    distinct = frame.filter(pl.Series(asked)).unique()
    answers = [
        fnmatch.fnmatchcase(fact, patterns[which])
        for fact, which in distinct.select("fact", "which").iter_rows()
    ]
    found = frame.join(
        distinct.with_columns(pl.Series("_like", answers, dtype=pl.Boolean)),
        on=["fact", "which"],
        how="left",
        maintain_order="left",
    )["_like"]
    return np.asarray(found.fill_null(value=False).to_numpy() | ~asked)
