"""The notes of a measurement: a mapping whose keys carry the name of the metric."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from gnomon.errors import MeasurementError, nearest

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
    MeasurementError
        If a key is not a string.

    Examples
    --------
    >>> notes = Notes("demo.scatter", {"estimator": "median"})
    >>> notes["estimator"], list(notes)
    ('median', ['demo.scatter.estimator'])
    """

    __slots__ = ("_notes", "_prefix")

    def __init__(self, metric: str, notes: Mapping[str, Any] | None = None) -> None:
        self._prefix = f"{metric}."
        self._notes: dict[str, Any] = {}
        self.update(notes or {})

    @property
    def prefix(self) -> str:
        """What every key begins with."""
        return self._prefix

    def _full(self, key: Any) -> str:
        if not isinstance(key, str):
            raise MeasurementError(f"A key of notes is a string, not {key!r}.")
        return key if key.startswith(self._prefix) else self._prefix + key

    def __getitem__(self, key: str) -> Any:
        full = self._full(key)
        try:
            return self._notes[full]
        except KeyError:
            raise KeyError(f"There is no note {full!r}.{nearest(full, self._notes)}") from None

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
