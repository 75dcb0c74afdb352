"""Commands about observations that no registry knew when they were spoken of: ``pending``, ``resolve``."""

import click

from gnomon.cli.annotations.opening import log_options, opened
from gnomon.cli.options import format_option, parse_data_id, user_option

__all__ = ["pending", "resolve"]


@click.command()
@log_options
@format_option
def pending(annotations: str | None, config: str | None, format_: str) -> None:
    """List the observations of which nobody said yet which record they became.

    `gnomon repo watch` resolves them as soon as a registry knows them.
    """
    from collections import Counter

    from gnomon.cli.rows import print_rows

    with opened(annotations, config, existing=True) as log:
        counts = Counter(target for one in log.search(kind="pending") for target in one.targets)
        rows = [
            {"instrument": target.instrument, "obs_id": target.obs_id, "annotations": counts[target]}
            for target in log.pending()
            if counts[target]
        ]
    print_rows(rows, ("instrument", "obs_id", "annotations"), format_)


@click.command()
@click.argument("obs_id")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1, required=True)
@click.option("--instrument", help="Of the observation; by default that of the record.")
@user_option
@click.option("--bot", is_flag=True, help="It is a program that says so, and not a person.")
@log_options
def resolve(
    obs_id: str,
    data_id: tuple[str, ...],
    instrument: str | None,
    user: str,
    bot: bool,
    annotations: str | None,
    config: str | None,
) -> None:
    """Say which record a pending observation became: what was said of OBS_ID counts for the record.

    A later word corrects an earlier one. For example: gnomon annotations resolve MC_O_20260301_000042
    instrument=LSSTCam exposure=2026030100042
    """
    from gnomon import __version__
    from gnomon.annotations import Actor, Target
    from gnomon.errors import AnnotationNotFoundError, nearest

    record = Target.of_data_id(parse_data_id(data_id))
    name = instrument or record.instrument
    if name is None:
        raise click.UsageError("Say of which instrument the observation is: --instrument NAME.")
    target = Target.pending(obs_id, name)
    actor = Actor(
        user, "bot" if bot else "human", agent="gnomon annotations resolve", agent_version=__version__
    )
    with opened(annotations, config) as log:
        if not log.search(target=target, include_retracted=True, limit=1):
            known = [str(one.obs_id) for one in log.pending() if one.instrument == name]
            raise AnnotationNotFoundError(
                f"Nobody spoke of a pending observation {obs_id!r} of {name}.{nearest(obs_id, known)}"
            )
        new = log.resolve({target: record}, actor=actor)
    click.echo(f"{target} is {record}{'' if new else ', as was known'}.")
