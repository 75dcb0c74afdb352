"""``gnomon lineage``: what a dataset was made from, what was made from it, and what was said of that."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.annotations.opening import read_moment, refuse_missing
from gnomon.cli.options import split_names

if TYPE_CHECKING:
    from lsst.daf.butler import Butler

    from gnomon.curation.marked_lineage import MarkedLineage
    from gnomon.repository.lineage import Lineage, Ways
    from gnomon.repository.lineage.gathering import Recorded

__all__ = ["lineage"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_lineage_option: Decorator = click.option(
    "--lineage",
    "place",
    metavar="URI",
    help="Where lineage is recorded; by default $GNOMON_LINEAGE or what the settings say.",
)
_graph_option: Decorator = click.option(
    "--graph",
    "graphs",
    metavar="FILE",
    multiple=True,
    help="A graph: that of a finished run, or a predicted one. Can be given several times.",
)
_collections_option: Decorator = click.option(
    "--collections", help="Names or shell patterns of collections, separated by commas."
)
_SHOWN = 10


class _WithDefault(click.Group):
    """A group that takes what is none of its commands for the arguments of `show`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant."""
        if args and args[0] not in self.commands and not ctx.resilient_parsing:
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave options that stand before the repository to `show`."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithDefault)
def lineage() -> None:
    """Show what a dataset was made from, or what was made from it.

    `gnomon lineage REPO UUID` is short for `gnomon lineage show REPO UUID`; `gnomon lineage show --help` has
    its options.
    """


@lineage.command()
@click.argument("repository", metavar="REPO")
@click.argument("dataset", metavar="UUID")
@click.option("--down", is_flag=True, help="Show what was made from it, and not what it was made from.")
@click.option(
    "--annotations",
    metavar="[URI]",
    is_flag=False,
    flag_value="",
    help="Show flags and annotations of each dataset, and of the exposure, visit, detector and night that it "
    "is of; by default those that $GNOMON_ANNOTATIONS or the settings name.",
)
@click.option("--flag", "flags", multiple=True, help="Only this flag. Can be given several times.")
@click.option("--policy", metavar="NAME@VERSION", help="By which policy flags hold.")
@click.option("--at", metavar="CUT|TIME", help="What held as of a cut of the log, or of a time in UTC.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["predicted", "read", "used"]),
    help="Follow only edges of this kind. Can be given several times.",
)
@click.option(
    "--strongest",
    is_flag=True,
    help="Of each dataset follow only the edges of which the strongest word is known: used, else read, else "
    "predicted.",
)
@click.option("--depth", type=click.IntRange(min=1), help="How many steps at most.")
@click.option("--all", "everything", is_flag=True, help="Count nothing together: draw every dataset.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["tree", "json", "dot"]),
    default="tree",
    show_default=True,
    help="How to print. JSON and dot are complete.",
)
@_lineage_option
@_collections_option
@_graph_option
@click.option("--config", metavar="FILE", help="A configuration file.")
def show(
    repository: str,
    dataset: str,
    down: bool,
    annotations: str | None,
    flags: tuple[str, ...],
    policy: str | None,
    at: str | None,
    kinds: tuple[str, ...],
    strongest: bool,
    depth: int | None,
    everything: bool,
    format_: str,
    place: str | None,
    collections: str | None,
    graphs: tuple[str, ...],
    config: str | None,
) -> None:
    """Show what the dataset UUID of REPO was made from, or with --down what was made from it.

    Where nothing was recorded of it, the graphs of finished runs that the repository keeps are read: in
    --collections, or the run of the dataset; or else the --graph that is given.
    """
    from gnomon import settings
    from gnomon.annotations import open_annotations
    from gnomon.curation.marked_lineage import mark_lineage
    from gnomon.repository.configuration import open_butler

    wanted = _identifier(dataset)
    asked = annotations is not None or bool(flags or policy or at)
    if annotations:
        refuse_missing(annotations)
    configured = settings.load(config=config, annotations=annotations or None, lineage=place)
    with ExitStack() as stack:
        butler = stack.enter_context(open_butler(repository))
        ways = _ways(
            butler,
            configured.lineage,
            wanted,
            collections=split_names(collections),
            graphs=graphs,
            asked={"down": down, "kinds": kinds or None, "strongest": strongest, "depth": depth},
        )
        log = None
        if asked:
            log = stack.enter_context(open_annotations(configured.annotations, origin=configured.origin))
        marked = mark_lineage(
            ways, annotations=log, butler=butler, flags=flags or None, policy=policy, at=read_moment(at)
        )
    _print(marked, format_, everything=everything)


def _ways(
    butler: "Butler",
    place: str,
    wanted: uuid.UUID,
    *,
    collections: list[str] | None,
    graphs: tuple[str, ...],
    asked: dict[str, Any],
) -> "Ways":
    from gnomon.repository.lineage import open_lineage
    from gnomon.repository.lineage.on_the_fly import passing_lineage

    if not graphs:
        with open_lineage(place) as recorded:
            if _knows(recorded, wanted, down=asked["down"]):
                return recorded.ways(wanted, **asked)
    with (
        _progress("Reading graphs") as progress,
        passing_lineage(
            butler,
            wanted,
            down=asked["down"],
            collections=collections,
            graphs=graphs,
            progress=progress,
        ) as passing,
    ):
        found = passing.ways(wanted, **asked)
    if not graphs:
        what = "what was made from it" if asked["down"] else "what it was made from"
        if len(found.edges):
            text = f"Nothing was recorded of {what}: this is from the graphs of finished runs."
        else:
            text = (
                f"Nothing is known of {what}: nothing was recorded, and there is no graph of a finished run."
            )
        click.echo(f"{text} `gnomon lineage record` makes such questions quick, and knows more.", err=True)
    return found


def _knows(recorded: "Lineage", wanted: uuid.UUID, *, down: bool) -> bool:
    step = recorded.descendants if down else recorded.ancestors
    return bool(step([wanted], depth=1).height)


def _identifier(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not the UUID of a dataset; `butler query-datasets` prints them.", param_hint="UUID"
        ) from None


def _print(marked: "MarkedLineage", format_: str, *, everything: bool) -> None:
    from gnomon.curation.marked_lineage import to_document, to_dot, to_tree

    if format_ == "json":
        from gnomon.cli.printing import print_json

        print_json(to_document(marked))
    elif format_ == "dot":
        click.echo(to_dot(marked), nl=False)
    else:
        from rich.console import Console
        from rich.text import Text

        styles = {
            "bad": "bold red",
            "touched": "yellow",
            "gone": "dim",
            "mark": "red",
            "said": "cyan",
            "more": "dim",
        }
        console = Console(soft_wrap=True, highlight=False)
        lines = to_tree(marked, fold=None) if everything else to_tree(marked)
        for line in lines:
            console.print(Text(line.indent, "dim") + Text(line.text, styles.get(line.style, "")))
        if marked.cut is not None:
            policy = "" if marked.policy is None else f", policy {marked.policy}"
            click.echo(f"As of {marked.cut}{policy}.", err=True)


@lineage.command()
@click.argument("repository", metavar="[REPO]", required=False)
@_collections_option
@_graph_option
@click.option(
    "--input-table",
    "input_tables",
    metavar="PRODUCT=TABLE[:INPUTS]",
    multiple=True,
    help="Datasets of type TABLE are tables of what went into those of type PRODUCT, such as "
    "coadd=coadd_inputs:calexp. Can be given several times.",
)
@click.option("--reread", is_flag=True, help="Read again what was read before.")
@_lineage_option
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="A configuration file.")
@click.pass_context
def record(
    ctx: click.Context,
    repository: str | None,
    collections: str | None,
    graphs: tuple[str, ...],
    input_tables: tuple[str, ...],
    reread: bool,
    place: str | None,
    format_: str,
    config: str | None,
) -> None:
    """Record lineage: of the datasets in --collections of REPO, or what the --graph files say.

    It can be killed and run again at any time; nothing is read or recorded twice. Ends with status 1 if
    something could not be read.
    """
    from gnomon import settings
    from gnomon.repository.lineage import open_lineage
    from gnomon.repository.lineage.gathering import record_graph

    names = split_names(collections)
    if not graphs and (repository is None or not names):
        raise click.UsageError("Name a repository and its --collections, or a --graph.")
    if repository is None and (names or input_tables):
        raise click.UsageError("--collections and --input-table are about a repository: name it.")
    reports: list[Recorded] = []
    configured = settings.load(config=config, lineage=place)
    with open_lineage(configured.lineage) as recorded, _progress("Searching") as progress:
        reports.extend(record_graph(recorded, graph, progress=progress) for graph in graphs)
        if repository is not None and names:
            reports.append(
                _gather(recorded, repository, names, input_tables, reread=reread, progress=progress)
            )
    _report(reports, format_)
    if any(report.not_read for report in reports):
        ctx.exit(1)


def _gather(
    recorded: "Lineage",
    repository: str,
    names: list[str],
    input_tables: tuple[str, ...],
    *,
    reread: bool,
    progress: Callable[[str, int, int], None],
) -> "Recorded":
    from gnomon.repository.configuration import open_butler
    from gnomon.repository.lineage.gathering import gather
    from gnomon.repository.lineage.input_tables import InputTable

    tables = [InputTable.parse(text) for text in input_tables]
    with open_butler(repository) as butler:
        return gather(
            butler, recorded, collections=names, input_tables=tables, reread=reread, progress=progress
        )


def _report(reports: "list[Recorded]", format_: str) -> None:
    if format_ == "json":
        from gnomon.cli.printing import print_json

        print_json([report.document() for report in reports])
        return
    for report in reports:
        click.echo(
            f"{report.graphs} graphs, {report.files} files and {report.tables} tables of inputs read; "
            f"{report.known} were known. {report.edges} edges and {report.datasets} datasets are new or "
            "known better."
        )
        if report.truncated:
            click.echo(f"{report.truncated} files do not name all of their inputs; a graph does.")
        for item in report.not_read[:_SHOWN]:
            click.echo(f"Not read: {item.what}: {item.reason}", err=True)
        if len(report.not_read) > _SHOWN:
            click.echo(f"... and {len(report.not_read) - _SHOWN} more; --format json names them.", err=True)


@lineage.command()
@_lineage_option
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--config", metavar="FILE", help="A configuration file.")
def status(place: str | None, format_: str, config: str | None) -> None:
    """Say where lineage is recorded, and how much of it."""
    from gnomon import settings
    from gnomon.repository.lineage import open_lineage

    with open_lineage(settings.load(config=config, lineage=place).lineage) as recorded:
        counts = recorded.counts()
        where = recorded.place
    if format_ == "json":
        from gnomon.cli.printing import print_json

        print_json({"place": where, **counts})
        return
    click.echo(f"{where}: {', '.join(f'{count} {name}' for name, count in counts.items())}.")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(now: str, done: int, total: int) -> None:
            shown.update(task, description=now, completed=done, total=total or None)

        yield tell
