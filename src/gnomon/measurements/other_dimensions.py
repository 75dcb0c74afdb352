"""The dimensions that have no column of their own, in Polars frames of stored measurements."""

import polars as pl

from gnomon.measurements.rows import OTHER_DIMENSIONS

__all__ = ["ENTRIES", "as_text"]

ENTRIES = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
"""The map column as a list of pairs: a map is a type of its own only in some versions of Polars."""

# Control characters, which no dimension has in its name or value.
_OF_ENTRY, _OF_ENTRIES = "\x1f", "\x1e"


def as_text() -> pl.Expr:
    """Write the map column as one text, so that rows can be grouped and joined by it.

    Returns
    -------
    polars.Expr
        Equal for equal maps, whatever the order of their entries; empty where there are none, never null.
    """
    key, value = (pl.element().struct.field(name) for name in ("key", "value"))
    texts = pl.col(OTHER_DIMENSIONS).cast(ENTRIES).list.eval(key + _OF_ENTRY + value)
    return texts.list.sort().list.join(_OF_ENTRIES).fill_null("")
