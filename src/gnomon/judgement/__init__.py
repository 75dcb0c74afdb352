"""Judgement: what the measurements say, measured against what was asked and against each other.

`judge` holds measurements against specifications and gives a verdict on each, with the reason; `Report`
shows the verdicts, as a table, a page, a text, JUnit XML or JSON; `compare` pairs the measurements of two
runs. They take tables in the schema of `gnomon.measurements.rows`, and a `Report` sets of measurements too.
`compare_runs` takes both sides from the metrics store.

This room imports the top files, `gnomon.definitions`, `gnomon.measurements` and `gnomon.store`. It knows no
Butler.
"""

from gnomon.judgement.comparison import Comparison, compare
from gnomon.judgement.judging import judge
from gnomon.judgement.report import Report
from gnomon.judgement.runs import compare_runs
from gnomon.judgement.verdicts import VERDICTS, Verdicts

__all__ = ["VERDICTS", "Comparison", "Report", "Verdicts", "compare", "compare_runs", "judge"]
