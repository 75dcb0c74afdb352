"""Canonical data IDs.

A data ID names what a dataset is about: a mapping from dimensions to values. Two mappings that differ only
in *implied* dimensions (the band of a visit) name the same thing, so everything that compares data IDs
compares their `key`. The relations are those of the Butler's default dimension universe, version 8, written
down here so that annotations and the store need no Butler; a test holds them against the real universe.
"""

import json
from collections.abc import Iterable, Mapping

import numpy as np

from gnomon.errors import DataIdError, nearest

__all__ = [
    "IMPLIED",
    "INTEGER_DIMENSIONS",
    "REQUIRED",
    "STANDARD_DIMENSIONS",
    "DataId",
    "check_dimensions",
    "complete",
    "format",
    "key",
    "most_specific",
    "parse",
    "required",
    "takes_integer",
]

type DataId = Mapping[str, int | str]
"""A mapping from dimension names to integers or strings."""

REQUIRED: Mapping[str, frozenset[str]] = {
    "instrument": frozenset(),
    "band": frozenset(),
    "skymap": frozenset(),
    "healpix": frozenset(),
    "htm": frozenset(),
    "ssp_hypothesis_table": frozenset(),
    "ssp_hypothesis_bundle": frozenset({"ssp_hypothesis_table"}),
    "ssp_balanced_index": frozenset({"ssp_hypothesis_table"}),
    "subfilter": frozenset({"band"}),
    "physical_filter": frozenset({"instrument"}),
    "detector": frozenset({"instrument"}),
    "group": frozenset({"instrument"}),
    "day_obs": frozenset({"instrument"}),
    "visit": frozenset({"instrument"}),
    "exposure": frozenset({"instrument"}),
    "visit_system": frozenset({"instrument"}),
    "tract": frozenset({"skymap"}),
    "patch": frozenset({"skymap", "tract"}),
}
"""What each dimension cannot be named without."""

IMPLIED: Mapping[str, frozenset[str]] = {
    "physical_filter": frozenset({"band"}),
    "visit": frozenset({"physical_filter", "day_obs", "band"}),
    "exposure": frozenset({"physical_filter", "day_obs", "group", "band"}),
}
"""What follows from a dimension's value, and so says nothing more beside it."""

STANDARD_DIMENSIONS: tuple[str, ...] = (
    "instrument",
    "visit",
    "exposure",
    "detector",
    "day_obs",
    "physical_filter",
    "band",
    "skymap",
    "tract",
    "patch",
    "group",
)
"""The dimensions that are columns of a stored measurement, in that order."""

INTEGER_DIMENSIONS = frozenset(
    {
        "visit",
        "exposure",
        "detector",
        "day_obs",
        "tract",
        "patch",
        "subfilter",
        "visit_system",
        "ssp_hypothesis_bundle",
        "ssp_balanced_index",
    }
)
"""Dimensions whose values are integers; skypix systems have integers too."""

_SKYPIX = frozenset({"healpix", "htm"})
_STRING_DIMENSIONS = REQUIRED.keys() - INTEGER_DIMENSIONS - _SKYPIX


def required(dimensions: Iterable[str]) -> frozenset[str]:
    """Say which of some dimensions identify, the others being implied by them.

    Parameters
    ----------
    dimensions
        Names of dimensions.

    Returns
    -------
    frozenset of str
        ``dimensions`` without those that another of them implies.
    """
    present = frozenset(dimensions)
    return present - _implied(present)


def _implied(dimensions: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(IMPLIED.get(dimension, frozenset()) for dimension in dimensions))


def complete(data_id: DataId) -> dict[str, int | str]:
    """Check a data ID and give it with plain values.

    Parameters
    ----------
    data_id
        The mapping to check; values may be any integers (NumPy's too) and strings.

    Returns
    -------
    dict
        The same dimensions, sorted by name, with `int` and `str` values.

    Raises
    ------
    DataIdError
        If a dimension that another one needs is missing, or a value has the wrong type.
    """
    plain = {name: _plain(name, data_id[name]) for name in sorted(data_id)}
    # A subfilter needs a band, but a visit beside it says which.
    known = plain.keys() | _implied(plain)
    for name in plain:
        if missing := REQUIRED.get(name, frozenset()) - known:
            needed = " and ".join(sorted(missing))
            raise DataIdError(f"A data ID with {name} needs {needed} too; given was {dict(data_id)!r}.")
    return plain


def most_specific(data_id: DataId) -> str:
    """Name the dimension that a data ID is about.

    Parameters
    ----------
    data_id
        Dimensions and values.

    Returns
    -------
    str
        A required dimension that no other one needs; of several (visit and detector), the one that comes
        first in `STANDARD_DIMENSIONS`.

    Raises
    ------
    DataIdError
        If there are no dimensions.

    Examples
    --------
    >>> most_specific({"instrument": "LSSTCam", "visit": 42, "band": "r"})
    'visit'
    """
    identifying = required(data_id)
    needed = frozenset[str]().union(*(REQUIRED.get(name, frozenset()) for name in identifying))
    if not identifying:
        raise DataIdError("A data ID without dimensions is about the repository, which no dimension names.")
    rank = {name: i for i, name in enumerate(STANDARD_DIMENSIONS)}
    return min(identifying - needed, key=lambda name: (rank.get(name, len(rank)), name))


def key(data_id: DataId) -> str:
    """Give the canonical key of a data ID: equal keys, same thing.

    Parameters
    ----------
    data_id
        Dimensions and values; those implied by others are left out of the key.

    Returns
    -------
    str
        A JSON object, required dimensions only, sorted by name, without white space.

    Raises
    ------
    DataIdError
        If a dimension that another one needs is missing, or a value has the wrong type.

    Examples
    --------
    >>> key({"visit": 42, "instrument": "LSSTCam", "band": "r"})
    '{"instrument":"LSSTCam","visit":42}'
    """
    plain = complete(data_id)
    identifying = required(plain)
    return json.dumps(
        {name: value for name, value in plain.items() if name in identifying},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def parse(text: str) -> dict[str, int | str]:
    """Read a canonical key back.

    Parameters
    ----------
    text
        What `key` gave.

    Returns
    -------
    dict
        Dimensions and values.

    Raises
    ------
    DataIdError
        If ``text`` is not the key of a data ID.
    """
    try:
        loaded = json.loads(text)
    except ValueError as error:
        raise DataIdError(f"{text!r} is not the key of a data ID.") from error
    if not isinstance(loaded, dict):
        raise DataIdError(f"{text!r} is not the key of a data ID: a JSON object is expected.")
    return complete(loaded)


def format(data_id: DataId) -> str:
    """Write a data ID for people, dimensions in the customary order.

    Parameters
    ----------
    data_id
        Dimensions and values.

    Returns
    -------
    str
        Such as ``LSSTCam visit=42 detector=3``; *the repository* where there are no dimensions.
    """
    if not data_id:
        return "the repository"
    rank = {name: i for i, name in enumerate(STANDARD_DIMENSIONS)}
    names = sorted(data_id, key=lambda name: (rank.get(name, len(rank)), name))
    return " ".join(str(data_id[n]) if n in ("instrument", "skymap") else f"{n}={data_id[n]}" for n in names)


def check_dimensions(names: Iterable[str]) -> None:
    """Refuse names that are no dimensions, with the nearest one that is.

    Parameters
    ----------
    names
        Names to check; skypix levels (``htm7``, ``healpix9``) are dimensions.

    Raises
    ------
    DataIdError
        If one is not a dimension.
    """
    for name in names:
        if name.rstrip("0123456789") not in REQUIRED:
            raise DataIdError(f"{name!r} is not a dimension.{nearest(name, REQUIRED)}")


def takes_integer(name: str) -> bool:
    """Say whether a dimension's values are integers.

    Parameters
    ----------
    name
        A dimension; levels of skypix systems (``htm7``, ``healpix9``) are.

    Returns
    -------
    bool
        False for names of what is no dimension.
    """
    return name in INTEGER_DIMENSIONS or name.rstrip("0123456789") in _SKYPIX


def _plain(name: str, value: object) -> int | str:
    if isinstance(value, bool | np.bool_):
        raise DataIdError(f"The dimension {name} takes an integer or a string, not {value!r}.")
    if isinstance(value, int | np.integer):
        if name in _STRING_DIMENSIONS:
            raise DataIdError(f"The dimension {name} takes a string, not {value!r}.")
        return int(value)
    if isinstance(value, str):
        if name in INTEGER_DIMENSIONS:
            raise DataIdError(f"The dimension {name} takes an integer, not {value!r}.")
        return str(value)
    raise DataIdError(f"The dimension {name} takes an integer or a string, not {value!r}.")
