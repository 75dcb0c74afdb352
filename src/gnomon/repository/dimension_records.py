"""What the records of exposures, visits and nights say, fetched once for many datasets.

The records of each dimension are fetched apart, since a query for those of several leaves out data IDs that
lack any one record.
"""

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from lsst.daf.butler import Butler, DataCoordinate, DimensionGroup, DimensionRecordTable, Timespan

from gnomon.measurements import observations

__all__ = ["TEMPORAL", "DimensionRecords", "temporal_element"]

TEMPORAL = ("exposure", "visit", "day_obs")
"""The dimensions that say when something was observed; a visit's own time says more than its night's."""

_BATCH = 10_000
_NIGHT = "day_obs"
_NAMES = {"exposure": "obs_id", "visit": "name"}
_UNBOUNDED = Timespan(None, None).nsec
_TIMES = ("obs_begin", "obs_end")


def temporal_element(dimensions: DimensionGroup) -> str | None:
    """Name the dimension that says when the data of a data ID were observed.

    Parameters
    ----------
    dimensions
        Those of the data ID.

    Returns
    -------
    str or None
        The exposure, or else the visit, or else the night; `None` where there is none of them.
    """
    return next((name for name in TEMPORAL if name in dimensions.required), None)


class DimensionRecords:
    """The records that some datasets needed, each fetched once.

    Parameters
    ----------
    butler
        The repository's client.
    """

    def __init__(self, butler: Butler) -> None:
        self._butler = butler
        self._known: dict[str, pl.DataFrame] = {}
        self._fresh: list[pl.DataFrame] = []

    def observed(self, data_ids: pl.DataFrame, dimensions: DimensionGroup) -> pl.DataFrame:
        """Give the times of observation of data IDs.

        Parameters
        ----------
        data_ids
            A column for each dimension.
        dimensions
            Their dimensions.

        Returns
        -------
        polars.DataFrame
            The columns ``obs_begin`` and ``obs_end``, TAI, a row for each data ID, in order: the timespan of
            the exposure or else of the visit, the night where there is only that, and null for what has no
            time, such as a tract, for what has no record, and for an end that is not bounded.
        """
        element = temporal_element(dimensions)
        if element is None:
            none = pl.lit(None, pl.Datetime("us"))
            return data_ids.with_columns(none.alias(name) for name in _TIMES).select(_TIMES)
        keys = data_ids.select("instrument", pl.col(element).alias("id"))
        records = self._records(element, keys.unique())
        return keys.join(records, on=("instrument", "id"), how="left", maintain_order="left").select(_TIMES)

    def take_observations(self) -> pa.Table:
        """Give what the records of exposures and visits say that were fetched since this was last asked.

        Returns
        -------
        pyarrow.Table
            In `gnomon.measurements.observations.SCHEMA`. What a visit's record has no place for, such as the
            type of observation, it has from its exposures, if they agree about it.
        """
        empty = pl.DataFrame(observations.SCHEMA.empty_table())
        frames, self._fresh = self._fresh, []
        frame = pl.concat([empty, *frames], how="diagonal_relaxed").select(empty.columns)
        return observations.conform(frame.to_arrow())

    def _records(self, element: str, keys: pl.DataFrame) -> pl.DataFrame:
        """Give the known records of an element, those of ``keys`` among them, if there are any."""
        known = self._known.get(element)
        missing = keys if known is None else keys.join(known, on=("instrument", "id"), how="anti")
        if known is None or len(missing):
            fetched = self._fetch(element, missing)
            if element != _NIGHT:
                self._fresh.append(self._with_exposures(fetched) if element == "visit" else fetched)
            # A key without a record is known too, and not asked for again.
            times = missing.join(fetched, on=("instrument", "id"), how="left").select(
                "instrument", "id", *_TIMES
            )
            known = times if known is None else pl.concat([known, times])
            self._known[element] = known
        return known

    def _with_exposures(self, visits: pl.DataFrame) -> pl.DataFrame:
        """Add what exposures say of their visits, and keep their records too."""
        definitions = self._rows("visit_definition", "visit", visits.select("instrument", "id"))
        if definitions is None or not len(definitions):
            return visits
        pairs = pl.DataFrame(definitions.select(["instrument", "visit", "exposure"]).cast(_PAIRS))
        exposures = self._fetch(
            "exposure", pairs.select("instrument", pl.col("exposure").alias("id")).unique()
        )
        self._fresh.append(exposures)
        names = ("observation_type", "observation_reason", "group", "science_program", "target_name")
        joined = pairs.join(
            exposures, left_on=("instrument", "exposure"), right_on=("instrument", "id"), how="inner"
        )
        agreed = joined.group_by("instrument", pl.col("visit").alias("id")).agg(
            pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name) for name in names
        )
        both = visits.join(agreed, on=("instrument", "id"), how="left", suffix="_exposure")
        return both.with_columns(
            pl.coalesce(name, f"{name}_exposure").alias(name)
            for name in names
            if f"{name}_exposure" in both.columns
        ).select(visits.columns)

    def _fetch(self, element: str, keys: pl.DataFrame) -> pl.DataFrame:
        """Fetch records, as observations have them."""
        table = self._rows(element, element, keys)
        columns: dict[str, Any] = {}
        if table is not None:
            if "timespan" in table.column_names:
                spans = pa.concat_arrays([chunk.storage for chunk in table["timespan"].chunks])
                columns = dict(zip(_TIMES, _bounds(spans), strict=True))
            for field in observations.SCHEMA:
                source = _NAMES.get(element, field.name) if field.name == "obs_id" else field.name
                if field.name not in columns and source in table.column_names:
                    columns[field.name] = table[source].cast(field.type)
        count = 0 if table is None else len(table)
        columns["element"] = pa.array([element] * count, pa.string())
        if element in ("exposure", "visit") and table is not None:
            columns["band"] = self._bands(columns["instrument"], columns["physical_filter"])
        arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in observations.SCHEMA]
        return pl.DataFrame(pa.table(arrays, names=observations.SCHEMA.names))

    def _bands(self, instruments: pa.ChunkedArray, filters: pa.ChunkedArray) -> pa.Array:
        """Give the band of each filter."""
        if "filters" not in self._known:
            with self._butler.query() as query:
                records = list(query.dimension_records("physical_filter"))
            self._known["filters"] = pl.DataFrame(
                [(record.instrument, record.name, record.band) for record in records],
                schema={"instrument": pl.String, "name": pl.String, "band": pl.String},
                orient="row",
            )
        given = pl.DataFrame({"instrument": instruments, "name": filters})
        found = given.join(
            self._known["filters"], on=("instrument", "name"), how="left", maintain_order="left"
        )
        return found["band"].to_arrow().cast(pa.string())

    def _rows(self, element: str, dimension: str, keys: pl.DataFrame) -> pa.Table | None:
        """Fetch the records of an element that have some of the keys of a dimension, as a table."""
        group = self._butler.dimensions.conform([dimension])
        own = self._butler.dimensions[element]
        tables: list[pa.Table] = []
        for batch in batched(keys.iter_rows(), _BATCH):
            data_ids: Iterable[DataCoordinate] = [
                DataCoordinate.from_required_values(group, row) for row in batch
            ]
            with self._butler.query() as query:
                records = query.join_data_coordinates(data_ids).dimension_records(element)
                tables.append(DimensionRecordTable(own, records).to_arrow())
        return pa.concat_tables(tables, promote_options="permissive") if tables else None


_PAIRS = pa.schema([("instrument", pa.string()), ("visit", pa.int64()), ("exposure", pa.int64())])


def _bounds(spans: pa.StructArray) -> Sequence[pa.Array]:
    """Give begins and ends in TAI; an end that is not bounded, and those of no time at all, are null."""
    begin, end = (pc.struct_field(spans, name) for name in ("begin_nsec", "end_nsec"))
    some = pc.less(begin, end)
    result = []
    for moments, unbounded in zip((begin, end), _UNBOUNDED, strict=True):
        valid = pc.and_(some, pc.not_equal(moments, unbounded))
        nearest = pc.divide(pc.add(moments, 500), 1000)
        result.append(pc.if_else(valid, nearest, pa.scalar(None, pa.int64())).cast(pa.timestamp("us")))
    return result
