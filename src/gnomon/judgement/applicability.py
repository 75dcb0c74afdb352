"""Whether a specification applies to a row, and if not, which term of its query fails.

A term is looked up among the facts of the row, and where the row has none, in the metadata that all rows
share.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from gnomon.definitions import Specification
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS

__all__ = ["Applicability"]

_COLUMNS = (*DATA_ID_COLUMNS, "run", "dataset_type", "software")
_SHARED = "_unapplied"


class Applicability:
    """The queries of some specifications, made ready for a join with rows.

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
        self, frame: pl.DataFrame, specifications: Iterable[Specification], metadata: Mapping[str, Any]
    ) -> None:
        self._queries = [specification.metadata_query for specification in specifications]
        self._metadata = metadata
        asked = dict.fromkeys(term for query in self._queries for term in query)
        pairs = frame[OTHER_DIMENSIONS].drop_nulls().explode().struct.field("key")
        others = set(pairs.drop_nulls().unique())
        self._types = {
            term: frame.schema[term] if term in _COLUMNS else pl.String()
            for term in asked
            if term in _COLUMNS or term in others
        }

    def columns(self) -> dict[str, pl.Series]:
        """Give the columns that say for each specification what its query asks of a row.

        Returns
        -------
        dict
            From names that begin with an underscore to series, one item for each specification.
        """
        shared = [self._unmet(query, all_terms=False) for query in self._queries]
        columns = {_SHARED: pl.Series(_SHARED, shared, dtype=pl.String)}
        for term, kind in self._types.items():
            asks, absent, wanted = [], [], []
            for query in self._queries:
                asked = term in query
                asks.append(_asks(term, query[term]) if asked else None)
                absent.append(self._elsewhere(term, query[term]) if asked else None)
                wanted.append(_as(query[term], kind, term) if asked else None)
            for name, values, type_ in (
                ("asks", asks, pl.String()),
                ("absent", absent, pl.String()),
                ("wanted", wanted, pl.Float64() if kind != pl.String else pl.String()),
            ):
                columns[f"_{name}_{term}"] = pl.Series(values, dtype=type_)
        return columns

    def reason(self) -> pl.Expr:
        """Give the expression for why a specification does not apply to a row.

        Returns
        -------
        polars.Expr
            The first reason, over rows joined with `columns`; null where it applies.
        """
        reasons = []
        for term in self._types:
            fact = pl.col(term) if term in _COLUMNS else _other(term)
            holds = fact.eq_missing(pl.col(f"_wanted_{term}"))
            asks = pl.col(f"_asks_{term}")
            reasons.append(
                pl.when(asks.is_null())
                .then(None)
                .when(fact.is_null())
                .then(pl.col(f"_absent_{term}"))
                .when(~holds)
                .then(pl.format("{}; it is {}", asks, fact))
            )
        return pl.coalesce([*reasons, pl.col(_SHARED)])

    def unmeasured(self, index: int) -> str | None:
        """Say why a specification without measurements does not apply at all.

        Parameters
        ----------
        index
            Which of the specifications.

        Returns
        -------
        str or None
            The term that the shared metadata contradict; `None` if they do not.
        """
        query, metadata = self._queries[index], self._metadata
        against = {term: value for term, value in query.items() if term in metadata}
        return self._unmet(against, all_terms=True)

    def _unmet(self, query: Mapping[str, Any], *, all_terms: bool) -> str | None:
        for term, wanted in query.items():
            if not all_terms and term in self._types:
                continue
            if (reason := self._elsewhere(term, wanted)) is not None:
                return reason
        return None

    def _elsewhere(self, term: str, wanted: Any) -> str | None:
        if term not in self._metadata:
            return f"{_asks(term, wanted)}; that is not known"
        if self._metadata[term] == wanted:
            return None
        return f"{_asks(term, wanted)}; it is {self._metadata[term]}"


def _asks(term: str, wanted: Any) -> str:
    return f"asks for {term} = {wanted}"


def _other(term: str) -> pl.Expr:
    pairs = pl.element().filter(pl.element().struct.field("key") == term)
    return pl.col(OTHER_DIMENSIONS).list.eval(pairs.struct.field("value")).list.first()


def _as(wanted: Any, kind: pl.DataType, term: str) -> Any:
    """Give what is asked in the type of the fact; `None`, which nothing equals, where it has another type."""
    if kind == pl.String:
        # The map keeps every dimension as a string, whatever it is.
        return str(wanted) if isinstance(wanted, str) or term not in _COLUMNS else None
    return float(wanted) if isinstance(wanted, int | float) and not isinstance(wanted, bool) else None
