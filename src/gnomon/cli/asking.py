"""The options with which commands say which measurements they are about."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gnomon.cli.options import split_names

if TYPE_CHECKING:
    from gnomon.store.questions.query import Bound

__all__ = ["question", "selection_options", "time_options"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPEN = "-"

_SELECTION: Sequence[Decorator] = (
    click.option("--tags", help="Only metrics that have all of these tags, separated by commas."),
    click.option(
        "--collections",
        help="RUN, CHAINED or TAGGED collections, separated by commas; the first match counts.",
    ),
    click.option(
        "--repo",
        metavar="REPO",
        help="Take the definitions of the collections from this repository as it is now, not from the last "
        "harvest.",
    ),
    click.option("--dataset-type", help="Names or shell patterns, separated by commas."),
    click.option("--where", help="An expression over the columns, such as \"visit > 5 AND band = 'r'\"."),
)

_TIMES: Sequence[Decorator] = (
    click.option(
        "--observed", nargs=2, metavar="BEGIN END", help="Observed between two times in UTC; - is open."
    ),
    click.option(
        "--measured", nargs=2, metavar="BEGIN END", help="Computed between two times in UTC; - is open."
    ),
    click.option("--software", help="Versions of what computed the values, or shell patterns."),
    click.option(
        "--values",
        nargs=2,
        metavar="LEAST GREATEST",
        help="Least and greatest value, such as '0.7 arcsec', or a plain number in the unit of the row; - is "
        "open.",
    ),
    click.option("--latest", is_flag=True, help="Only the last measurement of each metric and data ID."),
    click.option("--as-of", metavar="TIME", help="The answer as it was at a time in UTC."),
)


def _all(decorators: Sequence[Decorator]) -> Decorator:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


selection_options: Decorator = _all(_SELECTION)
"""Which metrics, collections, dataset types and data IDs."""

time_options: Decorator = _all(_TIMES)
"""When it was observed and computed, by what, with which value, as of when."""


def question(
    *,
    tags: str | None,
    collections: str | None,
    repo: str | None,
    dataset_type: str | None,
    where: str | None,
    observed: tuple[str, str] | None = None,
    measured: tuple[str, str] | None = None,
    software: str | None = None,
    values: tuple[str, str] | None = None,
    latest: bool = False,
    as_of: str | None = None,
) -> dict[str, Any]:
    """Turn what the options said into what the store is asked.

    Returns
    -------
    dict
        Keyword arguments of `gnomon.store.Store.load`; what was not said is not there.

    Raises
    ------
    click.UsageError
        If a repository is named and no collection.
    """
    asked: dict[str, Any] = {
        "tags": split_names(tags),
        "collections": split_names(collections),
        "dataset_type": split_names(dataset_type),
        "where": where,
        "software": split_names(software),
        "as_of": as_of,
        "latest": latest or None,
    }
    for name, ends in (("observed", observed), ("measured", measured)):
        if ends is not None:
            asked[name] = tuple(None if end == _OPEN else end for end in ends)
    if values is not None:
        asked["values"] = tuple(_bound(end) for end in values)
    if repo is not None:
        if not asked["collections"]:
            raise click.UsageError("--repo says what --collections mean: name at least one collection.")
        asked["definitions"] = _live(repo, asked["collections"])
    return {name: value for name, value in asked.items() if value is not None}


def _bound(text: str) -> "Bound":
    if text == _OPEN:
        return None
    try:
        return float(text)
    except ValueError:
        from astropy.units import Quantity

        try:
            return Quantity(text)
        except (TypeError, ValueError):
            raise click.BadParameter(
                f"{text!r} is neither a number nor one with a unit, such as '0.7 arcsec'.",
                param_hint="--values",
            ) from None


def _live(repo: str, collections: Sequence[str]) -> list[Any]:
    from gnomon.errors import MissingExtraError

    try:
        from gnomon.repository.collections import definitions
        from gnomon.repository.configuration import open_butler
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--repo needs {error.name}, which is not installed; the extra butler has it: "
            "pip install 'gnomon[butler]'."
        ) from error
    with open_butler(repo) as butler:
        _, found = definitions(butler, collections)
    return list(found)
