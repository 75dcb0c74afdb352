"""Edges from a product's own table of what went into it.

A coadd comes with a table of its inputs, one row each: data IDs, or UUIDs. What stands there was *used*, of
all that the task was given. The table names no dataset type, so that its rows are compared with what the
product is known to have been made from: its parents of whatever kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from gnomon.dataids import REQUIRED, required, takes_integer
from gnomon.errors import LineageError
from gnomon.repository.lineage.edges import EDGES, data_id_of, identifier
from gnomon.repository.lineage.lineage import Lineage

__all__ = ["InputTable", "edges_from_table"]

_ID_COLUMNS = ("dataset_id", "id", "uuid")


@dataclass(frozen=True)
class InputTable:
    """That the datasets of one type are tables of what went into those of another.

    Attributes
    ----------
    product
        The type of what was made.
    table
        The type of the tables; each belongs to the product with the same data ID in the same run.
    inputs
        The types of datasets that its rows stand for; empty if all that fit are meant.
    """

    product: str
    table: str
    inputs: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one from a text.

        Parameters
        ----------
        text
            ``PRODUCT=TABLE`` or ``PRODUCT=TABLE:INPUT,INPUT``, all of them dataset types.

        Returns
        -------
        InputTable
            What it says.

        Raises
        ------
        LineageError
            If it is not of that form.
        """
        product, equals, rest = text.partition("=")
        table, _, inputs = rest.partition(":")
        if not (product.strip() and equals and table.strip()):
            raise LineageError(
                f"{text!r} does not say which table belongs to which product; expected is for example "
                "coadd=coadd_inputs or coadd=coadd_inputs:calexp."
            )
        names = frozenset(name.strip() for name in inputs.split(",") if name.strip())
        return cls(product.strip(), table.strip(), names)


def edges_from_table(
    lineage: Lineage, product: bytes, table: Any, *, inputs: Iterable[str] = ()
) -> pl.DataFrame:
    """Say what a product used, by its own table.

    Parameters
    ----------
    lineage
        Knows what the product was made from.
    product
        Its UUID.
    table
        An Astropy or Arrow table, a data frame or a mapping of columns. Columns that are dimensions are
        compared with the data IDs of the product's parents, as far as these have them; a column
        ``dataset_id`` (``id``, ``uuid``) with their UUIDs.
    inputs
        The types of datasets that its rows stand for; empty means all that fit.

    Returns
    -------
    polars.DataFrame
        Edges of kind *used* in the schema `gnomon.repository.lineage.EDGES`: for each parent that one of the
        rows stands for.

    Raises
    ------
    LineageError
        If the table has no such column, or a value in it cannot be one.
    """
    columns = _columns(table)
    parents = lineage.edges([product])
    if parents.is_empty():
        return pl.DataFrame(schema=EDGES)
    wanted = frozenset(inputs)
    named = lineage.datasets(parents["parent"].unique().to_list())
    if wanted:
        named = named.filter(pl.col("dataset_type").is_in(wanted))
    uuids = next((name for name in _ID_COLUMNS if name in columns), None)
    if uuids is not None:
        listed = {identifier(_plain(value)) for value in columns[uuids]}
        chosen = [one for one in named["dataset"] if one in listed]
    else:
        dimensions = [name for name in columns if name in REQUIRED]
        if not dimensions:
            raise LineageError(
                "A table of inputs has a column of UUIDs (dataset_id) or columns that are dimensions, such "
                f"as visit; this one has {', '.join(columns) or 'none'}."
            )
        rows = [
            dict(zip(dimensions, values, strict=True))
            for values in zip(*(_values(name, columns[name]) for name in dimensions), strict=True)
        ]
        chosen = _matching(named, rows)
    return (
        parents.filter(pl.col("parent").is_in(chosen))
        .with_columns(pl.lit("used").alias("kind"))
        .unique(["child", "parent"], maintain_order=True)
    )


def _matching(named: pl.DataFrame, rows: list[dict[str, int | str]]) -> list[bytes]:
    """Choose the datasets that rows stand for: that have all that identifies these, and agree in the rest.

    A dataset that lacks a part of it, such as a catalog of reference stars, is none of them.
    """
    if not rows:
        return []
    identifying = required(rows[0])
    chosen = []
    listed: dict[tuple[str, ...], set[tuple[int | str, ...]]] = {}
    for dataset, text in named.select("dataset", "data_id").iter_rows():
        data_id = data_id_of(text)
        shared = tuple(name for name in rows[0] if name in data_id)
        if not identifying <= set(shared):
            continue
        if shared not in listed:
            listed[shared] = {tuple(row[name] for name in shared) for row in rows}
        if tuple(data_id[name] for name in shared) in listed[shared]:
            chosen.append(dataset)
    return chosen


def _columns(table: Any) -> Mapping[str, Any]:
    names = getattr(table, "column_names", None) or getattr(table, "colnames", None)
    if names is None:
        names = list(getattr(table, "columns", None) or table)
    return {str(name): table[name] for name in names}


def _values(name: str, column: Any) -> list[int | str]:
    values = column.to_pylist() if hasattr(column, "to_pylist") else np.asarray(column).tolist()
    try:
        return [int(value) if takes_integer(name) else str(_plain(value)) for value in values]
    except (TypeError, ValueError) as error:
        raise LineageError(
            f"The column {name!r} of a table of inputs holds a value that cannot be one: {error}."
        ) from error


def _plain(value: Any) -> Any:
    value = value.as_py() if hasattr(value, "as_py") else value
    if isinstance(value, bytes) and len(value) != 16:
        return value.decode(errors="replace")
    return str(value) if isinstance(value, np.str_) else value
