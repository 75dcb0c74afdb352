"""``gnomon qgraph build``: ``pipetask qgraph``, without what is marked bad."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from lsst.ctrl.mpexec.cli.cmd.commands import coverage_context
from lsst.ctrl.mpexec.cli.utils import collect_pipeline_actions

from gnomon.cli.choosing import Choice, choice_options, find, take_choice
from gnomon.cli.options import format_option
from gnomon.cli.qgraph.logs import follow_log, log_options
from gnomon.cli.qgraph.pipetask_options import GraphCommand, options_of_pipetask, section
from gnomon.cli.qgraph.pipetask_steps import finish, make_pipeline, prepare, read_show, show_existing, wanted
from gnomon.cli.qgraph.saving import check_place, replacing
from gnomon.cli.qgraph.showing import print_account, print_quanta
from gnomon.errors import GraphLossError

if TYPE_CHECKING:
    from lsst.ctrl.mpexec import PipelineGraphFactory  # type: ignore[attr-defined]
    from lsst.ctrl.mpexec.showInfo import ShowInfo

    from gnomon.curation.exclusions import Exclusions
    from gnomon.curation.graphs import Graph

__all__ = ["build"]

_NOTHING_CHOSEN = "Nothing was chosen to be left out: this is the graph that `pipetask qgraph` builds."


@click.command(cls=GraphCommand)
@section("What is left out:")
@choice_options
@click.option(
    "--on-shadow",
    type=click.Choice(["drop", "fall-back"]),
    default="drop",
    show_default=True,
    help="Where a dataset is left out and a later input collection has another of its data ID: leave that "
    "out too, or take it.",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 1),
    help="Refuse if a task loses more than this part of its inputs, from 0 to 1.",
)
@click.option("--dry-run", is_flag=True, help="Show all that would go, by which rule, and write nothing.")
@format_option
@options_of_pipetask()
@log_options()
@click.pass_context
def build(ctx: click.Context, /, **given: Any) -> None:
    """Build a quantum graph as `pipetask qgraph` does, without what is marked bad.

    All options of `pipetask qgraph` mean here what they mean there.

    What each task loses is shown before anything is written. Ends with status 1, and writes nothing, if a
    task loses more than --max-loss or if nothing remains; with 2 if the graph cannot be built, or if what was
    said about the data or measured cannot be reached: there is never a graph from which something is missing
    among what had to be left out.
    """
    follow_log(ctx, given)
    choice = take_choice(given)
    given = collect_pipeline_actions(ctx, **given)
    show = read_show(given.pop("show"))
    own = {name: given.pop(name) for name in ("on_shadow", "max_loss", "dry_run", "format_")}
    if given["save_qgraph"]:
        check_place(given["save_qgraph"])
    with coverage_context(given):
        pipeline = make_pipeline(given, show)
        if show.handled and not show.unhandled:
            click.echo("No graph was built: --show asks only about the pipeline.", err=True)
        elif given["qgraph"]:
            _pass_on(pipeline, choice, given, show, dry_run=own["dry_run"])
        else:
            _build(ctx, pipeline, choice, given, show, **own)


def _build(
    ctx: click.Context,
    pipeline: "PipelineGraphFactory",
    choice: Choice,
    given: Mapping[str, Any],
    show: "ShowInfo",
    *,
    on_shadow: Any,
    max_loss: float | None,
    dry_run: bool,
    format_: str,
) -> None:
    from gnomon.curation.graphs import build_graph

    with prepare(pipeline, given) as prepared, find(choice, prepared.butler) as exclusions:
        try:
            graph = build_graph(
                prepared.butler,
                prepared.pipeline,
                exclusions=exclusions,
                inputs=prepared.inputs,
                output_run=prepared.output_run,
                output=prepared.output,
                on_shadow=on_shadow,
                max_loss=max_loss,
                **prepared.options,
            )
        except GraphLossError as error:
            # A finding and no mistake: whoever is refused sees why, and the status is its own.
            _show(exclusions, error, (), format_, whole=dry_run)
            click.echo(f"Refused: {error}", err=True)
            ctx.exit(1)
        if choice:
            _show(exclusions, graph, graph.warnings, format_, whole=dry_run)
        else:
            print_quanta(graph.quanta, format_)
            click.echo(_NOTHING_CHOSEN, err=True)
        if dry_run:
            click.echo("Nothing was written.", err=True)
            return
        if place := given["save_qgraph"]:
            with replacing(place) as unfinished:
                graph.write(unfinished)
            click.echo(f"The graph is in {place}.", err=True)
        else:
            click.echo("The graph was not saved: no --save-qgraph was given.", err=True)
        if wanted(given, show):
            finish(graph.components.assemble(), given, show)


def _show(
    exclusions: "Exclusions",
    lost: "Graph | GraphLossError",
    warnings: Sequence[str],
    format_: str,
    *,
    whole: bool,
) -> None:
    from gnomon.curation.graphs.record import record_of

    record = record_of({}, exclusions, lost.left_out, lost.pruned).to_pylist()
    print_account(exclusions.to_dict(), lost.tasks, record, warnings, format_, whole=whole)


def _pass_on(
    pipeline: "PipelineGraphFactory",
    choice: Choice,
    given: Mapping[str, Any],
    show: "ShowInfo",
    *,
    dry_run: bool,
) -> None:
    """Show or copy a graph that exists, from which nothing can be left out any more."""
    if choice or dry_run:
        raise click.UsageError(
            "From a graph that exists (--qgraph) nothing can be left out: build it anew from its --pipeline, "
            "or ask `gnomon qgraph explain` what was left out of it."
        )
    if not given["save_qgraph"]:
        show_existing(pipeline, given, show, save=None)
        return
    with replacing(given["save_qgraph"]) as unfinished:
        show_existing(pipeline, given, show, save=unfinished)
