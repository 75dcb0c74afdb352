"""``gnomon metrics`` and ``gnomon specs``: what is defined, and where it comes from."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import format_option

if TYPE_CHECKING:
    from gnomon.definitions.explanation import Part

__all__ = ["metrics", "specs"]

_DEFINITIONS = click.option(
    "--definitions",
    "-d",
    metavar="PACKAGE",
    default="verify_metrics",
    show_default=True,
    envvar="GNOMON_DEFINITIONS",
    help="A definition package: its directory, or a name NAME for which $NAME_DIR is set.",
)
_TAG = click.option("--tag", "tags", multiple=True, help="Only with this tag; given again, with all of them.")
_PACKAGE = click.option("--package", help="Only of this package.")
_UNIT = click.option("--unit", help="Only in units that convert into this one; '' for dimensionless.")


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (format_option, _UNIT, _PACKAGE, _TAG, _DEFINITIONS):
        command = option(command)
    return command


@click.group()
def metrics() -> None:
    """Look at the metrics of a definition package."""


@metrics.command("list")
@_filters
def list_metrics(
    definitions: str, tags: tuple[str, ...], package: str | None, unit: str | None, format_: str
) -> None:
    """List metrics."""
    _print_metrics(definitions, tags, package, unit, format_, "")


@metrics.command("search")
@click.argument("text")
@_filters
def search_metrics(
    text: str, definitions: str, tags: tuple[str, ...], package: str | None, unit: str | None, format_: str
) -> None:
    """List metrics that have all words of TEXT in their name, description, tags or reference."""
    _print_metrics(definitions, tags, package, unit, format_, text)


@metrics.command("show")
@click.argument("name")
@_DEFINITIONS
@format_option
def show_metric(name: str, definitions: str, format_: str) -> None:
    """Show a metric, each part with the file and line that it comes from."""
    from gnomon.definitions.explanation import explain_metric

    found = explain_metric(definitions, name)
    if format_ == "table":
        click.echo(str(found.metric))
    _print_parts(found.parts, format_, metric=found.metric.json)


@metrics.command("schema")
def metrics_schema() -> None:
    """Print the JSON Schema of files of metrics, which editors use to check and complete."""
    from gnomon.definitions.schemas import read_schema

    click.echo(read_schema("metrics"), nl=False)


@click.group()
def specs() -> None:
    """Look at the specifications of a definition package."""


@specs.command("list")
@_filters
def list_specs(
    definitions: str, tags: tuple[str, ...], package: str | None, unit: str | None, format_: str
) -> None:
    """List specifications."""
    _print_specs(definitions, tags, package, unit, format_, "")


@specs.command("search")
@click.argument("text")
@_filters
def search_specs(
    text: str, definitions: str, tags: tuple[str, ...], package: str | None, unit: str | None, format_: str
) -> None:
    """List specifications that have all words of TEXT in their name, requirement, query or tags."""
    _print_specs(definitions, tags, package, unit, format_, text)


@specs.command("show")
@click.argument("name")
@_DEFINITIONS
@format_option
def show_spec(name: str, definitions: str, format_: str) -> None:
    """Show a specification: which documents it is merged from, step by step, and where each part stands."""
    from gnomon.definitions.explanation import explain_specification

    found = explain_specification(definitions, name)
    if format_ == "table":
        click.echo(str(found.specification))
        for number, step in enumerate(found.steps, 1):
            click.echo(f"\n{number}. {'  ' * step.depth}{step.source}  ({step.place.file}:{step.place.line})")
            for part in step.gives:
                click.echo(f"   {'  ' * step.depth}  {part.key}: {part.value}  (line {part.place.line})")
        click.echo("\nIn the end:")
    steps = [
        {
            "source": step.source,
            "file": step.place.file,
            "line": step.place.line,
            "depth": step.depth,
            "gives": [_plain(part) for part in step.gives],
        }
        for step in found.steps
    ]
    _print_parts(found.parts, format_, specification=found.specification.json, steps=steps)


@specs.command("schema")
def specs_schema() -> None:
    """Print the JSON Schema of a document of specifications, which editors use to check and complete."""
    from gnomon.definitions.schemas import read_schema

    click.echo(read_schema("specifications"), nl=False)


def _print_metrics(
    definitions: str, tags: Iterable[str], package: str | None, unit: str | None, format_: str, text: str
) -> None:
    from gnomon.definitions import MetricSet

    chosen = MetricSet.load_metrics_package(definitions, package).subset(tags=tags)
    rows = [
        {
            "metric": str(name),
            "unit": metric.unit_str,
            "better": metric.better or "",
            "data_id": " ".join(metric.dimensions or ()),
            "tags": " ".join(sorted(metric.tags)),
            "description": metric.description,
            "reference": metric.reference,
        }
        for name, metric in chosen.items()
        if _has_unit(metric.unit, unit)
    ]
    columns = ("metric", "unit", "better", "data_id", "tags", "description", "reference")
    _print_rows([row for row in rows if _has_words(row, text)], columns, format_)


def _print_specs(
    definitions: str, tags: Iterable[str], package: str | None, unit: str | None, format_: str, text: str
) -> None:
    from gnomon.definitions import SpecificationSet
    from gnomon.definitions.metadata_query import words
    from gnomon.definitions.tiers import tier_of

    chosen = SpecificationSet.load_metrics_package(definitions, package).subset(spec_tags=tags)
    rows = [
        {
            "specification": str(name),
            "requirement": specification.requirement,
            "tier": tier_of(specification) or "",
            "query": ", ".join(words(term, wanted) for term, wanted in specification.metadata_query.items()),
            "tags": " ".join(sorted(specification.tags)),
        }
        for name, specification in chosen.items()
        if _has_unit(specification.unit, unit)
    ]
    columns = ("specification", "requirement", "tier", "query", "tags")
    _print_rows([row for row in rows if _has_words(row, text)], columns, format_)


def _has_unit(unit: Any, wanted: str | None) -> bool:
    from gnomon.definitions import parse_unit

    return wanted is None or (unit is not None and bool(unit.is_equivalent(parse_unit(wanted))))


def _has_words(row: dict[str, str], text: str) -> bool:
    whole = " ".join(row.values()).lower()
    return all(word in whole for word in text.lower().split())


def _print_rows(rows: list[dict[str, str]], columns: tuple[str, ...], format_: str) -> None:
    import polars as pl

    from gnomon.cli.printing import print_frame

    print_frame(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String)), format_)


def _plain(part: "Part") -> dict[str, Any]:
    return {
        "key": part.key,
        "value": part.value,
        "file": part.place.file,
        "line": part.place.line,
        "source": part.source,
    }


def _print_parts(parts: "Iterable[Part]", format_: str, **about: Any) -> None:
    from gnomon.cli.printing import print_json

    if format_ == "json":
        print_json({**about, "parts": [_plain(part) for part in parts]})
        return
    rows = [
        {
            "part": part.key,
            "value": str(part.value),
            "from": part.source,
            "place": f"{part.place.file}:{part.place.line}",
        }
        for part in parts
    ]
    _print_rows(rows, ("part", "value", "from", "place"), format_)
