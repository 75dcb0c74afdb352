"""Options and arguments that several commands share."""

import getpass
from collections.abc import Callable, Iterable
from typing import Any

import click

from gnomon import dataids
from gnomon.errors import DataIdError

__all__ = [
    "annotations_option",
    "format_option",
    "parse_data_id",
    "split_names",
    "store_option",
    "user_option",
]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

store_option: Decorator = click.option(
    "--store", metavar="URI", help="The metrics store; by default $GNOMON_STORE or what the settings say."
)
annotations_option: Decorator = click.option(
    "--annotations",
    metavar="URI",
    help="The annotations; by default $GNOMON_ANNOTATIONS or what the settings say.",
)
format_option: Decorator = click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print.",
)


def split_names(names: str | None) -> list[str] | None:
    """Read names that are separated by commas.

    Parameters
    ----------
    names
        What was given; `None` if nothing was.

    Returns
    -------
    list of str or None
        The names, without blanks around them; `None` if nothing was given.
    """
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # which of them depends on the version of Python
        raise click.UsageError("The account has no name here: say who you are with --user.") from None


user_option: Decorator = click.option(
    "--user", default=_account, show_default="the account's name", help="Who says it."
)


def parse_data_id(words: Iterable[str]) -> dict[str, int | str]:
    """Read a data ID from words such as ``visit=42``.

    Parameters
    ----------
    words
        Dimensions and values, each joined by ``=``.

    Returns
    -------
    dict
        A complete data ID.

    Raises
    ------
    DataIdError
        If a word is not of that form, or the data ID is not complete.
    """
    data_id: dict[str, int | str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise DataIdError(f"{word!r} is not part of a data ID; expected for example visit=42.")
        if name in data_id:
            raise DataIdError(f"The dimension {name} is given twice.")
        try:
            data_id[name] = int(value) if dataids.takes_integer(name) else value
        except ValueError:
            raise DataIdError(f"The dimension {name} takes an integer, not {value!r}.") from None
    dataids.check_dimensions(data_id)
    return dataids.complete(data_id)
