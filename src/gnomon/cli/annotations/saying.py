"""Commands that record something: ``annotate``, ``flag``, ``edit``, ``retract``."""

from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.annotations.opening import log_options, opened
from gnomon.cli.annotations.things import Things, thing_options
from gnomon.cli.options import user_option

if TYPE_CHECKING:
    from gnomon.annotations import Actor, Assertion, Attachment, TimeLost

__all__ = ["add", "edit", "flag", "retract"]

_STATES = ["set", "clear", "examined"]
_LEVEL = click.option("--level", help="How important: debug, info, warning, error, critical or a number.")
_ATTACH = click.option(
    "--attach",
    multiple=True,
    nargs=2,
    metavar="URI CHECKSUM",
    help="A file that is kept elsewhere, with its checksum (sha256:...).",
)
_LOST = click.option(
    "--time-lost", nargs=2, metavar="weather|fault SECONDS", help="How much time was lost, and to what."
)
_BOT = click.option("--bot", is_flag=True, help="It is a program that says so, and not a person.")


@click.command(name="add")
@click.argument("text")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@thing_options
@click.option(
    "--flag", "flags", multiple=True, metavar="FLAG[=STATE]", help="A flag: set, clear or examined."
)
@click.option("--tag", "tags", multiple=True, help="A word by which it can be found.")
@click.option("--url", "urls", multiple=True, help="A link.")
@_LEVEL
@_ATTACH
@_LOST
@click.option("--reply-to", metavar="ID", help="The annotation that this one answers.")
@click.option("--assignee", metavar="NAME", help="Who is to look after it.")
@click.option("--key", help="An idempotency key: saying the same again under it changes nothing.")
@user_option
@_BOT
@log_options
def add(
    text: str,
    data_id: tuple[str, ...],
    flags: tuple[str, ...],
    tags: tuple[str, ...],
    urls: tuple[str, ...],
    level: str | None,
    attach: tuple[tuple[str, str], ...],
    time_lost: tuple[str, str] | None,
    reply_to: str | None,
    assignee: str | None,
    key: str | None,
    user: str,
    bot: bool,
    annotations: str | None,
    config: str | None,
    **things: Any,
) -> None:
    """Say TEXT about a data ID, dataset, collection, stretch of time or measurement.

    For example: gnomon annotate "Dome in the beam" instrument=LSSTCam exposure=42 --flag vignetting
    """
    targets = Things(data_id=data_id, **things).targets()
    with opened(annotations, config) as log:
        said = log.add(
            targets=targets,
            text=text,
            flags=_assertions(flags),
            tags=tags,
            urls=urls,
            level=20 if level is None else _number(level),
            attachments=_attachments(attach),
            reply_to=reply_to,
            assignee=assignee,
            time_lost=_lost(time_lost),
            actor=_actor(user, bot, "gnomon annotate"),
            key=key,
        )
    about = targets[0] if len(targets) == 1 else f"{len(targets)} things"
    click.echo(f"{about}: {said.id}")


@click.command()
@click.argument("flag_name", metavar="FLAG")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@thing_options
@click.option("--state", type=click.Choice(_STATES), default="set", show_default=True)
@click.option("--reason", default="", help="Why, in a few words.")
@click.option("--key", help="An idempotency key: saying the same again under it changes nothing.")
@user_option
@_BOT
@log_options
def flag(
    flag_name: str,
    data_id: tuple[str, ...],
    state: str,
    reason: str,
    key: str | None,
    user: str,
    bot: bool,
    annotations: str | None,
    config: str | None,
    **things: Any,
) -> None:
    """Say of a data ID that FLAG is set, clear, or examined and good.

    For example: gnomon flag clouds instrument=LSSTCam visit=42 --reason "cirrus in the all-sky camera"
    """
    from gnomon.annotations import Assertion

    targets = Things(data_id=data_id, **things).targets()
    with opened(annotations, config) as log:
        said = log.add(
            targets=targets,
            flags=[Assertion(flag_name, state, reason)],  # type: ignore[arg-type]  # click has checked it
            actor=_actor(user, bot, "gnomon flag"),
            key=key,
        )
    about = targets[0] if len(targets) == 1 else f"{len(targets)} things"
    click.echo(f"{about}: {said.assertions[0].flag} {state} ({said.id})")


@click.command()
@click.argument("annotation", metavar="ID")
@click.option("--expected", metavar="EVENT", help="The event that you saw; by default what stands there now.")
@click.option("--text", help="The new text.")
@click.option("--flag", "flags", multiple=True, metavar="FLAG[=STATE]", help="All flags, for the old ones.")
@click.option("--tag", "tags", multiple=True, help="All tags, for the old ones; '' for none.")
@click.option("--url", "urls", multiple=True, help="All links, for the old ones; '' for none.")
@_LEVEL
@_ATTACH
@_LOST
@click.option("--assignee", metavar="NAME", help="Who is to look after it; '' for nobody.")
@click.option("--resolution", help="What came of it; '' opens it again.")
@user_option
@_BOT
@log_options
def edit(
    annotation: str,
    expected: str | None,
    text: str | None,
    flags: tuple[str, ...],
    tags: tuple[str, ...],
    urls: tuple[str, ...],
    level: str | None,
    attach: tuple[tuple[str, str], ...],
    time_lost: tuple[str, str] | None,
    assignee: str | None,
    resolution: str | None,
    user: str,
    bot: bool,
    annotations: str | None,
    config: str | None,
) -> None:
    """Say it otherwise; what stood before stays in the history."""
    with opened(annotations, config) as log:
        before = log.get(annotation)
        after = log.edit(
            annotation,
            actor=_actor(user, bot, "gnomon annotations edit"),
            expected=before.event_id if expected is None else expected,
            text=text,
            flags=_assertions(flags) if flags else None,
            tags=[tag for tag in tags if tag] if tags else None,
            urls=[url for url in urls if url] if urls else None,
            level=None if level is None else _number(level),
            attachments=_attachments(attach) if attach else None,
            time_lost=_lost(time_lost),
            assignee=assignee,
            resolution=resolution,
        )
    changed = "unchanged" if after.event_id == before.event_id else f"edited, event {after.event_id}"
    click.echo(f"{after.id}: {changed}")


@click.command()
@click.argument("annotation", metavar="ID")
@click.option("--reason", default="", help="Why.")
@user_option
@_BOT
@log_options
def retract(
    annotation: str, reason: str, user: str, bot: bool, annotations: str | None, config: str | None
) -> None:
    """Take an annotation back: it no longer counts, and stays in the history."""
    with opened(annotations, config) as log:
        actor = _actor(user, bot, "gnomon annotations retract")
        said = log.retract(annotation, actor=actor, reason=reason)
    click.echo(f"{said.id}: retracted")


def _actor(user: str, bot: bool, agent: str) -> "Actor":
    from gnomon import __version__
    from gnomon.annotations import Actor

    return Actor(user, "bot" if bot else "human", agent=agent, agent_version=__version__)


def _assertions(flags: tuple[str, ...]) -> "list[Assertion]":
    from gnomon.annotations import Assertion

    parts = (flag.partition("=") for flag in flags)
    return [Assertion(name, state or "set") for name, _, state in parts]  # type: ignore[arg-type]


def _attachments(attach: tuple[tuple[str, str], ...]) -> "list[Attachment]":
    from gnomon.annotations import Attachment

    return [Attachment(uri, checksum) for uri, checksum in attach]


def _lost(given: tuple[str, str] | None) -> "TimeLost | None":
    from gnomon.annotations import TimeLost

    if given is None:
        return None
    try:
        seconds = float(given[1])
    except ValueError:
        raise click.UsageError(f"The time lost is a number of seconds, not {given[1]!r}.") from None
    return TimeLost(given[0], seconds)  # type: ignore[arg-type]  # it checks itself


def _number(level: str) -> int | str:
    try:
        return int(level)
    except ValueError:
        return level
