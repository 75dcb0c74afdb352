"""What the records of exposures, visits and nights say."""

import datetime
from typing import Any

import polars as pl
import pytest
from astropy.time import Time
from lsst.daf.butler import Butler, DataCoordinate, Timespan

from gnomon import times
from gnomon.measurements import observations
from gnomon.repository.dimension_records import DimensionRecords
from gnomon.repository.observation_times import Observation, recorded_time

NOWHEN = (None, None)
type Times = tuple[datetime.datetime | None, datetime.datetime | None]


def at(butler: Butler, *given: dict[str, Any]) -> list[Times]:
    records = DimensionRecords(butler)
    group = butler.dimensions.conform(given[0])
    return records.observed(pl.DataFrame(list(given)), group).rows()


def moment(text: str) -> datetime.datetime:
    return times.to_datetime(times.from_utc_iso(text))


def test_many_data_ids_have_their_times_in_order(butler: Butler, visits: list[int]) -> None:
    wanted = [visits[2], visits[0], visits[2]]
    found = at(butler, *({"instrument": "DemoCamera", "visit": visit} for visit in wanted))
    assert [begin for begin, _ in found] == [
        moment(f"2014-12-30T04:{minute}:00Z") for minute in ("10", "00", "10")
    ]
    empty = pl.DataFrame(schema={"instrument": pl.String, "visit": pl.Int64})
    assert DimensionRecords(butler).observed(empty, butler.dimensions.conform(["visit"])).is_empty()


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
    night = {"instrument": "DemoCamera", "id": 20250101, "timespan": Timespan(first, last)}
    butler.registry.insertDimensionData("day_obs", night)
    zero = times.to_tai_us(Time("2025-01-01", scale="tai"))
    wanted = tuple(None if offset is None else zero + offset for offset in expected)
    (found,) = at(butler, {"instrument": "DemoCamera", "day_obs": 20250101})
    assert found == tuple(None if offset is None else times.to_datetime(offset) for offset in wanted)
    # A data ID that brings its records along says the same.
    data_id = butler.registry.expandDataId(instrument="DemoCamera", day_obs=20250101)
    assert recorded_time(data_id) == Observation(*wanted)


def test_what_has_no_time_or_no_record_of_it_was_observed_nowhen(butler: Butler) -> None:
    butler.registry.insertDimensionData("day_obs", {"instrument": "DemoCamera", "id": 20250101})
    assert at(butler, {"instrument": "DemoCamera", "day_obs": 20250101}) == [NOWHEN]
    assert at(butler, {"instrument": "DemoCamera", "day_obs": 20990101}) == [NOWHEN]
    assert at(butler, {"skymap": "sky", "tract": 7}) == [NOWHEN]
    assert at(butler, {"instrument": "DemoCamera"}) == [NOWHEN]
    data_id = DataCoordinate.standardize(skymap="sky", tract=7, universe=butler.dimensions)
    assert recorded_time(data_id) == Observation(None, None)


def test_what_the_records_of_exposures_and_visits_say_is_an_observation_each(butler: Butler) -> None:
    def insert(element: str, **record: Any) -> None:
        butler.registry.insertDimensionData(element, {"instrument": "Cam", **record})

    span = Timespan(Time("2025-01-02T01:00:00", scale="tai"), Time("2025-01-02T01:00:15", scale="tai"))
    butler.registry.insertDimensionData("instrument", {"name": "Cam", "visit_system": 0})
    insert("physical_filter", name="r_03", band="r")
    insert("day_obs", id=20250101)
    shared = {
        "day_obs": 20250101, "physical_filter": "r_03", "timespan": span, "exposure_time": 15.0,
        "zenith_angle": 30.0, "science_program": "BLOCK-1", "observation_reason": "survey",
    }  # fmt: skip
    for number, target in ((1, "field"), (2, "field"), (3, "other")):
        insert("group", name=f"g{number}")
        insert(
            "exposure",
            **shared,
            id=number,
            obs_id=f"E{number}",
            group=f"g{number}",
            seq_num=number,
            observation_type="science",
            target_name=target,
        )
    for visit, exposures in ((11, (1, 2)), (12, (3,)), (13, ())):
        insert("visit", **shared, id=visit, name=f"V{visit}", seq_num=visit)
        for exposure in exposures:
            insert("visit_definition", visit=visit, exposure=exposure)
    records = DimensionRecords(butler)
    records.observed(
        pl.DataFrame({"instrument": ["Cam"] * 3, "visit": [11, 12, 13]}), butler.dimensions.conform(["visit"])
    )
    table = records.take_observations()
    assert table.schema == observations.SCHEMA
    found = {(row["element"], row["id"]): row for row in table.to_pylist()}
    assert sorted(found) == [("exposure", 1), ("exposure", 2), ("exposure", 3)] + [
        ("visit", visit) for visit in (11, 12, 13)
    ]
    begin = times.to_datetime(times.to_tai_us(span.begin))
    common = {
        "instrument": "Cam", "day_obs": 20250101, "physical_filter": "r_03", "band": "r",
        "observation_reason": "survey", "science_program": "BLOCK-1", "exposure_time": 15.0,
        "zenith_angle": 30.0, "obs_begin": begin, "obs_end": begin + datetime.timedelta(seconds=15),
    }  # fmt: skip
    assert found["exposure", 1] == common | {
        "element": "exposure", "id": 1, "obs_id": "E1", "group": "g1", "seq_num": 1,
        "observation_type": "science", "target_name": "field",
    }  # fmt: skip
    # A visit has from its exposures what its record does not say, if they agree.
    assert found["visit", 11] == common | {
        "element": "visit", "id": 11, "obs_id": "V11", "group": None, "seq_num": 11,
        "observation_type": "science", "target_name": "field",
    }  # fmt: skip
    assert found["visit", 12]["group"] == "g3"
    assert found["visit", 13] == common | {
        "element": "visit", "id": 13, "obs_id": "V13", "group": None, "seq_num": 13,
        "observation_type": None, "target_name": None,
    }  # fmt: skip
    # What was given once is not given again.
    assert len(records.take_observations()) == 0
