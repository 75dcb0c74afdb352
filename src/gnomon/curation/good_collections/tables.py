"""What remains, as a table of data IDs for ``pipetask qgraph --data-id-table``."""

import os
from collections.abc import Iterable
from pathlib import Path

from astropy.table import Table
from lsst.daf.butler import DatasetRef

from gnomon.errors import RepositoryError

__all__ = ["write_table"]


def write_table(refs: Iterable[DatasetRef], file: str | os.PathLike[str]) -> int:
    """Write the data IDs of datasets.

    Parameters
    ----------
    refs
        Datasets, all with the same dimensions.
    file
        An ECSV file, which appears when it is complete.

    Returns
    -------
    int
        How many data IDs there are.

    Raises
    ------
    RepositoryError
        If the datasets have different dimensions, or there are none: a table without rows would mean that
        there is nothing to process.
    """
    path = Path(file)
    if path.suffix != ".ecsv":
        raise RepositoryError(f"A table of data IDs is an ECSV file, *.ecsv, and not {str(path)!r}.")
    found = list(refs)
    shapes = {ref.dataId.dimensions for ref in found}
    if len(shapes) != 1:
        reason = "of one set of dimensions" if shapes else "with at least one data ID"
        raise RepositoryError(f"A table of data IDs is {reason}; {len(found)} datasets were given.")
    (dimensions,) = shapes
    rows = sorted({ref.dataId.required_values for ref in found})
    table = Table(rows=rows, names=list(dimensions.required))
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        table.write(fresh, format="ascii.ecsv")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return len(rows)
