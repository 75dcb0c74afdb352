"""What tasks cost: time, processor time and memory, as the middleware's timer recorded them in task metadata.

The timer records of each method that is decorated with ``lsst.utils.timer.timeMethod``, and of the quantum as
a whole. Of a method that ran several times in a quantum, the last run counts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from astropy import units as u
from lsst.pex.config import Field
from lsst.pipe.base import TaskMetadata

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Datum, Measurement
from gnomon.tasks.metadata_metrics import (
    MetadataMetricConfig,
    MetadataMetricConnections,
    MetadataMetricTask,
    find_key,
)

__all__ = ["CpuTimingMetricTask", "MemoryMetricTask", "ResourceMetricConfig", "TimingMetricTask"]

_QUANTUM = "quantum"
_VERSION = "__version__"
_BYTES_SINCE = 1


class ResourceMetricConfig(MetadataMetricConfig, pipelineConnections=MetadataMetricConnections):
    """Of which method the cost is measured."""

    target = Field[str](  # type: ignore[no-untyped-call]
        doc="The method that is watched, with its task: isr.run, or isr:flat.run in a subtask. Or quantum: "
        "all that the task does in a quantum, reading and writing included, whether its methods are timed "
        "or not.",
        default="",
    )

    def validate(self) -> None:
        """Refuse a configuration that names nothing to watch.

        Raises
        ------
        SettingsError
            If there is no target, or no ``labelName``.
        NameFormatError
            If it names no metric.
        """
        super().validate()
        if not self.target or (self.target != _QUANTUM and "." not in self.target):
            raise SettingsError(
                f"The target is {self.target!r}; it is a method with its task, such as isr.run, or "
                f"{_QUANTUM}."
            )


class _ResourceMetricTask(MetadataMetricTask):
    """What the tasks of this module have in common."""

    ConfigClass: ClassVar[type[ResourceMetricConfig]] = ResourceMetricConfig
    config: ResourceMetricConfig
    keys: ClassVar[Mapping[str, tuple[str, str]]]
    """From labels to beginning or end, and what is recorded then."""

    @classmethod
    def getInputMetadataKeys(cls, config: MetadataMetricConfig) -> Mapping[str, str]:
        """Say which keys are needed.

        Parameters
        ----------
        config
            The configuration, with a ``target``.

        Returns
        -------
        Mapping
            From labels to fragments of keys.
        """
        assert isinstance(config, ResourceMetricConfig)
        if config.target == _QUANTUM:
            return {label: f"{_QUANTUM}.{edge.lower()}{what}" for label, (edge, what) in cls.keys.items()}
        return {label: f"{config.target}{edge}{what}" for label, (edge, what) in cls.keys.items()}

    def _values(self, values: Mapping[str, Any], *labels: str) -> list[Any] | None:
        """Give the values of labels; `None` if nothing of them was recorded."""
        found = [values[label] for label in labels]
        if all(value is None for value in found):
            self.log.debug("Nothing was recorded of %s: it did not run, or is not timed.", self.config.target)
            return None
        if lacking := [label for label, value in zip(labels, found, strict=True) if value is None]:
            raise MetricComputationError(
                f"Of {self.config.target} only a part was recorded; {', '.join(lacking)} is not among it."
            )
        return found

    def _measurement(self, quantity: u.Quantity, values: Mapping[str, Any]) -> Measurement:
        moments = {"start": values.get("StartTime"), "end": values.get("EndTime")}
        return Measurement(
            self.config.metricName,
            quantity,
            extras={name: Datum(_moment(text).isoformat()) for name, text in moments.items() if text},
            notes={
                "estimator": "utils.timer.logInfo"
                if self.config.target == _QUANTUM
                else "utils.timer.timeMethod"
            },
        )


class TimingMetricTask(_ResourceMetricTask):
    """Measure how long a method took, in seconds of the clock on the wall.

    Extras ``start`` and ``end`` are the moments in UTC, in ISO 8601.
    """

    _DefaultName: ClassVar[str] = "timingMetric"
    keys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "StartTime": ("Start", "Utc"),
        "EndTime": ("End", "Utc"),
    }

    def makeMeasurement(self, values: dict[str, Any]) -> Measurement | None:
        """Measure.

        Parameters
        ----------
        values
            ``StartTime`` and ``EndTime``, in ISO 8601; UTC where there is no time zone.

        Returns
        -------
        Measurement or None
            In seconds; `None` if the method did not run.

        Raises
        ------
        MetricComputationError
            If only one of the moments is there, or one cannot be read.
        """
        if (moments := self._values(values, "StartTime", "EndTime")) is None:
            return None
        start, end = map(_moment, moments)
        return self._measurement((end - start).total_seconds() * u.s, values)


class CpuTimingMetricTask(_ResourceMetricTask):
    """Measure how much processor time a method took, in seconds, without child processes.

    Extras ``start`` and ``end`` are the moments in UTC, in ISO 8601.
    """

    _DefaultName: ClassVar[str] = "cpuTimingMetric"
    keys: ClassVar[Mapping[str, tuple[str, str]]] = {
        "StartCpu": ("Start", "CpuTime"),
        "EndCpu": ("End", "CpuTime"),
        "StartTime": ("Start", "Utc"),
        "EndTime": ("End", "Utc"),
    }

    def makeMeasurement(self, values: dict[str, Any]) -> Measurement | None:
        """Measure.

        Parameters
        ----------
        values
            ``StartCpu`` and ``EndCpu``, in seconds; ``StartTime`` and ``EndTime``, if they are known.

        Returns
        -------
        Measurement or None
            In seconds; `None` if the method did not run.

        Raises
        ------
        MetricComputationError
            If only one of the times is there, or one is no number.
        """
        if (times := self._values(values, "StartCpu", "EndCpu")) is None:
            return None
        start, end = (_number(time) for time in times)
        return self._measurement((end - start) * u.s, values)


class MemoryMetricTask(_ResourceMetricTask):
    """Measure the most memory that the process had held when a method ended, in bytes.

    That is a maximum since the process was started: of quanta that share a process, each has at least that of
    those before it.
    """

    _DefaultName: ClassVar[str] = "memoryMetric"
    keys: ClassVar[Mapping[str, tuple[str, str]]] = {"EndMemory": ("End", "MaxResidentSetSize")}

    @classmethod
    def extractMetadata(cls, metadata: TaskMetadata, metadataKeys: Mapping[str, str]) -> dict[str, Any]:
        """Read the values of keys, and the version of the record that holds the memory.

        Parameters
        ----------
        metadata
            The full metadata of a quantum.
        metadataKeys
            From labels to fragments of keys.

        Returns
        -------
        dict
            From labels to scalars, with ``MetadataVersion`` too; `None` where nothing is found.

        Raises
        ------
        MetricComputationError
            If several keys contain one fragment.
        """
        values = super().extractMetadata(metadata, metadataKeys)
        key = find_key(metadata, metadataKeys["EndMemory"])
        # Each task and subtask has a version of its own, so that it is looked for beside the value.
        values["MetadataVersion"] = (
            None if key is None else metadata.get(f"{key.rpartition('.')[0]}.{_VERSION}")
        )
        return values

    def makeMeasurement(self, values: dict[str, Any]) -> Measurement | None:
        """Measure.

        Parameters
        ----------
        values
            ``EndMemory``: in bytes if ``MetadataVersion`` is 1 or more, in kibibytes otherwise, as Linux gave
            it before there were versions.

        Returns
        -------
        Measurement or None
            In bytes; `None` if the method did not run.

        Raises
        ------
        MetricComputationError
            If the value is no number.
        """
        if values["EndMemory"] is None:
            self.log.debug("Nothing was recorded of %s: it did not run, or is not timed.", self.config.target)
            return None
        version = values["MetadataVersion"]
        unit = u.byte if version is not None and _number(version) >= _BYTES_SINCE else u.Kibyte
        return self._measurement((_number(values["EndMemory"]) * unit).to(u.byte), values)


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise MetricComputationError(f"{text!r:.60} is no moment in ISO 8601.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MetricComputationError(f"{value!r:.60} was recorded where a number belongs.")
    return value
