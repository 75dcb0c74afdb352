"""Catalogs of any kind as columns with units.

Whatever holds a catalog, an astropy table, an Arrow table, a pandas or Polars frame, becomes a Polars frame,
which the expressions are evaluated with, and the units of its columns, as far as somebody says them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow as pa
from astropy.time import Time
from astropy.units.function.core import FunctionUnitBase

from gnomon import times
from gnomon.definitions.units import convert, unit_string
from gnomon.errors import MeasurementError, MeasurementTypeError, UnitMismatchError

__all__ = ["Catalog"]

_TAI = pl.Datetime("us")


@dataclass(frozen=True)
class Catalog:
    """Rows of sources with units.

    Attributes
    ----------
    frame
        The columns. What is masked is null.
    units
        The units of columns, where they are known; one that is not mentioned may be in any.
    names
        The columns that there are, though they need not have been read.
    """

    frame: pl.DataFrame
    units: Mapping[str, u.UnitBase] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", self.names | frozenset(self.frame.columns))

    def __len__(self) -> int:
        return self.frame.height

    @classmethod
    def of(cls, table: Any, columns: Iterable[str] | None = None) -> Self:
        """Take a catalog in.

        Parameters
        ----------
        table
            An `astropy.table.Table` or `QTable`, whose columns may have units; a `pyarrow.Table`, a pandas
            or Polars frame, a structured array, or a mapping from names to arrays, which have none.
        columns
            Only these, as far as they are there; all by default.

        Returns
        -------
        Catalog
            Columns of one number, text, truth value or time a row; others cannot be used in expressions and
            are left out, though they count as known. Times are in TAI, as everywhere.

        Raises
        ------
        MeasurementTypeError
            If it is none of these.
        """
        wanted = None if columns is None else frozenset(columns)
        if isinstance(table, cls):
            return table if wanted is None else table._only(wanted)
        if isinstance(table, pl.DataFrame):
            return cls(table)._only(wanted)
        if isinstance(table, pa.Table):
            return cls(_from_arrow(table))._only(wanted)
        names = _names(table)
        data: dict[str, pl.Series] = {}
        units: dict[str, u.UnitBase] = {}
        for name in _with_one(names, wanted):
            column = table[name]
            if wanted is not None and name not in wanted and data:
                break
            if (series := _series(name, column)) is None:
                continue
            data[name] = series
            unit = getattr(column, "unit", None)
            # Astropy keeps a unit that it does not know; it says nothing that could be converted.
            if isinstance(unit, u.UnitBase | FunctionUnitBase) and not isinstance(unit, u.UnrecognizedUnit):
                units[name] = unit
        return cls(pl.DataFrame(data), units, frozenset(names))

    def _only(self, wanted: frozenset[str] | None) -> Self:
        if wanted is None:
            return self
        kept = [name for name in self.frame.columns if name in wanted] or self.frame.columns[:1]
        units = {name: unit for name, unit in self.units.items() if name in wanted}
        return replace(self, frame=self.frame.select(kept), units=units, names=self.names)

    def with_constants(self, values: Mapping[str, Any]) -> Self:
        """Add columns of one value each; a column that is there stays as it is.

        Parameters
        ----------
        values
            Integers or texts by name, as those of a data ID.

        Returns
        -------
        Catalog
            With the columns.
        """
        new = {name: value for name, value in values.items() if name not in self.names}
        # A frame without columns has no height that a literal could take on.
        columns = [pl.Series(name, [value] * len(self)) for name, value in new.items()]
        typed = [
            column
            if len(column)
            else column.cast(pl.String if isinstance(new[column.name], str) else pl.Int64)
            for column in columns
        ]
        return replace(self, frame=self.frame.with_columns(typed), names=self.names | new.keys())

    @classmethod
    def joined(cls, catalogs: Sequence[Self]) -> Self:
        """Put catalogs below one another.

        Parameters
        ----------
        catalogs
            At least one, of the same columns; those without rows need not have them.

        Returns
        -------
        Catalog
            All rows in order. Of a column whose unit differs, values are in that of the first catalog.

        Raises
        ------
        MeasurementError
            If a catalog lacks a column of another one, or has it in another type.
        UnitMismatchError
            If a unit is not known in every catalog, or does not convert.
        """
        if not catalogs:
            raise MeasurementError("There is no catalog.")
        filled = [catalog for catalog in catalogs if len(catalog)] or [catalogs[0]]
        first, *rest = filled
        frames = [first.frame]
        for catalog in rest:
            if lacking := set(first.frame.columns) ^ set(catalog.frame.columns):
                raise MeasurementError(f"Not all of the catalogs have the column {min(lacking)!r}.")
            frames.append(catalog._in_units_of(first).select(first.frame.columns))
        for name in first.frame.columns:
            # Polars would turn numbers into text before it put them below text.
            if len({_kind(frame.schema[name]) for frame in frames} - {pl.Null}) > 1:
                raise MeasurementError(f"The catalogs have the column {name!r} in different types.")
        frame = pl.concat(frames, how="vertical_relaxed", rechunk=False)
        names = frozenset[str]().union(*(catalog.names for catalog in filled))
        return cls(frame, first.units, names)

    def _in_units_of(self, other: Self) -> pl.DataFrame:
        converted = []
        for name in self.units.keys() | other.units.keys():
            mine, theirs = self.units.get(name), other.units.get(name)
            if mine is None or theirs is None:
                raise UnitMismatchError(f"The column {name!r} has a unit in some of the catalogs only.")
            if mine != theirs:
                converted.append(pl.Series(name, convert(self.frame[name].to_numpy(), mine, theirs)))
        return self.frame.with_columns(converted)

    def unit_string(self, name: str) -> str | None:
        """Give the string of a column's unit, or `None` where it is not known."""
        return unit_string(self.units[name]) if name in self.units else None


def _kind(dtype: pl.DataType) -> Any:
    return pl.Float64 if dtype.is_numeric() else dtype.base_type()


def _names(table: Any) -> list[str]:
    if isinstance(table, Mapping):
        names: Any = table.keys()
    elif isinstance(table, np.ndarray) and table.dtype.names is not None:
        names = table.dtype.names
    else:
        names = getattr(table, "colnames", None)
        if names is None:
            names = getattr(table, "columns", None)
    if names is None:
        raise MeasurementTypeError(
            f"A catalog is a table of astropy, Arrow, pandas or Polars, not {type(table).__name__}."
        )
    return [str(name) for name in names]


def _with_one(names: list[str], wanted: frozenset[str] | None) -> list[str]:
    """Give the wanted names, then others: a frame without a column would not know how many rows it has."""
    return sorted(names, key=lambda name: wanted is not None and name not in wanted)


def _from_arrow(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _series(name: str, column: Any) -> pl.Series | None:
    """Give a column as Polars knows it; `None` of one that has no single value a row."""
    if isinstance(column, Time):
        return (
            None if column.ndim != 1 else pl.Series(name, times.to_tai_us(column), dtype=pl.Int64).cast(_TAI)
        )
    if type(column).__module__.partition(".")[0] == "pandas":
        # In a file NaN and null are two things, and pandas has both of them as NaN: it stays that.
        series: pl.Series = pl.from_pandas(column, nan_to_null=False)
        return series.alias(name)
    mask = getattr(column, "mask", None)
    array = np.asarray(getattr(column, "unmasked", column))
    if array.ndim != 1:
        return None
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    elif array.dtype.kind in "iuf":
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
    elif array.dtype.kind == "O":
        array = np.array([v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array], object)
    elif array.dtype.kind not in "bU":
        return None
    try:
        series = pl.Series(name, array if array.dtype.kind != "O" else list(array), strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        return None
    if mask is not None and np.any(mask):
        series = series.set(pl.Series(np.broadcast_to(np.asarray(mask), array.shape)), None)
    return series
