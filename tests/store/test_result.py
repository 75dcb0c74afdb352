"""What was loaded, as Arrow, Polars, pandas and astropy tables."""

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from astropy import units as u
from astropy.time import Time

from gnomon import times
from gnomon.errors import StoreError, UnitMismatchError
from gnomon.measurements.rows import SCHEMA, from_records
from gnomon.store import AppendResult, Store

NAN = float("nan")

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]

BEGIN = times.from_utc_iso("2014-12-30T04:29:23Z")


def test_arrow_gives_back_the_rows_that_were_appended(store: Store, row: Make, put: Put) -> None:
    rows = [
        row("demo.a", 1.5, uncertainty=0.1, count=7, obs_begin=BEGIN, obs_end=BEGIN + 30, software="s 1"),
        row("demo.b", None, measured_at=None, extras='{"notes": {}}'),
        row("demo.c", 2.0, dimensions={"htm7": "5"}, band="r", day_obs=20141229),
    ]
    put(*rows)
    assert store.load().arrow() == from_records(rows)
    assert store.load().arrow().schema == SCHEMA
    assert store.load("demo.a", where="value > 9").arrow() == from_records([])


def test_polars_and_pandas_have_the_same_rows(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a", 1.5, obs_begin=BEGIN), row("demo.b", NAN))
    result = store.load()
    assert len(result) == 2
    assert result.lazy().collect().equals(result.polars())
    frame = result.pandas()
    assert list(frame.columns) == SCHEMA.names
    assert frame["value"].tolist() == pytest.approx([1.5, NAN], nan_ok=True)
    assert frame["obs_begin"][0] == times.to_datetime(BEGIN)


def test_it_shows_itself(store: Store, row: Make, put: Put) -> None:
    put(row())
    assert repr(store.load()).startswith("<Result of 1 measurements>")
    assert "demo.a" in store.load()._repr_html_()
    assert repr(store.load(wide=True)).startswith("<Result of 1 data IDs>")


def test_an_astropy_table_has_units_and_masks_what_is_null(store: Store, row: Make, put: Put) -> None:
    first = row("demo.a", 1.5, obs_begin=BEGIN, uncertainty=0.5, count=3, dimensions={"htm7": "5"}, band="r")
    put(first, row("demo.a", None, visit=2))
    table = store.load().qtable()
    assert table["value"].unit == table["uncertainty"].unit == u.mmag
    assert table["value"].value == pytest.approx([NAN, 1.5], nan_ok=True)
    assert isinstance(table["obs_begin"], Time)
    assert table["obs_begin"].scale == "tai"
    assert table["obs_begin"].mask.tolist() == [True, False]
    assert table["obs_begin"][1].utc.isot == "2014-12-30T04:29:23.000"
    assert not np.any(table["measured_at"].mask)
    assert table["count"].mask.tolist() == [True, False]
    assert table["count"][1] == 3
    assert table["visit"].tolist() == [2, 1]
    assert table["band"].tolist() == [None, "r"]
    assert table["htm7"].tolist() == [None, "5"]
    assert table["dataset_id"][1] == str(uuid.UUID(bytes=first["dataset_id"]))


def test_an_astropy_table_of_several_units_has_plain_numbers(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a", 1.0), row("demo.a", 2.0, unit="mag", visit=2))
    table = store.load().qtable()
    assert not isinstance(table["value"], u.Quantity)
    assert table["unit"].tolist() == ["mmag", "mag"]


def test_an_empty_astropy_table_has_all_columns(store: Store) -> None:
    assert len(store.load().qtable()) == 0
    assert "obs_begin" in store.load().qtable().colnames
    assert len(store.load(wide=True).qtable()) == 0


def test_wide_rows_are_data_ids_with_a_column_a_metric(store: Store, row: Make, put: Put) -> None:
    put(
        row("demo.b", 1.0, obs_begin=BEGIN, obs_end=BEGIN + 9, band="r"),
        row("demo.a", 2.0, unit="", obs_begin=BEGIN, obs_end=BEGIN + 9),  # nobody filled in its band
        row("demo.a", 3.0, unit="", visit=2),
        row("demo.c", 4.0, unit="", instrument=None, visit=None),
    )
    frame = store.load(wide=True).polars()
    assert frame.columns == ["run", "instrument", "visit", "band", "obs_begin", "obs_end",
                             "demo.a", "demo.b", "demo.c"]  # fmt: skip
    assert frame.filter(pl.col("visit") == 1).select("band", "demo.a", "demo.b").rows() == [("r", 2.0, 1.0)]
    assert sorted(frame["demo.a"].drop_nulls().to_list()) == [2.0, 3.0]
    table = store.load(wide=True).qtable()
    assert table["demo.b"].unit == u.mmag
    assert table["demo.a"].unit == u.dimensionless_unscaled
    assert len(table) == len(frame) == 3


def test_wide_rows_of_several_runs_are_apart_unless_one_is_chosen(store: Store, row: Make, put: Put) -> None:
    put(
        row("demo.a", 1.0, run="new", measured_at=2),
        row("demo.a", 2.0, run="old", measured_at=1),
        row("demo.b", 3.0, run="old"),
    )
    apart = store.load(wide=True).polars().sort("run")
    assert apart.select("run", "demo.a", "demo.b").rows() == [("new", 1.0, None), ("old", 2.0, 3.0)]
    questions: list[dict[str, Any]] = [{"collections": ["new", "old"]}, {"latest": True}]
    for question in questions:
        together = store.load(wide=True, **question).polars()
        assert "run" not in together.columns
        assert together.select("demo.a", "demo.b").rows() == [(1.0, 3.0)]


def test_a_wide_column_has_one_unit(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a", 1.0), row("demo.a", 2.0, visit=2), row("demo.a", 0.003, visit=3, unit="mag"))
    result = store.load(wide=True)
    assert result.polars().sort("visit")["demo.a"].to_list() == pytest.approx([1.0, 2.0, 3.0])
    assert result.qtable()["demo.a"].unit == u.mmag
    put(row("demo.a", 1.0, visit=4, unit="arcsec"))
    with pytest.raises(UnitMismatchError, match=r"demo\.a are in mmag and in arcsec"):
        store.load(wide=True)


def test_two_values_for_one_place_of_a_wide_row_are_refused(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a", 1.0, dataset_type="one"), row("demo.a", 2.0, dataset_type="two", band="r"))
    with pytest.raises(StoreError, match="name one dataset type, or ask for the latest"):
        store.load(wide=True)
    assert store.load(wide=True, dataset_type="two").polars()["demo.a"].to_list() == [2.0]
