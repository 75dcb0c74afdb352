"""``butler annotate``: what a query finds, shown first and then marked."""

import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from gnomon.cli.annotations.opening import opened
from gnomon.cli.butler.command import Subcommand, log_options, selection_options
from gnomon.cli.butler.tables import print_tables
from gnomon.cli.options import user_option

if TYPE_CHECKING:
    from gnomon.annotations import Assertion

__all__ = ["annotate"]

_SHOWN = 20


@click.command(cls=Subcommand, short_help="Say something about the datasets or records that a query finds.")
@selection_options
@click.option(
    "--data-id", "data_ids", is_flag=True, help="Their data IDs, so that future datasets count too."
)
@click.option("--standing", is_flag=True, help="Whatever fulfils the condition, now and later.")
@click.option("--flag", "flags", multiple=True, metavar="FLAG[=STATE]", help="set, clear or examined.")
@click.option("--reason", default="", help="Why the flags, in a few words.")
@click.option("--tag", "tags", multiple=True, help="A word by which it can be found.")
@click.option("--text", default="", help="What is to be said.")
@click.option("--url", "urls", multiple=True, help="A link.")
@click.option("--level", default="20", help="How important: debug, info, warning, error, critical, a number.")
@click.option("--key", help="An idempotency key: saying the same again under it changes nothing.")
@user_option
@click.option("--bot", is_flag=True, help="It is a program that says so, and not a person.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be marked.")
@log_options
def annotate(
    repo: str,
    flags: tuple[str, ...],
    reason: str,
    tags: tuple[str, ...],
    text: str,
    urls: tuple[str, ...],
    level: str,
    key: str | None,
    user: str,
    bot: bool,
    yes: bool,
    dry_run: bool,
    annotations: str | None,
    config: str | None,
    **selection: Any,
) -> None:
    """Say something about the datasets of REPO, or the records, that a query finds.

    They are shown before anything is recorded, and become the targets of one annotation. For example:

    butler annotate REPO --dataset-type raw --collections LSSTCam/raw/all --element exposure --where
    "instrument='LSSTCam' AND exposure.day_obs=20260301" --flag clouds --reason "no star in the guiders"
    """
    from gnomon import __version__
    from gnomon.annotations import Actor
    from gnomon.curation.marking import Request, find, mark
    from gnomon.repository.configuration import open_butler

    if not (flags or tags or text.strip()) and not dry_run:
        raise click.UsageError("Say something: --text, --flag or --tag.")
    said = _assertions(flags, reason)
    request = Request(**selection)
    errors = Console(stderr=True)
    with open_butler(repo, without_datastore=True) as butler, errors.status("Looking in the repository"):
        found = find(butler, request)
    print_tables([thing.row() for thing in found.things], most=_SHOWN)
    click.echo(f"Meant: {found}.")
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask whether this is right: look, and then say --yes.")
        click.confirm("Mark them?", abort=True)
    with opened(annotations, config) as log, errors.status("Recording"):
        actor = Actor(user, "bot" if bot else "human", agent="butler annotate", agent_version=__version__)
        one = mark(
            log,
            found,
            text=text,
            flags=said,
            tags=tags,
            urls=urls,
            level=int(level) if level.lstrip("-").isdigit() else level,
            actor=actor,
            key=key,
        )
    click.echo(f"Annotation {one.id}.")


def _assertions(flags: tuple[str, ...], reason: str) -> "list[Assertion]":
    from gnomon.annotations import Assertion

    parts = (flag.partition("=") for flag in flags)
    return [Assertion(name, state or "set", reason) for name, _, state in parts]  # type: ignore[arg-type]
