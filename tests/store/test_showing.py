"""A store and its answers, as they show themselves in a notebook and in a terminal."""

import datetime
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gnomon import times
from gnomon.store import AppendResult, Store, open_store

BEGIN = times.from_utc_iso("2025-06-21T03:00:00Z")

type Make = Callable[..., dict[str, Any]]
type Put = Callable[..., AppendResult]


class Printer:
    """What IPython hands over."""

    def __init__(self) -> None:
        self.said = ""

    def text(self, text: str) -> None:
        self.said += text


def pretty(store: Store) -> str:
    printer = Printer()
    store._repr_pretty_(printer, False)
    return printer.said


def test_a_store_says_what_is_in_it(store: Store, row: Make, put: Put) -> None:
    put(
        row("demo.a"),
        row("demo.b", run="another"),
        row("demo.<b>", visit=2, dataset_type="metricvalue_demo_c"),
    )
    page = store._repr_html_()
    for part in (store.uri, "3 rows", "3 metrics", "2 runs", "single/instrument-visit", "demo.a", "another"):
        assert part in page
    assert "demo.&lt;b&gt;" in page
    text = pretty(store)
    assert text.startswith(f"<Store {store.uri}>\n3 rows, 3 metrics of 3 dataset types in 2 runs")
    assert text.endswith("metrics: demo.<b>, demo.a, demo.b")
    assert repr(store) == f"<Store {store.uri}>"


def test_a_store_that_is_not_there_yet_says_so(store: Store, folder: Path) -> None:
    assert "nothing yet" in store._repr_html_()
    assert pretty(store) == f"<Store {store.uri}>\nnothing yet"
    assert not folder.exists()


def test_rows_in_the_hot_buffer_are_counted(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a"))
    assert "waiting" not in pretty(store)


def test_a_store_that_cannot_be_read_says_why_instead_of_failing(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a"))
    for entry in Path(store.uri).glob("catalog/*"):
        entry.write_text("no JSON")
    broken = open_store(store.uri)
    assert "cannot be read" in broken._repr_html_()
    assert "cannot be read" in pretty(broken)


def test_an_answer_has_units_in_its_heading_and_readable_times_and_ids(
    store: Store, row: Make, put: Put
) -> None:
    rows = [
        row("demo.a", 1.25, obs_begin=BEGIN, obs_end=BEGIN + 30_000_000),
        row("demo.a", 2.5, visit=2, obs_begin=BEGIN + 40_000_000),
    ]
    put(*rows)
    page = store.load()._repr_html_()
    assert "2 measurements" in page
    assert "value <span>[mmag]</span>" in page
    assert "obs_begin <span>[TAI]</span>" in page
    assert "2025-06-21 03:00:37.000" in page
    assert str(uuid.UUID(bytes=rows[0]["dataset_id"])) in page
    assert "metric <b>demo.a</b>" in page
    assert "tract" not in page
    text = repr(store.load())
    assert text.startswith("<Result of 2 measurements>\nall with metric=demo.a")
    assert "value [mmag]" in text
    assert "2025-06-21 03:00:37.000" in text


def test_an_answer_of_several_units_has_them_in_a_column(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a"), row("demo.b", unit="arcsec"))
    page = store.load()._repr_html_()
    assert "<td >arcsec</td>" in page
    assert "[mmag]" not in page


def test_a_wide_answer_has_the_unit_of_each_metric(store: Store, row: Make, put: Put) -> None:
    put(row("demo.a"), row("demo.b", unit="arcsec"), row("demo.b", unit="arcsec", visit=2))
    page = store.load(wide=True)._repr_html_()
    assert "2 data IDs" in page
    assert "demo.a <span>[mmag]</span>" in page
    assert "demo.b <span>[arcsec]</span>" in page
    assert "demo.b [arcsec]" in repr(store.load(wide=True))


def test_an_answer_without_rows_or_with_few_columns_shows_itself_too(
    store: Store, row: Make, put: Put
) -> None:
    assert repr(store.load()) == "<Result of 0 measurements>"
    assert "0 measurements" in store.load()._repr_html_()
    put(row("demo.a"))
    assert "visit" in store.load(columns=["visit"])._repr_html_()
    assert "visit" in repr(store.load(columns=["visit"]))


def test_what_was_appended_and_put_in_order_is_shown(store: Store, row: Make, put: Put) -> None:
    assert "added" in put(row("demo.a"))._repr_html_()
    done = store.compact()
    assert "files before" in done[0]._repr_html_()


def test_a_correlation_shows_its_figures_and_its_gaps(store: Store, row: Make, put: Put) -> None:
    put(
        *(
            row(
                "demo.a",
                float(v),
                visit=v,
                obs_begin=BEGIN + v * 40_000_000,
                obs_end=BEGIN + v * 40_000_000 + 1,
            )
            for v in range(5)
        )
    )
    moments = [
        datetime.datetime(2025, 6, 21, 3, 0, 37) + datetime.timedelta(seconds=40 * v) for v in range(4)
    ]
    series = pl.DataFrame({"time": moments, "wind": [1.0, 2.0, 3.0, 4.0]})
    found = store.correlate("demo.a", series, scale="tai", units={"wind": "m/s"})
    text = repr(found)
    assert text.startswith("<Correlation of 5 measurements with wind (mean over the observation)>")
    assert "pearson" in text
    assert text.endswith("1 rows: no sample of wind")
    page = found._repr_html_()
    for part in ("spearman", "no sample of wind", "wind <span>[m / s]</span>", "value <span>[mmag]</span>"):
        assert part in page
    near = store.correlate("demo.a", series, scale="tai", how="nearest", tolerance=2)
    assert "wind (nearest at the middle of the observation, within 2 s)" in repr(near)
    wider = store.correlate("demo.a", series, scale="tai", tolerance=2)
    assert "over the observation and 2 s on either side" in repr(wider)


@pytest.mark.parametrize("how", ["repr", "_repr_html_"])
def test_showing_an_answer_does_not_change_it(store: Store, row: Make, put: Put, how: str) -> None:
    put(row("demo.a"), row("demo.a", visit=2))
    result = store.load()
    before = result.polars().clone()
    repr(result) if how == "repr" else result._repr_html_()
    assert result.polars().equals(before)
