"""Star catalogs as the algorithms want them: matrices of stars by visits, and the reference beside them.

A star catalog has a row a star, with the columns ``star_id``, ``ra``, ``dec``, ``mag``, ``mag_err``, ``sky``
and ``airmass``; a column without a unit is in that of `UNITS`. What is masked is missing: NaN, as the
algorithms know it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.table import Table
from lsst.pipe.base import NoWorkFound

from gnomon.algorithms import lightcurves
from gnomon.errors import MeasurementError, MetricComputationError, nearest

__all__ = ["UNITS", "CatalogHandle", "Reference", "Stars", "gather"]

UNITS: Mapping[str, u.UnitBase] = {
    "ra": u.deg,
    "dec": u.deg,
    "mag": u.mag,
    "mag_err": u.mag,
    "sky": u.adu / u.pix,
    "airmass": u.dimensionless_unscaled,
}
"""The units of a star catalog's columns where the column itself does not say."""

_OF_REFERENCE = ("ra", "dec", "mag")


class CatalogHandle(Protocol):
    """A catalog that is read when it is asked for, as the Butler hands it to a task."""

    @property
    def dataId(self) -> Any:
        """The data ID; it has a visit."""
        ...

    def get(self) -> Table:
        """Read the catalog."""
        ...


@dataclass(frozen=True)
class Stars:
    """Detections as matrices of stars by visits, in the units of `UNITS`.

    Attributes
    ----------
    star_ids
        Identifiers of the rows, sorted, shape (n_stars,).
    quantities
        A matrix of shape (n_stars, n_visits) for each column, visits in order; NaN where not detected.
    """

    star_ids: npt.NDArray[Any]
    quantities: Mapping[str, u.Quantity]

    def __getitem__(self, column: str) -> u.Quantity:
        return self.quantities[column]


@dataclass(frozen=True)
class Reference:
    """What the reference says of some stars, in the order in which they were asked for.

    Attributes
    ----------
    known
        Whether the reference has the star, shape (n_stars,).
    bright
        Whether it calibrates, shape (n_stars,); false of a star that is not known.
    ra, dec, mag
        Shape (n_stars,); NaN of a star that is not known.
    """

    known: npt.NDArray[np.bool_]
    bright: npt.NDArray[np.bool_]
    ra: u.Quantity
    dec: u.Quantity
    mag: u.Quantity

    @classmethod
    def of(cls, star_ids: npt.NDArray[Any], reference: Table) -> "Reference":
        """Look stars up in a reference, whatever its order.

        Parameters
        ----------
        star_ids
            The stars that are asked for, shape (n_stars,).
        reference
            A row a star: ``star_id``, ``ra``, ``dec``, ``mag`` and ``bright``.

        Returns
        -------
        Reference
            A row each; a star that the reference lacks is in no way bright.

        Raises
        ------
        MetricComputationError
            If the reference lacks a column or holds what is not a number there.
        """
        rows = {star: row for row, star in enumerate(_identifiers(reference).tolist())}
        found = np.array([rows.get(star, -1) for star in star_ids.tolist()], dtype=np.intp)
        known = found >= 0
        bright = np.zeros(len(found), dtype=np.bool_)
        bright[known] = np.ma.filled(np.ma.asarray(_column(reference, "bright")), False)[found[known]]
        quantities = {}
        for name in _OF_REFERENCE:
            values = np.full(len(found), np.nan)
            values[known] = _values(reference, name)[found[known]]
            quantities[name] = u.Quantity(values, UNITS[name])
        return cls(known, bright, **quantities)


def gather(handles: Sequence[CatalogHandle]) -> Stars:
    """Read catalogs, one or more a visit, and arrange them by star and visit.

    Parameters
    ----------
    handles
        The catalogs.

    Returns
    -------
    Stars
        Of all visits that have a star.

    Raises
    ------
    lsst.pipe.base.NoWorkFound
        If no catalog has a star.
    MetricComputationError
        If a catalog lacks a column, holds what is not a number or in another unit, or has a star twice.
    """
    catalogs = [handle.get() for handle in handles]
    if not sum(len(catalog) for catalog in catalogs):
        raise NoWorkFound("There is no star catalog, or none has a star.")
    visits = [np.full(len(c), h.dataId["visit"]) for c, h in zip(catalogs, handles, strict=True)]
    columns = {name: np.concatenate([_values(catalog, name) for catalog in catalogs]) for name in UNITS}
    star_ids = np.concatenate([_identifiers(catalog) for catalog in catalogs])
    try:
        curves = lightcurves.pivot(star_ids, np.concatenate(visits), columns)
    except MeasurementError as error:
        raise MetricComputationError(str(error)) from error
    return Stars(curves.stars, {name: u.Quantity(curves.columns[name], unit) for name, unit in UNITS.items()})


def _column(catalog: Table, name: str) -> Any:
    if name not in catalog.colnames:
        raise MetricComputationError(
            f"The star catalog has no column {name!r}.{nearest(name, catalog.colnames)}"
        )
    # A plain table, so that a quantity is a column with a unit and a masked one a masked column.
    return Table([catalog[name]], names=[name], copy=False)[name]


def _identifiers(catalog: Table) -> npt.NDArray[Any]:
    column = _column(catalog, "star_id")
    if np.any(getattr(column, "mask", False)):
        raise MetricComputationError("The star catalog has a star without an identifier.")
    return np.asarray(column)


def _values(catalog: Table, name: str) -> npt.NDArray[np.float64]:
    column, unit = _column(catalog, name), UNITS[name]
    try:
        values = np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
    except (TypeError, ValueError) as error:
        raise MetricComputationError(
            f"The column {name!r} of the star catalog holds {column.dtype}, not numbers."
        ) from error
    try:
        return np.asarray(u.Quantity(values, column.unit or unit).to_value(unit))
    except u.UnitConversionError as error:
        raise MetricComputationError(
            f"The column {name!r} of the star catalog is in {column.unit}, not convertible to {unit}."
        ) from error
