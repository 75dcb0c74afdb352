"""Metrics from metrics: how one follows another over a night."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from astropy import units as u
from lsst.daf.butler import DataCoordinate
from lsst.pipe.base import NoWorkFound, Struct, connectionTypes

from gnomon.algorithms.robust import fit_trend
from gnomon.errors import MetricComputationError
from gnomon.measurements import Measurement
from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig

__all__ = ["ExtinctionTask"]


class _Handle(Protocol):
    dataId: DataCoordinate

    def get(self) -> Measurement: ...


class ExtinctionConnections(
    MetricConnections,
    defaultTemplates={"package": "demo", "metric": "extinction"},
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

    def __init__(self, *, config: "ExtinctionConfig | None" = None) -> None:
        super().__init__(config=config)
        self.measurement = connectionTypes.Output(
            name=self.measurement.name,
            doc="The extinction coefficient of the night.",
            storageClass=self.measurement.storageClass,
            dimensions=self.dimensions,
        )


class ExtinctionConfig(MetricTaskConfig, pipelineConnections=ExtinctionConnections):
    """Nothing to configure beyond the names."""


class ExtinctionTask(MetricTask):
    """Measure by how much stars grow fainter for each airmass, from the visits' zero points."""

    ConfigClass = ExtinctionConfig
    _DefaultName = "extinction"

    def run(self, zeroPoints: Sequence[_Handle], airmasses: Sequence[_Handle]) -> Struct:
        """Fit a robust line through zero point against airmass.

        Parameters
        ----------
        zeroPoints, airmasses
            Deferred handles of measurements, paired here by visit.

        Returns
        -------
        lsst.pipe.base.Struct
            With ``measurement``: the slope in mag (for one airmass), its standard error as the uncertainty
            and the number of visits that determined it as the count.

        Raises
        ------
        lsst.pipe.base.NoWorkFound
            If fewer than three visits have both.
        MetricComputationError
            If the airmass did not change, so that there is no slope.
        """
        offsets = {handle.dataId["visit"]: handle.get().quantity for handle in zeroPoints}
        airmass = {handle.dataId["visit"]: handle.get().quantity for handle in airmasses}
        visits = sorted(offsets.keys() & airmass.keys())
        if len(visits) < 3:
            raise NoWorkFound(f"{len(visits)} visits have both a zero point and an airmass; three are needed.")
        trend = fit_trend(
            np.array([airmass[visit].to_value(u.dimensionless_unscaled) for visit in visits]),
            np.array([offsets[visit].to_value(u.mag) for visit in visits]),
        )
        if not np.isfinite(trend.slope):
            raise MetricComputationError("The airmass is the same for all visits: there is no slope.")
        measurement = Measurement(
            self.config.metricName,
            u.Quantity(trend.slope, u.mag),
            uncertainty=u.Quantity(trend.slope_error, u.mag),
            count=int(trend.kept.sum()),
        )
        return Struct(measurement=measurement)
