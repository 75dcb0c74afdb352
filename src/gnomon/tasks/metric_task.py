"""The base of tasks that measure one metric."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from lsst.daf.butler import DatasetRef
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    QuantumContext,
    Struct,
    connectionTypes,
)

from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.tasks.measuring import STORAGE_CLASS, Measuring, dataset_type_name
from gnomon.tasks.measuring_connections import MeasuringConfig, MeasuringConnections, was_partial

__all__ = ["MeasuringTask", "MetricConnections", "MetricTask", "MetricTaskConfig"]

_PARTIAL_NOTE = "partial_input"


class MeasuringTask(Measuring, PipelineTask):
    """What pipeline tasks that write measurements have in common, whether one each or several."""

    config: MeasuringConfig

    def readInputs(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,  # noqa: ARG002  # for those who override this
    ) -> Mapping[str, Any]:
        """Read what `run` is called with.

        Parameters
        ----------
        butlerQC
            Reads datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Returns
        -------
        Mapping
            Arguments by name; the default reads all inputs.
        """
        inputs: Mapping[str, Any] = butlerQC.get(inputRefs)
        return inputs

    def _write(
        self,
        butlerQC: QuantumContext,
        measurement: Any,
        metric: Name,
        ref: DatasetRef,
        *,
        partial: bool,
    ) -> None:
        butlerQC.put(self._ready(measurement, metric, ref, partial=partial), ref)

    def _ready(self, measurement: Any, metric: Name, ref: DatasetRef, *, partial: bool) -> Measurement:
        """Complete a measurement that is about to be written."""
        completed = self._complete(measurement, metric, ref.dataId)
        if partial:
            self.log.warning("%s of %s is measured with inputs missing.", metric, ref.dataId)
            completed.notes[_PARTIAL_NOTE] = True
        return completed


class MetricConnections(
    MeasuringConnections,
    defaultTemplates={"package": "", "metric": ""},
    dimensions=("instrument", "visit", "detector"),
):
    """The output of a task that measures one metric; subclasses add the inputs.

    The measurement has the dimensions of the quantum, whatever a subclass or the configuration gives it,
    unless a subclass declares ``measurement`` anew with others.
    """

    measurement = connectionTypes.Output(
        name=dataset_type_name("{package}", "{metric}"),
        doc="The measurement.",
        storageClass=STORAGE_CLASS,
    )

    def __init__(self, *, config: "MetricTaskConfig | None" = None) -> None:
        super().__init__(config=config)
        if self.config.dimensions is not None or not self.measurement.dimensions:
            self.measurement = replace(self.measurement, dimensions=self.dimensions)


class MetricTaskConfig(MeasuringConfig, PipelineTaskConfig, pipelineConnections=MetricConnections):
    """Configuration of a task that measures one metric."""

    @property
    def metricName(self) -> str:
        """The metric's name, made of the connection templates ``package`` and ``metric``."""
        return str(Name(package=self.connections.package, metric=self.connections.metric))

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
        """Name the metric that a configuration of this task measures; one class may serve a family of them.

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
            With ``measurement``: a `Measurement` of the metric that `getOutputMetric` names, or `None` where
            there is nothing to measure.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is nothing to measure, too.
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
        """Read the inputs, measure, and write the measurement if there is one.

        Parameters
        ----------
        butlerQC
            Reads and writes datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is nothing to measure, or the metric failed; see `gnomon.tasks.measuring`.
        MetricComputationError
            If the metric failed and ``failQuantum`` is set.
        NameMismatchError
            If `run` gives a measurement of another metric than was announced.
        MeasurementTypeError
            If it gives something else.
        """
        ref: DatasetRef = outputRefs.measurement
        partial = was_partial([ref])
        metric = self.getOutputMetric(self.config)
        try:
            measurement = self.run(**self.readInputs(butlerQC, inputRefs, outputRefs)).measurement
        except MetricComputationError as error:
            self._failed(str(metric), error)
            self._report({str(metric.metric): error}, measured=0)
            return
        if measurement is None:
            self.log.debug("Nothing to measure for %s.", ref.dataId)
            return
        self._write(butlerQC, measurement, metric, ref, partial=partial)
