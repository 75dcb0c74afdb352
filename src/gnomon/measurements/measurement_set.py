"""A set of measurements, by the name of their metric."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from gnomon.definitions import Metric, MetricSet
from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import (
    DatumNotFoundError,
    FormatError,
    GnomonError,
    MeasurementNotFoundError,
    MeasurementTypeError,
    NameFormatError,
    NameMismatchError,
    UnitMismatchError,
)
from gnomon.measurements.blob_set import BlobSet
from gnomon.measurements.documents import DocumentError, hint, shown
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.measurement_document import KEYS
from gnomon.names import Name

__all__ = ["MeasurementSet"]


class MeasurementSet(JsonSerializationMixin):
    """A mapping from names of metrics to measurements, one for each, in order of insertion.

    Parameters
    ----------
    measurements
        The measurements it holds at first.

    Attributes
    ----------
    problems
        What was passed over in reading, and the measurements that do not fit their metrics.

    Raises
    ------
    MeasurementTypeError
        If one of them is no `Measurement` (also a `TypeError`).
    """

    __slots__ = ("_bare", "_members", "problems")

    def __init__(self, measurements: "Iterable[Measurement] | MeasurementSet | None" = None) -> None:
        self._members: dict[Name, Measurement] = {}
        self._bare: dict[str, Name] = {}
        """Names without a package, which do not equal their strings."""
        self.problems: list[GnomonError] = []
        if isinstance(measurements, MeasurementSet | Mapping):
            measurements = measurements.values()
        elif measurements is not None and not isinstance(measurements, Iterable):
            raise MeasurementTypeError(
                f"A set of measurements is made of a list of them, not {shown(measurements)}."
            )
        for measurement in measurements or ():
            self.insert(measurement)

    @classmethod
    def deserialize(
        cls,
        measurements: Iterable[Mapping[str, Any]] | None = None,
        blob_set: BlobSet | None = None,
        metric_set: MetricSet | None = None,
    ) -> Self:
        """Make a set of the JSON of its measurements.

        Parameters
        ----------
        measurements
            What ``json`` gave. Of two with one metric the latter holds.
        blob_set
            Where to find their blobs.
        metric_set
            Where to find their metrics. One whose unit does not fit is noted in ``problems``.

        Returns
        -------
        MeasurementSet
            The measurements; in ``problems`` also references to blobs that are not there, unknown keys, and
            metrics that are measured twice.

        Raises
        ------
        MeasurementTypeError
            If one of them is wrong; the message begins with its path.
        """
        found = cls()
        for index, document in enumerate(measurements or ()):
            try:
                measurement = Measurement._read(document, blob_set)
            except DocumentError as error:
                raise error.within(f"[{index}]") from error
            name = measurement.metric_name
            if not document.keys() <= KEYS:
                key = min(map(str, document.keys() - KEYS))
                found.problems.append(
                    FormatError(f"The measurement of {name} has the unknown key {key!r}.{hint(key, KEYS)}")
                )
            if measurement._refs is not None:
                found._note_lost(measurement, blob_set)
            if name in found._members:
                found.problems.append(FormatError(f"There are two measurements of {name}; the latter holds."))
            if metric_set is not None and name in metric_set:
                found._link(measurement, metric_set[name])
            found.insert(measurement)
        return found

    def _note_lost(self, measurement: Measurement, blob_set: BlobSet | None) -> None:
        assert measurement._refs is not None
        known = () if blob_set is None else blob_set.keys()
        if lost := [ref for ref in measurement._refs.order if ref not in known]:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            self.problems.append(
                DatumNotFoundError(
                    f"The measurement of {measurement.metric_name} refers to the blob {lost[0]!r}{more}, "
                    "which is not there."
                )
            )

    def _link(self, measurement: Measurement, metric: Metric) -> None:
        """Let a measurement know its metric if they fit, and note it if they do not."""
        try:
            measurement.metric = metric
        except UnitMismatchError as error:
            measurement._metric = None
            self.problems.append(error)

    def insert(self, measurement: Measurement) -> None:
        """Add a measurement; one of the same metric is replaced.

        Parameters
        ----------
        measurement
            The measurement.

        Raises
        ------
        MeasurementTypeError
            If it is none (also a `TypeError`).
        """
        if not isinstance(measurement, Measurement):
            raise MeasurementTypeError(
                f"A set of measurements holds Measurement objects, not {shown(measurement)}."
            )
        name = measurement.metric_name
        self._members[name] = measurement
        if not name.has_package:
            self._bare[str(name)] = name

    def update(self, other: "MeasurementSet") -> None:
        """Add all of another set; those of the same metric are replaced.

        Parameters
        ----------
        other
            The other set.
        """
        if other is self:
            return
        for measurement in other.values():
            self.insert(measurement)
        self.problems.extend(other.problems)

    def refresh_metrics(self, metric_set: MetricSet) -> None:
        """Let the measurements know their metrics, as far as a set has them.

        Parameters
        ----------
        metric_set
            The metrics. A measurement whose unit does not fit stays without one, and that is noted in
            ``problems``.
        """
        for name, measurement in self._members.items():
            if name in metric_set:
                self._link(measurement, metric_set[name])

    def keys(self) -> KeysView[Name]:
        """Give the names of the metrics, in order of insertion."""
        return self._members.keys()

    def values(self) -> ValuesView[Measurement]:
        """Give the measurements, in order of insertion."""
        return self._members.values()

    def items(self) -> ItemsView[Name, Measurement]:
        """Give names with measurements, in order of insertion."""
        return self._members.items()

    @property
    def json(self) -> list[dict[str, Any]]:
        """The JSON of every measurement, with its notes, in order of insertion."""
        return [measurement.json for measurement in self._members.values()]

    def _find(self, name: object) -> Name | str | None:
        """Give what a key of the mapping equals."""
        if isinstance(name, Name):
            return name
        return self._bare.get(name, name) if isinstance(name, str) else None

    def _owner(self, key: str) -> Measurement | None:
        """Give the measurement to whose notes a key of metadata belongs."""
        first = key.find(".")
        if first < 0 or not self._members:
            return None
        second = key.find(".", first + 1)
        owner = None if second < 0 else self._members.get(key[:second])  # type: ignore[call-overload]
        if owner is None and (bare := self._bare.get(key[:first])) is not None:
            owner = self._members[bare]
        # A measurement may have got another metric since it was inserted.
        return owner if owner is not None and key.startswith(owner.notes.prefix) else None

    def get(self, name: str | Name, default: Any = None) -> Any:
        """Give the measurement of a metric, or something else where there is none.

        Parameters
        ----------
        name
            Name of the metric.
        default
            What to give where there is none.

        Returns
        -------
        Measurement or object
            The measurement, or ``default``.
        """
        return self._members.get(self._find(name), default)  # type: ignore[arg-type]  # it hashes as a Name

    def __getitem__(self, name: str | Name) -> Measurement:
        measurement = self._members.get(self._find(name))  # type: ignore[arg-type]  # it hashes as a Name
        if measurement is None:
            raise MeasurementNotFoundError(
                f"There is no measurement of {shown(str(name))} here.{hint(name, self._members)}"
            )
        return measurement

    def __setitem__(self, name: str | Name, measurement: Measurement) -> None:
        try:
            key = name if isinstance(name, Name) else Name(metric=name)
        except NameFormatError as error:
            raise NameMismatchError(f"This does not name a metric: {error.message}") from error
        if not key.is_metric:
            raise NameMismatchError(f"{str(key)!r} does not name a metric.")
        name_of = getattr(measurement, "metric_name", key)
        if key != name_of:
            raise NameMismatchError(f"A measurement of {name_of} cannot be kept under the name {str(key)!r}.")
        self.insert(measurement)

    def __delitem__(self, name: str | Name) -> None:
        self[name]  # for the message
        del self._members[self._find(name)]  # type: ignore[arg-type]  # it hashes as a Name
        self._bare.pop(str(name), None)

    def __contains__(self, name: object) -> bool:
        return self._find(name) in self._members

    def __iter__(self) -> Iterator[Name]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __iadd__(self, other: "MeasurementSet") -> Self:
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        return self._members == other._members if isinstance(other, MeasurementSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __str__(self) -> str:
        count = {0: "empty", 1: "1 Measurement"}.get(len(self), f"{len(self)} Measurements")
        return f"<MeasurementSet: {count}>"

    __repr__ = __str__
