"""A blob: named data behind one or more measurements."""

import uuid
from collections.abc import ItemsView, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from typing import Any, Self

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import DatumNotFoundError, MeasurementTypeError, NameMismatchError
from gnomon.measurements.datum import Datum
from gnomon.measurements.documents import DocumentError, check_keys, hint, shown

__all__ = ["Blob"]

_KEYS = frozenset({"identifier", "name", "data"})


class Blob(MutableMapping[str, Datum], JsonSerializationMixin):
    """A mapping from keys to data.

    Parameters
    ----------
    name
        What the data are about; the blob of a measurement's extras has the name of its metric.
    **datums
        The data it holds at first.

    Raises
    ------
    MeasurementTypeError
        If the name is not a string, or a value not a `Datum` (also a `TypeError`).

    Examples
    --------
    >>> stars = Blob("stars", seeing=Datum(0.7, "arcsec"))
    >>> stars["n"] = Datum(41)
    >>> list(stars)
    ['seeing', 'n']
    """

    __slots__ = ("_datums", "_identifier", "_name")

    def __init__(self, name: str, **datums: Datum) -> None:
        if not isinstance(name, str):
            raise MeasurementTypeError(f"The name of a blob is a string, not {shown(name)}.")
        self._name = name
        self._identifier = uuid.uuid4().hex
        self._datums: dict[str, Datum] = {}
        for key, datum in datums.items():
            self[key] = datum

    @classmethod
    def _of(cls, name: str, datums: dict[str, Datum], identifier: str) -> Self:
        """Make a blob of parts that are known to be right."""
        blob = cls.__new__(cls)
        blob._name, blob._datums, blob._identifier = name, datums, identifier
        return blob

    @classmethod
    def deserialize(
        cls, identifier: str | None = None, name: str | None = None, data: Mapping[str, Any] | None = None
    ) -> Self:
        """Make a blob of the fields of a JSON document.

        Parameters
        ----------
        identifier
            Its unique identifier; by default a new one.
        name
            What the data are about.
        data
            The JSON of each datum by key.

        Returns
        -------
        Blob
            The blob.

        Raises
        ------
        MeasurementTypeError
            If a field is wrong.
        """
        if identifier is None:
            identifier = uuid.uuid4().hex
        return cls._read({"identifier": identifier, "name": name, "data": data})

    @classmethod
    def _read(cls, document: Any) -> Self:
        if not isinstance(document, Mapping):
            raise DocumentError(f"is a blob, a mapping, not {shown(document)}.")
        check_keys(document, _KEYS)
        identifier, name, data = document.get("identifier"), document.get("name"), document.get("data")
        for key, value in (("identifier", identifier), ("name", name)):
            if not isinstance(value, str):
                raise DocumentError(f"is a string, not {shown(value)}.", f".{key}")
        datums: dict[str, Datum] = {}
        if data is not None:
            if not isinstance(data, Mapping):
                raise DocumentError(f"is a mapping or null, not {shown(data)}.", ".data")
            for key, item in data.items():
                if not isinstance(key, str):
                    raise DocumentError(f"has the key {shown(key)}, which is no string.", ".data")
                try:
                    datums[key] = Datum._read(item)
                except DocumentError as error:
                    raise error.within(f".data.{key:.60}") from error
        return cls._of(str(name), datums, str(identifier))

    @property
    def name(self) -> str:
        """What the data are about."""
        return self._name

    @property
    def identifier(self) -> str:
        """The unique identifier."""
        return self._identifier

    @property
    def json(self) -> dict[str, Any]:
        """The blob as plain values, as `deserialize` takes them."""
        return {
            "identifier": self._identifier,
            "name": self._name,
            "data": {key: datum.json for key, datum in self._datums.items()},
        }

    def keys(self) -> KeysView[str]:
        """Give the keys, in order of insertion."""
        return self._datums.keys()

    def values(self) -> ValuesView[Datum]:
        """Give the data, in order of insertion."""
        return self._datums.values()

    def items(self) -> ItemsView[str, Datum]:
        """Give keys with data, in order of insertion."""
        return self._datums.items()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the datum under a key, or something else where there is none.

        Parameters
        ----------
        key
            The key.
        default
            What to give where there is none.

        Returns
        -------
        object
            The datum, or ``default``.
        """
        return self._datums.get(key, default)

    def __getitem__(self, key: str) -> Datum:
        try:
            return self._datums[key]
        except KeyError:
            raise DatumNotFoundError(
                f"The blob {self._name} has no {key!r}.{hint(key, self._datums)}"
            ) from None

    def __setitem__(self, key: str, value: Datum) -> None:
        if not isinstance(key, str):
            raise NameMismatchError(f"A key of a blob is a string, not {shown(key)}.")
        if not isinstance(value, Datum):
            raise MeasurementTypeError(
                f"A blob holds Datum objects, such as Datum(5.0, 'mmag'), not {shown(value)}."
            )
        self._datums[key] = value

    def __delitem__(self, key: str) -> None:
        self[key]  # for the message
        del self._datums[key]

    def __contains__(self, key: object) -> bool:
        return key in self._datums

    def __iter__(self) -> Iterator[str]:
        return iter(self._datums)

    def __len__(self) -> int:
        return len(self._datums)

    def same_data(self, other: "Blob") -> bool:
        """Say whether another blob has the same name and data, under whatever identifier.

        Parameters
        ----------
        other
            Another blob.

        Returns
        -------
        bool
            Whether name and data are equal.
        """
        return self is other or (self._name == other._name and self._datums == other._datums)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self._identifier == other._identifier and self.same_data(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        return f"<Blob {self._name}: {', '.join(self._datums) or 'empty'}>"

    def __repr__(self) -> str:
        return f"Blob({self._name!r}, {self._datums!r})"
