"""What the store answers, in the form in which it is wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from astropy import units as u
from astropy.table import QTable

from gnomon import times
from gnomon.definitions import parse_unit
from gnomon.errors import MissingExtraError, StoreError, UnitMismatchError
from gnomon.measurements.other_dimensions import ENTRIES
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, conform
from gnomon.store.questions.showing import result_html, result_text

__all__ = ["DATA_ID", "Result", "widen"]

DATA_ID = "_data_id"
"""The column that tells one data ID from another; no answer has it."""

# A UUID's 32 digits as people write them: from where, how many.
_UUID_PARTS = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))


class Result:
    """Measurements that were loaded.

    Parameters
    ----------
    frame
        Rows in `gnomon.measurements.rows.SCHEMA`, or wide ones.
    wide
        Whether a row is a data ID with a column a metric, instead of a measurement.
    units
        Unit by metric, of a wide result.
    """

    def __init__(self, frame: pl.DataFrame, *, wide: bool, units: Mapping[str, str] | None = None) -> None:
        self._frame = frame
        self._wide = wide
        self._units = dict(units or {})

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        return result_text(self._frame, self._columns_with_unit(), wide=self._wide)

    def _repr_html_(self) -> str:
        return result_html(self._frame, self._columns_with_unit(), wide=self._wide)

    def polars(self) -> pl.DataFrame:
        """Give a Polars frame; times are TAI."""
        return self._frame

    def lazy(self) -> pl.LazyFrame:
        """Give a lazy Polars frame; times are TAI."""
        return self._frame.lazy()

    def arrow(self) -> pa.Table:
        """Give an Arrow table: in `gnomon.measurements.rows.SCHEMA`, unless wide; times are TAI."""
        table = self._frame.to_arrow()
        return table if self._wide else conform(table)

    def pandas(self) -> Any:
        """Give a pandas frame; times are TAI, and integers of which some are null stay integers.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise MissingExtraError("pandas is not installed: `pip install pandas`.") from error
        table = pa.table({series.name: _arrow(series) for series in self._frame.iter_columns()})
        # UUIDs as bytes objects, and visits as floating numbers, are what nobody wants.
        arrow = [
            item.type
            for item in table.schema
            if pa.types.is_large_binary(item.type)
            or (pa.types.is_integer(item.type) and table[item.name].null_count)
        ]
        nullable = {kind: pd.ArrowDtype(kind) for kind in arrow}
        return table.to_pandas(types_mapper=nullable.get)

    def qtable(self) -> QTable:
        """Give an astropy table.

        Returns
        -------
        astropy.table.QTable
            Times are `astropy.time.Time` in TAI, and dataset IDs are text; what is null is masked, a null
            number that is no integer NaN. Dimensions without a column in the schema have one here. In a wide
            result each metric is a quantity in its unit. In a tidy one the column ``value`` is a quantity if
            all rows have the same unit, and plain numbers beside the column ``unit`` otherwise.

        Raises
        ------
        DefinitionError
            If a unit is none.
        """
        units = {name: parse_unit(unit) for name, unit in self._columns_with_unit().items()}
        table = QTable()
        for series in _spread(self._frame).iter_columns():
            table[series.name] = _column(series, units.get(series.name))
        return table

    def _columns_with_unit(self) -> dict[str, str]:
        if self._wide:
            return self._units
        units = self._frame["unit"].unique().to_list() if "unit" in self._frame.columns else []
        return dict.fromkeys(("value", "uncertainty"), units[0]) if len(units) == 1 else {}


def _arrow(series: pl.Series) -> pa.Array:
    """Give a column as Arrow; one text that stands in all rows is written in one go."""
    if series.null_count() == len(series):
        return pa.nulls(len(series), series.head(0).to_arrow(compat_level=pl.CompatLevel.oldest()).type)
    if series.dtype == pl.String and series[0] == series[-1] and not series.null_count():
        first = series[0]
        if (series == first).all():
            return pa.repeat(pa.scalar(first, pa.large_string()), len(series))
    return series.to_arrow(compat_level=pl.CompatLevel.oldest())


def widen(
    frame: pl.DataFrame, *, by_run: bool, also: Sequence[str] = ()
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Turn tidy rows into a row a data ID, with a column a metric.

    Parameters
    ----------
    frame
        Rows in the schema of a stored measurement, and `DATA_ID`.
    by_run
        Whether a row is a run and data ID, and says which run.
    also
        Further columns that belong to a data ID.

    Returns
    -------
    tuple
        The run, the dimensions that are used, observation times, and the metrics, sorted by name; and the
        unit of each metric, which is that of most of its rows.

    Raises
    ------
    StoreError
        If several rows would share a place.
    UnitMismatchError
        If the units of a metric do not convert into each other.
    """
    index = ["run", DATA_ID] if by_run else [DATA_ID]
    if frame.select("metric", *index).is_duplicated().any():
        within = " in one run" if by_run else ""
        raise StoreError(
            f"Several measurements of one metric and data ID{within} cannot share a wide row: name one "
            "dataset type, or ask for the latest."
        )
    frame, units = _one_unit(frame)
    used = [
        name for name in (*DATA_ID_COLUMNS, OTHER_DIMENSIONS, *also) if frame[name].null_count() < len(frame)
    ]
    # Implied dimensions and times are the data ID's own, whichever of its rows say them.
    rows = frame.group_by(index, maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in used),
        pl.col("obs_begin").min(),
        pl.col("obs_end").max(),
    )
    values = frame.pivot("metric", index=index, values="value", on_columns=sorted(units), maintain_order=True)
    result = rows.join(values, on=index, how="left", maintain_order="left").drop(DATA_ID)
    order = ["obs_begin", *(name for name in used if name != OTHER_DIMENSIONS)]
    return _spread(result.sort(order, maintain_order=True)), units


def _one_unit(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    counts = frame.group_by("metric", "unit").len().sort(["len", "unit"], descending=[True, False])
    units: dict[str, str] = {}
    factor = pl.lit(1.0)
    for metric, unit in counts.select("metric", "unit").iter_rows():
        wanted = units.setdefault(metric, unit)
        if unit == wanted:
            continue
        try:
            ratio = float(parse_unit(unit).to(parse_unit(wanted)))
        except u.UnitConversionError as error:
            raise UnitMismatchError(
                f"The values of {metric} are in {wanted or 'no unit'} and in {unit or 'no unit'}, which do "
                "not convert into each other: they cannot share a column."
            ) from error
        there = (pl.col("metric") == metric) & (pl.col("unit") == unit)
        factor = pl.when(there).then(ratio).otherwise(factor)
    return frame.with_columns(pl.col("value") * factor), units


def _spread(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each dimension of the map column a column of its own."""
    if OTHER_DIMENSIONS not in frame.columns:
        return frame
    entries = frame[OTHER_DIMENSIONS].cast(ENTRIES).to_list()
    maps = [{entry["key"]: entry["value"] for entry in given or ()} for given in entries]
    names = sorted({name for given in maps for name in given})
    columns = [pl.Series(name, [given.get(name) for given in maps], dtype=pl.String) for name in names]
    place = frame.columns.index(OTHER_DIMENSIONS)
    before, after = frame.columns[:place], frame.columns[place + 1 :]
    return frame.with_columns(columns).select(*before, *names, *after)


def _column(series: pl.Series, unit: u.UnitBase | None) -> Any:
    if unit is not None:
        return u.Quantity(series.cast(pl.Float64).to_numpy(), unit)
    null = series.is_null().to_numpy()
    if isinstance(series.dtype, pl.Datetime):
        moments = times.from_tai_us(series.cast(pl.Int64).fill_null(0).to_numpy())
        if null.any():
            moments[null] = np.ma.masked
        return moments
    if series.dtype == pl.Binary:
        series = _uuid_texts(series)
    if series.dtype == pl.String:
        return _masked(np.array(series.fill_null("").to_list(), dtype=np.str_), null)
    if series.dtype.is_integer():
        return _masked(series.fill_null(0).to_numpy(), null)
    return series.to_numpy()


def _masked(values: npt.NDArray[Any], null: npt.NDArray[np.bool_]) -> Any:
    return np.ma.array(values, mask=null) if null.any() else values


def _uuid_texts(series: pl.Series) -> pl.Series:
    digits = pl.col(series.name).bin.encode("hex")
    parts = [digits.str.slice(begin, length) for begin, length in _UUID_PARTS]
    return series.to_frame().select(pl.concat_str(parts, separator="-").alias(series.name))[series.name]
