"""The middleware's log while a command runs, with the options that ``pipetask`` has for it."""

import logging
from collections.abc import Callable
from typing import Any

import click
from lsst.daf.butler.cli.cliLog import CliLog
from lsst.daf.butler.cli.opt import (
    log_file_option,
    log_label_option,
    log_level_option,
    log_tty_option,
    long_log_option,
)
from lsst.daf.butler.cli.utils import OptionGroup, option_section

__all__ = ["follow_log", "log_options"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS = (log_level_option, long_log_option, log_file_option, log_tty_option, log_label_option)


class log_options(OptionGroup):  # noqa: N801 - a decorator, as its siblings in the middleware
    """Add the options that stand between ``pipetask`` and ``qgraph``; here they follow the command."""

    def __init__(self) -> None:
        self.decorators = [option_section("Logging options:"), *(option() for option in _OPTIONS)]


def follow_log(ctx: click.Context, given: dict[str, Any]) -> None:
    """Send the middleware's log where the options say, until the command ends.

    Parameters
    ----------
    ctx
        The command's context.
    given
        What was given on the command line; the options about the log are taken out.
    """
    level, long, files, tty, labels = (given.pop(option.name()) for option in _OPTIONS)
    root = logging.getLogger()
    handlers = list(root.handlers)
    CliLog.initLog(longlog=long, log_tty=tty, log_file=tuple(files or ()), log_label=labels or None)
    CliLog.setLogLevels(level or {})

    def end() -> None:
        CliLog.resetLog()
        logging.captureWarnings(False)
        for handler in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(handler)

    ctx.call_on_close(end)
