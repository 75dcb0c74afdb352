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
from gnomon.repository.configuration import require_enabled
from gnomon.tasks.metric_task import (
    STORAGE_CLASS,
    MeasuringTask,
    MetricConfig,
    dataset_type_name,
    metric_name,
)

__all__ = ["MetricBundleConfig", "MetricBundleConnections", "MetricBundleTask"]

_METHOD = "measure_"


class MetricBundleConnections(
    PipelineTaskConnections, defaultTemplates={"package": ""}, dimensions=("instrument", "visit")
):
    """One output for each metric that is switched on; subclasses add the inputs."""

    def __init__(self, *, config: "MetricBundleConfig | None" = None) -> None:
        super().__init__(config=config)
        require_enabled()
        if config is None:
            return
        for metric in config.metrics:
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
    A subclass gives ``metrics`` its default. A task needs a configuration class of its own.
    """

    metrics = ListField[str](  # type: ignore[no-untyped-call]
        doc="The metrics to measure, each without its package.", default=[]
    )
    measurable: ClassVar[frozenset[str]] = frozenset()
    """What the tasks of this configuration know how to measure; they say so themselves."""

    def validate(self) -> None:
        """Refuse metrics that nobody would measure: here already, where no graph is made of them yet.

        Raises
        ------
        MetricNotFoundError
            If the task does not know one.
        NameFormatError
            If ``package`` is missing or not part of a name.
        """
        super().validate()  # type: ignore[no-untyped-call]
        for metric in self.metrics:
            if metric not in self.measurable:
                raise MetricNotFoundError(
                    f"Nobody measures {metric!r} here.{nearest(metric, self.measurable)}"
                )
            metric_name(self, metric)


class MetricBundleTask(MeasuringTask):
    """A task that measures several metrics of the same inputs.

    Subclasses override `prepare`, which does once what all the metrics need, and have a method
    ``measure_NAME(prepared)`` for each metric ``NAME``, which gives a `Quantity`, a `Measurement`, or `None`
    where there is nothing to measure. A metric that fails does not take the others with it.
    """

    ConfigClass: ClassVar[type[MetricBundleConfig]] = MetricBundleConfig
    config: MetricBundleConfig
    _DefaultName: ClassVar[str] = "metricBundle"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = (name.removeprefix(_METHOD) for name in dir(cls) if name.startswith(_METHOD))
        if cls.ConfigClass is not MetricBundleConfig:
            cls.ConfigClass.measurable = cls.ConfigClass.measurable.union(own)

    def prepare(self, *args: Any, **inputs: Any) -> Any:
        """Bring the inputs into the form from which every metric is measured.

        Parameters
        ----------
        *args
            Nothing: inputs are handed over by name.
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

    def run(self, *args: Any, **inputs: Any) -> Struct:
        """Measure every metric that is switched on.

        Parameters
        ----------
        *args
            Nothing: inputs are handed over by name.
        **inputs
            What the input connections name.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurements``: a `Measurement` for each metric that could be measured, by name.
        """
        measurements: dict[str, Measurement] = {}
        try:
            prepared = self.prepare(*args, **inputs)
        except MetricComputationError as error:
            for metric in self.config.metrics:
                self._failed(metric, error)
            return Struct(measurements=measurements)
        for metric in self.config.metrics:
            try:
                result = getattr(self, _METHOD + metric)(prepared)
            except NoWorkFound:
                result = None
            except MetricComputationError as error:
                self._failed(metric, error)
                result = None
            if isinstance(result, Quantity):
                result = Measurement(metric_name(self.config, metric), result)
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
            self._write(butlerQC, measurement, getattr(outputRefs, metric))
