"""Metrics from metrics: how one follows another over a night."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from astropy import units as u
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.algorithms.robust import Trend, fit_trend
from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

__all__ = ["AirmassTrendTask", "ExtinctionTask", "ZeroPointScatterTask"]


class MeasurementHandle(Protocol):
    """A measurement that is read when it is asked for, as the Butler hands it to a task."""

    @property
    def dataId(self) -> Any:
        """The data ID; it has a visit."""
        ...

    def get(self) -> Measurement:
        """Read the measurement."""
        ...


class AirmassTrendConnections(
    MetricConnections,
    defaultTemplates={"package": "demo", "metric": ""},
    dimensions=("instrument", "day_obs", "physical_filter"),
):
    """The zero points and airmasses of a night's visits in one filter."""

    zeroPoints = connectionTypes.Input(
        name="metricvalue_{package}_zero_point_offset",
        doc="The zero-point offset of each visit.",
        storageClass="MetricValue",
        dimensions=("instrument", "visit"),
        multiple=True,
        deferLoad=True,
    )
    airmasses = connectionTypes.Input(
        name="metricvalue_{package}_airmass",
        doc="The airmass of each visit.",
        storageClass="MetricValue",
        dimensions=("instrument", "visit"),
        multiple=True,
        deferLoad=True,
    )


class AirmassTrendConfig(MetricTaskConfig, pipelineConnections=AirmassTrendConnections):
    """Nothing to configure beyond the names."""


class AirmassTrendTask(MetricTask):
    """Fit a robust line through the zero points against airmass; subclasses say what of it they measure."""

    ConfigClass = AirmassTrendConfig
    _DefaultName = "airmassTrend"

    def measure(self, trend: Trend) -> Measurement:
        """Measure one thing of the line.

        Parameters
        ----------
        trend
            The line through zero points in mag against airmass.

        Returns
        -------
        Measurement
            Of the metric that the configuration names.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what to measure: override `measure`.")

    def run(self, zeroPoints: Sequence[MeasurementHandle], airmasses: Sequence[MeasurementHandle]) -> Struct:
        """Fit the line and measure it.

        Parameters
        ----------
        zeroPoints, airmasses
            Deferred handles of measurements, paired here by visit.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``, as `measure` gives it.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If fewer than three visits have both, neither of them NaN.
        MetricComputationError
            If the airmass did not change, so that there is no line, or a unit is wrong.
        """
        offsets, airmass = _by_visit(zeroPoints, u.mag), _by_visit(airmasses, u.dimensionless_unscaled)
        visits = sorted(offsets.keys() & airmass.keys())
        if len(visits) < 3:
            raise NoWorkFound(f"{len(visits)} visits have a zero point and an airmass; three are needed.")
        trend = fit_trend(
            np.array([airmass[visit] for visit in visits]), np.array([offsets[visit] for visit in visits])
        )
        if not np.isfinite(trend.slope):
            raise MetricComputationError("The airmass is the same for all visits: there is no slope.")
        return Struct(measurement=self.measure(trend))


class ExtinctionConnections(AirmassTrendConnections, defaultTemplates={"metric": "extinction"}):
    """As for every trend with airmass."""


class ExtinctionConfig(AirmassTrendConfig, pipelineConnections=ExtinctionConnections):
    """Nothing to configure beyond the names."""


class ExtinctionTask(AirmassTrendTask):
    """Measure by how much stars grow fainter for each airmass, from the visits' zero points."""

    ConfigClass = ExtinctionConfig
    _DefaultName = "extinction"

    def measure(self, trend: Trend) -> Measurement:
        """Give the slope in mag (for one airmass), its standard error, and how many visits determined it."""
        return Measurement(
            self.config.metricName,
            u.Quantity(trend.slope, u.mag),
            uncertainty=u.Quantity(trend.slope_error, u.mag),
            count=int(trend.kept.sum()),
        )


class ZeroPointScatterConnections(AirmassTrendConnections, defaultTemplates={"metric": "zero_point_scatter"}):
    """As for every trend with airmass."""


class ZeroPointScatterConfig(AirmassTrendConfig, pipelineConnections=ZeroPointScatterConnections):
    """Nothing to configure beyond the names."""


class ZeroPointScatterTask(AirmassTrendTask):
    """Measure by how much the visits' zero points scatter around their trend with airmass."""

    ConfigClass = ZeroPointScatterConfig
    _DefaultName = "zeroPointScatter"

    def measure(self, trend: Trend) -> Measurement:
        """Give the standard deviation around the line in mmag, and how many visits it is of."""
        return Measurement(
            self.config.metricName, u.Quantity(trend.scatter, u.mag).to(u.mmag), count=int(trend.kept.sum())
        )


def _by_visit(handles: Sequence[MeasurementHandle], unit: u.UnitBase) -> dict[int, float]:
    """Read finite values by visit; what could not be measured is passed over."""
    values: dict[int, float] = {}
    for handle in handles:
        measurement = handle.get()
        if measurement.quantity is None:
            continue
        try:
            value = float(measurement.quantity.to_value(unit))
        except u.UnitConversionError as error:
            raise MetricComputationError(
                f"{measurement.metric_name} is in {measurement.unit_str or 'no unit'}, not in {unit}."
            ) from error
        if np.isfinite(value):
            values[handle.dataId["visit"]] = value
    return values
