"""``gnomon store``: looking after a metrics store."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.asking import question, selection_options, time_options
from gnomon.cli.options import format_option, parse_data_id, split_names, store_option

if TYPE_CHECKING:
    import polars as pl

    from gnomon.store import Status, Vacuumed

__all__ = ["store"]

_HISTORY = ("metric", "value", "unit", "instrument", "visit", "exposure", "detector", "tract", "patch", "run",
            "recorded_at", "source", "held_until", "reason")  # fmt: skip
_BATCH = 100_000


@click.group()
def store() -> None:
    """Look after a metrics store: what is in it, whether it is whole, in order and small."""


@store.command()
@click.option("--metrics", metavar="PACKAGE", help="Keep the metrics of a definition package, as `define`.")
@store_option
def init(metrics: str | None, store: str | None) -> None:
    """Make a store, or bring one that an earlier version wrote into the present format.

    It can be killed and run again at any time.
    """
    from gnomon.cli.progress import progress_bar
    from gnomon.settings import load
    from gnomon.store import init_store, open_store

    with progress_bar("Taking measurements over") as progress:
        made = init_store(store or load().store, progress=progress)
    if made.is_new:
        click.echo(f"{made.uri} is a store now.")
    elif made.former is not None:
        click.echo(f"{made.uri} was brought from format {made.former}: {made.rows} measurements taken over.")
        with progress_bar("Putting it in order") as progress:
            open_store(made.uri).compact(progress=progress)
    else:
        click.echo(f"{made.uri} is a store of the present format.")
    if metrics is not None:
        _define(made.uri, metrics)


@store.command()
@click.argument("package")
@store_option
def define(package: str, store: str | None) -> None:
    """Keep the metrics of a definition PACKAGE, with their tags, for `gnomon load --tags`."""
    _define(store, package)


def _define(store: str | None, package: str) -> None:
    from gnomon.definitions import MetricSet
    from gnomon.store import open_store

    changed = open_store(store).define_metrics(MetricSet.load_metrics_package(package))
    click.echo(f"{changed} definitions of metrics are new or changed.")


@store.command()
@store_option
@format_option
def status(store: str | None, format_: str) -> None:
    """Print what is in the store, without reading measurements. Times are TAI."""
    from gnomon.cli.printing import print_frame, print_json
    from gnomon.store import open_store

    found = open_store(store).status()
    if format_ == "json":
        print_json(_document(found))
        return
    if format_ == "table":
        click.echo(str(found))
        if not found.tables:
            return
        click.echo()
    print_frame(found.frame(), format_)


def _document(found: "Status") -> dict[str, Any]:
    from dataclasses import asdict

    document = asdict(found)
    document["waiting"] = found.waiting._asdict()
    return document


@store.command()
@click.option("--whole", is_flag=True, help="Write everything anew, not only what has come since.")
@store_option
@format_option
def compact(whole: bool, store: str | None, format_: str) -> None:
    """Put the store in order, while others read and write it; what comes fast reads slowly until then."""
    from dataclasses import asdict

    import polars as pl

    from gnomon.cli.printing import print_frame
    from gnomon.cli.progress import progress_bar
    from gnomon.store import open_store

    opened = open_store(store)
    opened.flush()
    with progress_bar("Putting in order") as progress:
        done = opened.compact(whole=whole, progress=progress)
    columns = ("table", "files_before", "files_after", "rows", "superseded")
    schema: dict[str, Any] = dict.fromkeys(columns, pl.Int64) | {"table": pl.String}
    frame = pl.DataFrame([asdict(item) for item in done], schema=schema)
    if format_ == "table" and frame.is_empty():
        click.echo("Everything is in order.")
        return
    print_frame(frame, format_)


@store.command()
@click.option(
    "--retention", type=click.FloatRange(min=0), default=30.0, show_default=True,
    help="For how many days what no longer holds is kept.",
)  # fmt: skip
@click.option(
    "--grace", type=click.FloatRange(min=0), default=1.0, show_default=True,
    help="For how many hours files stay that no table has; less than 1 only with --alone.",
)  # fmt: skip
@click.option("--alone", is_flag=True, help="It is certain that nobody else uses the store.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@store_option
@format_option
def vacuum(
    retention: float, grace: float, alone: bool, dry_run: bool, store: str | None, format_: str
) -> None:
    """Drop history older than the retention and delete files that no table has.

    Prints the earliest moment as of which questions can be answered.
    """
    from gnomon.cli.printing import print_json
    from gnomon.cli.progress import progress_bar
    from gnomon.store import open_store

    with progress_bar("Looking at tables") as progress:
        done = open_store(store).vacuum(
            retention=_duration(days=retention),
            grace=_duration(hours=grace),
            alone=alone,
            dry_run=dry_run,
            progress=progress,
        )
    if format_ == "table":
        click.echo(_told(done))
        return
    from dataclasses import asdict

    import polars as pl

    from gnomon.cli.printing import print_frame

    document = asdict(done) | {"complete_since": _utc(done.complete_since)}
    if format_ == "json":
        print_json(document)
    else:
        print_frame(pl.DataFrame([document]), format_)


def _duration(**given: float) -> datetime.timedelta:
    try:
        return datetime.timedelta(**given)
    except OverflowError:
        raise click.UsageError("No time is that long.") from None


def _utc(moment: int | None) -> str | None:
    from gnomon import times

    return None if moment is None else times.to_utc_iso(moment)


def _told(done: "Vacuumed") -> str:
    would = "would be " if done.dry_run else ""
    begin = _utc(done.complete_since)
    return (
        f"{done.rows} superseded measurements and {done.kept_rows} former definitions and removals "
        f"{would}dropped; {done.files} files ({done.bytes / 1e6:.1f} MB) {would}deleted.\n"
        + (
            "Questions can be answered as of any moment; nothing was ever dropped."
            if begin is None
            else f"Questions can be answered as of {begin} and later."
        )
    )


@store.command()
@click.option(
    "--repair", is_flag=True, help="Mend the catalog, and tables in which a measurement holds twice."
)
@click.option(
    "--forget-damaged", is_flag=True, help="With --repair, go on without files that are lost or damaged."
)
@click.option("--alone", is_flag=True, help="It is certain that nobody else uses the store.")
@store_option
@format_option
@click.pass_context
def check(
    ctx: click.Context, repair: bool, forget_damaged: bool, alone: bool, store: str | None, format_: str
) -> None:
    """Look for what is wrong in the store: every file is read whole.

    Ends with status 1 if answers are wrong, or not to be had. Leftovers of killed processes and notes do no
    harm.
    """
    from dataclasses import asdict

    import polars as pl

    from gnomon.cli.printing import print_frame
    from gnomon.cli.progress import progress_bar
    from gnomon.store import open_store

    if forget_damaged and not repair:
        raise click.UsageError("--forget-damaged goes with --repair.")
    with progress_bar("Reading files") as progress:
        findings = open_store(store).check(
            repair=repair, forget_damaged=forget_damaged, alone=alone, progress=progress
        )
    if format_ == "table":
        for finding in findings:
            click.echo(str(finding))
        if not findings:
            click.echo("Nothing is wrong.")
    else:
        texts = ("kind", "place", "what", "remedy")
        schema: dict[str, Any] = dict.fromkeys(texts, pl.String) | {"repaired": pl.Boolean}
        print_frame(pl.DataFrame([asdict(finding) for finding in findings], schema=schema), format_)
    if any(finding.is_harmful for finding in findings):
        ctx.exit(1)


@store.command("drop-run")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are gone, for the history.")
@store_option
def drop_run(runs: tuple[str, ...], reason: str, store: str | None) -> None:
    """Make all measurements of RUN collections vanish from answers; they stay in the history."""
    from gnomon.store import open_store

    opened = open_store(store)
    count = len(opened.dataset_ids(collections=list(runs)))
    opened.drop_runs(list(runs), reason=reason)
    click.echo(f"{count} datasets of {len(set(runs))} runs are gone from answers.")


@store.command()
@click.argument("metrics", nargs=-1)
@click.option("--dataset", "datasets", metavar="UUID", multiple=True, help="Only of this dataset.")
@selection_options
@click.option("--all-columns", is_flag=True, help="Print every column, empty ones too.")
@store_option
@format_option
def history(
    metrics: tuple[str, ...],
    datasets: tuple[str, ...],
    all_columns: bool,
    store: str | None,
    format_: str,
    **asked: Any,
) -> None:
    """Print all measurements of METRICS that ever came in, and until when each held. Times are TAI."""
    from gnomon.cli.printing import print_frame
    from gnomon.store import open_store

    ids = [_uuid(text) for text in datasets] or None
    frame = open_store(store).history(list(metrics) or None, dataset_ids=ids, **question(**asked))
    if not all_columns:
        frame = frame.select(_shown(frame))
    print_frame(frame, format_)


def _shown(frame: "pl.DataFrame") -> list[str]:
    always = ("metric", "value", "unit", "recorded_at", "source", "held_until", "reason")
    return [name for name in _HISTORY if name in always or frame[name].null_count() < len(frame)]


def _uuid(text: str) -> bytes:
    from uuid import UUID

    try:
        return UUID(text).bytes
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a UUID.", param_hint="--dataset") from None


@store.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("metrics", nargs=-1)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
@selection_options
@time_options
@store_option
def export(file: str, metrics: tuple[str, ...], overwrite: bool, store: str | None, **asked: Any) -> None:
    """Write the measurements of METRICS into FILE as Parquet, a row a value; all by default.

    `gnomon store append` reads such a file back.
    """
    from gnomon.cli.progress import progress_bar
    from gnomon.store import open_store

    opened = open_store(store)
    with progress_bar("Writing metrics") as progress:
        count = opened.export(
            file, list(metrics) or None, overwrite=overwrite, progress=progress, **question(**asked)
        )
    click.echo(f"{file}: {count} measurements.")


@store.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--run", metavar="LABEL", help="The label of a submission, for jobs; in place of a RUN.")
@click.option(
    "--data-id", metavar="DIMENSION=VALUE,...", help="What jobs are about, if their metadata do not say it."
)
@click.option("--software", help="The version of what computed the values of jobs.")
@store_option
def append(
    files: tuple[Path, ...], run: str | None, data_id: str | None, software: str | None, store: str | None
) -> None:
    """Append measurements that no repository has: jobs (.verify.json), and what `export` wrote (.parquet).

    A measurement of a job has its identifier for a key, so that the same job again changes nothing.
    """
    from gnomon.store import open_store

    is_table = [file.suffix == ".parquet" for file in files]
    if not all(is_table) and not (run or "").strip():
        raise click.UsageError("A job needs a label under which it is submitted: --run, such as ci/4711.")
    opened = open_store(store)
    for file, as_table in zip(files, is_table, strict=True):
        if as_table:
            count = _append_table(opened, file)
        else:
            identity = None if data_id is None else parse_data_id(split_names(data_id) or [])
            from gnomon.measurements import Job
            from gnomon.measurements.job_rows import rows_of_job

            rows = rows_of_job(Job.read(file), run=run or "", data_id=identity, software=software)
            count = opened.append(rows, source=f"gnomon store append {file.name}").added
        click.echo(f"{file}: {count} measurements.")


def _append_table(opened: Any, file: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from gnomon.cli.progress import progress_bar
    from gnomon.errors import FormatError
    from gnomon.measurements.rows import conform

    count = 0
    try:
        with pq.ParquetFile(file) as content, progress_bar("Appending") as progress:
            for batch in content.iter_batches(batch_size=_BATCH):
                rows = conform(pa.Table.from_batches([batch]))
                count += opened.append(rows, source=f"gnomon store append {file.name}").added
                progress(count, content.metadata.num_rows)
    except pa.ArrowException as error:
        raise FormatError(f"This is no Parquet that can be read: {error}.", file=str(file)) from error
    return count
