"""The real night: the figures, what was said of it, what the repository holds, and the page."""

import subprocess
from pathlib import Path

import polars as pl
import pytest

from gnomon.annotations import Target, open_annotations
from gnomon.repository.configuration import open_butler
from gnomon.store import open_store

from .conftest import GNOMON, Demonstration

pytestmark = pytest.mark.xdist_group("night")

VISIT_METRICS = (
    "zero_point_offset",
    "sky_background",
    "star_count",
    "astrometric_offset",
    "magnitude_error",
    "airmass",
)
EXPECTED = {  # of the night, computed apart from this project
    "demo.bright_star_count": (11, 0),
    "demo.zero_point_drift": (60.6, 0.05),
    "demo.photometric_repeatability_raw": (16.55, 0.005),
    "demo.photometric_repeatability": (7.74, 0.005),
    "demo.extinction": (0.158, 0.003),
    "demo.zero_point_scatter": (2.3, 0.15),
}


@pytest.mark.parametrize("metric", EXPECTED)
def test_the_figures_of_the_night_are_the_independent_ones(night: Demonstration, metric: str) -> None:
    value, tolerance = EXPECTED[metric]
    measured = night.found["metrics"][metric]
    assert measured["per"] == "night"
    assert measured["value"] == pytest.approx(value, abs=tolerance)


def test_the_first_visit_has_the_worst_zero_point_and_the_thirteenth_the_worst_astrometry(
    night: Demonstration,
) -> None:
    place = {visit: int(visit) % 100_000 for visit in night.found["metrics"]["demo.airmass"]["values"]}
    offsets = night.found["metrics"]["demo.zero_point_offset"]
    astrometry = night.found["metrics"]["demo.astrometric_offset"]
    assert place[str(offsets["largest_at_visit"])] == 1
    assert place[str(astrometry["largest_at_visit"])] == 13
    assert astrometry["value"] == pytest.approx(79.8, abs=0.05)
    assert astrometry["maximum"] == pytest.approx(127.7, abs=0.05)


def test_the_sky_falls_and_the_airmass_too(night: Demonstration) -> None:
    sky, airmass = (night.found["metrics"][f"demo.{name}"] for name in ("sky_background", "airmass"))
    assert sky["unit"] == "adu / pix"
    assert (sky["first"], sky["last"]) == (pytest.approx(74.6, rel=0.01), pytest.approx(52.5, rel=0.01))
    assert airmass["maximum"] == pytest.approx(1.36, abs=0.005)
    assert airmass["minimum"] == pytest.approx(1.03, abs=0.005)


def test_only_the_ninth_visit_is_off_the_airmass_trend(night: Demonstration) -> None:
    rules = [said for said in night.found["annotations"] if said["kind"] == "bot"]
    assert len(rules) == 1
    flagged = [flag for flag in rules[0]["flags"] if flag["state"] == "set"]
    assert [flag["target"]["visit"] % 100_000 for flag in flagged] == [9]
    assert "+8." in flagged[0]["reason"]
    assert len(rules[0]["flags"]) == 94


def test_a_persons_flag_stands_against_the_bots_word_and_both_stay_in_the_history(
    night: Demonstration,
) -> None:
    by_visit: dict[int, list[dict[str, str]]] = {}
    for mark in night.found["marks"]:
        by_visit.setdefault(mark["visit"], []).append(mark)
    contested = [marks for marks in by_visit.values() if {m["kind"] for m in marks} == {"bot", "human"}]
    assert len(contested) == 1
    outcomes = {mark["kind"]: (mark["state"], mark["outcome"]) for mark in contested[0]}
    assert outcomes == {"bot": ("examined", "overruled"), "human": ("set", "holds")}
    assert [event["actor_kind"] for event in night.found["history"]] == ["bot", "human"]


def test_what_is_flagged_is_what_the_second_run_leaves_out(night: Demonstration) -> None:
    excluded = {item["visit"] for item in night.found["excluded_visits"]}
    runs = night.found["runs"]
    store = open_store(night.folder / "store")
    before, after = (
        set(store.load("demo.airmass", collections=runs[run]["run"]).polars()["visit"])
        for run in ("before", "after")
    )
    assert before - after == excluded
    assert after < before
    with open_annotations(night.folder / "annotations.db") as log:
        targets = [Target.dimension("visit", {"instrument": "DemoCamera", "visit": v}) for v in before]
        held = log.effective(targets, flags=["questionable", "junk"])
    assert {flag.target.data_id["visit"] for flag in held if flag.state == "set"} == excluded  # type: ignore[index]


def test_every_measurement_is_a_dataset_with_a_data_id(night: Demonstration) -> None:
    with open_butler(night.folder / "repo") as butler:
        for run, visits in (("before", 94), ("after", 92)):
            collection = night.found["runs"][run]["run"]
            for metric in VISIT_METRICS:
                refs = butler.query_datasets(f"metricvalue_demo_{metric}", collections=collection, limit=None)
                assert len(refs) == visits
                assert set(refs[0].dataId.required) == {"instrument", "visit"}
            for metric in EXPECTED:
                name = f"metricvalue_{metric.replace('.', '_', 1)}"
                (ref,) = butler.query_datasets(name, collections=collection, limit=None)
                assert set(ref.dataId.required) == {"instrument", "day_obs", "physical_filter"}
                assert ref.dataId["day_obs"] == 20141229
                measurement = butler.get(ref)
                assert measurement.value == night.found["runs"][run]["metrics"][metric]["value"]


def test_times_of_observation_are_those_of_the_exposures(night: Demonstration) -> None:
    rows = (
        open_store(night.folder / "store").load("demo.airmass", collections="demo/all", wide=False).polars()
    )
    first = rows.sort("obs_begin")[0]
    # TAI is 35 s ahead of UTC in 2014.
    assert str(first["obs_begin"][0]) == "2014-12-30 04:29:58"
    assert (rows["obs_end"] - rows["obs_begin"]).unique().to_list() == [
        pl.duration(seconds=90).pipe(pl.select).item()
    ]
    assert night.found["night"]["begin"] == "2014-12-30T04:29:23.000Z"
    assert night.found["night"]["day_obs"] == [20141229]


def test_real_numbers_decide_the_verdicts(night: Demonstration) -> None:
    verdicts = {row["specification"]: row for row in night.found["verdicts"]["by_specification"]}
    assert (verdicts["demo.photometric_repeatability.minimum"]["pass"]) == 1
    assert (verdicts["demo.photometric_repeatability.design"]["fail"]) == 1
    pointing = verdicts["demo.astrometric_offset.pointing"]
    values = night.found["metrics"]["demo.astrometric_offset"]["values"].values()
    assert pointing["fail"] == sum(value > 100 for value in values)
    assert pointing["pass"] + pointing["fail"] == 94


def test_a_folder_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    done = subprocess.run([GNOMON, "demo", str(theirs)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "was not made by `gnomon demo`" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_text() for path in theirs.iterdir()} == {"thesis.tex": "years of work"}


def test_a_folder_of_another_night_is_refused(night: Demonstration, synthetic_night: "object") -> None:
    table = synthetic_night.path  # type: ignore[attr-defined]
    before = sorted(night.folder.iterdir())
    done = subprocess.run(
        [GNOMON, "demo", str(night.folder), "--table", str(table)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "another folder" in done.stderr
    assert sorted(night.folder.iterdir()) == before
