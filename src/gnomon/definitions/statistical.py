"""A specification of many values together: how many may fail, what part must pass, or a percentile."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from gnomon.dataids import check_dimensions
from gnomon.definitions.bounds import Bounds
from gnomon.definitions.documents import Fields, broken, strings
from gnomon.definitions.specification import Specification, amount, is_number
from gnomon.definitions.threshold import (
    ThresholdSpecification,
    read_threshold,
    threshold_bounds,
    threshold_json,
)
from gnomon.definitions.units import same_quantity
from gnomon.definitions.yaml_source import Located, Problems
from gnomon.errors import DataIdError, DefinitionError, DefinitionTypeError
from gnomon.names import Name

__all__ = ["StatisticalSpecification"]

type Statistic = Literal["at_most", "fraction", "percentile"]
_STATISTICS: tuple[Statistic, ...] = ("at_most", "fraction", "percentile")


class StatisticalSpecification(Specification):
    """A test of the values of a metric over a set of data IDs, judged together.

    Parameters
    ----------
    name
        ``package.metric.spec``, as a string or a `Name`.
    threshold, operator_str
        The test of one value, as for `ThresholdSpecification`.
    at_most
        How many values may fail it.
    fraction
        What part of the values must pass it, from 0 to 1.
    percentile
        Which percentile of the values must pass it, from 0 to 100; between two values it is interpolated
        linearly. Exactly one of the three is needed.
    of
        How many values there must be, at least; with fewer, nothing is judged.
    by
        Dimensions: the values are judged apart for each combination of them. Without any, all together.
    **common
        ``metadata_query``, ``tags``, ``tier``, ``sigmas`` and ``min_count``, as for `Specification`; the
        last two are about each value. A percentile with ``sigmas`` is taken of the less favourable ends of
        the values, or with negative ones of the more favourable.

    Raises
    ------
    DefinitionError
        If not exactly one statistic is given, or one is out of its range.

    Examples
    --------
    >>> most = StatisticalSpecification("demo.seeing.most", 0.8 * u.arcsec, "<=", fraction=0.75)
    >>> most.check_set([0.7, 0.7, 0.75, 0.9]), most.check_set([0.7, 0.9])
    (True, False)
    """

    type = "statistics"

    def __init__(
        self,
        name: str | Name,
        threshold: u.Quantity,
        operator_str: str,
        *,
        at_most: int | None = None,
        fraction: float | None = None,
        percentile: float | None = None,
        of: int | None = None,
        by: Iterable[str] = (),
        **common: Any,
    ) -> None:
        super().__init__(name, **common)
        test = ThresholdSpecification(name, threshold, operator_str)
        self.threshold, self.operator_str = test.threshold, test.operator_str
        given = {"at_most": at_most, "fraction": fraction, "percentile": percentile}
        chosen = [statistic for statistic in _STATISTICS if given[statistic] is not None]
        if len(chosen) != 1:
            raise DefinitionError(f"{name} needs exactly one of 'at_most', 'fraction' and 'percentile'.")
        self.statistic: Statistic = chosen[0]
        value = given[self.statistic]
        whole = self.statistic == "at_most"
        if value is None or not is_number(value) or (whole and not isinstance(value, int)):
            raise DefinitionTypeError(f"{self.statistic!r} of {name} is a number, not {value!r}.")
        highest = {"at_most": np.inf, "fraction": 1.0, "percentile": 100.0}[self.statistic]
        if not 0 <= value <= highest:
            raise DefinitionError(f"{self.statistic!r} of {name} is from 0 to {highest:g}, not {value!r}.")
        self.level = value
        """The number that goes with the statistic."""
        self.of = of
        self.by = (by,) if isinstance(by, str) else tuple(by)
        try:
            check_dimensions(self.by)
        except DataIdError as error:
            raise DefinitionError(f"'by' of {name}: {error.message}") from error

    @classmethod
    def _read(cls, name: Name, document: Located, common: Mapping[str, Any], problems: Problems) -> Self:
        fields = Fields.of(document, cls.type, f"the statistics of {name}", problems)
        fields.check_keys(*_STATISTICS, "of", "by")
        if "threshold" not in document:
            raise broken(f"The specification {name} has no threshold.", document.place, "no-threshold")
        threshold, operator = read_threshold(name, document, problems)
        return cls(
            name,
            threshold,
            operator,
            at_most=fields.integer("at_most"),
            fraction=fields.optional("fraction"),
            percentile=fields.optional("percentile"),
            of=fields.integer("of"),
            by=strings(fields.mapping, "by", problems),
            **common,
        )

    @property
    def unit(self) -> u.UnitBase:
        """The threshold's unit."""
        return self.threshold.unit

    def bounds(self, baselines: npt.NDArray[np.float64] | None = None) -> Bounds:
        """Say which values pass, in the threshold's unit."""
        del baselines
        return threshold_bounds(self.operator_str, float(self.threshold.value))

    def summarise(
        self,
        values: npt.ArrayLike,
        unit: str | u.UnitBase | None = None,
        *,
        uncertainties: npt.ArrayLike | None = None,
    ) -> tuple[float, bool]:
        """Compute the statistic of a set of values, and say whether it passes.

        Parameters
        ----------
        values
            Numbers, one dimension; NaN counts as not measured and is left out.
        unit, uncertainties
            As for `check_values`.

        Returns
        -------
        tuple of float and bool
            How many values fail, what part passes (of 0 to 1), or the percentile in ``unit``; NaN, which
            does not pass, if there is no value.

        Raises
        ------
        IncompatibleUnitsError
            If the units do not convert.
        """
        array = np.asarray(values, dtype=np.float64)
        measured = ~np.isnan(array)
        array = array[measured]
        if uncertainties is not None:
            uncertainties = np.broadcast_to(np.asarray(uncertainties, dtype=np.float64), measured.shape)[
                measured
            ]
        passed = self.check_values(array, unit, uncertainties=uncertainties)
        if not len(array):
            return float("nan"), False
        if self.statistic == "at_most":
            failures = int((~passed).sum())
            return float(failures), failures <= self.level
        if self.statistic == "fraction":
            part = float(passed.mean())
            # 19 of 20 are 95 percent, whatever the last digit of either number.
            return part, bool(passed.sum() >= self.level * len(passed) * (1 - 1e-12))
        with np.errstate(invalid="ignore", over="ignore"):  # between infinities there is no percentile
            value = float(np.percentile(array, self.level))
            low, high = (
                np.asarray(np.percentile(ends, self.level))
                for ends in self._intervals(array, unit, uncertainties)
            )
        return value, bool(self.bounds().hold(low, high, whole=self.sigmas >= 0))

    def check_set(self, values: npt.ArrayLike, unit: str | u.UnitBase | None = None) -> bool:
        """Say whether a set of values passes.

        Parameters
        ----------
        values
            Numbers, one dimension; NaN counts as not measured and is left out.
        unit
            Their unit; by default the threshold's.

        Returns
        -------
        bool
            Whether the statistic passes; `False` if there are fewer values than ``of``, or none.

        Raises
        ------
        IncompatibleUnitsError
            If the units do not convert.
        """
        measured = int((~np.isnan(np.asarray(values, dtype=np.float64))).sum())
        return measured >= (self.of or 1) and self.summarise(values, unit)[1]

    @property
    def test(self) -> str:
        """What is asked of one value, such as ``<= 10 mmag``."""
        return f"{self.operator_str} {amount(self.threshold)}"

    @property
    def _limits(self) -> str:
        match self.statistic:
            case "at_most":
                words = f"{self.test} for all but at most {self.level}"
                words += f" of at least {self.of} values" if self.of else " values"
            case "fraction":
                words = f"{self.test} for at least {100 * self.level:.10g} % of the values"
            case _:
                words = f"{self.test} at percentile {self.level:.10g} of the values"
        if self.of and self.statistic != "at_most":
            words += f", at least {self.of}"
        return words + (f", by {', '.join(self.by)}" if self.by else "")

    def _serialize_type(self) -> dict[str, Any]:
        document: dict[str, Any] = {self.statistic: self.level}
        if self.of is not None:
            document["of"] = self.of
        if self.by:
            document["by"] = list(self.by)
        return document

    def _fallback(self) -> dict[str, Any]:
        return threshold_json(self.threshold, self.operator_str)

    def _same(self, other: Any) -> bool:
        return bool(
            (self.statistic, self.level, self.of, self.by)
            == (other.statistic, other.level, other.of, other.by)
            and self.operator_str == other.operator_str
            and same_quantity(self.threshold, other.threshold)
        )
