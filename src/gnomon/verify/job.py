"""A job that can report on its measurements."""

from collections.abc import Iterable

from gnomon import measurements
from gnomon.judgement import Report
from gnomon.names import Name
from gnomon.verify.specification_set import SpecificationSet

__all__ = ["Job"]


class Job(measurements.Job):
    """A `gnomon.measurements.Job` that can report on its measurements."""

    _specification_set = SpecificationSet

    @property
    def specs(self) -> SpecificationSet:
        """The specifications."""
        specifications = super().specs
        if not isinstance(specifications, SpecificationSet):  # somebody gave the plain class
            specifications = SpecificationSet(specifications.values())
        return specifications

    def report(
        self,
        name: str | Name | None = None,
        spec_tags: Iterable[str] | str | None = None,
        metric_tags: Iterable[str] | str | None = None,
        *,
        baseline: measurements.MeasurementSet | None = None,
    ) -> Report:
        """Hold the job's measurements against its specifications.

        Parameters
        ----------
        name
            Only specifications of this package or metric.
        spec_tags
            Only specifications that have all these tags.
        metric_tags
            Only specifications of metrics that have all these tags.
        baseline
            The measurements of an earlier job, for specifications that are relative to a baseline.

        Returns
        -------
        Report
            A verdict for every specification: *pass*, *fail*, *not applicable* to the job's metadata, or
            *not measured*, each with the reason.
        """
        return self.specs.report(
            self.measurements,
            meta=self.meta,
            name=name,
            metric_tags=metric_tags,
            spec_tags=spec_tags,
            metrics=self.metrics,
            baseline=baseline,
        )
