"""``gnomon flag`` and ``gnomon annotations``: what is said about the data."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

import click

from gnomon.cli.options import annotations_option, format_option, parse_data_id, user_option

if TYPE_CHECKING:
    from gnomon.annotations import Event, Target

__all__ = ["annotations", "flag"]


@click.command()
@click.argument("flag_name", metavar="FLAG")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1, required=True)
@click.option("--state", type=click.Choice(["set", "clear", "examined"]), default="set", show_default=True)
@click.option("--reason", default="", help="Why, in a few words.")
@user_option
@annotations_option
def flag(
    flag_name: str, data_id: tuple[str, ...], state: str, reason: str, user: str, annotations: str | None
) -> None:
    """Say of a data ID that FLAG is set, clear, or examined and good, as a person.

    For example: gnomon flag clouds instrument=LSSTCam visit=42 --reason "cirrus in the all-sky camera"
    """
    from gnomon import dataids
    from gnomon.annotations import Actor, Assertion, Target, open_annotations

    identity = parse_data_id(data_id)
    target = Target.dimension(dataids.most_specific(identity), identity)
    with open_annotations(annotations) as log:
        said = log.add(
            targets=[target],
            flags=[Assertion(flag_name, state, reason)],  # type: ignore[arg-type]  # click has checked it
            actor=Actor(user, "human", agent="gnomon flag"),
        )
    click.echo(f"{target}: {flag_name} {state} ({said.id})")


@click.group()
def annotations() -> None:
    """Look at what people and bots said about the data."""


@annotations.command()
@click.argument("about", metavar="ID|DIMENSION=VALUE...", nargs=-1, required=True)
@annotations_option
@format_option
def history(about: tuple[str, ...], annotations: str | None, format_: str) -> None:
    """Print all that ever happened to an annotation, or to all annotations of a data ID."""
    import polars as pl

    from gnomon import dataids, times
    from gnomon.annotations import Target, open_annotations
    from gnomon.cli.printing import print_frame, print_json

    subject: Target | None = None
    if len(about) > 1 or "=" in about[0]:
        identity = parse_data_id(about)
        subject = Target.dimension(dataids.most_specific(identity), identity)
    with open_annotations(annotations) as log:
        events = log.history(about[0] if subject is None else subject)
    if format_ == "json":
        print_json([event.to_dict() for event in events])
        return
    places = {} if subject is None else _places(events, subject)
    rows = [
        {
            "recorded_at": times.to_utc_iso(event.recorded_at, precision=0),
            "by": f"{event.actor} ({event.actor_kind})",
            "kind": event.kind,
            "text": event.payload.get("text") or event.payload.get("reason") or "",
            "flags": ", ".join(_flags(event, places)),
            "annotation": str(event.annotation_id),
        }
        for event in events
    ]
    columns = ("recorded_at", "by", "kind", "text", "flags", "annotation")
    print_frame(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String)), format_)


def _flags(event: "Event", places: Mapping[UUID, frozenset[int]]) -> list[str]:
    """Say which flags an event speaks of, at the places that matter among its annotation's targets."""
    mine = places.get(event.annotation_id)
    return [
        f"{said['flag']} {said['state']}" + (f": {said['reason']}" if said.get("reason") else "")
        for said in event.payload.get("flags") or []
        if mine is None or said.get("target") is None or said["target"] in mine
    ]


def _places(events: "Iterable[Event]", subject: "Target") -> dict[UUID, frozenset[int]]:
    """Find a target among those of each annotation, which its first event lists and later ones count by."""
    from gnomon.annotations import Target

    return {
        event.annotation_id: frozenset(
            place
            for place, target in enumerate(event.payload["targets"])
            if Target.from_dict(target) == subject
        )
        for event in events
        if "targets" in event.payload
    }
