"""``gnomon job``: files of measurements, looked at, merged, compared, judged and checked."""

import json
import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import format_option

if TYPE_CHECKING:
    from gnomon.judgement import Report
    from gnomon.measurements import Job

__all__ = ["job"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DEFINITIONS = click.option(
    "--definitions",
    "-d",
    metavar="PACKAGE",
    envvar="GNOMON_DEFINITIONS",
    help="A definition package, whose metrics and specifications are added to those in the file.",
)


@click.group()
def job() -> None:
    """Look at, merge, compare, judge and check files of measurements (.verify.json)."""


@job.command()
@click.argument("file", type=_FILE)
@format_option
def show(file: Path, format_: str) -> None:
    """Print the measurements of a job, and its metadata."""
    import polars as pl

    from gnomon.cli.printing import print_frame

    found = _read(file)
    rows = [
        {
            "metric": _printable(str(name)),
            "value": None if measurement.value is None else float(measurement.value),
            "unit": measurement.unit_str,
            "uncertainty": (
                None if measurement.uncertainty is None else float(measurement.uncertainty.value)
            ),
            "count": measurement.count,
            "notes": _one_line(
                {key.removeprefix(f"{name}."): value for key, value in measurement.notes.items()}
            ),
        }
        for name, measurement in found.measurements.items()
    ]
    schema = {
        "metric": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "uncertainty": pl.Float64,
        "count": pl.Int64,
        "notes": pl.String,
    }
    if format_ == "table":
        from gnomon.measurements.job_differences import own_metadata

        for key, value in own_metadata(found).items():
            click.echo(f"{_printable(key)}: {_one_line(value)}")
        click.echo(
            f"{len(found.measurements)} measurements, {len(found.metrics)} metrics and "
            f"{len(found.specs)} specifications\n"
        )
    print_frame(pl.DataFrame(rows, schema=schema), format_)


@job.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option(
    "--prefer",
    type=click.Choice(["first", "last"]),
    help="Which of two different values of one thing holds. Without it they are conflicts.",
)
@click.pass_context
def merge(ctx: click.Context, files: tuple[Path, ...], output: Path, prefer: str | None) -> None:
    """Merge jobs into one file.

    What is different in two of them is printed, whatever is preferred; without a preference nothing is
    written then, and the status is 1.
    """
    from gnomon.measurements import Job

    log = logging.getLogger("gnomon.measurements")
    level = log.level
    log.setLevel(logging.ERROR)  # what it would say is printed here
    merged = Job()
    found = False
    try:
        for file in files:
            other = _read(file)
            for conflict in merged.conflicts(other):
                found = True
                click.echo(
                    f"{file}: {conflict.kind} {conflict.name}: {conflict.mine} / {conflict.theirs}", err=True
                )
            if prefer == "first":
                merged, other = other, merged
            merged += other
    finally:
        log.setLevel(level)
    if found and prefer is None:
        click.echo("Nothing was written: say with --prefer which of them holds.", err=True)
        ctx.exit(1)
    merged.write(output)
    click.echo(f"{output}: {len(merged.measurements)} measurements of {len(files)} jobs.")


@job.command()
@click.argument("a", type=_FILE)
@click.argument("b", type=_FILE)
@format_option
@click.pass_context
def diff(ctx: click.Context, a: Path, b: Path, format_: str) -> None:
    """Print what is different between two jobs. Ends with status 1 if anything is."""
    import polars as pl

    from gnomon.cli.printing import print_frame
    from gnomon.measurements.job_differences import job_differences

    differences = job_differences(_read(a), _read(b))
    columns = ("kind", "name", "change", "a", "b")
    rows = [{column: getattr(difference, column) for column in columns} for difference in differences]
    print_frame(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String)), format_)
    if differences:
        ctx.exit(1)


@job.command()
@click.argument("file", type=_FILE)
@_DEFINITIONS
@click.option("--name", help="Only specifications of this package or metric.")
@click.option("--spec-tag", "spec_tags", multiple=True, help="Only specifications with all of these tags.")
@click.option("--metric-tag", "metric_tags", multiple=True, help="Only of metrics with all of these tags.")
@click.option("--baseline", type=_FILE, help="An earlier job, for specifications that are relative to one.")
@click.option("--all", "everything", is_flag=True, help="List what is not judged one by one too.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "html", "junit"]),
    default="table",
    show_default=True,
    help="How to print.",
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@click.pass_context
def report(
    ctx: click.Context,
    file: Path,
    definitions: str | None,
    name: str | None,
    spec_tags: tuple[str, ...],
    metric_tags: tuple[str, ...],
    baseline: Path | None,
    everything: bool,
    format_: str,
    output: Path | None,
) -> None:
    """Hold a job's measurements against its specifications. Ends with status 1 if one fails."""
    from gnomon.verify import Job

    found = Job.read(file)
    if definitions is not None:
        found.reload_metrics_package(definitions)
    verdicts = found.report(
        name=name,
        spec_tags=spec_tags or None,
        metric_tags=metric_tags or None,
        baseline=None if baseline is None else _read(baseline).measurements,
    )
    text = _rendered(verdicts, format_, everything=everything, to_file=output is not None)
    if output is None:
        sys.stdout.write(text)
    else:
        from gnomon.definitions.serialization import write_text

        write_text(output, text)
        click.echo(f"{output}: {', '.join(f'{count} {word}' for word, count in verdicts.counts().items())}.")
    if not verdicts.passed:
        ctx.exit(1)


@job.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@_DEFINITIONS
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], definitions: str | None) -> None:
    """Check that files are jobs, and that nothing in them was passed over.

    With definitions, also that every metric is defined and measured in a unit that fits. Ends with status 1
    if there are findings.
    """
    from gnomon.errors import GnomonError

    findings = 0
    for file in files:
        try:
            found = _read(file)
        except GnomonError as error:
            problems = [str(error)]
        else:
            problems = [f"{file}: {problem}" for problem in found.problems]
            problems += [f"{file}: {problem}" for problem in _unfit(found, definitions)]
        for problem in problems:
            click.echo(problem)
        findings += len(problems)
    if findings:
        ctx.exit(1)
    click.echo(f"{len(files)} jobs, nothing found.")


def _read(file: Path) -> "Job":
    from gnomon.measurements import Job

    return Job.read(file)


def _unfit(found: "Job", definitions: str | None) -> list[str]:
    if definitions is None:
        return []
    from gnomon.definitions import MetricSet
    from gnomon.errors import nearest

    metrics = MetricSet.load_metrics_package(definitions)
    problems = []
    for name, measurement in found.measurements.items():
        if name not in metrics:
            problems.append(f"{name} is not defined in {definitions}.{nearest(str(name), map(str, metrics))}")
        elif measurement.quantity is not None and not metrics[name].check_unit(measurement.quantity):
            problems.append(
                f"{name} is in {measurement.unit_str or 'no unit'}; it is defined in "
                f"{metrics[name].unit_str or 'no unit'}."
            )
    return problems


def _one_line(value: Any) -> str:
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return "" if value == {} else _printable(json.dumps(value, ensure_ascii=False, default=str))


def _printable(text: str) -> str:
    # JSON can hold halves of surrogate pairs, which no terminal or file takes.
    return text.encode(errors="backslashreplace").decode()


def _rendered(verdicts: "Report", format_: str, *, everything: bool, to_file: bool) -> str:
    match format_:
        case "json":
            return verdicts.to_json() + "\n"
        case "html":
            return verdicts.to_html()
        case "junit":
            return verdicts.to_junit()
        case _:
            return verdicts.to_text(everything=everything, color=sys.stdout.isatty() and not to_file)
