"""Parquet files of measurements in the order in which they are asked for.

A file is written in row groups of which a question reads few: single measurements metric by metric, bundles
in groups of datasets that are small enough for a visit and large enough for a metric.
"""

import itertools
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from gnomon.measurements.rows import DATA_ID_COLUMNS
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import RECORDED_AT, STATE, TableName

__all__ = ["STATISTICS", "FileWriter"]

STATISTICS = (
    "metric",
    "run",
    "dataset_type",
    "instrument",
    "visit",
    "exposure",
    "day_obs",
    "tract",
    "software",
    RECORDED_AT,
)
"""The columns whose least and greatest values stand in the log of a table."""

_GROUP = 50_000  # rows of single measurements
_PAGE = 16_000  # bytes: a page without a row of the visit that is asked for is not unpacked
_CELLS = 2_000_000  # of bundles
_LEAST, _MOST = 4_096, 131_072


class FileWriter:
    """Writes one file of a table, group by group; nobody sees it until it is committed.

    Parameters
    ----------
    place
        Where the store is.
    name
        The table.
    state
        What is known of the rows.
    generation
        What the files of one compaction have in common: no key is in two of them.
    """

    def __init__(self, place: Place, name: TableName, state: str, generation: str) -> None:
        self._place = place
        self._name = name
        self._state = state
        self.path = f"{STATE}={state}/{generation}-{uuid.uuid4().hex}.parquet"
        self._writer: pq.ParquetWriter | None = None
        self._bounds: dict[str, tuple[Any, Any]] = {}
        self._nulls: dict[str, int] = {}
        self.rows = 0

    def __enter__(self) -> "FileWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Write rows, which are in order and come after all that were written before."""
        if frame.is_empty():
            return
        # A column costs time in every group, whatever is in it.
        absent = frozenset(DATA_ID_COLUMNS) - frozenset(self._name.expanded)
        frame = frame.drop(absent, strict=False)
        for name in frame.columns:
            if "@" not in name:
                self._nulls[name] = self._nulls.get(name, 0) + frame[name].null_count()
        for name in STATISTICS:
            if name in frame.columns and frame[name].null_count() < len(frame):
                low: Any = frame[name].min()
                high: Any = frame[name].max()
                if name in self._bounds:
                    low, high = min(low, self._bounds[name][0]), max(high, self._bounds[name][1])
                self._bounds[name] = (low, high)
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._writer = self._open(table.schema)
        for begin, end in self._groups(frame):
            self._writer.write_table(table.slice(begin, end - begin), row_group_size=_MOST)
        self.rows += len(frame)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        encodings = {item.name: code for item in schema if (code := _encoding(item)) is not None}
        plain = [
            item.name for item in schema if item.name not in encodings and not pa.types.is_nested(item.type)
        ]
        return pq.ParquetWriter(
            self._place.output(f"{self._name.folder}/{self.path}"),
            schema,
            compression="zstd",
            use_dictionary=plain,
            column_encoding=encodings,
            store_schema=False,
            **({} if self._name.is_bundle else {"data_page_size": _PAGE, "write_batch_size": 512}),
            write_page_index=False,
            write_page_checksum=True,
        )

    def _groups(self, frame: pl.DataFrame) -> Iterator[tuple[int, int]]:
        """Say where row groups begin and end."""
        length = len(frame)
        if self._name.is_bundle:
            size = min(max(_CELLS // len(frame.columns), _LEAST), _MOST)
            yield from ((begin, min(begin + size, length)) for begin in range(0, length, size))
            return
        # As few metrics as possible share a group, and none is divided that fits into one.
        ends = [*(np.flatnonzero((frame["metric"] != frame["metric"].shift(-1)).to_numpy()) + 1), length]
        begin = 0
        for end, after in zip(ends, [*ends[1:], length + _GROUP], strict=True):
            if after - begin > _GROUP and end > begin:
                parts = max(1, -(-(end - begin) // _MOST))
                edges = [begin + (end - begin) * part // parts for part in range(parts + 1)]
                yield from itertools.pairwise(edges)
                begin = end

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def abandon(self) -> None:
        """Let go of the file as it is; it may have no end."""
        with suppress(OSError, pa.ArrowException):
            self.close()
        self._writer = None

    def added(self) -> AddAction:
        """Give what makes the file a part of the table, once it is committed."""
        low, high = (
            {name: _statistic(bounds[side]) for name, bounds in self._bounds.items()} for side in (0, 1)
        )
        statistics = {"numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": self._nulls}
        return AddAction(
            path=self.path,
            size=self._place.size(f"{self._name.folder}/{self.path}"),
            partition_values={STATE: self._state},
            modification_time=int(time.time() * 1000),
            data_change=False,
            stats=json.dumps(statistics),
        )


def _statistic(value: object) -> object:
    return value if isinstance(value, int | str) else value.isoformat(timespec="microseconds")  # type: ignore[attr-defined]


def _encoding(column: pa.Field) -> str | None:
    """Choose how a column is written; `None` is by a dictionary."""
    if pa.types.is_floating(column.type):
        return "BYTE_STREAM_SPLIT"
    if column.name == "dataset_id":
        return "PLAIN"  # compression finds that those of one time begin alike, and reading is quick
    if pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
        return "DELTA_BINARY_PACKED"
    return None
