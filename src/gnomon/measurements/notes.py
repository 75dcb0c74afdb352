"""The notes of a measurement: a mapping whose keys carry the name of the metric."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from typing import Any, Self

from gnomon.errors import DatumNotFoundError, MeasurementTypeError
from gnomon.measurements.documents import hint, shown
from gnomon.names import Name

__all__ = ["Notes"]


class Notes(MutableMapping[str, Any]):
    """A mapping whose keys all begin with ``package.metric.``.

    A key may be given with or without the prefix; iteration gives it with the prefix. So the notes of many
    measurements fit into the metadata of one job.

    Parameters
    ----------
    metric
        Name of the metric.
    notes
        The notes it holds at first.

    Raises
    ------
    MeasurementTypeError
        If the notes are no mapping, or a key is not a string (also a `TypeError`).

    Examples
    --------
    >>> notes = Notes("demo.scatter", {"estimator": "median"})
    >>> notes["estimator"], list(notes)
    ('median', ['demo.scatter.estimator'])
    """

    __slots__ = ("_notes", "_prefix")

    def __init__(self, metric: str | Name, notes: Mapping[str, Any] | None = None) -> None:
        self._prefix = f"{metric}."
        self._notes: dict[str, Any] = {}
        if notes is not None:
            if not isinstance(notes, Mapping):
                raise MeasurementTypeError(f"Notes are a mapping, not {shown(notes)}.")
            for key, note in notes.items():
                self[key] = note

    @classmethod
    def _of(cls, prefix: str) -> Self:
        """Make empty notes."""
        notes = cls.__new__(cls)
        notes._prefix, notes._notes = prefix, {}
        return notes

    def _rename(self, metric: str) -> None:
        """Give the keys the prefix of another metric."""
        length = len(self._prefix)
        self._prefix = f"{metric}."
        self._notes = {self._prefix + key[length:]: note for key, note in self._notes.items()}

    @property
    def prefix(self) -> str:
        """What every key begins with."""
        return self._prefix

    def _full(self, key: Any) -> str:
        if not isinstance(key, str):
            raise MeasurementTypeError(f"A key of notes is a string, not {shown(key)}.")
        return key if key.startswith(self._prefix) else self._prefix + key

    def keys(self) -> KeysView[str]:
        """Give the keys with their prefix, in order of insertion."""
        return self._notes.keys()

    def values(self) -> ValuesView[Any]:
        """Give the notes, in order of insertion."""
        return self._notes.values()

    def items(self) -> ItemsView[str, Any]:
        """Give keys with notes, in order of insertion."""
        return self._notes.items()

    def get(self, key: str, default: Any = None) -> Any:
        """Give the note under a key, or something else where there is none.

        Parameters
        ----------
        key
            The key, with or without the prefix.
        default
            What to give where there is none.

        Returns
        -------
        object
            The note, or ``default``.
        """
        return self._notes.get(self._full(key), default)

    def __getitem__(self, key: str) -> Any:
        full = self._full(key)
        try:
            return self._notes[full]
        except KeyError:
            raise DatumNotFoundError(f"There is no note {full!r}.{hint(full, self._notes)}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self._notes[self._full(key)] = value

    def __delitem__(self, key: str) -> None:
        self[key]  # for the message
        del self._notes[self._full(key)]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._full(key) in self._notes

    def __iter__(self) -> Iterator[str]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)

    def __repr__(self) -> str:
        return f"Notes({self._notes!r})"
