"""A night becomes a repository: the instrument, true times, and a catalog a visit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table, vstack
from astropy.time import Time
from lsst.daf.butler import Butler, Timespan
from lsst.pipe.base import Instrument

from gnomon import times
from gnomon.demo.camera import DemoCamera
from gnomon.demo.ingest import CATALOG_DATASET_TYPE, CATALOGS_RUN, make_repository
from gnomon.demo.night import read_night
from gnomon.repository.configuration import open_butler

MakeNight = Callable[..., Table]


@pytest.fixture(scope="module")
def butler(night_repository: Path) -> Iterator[Butler]:
    with open_butler(night_repository) as client:
        yield client


def test_each_visit_has_its_catalog(butler: Butler, make_night: MakeNight) -> None:
    refs = butler.query_datasets(CATALOG_DATASET_TYPE, collections=CATALOGS_RUN)
    assert sorted(ref.dataId["visit"] for ref in refs) == [2026030100000 + n for n in range(1, 9)]
    stars = butler.get(
        CATALOG_DATASET_TYPE,
        instrument="DemoCamera",
        visit=2026030100003,
        detector=0,
        collections=CATALOGS_RUN,
    )
    assert stars["star_id"].tolist() == list(range(100, 116))
    assert np.array_equal(stars["ra"], make_night()["RA"][32:48])
    assert str(stars["sky"].unit) == "adu / pix"


def test_visits_and_exposures_have_their_true_times(butler: Butler) -> None:
    begin = times.from_utc_iso("2026-03-02T02:04:00")
    for element in ("visit", "exposure"):
        records = {r.id: r for r in butler.query_dimension_records(element)}
        record = records[2026030100003]
        assert int(times.to_tai_us(record.timespan.begin)) == begin
        assert int(times.to_tai_us(record.timespan.end)) == begin + 60_000_000
        assert (record.day_obs, record.seq_num, record.physical_filter) == (20260301, 3, "V")
        assert record.exposure_time == 60.0
        assert record.zenith_angle == pytest.approx(np.degrees(np.arccos(1 / 1.6)))


def test_the_night_lies_within_its_observing_day(butler: Butler) -> None:
    (day,) = butler.query_dimension_records("day_obs")
    assert day.id == 20260301
    noon = Time("2026-03-01T12:00:00", scale="tai")
    assert day.timespan == Timespan(noon, Time("2026-03-02T12:00:00", scale="tai"))
    for visit in butler.query_dimension_records("visit"):
        assert day.timespan.contains(visit.timespan)


def test_each_visit_is_one_exposure_and_covers_its_stars(butler: Butler) -> None:
    definitions = {(d.visit, d.exposure) for d in butler.query_dimension_records("visit_definition")}
    assert definitions == {(2026030100000 + n, 2026030100000 + n) for n in range(1, 9)}
    visit = butler.query_dimension_records("visit")[0]
    # Sixteen stars on both sides of right ascension 0.
    ra, dec = np.radians([359.951, 0.0, 0.099]), np.radians([-30.0, -29.93, -29.85])
    assert visit.region.contains(np.asarray(ra), np.asarray(dec)).all()
    assert not visit.region.contains(np.radians([180.0]), np.radians([-30.0])).any()


def test_the_instrument_is_known_by_its_class(butler: Butler) -> None:
    instrument = Instrument.fromName("DemoCamera", butler.registry)
    assert isinstance(instrument, DemoCamera)
    (detector,) = butler.query_dimension_records("detector")
    assert (detector.id, detector.full_name) == (0, "CCD")


def test_registering_the_instrument_again_changes_nothing(repository: Path) -> None:
    with open_butler(repository, writeable=True) as butler:
        DemoCamera().register(butler.registry)
        DemoCamera().register(butler.registry, update=True)
        assert len(butler.query_dimension_records("detector")) == 1


def test_a_night_of_two_days_and_filters_with_gaps_in_what_is_known(
    make_night: MakeNight, tmp_path: Path
) -> None:
    second = make_night(visits=2, filter="R")
    second["date-obs"] = [text.replace("2026-03-02", "2026-03-03") for text in second["date-obs"]]
    second["RA"] = np.nan
    second["airmass"] = np.nan
    vstack([make_night(visits=2), second]).write(tmp_path / "nights.ecsv")
    steps: list[tuple[int, int]] = []
    make_repository(
        tmp_path / "repo",
        read_night(tmp_path / "nights.ecsv"),
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    with open_butler(tmp_path / "repo") as butler:
        visits = {v.id: v for v in butler.query_dimension_records("visit")}
        assert {(v.day_obs, v.physical_filter) for v in visits.values()} == {(20260301, "V"), (20260302, "R")}
        assert visits[2026030200001].region is None
        assert visits[2026030200001].zenith_angle is None
        assert len(butler.query_datasets(CATALOG_DATASET_TYPE, collections=CATALOGS_RUN)) == 4


def test_what_an_interruption_left_is_replaced(make_night: MakeNight, tmp_path: Path) -> None:
    make_night(visits=1).write(tmp_path / "night.ecsv")
    night = read_night(tmp_path / "night.ecsv")

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_repository(tmp_path / "repo", night, progress=interrupt)
    assert not (tmp_path / "repo").exists()
    make_repository(tmp_path / "repo", night, progress=lambda done, total: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night.ecsv", "repo"]
