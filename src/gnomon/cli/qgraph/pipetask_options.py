"""The options of ``pipetask qgraph``, taken from there, so that they are those of the installed one."""

from collections.abc import Callable
from typing import Any

import click
from lsst.ctrl.mpexec.cli import opt
from lsst.ctrl.mpexec.cli.utils import PipetaskCommand
from lsst.daf.butler.cli.opt import options_file_option
from lsst.daf.butler.cli.utils import OptionGroup, option_section, yaml_presets

__all__ = ["GraphCommand", "options_of_pipetask", "section"]

_COMMAND = "qgraph"


class GraphCommand(PipetaskCommand):
    """A command that remembers the order of its options, as pipelines need, and leaves errors to the group.

    Parameters
    ----------
    *args, **kwargs
        As `click.Command` takes them.
    """

    extra_epilog = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The middleware's commands end any error with its stack trace.
        self.callback = kwargs.get("callback")


def _presets(ctx: click.Context, param: Any, value: Any) -> None:
    """Read a file of options that was written for ``pipetask``: its section has that command's name."""
    of_pipetask = click.Context(ctx.command, info_name=_COMMAND)
    yaml_presets(of_pipetask, param, value)
    ctx.default_map = {**(ctx.default_map or {}), **(of_pipetask.default_map or {})}


class options_of_pipetask(OptionGroup):  # noqa: N801 - a decorator, as its siblings in the middleware
    """Add all options of ``pipetask qgraph``."""

    def __init__(self) -> None:
        self.decorators: list[Callable[..., Any]] = [
            opt.show_option(),
            opt.pipeline_build_options(skip_butler_config=True),
            opt.qgraph_options(),
            opt.butler_options(),
            option_section(""),
            options_file_option(callback=_presets),
        ]


class section(OptionGroup):  # noqa: N801 - as above
    """Begin a section of the options in the help.

    Parameters
    ----------
    title
        Its title.
    """

    def __init__(self, title: str) -> None:
        self.decorators: list[Callable[..., Any]] = [option_section(title)]
