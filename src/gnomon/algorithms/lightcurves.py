"""Tables of detections as matrices of stars by visits."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gnomon.errors import MeasurementError

__all__ = ["LightCurves", "pivot"]


class LightCurves(NamedTuple):
    """Detections of the same stars in many visits, one matrix a column.

    Attributes
    ----------
    stars
        Identifiers of the rows, sorted, shape (n_stars,).
    visits
        Identifiers of the columns, sorted, shape (n_visits,).
    columns
        A float64 matrix of shape (n_stars, n_visits) for each column; NaN where a star was not detected.
    """

    stars: npt.NDArray[np.generic]
    visits: npt.NDArray[np.generic]
    columns: dict[str, npt.NDArray[np.float64]]


def pivot(
    stars: npt.ArrayLike, visits: npt.ArrayLike, columns: dict[str, npt.NDArray[np.float64]]
) -> LightCurves:
    """Arrange detections by star and visit.

    Parameters
    ----------
    stars
        Identifier of the star of each detection, shape (n,).
    visits
        Identifier of the visit of each detection, shape (n,).
    columns
        Values of each detection by name, each of shape (n,); their unit is the caller's to remember.

    Returns
    -------
    LightCurves
        Absent combinations are NaN.

    Raises
    ------
    MeasurementError
        If a star occurs twice in one visit, for then neither detection can be chosen, or the arrays are of
        different lengths.
    """
    shape = np.shape(stars)
    for name, values in {"visits": visits, **columns}.items():
        if len(shape) != 1 or np.shape(values) != shape:
            raise MeasurementError(
                f"Detections are arrays of one length; stars has shape {shape}, {name} {np.shape(values)}."
            )
    star_ids, row = np.unique(np.asarray(stars), return_inverse=True)
    visit_ids, column = np.unique(np.asarray(visits), return_inverse=True)
    cell = row * len(visit_ids) + column
    occupied, counts = np.unique(cell, return_counts=True)
    if counts.size and counts.max() > 1:
        first = int(occupied[np.argmax(counts > 1)])
        star, visit = star_ids[first // len(visit_ids)], visit_ids[first % len(visit_ids)]
        raise MeasurementError(f"The star {star} occurs more than once in visit {visit}.")
    matrices = {}
    for name, values in columns.items():
        matrix = np.full(len(star_ids) * len(visit_ids), np.nan)
        matrix[cell] = np.asarray(values, dtype=np.float64)
        matrices[name] = matrix.reshape(len(star_ids), len(visit_ids))
    return LightCurves(star_ids, visit_ids, matrices)
