"""gnomon's subcommands of ``butler``: names and one line of help, until one of them is called.

Every ``butler`` command imports this module to learn which commands there are, so that it loads nothing.
"""

from importlib import import_module
from typing import Any

import click

__all__ = ["subcommands"]


class _Promised(click.Command):
    """A command that is imported when it is called, and shown in a list before that."""

    def __init__(self, name: str, target: str, help: str) -> None:
        super().__init__(name, short_help=help)
        self._target = target

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        module, _, attribute = self._target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command.make_context(info_name, args, parent=parent, **extra)


def subcommands() -> list[click.Command]:
    """Give gnomon's subcommands; ``butler`` finds this function by its entry point.

    Returns
    -------
    list of click.Command
        Each imports what it needs when it is called.
    """
    return [
        _Promised(
            "annotate",
            "gnomon.cli.butler.annotate:annotate",
            "Say something about the datasets or records that a query finds.",
        ),
        _Promised(
            "query-annotations",
            "gnomon.cli.butler.query_annotations:query_annotations",
            "List what was said about datasets or records, and which flags hold.",
        ),
        _Promised(
            "lineage",
            "gnomon.cli.butler.lineage:lineage",
            "Show what a dataset was made from, or what was made from it.",
        ),
    ]
