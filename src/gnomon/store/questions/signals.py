"""Time series in the forms in which people have them, read into arrays in TAI.

What a time means must be known: a column of `astropy.time.Time` says its scale, a column with a time zone is
UTC, and of everything else somebody must say whether it is UTC or TAI, for the two are 37 s apart.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from astropy.table import Table
from astropy.time import ScaleValueError, Time
from astropy.units import Quantity, UnitBase

from gnomon import times
from gnomon.definitions import parse_unit, unit_string
from gnomon.errors import SeriesError, TimeFormatError, nearest

__all__ = ["SCALES", "TIME_FORMATS", "Signals", "Span", "read_signals"]

SCALES = ("tai", "utc")
"""The scales that a time without a statement of its own can be said to be in."""

TIME_FORMATS = ("s", "ms", "us", "ns", "mjd")
"""What numbers can be: seconds or parts of them since 1970-01-01 in their scale, or modified Julian dates."""

type Span = tuple[int, int]
"""First and last moment, TAI microseconds."""

type Columns = Sequence[str] | Mapping[str, str]

_SLACK = 2_000_000  # what a leap second can hide, and rounding
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_US_PER_DAY = 86_400_000_000
_MJD_EPOCH = 40587
_MOST_SPANS = 64
_APART = 3_600_000_000  # gaps shorter than this are read rather than passed over


@dataclass(frozen=True)
class Signals:
    """Signals on one time axis.

    Attributes
    ----------
    times
        Shape (n,), TAI microseconds, ascending.
    values
        Shape (n,) each, by the name in the answer; NaN where there is none.
    units
        Unit by name, of those that have one.
    """

    times: npt.NDArray[np.int64]
    values: Mapping[str, npt.NDArray[np.float64]]
    units: Mapping[str, str]


@dataclass(frozen=True)
class _Given:
    """What was given, as Polars has it."""

    frame: pl.DataFrame | pl.LazyFrame
    schema: Mapping[str, pl.DataType]
    scales: Mapping[str, str]
    units: Mapping[str, str]


@dataclass(frozen=True)
class _Clock:
    """How the times of a column are to be understood."""

    name: str
    dtype: pl.DataType
    scale: str
    format: str

    def limit(self, tai: int) -> pl.Expr:
        """Write a moment as the column would have it."""
        own = int(times.to_utc_us(tai)) if self.scale == "utc" else tai
        if isinstance(self.dtype, pl.Datetime):
            return pl.lit(_from_us(own, self.format), pl.Int64).cast(self.dtype)
        if self.format == "mjd":
            return pl.lit(own / _US_PER_DAY + _MJD_EPOCH)
        if self.dtype.is_integer():
            return pl.lit(_from_us(own, self.format), pl.Int64)
        return pl.lit(own * _PER_SECOND[self.format] / 10**6)

    def within(self, spans: Sequence[Span]) -> pl.Expr:
        """Choose what lies in any of some spans, in a way in which files can be passed over."""
        time = pl.col(self.name)
        parts = [
            (time >= self.limit(begin - _SLACK)) & (time <= self.limit(end + _SLACK)) for begin, end in spans
        ]
        return reduce(operator.or_, parts, pl.lit(value=False)) if parts else pl.lit(value=False)

    def read(self, column: pl.Series) -> npt.NDArray[np.int64]:
        """Give times without nulls in TAI microseconds."""
        numbers = column.to_physical().to_numpy()
        if self.format == "mjd":
            own = np.round((numbers - _MJD_EPOCH) * _US_PER_DAY).astype(np.int64)
        elif numbers.dtype.kind == "f":
            own = np.round(numbers * (10**6 / _PER_SECOND[self.format])).astype(np.int64)
        elif self.format == "us":
            own = numbers.astype(np.int64, copy=False)
        elif self.format == "ns":
            own = np.floor_divide(numbers.astype(np.int64, copy=False), 1000)
        else:
            own = numbers.astype(np.int64) * (10**6 // _PER_SECOND[self.format])
        return times.from_utc_us(own) if self.scale == "utc" else own


def _from_us(microseconds: int, unit: str) -> int:
    return microseconds * _PER_SECOND[unit] // 10**6


def read_signals(
    series: Any,
    *,
    spans: Sequence[Span],
    signals: Columns | None = None,
    time: str | None = None,
    scale: str | None = None,
    time_format: str | None = None,
    units: Mapping[str, str | UnitBase] | None = None,
) -> Signals:
    """Read a time series.

    Parameters
    ----------
    series
        A Polars frame, eager or lazy, an Arrow table, a pandas frame, an astropy table or time series. Rows
        may be in any order; those without a time are left out. Of a lazy frame only the spans are read.
    spans
        The times that matter.
    signals
        The columns that are wanted, or a mapping from them to their names in the answer; by default all
        columns of numbers.
    time
        The column of times; by default the only one. The index of a pandas frame counts as a column.
    scale
        ``"tai"`` or ``"utc"``, of times that do not say it themselves.
    time_format
        One of `TIME_FORMATS`, of times that are numbers.
    units
        Units of columns, where the table does not say them.

    Returns
    -------
    Signals
        What lies in the spans at least.

    Raises
    ------
    SeriesError
        If it is no such table, or lacks a column.
    TimeFormatError
        If the times cannot be understood, or do not say their scale.
    DefinitionError
        If a unit is none.
    """
    given = _as_polars(series, time)
    clock = _clock(given, time, scale, time_format)
    wanted = _wanted(given.schema, clock.name, signals)
    said = _units(given, wanted, units)
    columns = given.frame.select(clock.name, *wanted)
    if isinstance(columns, pl.LazyFrame):
        try:
            columns = columns.filter(clock.within(_merged(spans))).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SeriesError(f"The series cannot be read: {error}") from error
    columns = _in_order(columns, clock, spans).with_columns(pl.col(*wanted).cast(pl.Float64))
    return Signals(
        times=clock.read(columns[clock.name]),
        values={answer: columns[name].to_numpy() for name, answer in wanted.items()},
        units={answer: said[name] for name, answer in wanted.items() if name in said},
    )


def _in_order(frame: pl.DataFrame, clock: _Clock, spans: Sequence[Span]) -> pl.DataFrame:
    """Leave out what has no time, put the rest in order if it is not, and cut off both ends."""
    column = frame[clock.name]
    if column.dtype.is_float() and not column.is_finite().all():
        frame = frame.filter(pl.col(clock.name).is_finite())
    elif column.null_count():
        frame = frame.filter(pl.col(clock.name).is_not_null())
    if not frame[clock.name].is_sorted():
        frame = frame.sort(clock.name, maintain_order=True)
    if frame.is_empty() or not spans:
        return frame.clear()
    begin, end = min(begin for begin, _ in spans), max(end for _, end in spans)
    limits = pl.select(clock.limit(begin - _SLACK).alias("b"), clock.limit(end + _SLACK).alias("e"))
    limits = limits.with_columns(pl.all().to_physical())
    numbers = frame[clock.name].to_physical()
    start = numbers.search_sorted(limits["b"][0], side="left")
    stop = numbers.search_sorted(limits["e"][0], side="right")
    return frame.slice(start, stop - start)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Make few spans of many, by those gaps that it is worth not to read."""
    if not spans:
        return []
    array = np.array(sorted(spans), dtype=np.int64)
    begin, reach = array[:, 0], np.maximum.accumulate(array[:, 1])
    gaps = begin[1:] - reach[:-1]
    cuts = np.flatnonzero(gaps > _APART)
    if len(cuts) >= _MOST_SPANS:
        cuts = np.sort(cuts[np.argsort(gaps[cuts])[-(_MOST_SPANS - 1) :]])
    first, last = begin[np.append(0, cuts + 1)], reach[np.append(cuts, len(array) - 1)]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _as_polars(series: Any, time: str | None) -> _Given:
    if isinstance(series, Table):
        return _of_astropy(series)
    if isinstance(series, pa.Table):
        series = pl.DataFrame(series)
    elif type(series).__module__.partition(".")[0] == "pandas":
        series = _of_pandas(series, time)
    if not isinstance(series, pl.DataFrame | pl.LazyFrame):
        raise SeriesError(
            "A time series is a table of Polars, Arrow, pandas or astropy, not "
            f"{type(series).__module__}.{type(series).__qualname__}."
        )
    try:
        schema = dict(series.collect_schema())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SeriesError(f"The series cannot be read: {error}") from error
    return _Given(series, schema, {}, {})


def _of_pandas(frame: Any, time: str | None) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise SeriesError(
            f"A time series is a table, not a pandas {type(frame).__name__}: `to_frame()` makes one."
        )
    if isinstance(frame.index, pd.DatetimeIndex) and time in (None, frame.index.name, "time"):
        name = "time" if frame.index.name is None else str(frame.index.name)
        frame = frame.rename_axis(name).reset_index()
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise SeriesError(f"The series has two columns {twice!r}.")
    named = [] if time is None or time not in frame.columns else [time]
    kinds = frame.select_dtypes(["number", "datetime", "datetimetz"]).columns
    chosen: pl.DataFrame = pl.from_pandas(frame[list(dict.fromkeys([*named, *kinds]))].rename(columns=str))
    return chosen


def _of_astropy(table: Table) -> _Given:
    columns, scales, units = {}, {}, {}
    for name in table.colnames:
        column = table[name]
        if getattr(column, "ndim", 1) != 1:
            continue
        if isinstance(column, Time):
            columns[name] = _of_time(name, column)
            scales[name] = column.scale
            continue
        if getattr(column, "unit", None) is not None:
            units[name] = unit_string(column.unit)
        values = np.ma.filled(np.ma.asarray(column, np.float64), np.nan) if _is_number(column) else None
        if values is not None:
            columns[name] = pl.Series(name, np.array(values, dtype=np.float64))
    frame = pl.DataFrame(list(columns.values()))
    return _Given(frame, dict(frame.schema), scales, units)


def _is_number(column: Any) -> bool:
    return isinstance(column, Quantity) or getattr(getattr(column, "dtype", None), "kind", "") in "iuf"


def _of_time(name: str, column: Time) -> pl.Series:
    null = np.broadcast_to(np.ma.getmaskarray(np.ma.asarray(column.mask)) | column.mask, column.shape)
    try:
        moments = np.asarray(times.to_tai_us(column.unmasked if null.any() else column), dtype=np.int64)
    except (ValueError, TypeError, ScaleValueError) as error:
        raise TimeFormatError(
            f"The scale {column.scale!r} of the column {name!r} does not lead to TAI: {error}"
        ) from error
    series = pl.Series(name, moments)
    if null.any():
        series = pl.select(pl.when(~pl.Series(null)).then(series)).to_series().alias(name)
    return series.cast(pl.Datetime("us"))


def _clock(given: _Given, time: str | None, scale: str | None, time_format: str | None) -> _Clock:
    """Find out which column has the times, and what they mean."""
    for what, value, known in (("scale", scale, SCALES), ("time format", time_format, TIME_FORMATS)):
        if value is not None and value not in known:
            raise TimeFormatError(f"The {what} {value!r} is not known.{nearest(value, known)}")
    name = _time_column(given.schema, time)
    dtype = given.schema[name]
    if isinstance(dtype, pl.Datetime):
        clock = _Clock(name, dtype, "", dtype.time_unit)
        said = given.scales.get(name) or ("utc" if dtype.time_zone is not None else None)
    elif dtype.is_numeric():
        if time_format is None:
            raise TimeFormatError(
                f"The times of the series, column {name!r}, are numbers: say with time_format whether they "
                "are 's', 'ms', 'us' or 'ns' since 1970, or 'mjd'."
            )
        clock, said = _Clock(name, dtype, "", time_format), None
    else:
        hint = ".str.to_datetime() makes times of them" if dtype == pl.String else ""
        raise TimeFormatError(
            f"The column {name!r} of the series has no times but {dtype}{hint and f'; {hint}'}."
        )
    if said is not None and scale is not None and scale != said:
        raise TimeFormatError(
            f"The times of the series, column {name!r}, are {said.upper()}, not {scale.upper()}."
        )
    if name in given.scales:
        return replace(clock, scale="tai")  # they were converted by astropy
    stated = said or scale
    if stated is None:
        raise TimeFormatError(
            f"The times of the series, column {name!r}, do not say their scale: pass scale='utc' or "
            "scale='tai', which are 37 s apart. In an engineering database the index and private_efdStamp "
            "are UTC, private_sndStamp is TAI."
        )
    return replace(clock, scale=stated)


def _time_column(schema: Mapping[str, pl.DataType], time: str | None) -> str:
    if time is not None:
        if time not in schema:
            raise SeriesError(f"The series has no column {time!r}.{nearest(time, schema)}")
        return time
    found = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
    if len(found) == 1:
        return found[0]
    if not found:
        known = nearest("", schema)
        raise SeriesError(f"The series has no column of times; say with `time` which it is.{known}")
    raise SeriesError(
        f"The series has several columns of times: say with `time` which of {', '.join(found)}."
    )


def _wanted(schema: Mapping[str, pl.DataType], time: str, signals: Columns | None) -> dict[str, str]:
    """Name the columns to read, and what they are called in the answer."""
    numeric = [name for name, dtype in schema.items() if name != time and dtype.is_numeric()]
    if signals is None:
        if not numeric:
            raise SeriesError("The series has no column of numbers beside its times.")
        return {name: name for name in numeric}
    if isinstance(signals, str):
        signals = [signals]
    wanted = dict(signals) if isinstance(signals, Mapping) else {name: name for name in signals}
    for name in wanted:
        if name not in schema:
            raise SeriesError(f"The series has no column {name!r}.{nearest(name, numeric)}")
        if name not in numeric:
            raise SeriesError(f"The column {name!r} of the series has no numbers but {schema[name]}.")
    if not wanted:
        raise SeriesError(f"No column of the series was asked for.{nearest('', numeric)}")
    if len(set(wanted.values())) < len(wanted):
        raise SeriesError("Two columns of the series cannot have one name in the answer.")
    return wanted


def _units(
    given: _Given, wanted: Mapping[str, str], units: Mapping[str, str | UnitBase] | None
) -> dict[str, str]:
    said = {name: unit for name, unit in given.units.items() if name in wanted}
    for name, unit in (units or {}).items():
        if name not in wanted:
            raise SeriesError(f"There is no signal {name!r} to have a unit.{nearest(name, wanted)}")
        text = unit_string(parse_unit(unit))
        if said.get(name, text) != text:
            raise SeriesError(f"The column {name!r} of the series is in {said[name]}, not in {text}.")
        said[name] = text
    return said
