"""Catalogs and other inputs, in memory, as the Butler would hand them to a task."""

from typing import Any

import pandas as pd
import pyarrow as pa
from astropy.table import QTable, Table
from lsst.pipe.base import InMemoryDatasetHandle

from gnomon.measurements import Measurement
from gnomon.repository.configuration import enable

__all__ = ["make_catalog", "make_handle"]

_STORAGE_CLASSES: dict[type, str] = {
    Table: "ArrowAstropy",
    pa.Table: "ArrowTable",
    pd.DataFrame: "DataFrame",
    Measurement: "MetricValue",
}


def make_handle(dataset: Any, **data_id: int | str) -> InMemoryDatasetHandle:
    """Wrap a dataset so that a task takes it for one that it gets from the Butler.

    Parameters
    ----------
    dataset
        A table, a measurement, task metadata or whatever the task reads.
    **data_id
        Its data ID, such as ``visit=42``.

    Returns
    -------
    lsst.pipe.base.InMemoryDatasetHandle
        The handle; of a table it gives single columns too.
    """
    enable()
    storage_class = next((name for kind, name in _STORAGE_CLASSES.items() if isinstance(dataset, kind)), None)
    return InMemoryDatasetHandle(dataset, storageClass=storage_class, dataId=data_id or None)


def make_catalog(**columns_and_data_id: Any) -> InMemoryDatasetHandle:
    """Make a small catalog.

    Parameters
    ----------
    **columns_and_data_id
        Columns by name: lists, arrays or quantities, all of one length. A single integer or text is no
        column but a part of the data ID, such as ``visit=42``.

    Returns
    -------
    lsst.pipe.base.InMemoryDatasetHandle
        A handle of an `astropy.table.QTable`.

    Examples
    --------
    >>> handle = make_catalog(flux=[1.0, 2.0], visit=42)
    >>> handle.dataId["visit"], len(handle.get())
    (42, 2)
    """
    data_id = {name: value for name, value in columns_and_data_id.items() if isinstance(value, int | str)}
    columns = {name: value for name, value in columns_and_data_id.items() if name not in data_id}
    return make_handle(QTable(columns), **data_id)
