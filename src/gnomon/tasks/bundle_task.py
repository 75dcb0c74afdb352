"""The base of tasks that measure several metrics of the same inputs in one quantum."""

from typing import Any, ClassVar

from astropy.units import Quantity
from lsst.pex.config import ListField
from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
    connectionTypes,
)

from gnomon.errors import MetricComputationError, MetricNotFoundError, nearest
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.repository.configuration import require_enabled
from gnomon.tasks.metric_task import STORAGE_CLASS, MeasuringTask, MetricConfig, dataset_type_name

__all__ = ["MetricBundleConfig", "MetricBundleConnections", "MetricBundleTask"]


class MetricBundleConnections(
    PipelineTaskConnections, defaultTemplates={"package": ""}, dimensions=("instrument", "visit")
):
    """One output for each metric that is switched on; subclasses add the inputs."""

    def __init__(self, *, config: "MetricBundleConfig | None" = None) -> None:
        super().__init__(config=config)
        require_enabled()
        for metric in config.metrics if config is not None else ():
            output = connectionTypes.Output(
                name=dataset_type_name(config.connections.package, metric),
                doc=f"The measurement of {metric}.",
                storageClass=STORAGE_CLASS,
                dimensions=self.dimensions,
            )
            setattr(self, metric, output)


class MetricBundleConfig(MetricConfig, PipelineTaskConfig, pipelineConnections=MetricBundleConnections):
    """Which metrics are measured.

    Notes
    -----
    A subclass gives ``metrics`` its default: all that its task can measure.
    """

    metrics = ListField[str](doc="The metrics to measure, each without its package.", default=[])


class MetricBundleTask(MeasuringTask):
    """A task that measures several metrics of the same inputs.

    Subclasses override `prepare`, which does once what all the metrics need, and have a method
    ``measure_NAME(prepared)`` for each metric ``NAME``, which gives a `Quantity`, a `Measurement`, or `None`
    where there is nothing to measure. A metric that fails does not take the others with it.
    """

    ConfigClass = MetricBundleConfig
    _DefaultName: ClassVar[str] = "metricBundle"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for metric in self.config.metrics:
            if not hasattr(self, f"measure_{metric}"):
                known = (name.removeprefix("measure_") for name in dir(self) if name.startswith("measure_"))
                raise MetricNotFoundError(
                    f"{type(self).__name__} does not measure {metric!r}.{nearest(metric, known)}"
                )

    def prepare(self, **inputs: Any) -> Any:
        """Bring the inputs into the form from which every metric is measured.

        Parameters
        ----------
        **inputs
            What the input connections name.

        Returns
        -------
        object
            What each ``measure_NAME`` is given.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is nothing to measure at all.
        MetricComputationError
            If no metric can be computed.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what to measure: override `prepare`.")

    def run(self, **inputs: Any) -> Struct:
        """Measure every metric that is switched on.

        Parameters
        ----------
        **inputs
            What the input connections name.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurements``: a `Measurement` for each metric that could be measured, by name.
        """
        measurements: dict[str, Measurement] = {}
        try:
            prepared = self.prepare(**inputs)
        except MetricComputationError as error:
            for metric in self.config.metrics:
                self._failed(metric, error)
            return Struct(measurements=measurements)
        for metric in self.config.metrics:
            try:
                result = getattr(self, f"measure_{metric}")(prepared)
            except NoWorkFound:
                result = None
            except MetricComputationError as error:
                self._failed(metric, error)
                result = None
            if isinstance(result, Quantity):
                result = Measurement(Name(package=self.config.connections.package, metric=metric), result)
            if result is not None:
                measurements[metric] = result
        return Struct(measurements=measurements)

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read the inputs, measure, and write each measurement that there is."""
        try:
            measurements = self.run(**butlerQC.get(inputRefs)).measurements
        except NoWorkFound:
            self.log.debug("Nothing to measure for %s.", butlerQC.quantum.dataId)
            return
        for metric, measurement in measurements.items():
            ref = getattr(outputRefs, metric)
            self.addStandardMetadata(measurement, ref.dataId)
            butlerQC.put(measurement, ref)
