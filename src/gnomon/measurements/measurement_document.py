"""Reading the JSON document of a measurement."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from gnomon.errors import NameFormatError
from gnomon.measurements.blob import Blob
from gnomon.measurements.blob_set import BlobSet
from gnomon.measurements.documents import DocumentError, is_deep, read_unit, shown
from gnomon.measurements.notes import Notes
from gnomon.names import Name

__all__ = ["KEYS", "KeptRefs", "read_measurement"]

KEYS = frozenset({"metric", "identifier", "value", "unit", "blob_refs", "notes", "gnomon_value"})
"""The keys that mean something. Established readers know the first five and pass over any other."""

_NULLS = {None: math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, slots=True)
class KeptRefs:
    """References to blobs of which some led nowhere; all are kept, so that they can be written again.

    Attributes
    ----------
    order
        All references, as they stood.
    lost
        Those that gave no blob.
    """

    order: tuple[str, ...]
    lost: frozenset[str]

    def merged(self, found: Sequence[str]) -> list[str]:
        """Give the references as they stood, without blobs that have been taken away, with new ones last.

        Parameters
        ----------
        found
            Identifiers of the blobs that there are now.

        Returns
        -------
        list of str
            The references.
        """
        known = self.lost.union(found)
        order = [ref for ref in self.order if ref in known]
        stood = set(order)
        return order + [ref for ref in found if ref not in stood]


type Parts = tuple[Name, float | int | None, u.UnitBase | None, dict[str, Blob], Notes, str, KeptRefs | None]
"""Name, value, unit, blobs by name, notes, identifier and references of a measurement."""


def read_measurement(document: Any, blobs: BlobSet | None) -> Parts:
    """Read the JSON document of a measurement.

    Parameters
    ----------
    document
        The document. Keys that mean nothing are passed over.
    blobs
        Where to find its blobs.

    Returns
    -------
    tuple
        What a measurement is made of.

    Raises
    ------
    DocumentError
        If a part is wrong.
    """
    if not isinstance(document, Mapping):
        raise DocumentError(f"is a measurement, a mapping, not {shown(document)}.")
    name = _name(document.get("metric"))
    identifier = document.get("identifier")
    if identifier is None:
        identifier = uuid.uuid4().hex
    elif not isinstance(identifier, str):
        raise DocumentError(f"is a string, not {shown(identifier)}.", ".identifier")
    value, unit = _value(document)
    found, refs = _blobs(document.get("blob_refs"), blobs)
    metric = document.get("metric")
    notes = Notes._of(f"{metric}." if isinstance(metric, str) else f"{name}.")
    if (given := document.get("notes")) is not None:
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise DocumentError(f"is a mapping of strings to notes, not {shown(given)}.", ".notes")
        if is_deep(given.values()):
            raise DocumentError("is nested too deeply.", ".notes")
        notes.update(given)
    return name, value, unit, found, notes, identifier, refs


def _name(metric: Any) -> Name:
    try:
        name = metric if isinstance(metric, Name) else Name(metric=metric)
    except NameFormatError as error:
        raise DocumentError(f"is no name of a metric: {error.message:.200}", ".metric") from error
    if not name.is_metric:
        raise DocumentError(f"names no metric: {str(name)!r}.", ".metric")
    return name


def _value(document: Mapping[str, Any]) -> tuple[float | int | None, u.UnitBase | None]:
    value, unit = document.get("value"), document.get("unit")
    if value is None:
        state = document.get("gnomon_value")
        if state == "none":
            return None, u.dimensionless_unscaled if unit is None else read_unit(unit)
        if not isinstance(state, str | None) or state not in _NULLS:
            raise DocumentError(f"is 'none', 'inf' or '-inf', not {shown(state)}.", ".gnomon_value")
        if unit is None:
            return None, None
        return _NULLS[state], read_unit(unit)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise DocumentError(f"is a number or null, not {shown(value)}.", ".value")
    try:
        float(value)
    except OverflowError as error:
        raise DocumentError("is an integer too large for a value.", ".value") from error
    return value, read_unit(unit)


def _blobs(refs: Any, blobs: BlobSet | None) -> tuple[dict[str, Blob], KeptRefs | None]:
    found: dict[str, Blob] = {}
    if not refs:
        if refs is not None and not isinstance(refs, list | tuple):
            raise DocumentError(f"is a list of identifiers, not {shown(refs)}.", ".blob_refs")
        return found, None
    if not isinstance(refs, list | tuple):
        raise DocumentError(f"is a list of identifiers, not {shown(refs)}.", ".blob_refs")
    known = {} if blobs is None else blobs._blobs
    for index, ref in enumerate(refs):
        if not isinstance(ref, str):
            raise DocumentError(f"is an identifier, a string, not {shown(ref)}.", f".blob_refs[{index}]")
        if (blob := known.get(ref)) is not None:
            found[blob.name] = blob
    if len(found) == len(refs):
        return found, None
    lost = frozenset(refs).difference(blob.identifier for blob in found.values())
    return found, KeptRefs(tuple(refs), lost)
