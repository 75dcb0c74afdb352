"""The Butler's file of a measurement: YAML with three tags, read without constructing anything but those.

Reading goes through the bounded event reader of the definitions, so a file can make no object, call nothing,
and unfold into nothing large. Writing emits events to the C emitter, keys sorted, as the established writer
does.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
import yaml

from gnomon.definitions import parse_unit
from gnomon.definitions.yaml_scalars import is_plain_string
from gnomon.definitions.yaml_source import Located, Place, Problems, plain, read_documents
from gnomon.errors import DefinitionError, FormatError, GnomonError
from gnomon.measurements.blob import Blob
from gnomon.measurements.datum import Datum, read_array
from gnomon.measurements.documents import SCHEMA_KEY, SCHEMA_VERSION, DocumentError, schema_complaint
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.notes import Notes
from gnomon.names import Name

__all__ = ["from_yaml", "to_yaml"]

_MEASUREMENT = "lsst.verify.Measurement"
_BLOB = "lsst.verify.Blob"
_DATUM = "lsst.verify.Datum"
_TAGS = frozenset({_MEASUREMENT, _BLOB, _DATUM})


def from_yaml(source: bytes | str, *, file: str | None = None) -> Measurement:
    """Read a measurement from the Butler's file format.

    Parameters
    ----------
    source
        The file's content. A ``data: null`` of a blob is an empty one; keys that mean nothing here are
        passed over, since later writers may add some.
    file
        What to call it in messages.

    Returns
    -------
    Measurement
        The measurement; its metric is known by name only.

    Raises
    ------
    FormatError
        If it is not such a file, states a schema version newer than ours, or carries any other tag; nothing
        is constructed then.
    """
    problems = Problems(error=FormatError)
    # The established writer resolves by YAML 1.1, where a hexadecimal identifier like 12e34 is a string.
    documents = read_documents(source, file=file, problems=problems, tags=_TAGS, exponents=False)
    if len(documents) != 1:
        raise FormatError(f"A measurement's file is one document; this has {len(documents)}.", file=file)
    root, place = documents[0]
    try:
        return _measurement(_tagged(root, _MEASUREMENT, "The document", place))
    except FormatError:
        raise
    except GnomonError as error:
        raise FormatError(
            f"This is not a measurement: {error.message}", file=file, line=place.line
        ) from error


def _measurement(document: Located) -> Measurement:
    if SCHEMA_KEY in document and (complaint := schema_complaint(document[SCHEMA_KEY])):
        raise _error(complaint, document.where(SCHEMA_KEY))
    metric = _string(document, "metric")
    identifier = _string(document, "identifier")
    name = Name(metric=metric)
    value = document.get("value")
    if value is not None:
        value = _number(value, document.where("value"))
    blobs: dict[str, Blob] = {}
    for item in _optional(document, "blobs", list):
        blob = _blob(_tagged(item, _BLOB, "A blob", document.where("blobs")))
        blobs[blob.name] = blob
    notes = Notes(metric, plain(_optional(document, "notes", Located)))
    return Measurement._of(name, value, _unit(document), blobs, notes, identifier)


def _blob(document: Located) -> Blob:
    datums = {
        _key(key, document): _datum(_tagged(item, _DATUM, "A datum", document.where("data")))
        for key, item in _optional(document, "data", Located).items()
    }
    name = document.get("name")
    if not isinstance(name, str):
        raise _error(f"'name' is a string; given was {name!r}.", document.where("name"))
    return Blob._of(name, datums, _string(document, "identifier"))


def _datum(document: Located) -> Datum:
    label, description = _text_or_none(document, "label"), _text_or_none(document, "description")
    value = document.get("value")
    unit = _unit(document)
    if isinstance(value, list):
        try:
            value = u.Quantity(read_array(value), unit, subok=True, copy=False, dtype=None)
        except DocumentError as error:
            raise _error(f"A datum's value {error.predicate}", document.where("value")) from error
        return Datum._of(value, unit, label, description)
    if isinstance(value, float) or (_is_integer(value) and unit != u.dimensionless_unscaled):
        return Datum._of(_number(value, document.where("value"), convert=False), unit, label, description)
    if value is None or isinstance(value, str | bool | int):
        return Datum._of(value, None, label, description)
    raise _error("The value of a datum is a scalar or a list of numbers.", document.where("value"))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _error(message: str, place: Place) -> FormatError:
    return FormatError(message, file=place.file, line=place.line)


def _tagged(value: Any, tag: str, what: str, place: Place) -> Located:
    if not isinstance(value, Located):
        raise _error(f"{what} is a mapping with the tag !<{tag}>.", place)
    if value.tag != tag:
        given = "none" if value.tag is None else f"!<{value.tag}>"
        raise _error(f"{what} has the tag !<{tag}>; given was {given}.", value.place)
    return value


def _optional(document: Located, key: str, kind: type[Any]) -> Any:
    value = document.get(key)
    if value is None:
        return kind() if kind is list else {}
    if not isinstance(value, kind):
        raise _error(f"{key!r} is a {'list' if kind is list else 'mapping'}.", document.where(key))
    return value


def _string(document: Located, key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise _error(f"{key!r} is a string that is not empty; given was {value!r}.", document.where(key))
    return value


def _text_or_none(document: Located, key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise _error(f"{key!r} is a string or null; given was {value!r}.", document.where(key))
    return value


def _key(key: Any, document: Located) -> str:
    if not isinstance(key, str):
        raise _error(f"A key of a blob's data is a string; given was {key!r}.", document.where("data"))
    return key


def _number(value: Any, place: Place, *, convert: bool = True) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
            return number if convert or isinstance(value, str) else value
        except (ValueError, OverflowError):
            pass
    raise _error(f"'value' is a number or null; given was {value!r:.60}.", place)


def _unit(document: Located) -> Any:
    try:
        return parse_unit(document.get("unit"))
    except DefinitionError as error:
        raise _error(error.message, document.where("unit")) from error


def to_yaml(measurement: Measurement) -> bytes:
    """Write a measurement in the Butler's file format.

    Parameters
    ----------
    measurement
        The measurement. NaN and the infinities are written as such.

    Returns
    -------
    bytes
        YAML in UTF-8, which the established readers understand too; they pass over its schema version.

    Raises
    ------
    FormatError
        If a note is neither a plain scalar nor a list or mapping of them, or text has lone surrogates.
    """
    content = {
        "blobs": [_Tagged(_BLOB, _blob_content(blob)) for blob in measurement._kept_blobs()],
        SCHEMA_KEY: SCHEMA_VERSION,
        "identifier": measurement.identifier,
        "metric": str(measurement.metric_name),
        "notes": dict(measurement.notes),
        "unit": measurement.unit_str,
        "value": measurement.value,
    }
    try:
        text: str = yaml.emit(
            _stream(_Tagged(_MEASUREMENT, content)), Dumper=yaml.CSafeDumper, width=2**20, allow_unicode=True
        )
        return text.encode()
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise FormatError(
            f"The measurement of {measurement.metric_name} cannot be written: {error}"
        ) from error


def _blob_content(blob: Blob) -> dict[str, Any]:
    datums = {
        key: _Tagged(
            _DATUM,
            {"description": d.description, "label": d.label, "unit": d.unit_str, "value": d.value},
        )
        for key, d in blob.items()
    }
    return {"data": datums, "identifier": blob.identifier, "name": blob.name}


class _Tagged:
    __slots__ = ("content", "tag")

    def __init__(self, tag: str, content: dict[str, Any]) -> None:
        self.tag = tag
        self.content = content


def _stream(root: Any) -> Iterator[Any]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield from _events(root)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _events(value: Any) -> Iterator[Any]:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        yield yaml.ScalarEvent(None, None, (is_plain_string(value), True), value)
    elif value is None or isinstance(value, bool | int | float):
        yield yaml.ScalarEvent(None, None, (True, False), _plain_text(value))
    elif isinstance(value, _Tagged):
        yield yaml.MappingStartEvent(None, value.tag, False, flow_style=False)
        yield from _pairs(value.content)
        yield yaml.MappingEndEvent()
    elif isinstance(value, Mapping):
        yield yaml.MappingStartEvent(None, None, True, flow_style=not value)
        yield from _pairs(value)
        yield yaml.MappingEndEvent()
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=not value)
        for item in value:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        raise FormatError(
            f"A note is a string, number, boolean, null, or a list or mapping of those, not {value!r:.60}."
        )


def _pairs(mapping: Mapping[str, Any]) -> Iterator[Any]:
    if not all(isinstance(key, str) for key in mapping):
        raise FormatError(f"The keys of a note are strings, unlike some of {list(mapping)!r:.60}.")
    for key in sorted(mapping):
        yield from _events(key)
        yield from _events(mapping[key])


def _plain_text(value: bool | int | float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes 1e-06 for a string, but not 1.0e-06.
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text
