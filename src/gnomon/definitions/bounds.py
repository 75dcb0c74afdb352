"""Which values pass: an interval, or all outside one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The values from one number to another.

    Attributes
    ----------
    lower, upper
        The ends, each a number or an array with one for each value.
    lower_open, upper_open
        Whether an end itself is left out.
    outside
        Whether the values outside are meant instead.
    """

    lower: Any = -np.inf
    upper: Any = np.inf
    lower_open: bool = False
    upper_open: bool = False
    outside: bool = False

    def hold(
        self, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], *, whole: bool = True
    ) -> npt.NDArray[np.bool_]:
        """Say which of many intervals lie within the bounds.

        Parameters
        ----------
        low, high
            Ends of the intervals, any shape; equal for values that are known exactly.
        whole
            Whether an interval must lie within the bounds with all of it, or only with some part.

        Returns
        -------
        numpy.ndarray of bool
            The same shape; `False` where an end, or a bound, is NaN.
        """
        if self.outside:
            within = Bounds(self.lower, self.upper, self.lower_open, self.upper_open)
            known = ~(np.isnan(low) | np.isnan(high) | np.isnan(self.lower) | np.isnan(self.upper))
            return np.asarray(known & ~within.hold(low, high, whole=not whole))
        first, last = (low, high) if whole else (high, low)
        above = first > self.lower if self.lower_open else first >= self.lower
        below = last < self.upper if self.upper_open else last <= self.upper
        return np.asarray(above & below)

    def near(self, values: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.bool_]:
        """Say which values lie close to one of the ends.

        Parameters
        ----------
        values
            Any shape.
        tolerance
            How close, as a part of the end.

        Returns
        -------
        numpy.ndarray of bool
            The same shape.
        """
        close = np.zeros(np.shape(values), dtype=np.bool_)
        for end in (self.lower, self.upper):
            with np.errstate(invalid="ignore", over="ignore"):  # an infinite end is near to nothing
                close |= np.isfinite(end) & (np.abs(values - end) <= tolerance * np.abs(end))
        return close
