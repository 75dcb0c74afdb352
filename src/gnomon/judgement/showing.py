"""How a comparison shows itself in a notebook and in a terminal."""

from typing import TYPE_CHECKING

import polars as pl

from gnomon.notebook import html_block, html_table, text_table

if TYPE_CHECKING:
    from gnomon.judgement.comparison import Comparison

__all__ = ["comparison_html", "comparison_text"]

_MOVERS = 5
_METRICS = 20


def comparison_text(comparison: "Comparison") -> str:
    """Write a comparison as text.

    Parameters
    ----------
    comparison
        It.
    """
    lines = [f"<Comparison of {comparison.a} with {comparison.b}: {_said(comparison)}>"]
    summary = comparison.summary()
    if len(summary):
        lines.append(text_table(summary, rows=_METRICS, what="metrics", gather=False))
    return "\n".join(lines)


def comparison_html(comparison: "Comparison") -> str:
    """Write a comparison for a notebook: a summary, the worst movers, and what has no partner.

    Parameters
    ----------
    comparison
        It.
    """
    titled: list[tuple[str, pl.DataFrame, str]] = [
        ("By metric", comparison.summary(), "metrics"),
        ("Moved most", comparison.movers(_MOVERS).drop("changed"), "pairs"),
        (f"Only in {comparison.a}", comparison.only_in_a, "measurements"),
        (f"Only in {comparison.b}", comparison.only_in_b, "measurements"),
        ("Units that do not convert", comparison.unit_conflicts, "pairs of units"),
    ]
    parts = []
    for title, frame, what in titled:
        if len(frame):
            rows = _METRICS if title == "By metric" else 2 * _MOVERS
            parts.append(
                html_block(
                    title, parts=[html_table(frame, rows=rows, what=what, gather=title != "By metric")]
                )
            )
    return html_block(f"Comparison of {comparison.a} with {comparison.b}", _said(comparison), parts)


def _said(comparison: "Comparison") -> str:
    changed = int(comparison.matched["changed"].sum())
    said = [
        f"{len(comparison.matched):,} pairs, {changed:,} changed",
        f"{len(comparison.only_in_a):,} only in {comparison.a}",
        f"{len(comparison.only_in_b):,} only in {comparison.b}",
    ]
    repeated = comparison.repeated_a + comparison.repeated_b
    if repeated:
        said.append(f"{repeated:,} older rows set aside")
    return ", ".join(said)
