"""A group of commands that imports a command's module only when that command is called.

`gnomon --help`, a typo and shell completion must answer at once, and some commands need packages that an
installation may not have. So a group knows of each command only where it is and one line of help.
"""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from gnomon.errors import GnomonError, MissingExtraError, nearest

__all__ = ["INTERRUPTED", "LazyCommand", "LazyGroup", "ending_in_words"]

INTERRUPTED = 130
"""Exit status after an interruption from the keyboard, as shells have it."""


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is, and what can be said of it without looking there.

    Attributes
    ----------
    target
        Module and attribute, as ``gnomon.cli.demo:demo``.
    help
        One line, as ``gnomon --help`` shows it.
    extra
        The extra that has what the command needs beyond the base install.
    """

    target: str
    help: str
    extra: str | None = None


class LazyGroup(click.Group):
    """A `click.Group` whose commands are imported when they are called.

    It also ends in one way: an error that gnomon raises on purpose, or one of the operating system about a
    file, is a message on standard error and exit status 2, without a stack trace; an interruption is a word
    and status 130. A command that has findings ends with ``ctx.exit(1)``.

    Parameters
    ----------
    *args, **kwargs
        As `click.Group` takes them.
    lazy
        The commands by name, in the order in which the help lists them.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of all commands."""
        return [*self.lazy, *(name for name in super().list_commands(ctx) if name not in self.lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or give `None` if there is none of that name.

        Raises
        ------
        MissingExtraError
            If the command needs a package that is not installed.
        """
        found = self.lazy.get(cmd_name)
        if found is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = found.target.partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if found.extra is None or error.name is None or error.name.partition(".")[0] == "gnomon":
                raise
            raise MissingExtraError(
                f"`{ctx.command_path} {cmd_name}` needs {error.name}, which is not installed; the extra "
                f"{found.extra} has it: pip install 'gnomon[{found.extra}]'."
            ) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{found.target} is not a command but {command!r}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name; for a typo, name the nearest."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise click.UsageError(f"{args[0]!r} is not a command.{nearest(args[0], names)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their help, from the table alone."""
        del ctx
        rows = [(name, command.help) for name, command in self.lazy.items()]
        rows += [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, from the table alone."""
        items = [
            CompletionItem(name, help=command.help)
            for name, command in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end an error with a message."""
        with ending_in_words(ctx):
            return super().invoke(ctx)


@contextmanager
def ending_in_words(ctx: click.Context) -> Iterator[None]:
    """End what goes wrong on purpose with a message and a status, and not with a stack trace.

    Parameters
    ----------
    ctx
        Of the command.

    Yields
    ------
    None
        While the command runs.
    """
    try:
        yield
    except GnomonError as error:
        raise _Failure(str(error)) from error
    except OSError as error:
        # A broken pipe is click's to handle, and an error without a file says too little to be shown so.
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = error.filename or "A file could not be written"
            raise _Failure(f"{what}: {error.strerror}.") from error
        if error.errno == errno.EPIPE or error.filename is None:
            raise
        raise _Failure(f"{error.filename}: {error.strerror}.") from error
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error, click.Abort) and not isinstance(error.__context__, KeyboardInterrupt):
            raise _Failure("Aborted.") from error
        click.echo("\nInterrupted.", err=True)
        ctx.exit(INTERRUPTED)


class _Failure(click.ClickException):
    exit_code = 2
