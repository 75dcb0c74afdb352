"""Verdicts on single measurements, each with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from gnomon.definitions import Specification
from gnomon.judgement.applicability import Unmet
from gnomon.judgement.asked import Limits
from gnomon.judgement.checking import Values, check
from gnomon.judgement.verdicts import KEPT, VERDICT
from gnomon.judgement.wording import number, quantity

__all__ = ["Singles"]


class _Code(IntEnum):
    """What can come of a pair. Of the reasons why nothing is judged, the first that holds is told."""

    PASS = 0
    FAIL = 1
    NO_TERM = 2
    NO_ROW = 3
    NO_VALUE = 4
    NAN = 5
    UNITS = 6
    FEW = 7
    NO_COUNT = 8
    NO_SPREAD = 9
    NO_BASELINE = 10


_VERDICTS: Mapping[int, str] = {
    _Code.PASS: "pass",
    _Code.FAIL: "fail",
    _Code.NO_TERM: "not applicable",
    _Code.NO_ROW: "not measured",
    _Code.NO_VALUE: "not measured",
    _Code.NAN: "not measured",
    _Code.UNITS: "not applicable",
    _Code.FEW: "not measured",
    _Code.NO_COUNT: "not measured",
    _Code.NO_SPREAD: "not measured",
    _Code.NO_BASELINE: "not applicable",
}
_CAUSES: Mapping[int, str] = {
    _Code.NO_ROW: "there is no measurement",
    _Code.NO_VALUE: "there is no value",
    _Code.NAN: "the value is not a number",
    _Code.UNITS: "the units do not convert",
    _Code.FEW: "it comes from too few samples",
    _Code.NO_COUNT: "it is not known from how many samples it comes",
    _Code.NO_SPREAD: "its uncertainty is not known",
    _Code.NO_BASELINE: "there is no baseline",
}


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """Pairs of a specification and a measurement, to be judged one by one but all at once.

    Attributes
    ----------
    about, limits
        The specifications as columns.
    frame, values
        The measurements.
    no_baseline
        Why a measurement has no baseline; null where it has one.
    order, row
        The pairs; the row is -1 where a metric was not measured.
    unmet
        Which of the pairs do not fit.
    """

    about: pl.DataFrame
    limits: Limits
    frame: pl.DataFrame
    values: Values
    no_baseline: pl.Series
    order: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    unmet: Unmet

    def judge(self, specifications: Sequence[Specification]) -> pl.DataFrame:
        """Judge all pairs.

        Parameters
        ----------
        specifications
            The specifications that ``order`` points to.

        Returns
        -------
        polars.DataFrame
            A row a pair: its ``order``, ``verdict``, ``cause``, ``reason``, and all that is known of the
            specification and the measurement.
        """
        codes = self._obstacles()
        free = np.flatnonzero(codes == _Code.PASS)
        values = self.values.take(self.row[free])
        checked = check(values, self.order[free], self.limits, specifications)
        unfit = checked.misfit >= 0
        codes[free[~unfit]] = np.where(checked.passed, _Code.PASS, _Code.FAIL)[~unfit]
        codes[free[unfit]] = _Code.UNITS
        later = free[unfit]
        reasons = [
            self._reasons_of_judged(free[~unfit], codes, checked.close[~unfit]),
            (later, pl.Series(checked.messages, dtype=pl.String).gather(checked.misfit[unfit])),
            *(
                self._reasons_of_unjudged(code, np.flatnonzero(codes == code))
                for code in _CAUSES
                if code != _Code.UNITS
            ),
            (np.flatnonzero(self.unmet.mask), self.unmet.reason),
        ]
        place = np.concatenate([indices for indices, _ in reasons])
        reason = pl.concat([words for _, words in reasons]).gather(np.argsort(place))
        close = np.zeros(len(codes), dtype=np.bool_)
        close[free] = checked.close
        return self._table(codes, reason, close)

    def _obstacles(self) -> npt.NDArray[np.int64]:
        """Say why a pair is not judged, as far as that does not need its units; else `_Code.PASS`."""
        limits, order, row = self.limits, self.order, self.row
        codes = np.full(len(order), _Code.PASS, dtype=np.int64)
        there = np.flatnonzero(row >= 0)
        order, row = order[there], row[there]
        count = self.frame["count"]
        counted = count.is_not_null().to_numpy()[row]
        needed = limits.min_count[order]
        few = needed > 0
        few[few] = count.fill_null(0).to_numpy()[row[few]] < needed[few]
        no_spread = (limits.sigmas[order] > 0) & np.isnan(self.values.uncertainty[row])
        no_baseline = limits.relative[order] & self.no_baseline.is_not_null().to_numpy()[row]
        found = codes[there]
        for code, mask in (
            (_Code.NO_BASELINE, no_baseline),
            (_Code.NO_SPREAD, no_spread),
            (_Code.NO_COUNT, (needed > 0) & ~counted),
            (_Code.FEW, few & counted),
            (_Code.NAN, np.isnan(self.values.value[row])),
            (_Code.NO_VALUE, self.frame["value"].is_null().to_numpy()[row]),
        ):
            found[mask] = code
        codes[there] = found
        codes[self.row < 0] = _Code.NO_ROW
        codes[self.unmet.mask] = _Code.NO_TERM
        return codes

    def _reasons_of_judged(
        self, index: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], close: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.int64], pl.Series]:
        order, row = self.order[index], self.row[index]
        frame = self.frame.select("value", "unit", "uncertainty")[row].with_columns(
            self.about["requirement"].gather(order),
            pl.Series("close", close),
            pl.Series("verb", np.where(codes[index] == _Code.PASS, "is", "is not")),
        )
        spread = None
        if (with_spread := self.limits.sigmas[order] != 0).any():
            spread = pl.when(pl.Series(with_spread)).then("uncertainty")
        unit = pl.col("unit").fill_null("")
        words = pl.format(
            "{} {} {}", quantity(pl.col("value"), unit, pl.col("close"), spread), "verb", "requirement"
        )
        if (relative := self.limits.relative[order]).any():
            frame = frame.with_columns(pl.Series("baseline", self.values.baseline[row], nan_to_null=True))
            baseline = quantity(pl.col("baseline"), unit, pl.col("close"))
            words = (
                pl.when(pl.Series(relative))
                .then(pl.format("{}; the baseline is {}", words, baseline))
                .otherwise(words)
            )
        return index, frame.select(words.alias("reason"))["reason"]

    def _reasons_of_unjudged(
        self, code: int, index: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], pl.Series]:
        order, row = self.order[index], self.row[index]
        needed = pl.Series("needed", self.limits.min_count[order])
        match code:
            case _Code.NO_ROW:
                about = self.about.select("metric")[order]
                words = about.select(pl.format("there is no measurement of {}", "metric"))
            case _Code.FEW:
                counts = pl.DataFrame([self.frame["count"].gather(row), needed])
                samples = pl.when(pl.col("count") == 1).then(pl.lit("sample")).otherwise(pl.lit("samples"))
                words = counts.select(
                    pl.format("it comes from {} {}; {} are needed", "count", samples, "needed")
                )
            case _Code.NO_COUNT:
                words = pl.DataFrame([needed]).select(
                    pl.format("it is not known from how many samples it comes; {} are needed", "needed")
                )
            case _Code.NO_SPREAD:
                sigmas = pl.DataFrame({"sigmas": self.limits.sigmas[order]})
                words = sigmas.select(
                    pl.format(
                        "its uncertainty is not known; it must pass by {} sigma",
                        number(pl.col("sigmas"), pl.lit(value=False)),
                    )
                )
            case _Code.NO_BASELINE:
                words = self.no_baseline.gather(row).to_frame()
            case _:
                words = pl.repeat(_CAUSES[code], len(index), dtype=pl.String, eager=True).to_frame()
        return index, words.to_series()

    def _table(
        self, codes: npt.NDArray[np.int64], reason: pl.Series, close: npt.NDArray[np.bool_]
    ) -> pl.DataFrame:
        rows = pl.Series("row", self.row).replace(-1, None)
        relative = pl.Series(self.limits.relative[self.order])
        baseline = pl.Series("baseline", self.values.baseline, nan_to_null=True, dtype=pl.Float64)
        words = pl.Series("code", codes)
        kept = self.frame.select(pl.col("value", "unit", "uncertainty", "count", *KEPT).gather(rows))
        failed = np.full(len(codes), -1)
        failed[self.unmet.mask] = np.arange(len(self.unmet.term))
        term = self.unmet.term.gather(pl.Series(failed).replace(-1, None))
        measured = quantity(
            pl.col("value"), pl.col("unit").fill_null(""), pl.lit(pl.Series(close)), pl.col("uncertainty")
        )
        cause = words.replace_strict(_CAUSES, default=None, return_dtype=pl.String)
        return self.about[self.order].with_columns(
            pl.Series("order", self.order),
            words.replace_strict(_VERDICTS, return_dtype=pl.String).cast(VERDICT).alias("verdict"),
            cause.fill_null("the query asks for another " + term).alias("cause"),
            reason.alias("reason"),
            baseline.gather(rows).set(~relative, None),
            *kept,
            kept.select(measured.alias("measured")).to_series(),
        )
