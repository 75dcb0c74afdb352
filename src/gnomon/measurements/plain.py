"""Values as JSON can hold them."""

import math
from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import MeasurementTypeError

__all__ = ["jsonify"]


def jsonify(value: Any, what: str = "A value") -> Any:
    """Make plain values of those that stand for plain ones.

    Parameters
    ----------
    value
        A string, number, boolean, `None`, something with a ``json`` property, an array, or a mapping, list,
        tuple or set of those.
    what
        What it is, to begin a sentence with.

    Returns
    -------
    object
        New dictionaries and lists of plain values; NaN and the infinities are `None`, a set is sorted.

    Raises
    ------
    MeasurementTypeError
        If it is, or holds, anything else.
    """
    try:
        return _plain(value, what)
    except RecursionError as error:
        raise MeasurementTypeError(f"{what} contains itself, or is nested too deeply.") from error


def _plain(value: Any, what: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, JsonSerializationMixin):
        return _plain(value.json, what)
    if isinstance(value, Mapping):
        return {_key(key, what): _plain(item, what) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, what) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, what) for item in value), key=lambda item: (str(type(item)), str(item)))
    if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biufU":
        if isinstance(value, u.Quantity):
            raise MeasurementTypeError(f"{what} has no unit; {value} belongs into a Datum.")
        plain = value.astype(float) if value.dtype.kind == "f" else value
        return _plain(plain.tolist(), what)
    raise MeasurementTypeError(
        f"{what} is a string, number, boolean, None, or a list or mapping of those, not {value!r:.60}."
    )


def _key(key: Any, what: str) -> str:
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)  # as the standard library's writer does
    raise MeasurementTypeError(f"{what} has keys that are strings, unlike {key!r:.60}.")
