"""``gnomon repo watch``: looks again and again what a registry has learnt."""

import signal
import threading
from types import FrameType

import click

from gnomon.cli.annotations.opening import log_options, opened

__all__ = ["watch"]


@click.command()
@click.argument("repository", metavar="REPO")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Look once; ends with 1 if something is left to a person.")
@click.option("--since", type=int, metavar="DAY_OBS", help="Tell of exposures from this night on.")
@click.option("--user", default="gnomon repo watch", show_default=True, help="Who says it: a program.")
@click.option("--dry-run", is_flag=True, help="Record nothing.")
@log_options
@click.pass_context
def watch(
    ctx: click.Context,
    repository: str,
    interval: float,
    once: bool,
    since: int | None,
    user: str,
    dry_run: bool,
    annotations: str | None,
    config: str | None,
) -> None:
    """Resolve pending observations as soon as REPO knows them.

    What was said of an observation that no registry knew counts for its exposure from then on. What exposures
    there are is told, too, so that nights and gaps can be shown without a repository. It goes on until it is
    interrupted or terminated; a registry or log that is away is tried again.
    """
    from gnomon import __version__
    from gnomon.annotations import Actor
    from gnomon.curation.watching import watch_once
    from gnomon.repository.configuration import open_butler
    from gnomon.settings import redact

    actor = Actor(user, "pipeline", agent="gnomon repo watch", agent_version=__version__)
    reported: set[str] = set()

    def look() -> int:
        with (
            open_butler(repository, without_datastore=True) as butler,
            opened(annotations, config) as log,
        ):
            seen = watch_once(log, butler, actor=actor, since=since, dry_run=dry_run)
        for pending, record in seen.resolved.items():
            click.echo(f"{pending} is {record}.")
        for one in seen.ambiguous:
            if one.pending.key not in reported:
                click.echo(
                    f"{one.pending}: {one.reason} ({', '.join(map(str, one.candidates))}). Resolve it with "
                    "`gnomon annotations resolve`.",
                    err=True,
                )
                reported.add(one.pending.key)
        if once or seen.resolved or seen.told:
            click.echo(
                f"{len(seen.resolved)} resolved, {seen.waiting} waiting, {len(seen.ambiguous)} left to a "
                f"person; {seen.told} exposures told of.{' Nothing was recorded.' if dry_run else ''}"
            )
        return len(seen.ambiguous)

    if once:
        if look():
            ctx.exit(1)
        return
    stop = threading.Event()

    def end(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    away = ""
    try:
        while not stop.is_set():
            try:
                look()
                if away:
                    click.echo("Answers again.", err=True)
                away = ""
            except Exception as error:  # whatever a database, a network or a disk raises while it is away
                reason = redact(str(error).partition("\n")[0]) or type(error).__name__
                if reason != away:
                    click.echo(f"Trying again every {interval:g} s. {reason}", err=True)
                away = reason
            stop.wait(interval)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    click.echo("Ended.", err=True)
