"""A set of specifications that can report on measurements."""

from collections.abc import Iterable, Mapping
from typing import Any

from gnomon import definitions
from gnomon.definitions import MetricSet
from gnomon.judgement import Report
from gnomon.measurements import MeasurementSet
from gnomon.names import Name

__all__ = ["SpecificationSet"]


class SpecificationSet(definitions.SpecificationSet):
    """A `gnomon.definitions.SpecificationSet` that can report on measurements."""

    def report(
        self,
        measurements: MeasurementSet,
        meta: Mapping[str, Any] | None = None,
        name: str | Name | None = None,
        metric_tags: Iterable[str] | str | None = None,
        spec_tags: Iterable[str] | str | None = None,
        metrics: MetricSet | None = None,
        *,
        baseline: MeasurementSet | None = None,
    ) -> Report:
        """Hold measurements against the specifications.

        Parameters
        ----------
        measurements
            The measurements.
        meta
            Metadata, which say which specifications apply. Those that do not are in the report, with the
            reason.
        name
            Only specifications of this package or metric.
        metric_tags
            Only specifications of metrics that have all these tags.
        spec_tags
            Only specifications that have all these tags.
        metrics
            The metrics, for ``metric_tags``; by default those that the measurements know.
        baseline
            Earlier measurements, for specifications that are relative to a baseline.

        Returns
        -------
        Report
            The verdicts.

        Raises
        ------
        NotFullyQualifiedError
            If ``name`` lacks its package.
        """
        if metrics is None:
            known = (measurement.metric for _, measurement in measurements.items())
            metrics = MetricSet(metric for metric in known if metric is not None)
        chosen = self.subset(name=name, spec_tags=spec_tags, metric_tags=metric_tags, metrics=metrics)
        return Report(measurements, chosen, metadata=meta, metrics=metrics, baseline=baseline)
