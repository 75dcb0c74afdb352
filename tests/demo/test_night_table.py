"""A night's table is taken apart into exposures, or refused with what is wrong with it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, Table, vstack
from astropy.time import Time

from gnomon import times
from gnomon.demo.night import Night, find_table, read_night
from gnomon.errors import FormatError

MakeNight = Callable[..., Table]


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Table], Night]:
    """Write a table and read it as a night."""

    def write_and_read(table: Table) -> Night:
        table.write(tmp_path / "night.ecsv", overwrite=True)
        return read_night(tmp_path / "night.ecsv")

    return write_and_read


Read = Callable[[Table], Night]


def test_the_real_night_is_94_exposures_of_41_stars() -> None:
    night = read_night(find_table())
    assert len(night) == 94
    assert {len(exposure.stars) for exposure in night} == {41}
    assert night.filters == ["R"]
    assert night.days == [20141229]
    assert [exposure.seq_num for exposure in night] == list(range(1, 95))
    first, last = night.exposures[0], night.exposures[-1]
    assert times.to_utc_iso(first.begin, precision=0) == "2014-12-30T04:29:23Z"
    assert times.to_utc_iso(last.end, precision=0).startswith("2014-12-30T07:")
    assert first.identifier == 2014122900001
    assert 1.3 < first.airmass < 1.4
    assert night.source == "2014-12-29-ey-uma-9.fits"
    assert night.digest == hashlib.sha256(find_table().read_bytes()).hexdigest()


def test_exposures_come_in_order_of_time_with_tai_spans(make_night: MakeNight, read: Read) -> None:
    table = make_night()
    table.reverse()
    night = read(table)
    assert [exposure.seq_num for exposure in night] == list(range(1, 9))
    first, second = night.exposures[:2]
    assert first.begin == int(times.to_tai_us(Time("2026-03-02T02:00:00", scale="utc")))
    assert first.end - first.begin == 60_000_000
    assert second.begin - first.begin == 120_000_000
    assert first.day_obs == 20260301
    assert (first.filter, first.exposure_time) == ("V", 60.0)
    assert first.airmass == pytest.approx(1.8)


def test_a_star_catalog_has_its_units(make_night: MakeNight, read: Read) -> None:
    stars = read(make_night()).exposures[0].stars
    assert stars.colnames == ["star_id", "ra", "dec", "mag_err", "sky", "airmass", "mag"]
    assert stars["ra"].unit == stars["dec"].unit == u.deg
    assert stars["mag"].unit == stars["mag_err"].unit == u.mag
    assert stars["sky"].unit == u.adu / u.pix
    assert stars["star_id"].tolist() == list(range(100, 116))


def test_units_of_the_table_are_believed_where_they_fit(make_night: MakeNight, read: Read) -> None:
    table = make_night()
    table["RA"] = (np.asarray(table["RA"]) * u.deg).to(u.hourangle)
    table["exposure"] = (np.asarray(table["exposure"]) * u.s).to(u.min)
    table["mag_error"].unit = 1 / u.adu
    exposure = read(table).exposures[0]
    assert exposure.stars["ra"].value[0] == pytest.approx(float(np.asarray(make_night()["RA"])[0]))
    assert exposure.exposure_time == pytest.approx(60.0)
    assert exposure.stars["mag_err"].value[0] == pytest.approx(0.005)


def test_a_table_of_two_nights_and_two_filters_counts_each_night_from_one(
    make_night: MakeNight, read: Read
) -> None:
    second = make_night(visits=3, filter="R")
    second["date-obs"] = [text.replace("2026-03-02", "2026-03-03") for text in second["date-obs"]]
    night = read(vstack([make_night(visits=2), second]))
    assert night.days == [20260301, 20260302]
    assert night.filters == ["R", "V"]
    assert [(e.day_obs, e.seq_num, e.filter) for e in night] == [
        (20260301, 1, "V"),
        (20260301, 2, "V"),
        (20260302, 1, "R"),
        (20260302, 2, "R"),
        (20260302, 3, "R"),
    ]
    assert len({exposure.identifier for exposure in night}) == 5


def test_masked_values_are_nan(make_night: MakeNight, read: Read) -> None:
    table = make_night(visits=1)
    table["mag_inst_V"] = MaskedColumn(table["mag_inst_V"], mask=np.arange(16) == 2)
    table["airmass"] = MaskedColumn(table["airmass"], mask=np.arange(16) < 15)
    exposure = read(table).exposures[0]
    assert np.flatnonzero(np.isnan(exposure.stars["mag"].value)).tolist() == [2]
    assert exposure.airmass == pytest.approx(1.8)


def test_an_exposure_without_any_airmass_has_none(make_night: MakeNight, read: Read) -> None:
    table = make_night(visits=1)
    table["airmass"] = np.nan
    assert np.isnan(read(table).exposures[0].airmass)


def test_long_identifiers_of_stars_stay_apart(make_night: MakeNight, read: Read) -> None:
    table = make_night(visits=1)
    table["star_id"] = 2**62 + np.arange(16, dtype=np.int64)
    assert read(table).exposures[0].stars["star_id"].tolist() == [2**62 + i for i in range(16)]


def _fits(path: Path) -> None:
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("night.fits", lambda path: path.write_bytes(b"SIMPLE  =                    T" + b" " * 200)),
        ("image.fits", _fits),
        ("night.ecsv", lambda path: path.write_text("# %ECSV 1.0\n# ---\n# {", encoding="utf-8")),
        ("night.txt", lambda path: path.write_bytes(b"\x00\xff\x00")),
        ("night.hdf5", lambda path: path.write_bytes(b"nothing")),
        ("night", lambda path: path.write_text("nothing", encoding="utf-8")),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_a_file_that_is_no_table_is_refused_by_name(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    with pytest.raises(FormatError, match="not a table that can be read") as caught:
        read_night(tmp_path / name)
    assert caught.value.file == str(tmp_path / name)


def test_a_file_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read: No such file or directory"):
        read_night(tmp_path / "night.fits")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("date-obs", "yesterday", "'date-obs' does not hold times: 'yesterday'"),
        ("date-obs", 59000.0, "'date-obs' holds float64, not text"),
        ("filter", 3, "'filter' holds int64, not text"),
        ("mag_error", "small", "'mag_error' holds <U5, not numbers"),
        ("RA", "12:00:00", "'RA' holds <U8, not numbers"),
        ("star_id", "Vega", "'star_id' holds <U4, not numbers"),
        ("star_id", 1.5, "'star_id' holds what is not an integer"),
        ("star_id", np.nan, "'star_id' holds what is not an integer"),
        ("star_id", 7, "begins at 2026-03-02T02:00:00.000 has the star 7 more than once"),
        ("exposure", 0.0, "lasts 0.0 s"),
        ("exposure", np.nan, "lasts nan s"),
        ("exposure", "long", "'exposure' holds <U4, not numbers"),
        ("filter", "R", "exposures in filter 'R' but no column 'mag_inst_R'. Did you mean mag_inst_V?"),
    ],
)
def test_a_column_of_the_wrong_kind_is_named(
    make_night: MakeNight, read: Read, column: str, values: Any, message: str
) -> None:
    table = make_night(visits=2)
    table.replace_column(column, [values] * len(table))
    with pytest.raises(FormatError) as caught:
        read(table)
    assert message in str(caught.value)


@pytest.mark.parametrize("column", ["filter", "date-obs"])
def test_a_text_that_is_missing_is_named_with_its_row(make_night: MakeNight, read: Read, column: str) -> None:
    table = make_night(visits=1)
    table[column] = MaskedColumn(table[column], mask=np.arange(16) == 4)
    with pytest.raises(FormatError, match=rf"'{column}' has no value in row 5"):
        read(table)


def test_a_column_that_is_missing_is_answered_with_the_nearest(make_night: MakeNight, read: Read) -> None:
    table = make_night(visits=1)
    table.rename_column("sky_per_pix_avg", "sky_per_pixel")
    with pytest.raises(FormatError, match=r"no column 'sky_per_pix_avg'\. Did you mean sky_per_pixel\?"):
        read(table)


def test_an_empty_table_is_said_to_be_empty(make_night: MakeNight, read: Read) -> None:
    with pytest.raises(FormatError, match="The table is empty"):
        read(make_night(visits=1)[:0])


@pytest.mark.parametrize(("column", "value"), [("exposure", 61.0), ("filter", "R")])
def test_an_exposure_that_contradicts_itself_is_refused(
    make_night: MakeNight, read: Read, column: str, value: Any
) -> None:
    table = make_night(visits=1)
    table[column][3] = value
    with pytest.raises(FormatError, match="more than one filter or exposure time"):
        read(table)
