"""A set of blobs, by identifier and by name."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import DatumNotFoundError, MeasurementTypeError, NameMismatchError
from gnomon.measurements.blob import Blob
from gnomon.measurements.documents import DocumentError, hint, shown

__all__ = ["BlobSet"]


class BlobSet(JsonSerializationMixin):
    """A mapping from identifiers to blobs, in order of insertion.

    Parameters
    ----------
    blobs
        The blobs it holds at first.

    Raises
    ------
    MeasurementTypeError
        If one of them is no `Blob` (also a `TypeError`).

    Notes
    -----
    A blob is also found by its name; where several have one name, the latest is.
    """

    __slots__ = ("_blobs", "_names")

    def __init__(self, blobs: Iterable[Blob] | None = None) -> None:
        self._blobs: dict[str, Blob] = {}
        self._names: dict[str, dict[str, None]] = {}
        for blob in blobs or ():
            self.insert(blob)

    @classmethod
    def deserialize(cls, blobs: Iterable[Mapping[str, Any]] | None = None) -> Self:
        """Make a set of the JSON of its blobs.

        Parameters
        ----------
        blobs
            What ``json`` gave. Of two with one identifier the latter holds.

        Returns
        -------
        BlobSet
            The blobs.

        Raises
        ------
        MeasurementTypeError
            If one of them is wrong; the message begins with its path.
        """
        found = cls()
        for index, document in enumerate(blobs or ()):
            try:
                found.insert(Blob._read(document))
            except DocumentError as error:
                raise error.within(f"[{index}]") from error
        return found

    def insert(self, blob: Blob) -> None:
        """Add a blob; one of the same identifier is replaced.

        Parameters
        ----------
        blob
            The blob.

        Raises
        ------
        MeasurementTypeError
            If it is none (also a `TypeError`).
        """
        if not isinstance(blob, Blob):
            raise MeasurementTypeError(f"A set of blobs holds Blob objects, not {shown(blob)}.")
        identifier = blob.identifier
        if identifier in self._blobs:
            self._forget(self._blobs[identifier])
        self._blobs[identifier] = blob
        self._names.setdefault(blob.name, {})[identifier] = None

    def _forget(self, blob: Blob) -> None:
        named = self._names[blob.name]
        del named[blob.identifier]
        if not named:
            del self._names[blob.name]

    def _identifier(self, key: object) -> str | None:
        if not isinstance(key, str):
            return None
        if key in self._blobs:
            return key
        return next(reversed(self._names[key]), None) if key in self._names else None

    def keys(self) -> KeysView[str]:
        """Give the identifiers, in order of insertion."""
        return self._blobs.keys()

    def values(self) -> ValuesView[Blob]:
        """Give the blobs, in order of insertion."""
        return self._blobs.values()

    def items(self) -> ItemsView[str, Blob]:
        """Give identifiers with blobs, in order of insertion."""
        return self._blobs.items()

    @property
    def json(self) -> list[dict[str, Any]]:
        """The JSON of every blob, in order of insertion."""
        return [blob.json for blob in self._blobs.values()]

    def __getitem__(self, key: str) -> Blob:
        identifier = self._identifier(key)
        if identifier is None:
            raise DatumNotFoundError(
                f"There is no blob with the identifier or name {key!r}.{hint(key, self._names)}"
            )
        return self._blobs[identifier]

    def __setitem__(self, key: str, blob: Blob) -> None:
        identifier = getattr(blob, "identifier", key)
        if key != identifier:
            raise NameMismatchError(
                f"A blob is kept under its identifier, {identifier!r}, not under {shown(key)}."
            )
        self.insert(blob)

    def __delitem__(self, key: str) -> None:
        blob = self[key]
        del self._blobs[blob.identifier]
        self._forget(blob)

    def __contains__(self, key: object) -> bool:
        return self._identifier(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._blobs)

    def __len__(self) -> int:
        return len(self._blobs)

    def __eq__(self, other: object) -> bool:
        return self._blobs == other._blobs if isinstance(other, BlobSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        count = {0: "empty", 1: "1 Blob"}.get(len(self), f"{len(self)} Blobs")
        return f"<BlobSet: {count}>"

    __repr__ = __str__
