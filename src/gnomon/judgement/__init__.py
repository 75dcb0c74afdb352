"""Judgement: what the measurements say, measured against what was asked and against each other.

`judge` holds measurements against specifications and gives a verdict on each, with the reason; `compare`
pairs the measurements of two runs. Both take tables in the schema of `gnomon.measurements.rows` and give
Polars frames.

This room imports the top files, `gnomon.definitions` and `gnomon.measurements`. It knows no Butler.
"""

from gnomon.judgement.comparison import Comparison, compare
from gnomon.judgement.judging import judge
from gnomon.judgement.verdicts import VERDICTS, Verdicts

__all__ = ["VERDICTS", "Comparison", "Verdicts", "compare", "judge"]
