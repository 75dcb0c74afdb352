"""The tags of releases, and the times that they stand for."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon import times
from gnomon.errors import TimeFormatError
from gnomon.releases import release_tags, released_at


def date(text: str) -> str | None:
    moment = released_at(text)
    return None if moment is None else times.to_utc_iso(moment, precision=0)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("d_2025_03_04", "2025-03-04"),
        ("d.2025.03.04", "2025-03-04"),
        ("w_2025_10", "2025-03-06"),
        ("w.2025.10", "2025-03-06"),
        ("w_2024_01", "2024-01-04"),
        ("w_2020_53", "2020-12-31"),
        # Years that begin on a Friday or a Saturday count a week earlier.
        ("w_2021_01", "2020-12-31"),
        ("w_2021_10", "2021-03-04"),
        ("w_2022_01", "2021-12-30"),
        ("w_2022_53", "2022-12-29"),
    ],
)
def test_a_tag_stands_for_a_day(tag: str, expected: str) -> None:
    assert date(tag) == f"{expected}T00:00:00Z"


def test_the_earliest_of_several_tags_counts() -> None:
    assert date("lsst_distrib g4bb8b1bd21+9b30730ed8 (w_2025_10 d_2025_03_04)") == "2025-03-04T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["", "v29_0_0", "gnomon 1.0", "sw_2025_10", "w_2025_100", "w_2025.10", "30.2026.4300", "xd_2025_03_04"],
)
def test_a_text_that_says_no_date_stands_for_none(text: str) -> None:
    assert released_at(text) is None


@pytest.mark.parametrize("tag", ["w_2025_53", "w_2025_00", "d_2025_02_30", "w_0000_10", "d_0000_01_01"])
def test_a_date_that_there_is_not_is_told(tag: str) -> None:
    with pytest.raises(TimeFormatError, match=f"'{tag}' is not the tag of a release.*w_2025_10"):
        released_at(tag)


def test_tags_are_found_official_ones_first() -> None:
    assert release_tags("(d_2025_03_04 w.2025.10 v29.0.0_rc1 current)") == [
        "v29_0_0_rc1",
        "w_2025_10",
        "d_2025_03_04",
    ]


@given(st.integers(1975, 2027), st.integers(1, 51))
def test_weeks_follow_one_another_on_thursdays(year: int, week: int) -> None:
    this, following = (released_at(f"w_{year}_{number:02}") for number in (week, week + 1))
    assert this is not None
    assert following is not None
    assert times.to_datetime(this + 43_200_000_000).weekday() == 3
    # A leap second may lie between.
    assert (
        abs(following - this - datetime.timedelta(weeks=1) // datetime.timedelta(microseconds=1)) <= 1_000_000
    )
