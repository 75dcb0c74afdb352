"""``gnomon qgraph``: quantum graphs without what is marked bad.

``build``, ``explain`` and ``exclusions`` have a command each. `gnomon.cli.choosing` has the options that say
what is left out, ``pipetask_options`` those of ``pipetask qgraph``, and ``pipetask_steps`` does what that
command does before and after its builder. ``saving`` keeps an old file until there is a new one, ``logs``
follows the middleware's log, and ``showing`` prints.
"""

import click

from gnomon.cli.lazy import LazyCommand, LazyGroup

__all__ = ["qgraph"]

_COMMANDS = {
    "build": LazyCommand(
        "gnomon.cli.qgraph.build:build",
        "Build a quantum graph as `pipetask qgraph` does, without what is marked bad.",
        extra="butler",
    ),
    "explain": LazyCommand(
        "gnomon.cli.qgraph.explain:explain", "Say what was left out of a graph, and why.", extra="butler"
    ),
    "exclusions": LazyCommand(
        "gnomon.cli.qgraph.exclusions:exclusions",
        "Write what is left out in a form that unmodified tools take.",
        extra="butler",
    ),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS)
def qgraph() -> None:
    """Build quantum graphs without the data that is marked bad, and say what was left out."""
