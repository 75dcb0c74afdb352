"""Metrics from metrics: detectors to a visit, patches to a tract, visits to a night."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import astropy.units as u
import numpy as np
from astropy.units.function.core import FunctionUnitBase
from lsst.pex.config import ChoiceField, Field, ListField
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.algorithms.aggregation import WEIGHTED, Estimate, estimate
from gnomon.definitions import parse_unit, unit_string
from gnomon.definitions.recipe import AGGREGATIONS
from gnomon.definitions.units import convert
from gnomon.errors import MetricComputationError, SettingsError, UnitMismatchError
from gnomon.measurements import Datum, Measurement
from gnomon.tasks.measuring import STORAGE_CLASS, dataset_type_name
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

__all__ = ["CombineMetricConfig", "CombineMetricConnections", "CombineMetricTask"]

_FINER = ("instrument", "visit", "detector")
_PERCENTILE = "percentile"
_POSSIBLE = sorted(AGGREGATIONS - {"fraction", "slope"})
_NONE, _COUNT, _VARIANCE = "none", "count", "inverse_variance"
_SPREADS = ("std", "sigma_mad")


class MeasurementHandle(Protocol):
    """A measurement that is read when it is asked for, as the Butler hands it to a task."""

    def get(self) -> Measurement:
        """Read the measurement."""
        ...


class CombineMetricConnections(
    MetricConnections,
    defaultTemplates={"package": "", "metric": "", "inputMetric": ""},
    dimensions=("instrument", "visit"),
):
    """The measurements of a metric at a finer granularity."""

    measurements = connectionTypes.Input(
        name=dataset_type_name("{package}", "{inputMetric}"),
        doc="The measurements that are combined.",
        storageClass=STORAGE_CLASS,
        dimensions=_FINER,
        multiple=True,
        deferLoad=True,
    )

    def configure(self) -> None:
        """Take the granularity of the inputs from the configuration."""
        super().configure()
        self.measurements = replace(self.measurements, dimensions=frozenset(self.config.inputDimensions))


class CombineMetricConfig(MetricTaskConfig, pipelineConnections=CombineMetricConnections):
    """How measurements are combined."""

    inputDimensions = ListField[str](  # type: ignore[no-untyped-call]
        doc="The dimensions of the measurements that are combined.", default=list(_FINER)
    )
    aggregate = ChoiceField[str](  # type: ignore[no-untyped-call]
        doc="How many values become one; see gnomon.algorithms.aggregation.",
        allowed={name: name for name in _POSSIBLE},
        default="median",
    )
    percentile = Field[float](  # type: ignore[no-untyped-call]
        doc="Which percentile, from 0 to 100, if that is the aggregation.", default=None, optional=True
    )
    weight = ChoiceField[str](  # type: ignore[no-untyped-call]
        doc="By what the measurements are weighted; what has none of it counts as not measured.",
        allowed={
            _NONE: "All alike.",
            _COUNT: "By their counts of samples.",
            _VARIANCE: "By the inverse squares of their uncertainties.",
        },
        default=_NONE,
    )
    unit = Field[str](  # type: ignore[no-untyped-call]
        doc="The unit of the result; by default that of the inputs.", default=None, optional=True
    )

    def validate(self) -> None:
        """Refuse what cannot be combined.

        Raises
        ------
        SettingsError
            If the percentile is missing or superfluous, or the aggregation takes no weights.
        DefinitionError
            If the unit is none.
        NameFormatError
            If ``package`` or ``metric`` is missing or not part of a name.
        """
        super().validate()
        percentile: float | None = self.percentile
        if (percentile is not None) != (self.aggregate == _PERCENTILE):
            raise SettingsError(f"'percentile' is for the aggregation {_PERCENTILE!r}, and needed there.")
        if percentile is not None and not 0 <= percentile <= 100:
            raise SettingsError(f"A percentile is from 0 to 100, not {percentile:g}.")
        if self.weight != _NONE and self.aggregate not in WEIGHTED:
            raise SettingsError(
                f"The aggregation {self.aggregate!r} takes no weights; {' and '.join(sorted(WEIGHTED))} do."
            )
        if self.unit is not None:
            parse_unit(self.unit)


@dataclass(frozen=True)
class _Values:
    """What is known of the inputs, each of shape (n,); NaN where an input does not say."""

    values: np.ndarray[Any, np.dtype[np.float64]]
    uncertainties: np.ndarray[Any, np.dtype[np.float64]]
    counts: np.ndarray[Any, np.dtype[np.float64]]
    unit: u.UnitBase


class CombineMetricTask(MetricTask):
    """Combine the measurements of a metric into one of another.

    Notes
    -----
    An input that has no finite value, or no weight where it is weighted, is not measured. With
    ``partialInput`` ``refuse`` nothing is measured then; else the result has the note ``partial_input`` and
    says in the extra ``unmeasured`` how many there are.
    """

    ConfigClass: ClassVar[type[CombineMetricConfig]] = CombineMetricConfig
    config: CombineMetricConfig
    _DefaultName: ClassVar[str] = "combineMetric"

    def run(self, measurements: Sequence[MeasurementHandle]) -> Struct:
        """Combine.

        Parameters
        ----------
        measurements
            Deferred handles of the measurements.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``. Its count is how many measurements were combined; the extra ``samples`` is
            how many samples those were made of, if all of them say. The uncertainty is that of the
            aggregation; of a sum, the root of the sum of the squares of theirs, if all of them say.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If none of them is measured, or one is not and ``partialInput`` is ``refuse``.
        MetricComputationError
            If their units do not fit.
        """
        read = [handle.get() for handle in measurements]
        data = _gather(read)
        weights = data.counts if self.config.weight == _COUNT else None
        errors = data.uncertainties if self.config.weight == _VARIANCE else None
        used = np.isfinite(data.values)
        for given in (weights, errors):
            if given is not None:
                used &= np.isfinite(given) & (given > 0)
        missing = int((~used).sum())
        if missing and self.config.partialInput == "refuse":
            raise NoWorkFound(f"{missing} of {len(read)} inputs are not measured.")
        found = estimate(
            self.config.aggregate,
            data.values,
            percentile=self.config.percentile,
            weights=weights,
            errors=errors,
        )
        if found is None:
            raise NoWorkFound(f"{len(read) - missing} of {len(read)} inputs are measured: there are too few.")
        measurement = self._measurement(found, data, used)
        if missing:
            measurement.notes["partial_input"] = True
            measurement.extras["unmeasured"] = Datum(missing, description="Inputs without a value.")
        counts = data.counts[used]
        if len(counts) and np.isfinite(counts).all():
            measurement.extras["samples"] = Datum(int(counts.sum()), description="Samples of all inputs.")
        return Struct(measurement=measurement)

    def _measurement(self, found: Estimate, data: _Values, used: Any) -> Measurement:
        aggregate, unit = self.config.aggregate, data.unit
        uncertainty = found.uncertainty
        if aggregate == "sum" and np.isfinite(data.uncertainties[used]).all():
            uncertainty = float(np.sqrt(np.sum(data.uncertainties[used] ** 2)))
        if aggregate == "count":
            unit = u.dimensionless_unscaled
        elif aggregate in _SPREADS and isinstance(unit, FunctionUnitBase):
            unit = unit.function_unit
        measurement = Measurement(
            self.config.metricName,
            u.Quantity(found.value, unit, subok=True),
            uncertainty=uncertainty,
            count=found.count,
        )
        wanted: str | None = self.config.unit
        return measurement if wanted is None else self._converted(measurement, parse_unit(wanted))

    def _converted(self, measurement: Measurement, unit: u.UnitBase) -> Measurement:
        try:
            value = float(convert(measurement.value or 0.0, measurement.unit, unit))
            uncertainty = measurement.uncertainty
            error = None
            if uncertainty is not None and not isinstance(unit, FunctionUnitBase):
                error = float(convert(uncertainty.value, measurement.unit, unit))
        except UnitMismatchError as failure:
            raise MetricComputationError(f"{measurement.metric_name}: {failure.message}") from failure
        return Measurement(
            measurement.metric_name,
            u.Quantity(value, unit, subok=True),
            uncertainty=error,
            count=measurement.count,
        )


def _gather(measurements: Sequence[Measurement]) -> _Values:
    """Read values, uncertainties and counts; those of another unit are converted into the first's."""
    unit = next((m.unit for m in measurements if m.value is not None), u.dimensionless_unscaled)
    rows = []
    for measurement in measurements:
        if measurement.value is None:
            rows.append((np.nan, np.nan, np.nan))
            continue
        count, uncertainty = measurement.count, measurement.uncertainty
        try:
            value = float(convert(measurement.value, measurement.unit, unit))
            error = np.nan
            if uncertainty is not None:
                same = isinstance(unit, FunctionUnitBase) and uncertainty.unit == unit
                error = (
                    uncertainty.value if same else float(convert(uncertainty.value, uncertainty.unit, unit))
                )
        except UnitMismatchError as failure:
            raise MetricComputationError(
                f"{measurement.metric_name} is measured in {unit_string(unit) or 'no unit'} and in "
                f"{measurement.unit_str or 'no unit'}: that cannot be combined."
            ) from failure
        rows.append((value, error, np.nan if count is None else float(count)))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return _Values(table[:, 0], table[:, 1], table[:, 2], unit)
