"""The options that say what is left out, and what they mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import annotations_option, split_names, store_option

if TYPE_CHECKING:
    from lsst.daf.butler import Butler

    from gnomon.annotations import Cut
    from gnomon.curation.exclusions import Exclusions, Selection

__all__ = ["Choice", "choice_options", "find", "take_choice"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OF_GRAPH = "graph:"
_NOT_EMPTY = (
    "exclude_flags", "require_flags", "exclude_tags", "require_metrics", "metric_collections", "policy",
    "as_of", "metrics_as_of", "inherit", "max_age",
)  # fmt: skip
_OPTIONS = {"require_metrics": "require-metric"}
_NOTHING = "none"

_CHOICE: Sequence[Decorator] = (
    click.option(
        "--exclude-flags",
        multiple=True,
        metavar="FLAG,...",
        help="Leave out what one of these flags is set for. May be given several times.",
    ),
    click.option(
        "--require-flags",
        multiple=True,
        metavar="FLAG,...",
        help="Leave out what not all of these flags are set for, also where nobody looked.",
    ),
    click.option(
        "--exclude-tags", multiple=True, metavar="TAG,...", help="Leave out what has one of these tags."
    ),
    click.option(
        "--require-metric",
        "require_metrics",
        multiple=True,
        metavar="CONDITION",
        help='Leave out what does not meet a condition, such as "seeing < 1.2 arcsec", also what was not '
        "measured. May be given several times.",
    ),
    click.option(
        "--metric-collections",
        metavar="COLLECTION,...",
        help="Where --require-metric looks for measurements; by default everywhere.",
    ),
    click.option("--policy", metavar="NAME@VERSION", help="Who wins where several spoke."),
    click.option(
        "--as-of",
        metavar="CUT|TIME|graph:FILE",
        help="What was said until then: a cut, a time in UTC, or the cut of another graph. By default now.",
    ),
    click.option(
        "--metrics-as-of",
        metavar="TIME",
        help="What was measured until then, a time in UTC; by default that of --as-of if it is a time, and "
        "otherwise now.",
    ),
    click.option(
        "--inherit",
        metavar="NAME@VERSION|FILE|none",
        help="The rules by which flags flow from inputs to outputs and from exposures to visits; `none` for "
        "no inheritance.",
    ),
    click.option(
        "--max-age",
        metavar="DURATION",
        help="Refuse if the newest thing said or measured is older, such as '12 h' or '2 d'; by default "
        "$GNOMON_MAX_AGE or what the settings say, or else any age.",
    ),
    store_option,
    annotations_option,
    click.option(
        "--lineage",
        metavar="URI",
        help="The lineage; by default $GNOMON_LINEAGE or what the settings say.",
    ),
)


@dataclass(frozen=True)
class Choice:
    """What was chosen to be left out.

    Attributes
    ----------
    exclude_flags, require_flags, exclude_tags, require_metrics
        As `gnomon.curation.exclusions.Selection` has them.
    metric_collections
        Where measurements are looked for; `None` for everywhere.
    policy, as_of, metrics_as_of, inherit, max_age
        As given.
    store, annotations, lineage
        Where things are, as given.
    """

    exclude_flags: tuple[str, ...]
    require_flags: tuple[str, ...]
    exclude_tags: tuple[str, ...]
    require_metrics: tuple[str, ...]
    metric_collections: tuple[str, ...] | None
    policy: str | None
    as_of: str | None
    metrics_as_of: str | None
    inherit: str | None
    max_age: str | None
    store: str | None
    annotations: str | None
    lineage: str | None

    def __bool__(self) -> bool:
        return bool(self.exclude_flags or self.require_flags or self.exclude_tags or self.require_metrics)


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is left out.

    Parameters
    ----------
    command
        A command; `take_choice` takes them out of what it is given.

    Returns
    -------
    callable
        The command.
    """
    for option in reversed(_CHOICE):
        command = option(command)
    return command


def take_choice(given: dict[str, Any]) -> Choice:
    """Take what is left out from what was given on the command line.

    Parameters
    ----------
    given
        What was given; the options about this are taken out.

    Returns
    -------
    Choice
        What was chosen.

    Raises
    ------
    click.UsageError
        If something is empty, or only makes sense with something to leave out, and nothing is.
    """
    for name in _NOT_EMPTY:
        texts = given[name] if isinstance(given[name], tuple) else (given[name],)
        if any(text is not None and not text.strip(" ,") for text in texts):
            # Such as a variable that is not set: nothing would be left out, and nobody would know.
            raise click.UsageError(
                f"--{_OPTIONS.get(name, name.replace('_', '-'))} was given without a value."
            )
    named = {
        name: tuple(word for text in given.pop(name) for word in split_names(text) or ())
        for name in ("exclude_flags", "require_flags", "exclude_tags")
    }
    collections = split_names(given.pop("metric_collections"))
    rest = ("policy", "as_of", "metrics_as_of", "inherit", "max_age", "store", "annotations", "lineage")
    choice = Choice(
        exclude_flags=named["exclude_flags"],
        require_flags=named["require_flags"],
        exclude_tags=named["exclude_tags"],
        require_metrics=tuple(given.pop("require_metrics")),
        metric_collections=None if collections is None else tuple(collections),
        **{name: given.pop(name) for name in rest},
    )
    if not choice:
        for name in ("policy", "as_of", "metrics_as_of", "inherit", "max_age"):
            if getattr(choice, name) is not None:
                raise click.UsageError(
                    f"--{name.replace('_', '-')} says how things are left out: say what, with "
                    "--exclude-flags, --require-flags, --exclude-tags or --require-metric."
                )
    return choice


@contextmanager
def find(choice: Choice, butler: "Butler") -> Iterator["Exclusions"]:
    """Find out what is left out, as of one cut.

    Parameters
    ----------
    choice
        What was chosen.
    butler
        The repository that it is about.

    Yields
    ------
    Exclusions
        To be asked while what they rest on is open.

    Raises
    ------
    GnomonError
        If something was chosen that nobody knows, or what it rests on cannot be reached or is too old.
    """
    from gnomon import settings
    from gnomon.annotations import open_annotations
    from gnomon.curation.exclusions import find_exclusions
    from gnomon.databases import missing_file

    selection = _selection(choice)
    configured = settings.load(
        store=choice.store,
        annotations=choice.annotations,
        lineage=choice.lineage,
        max_age=choice.max_age,
    )
    with ExitStack() as opened:
        given: dict[str, Any] = {}
        if selection.asks_annotations:
            _check_exists(configured.annotations, "annotations")
            given["annotations"] = opened.enter_context(
                open_annotations(configured.annotations, origin=configured.origin)
            )
            if selection.inherit is not None and (choice.lineage or missing_file(configured.lineage) is None):
                from gnomon.repository.lineage import open_lineage

                _check_exists(configured.lineage, "lineage")
                given["lineage"] = opened.enter_context(open_lineage(configured.lineage))
        if selection.asks_metrics:
            from gnomon.store import open_store

            given["store"] = open_store(configured.store)
        yield find_exclusions(
            selection,
            butler=butler,
            metric_collections=choice.metric_collections,
            max_age=configured.max_age,
            **given,
        )


def _selection(choice: Choice) -> "Selection":
    from gnomon.curation.exclusions import Selection

    at, metrics_at = _moments(choice)
    asked: dict[str, Any] = {}
    if choice.inherit is not None:
        asked["inherit"] = None if choice.inherit == _NOTHING else choice.inherit
    return Selection(
        exclude_flags=choice.exclude_flags,
        require_flags=choice.require_flags,
        exclude_tags=choice.exclude_tags,
        require_metrics=choice.require_metrics,
        policy=choice.policy,
        at=at,
        metrics_at=metrics_at,
        **asked,
    )


def _check_exists(uri: str, what: str) -> None:
    """Refuse what is not there, since opening it would make one that is empty and leaves out nothing."""
    from gnomon.databases import missing_file
    from gnomon.errors import ExclusionsUnavailableError
    from gnomon.settings import redact

    if missing_file(uri) is not None:
        raise ExclusionsUnavailableError(
            f"There is no log of {what} at {redact(uri)}, and so nothing would be left out. Say where it is, "
            f"with --{what} or GNOMON_{what.upper()}."
        )


def _moments(choice: Choice) -> "tuple[Cut | int | None, int | None]":
    """Give as of when annotations and metrics count."""
    from gnomon.cli.annotations.opening import read_moment

    measured = _time(choice.metrics_as_of)
    if choice.as_of is None or not choice.as_of.startswith(_OF_GRAPH):
        return read_moment(choice.as_of), measured
    from gnomon.curation.graphs import explain

    of = explain(choice.as_of.removeprefix(_OF_GRAPH))
    return of.cut, measured if measured is not None else _time(of.metrics_at)


def _time(text: str | None) -> int | None:
    from gnomon import times

    return None if text is None else times.from_utc_iso(text)
