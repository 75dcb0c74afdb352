"""The page of the night: one self-contained HTML file, which needs no network."""

import json
from importlib.resources import files
from pathlib import Path

import polars as pl
from bokeh.embed import components
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, Model, Range1d
from bokeh.models.annotations import Span
from bokeh.models.renderers import DataRenderer
from bokeh.plotting import figure
from bokeh.resources import Resources
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from gnomon import __version__, times
from gnomon.demo.outcome import Outcome
from gnomon.demo.summary import next_steps, night_rows, short_name, specification_rows

__all__ = ["write_page"]

_GREEN, _RED, _GREY = "#2e7d4f", "#c0392b", "#b9bfc7"
_MARKED, _PLAIN = "#c0392b", "#34526f"
_COLOURS = {"pass": _GREEN, "fail": _RED, "not measured": _GREY, "not applicable": _GREY}
_PLOTTED = ("zero_point_offset", "sky_background")


def write_page(outcome: Outcome) -> Path:
    """Write the page of a night.

    Parameters
    ----------
    outcome
        What was found.

    Returns
    -------
    pathlib.Path
        The file, replaced at once if it was there.
    """
    visits = _visits(outcome)
    plots: dict[str, Model] = {"glance": _glance(outcome, visits)}
    plots |= {name: _against_time(outcome, visits, name) for name in _PLOTTED if name in visits.columns}
    script, divs = components(plots, wrap_script=True)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"moment": _moment, "short": short_name, "breakable": _breakable}
    template = environment.from_string(
        files("gnomon.demo").joinpath("templates/night.html.j2").read_text(encoding="utf-8")
    )
    found = outcome.to_dict()
    html = template.render(
        version=__version__,
        outcome=outcome,
        night=found["night"],
        counts=found["verdicts"]["counts"],
        specifications=specification_rows(outcome),
        night_rows=night_rows(outcome),
        marks=outcome.visit_marks(),
        left_out=outcome.left_out,
        summary=found["runs"]["comparison"],
        next_steps=next_steps(outcome),
        utc=times.to_utc_iso,
        bokeh=Markup(Resources(mode="inline", components=["bokeh"]).render()),
        script=Markup(script),
        plots={name: Markup(div) for name, div in divs.items()},
        data=Markup(json.dumps(found).replace("<", "\\u003c")),
    )
    unfinished = outcome.page.with_suffix(".unfinished")
    unfinished.write_text(html, encoding="utf-8")
    unfinished.replace(outcome.page)
    return outcome.page


def _moment(iso: str) -> str:
    """Write a moment in UTC to the second, as people do."""
    return f"{iso.removesuffix('Z').partition('.')[0].replace('T', ' ')} UTC"


def _breakable(name: str) -> Markup:
    """Let the browser break a long name at its joints instead of in a word."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace(".", ".<wbr>"))


def _visits(outcome: Outcome) -> pl.DataFrame:
    """Give a row a visit: its place in the night, middle in UTC milliseconds, values, and what marks it."""
    rows = outcome.before.rows.filter(pl.col("visit").is_not_null())
    wide = rows.with_columns(pl.col("metric").str.split(".").list.last()).pivot(
        "metric", index=["visit", "obs_begin", "obs_end"], values="value"
    )
    middle = (wide["obs_begin"].cast(pl.Int64) + wide["obs_end"].cast(pl.Int64)) // 2
    utc = times.from_tai_us(middle.to_numpy()).utc.unix * 1000.0
    flagged = {
        mark.visit: f"{mark.flag} ({mark.by}): {mark.reason}"
        for mark in outcome.visit_marks()
        if mark.state == "set" and mark.outcome == "holds"
    }
    return wide.with_columns(
        pl.Series("place", [outcome.sequence[visit] for visit in wide["visit"]]),
        pl.Series("utc", utc),
        pl.Series("mark", [flagged.get(visit, "") for visit in wide["visit"]]),
    ).sort("place")


def _against_time(outcome: Outcome, visits: pl.DataFrame, name: str) -> figure:
    """Plot a metric against time; flagged visits are marked by shape and colour."""
    full_name = next(m for m in outcome.before.rows["metric"].unique() if m.endswith(f".{name}"))
    unit = outcome.before.rows.filter(pl.col("metric") == full_name)["unit"][0]
    label = name.replace("_", " ")
    plot = figure(
        height=260,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_axis_label="UTC",
        y_axis_label=f"{label} [{unit}]" if unit else label,
        tools="pan,box_zoom,wheel_zoom,reset",
        toolbar_location="right",
    )
    if name == "zero_point_offset":
        plot.add_layout(Span(location=0, dimension="width", line_color="#9aa5b1", line_dash="dotted"))
    groups = (
        ("not flagged", visits.filter(pl.col("mark") == ""), "circle", 6, _PLAIN),
        ("flagged", visits.filter(pl.col("mark") != ""), "x", 13, _MARKED),
    )
    renderers: list[DataRenderer] = []
    for legend, group, marker, size, colour in groups:
        source = ColumnDataSource(
            {
                "utc": group["utc"].to_list(),
                "value": group[name].to_list(),
                "visit": [str(visit) for visit in group["visit"]],
                "place": group["place"].to_list(),
                "mark": group["mark"].to_list(),
            }
        )
        renderers.append(
            plot.scatter(
                "utc",
                "value",
                source=source,
                marker=marker,
                size=size,
                line_width=3 if marker == "x" else 1,
                color=colour,
                legend_label=legend,
            )
        )
    tips = [("visit", "@place. (@visit)"), (label, f"@value{{0.00}} {unit}"), ("mark", "@mark")]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=tips))
    plot.legend.orientation = "horizontal"
    plot.legend.location = "top_right"
    plot.legend.background_fill_alpha = 0.7
    return plot


def _glance(outcome: Outcome, visits: pl.DataFrame) -> figure:
    """Show a row a specification and a cell a visit, green and red; flagged visits have a mark above."""
    table = outcome.verdicts.table.filter(pl.col("visit").is_not_null())
    names = [short_name(name) for name in table["specification"]]
    specifications = list(dict.fromkeys(names))
    place = outcome.sequence
    source = ColumnDataSource(
        {
            "place": [place[visit] for visit in table["visit"]],
            "specification": names,
            "colour": [_COLOURS[verdict] for verdict in table["verdict"].cast(pl.String)],
            "reason": table["reason"].to_list(),
            "visit": [str(visit) for visit in table["visit"]],
        }
    )
    plot = figure(
        height=90 + 34 * max(1, len(specifications)),
        sizing_mode="stretch_width",
        y_range=FactorRange(factors=[*reversed(specifications), "flagged"]),
        x_range=Range1d(start=0.4, end=len(visits) + 0.6),
        x_axis_label="visit of the night",
        tools="",
        toolbar_location=None,
    )
    cells = plot.rect(
        "place", "specification", source=source, width=0.86, height=0.8, fill_color="colour", line_color=None
    )
    flagged = visits.filter(pl.col("mark") != "")
    marks = plot.scatter(
        "place",
        "row",
        source=ColumnDataSource(
            {
                "place": flagged["place"].to_list(),
                "row": ["flagged"] * len(flagged),
                "reason": flagged["mark"].to_list(),
                "visit": [str(visit) for visit in flagged["visit"]],
            }
        ),
        marker="x",
        size=11,
        line_width=3,
        color=_MARKED,
    )
    tips = [("visit", "@place. (@visit)"), ("", "@reason")]
    plot.add_tools(HoverTool(renderers=[cells, marks], tooltips=tips))
    plot.grid.grid_line_color = None
    plot.axis.major_tick_line_color = None
    return plot
