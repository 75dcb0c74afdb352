"""``gnomon annotations``: what people and bots say about the data.

``saying`` has the commands that record something, ``showing`` those that show, ``keeping`` those that look
after the log, ``transferring`` the one that carries a part of it elsewhere, ``pending`` those of observations
that no registry knew, ``definitions`` those of vocabularies and policies; ``things`` reads what a command is
about, and ``opening`` which log is meant.
"""

import click

from gnomon.cli.annotations import keeping, pending, saying, showing, transferring

__all__ = ["annotations"]


@click.group()
def annotations() -> None:
    """Say what you know about the data, and see what people and bots said."""


for command in (
    saying.add,
    saying.flag,
    saying.edit,
    saying.retract,
    pending.resolve,
    pending.pending,
    showing.list_,
    showing.show,
    showing.history,
    showing.search,
    showing.effective,
    showing.coverage,
    keeping.import_,
    keeping.export,
    transferring.transfer,
    keeping.check,
    keeping.rebuild,
    keeping.upgrade,
):
    annotations.add_command(command)
