"""What gnomon's subcommands of ``butler`` have in common."""

from collections.abc import Callable
from typing import Any

import click
from lsst.daf.butler.cli.opt import collections_option, repo_argument, where_option

from gnomon.cli.lazy import ending_in_words
from gnomon.cli.options import annotations_option

__all__ = ["Subcommand", "log_options", "selection_options"]


class Subcommand(click.Command):
    """A subcommand that ends in one way, as those of ``gnomon`` do: a message, and no stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end an error with a message."""
        with ending_in_words(ctx):
            return super().invoke(ctx)


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which log is meant.

    Parameters
    ----------
    command
        A command with parameters ``annotations`` and ``config``.

    Returns
    -------
    callable
        The command.
    """
    config = click.option("--config", metavar="FILE", help="A configuration file of gnomon.")
    return annotations_option(config(command))


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and options that say what is meant in which repository.

    Parameters
    ----------
    command
        A command with parameters ``repo``, ``dataset_types``, ``collections``, ``where``, ``element``,
        ``dataset_ids``, ``find_first`` and ``repository``.

    Returns
    -------
    callable
        The command.
    """
    for decorator in (
        click.option("--repository", metavar="LABEL", help="A label for the repository, if you use one."),
        click.option("--find-first", is_flag=True, help="Only the first dataset of each data ID."),
        click.option(
            "--dataset", "dataset_ids", multiple=True, type=click.UUID, help="A dataset, by its UUID."
        ),
        click.option(
            "--element",
            metavar="DIMENSION",
            help="Not the datasets but the records of this dimension, such as visit.",
        ),
        where_option(),
        collections_option(help="Where to look: names or patterns of collections, separated by commas."),
        click.option(
            "--dataset-type",
            "dataset_types",
            multiple=True,
            metavar="TYPE",
            help="Datasets of this type, or of all types of a pattern.",
        ),
        repo_argument(required=True),
    ):
        command = decorator(command)
    return command
