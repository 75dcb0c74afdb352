"""A time series within windows and at moments."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gnomon.algorithms.windows import AGGREGATES, aggregate_windows, sample_at
from gnomon.errors import SeriesError

NAN = float("nan")

NAIVE: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else NAN,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "count": lambda values: float(len(values)),
}

numbers = st.floats(-1e6, 1e6) | st.sampled_from([NAN, math.inf, -math.inf])


@st.composite
def series(draw: DrawFn) -> tuple[np.ndarray, np.ndarray]:
    samples = draw(st.lists(st.tuples(st.integers(0, 30), numbers), max_size=25))
    samples.sort(key=lambda sample: sample[0])
    times = np.array([time for time, _ in samples], dtype=np.int64)
    return times, np.array([value for _, value in samples], dtype=np.float64)


@pytest.mark.parametrize("how", AGGREGATES)
@given(series(), st.lists(st.tuples(st.integers(-3, 33), st.integers(0, 20)), max_size=8))
def test_an_aggregate_is_that_of_the_finite_samples_in_the_window(
    how: str, given_series: tuple[np.ndarray, np.ndarray], windows: list[tuple[int, int]]
) -> None:
    times, values = given_series
    begin = np.array([start for start, _ in windows], dtype=np.int64)
    end = begin + np.array([length for _, length in windows], dtype=np.int64)
    found = aggregate_windows(times, values, begin, end, how)
    for i, (start, stop) in enumerate(zip(begin, end, strict=True)):
        inside = [
            float(value)
            for time, value in zip(times, values, strict=True)
            if math.isfinite(value) and (start <= time < stop or (start == stop == time))
        ]
        assert found.counts[i] == len(inside)
        expected = NAIVE[how](inside) if inside or how == "count" else NAN
        assert found.values[i] == pytest.approx(expected, rel=1e-9, abs=1e-6, nan_ok=True)


def test_many_samples_are_taken_in_parts_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gnomon.algorithms.windows._GATHERED", 10)
    times = np.arange(200)
    values = np.random.default_rng(1).normal(size=200)
    begin, end = np.array([150, 0, 3, 40, 41]), np.array([200, 5, 30, 41, 90])
    found = aggregate_windows(times, values, begin, end, "median")
    assert found.values.tolist() == [np.median(values[b:e]) for b, e in zip(begin, end, strict=True)]


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=30, unique=True),
    st.lists(st.integers(0, 1000), max_size=20),
    st.floats(-5, 5),
    st.floats(-100, 100),
)
def test_a_straight_line_is_recovered_between_its_samples_and_not_beyond(
    times: list[int], moments: list[int], slope: float, height: float
) -> None:
    axis = np.array(sorted(times))
    where = np.array(moments, dtype=np.int64)
    found = sample_at(axis, slope * axis + height, where, "linear", tolerance=1000)
    inside = (where >= axis[0]) & (where <= axis[-1])
    assert (found.counts > 0).tolist() == inside.tolist()
    assert found.values[inside] == pytest.approx(slope * where[inside] + height, abs=1e-9)
    assert np.isnan(found.values[~inside]).all()


@given(series(), st.lists(st.integers(-5, 35), max_size=8), st.integers(0, 12))
def test_the_nearest_sample_is_the_finite_one_that_is_nearest_and_near_enough(
    given_series: tuple[np.ndarray, np.ndarray], moments: list[int], tolerance: int
) -> None:
    times, values = given_series
    found = sample_at(times, values, np.array(moments, dtype=np.int64), "nearest", tolerance=tolerance)
    for moment, value, count in zip(moments, found.values, found.counts, strict=True):
        near = [
            (abs(int(time) - moment), int(time))
            for time, candidate in zip(times, values, strict=True)
            if math.isfinite(candidate) and abs(time - moment) <= tolerance
        ]
        assert count == bool(near)
        if near:
            time = min(near)[1]
            assert value in values[times == time]
        else:
            assert math.isnan(value)


def test_both_neighbours_must_be_near_unless_there_is_a_sample_at_the_moment() -> None:
    times, values = np.array([0, 10, 100]), np.array([1.0, 2.0, 3.0])
    found = sample_at(times, values, np.array([5, 10, 50, 100, 101]), "linear", tolerance=20)
    assert found.values == pytest.approx([1.5, 2.0, NAN, 3.0, NAN], nan_ok=True)
    assert found.counts.tolist() == [2, 1, 0, 1, 0]


def test_what_is_not_known_is_refused_with_the_nearest() -> None:
    none = np.array([], dtype=np.int64)
    with pytest.raises(SeriesError, match=r"Did you mean median\?"):
        aggregate_windows(none, none.astype(float), none, none, "meadian")
    with pytest.raises(SeriesError, match=r"Did you mean nearest\?"):
        sample_at(none, none.astype(float), none, "nearst", tolerance=1)
