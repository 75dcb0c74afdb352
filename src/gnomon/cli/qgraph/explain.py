"""``gnomon qgraph explain``: what was left out of a graph, and why."""

import click

from gnomon.cli.options import format_option
from gnomon.cli.qgraph.showing import print_account
from gnomon.errors import GraphNotOursError

__all__ = ["explain"]


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.option("--all", "whole", is_flag=True, help="Show each mark, however many there are.")
@format_option
@click.pass_context
def explain(ctx: click.Context, graph: str, whole: bool, format_: str) -> None:
    """Say what was left out of the quantum graph in the file GRAPH, by which rule and whose word.

    Ends with status 1 if gnomon did not build it, or left out nothing on purpose, so that nothing is known.
    """
    from gnomon.curation.graphs import explain as explained

    try:
        found = explained(graph)
    except GraphNotOursError as error:
        click.echo(str(error), err=True)
        ctx.exit(1)
    print_account(found.head, found.tasks, found.rows(), found.warnings, format_, whole=whole)
    if found.record is None:
        click.echo("The graph carries no list of what was left out, only the counts.", err=True)
