"""Commands that show: ``list``, ``search``, ``show``, ``history``, ``effective``, ``coverage``."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from gnomon.cli.annotations.opening import log_options, opened, read_moment
from gnomon.cli.annotations.things import Things, thing_options
from gnomon.cli.options import format_option

if TYPE_CHECKING:
    from gnomon.annotations import Annotation, EffectiveFlag, Event, Target
    from gnomon.curation.inheritance import InheritedFlag

__all__ = ["coverage", "effective", "history", "list_", "search", "show"]

_KINDS = ["dataset", "dimension", "data_id", "timespan", "collection", "query", "measurement", "pending"]
_AT = click.option("--at", metavar="CUT|UTC", help="As of a cut or a time; by default now.")
_POLICY = click.option("--policy", metavar="NAME@VERSION", help="By which policy.  [default: standard@1]")
_FILTERS = (
    click.option("--flag", help="Asserting anything of this flag."),
    click.option(
        "--flag-state",
        type=click.Choice(["set", "clear", "examined", "withdrawn"]),
        help="Asserting this of it.",
    ),
    click.option("--tag", "tags", multiple=True, help="With one of these tags."),
    click.option("--exclude-tag", "exclude_tags", multiple=True, help="With none of these tags."),
    click.option("--url", help="With a link that has this in it."),
    click.option("--by", "actor", metavar="NAME", help="Written or edited by this person or program."),
    click.option(
        "--by-kind", "actor_kind", type=click.Choice(["human", "bot", "pipeline"]), help="Made by one."
    ),
    click.option("--kind", type=click.Choice(_KINDS), help="About a target of this kind."),
    click.option("--instrument", help="About something of this instrument."),
    click.option("--min-level", help="At least this important: a number or its name."),
    click.option("--max-level", help="Less important than this."),
    click.option("--since", metavar="UTC", help="Made at this time or later."),
    click.option("--until", metavar="UTC", help="Made before this time."),
    click.option("--state", type=click.Choice(["live", "retracted", "conflict"]), help="In this state."),
    click.option("--retracted", "include_retracted", is_flag=True, help="Those that were taken back, too."),
    click.option("--thread", metavar="ID", help="In the thread that began with this annotation."),
    click.option("--assignee", metavar="NAME", help="To be looked after by this person."),
    click.option("--open/--resolved", "open_", default=None, help="Without or with a resolution."),
    click.option("--time-lost", type=click.Choice(["weather", "fault"]), help="With time lost to it."),
    click.option("--attached/--not-attached", "has_attachments", default=None, help="With or without files."),
    click.option("--origin", help="Made at this origin."),
    click.option(
        "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most."
    ),
    click.option("--after", metavar="PLACE", help="Go on where the page before ended."),
    click.option("--oldest", is_flag=True, help="The oldest first, and not the newest."),
)


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.command(name="list")
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@thing_options
@_filters
@click.option("--orphaned", is_flag=True, help="Of datasets that --repo does not have (any more).")
@click.option("--repo", metavar="REPO", help="The Butler repository that is asked, for --orphaned.")
@log_options
@format_option
def list_(
    data_id: tuple[str, ...],
    orphaned: bool,
    repo: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
    **given: Any,
) -> None:
    """List annotations, of something or of everything, the newest first."""
    if orphaned != (repo is not None):
        raise click.UsageError("--orphaned and --repo go together: what is gone is gone from a repository.")
    _find(data_id, annotations, config, format_, given, orphaned_in=repo)


@click.command()
@click.argument("text", required=False)
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@click.option("--words", help="With all of these words, in any order and case.")
@thing_options
@_filters
@log_options
@format_option
def search(
    text: str | None,
    data_id: tuple[str, ...],
    words: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
    **given: Any,
) -> None:
    """Find annotations with TEXT in them, letter by letter, or with all of some words."""
    if text is None and words is None:
        raise click.UsageError("Missing argument: give TEXT or --words; `list` needs neither.")
    _find(data_id, annotations, config, format_, {**given, "text": text, "words": words})


def _find(
    data_id: tuple[str, ...],
    annotations: str | None,
    config: str | None,
    format_: str,
    given: dict[str, Any],
    *,
    orphaned_in: str | None = None,
) -> None:
    from gnomon.cli.rows import print_rows

    names = Things.__dataclass_fields__.keys() - {"data_id"}
    label = given["repository"]
    about = Things(data_id=data_id, **{name: given.pop(name) for name in names}).targets(needed=False)
    open_, oldest = given.pop("open_"), given.pop("oldest")
    conditions = {name: value for name, value in given.items() if value not in (None, ())}
    for name in ("since", "until"):
        if name in conditions:
            from gnomon import times

            conditions[name] = times.from_utc_iso(conditions[name])
    for name in ("min_level", "max_level"):
        if (level := conditions.get(name)) is not None and level.lstrip("-").isdigit():
            conditions[name] = int(level)
    if open_ is not None:
        conditions["resolved"] = not open_
    if about:
        conditions["targets"] = about
    if orphaned_in is not None:
        from gnomon.cli.annotations.orphaned import print_orphans

        print_orphans(orphaned_in, annotations, config, format_, conditions, label=label, oldest=oldest)
        return
    with opened(annotations, config, existing=True) as log:
        found = log.search(newest=not oldest, **conditions)
        slow = bool(conditions.get("text")) and len(found) == 0 and log.notices()
    print_rows(map(_row, found), _COLUMNS, format_)
    if found.next is not None:
        click.echo(f"There are more: --after {found.next}", err=True)
    if slow:
        for notice in slow:
            click.echo(f"Note: {notice}", err=True)


_COLUMNS = ("made", "by", "about", "text", "flags", "tags", "state", "id")


def _row(annotation: "Annotation") -> dict[str, Any]:
    from gnomon import times

    about = [str(target) for target in annotation.targets[:3]]
    if len(annotation.targets) > 3:
        about.append(f"and {len(annotation.targets) - 3} more")
    flags = list(dict.fromkeys(f"{said.flag} {said.state}" for said in annotation.assertions))
    return {
        "made": times.to_utc_iso(annotation.created_at, precision=0),
        "by": f"{annotation.actor.name} ({annotation.actor.kind})",
        "about": about,
        "text": annotation.text if len(annotation.text) <= 300 else f"{annotation.text[:300]}…",
        "flags": flags,
        "tags": list(annotation.tags),
        "state": annotation.state,
        "id": str(annotation.id),
    }


@click.command()
@click.argument("annotation", metavar="ID")
@_AT
@log_options
def show(annotation: str, at: str | None, annotations: str | None, config: str | None) -> None:
    """Print one annotation with everything, and its thread, as JSON."""
    from gnomon.cli.rows import print_json

    with opened(annotations, config, existing=True) as log:
        one = log.get(annotation, at=read_moment(at))
        thread = [str(other.id) for other in log.thread(annotation)] if at is None else []
    print_json({**_whole(one), "thread_of": thread if len(thread) > 1 else []})


def _whole(one: "Annotation") -> dict[str, Any]:
    from gnomon import times

    return {
        "id": str(one.id),
        "state": one.state,
        "text": one.text,
        "level": one.level,
        "targets": [{"key": target.key, **target.to_dict()} for target in one.targets],
        "flags": [
            {
                "flag": said.flag,
                "state": said.state,
                "reason": said.reason,
                "version": said.version,
                "target": None if said.target is None else said.target.key,
            }
            for said in one.assertions
        ],
        "tags": list(one.tags),
        "urls": list(one.urls),
        "attachments": [file.to_dict() for file in one.attachments],
        "reply_to": None if one.reply_to is None else str(one.reply_to),
        "thread": None if one.thread is None else str(one.thread),
        "assignee": one.assignee,
        "resolution": one.resolution,
        "time_lost": None if one.time_lost is None else one.time_lost.to_dict(),
        "by": one.actor.name,
        "kind": one.actor.kind,
        "recorded_at": times.to_utc_iso(one.recorded_at),
        "made_by": one.creator.name,
        "made_at": times.to_utc_iso(one.created_at),
        "event": str(one.event_id),
        "conflicts": {field: list(values) for field, values in one.conflicts.items()},
    }


@click.command()
@click.argument("about", metavar="ID|DIMENSION=VALUE...", nargs=-1, required=True)
@log_options
@format_option
def history(about: tuple[str, ...], annotations: str | None, config: str | None, format_: str) -> None:
    """Print all that ever happened to an annotation, or to all annotations of a data ID."""
    from gnomon import times
    from gnomon.annotations import Target
    from gnomon.cli.options import parse_data_id
    from gnomon.cli.rows import print_json, print_rows

    subject: Target | None = None
    if len(about) > 1 or "=" in about[0]:
        subject = Target.of_data_id(parse_data_id(about))
    with opened(annotations, config, existing=True) as log:
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
    print_rows(rows, columns, format_)


def _flags(event: "Event", places: Mapping[UUID, frozenset[int]]) -> list[str]:
    """Say which flags an event speaks of, at the places that matter among its annotation's targets."""
    mine = None if event.annotation_id is None else places.get(event.annotation_id)
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
        if event.annotation_id is not None and "targets" in event.payload
    }


@click.command()
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@thing_options
@click.option("--flag", "flags", multiple=True, help="Of these flags; virtual ones, such as unusable, too.")
@click.option("--state", type=click.Choice(["set", "clear", "examined"]), help="Only what holds so.")
@_POLICY
@_AT
@click.option("--reasons", is_flag=True, help="A row for each word that was weighed, and what became of it.")
@click.option(
    "--inherit",
    metavar="NAME@VERSION|FILE",
    help="Beside what holds, what is inherited by these rules, such as standard@1; needs --repo.",
)
@click.option("--repo", metavar="REPO", help="The Butler repository that knows visits and datasets.")
@click.option("--lineage", metavar="URI", help="What was made from what; by default as $GNOMON_LINEAGE says.")
@log_options
@format_option
def effective(
    data_id: tuple[str, ...],
    flags: tuple[str, ...],
    state: str | None,
    policy: str | None,
    at: str | None,
    reasons: bool,
    inherit: str | None,
    repo: str | None,
    lineage: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
    **things: Any,
) -> None:
    """Print which flags hold, of some things, or of everything of which --flag was ever said.

    With --inherit, what things have from others stands among it: a visit from its exposures, a dataset from
    what it was made from.

    The cut on which the answer rests is printed on standard error: with it, and the policy, the same answer
    can be had at any time.
    """
    from gnomon.cli.rows import print_rows

    about = Things(data_id=data_id, **things).targets(needed=False)
    if not about and not flags:
        raise click.UsageError(
            "Missing argument: give a data ID or something else, or --flag for everything."
        )
    if (inherit is None) != (repo is None):
        raise click.UsageError(
            "--inherit and --repo belong together: the repository knows what is part of what."
        )
    with opened(annotations, config, existing=True) as log:
        cut = log.cut(read_moment(at))
        held = log.effective(
            about or None,
            flags=list(flags) or None,
            policy=policy,
            at=cut,
            state=state,  # type: ignore[arg-type]  # click has checked it
        )
        inherited: list[InheritedFlag] = []
        if inherit is not None and state in (None, "set"):
            from gnomon.cli.annotations.inherited import find

            inherited = find(
                log, about or None, repo=repo, lineage=lineage, config=config, flags=list(flags) or None,
                rules=inherit, policy=policy, cut=cut,
            )  # fmt: skip
    if reasons:
        columns = (
            "about",
            "flag",
            "holds",
            "outcome",
            "rule",
            "state",
            "by",
            "reason",
            "text",
            "recorded_at",
        )
        everything = [*held, *(cause for flag in inherited for cause in flag.causes)]
        print_rows([row for flag in dict.fromkeys(everything) for row in _weighed(flag)], columns, format_)
    elif inherit is not None:
        from gnomon.cli.annotations.inherited import COLUMNS, row_of

        print_rows([*map(_held, held), *map(row_of, inherited)], COLUMNS, format_)
    else:
        columns = (
            "about", "flag", "state", "by", "reason", "text", "conflict", "challenged_by", "causes",
            "annotation",
        )  # fmt: skip
        print_rows(map(_held, held), columns, format_)
    label = held[0].policy if held else policy or "standard@1"
    click.echo(f"As of {cut or 'the beginning'} under {label}.", err=True)


def _held(flag: "EffectiveFlag") -> dict[str, Any]:
    return {
        "about": str(flag.target),
        "flag": flag.flag,
        "state": flag.state,
        "by": f"{flag.by.name} ({flag.by.kind})",
        "reason": flag.reason,
        "text": flag.text,
        "conflict": "conflict" if flag.conflict else "",
        "challenged_by": [actor.name for actor in flag.challenged_by],
        "causes": [f"{cause.flag} {cause.state}" for cause in flag.causes],
        "annotation": str(flag.annotation_id),
    }


def _weighed(flag: "EffectiveFlag") -> list[dict[str, Any]]:
    from gnomon import times

    rows = [
        {
            "about": str(flag.target),
            "flag": flag.flag,
            "holds": flag.state,
            "outcome": reason.outcome,
            "rule": reason.rule,
            "state": reason.claim.state,
            "by": f"{reason.claim.actor.name} ({reason.claim.actor.kind})",
            "reason": reason.claim.reason,
            "text": reason.claim.text,
            "recorded_at": times.to_utc_iso(reason.claim.recorded_at, precision=0),
        }
        for reason in flag.reasons
    ]
    return [*rows, *(row for cause in flag.causes for row in _weighed(cause))]


@click.command()
@click.argument("data_id", metavar="DIMENSION=VALUE...", nargs=-1)
@thing_options
@click.option("--flag", "flag_name", required=True, help="Of which flag.")
@_POLICY
@_AT
@log_options
@format_option
def coverage(
    data_id: tuple[str, ...],
    flag_name: str,
    policy: str | None,
    at: str | None,
    annotations: str | None,
    config: str | None,
    format_: str,
    **things: Any,
) -> None:
    """Print what is known of a flag: set, clear, examined and good, or never examined."""
    from collections import Counter

    from gnomon.cli.rows import print_rows

    about = Things(data_id=data_id, **things).targets()
    with opened(annotations, config, existing=True) as log:
        known = log.coverage(about, flag=flag_name, policy=policy, at=read_moment(at))
    rows = [{"about": str(target), "flag": flag_name, "coverage": found} for target, found in known.items()]
    print_rows(rows, ("about", "flag", "coverage"), format_)
    counts = Counter(known.values())
    click.echo(", ".join(f"{number} {found}" for found, number in sorted(counts.items())) + ".", err=True)
