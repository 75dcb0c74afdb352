"""A blob: named data behind one or more measurements."""

import uuid
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Self

from gnomon.errors import MeasurementError, nearest
from gnomon.measurements.datum import Datum

__all__ = ["Blob"]


class Blob(MutableMapping[str, Datum]):
    """A mapping from keys to data.

    Parameters
    ----------
    name
        What the data are about; the blob of a measurement's extras has the name of its metric.
    datums
        The data it holds at first; what is not a `Datum` is made one.
    identifier
        Its unique identifier; by default a new one.

    Raises
    ------
    MeasurementError
        If the name or a key is not a string, or a value cannot be a `Datum`.
    """

    __slots__ = ("_datums", "_identifier", "_name")

    def __init__(
        self, name: str, datums: Mapping[str, Any] | None = None, *, identifier: str | None = None
    ) -> None:
        if not name or not isinstance(name, str):
            raise MeasurementError(f"The name of a blob is a string that is not empty, not {name!r}.")
        self._name = name
        self._identifier = identifier or uuid.uuid4().hex
        self._datums: dict[str, Datum] = {}
        for key, datum in (datums or {}).items():
            self[key] = datum

    @classmethod
    def _of(cls, name: str, datums: dict[str, Datum], identifier: str) -> Self:
        """Make a blob of parts that are known to be right."""
        blob = cls.__new__(cls)
        blob._name, blob._datums, blob._identifier = name, datums, identifier
        return blob

    @property
    def name(self) -> str:
        """What the data are about."""
        return self._name

    @property
    def identifier(self) -> str:
        """The unique identifier."""
        return self._identifier

    def __getitem__(self, key: str) -> Datum:
        try:
            return self._datums[key]
        except KeyError:
            raise KeyError(
                f"The blob {self._name} has no {key!r}.{nearest(str(key), self._datums)}"
            ) from None

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise MeasurementError(f"A key of a blob is a string, not {key!r}.")
        self._datums[key] = value if isinstance(value, Datum) else Datum(value)

    def __delitem__(self, key: str) -> None:
        self[key]  # for the message
        del self._datums[key]

    def __contains__(self, key: object) -> bool:
        return key in self._datums

    def __iter__(self) -> Iterator[str]:
        return iter(self._datums)

    def __len__(self) -> int:
        return len(self._datums)

    def __eq__(self, other: object) -> bool:
        """Compare name and data; two blobs with the same data are equal under different identifiers."""
        if not isinstance(other, Blob):
            return NotImplemented
        return self._name == other._name and self._datums == other._datums

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Blob({self._name!r}, {self._datums!r})"
