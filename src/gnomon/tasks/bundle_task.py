"""The base of tasks that measure several metrics of the same inputs in one quantum."""

from typing import Any, ClassVar

from astropy.units import Quantity
from lsst.pex.config import ChoiceField, ListField
from lsst.pipe.base import (
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTaskConfig,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Output

from gnomon.errors import MetricComputationError, MetricNotFoundError, nearest
from gnomon.measurements import Job, Measurement
from gnomon.names import Name
from gnomon.repository.configuration import BUNDLE
from gnomon.tasks.measuring import metric_output
from gnomon.tasks.measuring_connections import MeasuringConfig, MeasuringConnections, was_partial
from gnomon.tasks.metric_task import MeasuringTask

__all__ = ["MetricBundleConfig", "MetricBundleConnections", "MetricBundleTask"]

_METHOD = "measure_"
_SINGLE, _BUNDLE = "single", "bundle"
_TOGETHER = "bundled_measurements"  # no metric has this name: those of a bundle are attributes too


class MetricBundleConnections(
    MeasuringConnections,
    defaultTemplates={"package": "", "bundle": "metrics"},
    dimensions=("instrument", "visit"),
):
    """One output for each metric that is switched on, or one for all; subclasses add the inputs.

    The template ``bundle`` tells the bundles of a package apart.
    """

    def __init__(self, *, config: "MetricBundleConfig | None" = None) -> None:
        super().__init__(config=config)
        if self.config.storage == _BUNDLE:
            together = Output(
                name=f"metricbundle_{self.config.connections.package}_{self.config.connections.bundle}",
                doc=f"The measurements of {', '.join(self.config.measured)}.",
                storageClass=BUNDLE,
                dimensions=tuple(sorted(self.dimensions)),
            )
            setattr(self, _TOGETHER, together)
            return
        for metric in self.config.measured:
            output = metric_output(
                self.config.connections.package, metric, dimensions=tuple(sorted(self.dimensions))
            )
            setattr(self, metric, output)


class MetricBundleConfig(MeasuringConfig, PipelineTaskConfig, pipelineConnections=MetricBundleConnections):
    """Which metrics are measured.

    Notes
    -----
    A subclass gives ``metrics`` its default. A task needs a configuration class of its own.
    """

    metrics = ListField[str](  # type: ignore[no-untyped-call]
        doc="The metrics to measure, each without its package.", default=[]
    )
    skip = ListField[str](  # type: ignore[no-untyped-call]
        doc="Those of them not to measure, so that one can be switched off without naming the others.",
        default=[],
    )
    storage = ChoiceField[str](  # type: ignore[no-untyped-call]
        doc="How the measurements are stored.",
        allowed={
            _SINGLE: "Each as a dataset metricvalue_{package}_{metric}.",
            _BUNDLE: "Those of a quantum together, as one dataset metricbundle_{package}_{bundle}.",
        },
        default=_SINGLE,
    )
    measurable: ClassVar[frozenset[str]] = frozenset()
    """What the tasks of this configuration know how to measure; they say so themselves."""

    @property
    def measured(self) -> list[str]:
        """The metrics that are switched on, in order."""
        return [metric for metric in self.metrics if metric not in self.skip]

    def metric_name(self, metric: str) -> Name:
        """Name a metric in full.

        Parameters
        ----------
        metric
            The metric without its package.

        Returns
        -------
        Name
            ``package.metric``.

        Raises
        ------
        NameFormatError
            If either is not part of a name.
        """
        return Name(package=self.connections.package, metric=metric)

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
        for metric in [*self.metrics, *self.skip]:
            if metric not in self.measurable:
                raise MetricNotFoundError(
                    f"Nobody measures {metric!r} here.{nearest(metric, self.measurable)}"
                )
            self.metric_name(metric)


class MetricBundleTask(MeasuringTask):
    """A task that measures several metrics of the same inputs.

    Subclasses override `prepare`, which does once what all the metrics need, and have a method
    ``measure_NAME(prepared)`` for each metric ``NAME``, which gives a `Quantity`, a `Measurement`, or `None`
    where there is nothing to measure. A metric that fails does not take the others with it; one that raises
    something else than `MetricComputationError` fails the quantum, after the others are written.
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
            With ``measurements``: a `Measurement` for each metric that could be measured, by name;
            ``failures``: the error of each that could not; and ``crash``: the first error of another kind,
            or `None`. `runQuantum` raises it once the others are written.
        """
        measurements: dict[str, Measurement] = {}
        failures: dict[str, MetricComputationError] = {}
        crash: Exception | None = None
        try:
            prepared = self.prepare(*args, **inputs)
        except MetricComputationError as error:
            failures = dict.fromkeys(self.config.measured, error)
        else:
            for metric in self.config.measured:
                try:
                    result = getattr(self, _METHOD + metric)(prepared)
                except NoWorkFound as reason:
                    self.log.debug("Nothing to measure for %s: %s", metric, reason)
                    continue
                except MetricComputationError as error:
                    failures[metric] = error
                    continue
                except Exception as error:  # a defect of one metric shall not cost the others
                    self.log.exception("The measuring of %s broke down.", metric)
                    crash = crash or error
                    continue
                if isinstance(result, Quantity):
                    result = Measurement(self.config.metric_name(metric), result)
                if result is not None:
                    measurements[metric] = result
        for metric, failure in failures.items():
            self._failed(metric, failure)
        return Struct(measurements=measurements, failures=failures, crash=crash)

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read the inputs, measure, and write each measurement that there is.

        Parameters
        ----------
        butlerQC
            Reads and writes datasets.
        inputRefs, outputRefs
            The quantum's datasets.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If there is nothing to measure at all, or a metric failed; see `gnomon.tasks.measuring`.
        MetricComputationError
            If a metric failed and ``failQuantum`` is set; nothing is written then.
        NameMismatchError
            If a method gives a measurement of another metric than it is named after.
        MeasurementTypeError
            If it gives something else.
        Exception
            What a method raised that is none of these; the other measurements are written before.
        """
        together = self.config.storage == _BUNDLE
        refs = {
            metric: getattr(outputRefs, _TOGETHER if together else metric) for metric in self.config.measured
        }
        partial = was_partial(refs.values())
        result = self.run(**self.readInputs(butlerQC, inputRefs, outputRefs))
        if self.config.failQuantum:
            self._report(result.failures, len(result.measurements))
        ready = {
            metric: self._ready(measurement, self.config.metric_name(metric), refs[metric], partial=partial)
            for metric, measurement in result.measurements.items()
        }
        if together and ready:
            butlerQC.put(Job(ready.values()), getattr(outputRefs, _TOGETHER))
        elif not together:
            for metric, measurement in ready.items():
                butlerQC.put(measurement, refs[metric])
        if result.crash is not None:
            raise result.crash
        self._report(result.failures, len(result.measurements))
