"""How things show themselves: readable, short, and safe to put into a page."""

import datetime
import uuid
from dataclasses import dataclass

import polars as pl
import pytest

from gnomon.notebook import ShownFields, file_size, html_block, html_list, html_table, readable, text_table

UUID = uuid.UUID("0197a1b2-c3d4-7e5f-8a9b-0123456789ab")


def test_uuids_times_and_maps_are_as_people_write_them() -> None:
    frame = pl.DataFrame(
        {
            "dataset_id": [UUID.bytes, None],
            "other": [b"\x01\x02", b"\xff"],
            "obs_begin": [datetime.datetime(2025, 6, 21, 3, 4, 5, 678_901), None],
            "dimensions": [[{"key": "htm7", "value": "5"}, {"key": "x", "value": "y"}], None],
            "tags": [["a", "b"], []],
        }
    )
    shown, _ = readable(frame)
    assert shown.row(0) == (str(UUID), "0102", "2025-06-21 03:04:05.678", "htm7=5, x=y", "a, b")
    assert shown.row(1) == (None, "ff", None, None, "")


def test_what_all_rows_say_is_said_once_and_what_none_says_not_at_all() -> None:
    frame = pl.DataFrame(
        {
            "run": ["r", "r"],
            "visit": [1, 2],
            "day": [7, 7],
            "value": [0.5, 0.5],
            "band": [None, None],
            "unit": ["", ""],
        },
        schema_overrides={"band": pl.String},
    )
    shown, same = readable(frame)
    assert shown.columns == ["visit", "value"]
    assert same == {"run": "r", "day": "7"}
    assert readable(frame, gather=False)[0].columns == ["run", "visit", "day", "value"]
    assert readable(frame.head(1))[0].columns == ["run", "visit", "day", "value"]
    text = text_table(frame, units={"value": "mag"})
    assert text.startswith("all with run=r, day=7\n")
    assert "value [mag]" in text
    page = html_table(frame, units={"value": "mag"})
    assert "run <b>r</b>" in page
    assert "value <span>[mag]</span>" in page


def test_of_many_rows_the_first_are_shown_and_the_others_counted() -> None:
    frame = pl.DataFrame({"n": range(12_345)})
    assert text_table(frame, rows=3, what="visits").splitlines()[-1] == "and 12,342 more visits"
    page = html_table(frame, rows=3, what="visits")
    assert page.count("<tr>") == 4
    assert "and 12,342 more visits" in page


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", 'a"b&c', "nul\0l"])
def test_names_from_elsewhere_are_only_text(evil: str) -> None:
    frame = pl.DataFrame({evil: [evil, "x"], "same": [evil, evil]})
    page = html_block(evil, evil, [html_table(frame, units={evil: evil}, what=evil), html_list(evil, [evil])])
    assert "<script" not in page
    assert "\0" not in page
    assert 'a"b&c' not in page


def test_a_long_text_is_cut() -> None:
    page = html_table(pl.DataFrame({"extras": ["x" * 500, "y"]}))
    assert "x" * 100 not in page
    assert "…" in page


def test_a_list_of_very_many_names_is_cut_and_counted() -> None:
    page = html_list("metrics", [f"m{n}" for n in range(250)])
    assert "metrics: 250" in page
    assert "and 150 more" in page


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, "0 bytes"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes_are_written_with_a_unit(count: int, size: str) -> None:
    assert file_size(count) == size


def test_what_was_done_is_shown_by_its_fields() -> None:
    @dataclass(frozen=True)
    class Cleaned(ShownFields):
        files_before: int
        bytes: int
        complete_since: int | None

    page = Cleaned(12_345, 6_000_000, 1_750_000_037_000_000)._repr_html_()
    for part in ("Cleaned", "files before", "12,345", "6.0 MB", "2025-06-15T15:06:40Z"):
        assert part in page
    assert "none" in Cleaned(1, 2, None)._repr_html_()
