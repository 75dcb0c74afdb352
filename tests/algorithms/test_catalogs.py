"""Catalogs of any kind: their columns, units and rows."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from gnomon import times
from gnomon.algorithms.catalogs import Catalog
from gnomon.errors import MeasurementError, MeasurementTypeError, UnitMismatchError

COLUMNS = {
    "flux": [1.0, 2.0, float("nan")],
    "id": [7, 8, 9],
    "band": ["r", "i", "r"],
    "good": [True, False, True],
}


@pytest.mark.parametrize(
    "make", [Table, QTable, pa.table, pd.DataFrame, pl.DataFrame, dict], ids=lambda m: m.__name__
)
def test_a_catalog_may_be_any_kind_of_table(make: Any) -> None:
    catalog = Catalog.of(make({name: np.array(values) for name, values in COLUMNS.items()}))
    assert len(catalog) == 3
    assert catalog.frame.drop("flux").to_dict(as_series=False) == {
        n: v for n, v in COLUMNS.items() if n != "flux"
    }
    assert catalog.frame["flux"].is_nan().to_list() == [False, False, True]


def test_a_structured_array_and_a_catalog_are_catalogs_too() -> None:
    catalog = Catalog.of(np.array([(1.0, 2)], dtype=[("flux", ">f4"), ("id", ">i8")]))
    assert catalog.frame.to_dict(as_series=False) == {"flux": [1.0], "id": [2]}
    assert Catalog.of(catalog) is catalog
    assert Catalog.of(catalog, ["id"]).frame.columns == ["id"]


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(MeasurementTypeError, match="not int"):
        Catalog.of(5)


def test_columns_bring_their_units() -> None:
    table = QTable({"flux": [1.0] * u.nJy, "mag": [2.0] * u.ABmag, "x": [3.0]})
    table["old"] = Table({"a": [1.0]}, units={"a": "adu"})["a"]
    units = Catalog.of(table).units
    assert units == {"flux": u.nJy, "mag": u.ABmag, "old": u.adu}


def test_a_unit_that_nobody_knows_is_none() -> None:
    table = Table({"flux": [1.0]})
    table["flux"].unit = u.Unit("furlongs_of_light", parse_strict="silent")
    assert Catalog.of(table).units == {}


def test_what_is_masked_is_null() -> None:
    table = Table(
        {"flux": MaskedColumn([1.0, 2.0], mask=[True, False]), "id": MaskedColumn([1, 2], mask=[0, 1])}
    )
    assert Catalog.of(table).frame.to_dict(as_series=False) == {"flux": [None, 2.0], "id": [1, None]}


def test_times_are_in_tai_and_bytes_are_text() -> None:
    moments = Time(["2014-12-30T04:29:20", "2014-12-30T04:29:21"], scale="utc")
    catalog = Catalog.of(Table({"begin": moments, "name": [b"a", b"b"]}))
    assert catalog.frame["begin"].to_list()[0] == times.to_datetime(times.from_utc_iso("2014-12-30T04:29:20"))
    assert catalog.frame["name"].to_list() == ["a", "b"]


def test_a_column_with_several_values_a_row_is_known_and_left_out() -> None:
    catalog = Catalog.of(Table({"flux": [1.0, 2.0], "moments": np.zeros((2, 3))}))
    assert catalog.frame.columns == ["flux"]
    assert catalog.names == {"flux", "moments"}


def test_a_catalog_of_which_no_column_is_wanted_still_has_its_rows() -> None:
    for table in (Table(COLUMNS), pl.DataFrame(COLUMNS)):
        assert len(Catalog.of(table, [])) == 3


def test_constants_do_not_hide_columns() -> None:
    catalog = Catalog.of(Table({"band": ["r"]})).with_constants({"band": "i", "visit": 5})
    assert catalog.frame.to_dict(as_series=False) == {"band": ["r"], "visit": [5]}
    empty = Catalog.of(Table({"band": np.array([], dtype=str)})).with_constants(
        {"visit": 5, "instrument": "I"}
    )
    assert empty.frame.schema["visit"] == pl.Int64
    assert empty.frame.schema["instrument"] == pl.String


def test_catalogs_are_joined_in_the_units_of_the_first() -> None:
    parts = [Catalog.of(QTable({"flux": [value] * unit})) for value, unit in ((1.0, u.uJy), (500.0, u.nJy))]
    joined = Catalog.joined(parts)
    assert joined.frame["flux"].to_list() == pytest.approx([1.0, 0.5])
    assert joined.units == {"flux": u.uJy}


def test_an_empty_catalog_needs_no_columns_to_be_joined() -> None:
    joined = Catalog.joined([Catalog.of(Table()), Catalog.of(Table({"x": [1]})), Catalog.of(Table())])
    assert joined.frame["x"].to_list() == [1]


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (Table({"y": [1.0]}), MeasurementError, "Not all of the catalogs have the column 'x'"),
        (Table({"x": ["a"]}), MeasurementError, "different types"),
        (QTable({"x": [1.0] * u.mag}), UnitMismatchError, "in some of the catalogs only"),
    ],
)
def test_catalogs_that_do_not_fit_are_not_joined(other: Table, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Catalog.joined([Catalog.of(Table({"x": [1.0]})), Catalog.of(other)])
