"""To which visits exposures belong."""

from collections.abc import Sequence

from lsst.daf.butler import Butler

__all__ = ["VisitsOf"]

_CHUNK = 5000
"""How many exposures one query names."""


class VisitsOf:
    """Looks up the visits of exposures, many at once and each only once.

    Parameters
    ----------
    butler
        Client of the repository; without one, nothing is known.
    """

    def __init__(self, butler: Butler | None) -> None:
        self._butler = butler
        self._known: dict[tuple[str, int], tuple[int, ...]] = {}

    def of(self, exposures: Sequence[tuple[str, int]]) -> list[tuple[int, ...]]:
        """Give the visits of exposures.

        Parameters
        ----------
        exposures
            Instrument and exposure of each.

        Returns
        -------
        list of tuple of int
            In their order; several where there are several visit systems.
        """
        if self._butler is None:
            return [()] * len(exposures)
        unknown: dict[str, list[int]] = {}
        for instrument, exposure in dict.fromkeys(exposures):
            if (instrument, exposure) not in self._known:
                unknown.setdefault(instrument, []).append(exposure)
        for instrument, some in unknown.items():
            for start in range(0, len(some), _CHUNK):
                self._look_up(self._butler, instrument, some[start : start + _CHUNK])
        return [self._known[one] for one in exposures]

    def _look_up(self, butler: Butler, instrument: str, exposures: Sequence[int]) -> None:
        found: dict[int, list[int]] = {exposure: [] for exposure in exposures}
        for record in butler.query_dimension_records(
            "visit_definition",
            instrument=instrument,
            where="exposure IN (:gnomon_exposures)",
            bind={"gnomon_exposures": list(exposures)},
            limit=None,
            explain=False,
        ):
            found[record.exposure].append(record.visit)
        for exposure, visits in found.items():
            self._known[instrument, exposure] = tuple(sorted(visits))
