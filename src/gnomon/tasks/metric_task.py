"""The base of tasks that measure one metric."""

from dataclasses import replace
from typing import Any, ClassVar

from lsst.daf.butler import DataCoordinate, DatasetRef
from lsst.pex.config import Config, Field
from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
    connectionTypes,
)

from gnomon import times
from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.repository.configuration import require_enabled

__all__ = [
    "STORAGE_CLASS",
    "MeasuringTask",
    "MetricConfig",
    "MetricConnections",
    "MetricTask",
    "MetricTaskConfig",
    "dataset_type_name",
]

STORAGE_CLASS = "MetricValue"
"""The storage class of a measurement."""


def dataset_type_name(package: str, metric: str) -> str:
    """Name the dataset type that holds a metric's measurements.

    Parameters
    ----------
    package, metric
        The two parts of the metric's name.

    Returns
    -------
    str
        ``metricvalue_{package}_{metric}``.
    """
    return f"metricvalue_{package}_{metric}"


def metric_name(config: PipelineTaskConfig, metric: str) -> str:
    """Name a metric of the package that a configuration names.

    Parameters
    ----------
    config
        With the connection template ``package``.
    metric
        The metric without its package.

    Returns
    -------
    str
        ``package.metric``.

    Raises
    ------
    NameFormatError
        If either is not part of a name.
    """
    return str(Name(package=str(config.connections.package), metric=metric))


class MetricConfig(Config):
    """What every measuring task can be told."""

    failQuantum = Field[bool](  # type: ignore[no-untyped-call]
        doc="Whether a metric that cannot be computed fails the quantum. By default the failure is logged "
        "and counted in the task's metadata, nothing is written, and what follows in the pipeline goes on.",
        default=False,
    )


class MeasuringTask(PipelineTask):
    """What tasks that write measurements have in common, whether one each or several."""

    config: MetricConfig

    def addStandardMetadata(
        self,
        measurement: Measurement,
        outputDataId: DataCoordinate,  # noqa: ARG002  # for those who override this
    ) -> None:
        """Complete a measurement before it is written; called once for each, here and nowhere else.

        Parameters
        ----------
        measurement
            What was measured; changed in place. The default records when.
        outputDataId
            The data ID of the dataset in which it will be stored.
        """
        if measurement.measured_at is None:
            measurement.measured_at = times.now()

    def _write(self, butlerQC: QuantumContext, measurement: Measurement | None, ref: DatasetRef) -> None:
        if measurement is None:
            self.log.debug("Nothing to measure for %s.", ref.dataId)
            return
        self.addStandardMetadata(measurement, ref.dataId)
        butlerQC.put(measurement, ref)

    def _failed(self, metric: str, error: MetricComputationError) -> None:
        if self.config.failQuantum:
            raise error
        self.log.error("%s could not be computed: %s", metric, error)
        self.metadata.add("failedMetrics", metric)


class MetricConnections(
    PipelineTaskConnections,
    defaultTemplates={"package": "", "metric": ""},
    dimensions=("instrument", "visit", "detector"),
):
    """The output of a task that measures one metric; subclasses add the inputs.

    The measurement has the dimensions of the connections class, whatever a subclass gives it.
    """

    measurement = connectionTypes.Output(
        name=dataset_type_name("{package}", "{metric}"),
        doc="The measurement.",
        storageClass=STORAGE_CLASS,
    )

    def __init__(self, *, config: "MetricTaskConfig | None" = None) -> None:
        super().__init__(config=config)
        require_enabled()
        self.measurement = replace(self.measurement, dimensions=self.dimensions)


class MetricTaskConfig(MetricConfig, PipelineTaskConfig, pipelineConnections=MetricConnections):
    """Configuration of a task that measures one metric."""

    @property
    def metricName(self) -> str:
        """The metric's name, made of the connection templates ``package`` and ``metric``."""
        return metric_name(self, self.connections.metric)

    def validate(self) -> None:
        """Refuse a configuration that names no metric.

        Raises
        ------
        NameFormatError
            If ``package`` or ``metric`` is missing or not part of a name.
        """
        super().validate()  # type: ignore[no-untyped-call]
        _ = self.metricName


class MetricTask(MeasuringTask):
    """A task that measures one metric.

    Subclasses state their inputs in a connections class and override `run`.
    """

    ConfigClass: ClassVar[type[MetricTaskConfig]] = MetricTaskConfig
    config: MetricTaskConfig
    _DefaultName: ClassVar[str] = "metric"

    @classmethod
    def getOutputMetric(cls, config: MetricTaskConfig) -> Name:
        """Name the metric that a configuration of this task measures.

        Parameters
        ----------
        config
            The configuration.

        Returns
        -------
        Name
            The metric.
        """
        return Name(metric=config.metricName)

    def run(self, *args: Any, **inputs: Any) -> Struct:
        """Measure.

        Parameters
        ----------
        *args
            Nothing: inputs are handed over by name.
        **inputs
            What the input connections name.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``: a `Measurement`, or `None` where there is nothing to measure.

        Raises
        ------
        MetricComputationError
            If the data are there and the metric still cannot be computed.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to measure: override `run`.")

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read the inputs, measure, and write the measurement if there is one."""
        try:
            measurement = self.run(**butlerQC.get(inputRefs)).measurement
        except NoWorkFound:
            measurement = None
        except MetricComputationError as error:
            self._failed(self.config.metricName, error)
            return
        self._write(butlerQC, measurement, outputRefs.measurement)
