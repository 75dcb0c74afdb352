"""The `gnomon` command: a table of where each subcommand is, and nothing that takes time to import.

Exit status: 0 all well, 1 there are findings, 2 misuse or an error, 130 interrupted.
"""

import click

from gnomon import __version__
from gnomon.cli.lazy import LazyCommand, LazyGroup

__all__ = ["main"]

COMMANDS = {
    "demo": LazyCommand(
        "gnomon.cli.demo:demo",
        "Measure, judge and mark one real night, from raw table to page.",
        extra="demo",
    ),
    "lint": LazyCommand("gnomon.cli.lint:lint", "Find mistakes in definition packages."),
    "metrics": LazyCommand("gnomon.cli.definitions:metrics", "Look at the metrics of a definition package."),
    "specs": LazyCommand(
        "gnomon.cli.definitions:specs", "Look at the specifications of a definition package."
    ),
    "job": LazyCommand(
        "gnomon.cli.job:job", "Look at, merge, compare, judge and check files of measurements."
    ),
    "harvest": LazyCommand(
        "gnomon.cli.harvest:harvest",
        "Bring measurements from a Butler repository into the metrics store.",
        extra="butler",
    ),
    "lineage": LazyCommand(
        "gnomon.cli.lineage:lineage",
        "Show what a dataset was made from, or what was made from it, and what was said of that.",
        extra="butler",
    ),
    "load": LazyCommand("gnomon.cli.load:load", "Print measurements from the metrics store."),
    "store": LazyCommand("gnomon.cli.store:store", "Look after a metrics store."),
    "spool": LazyCommand(
        "gnomon.cli.spool:spool", "Look at what waits on this host for its way into the metrics store."
    ),
    "compare": LazyCommand(
        "gnomon.cli.compare:compare", "Compare two runs, or two versions of the software."
    ),
    "annotate": LazyCommand("gnomon.cli.annotations.saying:add", "Say something about the data."),
    "flag": LazyCommand(
        "gnomon.cli.annotations.saying:flag", "Say of a data ID that a flag is set, clear or examined."
    ),
    "annotations": LazyCommand(
        "gnomon.cli.annotations:annotations", "Look at what people and bots said about the data."
    ),
    "vocabulary": LazyCommand(
        "gnomon.cli.annotations.definitions:vocabulary", "Look at the flags, and lay down those of a site."
    ),
    "policy": LazyCommand(
        "gnomon.cli.annotations.definitions:policy", "Look at who wins, and lay down the policy of a site."
    ),
    "rules": LazyCommand(
        "gnomon.cli.rules:rules", "Let bots propose flags, by rules over the measurements in the store."
    ),
    "qgraph": LazyCommand(
        "gnomon.cli.qgraph:qgraph",
        "Build quantum graphs without what is marked bad, and say what was left out.",
    ),
    "collections": LazyCommand(
        "gnomon.cli.collections:collections",
        "Keep collections that follow what people and bots said.",
        extra="butler",
    ),
    "repo": LazyCommand(
        "gnomon.cli.repo:repo", "Make Butler repositories and gnomon know each other.", extra="butler"
    ),
}
"""Every subcommand, in the order of ``gnomon --help``."""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 all well, 1 there are findings, 2 misuse or an error.",
)
@click.version_option(__version__, prog_name="gnomon", message="%(prog)s %(version)s")
def main() -> None:
    """Quality control for data repositories managed by the Rubin Data Butler.

    gnomon measures data, judges the measurements, marks the data, and makes the marks count.
    """
