"""``gnomon rules``: bots' rules from metrics to flags, tried, run, looked at and withdrawn."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.annotations.opening import log_options, opened
from gnomon.cli.options import format_option, split_names, store_option, user_option

if TYPE_CHECKING:
    from gnomon.annotations import Annotations
    from gnomon.curation.rules import RecordedRun, Rule, RuleRun
    from gnomon.store import Store

__all__ = ["rules"]

_FILES = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path)
)
_RULES = click.option("--rules", "names", help="Only these rules of the files, separated by commas.")
_COLLECTIONS = "RUN, CHAINED or TAGGED collections of the store, separated by commas; the first match counts."
_WHERE = click.option(
    "--where",
    help='Only measurements that fulfil this, such as "day_obs = 20260301"; the others are left as they are.',
)
_RUN_COLUMNS = ("run", "rule", "version", "recorded_at", "set", "examined", "clear", "taken_back", "state")


@click.group()
def rules() -> None:
    """Let bots propose flags, by rules over the measurements in the store.

    What a rule says counts as long as no person says otherwise.
    """


@rules.command()
@_FILES
@_RULES
@click.option("--collections", required=True, help=_COLLECTIONS)
@_WHERE
@store_option
@log_options
@format_option
def run(
    files: tuple[Path, ...],
    names: str | None,
    collections: str,
    where: str | None,
    store: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
) -> None:
    """Evaluate the rules of each FILE, and record what they say anew.

    One run of a rule is one annotation, and can be withdrawn as one.
    """
    from gnomon.cli.progress import progress_bar
    from gnomon.cli.rows import print_rows
    from gnomon.curation.rules import run_rules

    chosen = _chosen(files, names)
    with (
        _both(store, annotations, config) as (measured, log),
        progress_bar("Evaluating rules") as progress,
    ):
        ran = run_rules(
            measured,
            log,
            chosen,
            collections=split_names(collections) or [],
            where=where,
            progress=progress,
        )
    columns = ("rule", "version", "looked_at", "set", "examined", "clear", "taken_back", "run")
    print_rows([_summary(one) for one in ran], columns, format_)


@rules.command()
@_FILES
@_RULES
@click.option("--collections", help=f"Also say what would be recorded: {_COLLECTIONS}")
@_WHERE
@click.option(
    "--all", "everything", is_flag=True, help="Show all that the rules say, and not the changes only."
)
@store_option
@log_options
@format_option
@click.pass_context
def test(
    ctx: click.Context,
    files: tuple[Path, ...],
    names: str | None,
    collections: str | None,
    where: str | None,
    everything: bool,
    store: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
) -> None:
    """Try the rules of each FILE on their examples, and record nothing.

    With --collections, what `gnomon rules run` would propose, change and take back is printed. Ends with
    status 1 if a rule says something else of an example than it should.
    """
    from gnomon.curation.rules import failing_examples, preview_rules

    chosen = _chosen(files, names)
    failures = [failure for rule in chosen for failure in failing_examples(rule)]
    for failure in failures:
        click.echo(
            f"{failure.rule}, example {failure.example}, {failure.place}: expected is {failure.expected}, "
            f"not {failure.found.removesuffix('.')}.",
            err=True,
        )
    number = sum(len(rule.examples) for rule in chosen)
    click.echo(f"{_of(number, 'example')} of {_of(len(chosen), 'rule')}, {len(failures)} wrong.", err=True)
    if collections is None and (where is not None or everything):
        raise click.UsageError("--where and --all are about measurements: name --collections.")
    if collections is not None:
        import polars as pl

        from gnomon.cli.printing import print_frame
        from gnomon.cli.progress import progress_bar

        with _both(store, annotations, config) as (measured, log):
            with progress_bar("Evaluating rules") as progress:
                found = preview_rules(
                    measured,
                    log,
                    chosen,
                    collections=split_names(collections) or [],
                    where=where,
                    progress=progress,
                )
            print_frame(pl.concat(one.table(changes_only=not everything) for one in found), format_)
    if failures:
        ctx.exit(1)


@rules.command()
@click.argument("run", required=False)
@click.option("--rule", help="Withdraw all runs of the rule of this name.")
@click.option("--version", type=int, help="Only runs of this version of the rule.")
@click.option("--reason", default="", help="Why.")
@user_option
@log_options
def withdraw(
    run: str | None,
    rule: str | None,
    version: int | None,
    reason: str,
    user: str,
    annotations: str | None,
    config: str | None,
) -> None:
    """Take back all that RUN said, or all runs of a rule; what it had replaced holds again."""
    from gnomon import __version__
    from gnomon.annotations import Actor
    from gnomon.curation.rules import withdraw_runs

    with opened(annotations, config, existing=True) as log:
        actor = Actor(user, "human", agent="gnomon rules withdraw", agent_version=__version__)
        gone = withdraw_runs(log, run, rule=rule, version=version, actor=actor, reason=reason)
    for one in gone:
        click.echo(f"{one.run}: withdrawn, {one.rule} version {one.version}")
    if not gone:
        click.echo("It was withdrawn before.")


@rules.command(name="list")
@click.option("--rule", help="Only of the rule of this name.")
@log_options
@format_option
def list_runs(rule: str | None, annotations: str | None, config: str | None, format_: str) -> None:
    """List the runs that were recorded, the oldest first."""
    from gnomon.cli.rows import print_rows
    from gnomon.curation.rules import recorded_runs

    with opened(annotations, config, existing=True) as log:
        found = recorded_runs(log, rule=rule)
    print_rows([_line(one) for one in found], _RUN_COLUMNS, format_)


@rules.command()
@click.argument("run")
@log_options
@format_option
def show(run: str, annotations: str | None, config: str | None, format_: str) -> None:
    """Show what RUN said, one thing a line."""
    from gnomon.cli.rows import print_rows
    from gnomon.curation.rules.withdrawing import find_run

    with opened(annotations, config, existing=True) as log:
        found = find_run(log, run)
        said = [log.get(id) for id in found.annotation_ids]
    lines = [
        {"target": str(one.target), "flag": one.flag, "state": one.state, "reason": one.reason}
        for annotation in said
        for one in annotation.assertions
    ]
    print_rows(lines, ("target", "flag", "state", "reason"), format_)


@contextmanager
def _both(
    store: str | None, annotations: str | None, config: str | None
) -> "Iterator[tuple[Store, Annotations]]":
    from gnomon import settings
    from gnomon.store import open_store

    with ExitStack() as stack:
        measured = open_store(settings.load(config=config, store=store).store)
        yield measured, stack.enter_context(opened(annotations, config))


def _chosen(files: tuple[Path, ...], names: str | None) -> "list[Rule]":
    from gnomon.curation.rules import load_rules
    from gnomon.errors import DefinitionError, nearest

    found = [rule for file in files for rule in load_rules(file)]
    wanted = split_names(names)
    if wanted is None:
        return found
    known = {rule.name for rule in found}
    for name in wanted:
        if name not in known:
            raise DefinitionError(f"There is no rule {name!r} in these files.{nearest(name, known)}")
    return [rule for rule in found if rule.name in wanted]


def _summary(one: "RuleRun") -> dict[str, Any]:
    return {
        "rule": one.rule.name,
        "version": one.rule.version,
        "looked_at": len(one.proposals),
        "set": one.count("set"),
        "examined": one.count("examined"),
        "clear": one.count("clear"),
        "taken_back": one.count("withdrawn"),
        "run": one.run or "nothing new",
    }


def _line(one: "RecordedRun") -> dict[str, Any]:
    from gnomon import times

    return {
        "run": one.run,
        "rule": one.rule,
        "version": one.version,
        "recorded_at": times.to_utc_iso(one.recorded_at),
        "set": one.counts.get("set", 0),
        "examined": one.counts.get("examined", 0),
        "clear": one.counts.get("clear", 0),
        "taken_back": one.counts.get("withdrawn", 0),
        "state": "withdrawn" if one.withdrawn else "counts",
    }


def _of(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
