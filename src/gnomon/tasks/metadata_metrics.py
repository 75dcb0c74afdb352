"""Metrics that are read from the metadata which every task records of itself.

The metadata of a task labelled ``isr`` are a dataset ``isr_metadata``, with keys such as ``isr.runStartUtc``,
and ``isr:flat.runStartUtc`` of a subtask. A task of this module says which it needs by a *fragment*: it
stands for the one key that contains it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lsst.pex.config import ChoiceField, ListField
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    QuantumContext,
    Struct,
    TaskMetadata,
    connectionTypes,
)

from gnomon.errors import MetricComputationError, SettingsError
from gnomon.measurements import Measurement
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

__all__ = [
    "MetadataMetricConfig",
    "MetadataMetricConnections",
    "MetadataMetricTask",
    "SingleMetadataMetricConfig",
    "SingleMetadataMetricConnections",
    "SingleMetadataMetricTask",
    "find_key",
]

_SKIP, _REFUSE = "skip", "refuse"
_LACKING_NOTE = "inputs_without_key"


def find_key(metadata: TaskMetadata, fragment: str) -> str | None:
    """Find the key that a fragment stands for.

    Parameters
    ----------
    metadata
        The full metadata of a quantum.
    fragment
        Part of a key, or all of it.

    Returns
    -------
    str or None
        The key that contains it, with its hierarchy; `None` if none does.

    Raises
    ------
    MetricComputationError
        If several do.
    """
    return _only(metadata.paramNames(topLevelOnly=False), fragment)


def _only(keys: Iterable[str], fragment: str) -> str | None:
    found = sorted(key for key in keys if fragment in key)
    if len(found) > 1:
        shown = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
        raise MetricComputationError(
            f"{fragment!r} stands for {len(found)} keys of the metadata ({shown}): give more of the one "
            "that is meant."
        )
    return found[0] if found else None


class MetadataMetricConnections(
    MetricConnections,
    defaultTemplates={"labelName": "", "package": "", "metric": ""},
    dimensions=("instrument", "visit", "detector"),
):
    """The metadata of the task that ``labelName`` names, of one quantum."""

    metadata = connectionTypes.Input(
        name="{labelName}_metadata",
        doc="What the task recorded of itself.",
        storageClass="TaskMetadata",
        dimensions=("instrument", "visit", "detector"),
    )

    def configure(self) -> None:
        """Give the input and the quantum the dimensions of the task that is watched."""
        dimensions = frozenset(self.config.metadataDimensions)
        self.metadata = replace(self.metadata, dimensions=dimensions)
        self.dimensions = set(dimensions)


class MetadataMetricConfig(MetricTaskConfig, pipelineConnections=MetadataMetricConnections):
    """Whose metadata are read."""

    metadataDimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The dimensions of the task whose metadata are read; by default the measurement has them too.",
        default=["instrument", "visit", "detector"],
    )

    def validate(self) -> None:
        """Refuse a configuration that names no task to watch.

        Raises
        ------
        SettingsError
            If the connection template ``labelName`` is not given.
        NameFormatError
            If it names no metric.
        """
        super().validate()
        if not self.connections.labelName:
            raise SettingsError(
                "connections.labelName is not given: it is the label, in the pipeline, of the task whose "
                "metadata are read."
            )


class MetadataMetricTask(MetricTask):
    """A task that measures a metric from one quantum's metadata.

    Subclasses override `getInputMetadataKeys` and `makeMeasurement`.
    """

    ConfigClass: ClassVar[type[MetadataMetricConfig]] = MetadataMetricConfig
    config: MetadataMetricConfig
    _DefaultName: ClassVar[str] = "metadataMetric"

    @classmethod
    def getInputMetadataKeys(cls, config: MetadataMetricConfig) -> Mapping[str, str]:
        """Say which keys are needed.

        Parameters
        ----------
        config
            The configuration.

        Returns
        -------
        Mapping
            From labels of our own, by which `makeMeasurement` knows the values, to fragments of keys.
        """
        raise NotImplementedError(
            f"{cls.__name__} does not say what it reads: override `getInputMetadataKeys`."
        )

    @classmethod
    def extractMetadata(cls, metadata: TaskMetadata, metadataKeys: Mapping[str, str]) -> dict[str, Any]:
        """Read the values of keys.

        Parameters
        ----------
        metadata
            The full metadata of a quantum.
        metadataKeys
            From labels to fragments of keys.

        Returns
        -------
        dict
            From labels to scalars, the last one of what was recorded several times; `None` where no key
            contains the fragment.

        Raises
        ------
        MetricComputationError
            If several keys contain one fragment.
        """
        names = metadata.paramNames(topLevelOnly=False)
        keys = {label: _only(names, fragment) for label, fragment in metadataKeys.items()}
        return {label: None if key is None else metadata.getScalar(key) for label, key in keys.items()}

    def makeMeasurement(self, values: dict[str, Any]) -> Measurement | None:
        """Measure.

        Parameters
        ----------
        values
            As `extractMetadata` gives them.

        Returns
        -------
        Measurement or None
            Of the metric that the configuration names; `None` if there is nothing to measure.

        Raises
        ------
        MetricComputationError
            If the values are there and make no measurement.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say what to measure: override `makeMeasurement`."
        )

    def run(self, metadata: TaskMetadata) -> Struct:
        """Find the values and measure.

        Parameters
        ----------
        metadata
            The full metadata of a quantum.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``, as `makeMeasurement` gives it.

        Raises
        ------
        MetricComputationError
            If a fragment stands for several keys, or the values make no measurement.
        """
        values = self.extractMetadata(metadata, self.getInputMetadataKeys(self.config))
        return Struct(measurement=self.makeMeasurement(values))


class SingleMetadataMetricConnections(
    MetadataMetricConnections, dimensions=("instrument", "visit", "detector")
):
    """The metadata of the task that ``labelName`` names, of as many quanta as the granularity takes in."""

    metadata = connectionTypes.Input(
        name="{labelName}_metadata",
        doc="What the task recorded of itself.",
        storageClass="TaskMetadata",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
    )


class SingleMetadataMetricConfig(MetadataMetricConfig, pipelineConnections=SingleMetadataMetricConnections):
    """Whose metadata are read, and what if they are not alike."""

    missingKeys = ChoiceField[str](  # type: ignore[no-untyped-call]
        doc="What to do where some of the metadata have the key and others have not. Where none has it, "
        "there is nothing to measure.",
        allowed={
            _SKIP: "Measure from those that have it, and give the number of the others in the note "
            f"{_LACKING_NOTE}.",
            _REFUSE: "Count it as a metric that could not be computed.",
        },
        default=_SKIP,
    )


class SingleMetadataMetricTask(MetricTask):
    """A task that measures a metric from one key in the metadata of any number of quanta.

    How many those are says the configuration: ``metadataDimensions`` are those of the task that is watched,
    ``dimensions`` those of the measurement. Subclasses override `getInputMetadataKey` and `makeMeasurement`.
    """

    ConfigClass: ClassVar[type[SingleMetadataMetricConfig]] = SingleMetadataMetricConfig
    config: SingleMetadataMetricConfig
    _DefaultName: ClassVar[str] = "singleMetadataMetric"

    @classmethod
    def getInputMetadataKey(cls, config: SingleMetadataMetricConfig) -> str:
        """Say which key is needed.

        Parameters
        ----------
        config
            The configuration.

        Returns
        -------
        str
            A fragment of the key.
        """
        raise NotImplementedError(
            f"{cls.__name__} does not say what it reads: override `getInputMetadataKey`."
        )

    def makeMeasurement(self, values: Sequence[Any]) -> Measurement | None:
        """Measure; called once for a quantum, and only with values.

        Parameters
        ----------
        values
            A scalar for each of the metadata that have the key, in the order of the inputs.

        Returns
        -------
        Measurement or None
            Of the metric that the configuration names; `None` if there is nothing to measure.

        Raises
        ------
        MetricComputationError
            If the values make no measurement.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say what to measure: override `makeMeasurement`."
        )

    def readInputs(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Read the metadata one by one, since those of thousands of quanta would fill the memory.

        Parameters
        ----------
        butlerQC
            Reads datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Returns
        -------
        Mapping
            With ``metadata``, to be gone through once.
        """

        def each() -> Iterator[TaskMetadata]:
            for ref in inputRefs.metadata:
                yield butlerQC.get(ref)

        return {"metadata": each()}

    def run(self, metadata: Iterable[TaskMetadata]) -> Struct:
        """Collect the values and measure.

        Parameters
        ----------
        metadata
            The full metadata of each quantum.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``, as `makeMeasurement` gives it; `None` if no metadata have the key.

        Raises
        ------
        MetricComputationError
            If the fragment stands for several keys, or some metadata lack it and that is refused, or the
            values make no measurement.
        """
        fragment = self.getInputMetadataKey(self.config)
        values: list[Any] = []
        lacking = 0
        for one in metadata:
            key = find_key(one, fragment)
            if key is None:
                lacking += 1
            else:
                values.append(one.getScalar(key))
        if not values:
            return Struct(measurement=None)
        if lacking and self.config.missingKeys == _REFUSE:
            raise MetricComputationError(
                f"{lacking} of {lacking + len(values)} inputs have no key with {fragment!r} in their "
                f"metadata."
            )
        measurement = self.makeMeasurement(values)
        if lacking and measurement is not None:
            measurement.notes[_LACKING_NOTE] = lacking
        return Struct(measurement=measurement)
