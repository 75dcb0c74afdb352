import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.annotations.log import clock
from gnomon.errors import AnnotationError

NOW = 1_795_000_000_000_000
walls = st.integers(NOW - 10**12, NOW + 10**12)


@given(st.lists(walls, max_size=50))
def test_readings_only_ever_grow_whatever_the_wall_clock_does(seen: list[int]) -> None:
    last = 0
    for wall in seen:
        reading = clock.tick(last, wall)
        assert reading > last
        assert clock.moment(reading) >= wall - 1000
        assert reading < 2**63
        last = reading


def test_a_thousandfold_burst_within_a_millisecond_stays_in_order_and_near_the_wall_clock() -> None:
    last = 0
    for _ in range(100_000):
        last = clock.tick(last, NOW)
    assert clock.moment(last) - NOW <= 2000


@given(walls, walls, st.integers(-(10**9), 10**9))
def test_what_is_recorded_after_an_event_of_another_site_comes_after_it(
    mine: int, wall: int, offset: int
) -> None:
    last, remote = clock.tick(0, mine), clock.tick(0, wall + offset)
    received = clock.receive(last, remote, wall)
    assert received > last
    assert received > remote


def test_a_site_whose_clock_is_far_ahead_is_refused() -> None:
    with pytest.raises(AnnotationError, match="7200 s ahead"):
        clock.receive(0, clock.tick(0, NOW + 7_200_000_000), NOW)
