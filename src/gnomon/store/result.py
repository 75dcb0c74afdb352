"""What the store answers, in the form in which it is wanted."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from astropy import units as u
from astropy.table import QTable

from gnomon import times
from gnomon.errors import MissingExtraError
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA, conform

__all__ = ["Result"]

_TIMES = [field.name for field in SCHEMA if pa.types.is_timestamp(field.type)]


class Result:
    """Measurements that were loaded.

    Parameters
    ----------
    frame
        Rows in `gnomon.measurements.rows.SCHEMA`, or wide ones.
    wide
        Whether a row is a data ID with a column a metric, instead of a measurement.
    units
        Unit by metric.
    """

    def __init__(self, frame: pl.DataFrame, *, wide: bool, units: dict[str, str]) -> None:
        self._frame = frame
        self._wide = wide
        self._units = units

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        return f"<Result of {len(self)} {'data IDs' if self._wide else 'measurements'}>\n{self._frame}"

    def _repr_html_(self) -> str:
        return str(self._frame._repr_html_())

    def polars(self) -> pl.DataFrame:
        """Give a Polars frame; times are TAI."""
        return self._frame

    def lazy(self) -> pl.LazyFrame:
        """Give a lazy Polars frame; times are TAI."""
        return self._frame.lazy()

    def arrow(self) -> pa.Table:
        """Give an Arrow table: in `gnomon.measurements.rows.SCHEMA`, unless wide; times are TAI."""
        table = self._frame.to_arrow()
        return table if self._wide else conform(table)

    def pandas(self) -> Any:
        """Give a pandas frame; times are TAI.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            return self._frame.to_pandas()
        except ModuleNotFoundError as error:
            raise MissingExtraError("pandas is not installed: `pip install pandas`.") from error

    def qtable(self) -> QTable:
        """Give an astropy table.

        Returns
        -------
        astropy.table.QTable
            Times are `astropy.time.Time` in TAI, null ones masked. In a wide result each metric is a quantity
            in its unit. In a tidy one the column ``value`` is a quantity if all rows have the same unit, and
            plain numbers beside the column ``unit`` otherwise.
        """
        table = QTable()
        for name in self._frame.columns:
            series = self._frame[name]
            if name in _TIMES:
                known = series.is_not_null().to_numpy()
                moments = times.from_tai_us(series.cast(pl.Int64).fill_null(0).to_numpy())
                if not known.all():
                    moments[~known] = np.ma.masked
                table[name] = moments
            elif name == "dimensions":
                continue
            elif series.dtype.is_integer() and series.null_count():
                table[name] = np.ma.array(series.fill_null(0).to_numpy(), mask=series.is_null().to_numpy())
            else:
                table[name] = series.to_numpy()
        for name, unit in self._columns_with_unit().items():
            table[name] = u.Quantity(np.asarray(table[name], dtype=np.float64), unit)
        return table

    def _columns_with_unit(self) -> dict[str, str]:
        if self._wide:
            return {name: unit for name, unit in self._units.items() if name in self._frame.columns}
        units = set(self._units.values())
        return dict.fromkeys(("value", "uncertainty"), units.pop()) if len(units) == 1 else {}


def widen(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn tidy rows into a row a data ID and run, with a column a metric.

    Parameters
    ----------
    frame
        Rows in the schema of a stored measurement, at most one for each run, data ID and metric.

    Returns
    -------
    polars.DataFrame
        Data-ID columns that are used, ``run``, observation times, and the metrics, sorted by name.
    """
    used = [name for name in DATA_ID_COLUMNS if frame[name].null_count() < len(frame)]
    index = ["run", *used, "obs_begin", "obs_end"]
    metrics = frame["metric"].unique().sort().to_list()
    return frame.pivot("metric", index=index, values="value", on_columns=metrics, maintain_order=True)
