"""Values held against the limits of specifications, all at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.units.function.core import FunctionUnitBase

from gnomon.definitions import Specification, parse_unit
from gnomon.definitions.bounds import Bounds
from gnomon.definitions.units import convert
from gnomon.errors import DefinitionError, UnitMismatchError
from gnomon.judgement.asked import Limits

__all__ = ["Checked", "Values", "check", "convertible"]

_CLOSE = 1e-5

type _Floats = npt.NDArray[np.float64]
type _Bools = npt.NDArray[np.bool_]
type _Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What is known of each of some values, as arrays of one length.

    Attributes
    ----------
    value, uncertainty, baseline
        Numbers in the value's unit; NaN where they are not known.
    unit
        Index into ``units``.
    units
        The strings of the units that occur.
    """

    value: _Floats
    uncertainty: _Floats
    baseline: _Floats
    unit: _Integers
    units: Sequence[str]

    def take(self, index: _Integers) -> "Values":
        """Give some of the values.

        Parameters
        ----------
        index
            Which of them.

        Returns
        -------
        Values
            In that order.
        """
        return Values(
            self.value[index], self.uncertainty[index], self.baseline[index], self.unit[index], self.units
        )


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What came of holding values against limits.

    Attributes
    ----------
    passed
        Which values pass.
    close
        Which lie so close to a limit that a few digits might show them as the limit.
    misfit
        Index into ``messages`` where units do not convert, else -1.
    messages
        Why they do not.
    """

    passed: _Bools
    close: _Bools
    misfit: _Integers
    messages: list[str] = field(default_factory=list)


def check(
    values: Values, order: _Integers, limits: Limits, specifications: Sequence[Specification]
) -> Checked:
    """Hold each value against one specification.

    Parameters
    ----------
    values
        The values.
    order
        For each value, which of the specifications.
    limits
        Their numbers.
    specifications
        The specifications themselves, none of them statistical.

    Returns
    -------
    Checked
        What `Specification.check_values` says of each.
    """
    n = len(order)
    checked = Checked(np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.full(n, -1, np.int64))
    factor, slow = _factors(values, limits.unit[order], limits, checked)
    slow |= limits.relative[order] | limits.apart[order]
    slow &= checked.misfit < 0
    quick = np.flatnonzero(~slow & (checked.misfit < 0))
    _check_quickly(values.take(quick), quick, order[quick], factor[quick], limits, checked)
    rest = np.flatnonzero(slow)
    for here in _groups(rest, order[rest], values.unit[rest]):
        specification, unit = specifications[order[here[0]]], values.units[values.unit[here[0]]]
        own = values.take(here)
        try:
            checked.passed[here] = specification.check_values(
                own.value, unit, uncertainties=own.uncertainty, baselines=own.baseline
            )
        except UnitMismatchError as error:  # of one that says by itself what it can judge
            checked.misfit[here] = len(checked.messages)
            checked.messages.append(error.message)
            continue
        for edge in _edges(own, limits.sigmas[order[here]]):
            checked.close[here] |= specification.close_calls(
                edge, unit, baselines=own.baseline, tolerance=_CLOSE
            )
    return checked


def convertible(unit: str, target: Any) -> tuple[float, str | None]:
    """Say how values of one unit become values of another.

    Parameters
    ----------
    unit
        The string of their unit.
    target
        The wanted unit; `None` where any will do.

    Returns
    -------
    tuple of float and str or None
        A factor, which is NaN where the units are no mere factors of each other; and why they do not
        convert, if they do not.
    """
    if target is None:
        return 1.0, None
    try:
        given = parse_unit(unit)
        factor = float(convert(1.0, given, target))
    except (UnitMismatchError, DefinitionError) as error:
        return float("nan"), error.message
    if isinstance(given, FunctionUnitBase) or isinstance(target, FunctionUnitBase):
        return (1.0 if given == target else float("nan")), None
    return factor, None


def _factors(values: Values, targets: _Integers, limits: Limits, checked: Checked) -> tuple[_Floats, _Bools]:
    """Look at each pair of units once; say by what to multiply, and what takes more than that."""
    width = max(1, len(limits.units))
    pairs, inverse = np.unique(values.unit * width + targets, return_inverse=True)
    factors = np.ones(len(pairs))
    misfits = np.full(len(pairs), -1, dtype=np.int64)
    for i, pair in enumerate(pairs):
        given, target = divmod(int(pair), width)
        factors[i], message = convertible(values.units[given], limits.units[target])
        if message is not None:
            misfits[i] = len(checked.messages)
            checked.messages.append(message)
    checked.misfit[:] = misfits[inverse]
    return factors[inverse], np.isnan(factors)[inverse]


def _edges(values: Values, sigmas: _Floats) -> Iterator[_Floats]:
    """Give the value itself and the ends of its interval of uncertainty, where that matters."""
    yield values.value
    if np.any(sigmas):
        with np.errstate(invalid="ignore", over="ignore"):
            spread = np.abs(sigmas) * values.uncertainty
            yield values.value - spread
            yield values.value + spread


def _check_quickly(
    values: Values, where: _Integers, order: _Integers, factor: _Floats, limits: Limits, checked: Checked
) -> None:
    """Check what needs no more than a factor as `Specification.check_values` does, but all together."""
    sigmas = limits.sigmas[order]
    missing = np.where(sigmas > 0, np.nan, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        known = np.where(np.isnan(values.uncertainty), missing, values.uncertainty)
        spread = np.where(sigmas == 0, 0.0, np.abs(sigmas) * known)
        ends = (values.value - spread) * factor, (values.value + spread) * factor
        middle = values.value * factor
    low, high = np.minimum(*ends), np.maximum(*ends)
    lower, upper = limits.lower[order], limits.upper[order]
    close = np.zeros(len(order), dtype=np.bool_)
    for edge in (low, middle, high) if sigmas.any() else (middle,):
        close |= Bounds(lower, upper).near(edge, _CLOSE)
    checked.close[where] = close
    # There are few sorts of bounds, however many specifications.
    sort = (
        limits.lower_open[order] * 1
        + limits.upper_open[order] * 2
        + limits.outside[order] * 4
        + (sigmas >= 0) * 8
    )
    for which in np.unique(sort):
        here = sort == which
        bounds = Bounds(lower[here], upper[here], bool(which & 1), bool(which & 2), bool(which & 4))
        checked.passed[where[here]] = bounds.hold(low[here], high[here], whole=bool(which & 8))


def _groups(index: _Integers, order: _Integers, unit: _Integers) -> Iterator[_Integers]:
    """Split indices into those of one specification and one unit."""
    if not len(index):
        return
    by = np.lexsort((unit, order))
    changes = np.flatnonzero((np.diff(order[by]) != 0) | (np.diff(unit[by]) != 0)) + 1
    yield from np.split(index[by], changes)
