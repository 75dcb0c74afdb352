"""Times: TAI inside, UTC at the edges."""

import datetime

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from gnomon import times
from gnomon.errors import TimeFormatError

# From the first leap second to where leap seconds are still known.
moments = st.integers(times.from_utc_iso("1972-01-02T00:00:00"), times.from_utc_iso("2028-01-01T00:00:00"))


@given(moments)
def test_a_moment_survives_the_way_to_utc_and_back_to_the_microsecond(moment: int) -> None:
    assert times.from_utc_iso(times.to_utc_iso(moment, precision=6)) == moment


@given(st.lists(moments, max_size=5))
def test_many_moments_are_written_as_each_alone(some: list[int]) -> None:
    assert times.to_utc_isos(some) == [times.to_utc_iso(moment) for moment in some]


@given(st.lists(moments, min_size=1, max_size=5))
def test_astropy_times_hold_a_moment_exactly(some: list[int]) -> None:
    array = np.array(some, dtype=np.int64)
    assert np.array_equal(times.to_tai_us(times.from_tai_us(array)), array)


@given(moments, moments)
def test_moments_are_ordered_as_their_writings(a: int, b: int) -> None:
    assert (a < b) == (times.to_utc_iso(a, precision=6) < times.to_utc_iso(b, precision=6))


@given(moments)
def test_day_obs_is_the_date_twelve_hours_before(moment: int) -> None:
    date = Time(times.from_tai_us(moment).tai.mjd - 0.5, format="mjd", scale="tai").strftime("%Y%m%d")
    near_midnight = abs((moment - 43_200_000_000) % 86_400_000_000 - 0) < 2
    assert near_midnight or times.day_obs(moment) == int(date)


def test_a_leap_second_counts() -> None:
    before, leap, after = (
        times.from_utc_iso(text)
        for text in ("2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")
    )
    assert leap - before == after - leap == 1_000_000


def test_tai_is_ahead_of_utc_by_37_seconds_since_2017() -> None:
    moment = times.from_utc_iso("2025-01-01T00:00:00Z")
    assert times.to_datetime(moment) == datetime.datetime(2025, 1, 1, 0, 0, 37)


def test_the_offset_of_another_instrument_moves_its_day() -> None:
    moment = times.from_utc_iso("2014-12-30T04:29:23Z")
    assert times.day_obs(moment) == 20141229
    assert times.day_obs(moment, offset=datetime.timedelta(0)) == 20141230


def test_now_is_between_two_looks_at_the_clock() -> None:
    before = times.to_tai_us(Time.now())
    moment = times.now()
    assert before <= moment <= times.to_tai_us(Time.now())


@pytest.mark.parametrize("text", ["", "yesterday", "2014-12-30T04:29:23+01:00", "2014-13-30T00:00:00Z"])
def test_what_is_no_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(TimeFormatError, match="not a time in UTC"):
        times.from_utc_iso(text)


@given(st.lists(st.integers(63_072_000_000_000, 1_800_000_000_000_000), max_size=5))
def test_counts_of_utc_are_the_moments_that_astropy_takes_them_for(counts: list[int]) -> None:
    found = times.from_utc_us(counts)
    texts = [str(np.datetime64(count, "us")) for count in counts]
    assert found.tolist() == [times.from_utc_iso(text) for text in texts]
    assert times.to_utc_us(found).tolist() == counts


def test_a_leap_second_never_puts_later_counts_before_earlier_ones() -> None:
    counts = np.arange(1_483_228_797, 1_483_228_803) * 1_000_000
    moments = times.from_utc_us(counts)
    assert np.diff(moments).tolist() == [1_000_000, 1_000_000, 2_000_000, 1_000_000, 1_000_000]
    assert times.from_utc_us(counts[0]) == moments[0]


def test_utc_before_it_ran_by_seconds_is_refused() -> None:
    with pytest.raises(TimeFormatError, match=r"1970-01-01T00:00:00.* before 1972"):
        times.from_utc_us([0])
