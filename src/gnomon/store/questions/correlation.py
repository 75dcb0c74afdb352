"""Measurements beside a time series: seeing against wind.

Each measurement has a time, from the begin of its observation to the end, and a series has samples. What the
series was during each observation stands in a column beside the measurements, ready to plot, with the
coefficients that say how the two go together. Where the series has a gap, nothing is made up: the value is
null, and the row says why.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np
import polars as pl
import pyarrow as pa
from astropy import units as u
from astropy.table import QTable

from gnomon.algorithms.association import associate
from gnomon.algorithms.windows import AGGREGATES, INSTANTANEOUS, Sampled, aggregate_windows, sample_at
from gnomon.errors import SeriesError, nearest
from gnomon.store.layout.search_path import Chain, Tagged
from gnomon.store.questions.query import Bound
from gnomon.store.questions.result import Result
from gnomon.store.questions.showing import correlation_html, correlation_text
from gnomon.store.questions.signals import Columns, Signals, read_signals

__all__ = ["GAP", "NEEDED", "Correlating", "Correlation", "Question", "correlate"]

GAP = "gap"
"""The column that says why a measurement has no value of a signal; null where it has all."""

NEEDED = ("metric", "value", "unit", "obs_begin", "obs_end")
"""The columns without which measurements cannot be set beside a series."""

_HOW = (*AGGREGATES, *INSTANTANEOUS)
_WINDOW = ["obs_begin", "obs_end"]
_FIGURES: Mapping[str, Any] = {
    "metric": pl.String,
    "unit": pl.String,
    "signal": pl.String,
    "signal_unit": pl.String,
    "n": pl.Int64,
    "moments": pl.Int64,
    "pearson": pl.Float64,
    "spearman": pl.Float64,
    "slope": pl.Float64,
    "slope_error": pl.Float64,
    "intercept": pl.Float64,
}


class Question(TypedDict, total=False):
    """What `gnomon.store.Store.load` can be asked besides the metrics."""

    tags: str | Sequence[str] | None
    collections: str | Sequence[str] | None
    definitions: Sequence[Chain | Tagged] | None
    dataset_type: str | Sequence[str] | None
    where: str | None
    bind: Mapping[str, Any] | None
    observed: tuple[Any, Any]
    measured: tuple[Any, Any]
    software: str | Sequence[str] | None
    values: tuple[Bound, Bound]
    latest: bool
    as_of: Any
    columns: Sequence[str] | None
    metadata: bool | Sequence[str]


@dataclass(frozen=True, eq=False, repr=False)
class Correlation:
    """Measurements with what a time series was during each of their observations.

    Attributes
    ----------
    signals
        Names of the columns of signals.
    units
        Unit by signal, of those that have one.
    how
        How the signals were aggregated or sampled.
    tolerance
        In seconds, how far beyond the observation samples counted, or from its middle.
    """

    signals: tuple[str, ...]
    units: Mapping[str, str]
    how: str
    tolerance: float
    _rows: pl.DataFrame

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return correlation_text(self)

    def _repr_html_(self) -> str:
        return correlation_html(self)

    def polars(self) -> pl.DataFrame:
        """Give a Polars frame.

        Returns
        -------
        polars.DataFrame
            The measurements, sorted by metric and time. For each signal a column of its name and one of
            how many samples made the value (``<signal>_count``); and ``gap``, which says why a value is
            null. Times are TAI.
        """
        return self._rows

    def lazy(self) -> pl.LazyFrame:
        """Give a lazy Polars frame; times are TAI."""
        return self._rows.lazy()

    def arrow(self) -> pa.Table:
        """Give an Arrow table; times are TAI."""
        return self._as_result().arrow()

    def pandas(self) -> Any:
        """Give a pandas frame; times are TAI.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return self._as_result().pandas()

    def qtable(self) -> QTable:
        """Give an astropy table with units, in which times are `astropy.time.Time`.

        Raises
        ------
        DefinitionError
            If a unit is none.
        """
        return self._as_result().qtable()

    def paired(self) -> pl.DataFrame:
        """Give the rows of which all signals are known, without ``gap``: what a plot needs."""
        return self._rows.filter(pl.col(GAP).is_null()).drop(GAP)

    def gaps(self) -> pl.DataFrame:
        """Count the rows of which a signal is not known.

        Returns
        -------
        polars.DataFrame
            ``gap``, which is the reason, and ``rows``; the most frequent first.
        """
        counts = self._rows.drop_nulls(GAP).group_by(GAP).agg(pl.len().cast(pl.Int64).alias("rows"))
        return counts.sort("rows", GAP, descending=[True, False])

    def figures(self) -> pl.DataFrame:
        """Say how each metric goes with each signal.

        Returns
        -------
        polars.DataFrame
            One row for each metric, unit of its values, and signal. ``n`` is how many rows have a value of
            both, ``moments`` at how many different times: many detectors of one exposure share one wind, and
            are no independent evidence. ``pearson`` and ``spearman`` are coefficients of correlation;
            ``slope`` is that of a robust line, in the unit of the metric by the unit of the signal, and
            ``intercept`` is where it meets a signal of 0. Null where it could not be determined.
        """
        found = [
            {
                "metric": metric,
                "unit": unit,
                "signal": signal,
                "signal_unit": self.units.get(signal, ""),
                **_figures(rows, signal),
            }
            for (metric, unit), rows in self._rows.group_by("metric", "unit", maintain_order=True)
            for signal in self.signals
        ]
        return pl.DataFrame(found, schema=_FIGURES).with_columns(pl.col(pl.Float64).fill_nan(None))

    def _as_result(self) -> Result:
        units = dict(self.units)
        of_metric = self._rows["unit"].unique().to_list()
        if len(of_metric) == 1:
            units |= dict.fromkeys(
                [name for name in ("value", "uncertainty") if name in self._rows], of_metric[0]
            )
        return Result(self._rows, wide=True, units=units)


def correlate(
    measured: Result,
    series: Any,
    *,
    signals: Columns | None = None,
    how: str = "mean",
    tolerance: float | u.Quantity | datetime.timedelta | None = None,
    time: str | None = None,
    scale: str | None = None,
    time_format: str | None = None,
    units: Mapping[str, str | u.UnitBase] | None = None,
) -> Correlation:
    """Put what a time series was during each observation beside measurements.

    Parameters
    ----------
    measured
        Measurements, not wide.
    series, signals, time, scale, time_format, units
        As `gnomon.store.Store.correlate` takes them.
    how, tolerance
        As `gnomon.store.Store.correlate` takes them.

    Returns
    -------
    Correlation
        A row a measurement.

    Raises
    ------
    SeriesError
        If the series is no table, lacks a column, has a name that the measurements have, or cannot be sampled
        so.
    TimeFormatError
        If its times do not say their scale.
    """
    reach = _microseconds(how, tolerance)
    rows = measured.polars()
    if missing := [name for name in NEEDED if name not in rows.columns]:
        raise SeriesError(f"To be set beside a series, measurements need their column {missing[0]!r}.")
    windows = rows.select(_WINDOW).unique().drop_nulls("obs_begin").sort(_WINDOW)
    begin = windows["obs_begin"].cast(pl.Int64).to_numpy()
    end = windows["obs_end"].fill_null(windows["obs_begin"]).cast(pl.Int64).to_numpy()
    end = np.maximum(begin, end)
    spans = list(zip((begin - reach).tolist(), (end + reach).tolist(), strict=True))
    read = read_signals(
        series, spans=spans, signals=signals, time=time, scale=scale, time_format=time_format, units=units
    )
    _refuse_names(read, rows)
    columns: list[pl.Series] = []
    reasons = pl.Series(GAP, [None] * len(windows), pl.String)
    for name, values in read.values.items():
        if how in INSTANTANEOUS:
            sampled = sample_at(read.times, values, begin + (end - begin) // 2, how, tolerance=reach)
        else:
            # A window without length and reach is the moment itself.
            sampled = aggregate_windows(read.times, values, begin - reach, end + reach, how)
        columns += [
            pl.Series(name, sampled.values, nan_to_null=True),
            pl.Series(f"{name}_count", sampled.counts, pl.Int64),
        ]
        reasons = pl.select(pl.coalesce(reasons, _reasons(name, sampled, read, how))).to_series()
    known = windows.with_columns(*columns, reasons.alias(GAP))
    joined = rows.join(known, on=_WINDOW, how="left", nulls_equal=True, maintain_order="left")
    untimed = pl.when(pl.col("obs_begin").is_null()).then(pl.lit("no time of observation"))
    return Correlation(
        signals=tuple(read.values),
        units=dict(read.units),
        how=how,
        tolerance=reach / 1e6,
        _rows=joined.with_columns(untimed.otherwise(pl.col(GAP)).alias(GAP)),
    )


def _microseconds(how: str, tolerance: float | u.Quantity | datetime.timedelta | None) -> int:
    if how not in _HOW:
        raise SeriesError(f"A series cannot be sampled by {how!r}.{nearest(how, _HOW)}")
    if tolerance is None:
        if how in INSTANTANEOUS:
            raise SeriesError(
                f"With how={how!r}, say with `tolerance` how many seconds from the middle of an observation "
                "a sample may be; what is farther away says nothing."
            )
        return 0
    try:
        if isinstance(tolerance, datetime.timedelta):
            seconds = tolerance.total_seconds()
        else:
            seconds = float(u.Quantity(tolerance, u.s).value)
    except (TypeError, ValueError) as error:
        raise SeriesError(
            f"A tolerance is a number of seconds or a quantity of time, not {tolerance!r}."
        ) from error
    if not 0 <= seconds < 1e10:
        raise SeriesError(f"A tolerance is 0 seconds or more, not {tolerance!r}.")
    return round(seconds * 1e6)


def _refuse_names(read: Signals, rows: pl.DataFrame) -> None:
    taken = {*rows.columns, GAP}
    for name in read.values:
        if name in taken or f"{name}_count" in taken or f"{name}_count" in read.values:
            raise SeriesError(
                f"The measurements have a column {name!r} already: give the signal another name, such as "
                f"signals={{{name!r}: 'series_{name}'}}."
            )


def _reasons(name: str, sampled: Sampled, read: Signals, how: str) -> pl.Series:
    """Say for each window why there is no value of a signal."""
    count = pl.Series(sampled.counts)
    none = f"no sample of {name}"
    if len(read.times) and not np.isfinite(read.values[name]).any():
        none = f"only missing values of {name}"
    if how in INSTANTANEOUS:
        none += " near enough"
    few = pl.lit(f"one sample of {name} has no deviation")
    nothing = pl.Series(sampled.values).is_nan()
    return pl.select(
        pl.when(count == 0).then(pl.lit(none)).when(nothing).then(few).otherwise(None).alias(GAP)
    ).to_series()


def _figures(rows: pl.DataFrame, signal: str) -> dict[str, Any]:
    both = rows.filter(pl.col("value").is_finite() & pl.col(signal).is_finite())
    found = associate(both[signal].to_numpy(), both["value"].to_numpy())
    return {
        "n": found.n,
        "moments": both.select(_WINDOW).n_unique(),
        "pearson": found.pearson,
        "spearman": found.spearman,
        "slope": found.slope,
        "slope_error": found.slope_error,
        "intercept": found.intercept,
    }


class _Loads(Protocol):
    """What measurements can be loaded from."""

    def load(self, metrics: str | Sequence[str] | None = None, /, **question: Unpack[Question]) -> Result: ...


class Correlating:
    """The part of a store that sets its measurements beside a time series."""

    def correlate(
        self: _Loads,
        metrics: str | Sequence[str] | None,
        series: Any,
        *,
        signals: Columns | None = None,
        how: str = "mean",
        tolerance: float | u.Quantity | datetime.timedelta | None = None,
        time: str | None = None,
        scale: str | None = None,
        time_format: str | None = None,
        units: Mapping[str, str | u.UnitBase] | None = None,
        **question: Unpack[Question],
    ) -> Correlation:
        """Load measurements with what a time series was during each of their observations.

        Parameters
        ----------
        metrics
            Full names or shell patterns.
        series
            A table of Polars (eager or lazy), Arrow, pandas or astropy with a column of times and columns of
            numbers, its rows in any order. Of a lazy frame, such as a scan of Parquet, only what lies around
            the observations is read.
        signals
            The columns of numbers that are wanted, or a mapping from them to other names; all by default.
        how
            Over the observation, [``obs_begin``, ``obs_end``): ``mean``, ``median``, ``min``, ``max``,
            ``std``, ``first``, ``last`` or ``count``; at its middle: ``nearest``, or ``linear`` between the
            samples on either side. Null, NaN and infinite samples count as missing.
        tolerance
            Seconds, a quantity or a timedelta. Over the observation: by how much the window is longer on
            either side, 0 by default. At its middle: how far away a sample may be; it must be given.
        time
            The column of times; by default the only one. The `DatetimeIndex` of a pandas frame is one too.
        scale
            ``"utc"`` or ``"tai"``, for times that do not say it. An `astropy.time.Time` does, and times with
            a time zone are UTC.
        time_format
            What times that are numbers are: ``s``, ``ms``, ``us``, ``ns`` since 1970 in their scale, or
            ``mjd``.
        units
            Units of columns of the series, where the table does not say them.
        **question
            As `gnomon.store.Store.load` takes it: ``collections``, ``where``, ``observed`` and so on.

        Returns
        -------
        Correlation
            A row a measurement; the value of a signal is null where the series has a gap, and ``gap`` says
            why.

        Raises
        ------
        SeriesError
            If the series is no such table, lacks a column, has a name that the measurements have too, or
            cannot be sampled so.
        TimeFormatError
            If its times cannot be understood, or do not say their scale.
        GnomonError
            As `gnomon.store.Store.load`.
        """
        wanted = question.get("columns")
        if wanted is not None:
            # What is not asked for is read besides where nothing could be said without it.
            question["columns"] = [*wanted, *(name for name in NEEDED if name not in wanted)]
        return correlate(
            self.load(metrics, **question),
            series,
            signals=signals,
            how=how,
            tolerance=tolerance,
            time=time,
            scale=scale,
            time_format=time_format,
            units=units,
        )
