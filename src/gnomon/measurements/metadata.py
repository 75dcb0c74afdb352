"""The metadata of a job: its own keys and the notes of all its measurements, as one mapping."""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from html import escape
from typing import Any

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import DatumNotFoundError, MeasurementTypeError
from gnomon.measurements.documents import hint, shown
from gnomon.measurements.measurement_set import MeasurementSet
from gnomon.measurements.plain import jsonify

__all__ = ["Metadata"]

_MISSING = object()


class Metadata(MutableMapping[str, Any], JsonSerializationMixin):
    """A mapping of a job's own keys, followed by the notes of every measurement.

    A key that begins with the name of a measured metric, ``package.metric.``, is a note of that measurement,
    and setting it sets the note. Any other key, whatever dots it has, is the job's own. Where an own key and
    a note have one name, the own is seen.

    Parameters
    ----------
    measurement_set
        The measurements; the set is kept, so that later measurements are seen.
    data
        Keys and values it holds at first.

    Raises
    ------
    MeasurementTypeError
        If a key is not a string (also a `TypeError`).
    """

    __slots__ = ("_data", "_measurements")

    def __init__(
        self, measurement_set: MeasurementSet | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        self._measurements = MeasurementSet() if measurement_set is None else measurement_set
        self._data: dict[str, Any] = {}
        if data is not None:
            if not isinstance(data, Mapping):
                raise MeasurementTypeError(f"Metadata are a mapping, not {shown(data)}.")
            self.update(data)

    def __getitem__(self, key: str) -> Any:
        value = self.get(key, _MISSING)
        if value is _MISSING:
            raise DatumNotFoundError(f"The metadata have no {shown(key)}.{hint(key, self._data)}")
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        """Give the value of a key, or something else where there is none.

        Parameters
        ----------
        key
            The key.
        default
            What to give where there is none.

        Returns
        -------
        object
            The value, or ``default``.
        """
        if not isinstance(key, str):
            return default
        if key in self._data:
            return self._data[key]
        owner = self._measurements._owner(key)
        return default if owner is None else owner.notes.get(key, default)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise MeasurementTypeError(f"A key of metadata is a string, not {shown(key)}.")
        owner = self._measurements._owner(key)
        if owner is None:
            self._data[key] = value
        else:
            owner.notes[key] = value
            self._data.pop(key, None)

    def __delitem__(self, key: str) -> None:
        self[key]  # for the message
        self._data.pop(key, None)
        owner = self._measurements._owner(key)
        if owner is not None:
            owner.notes.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key, _MISSING) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        yield from self._data
        for measurement in self._measurements.values():
            for key in measurement.notes:
                if key not in self._data:
                    yield key

    def __len__(self) -> int:
        notes = sum(len(measurement.notes) for measurement in self._measurements.values())
        hidden = 0
        for key in self._data:
            owner = self._measurements._owner(key)
            hidden += owner is not None and key in owner.notes
        return len(self._data) + notes - hidden

    def __bool__(self) -> bool:
        return any(True for _ in self)

    @property
    def json(self) -> dict[str, Any]:
        """All keys and values as plain values; NaN and the infinities are `None`."""
        document = {key: jsonify(value, f"The metadata {key}") for key, value in self._data.items()}
        for measurement in self._measurements.values():
            for key, note in measurement.notes.items():
                if key not in document:
                    document[key] = note if type(note) is str else jsonify(note, f"The note {key}")
        return document

    def __eq__(self, other: object) -> bool:
        """Compare keys and values with those of any mapping."""
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        return json.dumps(self.json, sort_keys=True, indent=4)

    def __repr__(self) -> str:
        return f"Metadata({dict(self)!r})"

    def _repr_html_(self) -> str:
        """Give a table for notebooks."""
        rows = "".join(
            f"<tr><td>{escape(key)}</td><td>{escape(str(value))}</td></tr>"
            for key, value in sorted(self.items())
        )
        return f"<table><thead><tr><th>Key</th><th>Value</th></tr></thead><tbody>{rows}</tbody></table>"
