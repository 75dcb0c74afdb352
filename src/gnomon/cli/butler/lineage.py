"""``butler lineage``: the same as ``gnomon lineage show``."""

from gnomon.cli.butler.command import Subcommand
from gnomon.cli.lineage import show

__all__ = ["lineage"]

lineage = Subcommand("lineage", callback=show.callback, params=show.params, help=show.help)
