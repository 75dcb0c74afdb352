"""A job: measurements with their blobs, metrics, specifications and metadata, in one JSON file."""

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from gnomon.definitions import Metric, MetricSet, Specification, SpecificationSet
from gnomon.definitions.serialization import JsonSerializationMixin, write_text
from gnomon.errors import FormatError, GnomonError
from gnomon.measurements.blob import Blob
from gnomon.measurements.blob_set import BlobSet
from gnomon.measurements.collector import collector_waits
from gnomon.measurements.conflicts import Conflict, conflicts_between, conflicts_of_metadata
from gnomon.measurements.documents import (
    SCHEMA_KEY,
    SCHEMA_VERSION,
    DocumentError,
    is_deep,
    schema_complaint,
    shown,
)
from gnomon.measurements.job_file import parse_document, read_document
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.measurement_set import MeasurementSet
from gnomon.measurements.metadata import Metadata
from gnomon.measurements.plain import jsonify

__all__ = ["Job"]

_LOG = logging.getLogger("gnomon.measurements")

# What a document of the wrong types can make a constructor raise. A file's mistake is no defect of ours.
_MISTAKES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Job(JsonSerializationMixin):
    """Measurements of one run of something, with what is needed to judge them.

    Parameters
    ----------
    measurements
        A set or a list of measurements.
    metrics
        A set or a list of metrics.
    specs
        A set or a list of specifications.
    meta
        Metadata; keys that begin with the name of a measured metric become notes of its measurement.

    Raises
    ------
    MeasurementTypeError
        If a measurement or the metadata are something else (also a `TypeError`).
    DefinitionTypeError
        If a metric or a specification is something else (also a `TypeError`).

    Examples
    --------
    >>> from gnomon.measurements import Measurement
    >>> job = Job([Measurement("demo.ratio", 0.5)], meta={"camera": "small"})
    >>> Job.deserialize(**job.json) == job
    True
    """

    _measurement_set: ClassVar[type[MeasurementSet]] = MeasurementSet
    _metric_set: ClassVar[type[MetricSet]] = MetricSet
    _specification_set: ClassVar[type[SpecificationSet]] = SpecificationSet

    def __init__(
        self,
        measurements: MeasurementSet | Iterable[Measurement] | None = None,
        metrics: MetricSet | Iterable[Metric] | None = None,
        specs: SpecificationSet | Iterable[Specification] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self._measurements = (
            measurements if isinstance(measurements, MeasurementSet) else self._measurement_set(measurements)
        )
        self._metrics = metrics if isinstance(metrics, MetricSet) else self._metric_set(metrics)
        self._specs = specs if isinstance(specs, SpecificationSet) else self._specification_set(specs)
        self._meta = Metadata(self._measurements, meta)
        self._unreferenced = BlobSet()
        self._problems: list[GnomonError] = []
        self._schema_version: int | None = SCHEMA_VERSION

    @classmethod
    def load_metrics_package(
        cls,
        package_name_or_path: str | os.PathLike[str] = "verify_metrics",
        subset: str | None = None,
        measurements: MeasurementSet | Iterable[Measurement] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a job with the metrics and specifications of a definition package.

        Parameters
        ----------
        package_name_or_path
            A directory, or the name of one (see `find_package`).
        subset
            Only what is defined for this package.
        measurements
            A set or a list of measurements; they come to know their metrics.
        meta
            Metadata.

        Returns
        -------
        Job
            The job. Measurements that do not fit their metrics are among its ``problems``.

        Raises
        ------
        PackageNotFoundError
            If there is no such package (also an `OSError`).
        DefinitionError
            If a file of it is wrong.
        """
        job = cls(measurements=measurements, meta=meta)
        job.reload_metrics_package(package_name_or_path, subset)
        return job

    def reload_metrics_package(
        self, package_name_or_path: str | os.PathLike[str] = "verify_metrics", subset: str | None = None
    ) -> None:
        """Add the metrics and specifications of a definition package, those of the same name replaced.

        Parameters
        ----------
        package_name_or_path
            A directory, or the name of one (see `find_package`).
        subset
            Only what is defined for this package.

        Raises
        ------
        PackageNotFoundError
            If there is no such package (also an `OSError`).
        DefinitionError
            If a file of it is wrong.
        """
        metrics = self._metric_set.load_metrics_package(package_name_or_path, subset)
        specs = self._specification_set.load_metrics_package(package_name_or_path, subset)
        self._metrics.update(metrics)
        self._specs.update(specs)
        self._measurements.refresh_metrics(metrics)

    @classmethod
    @collector_waits()
    def deserialize(
        cls,
        measurements: Iterable[Mapping[str, Any]] | None = None,
        blobs: Iterable[Mapping[str, Any]] | None = None,
        metrics: Iterable[Mapping[str, Any]] | None = None,
        specs: Iterable[Mapping[str, Any]] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a job of the parts of its JSON.

        Parameters
        ----------
        measurements, blobs, metrics, specs
            The JSON of each.
        meta
            Metadata, notes of the measurements among them.

        Returns
        -------
        Job
            The job; what was passed over is in its ``problems``.

        Raises
        ------
        FormatError
            If a part is wrong; the message says where (also a `ValueError`).
        """
        metric_set = _definitions("metrics", cls._metric_set, metrics)
        specification_set = _definitions("specs", cls._specification_set, specs)
        documents = _list("blobs", blobs)
        blob_set = _read("blobs", partial(BlobSet.deserialize, documents))
        measured = _list("measurements", measurements)
        measurement_set = _read(
            "measurements", lambda: cls._measurement_set.deserialize(measured, blob_set, metric_set)
        )
        data, version = _metadata(meta)
        job = cls(measurement_set, metric_set, specification_set, data)
        job._schema_version = version
        if len(blob_set) < len(documents):
            job._problems.append(FormatError("blobs: two have one identifier; the latter holds."))
        linked = {blob.identifier for one in measurement_set.values() for blob in one._blobs.values()}
        job._unreferenced = BlobSet(blob for blob in blob_set.values() if blob.identifier not in linked)
        return job

    @classmethod
    @collector_waits()
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a job from a JSON file.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Job
            The job; what was passed over is in its ``problems``.

        Raises
        ------
        FormatError
            If the file cannot be read or is not a job's; the message says where (also a `ValueError`).
        """
        file = Path(path)
        return cls._of_document(*read_document(file), file=str(file))

    @classmethod
    def parse(cls, content: bytes | str, *, file: str | None = None) -> Self:
        """Read a job from the text of a JSON file.

        Parameters
        ----------
        content
            The text.
        file
            What to call it in messages.

        Returns
        -------
        Job
            The job; what was passed over is in its ``problems``.

        Raises
        ------
        FormatError
            If it is not a job; the message says where (also a `ValueError`).
        """
        return cls._of_document(*parse_document(content, file=file), file=file)

    @classmethod
    def _of_document(cls, document: dict[str, Any], problems: list[GnomonError], *, file: str | None) -> Self:
        try:
            job = cls.deserialize(**document)
        except FormatError as error:
            raise FormatError(error.message, file=file) from error
        job._problems.extend(problems)
        return job

    @property
    def measurements(self) -> MeasurementSet:
        """The measurements."""
        return self._measurements

    @property
    def metrics(self) -> MetricSet:
        """The metrics."""
        return self._metrics

    @property
    def specs(self) -> SpecificationSet:
        """The specifications."""
        return self._specs

    @property
    def meta(self) -> Metadata:
        """The job's own metadata and the notes of all measurements."""
        return self._meta

    @property
    def problems(self) -> list[GnomonError]:
        """What was passed over in reading, and the measurements that do not fit their metrics."""
        return [*self._problems, *self._measurements.problems]

    @property
    def schema_version(self) -> int | None:
        """The version of our additions that files state; `None` for a file that was written without."""
        return self._schema_version

    @property
    @collector_waits()
    def json(self) -> dict[str, Any]:
        """The job as plain values, as `deserialize` takes them.

        A measurement's value is in the unit of its metric where the job has that. Blobs are those of the
        measurements, and those that were read though no measurement refers to them.
        """
        blobs: dict[str, Blob] = {}
        for measurement in self._measurements.values():
            for blob in measurement._kept_blobs():
                blobs[blob.identifier] = blob
        for identifier, blob in self._unreferenced.items():
            blobs.setdefault(identifier, blob)
        return {
            "measurements": [
                measurement._document(self._metric_of(measurement))
                for measurement in self._measurements.values()
            ],
            "blobs": [blob.json for blob in blobs.values()],
            "metrics": jsonify(self._metrics.json, "A metric"),
            "specs": jsonify(
                [
                    specification.json_for(
                        self._metrics.get(specification.metric_name)
                        if specification.name.has_metric
                        else None
                    )
                    for specification in self._specs.values()
                ],
                "A specification",
            ),
            "meta": self._meta.json,
        }

    def _metric_of(self, measurement: Measurement) -> Metric | None:
        # The job's own comes first: it is what a reader of the file will link the measurement with.
        name = measurement.metric_name
        if len(self._metrics) and name in self._metrics:
            metric = self._metrics[name]
            if (
                metric is measurement.metric
                or measurement.value is None
                or metric.unit.is_equivalent(measurement.unit)
            ):
                return metric
        return measurement.metric

    @collector_waits()
    def write(self, filename: str | os.PathLike[str]) -> None:
        """Write the job into a JSON file, keys sorted and indented by two.

        Parameters
        ----------
        filename
            The file, usually with the suffix ``.verify.json``; folders above it are made. It is there whole
            or not at all.

        Raises
        ------
        MeasurementTypeError
            If metadata hold what JSON cannot (also a `TypeError`).
        """
        write_text(filename, self.text())

    def text(self) -> str:
        """Give the text of the job's JSON file.

        Returns
        -------
        str
            Keys sorted and indented by two.

        Raises
        ------
        MeasurementTypeError
            If metadata hold what JSON cannot (also a `TypeError`).
        """
        document = self.json
        if self._schema_version is not None:
            document["meta"][SCHEMA_KEY] = self._schema_version
        return json.dumps(document, indent=2, sort_keys=True, allow_nan=False)

    def conflicts(self, other: "Job") -> list[Conflict]:
        """Say what another job would replace by something different.

        Parameters
        ----------
        other
            The other job.

        Returns
        -------
        list of Conflict
            Measurements, metrics, specifications and metadata that both have and that differ. Notes are
            compared with their measurements.
        """
        found = [
            *conflicts_between("measurement", self._measurements, other._measurements),
            *conflicts_between("metric", self._metrics, other._metrics),
            *conflicts_between("specification", self._specs, other._specs),
        ]
        replaced = other._measurements
        mine = {key: value for key, value in self._meta.items() if replaced._owner(key) is None}
        mine.update(self._meta._data)
        return [*found, *conflicts_of_metadata(mine, other._meta)]

    def __iadd__(self, other: "Job") -> Self:
        """Add all of another job, whose parts replace those of the same name.

        What is replaced by something different is named in a warning of the log (see `conflicts`).
        """
        if other is self:
            return self
        if found := self.conflicts(other):
            shown_first = "; ".join(str(conflict) for conflict in found[:10])
            more = f"; and {len(found) - 10} more" if len(found) > 10 else ""
            _LOG.warning("Adding a job replaced by something different: %s%s", shown_first, more)
        own = dict(other._meta._data)
        self._measurements.update(other._measurements)
        self._metrics.update(other._metrics)
        self._specs.update(other._specs)
        # Keys of ours that are notes now are found again; those of the other come last, and hold.
        for key in [key for key in self._meta._data if self._measurements._owner(key) is not None]:
            value = self._meta._data.pop(key)
            self._meta.setdefault(key, value)
        self._meta.update(own)
        for blob in other._unreferenced.values():
            self._unreferenced.insert(blob)
        self._problems.extend(other._problems)
        return self

    def __eq__(self, other: object) -> bool:
        """Compare measurements, metrics, specifications and metadata."""
        if not isinstance(other, Job):
            return NotImplemented
        return (
            self._measurements == other._measurements
            and self._metrics == other._metrics
            and self._specs == other._specs
            and self._meta == other._meta
        )

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"<Job: {self._measurements}, {self._metrics}, {self._specs}>"


def _read[T](where: str, read: Callable[[], T]) -> T:
    """Do one part of the reading; a mistake becomes one of the file."""
    try:
        return read()
    except DocumentError as error:
        raise FormatError(f"{where}{error.where} {error.predicate}") from error
    except GnomonError as error:
        raise FormatError(f"{where}: {error.message}") from error
    except _MISTAKES as error:
        raise FormatError(f"{where}: {type(error).__name__}: {error!s:.200}") from error


def _list(where: str, documents: Any) -> list[Any]:
    if documents is None:
        return []
    if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
        raise FormatError(f"{where} is a list, not {shown(documents)}.")
    return documents if isinstance(documents, list) else list(documents)


def _definitions[T: (MetricSet, SpecificationSet)](where: str, kind: type[T], documents: Any) -> T:
    """Read metrics or specifications."""
    listed = _list(where, documents)
    for index, document in enumerate(listed):
        if not isinstance(document, Mapping):
            raise FormatError(f"{where}[{index}] is a mapping, not {shown(document)}.")
    if is_deep(listed):
        raise FormatError(f"{where} is nested too deeply.")
    try:
        return kind.deserialize(listed)
    except (GnomonError, *_MISTAKES):
        # Which of them it was is only asked now.
        for index, document in enumerate(listed):
            _read(f"{where}[{index}]", partial(kind.deserialize, [document]))
        raise


def _metadata(meta: Any) -> tuple[dict[str, Any], int | None]:
    if meta is None:
        return {}, None
    if not isinstance(meta, Mapping):
        raise FormatError(f"meta is a mapping, not {shown(meta)}.")
    data = dict(meta)
    for key in data:
        if not isinstance(key, str):
            raise FormatError(f"meta has the key {shown(key)}, which is no string.")
    if is_deep(data.values()):
        raise FormatError("meta is nested too deeply.")
    if SCHEMA_KEY not in data:
        return data, None
    version = data.pop(SCHEMA_KEY)
    if complaint := schema_complaint(version):
        raise FormatError(f"meta: {complaint}")
    return data, version
