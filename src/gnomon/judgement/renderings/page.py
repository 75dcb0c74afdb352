"""A report as one HTML page that needs nothing else."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files

import polars as pl

from gnomon.judgement.renderings.summary import causes, count_words

__all__ = ["render_fragment", "render_page"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_NOTEBOOK = 200
_COLUMNS = {
    "specification": "Specification",
    "data_id": "Data ID",
    "measurement": "Measurement",
    "requirement": "Test",
    "reason": "Reason",
    "tier": "Tier",
    "metric_tags": "Metric tags",
    "spec_tags": "Spec. tags",
}
# Signs that every font has, unlike the coloured ones of a table.
_SIGNS = {"pass": "✓", "fail": "✗", "not measured": "–", "not applicable": "○"}  # noqa: RUF001
_STYLED = ("measurement", "requirement", "reason", "tier")
_TITLES = {
    "fail": "Failed",
    "pass": "Passed",
    "not measured": "Not measured",
    "not applicable": "Not applicable",
}
_STYLE = files("gnomon.judgement.renderings").joinpath("report.css").read_text("utf-8")
_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #ffffff; }
@media (prefers-color-scheme: dark) { body { background: #14181f; } }
main.gnomon-report { margin: 0 auto; max-width: 90rem; padding: 1.5rem; }
"""


def render_page(lines: pl.DataFrame, counts: Mapping[str, int], *, title: str = "Report") -> str:
    """Write a report as a page.

    Parameters
    ----------
    lines
        The lines of the report.
    counts
        How many verdicts there are of each kind.
    title
        Its heading.

    Returns
    -------
    str
        A whole HTML document without external resources: failures first, then what passed, then what was
        not judged, summed up by cause and listed in parts that can be opened.
    """
    body = "".join(_body(lines, counts, limit=None))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}: {_text(count_words(counts))}</title>\n"
        f"<style>{_PAGE_STYLE}{_STYLE}</style>\n</head>\n<body>\n"
        f'<main class="gnomon-report">\n<h1>{_text(title)}</h1>\n{body}</main>\n</body>\n</html>\n'
    )


def render_fragment(lines: pl.DataFrame, counts: Mapping[str, int]) -> str:
    """Write a report as a part of a page, such as a notebook.

    Parameters
    ----------
    lines
        The lines of the report.
    counts
        How many verdicts there are of each kind.

    Returns
    -------
    str
        The same as the page has, but of each verdict no more than 200 lines.
    """
    body = "".join(_body(lines, counts, limit=_IN_NOTEBOOK))
    return f'<style>{_STYLE}</style>\n<div class="gnomon-report">\n{body}</div>\n'


def _body(lines: pl.DataFrame, counts: Mapping[str, int], *, limit: int | None) -> Iterator[str]:
    yield '<ul class="counts">\n'
    for verdict, title in _TITLES.items():
        count = f"{counts.get(verdict, 0):,}"
        yield f'<li class="{_class(verdict)}">{_sign(verdict)} <b>{count}</b> {title}</li>\n'
    yield "</ul>\n"
    of = {verdict: lines.filter(pl.col("verdict") == verdict) for verdict in _TITLES}
    for verdict in ("fail", "pass"):
        if len(of[verdict]):
            yield f'<section>\n<h2 class="{_class(verdict)}">{_sign(verdict)} {_TITLES[verdict]}</h2>\n'
            yield from _table(of[verdict], _TITLES[verdict], limit)
            yield "</section>\n"
    summed = causes(lines)
    if len(summed):
        yield "<section>\n<h2>Not judged</h2>\n"
        yield from _sums(summed)
        for verdict in ("not measured", "not applicable"):
            if len(of[verdict]):
                yield (
                    f'<details>\n<summary class="{_class(verdict)}">{_sign(verdict)} {_TITLES[verdict]}: '
                    f"{len(of[verdict]):,}</summary>\n"
                )
                yield from _table(of[verdict], _TITLES[verdict], limit)
                yield "</details>\n"
        yield "</section>\n"


def _table(lines: pl.DataFrame, title: str, limit: int | None) -> Iterator[str]:
    shown = lines if limit is None else lines.head(limit)
    optional = ("data_id", "measurement", "tier", "metric_tags", "spec_tags")
    empty = {name for name in optional if shown[name].fill_null("").is_in(["", "N/A"]).all()}
    columns = {name: title for name, title in _COLUMNS.items() if name not in empty}
    classes = [f' class="{name}"' if name in _STYLED else "" for name in list(columns)[1:]]
    words = f"{len(lines):,} {'verdict' if len(lines) == 1 else 'verdicts'}"
    if len(shown) < len(lines):
        words += f", of which the first {len(shown):,} are listed"
    yield f"{_scroll(title)}\n<table>\n<caption>{words}</caption>\n<thead><tr>"
    yield from (f'<th scope="col">{heading}</th>' for heading in columns.values())
    yield "</tr></thead>\n<tbody>\n"
    for first, *rest in shown.select(*columns).iter_rows():
        cells = "".join(f"<td{of}>{_text(cell or '')}</td>" for of, cell in zip(classes, rest, strict=True))
        yield f'<tr><th scope="row">{_name(first)}</th>{cells}</tr>\n'
    yield "</tbody>\n</table>\n</div>\n"


def _sums(summed: pl.DataFrame) -> Iterator[str]:
    yield f"{_scroll('Not judged')}\n<table>\n<thead><tr>"
    yield from (f'<th scope="col">{title}</th>' for title in ("Verdict", "Why", "How many", "For example"))
    yield "</tr></thead>\n<tbody>\n"
    for row in summed.iter_rows(named=True):
        yield (
            f'<tr><td class="{_class(row["verdict"])}">{_sign(row["verdict"])} {row["verdict"]}</td>'
            f'<th scope="row">{_text(row["cause"])}</th><td class="number">{row["n"]:,}</td>'
            f"<td>{_name(row['specification'])}: {_text(row['reason'])}</td></tr>\n"
        )
    yield "</tbody>\n</table>\n</div>\n"


def _scroll(label: str) -> str:
    # What can be scrolled must be reachable by the keyboard, and say what it is.
    return f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">'


def _sign(verdict: str) -> str:
    # The word is beside it.
    return f'<span aria-hidden="true">{_SIGNS[verdict]}</span>'


def _name(name: str) -> str:
    """Let a long name be broken where it has parts."""
    return re.sub(r"([._])(?=.)", r"\1<wbr>", _text(name))


def _class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("�", text))
