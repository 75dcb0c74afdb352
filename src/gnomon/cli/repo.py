"""``gnomon repo``: Butler repositories and gnomon."""

import click

from gnomon.cli.watch import watch

__all__ = ["repo"]


@click.group()
def repo() -> None:
    """Make Butler repositories and gnomon know each other."""


@repo.command()
def config() -> None:
    """Print the value of DAF_BUTLER_CONFIG_PATH with which Butler commands know gnomon's datasets.

    For example: export DAF_BUTLER_CONFIG_PATH="$(gnomon repo config)"
    """
    from gnomon.repository.configuration import SEARCH_PATH_VARIABLE, environment

    click.echo(environment()[SEARCH_PATH_VARIABLE])


repo.add_command(watch)
