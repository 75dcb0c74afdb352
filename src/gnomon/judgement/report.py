"""A report: the verdicts on some measurements, as a table, a page, a text or a document."""

import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from gnomon.definitions import Metric, MetricSet, Specification, SpecificationSet
from gnomon.judgement.frames import Measured, Rows, list_of, measured_rows
from gnomon.judgement.judging import judge
from gnomon.judgement.lines import report_lines
from gnomon.judgement.wording import encodable
from gnomon.measurements import Measurement

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Report"]


class Report:
    """The verdicts on measurements, and how they are shown.

    Parameters
    ----------
    measurements
        A `MeasurementSet`, a list of `Measurement`, or a table in the schema of `gnomon.measurements.rows`.
    specs
        What is asked of them.
    metadata
        Facts about all of them, which say what specifications apply.
    metrics
        Where to find the tags of the metrics; by default what the measurements know of them.
    baseline
        Earlier measurements, for specifications that are relative to a baseline.

    Attributes
    ----------
    verdicts
        The verdicts themselves.

    Raises
    ------
    MeasurementTypeError
        If a measurement is none (also a `TypeError`).
    SchemaError
        If a table is none of measurements.

    Examples
    --------
    >>> import astropy.units as u
    >>> from gnomon.definitions import ThresholdSpecification
    >>> design = ThresholdSpecification("demo.scatter.design", 10 * u.mmag, "<=")
    >>> report = Report([Measurement("demo.scatter", 12.5 * u.mmag)], SpecificationSet([design]))
    >>> report.passed
    False
    >>> report.make_table()["Reason"][0].item()
    '12.5 mmag is not <= 10 mmag'
    """

    def __init__(
        self,
        measurements: Measured,
        specs: SpecificationSet | Iterable[Specification],
        *,
        metadata: Mapping[str, Any] | None = None,
        metrics: MetricSet | None = None,
        baseline: Measured | None = None,
    ) -> None:
        held = measurements if isinstance(measurements, pa.Table | pl.DataFrame) else list_of(measurements)
        self.verdicts = judge(
            measured_rows(held),
            specs,
            metadata=metadata,
            baseline=None if baseline is None else measured_rows(baseline),
        )
        self._metric_tags = _tags(held, metrics)

    @cached_property
    def lines(self) -> pl.DataFrame:
        """The verdicts with their texts, sorted by specification (see `gnomon.judgement.lines`)."""
        return report_lines(self.verdicts, self._metric_tags)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.counts()["fail"]

    def counts(self) -> dict[str, int]:
        """Count the verdicts.

        Returns
        -------
        dict
            From each of `VERDICTS` to how often it was given.
        """
        return self.verdicts.counts()

    def make_table(self) -> "Table":
        """Make a table of all verdicts.

        Returns
        -------
        astropy.table.Table
            One row for each, sorted by specification, with the columns ``Status`` (a symbol),
            ``Specification``, ``Measurement``, ``Test``, ``Metric Tags``, ``Spec. Tags`` and ``Reason``;
            ``Data ID`` too if any measurement has one. All are strings.
        """
        from gnomon.judgement.renderings.astropy_table import render_table

        return render_table(self.lines)

    def show(self) -> None:
        """Show the report: in a notebook as HTML, elsewhere as text on standard output."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if hasattr(shell, "kernel"):
            from IPython.display import display

            display(self)  # type: ignore[no-untyped-call]
        else:
            sys.stdout.write(self.to_text(color=sys.stdout.isatty()))

    def to_text(self, *, everything: bool = False, color: bool = False) -> str:
        """Write the report as text.

        Parameters
        ----------
        everything
            Whether to list every verdict. If not, all failures are listed, the first 200 of what passed, and
            what was not judged is summed up by its cause.
        color
            Whether to use the colours and the width of a terminal.

        Returns
        -------
        str
            Failures first; the last line sums up.
        """
        from gnomon.judgement.renderings.text import render_text

        return render_text(self.lines, self.counts(), everything=everything, color=color)

    def to_html(self, *, title: str = "Report") -> str:
        """Write the report as a page.

        Parameters
        ----------
        title
            Its heading.

        Returns
        -------
        str
            A whole HTML document, which needs no other file.
        """
        from gnomon.judgement.renderings.page import render_page

        return render_page(self.lines, self.counts(), title=title)

    def to_junit(self) -> str:
        """Write the report as JUnit XML.

        Returns
        -------
        str
            A suite for each package, a case for each verdict; what was not judged is skipped, with the
            reason.
        """
        from gnomon.judgement.renderings.junit import render_junit

        return render_junit(self.lines)

    def to_json(self) -> str:
        """Write the report as JSON.

        Returns
        -------
        str
            An object with ``schema_version``, ``passed``, ``counts``, ``unspecified`` and ``verdicts`` (see
            `gnomon.judgement.renderings.json_document`).
        """
        from gnomon.judgement.renderings.json_document import render_json

        return render_json(self.lines, self.counts(), self.verdicts.unspecified)

    def _repr_html_(self) -> str:
        """Give the report for notebooks, at most 200 lines of each verdict."""
        from gnomon.judgement.renderings.page import render_fragment

        return render_fragment(self.lines, self.counts())

    def __len__(self) -> int:
        return len(self.verdicts.table)

    def __str__(self) -> str:
        return self.to_text().removesuffix("\n")

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return f"<Report: {counts}>"


def _tags(measurements: Rows | list[Measurement], metrics: MetricSet | None) -> dict[str, list[str]]:
    known: Iterable[Metric | None] = ()
    if metrics is not None:
        known = metrics.values()
    elif isinstance(measurements, list):
        known = (measurement.metric for measurement in measurements)
    return {
        encodable(str(metric.name)): sorted(map(encodable, metric.tags))
        for metric in known
        if metric is not None
    }
