"""When the things that data IDs name were observed."""

from typing import Any

import pytest
from astropy.time import Time
from lsst.daf.butler import Butler, Timespan

from gnomon import times
from gnomon.repository.observation_times import Observation, observation_times

NOWHEN = Observation(None, None)


def at(butler: Butler, **data_id: Any) -> list[Observation]:
    return observation_times(butler, [butler.registry.expandDataId(data_id)])


def test_many_data_ids_have_their_times_in_order(butler: Butler, visits: list[int]) -> None:
    wanted = [visits[2], visits[0], visits[2]]
    data_ids = [butler.registry.expandDataId(instrument="DemoCamera", visit=visit) for visit in wanted]
    begins = [observation.begin for observation in observation_times(butler, data_ids)]
    texts = ("2014-12-30T04:10:00Z", "2014-12-30T04:00:00Z", "2014-12-30T04:10:00Z")
    assert begins == [times.from_utc_iso(text) for text in texts]
    assert observation_times(butler, []) == []


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("2025-01-01", "2025-01-02", (0, 86_400_000_000)),
        (None, "2025-01-02", (None, 86_400_000_000)),
        ("2025-01-01", None, (0, None)),
        (None, None, (None, None)),
    ],
)
def test_an_unbounded_end_is_no_time(
    butler: Butler, begin: str | None, end: str | None, expected: tuple[int | None, int | None]
) -> None:
    first, last = (None if text is None else Time(text, scale="tai") for text in (begin, end))
    butler.registry.insertDimensionData(
        "day_obs", {"instrument": "DemoCamera", "id": 20250101, "timespan": Timespan(first, last)}
    )
    zero = times.to_tai_us(Time("2025-01-01", scale="tai"))
    (found,) = at(butler, instrument="DemoCamera", day_obs=20250101)
    assert found == tuple(None if moment is None else zero + moment for moment in expected)


def test_what_has_no_time_or_no_record_of_it_was_observed_nowhen(butler: Butler) -> None:
    butler.registry.insertDimensionData("day_obs", {"instrument": "DemoCamera", "id": 20250101})
    assert at(butler, instrument="DemoCamera", day_obs=20250101) == [NOWHEN]
    assert at(butler, skymap="sky", tract=7) == [NOWHEN]
    assert at(butler, instrument="DemoCamera") == [NOWHEN]
    assert at(butler) == [NOWHEN]
