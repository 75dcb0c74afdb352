"""How things show themselves to people: as a small table in a notebook, as text in a terminal.

What is shown is made readable, and never longer than a glance: the first rows, with units in the heading,
times to the millisecond, UUIDs as people write them; what is the same in all rows is said once, above them.
Nothing here is for programs; those take the tables themselves.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl

from gnomon import times

__all__ = ["ShownFields", "file_size", "html_block", "html_list", "html_table", "readable", "text_table"]

_ROWS = 10
_TEXT_WIDTH = 200
_FEW = 100  # names that are listed
_WIDEST = 60  # characters of a cell
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UUID_PARTS = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))  # of 32 digits: from where, how many
# Colours of lines and of what is said softly are half of the text's own, so that dark themes have them too.
_STYLE = """
.gnomon { font: 13px/1.5 system-ui, sans-serif; color: inherit; max-width: 100%; }
.gnomon p { margin: .2em 0; }
.gnomon .soft { opacity: .7; }
.gnomon .scroll { overflow-x: auto; }
.gnomon table { border-collapse: collapse; margin: .5em 0; font-variant-numeric: tabular-nums; }
.gnomon th, .gnomon td {
  padding: .2em .9em .2em 0; text-align: left; white-space: nowrap; background: none; border: none;
  border-bottom: 1px solid rgba(128, 128, 128, .35);
}
.gnomon th { font-weight: 600; vertical-align: bottom; }
.gnomon th span { font-weight: 400; opacity: .7; }
.gnomon td.number, .gnomon th.number { text-align: right; }
.gnomon summary { cursor: pointer; }
.gnomon code { font-size: 12px; }
"""


def readable(
    frame: pl.DataFrame, *, rows: int = _ROWS, gather: bool = True
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Make the first rows of a frame readable.

    Parameters
    ----------
    frame
        Rows of any kind.
    rows
        How many to keep.
    gather
        Whether to take out what is the same in all rows.

    Returns
    -------
    tuple
        Those rows, without the columns that say nothing in any row of the whole frame, nor, with ``gather``,
        those of text and whole numbers that say the same in all of several rows; and what these say, by name.
        UUIDs and times are text, numbers are still numbers.
    """
    same: dict[str, str] = {}
    kept: list[str] = []
    for name, column in zip(frame.columns, frame.iter_columns(), strict=True):
        if len(column) and column.null_count() == len(column):
            continue
        if column.dtype == pl.String and bool((column == "").all()):
            continue
        plain = gather and (column.dtype == pl.String or column.dtype.is_integer())
        if len(frame) > 1 and plain and not column.null_count() and bool((column == column[0]).all()):
            same[name] = str(column[0])
            continue
        kept.append(name)
    shown = frame.select(kept).head(rows)
    return shown.with_columns(_readable(shown[name]) for name in kept), same


def _readable(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Binary:
        digits = column.bin.encode("hex")
        if bool((digits.str.len_bytes().drop_nulls() != 32).any()):
            return digits
        parts = [digits.str.slice(begin, length) for begin, length in _UUID_PARTS]
        return pl.select(pl.concat_str(parts, separator="-").alias(column.name)).to_series()
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d %H:%M:%S%.3f")
    if column.dtype.is_nested():
        return pl.Series(column.name, [_entry(value) for value in column.to_list()], pl.String)
    return column


def _entry(value: Any) -> str | None:
    """Write a list, or a map as Polars has it."""
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(
            f"{item['key']}={item['value']}" if isinstance(item, dict) and "key" in item else str(item)
            for item in value
        )
    return str(value)


def text_table(
    frame: pl.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    rows: int = _ROWS,
    what: str = "rows",
    gather: bool = True,
) -> str:
    """Write a frame as text.

    Parameters
    ----------
    frame
        The rows.
    units
        Unit, or other remark, by column.
    rows
        How many to show.
    what
        What a row is, in the plural.
    gather
        Whether to say once, above, what is the same in all rows.

    Returns
    -------
    str
        Several lines.
    """
    shown, same = readable(frame, rows=rows, gather=gather)
    names = {name: f"{name} [{unit}]" for name, unit in (units or {}).items() if unit and name in shown}
    lines = [f"all with {', '.join(f'{name}={value}' for name, value in same.items())}"] if same else []
    if shown.width:
        with pl.Config(
            tbl_hide_dataframe_shape=True,
            tbl_hide_column_data_types=True,
            tbl_formatting="NOTHING",
            tbl_cols=-1,
            tbl_rows=rows,
            tbl_width_chars=_TEXT_WIDTH,
            fmt_str_lengths=_WIDEST,
        ):
            lines.append(str(shown.rename(names)))
    if len(shown) < len(frame):
        lines.append(f"and {len(frame) - len(shown):,} more {what}")
    return "\n".join(lines)


def html_table(
    frame: pl.DataFrame,
    *,
    units: Mapping[str, str] | None = None,
    rows: int = _ROWS,
    what: str = "rows",
    gather: bool = True,
) -> str:
    """Write a frame as a part of a page.

    Parameters
    ----------
    frame
        The rows.
    units
        Unit, or other remark, by column.
    rows
        How many to show.
    what
        What a row is, in the plural.
    gather
        Whether to say once, above, what is the same in all rows.

    Returns
    -------
    str
        HTML, to be put into an `html_block`.
    """
    shown, same = readable(frame, rows=rows, gather=gather)
    remarks = units or {}
    parts = []
    if same:
        said = ", ".join(f"{_text(name)} <b>{_text(value)}</b>" for name, value in same.items())
        parts.append(f'<p class="soft">In all: {said}</p>')
    if shown.width:
        kinds = ['class="number"' if dtype.is_numeric() else "" for dtype in shown.dtypes]
        heads = "".join(
            f"<th {kind}>{_text(name)}{_remark(remarks.get(name))}</th>"
            for name, kind in zip(shown.columns, kinds, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(f"<td {k}>{_cell(v)}</td>" for v, k in zip(row, kinds, strict=True)) + "</tr>"
            for row in shown.iter_rows()
        )
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        parts.append(f'<div class="scroll">{table}</div>')
    if len(shown) < len(frame):
        parts.append(f'<p class="soft">and {len(frame) - len(shown):,} more {_text(what)}</p>')
    return "".join(parts)


def html_list(title: str, names: Iterable[str]) -> str:
    """Write names that are seen when somebody opens them.

    Parameters
    ----------
    title
        What they are.
    names
        The names.

    Returns
    -------
    str
        HTML, to be put into an `html_block`.
    """
    found = sorted(names)
    listed = ", ".join(f"<code>{_text(name)}</code>" for name in found[:_FEW])
    rest = f" and {len(found) - _FEW:,} more" if len(found) > _FEW else ""
    return f"<details><summary>{_text(title)}: {len(found):,}</summary><p>{listed}{rest}</p></details>"


def html_block(title: str, said: str = "", parts: Sequence[str] = ()) -> str:
    """Put parts together as what a notebook shows.

    Parameters
    ----------
    title
        What it is; plain text.
    said
        A line about it; plain text.
    parts
        HTML.

    Returns
    -------
    str
        HTML that brings its style along.
    """
    line = f' <span class="soft">{_text(said)}</span>' if said else ""
    return (
        f'<div class="gnomon"><style>{_STYLE}</style><p><b>{_text(title)}</b>{line}</p>{"".join(parts)}</div>'
    )


def file_size(count: int) -> str:
    """Write a number of bytes.

    Parameters
    ----------
    count
        How many.

    Examples
    --------
    >>> file_size(999), file_size(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    power = next((power for power in (1, 2, 3) if count < 999.95 * 1000**power), 4)
    return f"{count / 1000**power:.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


class ShownFields:
    """A dataclass that a notebook shows by its fields: what an operation did."""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_text(item.name.replace('_', ' '))}</td>"
            f'<td class="number">{_text(_field(item.name, getattr(self, item.name)))}</td></tr>'
            for item in dataclasses.fields(self)  # type: ignore[arg-type]  # every heir is a dataclass
        )
        return html_block(type(self).__name__, parts=[f"<table><tbody>{rows}</tbody></table>"])


def _field(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name.endswith("since") and isinstance(value, int):
        return times.to_utc_iso(value, precision=0)
    if isinstance(value, int) and not isinstance(value, bool):
        return file_size(value) if name == "bytes" else f"{value:,}"
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return _text(text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…")


def _remark(unit: str | None) -> str:
    return f" <span>[{_text(unit)}]</span>" if unit else ""


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
