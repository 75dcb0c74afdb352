"""Measurements beside a time series."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.timeseries import TimeSeries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon import times
from gnomon.errors import DefinitionError, GnomonError, MetricNotFoundError, SeriesError, TimeFormatError
from gnomon.measurements.rows import from_records
from gnomon.store import AppendResult, Store, open_store

NAN = float("nan")
SECOND = 1_000_000
START = times.from_utc_iso("2025-06-21T03:00:00Z")

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


def moments(seconds: Any) -> np.ndarray:
    return START + (np.asarray(seconds, dtype=np.float64) * SECOND).astype(np.int64)


def wind_of(seconds: Any, values: Any, **more: Any) -> pl.DataFrame:
    """A series in TAI."""
    time = pl.Series("time", moments(seconds)).cast(pl.Datetime("us"))
    return pl.DataFrame([time, *(pl.Series(n, v) for n, v in {"wind": values, **more}.items())])


@pytest.fixture
def observe(row: Make, put: Put) -> Callable[..., None]:
    """Append a measurement for each (begin, end) in seconds."""

    def append(*windows: tuple[float, float | None], metric: str = "demo.seeing", **more: Any) -> None:
        values = more.pop("values", range(len(windows)))
        put(
            *(
                row(
                    metric,
                    float(value),
                    unit="arcsec",
                    visit=visit,
                    obs_begin=int(moments(begin)),
                    obs_end=None if end is None else int(moments(end)),
                    **more,
                )
                for visit, ((begin, end), value) in enumerate(zip(windows, values, strict=True), 1)
            )
        )

    return append


def column(store: Store, series: Any, name: str = "wind", **more: Any) -> list[Any]:
    return store.correlate("demo.seeing", series, **{"scale": "tai", **more}).polars()[name].to_list()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", 3.5), ("median", 2.5), ("min", 1.0), ("max", 8.0), ("first", 1.0), ("last", 8.0),
        ("count", 4.0), ("std", np.std([1, 2, 3, 8], ddof=1)),
    ],
)  # fmt: skip
def test_a_signal_is_aggregated_over_the_observation(
    store: Store, observe: Callable[..., None], how: str, expected: float
) -> None:
    observe((10, 14))
    wind = wind_of([9, 10, 11, 12, 13, 14], [100.0, 1, 2, 3, 8, 100])
    assert column(store, wind, how=how) == pytest.approx([expected])
    assert column(store, wind, "wind_count", how=how) == [4]
    assert column(store, wind, "gap", how=how) == [None]


def test_a_signal_is_sampled_at_the_middle(store: Store, observe: Callable[..., None]) -> None:
    observe((10, 20), (100, 110))
    wind = wind_of([14, 18, 30], [1.0, 5.0, 9.0])
    assert column(store, wind, how="nearest", tolerance=2) == [1, None]
    assert column(store, wind, how="linear", tolerance=3 * u.s) == [2, None]
    assert column(store, wind, how="linear", tolerance=datetime.timedelta(seconds=2)) == [None, None]
    assert column(store, wind, "gap", how="nearest", tolerance=2)[1] == "no sample of wind near enough"


def test_a_gap_of_the_series_stays_a_gap_and_says_why(
    store: Store, row: Make, put: Put, observe: Callable[..., None]
) -> None:
    observe((0, 5), (10, 15), (20, 20.5), (30, 35))
    put(row("demo.seeing", 1.0, unit="arcsec", visit=9))
    wind = wind_of([1, 2, 11, 31], [4.0, 6, 7, NAN])
    found = store.correlate("demo.seeing", wind, scale="tai", how="std")
    rows = found.polars().sort("visit").select("visit", "wind", "wind_count", "gap").rows()
    assert rows == [
        (1, pytest.approx(np.sqrt(2)), 2, None),
        (2, None, 1, "one sample of wind has no deviation"),
        (3, None, 0, "no sample of wind"),
        (4, None, 0, "no sample of wind"),
        (9, None, None, "no time of observation"),
    ]
    assert found.gaps().rows()[0] == ("no sample of wind", 2)
    assert found.paired()["visit"].to_list() == [1]
    assert "gap" not in found.paired().columns


def test_a_wider_window_has_what_lies_around_the_observation(
    store: Store, observe: Callable[..., None]
) -> None:
    observe((20, 21))
    wind = wind_of([5, 12, 29, 40], [100.0, 1, 3, 100])
    assert column(store, wind) == [None]
    assert column(store, wind, tolerance=10) == [2]


def test_an_observation_without_an_end_is_a_moment(store: Store, observe: Callable[..., None]) -> None:
    observe((3, None), (4, None))
    assert column(store, wind_of([3], [7.0])) == [7, None]


def test_what_is_null_nan_or_infinite_is_missing(store: Store, observe: Callable[..., None]) -> None:
    observe((0, 10), (20, 30))
    wind = wind_of([1, 2, 3, 4, 21], [1.0, NAN, np.inf, None, NAN])
    assert column(store, wind) == [1, None]
    assert column(store, wind, "wind_count", how="max") == [1, 0]
    assert column(store, wind_of([1], [NAN]), "gap")[0] == "only missing values of wind"


def _utc(wind: pl.DataFrame) -> np.ndarray:
    return times.to_utc_us(wind["time"].cast(pl.Int64).to_numpy())


FORMS: dict[str, Callable[[pl.DataFrame, Path], tuple[Any, dict[str, Any]]]] = {
    "polars in TAI": lambda wind, _: (wind, {"scale": "tai"}),
    "polars in UTC": lambda wind, _: (
        wind.with_columns(pl.Series("time", _utc(wind)).cast(pl.Datetime("us"))),
        {"scale": "utc"},
    ),
    "polars of nanoseconds": lambda wind, _: (
        wind.with_columns(pl.col("time").cast(pl.Datetime("ns"))),
        {"scale": "tai"},
    ),
    "polars with another time zone": lambda wind, _: (
        wind.with_columns(
            pl.Series("time", _utc(wind))
            .cast(pl.Datetime("us", "UTC"))
            .cast(pl.Datetime("ms", "UTC"))
            .dt.convert_time_zone("Asia/Tokyo")
        ),
        {},
    ),
    "polars of MJD": lambda wind, _: (
        wind.with_columns(pl.col("time").cast(pl.Int64) / 86_400_000_000 + 40587),
        {"scale": "tai", "time": "time", "time_format": "mjd", "signals": ["wind"]},
    ),
    "polars of integers": lambda wind, _: (
        wind.with_columns(pl.col("time").cast(pl.Int64) // 1000),
        {"scale": "tai", "time": "time", "time_format": "ms"},
    ),
    "arrow": lambda wind, _: (wind.to_arrow(), {"scale": "tai"}),
    "parquet": lambda wind, folder: (
        (wind.write_parquet(folder / "w.parquet", row_group_size=50), pl.scan_parquet(folder / "w.parquet"))[
            1
        ],
        {"scale": "tai"},
    ),
    "parquet of seconds in UTC": lambda wind, folder: (
        (
            wind.with_columns(pl.Series("time", _utc(wind) / 1e6)).write_parquet(folder / "w.parquet"),
            pl.scan_parquet(folder / "w.parquet"),
        )[1],
        {"scale": "utc", "time": "time", "time_format": "s"},
    ),
    "pandas with an index in UTC": lambda wind, _: (
        pd.DataFrame(
            {"wind": wind["wind"].to_numpy(), "name": "x"},
            index=pd.DatetimeIndex(_utc(wind).astype("datetime64[us]"), tz="UTC"),
        ),
        {},
    ),
    "pandas with send stamps": lambda wind, _: (
        pd.DataFrame(
            {
                "wind": wind["wind"].to_numpy(),
                "private_sndStamp": wind["time"].cast(pl.Int64).to_numpy() / 1e6,
            },
            index=pd.DatetimeIndex(_utc(wind).astype("datetime64[us]"), tz="UTC"),
        ),
        {"time": "private_sndStamp", "scale": "tai", "time_format": "s", "signals": "wind"},
    ),
    "astropy": lambda wind, _: (
        QTable(
            {
                "when": times.from_tai_us(wind["time"].cast(pl.Int64).to_numpy()).utc,
                "wind": wind["wind"].to_numpy() * u.m / u.s,
            }
        ),
        {},
    ),
    "astropy time series": lambda wind, _: (
        TimeSeries(
            time=times.from_tai_us(wind["time"].cast(pl.Int64).to_numpy()),
            data={"wind": wind["wind"].to_numpy()},
        ),
        {},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_series_gives_the_same(
    store: Store, observe: Callable[..., None], tmp_path: Path, form: str
) -> None:
    observe(*((40 * i, 40 * i + 15) for i in range(20)), values=[i % 5 for i in range(20)])
    seconds = np.arange(0.5, 790)
    wind = wind_of(seconds, (seconds // 40 % 5) + 0.01 * (seconds % 40))
    expected = store.correlate("demo.seeing", wind, scale="tai")
    assert expected.polars()["wind"].null_count() == 0
    series, how_to_read = FORMS[form](wind, tmp_path)
    found = store.correlate("demo.seeing", series, **how_to_read)
    assert found.polars()["wind"].to_list() == pytest.approx(expected.polars()["wind"].to_list())
    assert found.polars()["wind_count"].to_list() == [15] * 20
    assert found.figures()["pearson"][0] == pytest.approx(1)


def test_of_a_scan_only_what_lies_around_the_observations_is_read(
    store: Store, observe: Callable[..., None], tmp_path: Path
) -> None:
    observe((0, 30), (86_400, 86_430), (10 * 86_400, 10 * 86_400 + 30))
    hours = np.arange(0, 11 * 24) * 3600
    wind = wind_of(hours, np.arange(len(hours), dtype=np.float64))
    seen: list[int] = []

    def count(frame: pl.DataFrame) -> pl.DataFrame:
        seen.append(len(frame))
        return frame

    wind.write_parquet(tmp_path / "w.parquet", row_group_size=1)
    scan = pl.scan_parquet(tmp_path / "w.parquet")
    found = column(store, scan.map_batches(count, predicate_pushdown=True))
    assert found == [0, 24, 240]
    assert sum(seen) <= 6


def test_units_come_along(store: Store, observe: Callable[..., None]) -> None:
    observe((0, 10), (20, 30), (40, 50))
    series = QTable({"time": times.from_tai_us(moments([1, 21, 41])), "wind": [3.0, 4.0, 6.0] * u.m / u.s})
    found = store.correlate("demo.seeing", series)
    table = found.qtable()
    assert table["wind"].unit == u.m / u.s
    assert table["value"].unit == u.arcsec
    assert table["obs_begin"].scale == "tai"
    assert found.figures().select("unit", "signal", "signal_unit").row(0) == ("arcsec", "wind", "m / s")
    said = store.correlate("demo.seeing", wind_of([1], [1.0]), scale="tai", units={"wind": "m/s"})
    assert said.units == {"wind": "m / s"}
    with pytest.raises(SeriesError, match="is in m / s, not in km"):
        store.correlate("demo.seeing", series, units={"wind": "km"})
    with pytest.raises(DefinitionError, match="is not a unit"):
        store.correlate("demo.seeing", wind_of([1], [1.0]), scale="tai", units={"wind": "m/x"})


def test_masked_times_and_values_of_astropy_are_missing(store: Store, observe: Callable[..., None]) -> None:
    observe((0, 10), (20, 30))
    time = Time(times.from_tai_us(moments([1, 2, 21])))
    time[1] = np.ma.masked
    wind = MaskedColumn([3, 100, 5], mask=[False, False, True], unit="m/s")
    found = store.correlate("demo.seeing", Table({"time": time, "wind": wind}))
    assert found.polars()["wind"].to_list() == [3, None]


def test_a_table_gives_its_rows_in_every_form(store: Store, observe: Callable[..., None]) -> None:
    observe((0, 10), (20, 30))
    found = store.correlate("demo.seeing", wind_of([1, 21], [1.0, 2.0]), scale="tai")
    assert len(found) == 2
    assert found.lazy().collect().equals(found.polars())
    assert found.arrow()["wind"].to_pylist() == found.pandas()["wind"].tolist() == [1, 2]


def test_several_signals_and_metrics_have_figures_each(store: Store, observe: Callable[..., None]) -> None:
    windows = [(20 * i, 20 * i + 10) for i in range(6)]
    observe(*windows)
    observe(*windows, metric="demo.psf", values=[5, 4, 3, 2, 1, 0])
    series = wind_of([20 * i + 1 for i in range(6)], [float(i) for i in range(6)], humidity=[1.0] * 6)
    found = store.correlate("demo.*", series, scale="tai", signals={"wind": "w", "humidity": "humidity"})
    figures = {(row["metric"], row["signal"]): row for row in found.figures().to_dicts()}
    assert figures.keys() == {(m, s) for m in ("demo.seeing", "demo.psf") for s in ("w", "humidity")}
    assert figures["demo.seeing", "w"]["pearson"] == pytest.approx(1)
    assert figures["demo.seeing", "w"]["slope"] == pytest.approx(1)
    assert figures["demo.psf", "w"]["spearman"] == pytest.approx(-1)
    assert figures["demo.psf", "humidity"]["pearson"] is None


def test_detectors_of_one_exposure_are_one_moment(store: Store, row: Make, put: Put) -> None:
    put(
        *(
            row("demo.seeing", 1.0 + visit, unit="arcsec", visit=visit, detector=detector,
                obs_begin=int(moments(20 * visit)), obs_end=int(moments(20 * visit + 10)))
            for visit in range(4) for detector in range(9)
        )
    )  # fmt: skip
    series = wind_of([20 * i for i in range(4)], [1.0, 2, 3, 4])
    figures = store.correlate("demo.seeing", series, scale="tai").figures().row(0, named=True)
    assert (figures["n"], figures["moments"]) == (36, 4)


def test_questions_are_those_of_load(store: Store, observe: Callable[..., None]) -> None:
    observe((0, 10), (20, 30), run="one")
    series = wind_of([1, 21], [1.0, 2.0])
    found = store.correlate(
        "demo.seeing", series, scale="tai", collections="one", where="visit = 2", columns=["visit"]
    )
    assert found.polars().select("visit", "value", "wind").rows() == [(2, 1.0, 2.0)]
    assert "run" not in found.polars().columns
    with pytest.raises(MetricNotFoundError, match=r"Did you mean demo\.seeing\?"):
        store.correlate("demo.seing", series, scale="tai")


def test_nothing_measured_gives_nothing(store: Store) -> None:
    found = store.correlate(None, wind_of([1], [1.0]), scale="tai")
    assert len(found) == len(found.figures()) == len(found.gaps()) == 0
    lazily = store.correlate(None, wind_of([1], [1.0]).lazy(), scale="tai")
    assert lazily.polars().columns == found.polars().columns


GOOD = wind_of([1], [1.0])


@pytest.mark.parametrize(
    ("series", "asked", "error", "message"),
    [
        (GOOD, {}, TimeFormatError, "do not say their scale: pass scale='utc' or scale='tai'"),
        (GOOD, {"scale": "tia"}, TimeFormatError, r"Did you mean tai\?"),
        (GOOD.with_columns(pl.col("time").cast(pl.Int64)), {"time": "time", "scale": "tai"}, TimeFormatError,
         "are numbers: say with time_format"),
        (GOOD.with_columns(pl.col("time").cast(pl.String)), {"time": "time", "scale": "tai"}, TimeFormatError,
         r"str\.to_datetime"),
        (GOOD.with_columns(pl.col("time").dt.replace_time_zone("UTC")), {"scale": "tai"}, TimeFormatError,
         "are UTC, not TAI"),
        (QTable({"t": Time(["2025-01-01"], scale="local"), "w": [1.0]}), {}, TimeFormatError, "local"),
        (GOOD, {"scale": "tai", "how": "meen"}, SeriesError, r"Did you mean mean\?"),
        (GOOD, {"scale": "tai", "how": "nearest"}, SeriesError, "say with `tolerance`"),
        (GOOD, {"scale": "tai", "tolerance": -1}, SeriesError, "0 seconds or more"),
        (GOOD, {"scale": "tai", "tolerance": NAN}, SeriesError, "0 seconds or more"),
        (GOOD, {"scale": "tai", "tolerance": 3 * u.m}, SeriesError, "quantity of time"),
        (GOOD, {"scale": "tai", "signals": "wnd"}, SeriesError, r"Did you mean wind\?"),
        (GOOD, {"scale": "tai", "signals": []}, SeriesError, "No column"),
        (GOOD, {"scale": "tai", "time": "tme"}, SeriesError, r"Did you mean time\?"),
        (GOOD, {"scale": "tai", "units": {"wnd": "m"}}, SeriesError, r"Did you mean wind\?"),
        (GOOD, {"scale": "tai", "signals": {"wind": "visit"}}, SeriesError, "column 'visit' already"),
        (GOOD.with_columns(pl.lit("x").alias("name")), {"scale": "tai", "signals": "name"}, SeriesError,
         "has no numbers but String"),
        (GOOD.drop("wind"), {"scale": "tai"}, SeriesError, "no column of numbers"),
        (GOOD.drop("time"), {"scale": "tai"}, SeriesError, "no column of times"),
        (GOOD.with_columns(time2="time"), {"scale": "tai"}, SeriesError, "which of time, time2"),
        (pd.Series([1.0]), {"scale": "tai"}, SeriesError, "to_frame"),
        ([1, 2], {"scale": "tai"}, SeriesError, "not builtins.list"),
        (pl.scan_parquet("not there.parquet"), {"scale": "tai"}, SeriesError, "cannot be read: No such"),
        (pd.DataFrame([[1.0, 2.0]], columns=["w", "w"], index=pd.DatetimeIndex(["2025-06-21"], tz="UTC")), {},
         SeriesError, "two columns 'w'"),
        (GOOD.lazy().filter(pl.col("wind").str.len_chars() > 1), {"scale": "tai"}, SeriesError,
         "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    store: Store,
    observe: Callable[..., None],
    series: Any,
    asked: dict[str, Any],
    error: type[GnomonError],
    message: str,
) -> None:
    observe((0, 10))
    with pytest.raises(error, match=message):
        store.correlate("demo.seeing", series, **asked)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Sixty exposures of 30 s, one every 40."""
    store = open_store(tmp_path_factory.mktemp("night") / "store")
    store.append(
        from_records(
            {
                "dataset_id": visit.to_bytes(16), "metric": "demo.seeing", "value": float(visit % 7),
                "unit": "arcsec", "run": "run", "dataset_type": "metricvalue_demo_seeing",
                "instrument": "Cam", "visit": visit,
                "obs_begin": int(moments(40 * visit)), "obs_end": int(moments(40 * visit + 30)),
            }
            for visit in range(60)
        ),
        source="test",
    )  # fmt: skip
    return store


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 2400), unique=True, min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["mean", "median", "std", "first", "last", "count", "nearest", "linear"]),
)
def test_the_order_of_the_rows_of_a_series_is_irrelevant(
    night: Store, seconds: list[int], seed: int, how: str
) -> None:
    values = np.random.default_rng(seed).normal(size=len(seconds))
    wind = wind_of(seconds, values)
    shuffled = wind.sample(fraction=1, shuffle=True, seed=seed)
    tolerance = 60 if how in ("nearest", "linear") else None
    one, other = (
        night.correlate("demo.seeing", given, scale="tai", how=how, tolerance=tolerance).polars()
        for given in (wind.sort("time"), shuffled)
    )
    assert one.equals(other)


@settings(max_examples=25)
@given(st.floats(-3, 3), st.floats(-10, 10))
def test_a_metric_that_is_the_series_correlates_wholly_with_it(
    night: Store, slope: float, height: float
) -> None:
    rows = night.load("demo.seeing").polars()
    middle = (rows["obs_begin"].cast(pl.Int64).to_numpy() - START) / SECOND + 15
    seconds = np.arange(-10, 2500, 5)
    series = wind_of(seconds, slope * seconds + height)
    found = night.correlate("demo.seeing", series, scale="tai", how="linear", tolerance=5).polars()
    assert found["wind"].to_numpy() == pytest.approx(slope * middle + height, abs=1e-6)


def test_telemetry_in_an_arrow_table_of_record_batches_is_read(
    store: Store, observe: Callable[..., None]
) -> None:
    observe((0, 10), (20, 30))
    table = wind_of([1, 21], [1.0, 2.0]).to_arrow()
    assert column(store, pa.concat_tables([table.slice(1), table.slice(0, 1)])) == [1, 2]
