"""Whether specifications apply to rows, and if not, which term of the query fails.

A term is looked up among the facts of the row, and where the row has none, in the metadata that all rows
share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.dataids import REQUIRED
from gnomon.definitions import Specification
from gnomon.definitions.metadata_query import meets, words
from gnomon.judgement.facts import hold
from gnomon.judgement.wording import encodable
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["Applicability", "Unmet", "other_dimension"]

_COLUMNS = (*DATA_ID_COLUMNS, "run", "dataset_type", "software")
_LONGEST = 80
_NONE = -1
_FOUND = {"pair": pl.Int64, "position": pl.Int64, "term": pl.String, "reason": pl.String}


@dataclass(frozen=True, slots=True, eq=False)
class Unmet:
    """Pairs of a specification and a row of which the one does not apply to the other.

    Attributes
    ----------
    mask
        Which of the pairs these are.
    term
        For each of them, the first term of the query that fails.
    reason
        What that asks for, and what was found.
    """

    mask: npt.NDArray[np.bool_]
    term: pl.Series
    reason: pl.Series


class Applicability:
    """The queries of some specifications, to be held against rows.

    Parameters
    ----------
    frame
        The rows, with all columns in which a term is looked up.
    specifications
        Whose queries.
    metadata
        Facts about all the rows.
    """

    def __init__(
        self, frame: pl.DataFrame, specifications: Sequence[Specification], metadata: Mapping[str, Any]
    ) -> None:
        self._frame = frame
        asked = {term for specification in specifications for term in specification.metadata_query}
        self._metadata = {term: metadata[term] for term in asked if term in metadata}
        entries = frame[OTHER_DIMENSIONS].drop_nulls().explode().struct.field("key")
        others = set(entries.drop_nulls().unique())
        told = {name for name in _COLUMNS if frame[name].null_count() < len(frame)}
        in_rows = {term for term in asked if term in told or term in others}
        # Every term that rows can answer stands in these lists once for each specification that has it.
        self._terms = sorted(in_rows)
        code = {term: i for i, term in enumerate(self._terms)}
        self._term: list[int] = []
        self._position: list[int] = []
        self._wanted: list[Any] = []
        counts = np.zeros(len(specifications), dtype=np.int64)
        shared: list[_Failure] = []
        bare: list[_Failure] = []
        for i, specification in enumerate(specifications):
            first = alone = _Failure()
            for position, (term, wanted) in enumerate(specification.metadata_query.items()):
                answered = term in in_rows
                if answered:
                    self._term.append(code[term])
                    self._position.append(position)
                    self._wanted.append(wanted)
                    counts[i] += 1
                # Where there is no row, one might have told of any dimension.
                could_be = term not in self._metadata and (term in _COLUMNS or _is_dimension(term))
                if answered and could_be:
                    continue
                if (reason := self._elsewhere(term, wanted)) is not None:
                    if not answered and first.reason is None:
                        first = _Failure(position, encodable(term), reason)
                    if not could_be and alone.reason is None:
                        alone = _Failure(position, encodable(term), reason)
            shared.append(first)
            bare.append(alone)
        self._counts = counts
        self._starts = np.cumsum(counts) - counts
        self._shared = _as_frame(shared)
        self._bare = _as_frame(bare)

    def unmet(self, order: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> Unmet:
        """Say which specifications do not apply to which rows.

        Parameters
        ----------
        order
            For each pair, which of the specifications.
        row
            Which of the rows; negative where the specification's metric was not measured.

        Returns
        -------
        Unmet
            The pairs that do not fit.
        """
        measured = row >= 0
        found = [
            _of_pairs(self._shared, order, measured),
            _of_pairs(self._bare, order, ~measured),
            *self._in_rows(order, row),
        ]
        failures = (
            pl.concat(found)
            .sort("pair", "position", maintain_order=True)
            .unique("pair", keep="first", maintain_order=True)
        )
        mask = np.zeros(len(order), dtype=np.bool_)
        mask[failures["pair"].to_numpy()] = True
        return Unmet(mask, failures["term"], failures["reason"])

    def _in_rows(self, order: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> list[pl.DataFrame]:
        """Hold every term that rows can answer against the rows, a term at a time."""
        counts = np.where(row >= 0, self._counts[order], 0)
        pair = np.repeat(np.arange(len(order)), counts)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        asked = self._starts[order][pair] + within
        terms = np.array(self._term, dtype=np.int64)[asked]
        by_term = np.argsort(terms, kind="stable")
        ends = np.searchsorted(terms[by_term], np.arange(len(self._terms) + 1))
        return [
            self._of_term(term, asked[chosen], pair[chosen], row[pair[chosen]])
            for i, term in enumerate(self._terms)
            if len(chosen := by_term[ends[i] : ends[i + 1]])
        ]

    def _of_term(
        self,
        term: str,
        asked: npt.NDArray[np.int64],
        pair: npt.NDArray[np.int64],
        row: npt.NDArray[np.int64],
    ) -> pl.DataFrame:
        column = (
            self._frame[term] if term in _COLUMNS else self._frame.select(other_dimension(term)).to_series()
        )
        facts = column.gather(row)
        distinct, which = np.unique(asked, return_inverse=True)
        wanted = [self._wanted[i] for i in distinct]
        positions = np.array(self._position, dtype=np.int64)[asked]
        there = facts.is_not_null().to_numpy()
        bad = there.copy()
        bad[there] = ~hold(facts.drop_nulls(), which[there], wanted, untyped=term not in _COLUMNS)
        asks = pl.Series([_asks(term, value) for value in wanted], dtype=pl.String)
        against = pl.DataFrame(
            {
                "pair": pair[bad],
                "position": positions[bad],
                "asks": asks.gather(which[bad]),
                "fact": facts.filter(pl.Series(bad)).cast(pl.String),
            }
        ).select(
            "pair",
            "position",
            pl.lit(term).alias("term"),
            pl.format("{}; it is {}", "asks", "fact").alias("reason"),
        )
        if there.all():
            return against
        absent = ~there
        elsewhere = pl.Series([self._elsewhere(term, value) for value in wanted], dtype=pl.String)
        unknown = pl.DataFrame(
            {"pair": pair[absent], "position": positions[absent], "reason": elsewhere.gather(which[absent])}
        ).drop_nulls("reason")
        return pl.concat([against, unknown.select("pair", "position", pl.lit(term).alias("term"), "reason")])

    def _elsewhere(self, term: str, wanted: Any) -> str | None:
        if term not in self._metadata:
            return f"{_asks(term, wanted)}; that is not known"
        fact = self._metadata[term]
        try:
            if meets(fact, wanted):
                return None
        except (TypeError, ValueError):
            pass  # an array, for one, is neither equal nor different
        shown = encodable(str(fact))
        return f"{_asks(term, wanted)}; it is {shown[:_LONGEST]}{'…' * (len(shown) > _LONGEST)}"


def _asks(term: str, wanted: Any) -> str:
    return encodable(f"asks for {words(term, wanted)}")


def _is_dimension(term: str) -> bool:
    return term.rstrip("0123456789") in REQUIRED


class _Failure(NamedTuple):
    position: int = _NONE
    term: str | None = None
    reason: str | None = None


def _as_frame(failures: list[_Failure]) -> pl.DataFrame:
    schema = {name: kind for name, kind in _FOUND.items() if name != "pair"}
    columns = zip(*failures, strict=True) if failures else ((), (), ())
    return pl.DataFrame(dict(zip(schema, map(list, columns), strict=True)), schema=schema)


def _of_pairs(
    failures: pl.DataFrame, order: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]
) -> pl.DataFrame:
    """Give the failures of specifications as those of some of their pairs."""
    pair = np.flatnonzero(mask & (failures["position"].to_numpy() >= 0)[order])
    return failures[order[pair]].select(pl.Series("pair", pair, dtype=pl.Int64), *failures.columns)


def other_dimension(term: str) -> pl.Expr:
    """Give the values of a dimension that has no column of its own.

    Parameters
    ----------
    term
        Its name.

    Returns
    -------
    polars.Expr
        Strings; null where a row does not have it.
    """
    pairs = pl.element().filter(pl.element().struct.field("key") == term)
    return pl.col(OTHER_DIMENSIONS).list.eval(pairs.struct.field("value")).list.first()
