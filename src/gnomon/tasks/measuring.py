"""What all that measures inside a pipeline has in common, whether it is a task of its own or part of another.

A metric ends in one of these ways, and the middleware's execution report (``pipetask report``) tells them
apart:

=========================================  =====================================  =================
what happens                               what is written                        in the report
=========================================  =====================================  =================
a measurement                              the measurement                        successful
`None`                                     nothing                                successful, ``*``
`lsst.pipe.base.NoWorkFound`               nothing                                successful, ``*N``
inputs are missing, or fewer than allowed  nothing                                successful, ``*A``
`gnomon.errors.MetricComputationError`     nothing; the error in the metadata     successful, ``*P``
the same with ``failQuantum``              nothing                                failed
any other error                            nothing                                failed
=========================================  =====================================  =================

Where several metrics are measured together and some were written, it says ``+`` for ``*``. Of ``P`` the
report lists type and message of the error. A failed quantum blocks what follows; the others do not.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from lsst.daf.butler import DataCoordinate
from lsst.pex.config import Config, Field
from lsst.pipe.base import NoWorkFound, QuantumSuccessCaveats, Struct, Task, connectionTypes
from lsst.utils.introspection import get_full_type_name

from gnomon import times
from gnomon.errors import MeasurementTypeError, MetricComputationError, NameMismatchError
from gnomon.measurements import Measurement
from gnomon.names import Name

__all__ = [
    "STORAGE_CLASS",
    "Measuring",
    "MetricConfig",
    "MetricSubtask",
    "MetricSubtaskConfig",
    "MetricsNotComputed",
    "dataset_type_name",
    "metric_output",
]

STORAGE_CLASS = "MetricValue"
"""The storage class of a measurement."""

_FAILURE = "failure"  # where the middleware looks for it in a task's metadata
_FAILED_METRICS = "failedMetrics"


class MetricsNotComputed(NoWorkFound):
    """Tells the middleware that a quantum ended well and yet lacks measurements, since these failed."""

    # A NoWorkFound is no failure, whatever `pipetask` was told of partial outputs; the flag tells it from
    # others.
    FLAGS: ClassVar[QuantumSuccessCaveats] = QuantumSuccessCaveats.PARTIAL_OUTPUTS_ERROR


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


def metric_output(package: str, metric: str, *, dimensions: tuple[str, ...]) -> connectionTypes.Output:
    """Make the output connection with which any task can write a measurement.

    Parameters
    ----------
    package, metric
        The two parts of the metric's name; either may be a connection template such as ``{package}``.
    dimensions
        Those of the task's quanta.

    Returns
    -------
    lsst.pipe.base.connectionTypes.Output
        The connection.
    """
    return connectionTypes.Output(
        name=dataset_type_name(package, metric),
        doc=f"The measurement of {metric}.",
        storageClass=STORAGE_CLASS,
        dimensions=dimensions,
    )


class MetricConfig(Config):
    """What all that measures can be told."""

    enabled = Field[bool](  # type: ignore[no-untyped-call]
        doc="Whether to measure at all.",
        default=True,
    )
    failQuantum = Field[bool](  # type: ignore[no-untyped-call]
        doc="Whether a metric that cannot be computed fails the quantum. By default the failure is logged "
        "and counted in the task's metadata, nothing is written, and what follows in the pipeline goes on.",
        default=False,
    )


class Measuring(Task):
    """A task that makes measurements, with or without connections of its own."""

    config: MetricConfig

    def addStandardMetadata(
        self,
        measurement: Measurement,
        outputDataId: Any,  # noqa: ARG002  # for those who override this
    ) -> None:
        """Complete a measurement before it is handed on; called once for each.

        Parameters
        ----------
        measurement
            What was measured; changed in place. The default records when.
        outputDataId
            The data ID of the dataset in which it will be stored, a `lsst.daf.butler.DataCoordinate`; `None`
            if the task does not know, being part of another.
        """
        if measurement.measured_at is None:
            measurement.measured_at = times.now()

    def _complete(self, measurement: Any, metric: Name, data_id: DataCoordinate | None) -> Measurement:
        """Check that a result is a measurement of the metric that was announced, and add what is standard."""
        if not isinstance(measurement, Measurement):
            raise MeasurementTypeError(
                f"{type(self).__name__} was to give a Measurement of {metric}, or None; it gave "
                f"{measurement!r:.60}."
            )
        if measurement.metric_name != metric:
            raise NameMismatchError(
                f"{type(self).__name__} was to measure {metric} and gave a measurement of "
                f"{measurement.metric_name}. Its configuration names what it measures: make the measurement "
                "with that name, or change the configuration."
            )
        self.addStandardMetadata(measurement, data_id)
        return measurement

    def _failed(self, metric: str, error: MetricComputationError) -> None:
        """Log a failure and count it."""
        cause = error if error.__cause__ is not None else None
        self.log.error("%s could not be computed: %s", metric, error, exc_info=cause)
        self.metadata.add(_FAILED_METRICS, metric)

    def _report(self, failures: Mapping[str, MetricComputationError], measured: int) -> None:
        """End a quantum of which metrics failed; without failures, do nothing.

        Raises
        ------
        MetricComputationError
            If failures shall fail the quantum.
        MetricsNotComputed
            If they shall not, after writing down in the metadata what the execution report shows.
        """
        if not failures:
            return
        error = _in_one(failures, measured + len(failures))
        if self.config.failQuantum:
            raise error
        details = {metric: str(failure) for metric, failure in failures.items()}
        self.metadata.set_dict(
            _FAILURE, {"message": str(error), "type": get_full_type_name(error), "metadata": details}
        )
        raise MetricsNotComputed(f"metrics could not be computed: {', '.join(failures)}") from error


def _in_one(failures: Mapping[str, MetricComputationError], tried: int) -> MetricComputationError:
    errors = list(failures.values())
    if tried == 1:
        return errors[0]
    messages = "; ".join(f"{metric}: {failure}" for metric, failure in failures.items())
    return MetricComputationError(f"{len(failures)} of {tried} metrics could not be computed: {messages}")


class MetricSubtaskConfig(MetricConfig):
    """Configuration of a metric within another task."""

    package = Field[str](doc="The metric's package.", default="")  # type: ignore[no-untyped-call]
    metric = Field[str](doc="The metric, without its package.", default="")  # type: ignore[no-untyped-call]

    @property
    def metricName(self) -> str:
        """The metric's name, made of ``package`` and ``metric``."""
        return str(Name(package=self.package, metric=self.metric))

    def validate(self) -> None:
        """Refuse a configuration that names no metric.

        Raises
        ------
        NameFormatError
            If ``package`` or ``metric`` is missing or not part of a name.
        """
        super().validate()  # type: ignore[no-untyped-call]
        _ = self.metricName


class MetricSubtask(Measuring):
    """A metric that is measured within another task, while that runs.

    Subclasses override `run`. The task that holds it calls `attempt`, and writes the measurement itself, with
    an output connection that `metric_output` makes.
    """

    ConfigClass: ClassVar[type[MetricSubtaskConfig]] = MetricSubtaskConfig
    config: MetricSubtaskConfig
    _DefaultName: ClassVar[str] = "metric"

    def run(self, *args: Any, **inputs: Any) -> Struct:
        """Measure.

        Parameters
        ----------
        *args
            Nothing: inputs are handed over by name.
        **inputs
            What the task that holds this one hands over.

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

    def attempt(self, *, outputDataId: DataCoordinate | None = None, **inputs: Any) -> Measurement | None:
        """Measure, without harm to the task that holds this one.

        Parameters
        ----------
        outputDataId
            The data ID of the dataset in which the measurement will be stored, if that is known.
        **inputs
            As for `run`.

        Returns
        -------
        Measurement or None
            `None` if it is switched off, where there is nothing to measure, and where the metric failed: that
            is logged, and counted in this subtask's metadata, which the quantum's metadata contain. For an
            output that is `None` a task writes nothing.

        Raises
        ------
        MetricComputationError
            If the metric fails and ``failQuantum`` is set.
        """
        if not self.config.enabled:
            return None
        metric = Name(metric=self.config.metricName)
        try:
            measurement = self.run(**inputs).measurement
        except NoWorkFound as reason:
            self.log.debug("Nothing to measure for %s: %s", metric, reason)
            return None
        except MetricComputationError as error:
            self._failed(str(metric), error)
            if self.config.failQuantum:
                raise
            return None
        return None if measurement is None else self._complete(measurement, metric, outputDataId)
