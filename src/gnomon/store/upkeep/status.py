"""What there is in a store, by its logs alone: no measurement is read."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from gnomon import times
from gnomon.store.hot_buffer.buffer import Buffer, Pending
from gnomon.store.layout.catalog import Catalog, names_of
from gnomon.store.layout.kept import TABLES
from gnomon.store.layout.schema import CURRENT_STATES, NEW, RECORDED_AT, STATE
from gnomon.store.layout.tables import Tables
from gnomon.store.upkeep.retention import complete_since

__all__ = ["Status", "TableStatus", "status"]


_NOTHING = Pending(0, 0, None)


@dataclass(frozen=True)
class TableStatus:
    """What there is in a table of measurements.

    Attributes
    ----------
    table
        Its folder.
    rows
        Rows that hold, or held when they were last put in order: measurements, or datasets in a table of
        bundles. What was appended twice since then counts twice.
    superseded
        Rows that no longer hold and are kept for the history.
    metrics
        Metrics.
    files
        Files.
    new_files
        Those of them that are not in order yet.
    bytes
        Their size together.
    first, last
        When the first and the last row came in, TAI microseconds; to the millisecond.
    """

    table: str
    rows: int
    superseded: int
    metrics: int
    files: int
    new_files: int
    bytes: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Status:
    """What there is in a store.

    Attributes
    ----------
    uri
        Where it is.
    format
        The version of its schema; `None` where there is none yet.
    tables
        Its tables of measurements.
    metrics, dataset_types, runs
        How many of each have measurements.
    kept
        Rows of the small tables by name.
    waiting
        What is in the buffer of this host and not in the tables yet.
    complete_since
        The earliest moment as of which questions can be answered, TAI microseconds; `None` if nothing was
        ever dropped.
    """

    uri: str
    format: int | None
    tables: tuple[TableStatus, ...]
    metrics: int
    dataset_types: int
    runs: int
    kept: Mapping[str, int] = field(default_factory=dict)
    waiting: Pending = _NOTHING
    complete_since: int | None = None

    @property
    def rows(self) -> int:
        """Rows that hold, of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """The size of all files of measurements."""
        return sum(table.bytes for table in self.tables)

    def frame(self) -> pl.DataFrame:
        """Give a row a table; times are TAI."""
        counts = ("rows", "superseded", "metrics", "files", "new_files", "bytes")
        columns: dict[str, pl.DataType] = {
            "table": pl.String(),
            **{name: pl.Int64() for name in counts},
            "first": pl.Datetime("us"),
            "last": pl.Datetime("us"),
        }
        rows = [
            (
                *(getattr(table, name) for name in ("table", *counts)),
                *(
                    None if moment is None else times.to_datetime(moment)
                    for moment in (table.first, table.last)
                ),
            )
            for table in self.tables
        ]
        return pl.DataFrame(rows, schema=columns, orient="row")

    def __str__(self) -> str:
        if self.format is None:
            return f"{self.uri}: no store yet."
        begin = "nothing was ever dropped"
        if self.complete_since is not None:
            begin = f"since {times.to_utc_iso(self.complete_since, precision=0)}"
        kept = ", ".join(f"{count} rows of {name}" for name, count in self.kept.items())
        lines = [
            f"{self.uri}: format {self.format}, {len(self.tables)} tables, {self.rows} rows, "
            f"{self.bytes / 1e6:.1f} MB",
            f"{self.metrics} metrics of {self.dataset_types} dataset types in {self.runs} runs",
            f"History: {sum(table.superseded for table in self.tables)} superseded rows; {begin}",
            f"Kept: {kept or 'nothing'}",
            f"Waiting in the buffer of this host: {self.waiting.rows} rows",
        ]
        return "\n".join(lines)


def status(tables: Tables, catalog: Catalog, buffer: Buffer) -> Status:
    """Say what there is in a store.

    Parameters
    ----------
    tables
        Its tables.
    catalog
        Its catalog.
    buffer
        Its buffer on this host.

    Returns
    -------
    Status
        What there is.

    Raises
    ------
    StoreError
        If a log cannot be read.
    """
    known = catalog.load()
    found = []
    for name in tables.names():
        snapshot = tables.open(name)
        if snapshot is None:
            continue
        files = snapshot.files
        holds = files[STATE].is_in(list(CURRENT_STATES))
        first, last = (_moment(files, column) for column in (f"min.{RECORDED_AT}", f"max.{RECORDED_AT}"))
        found.append(
            TableStatus(
                table=name.folder,
                rows=int(files.filter(holds)["num_records"].sum()),
                superseded=int(files.filter(~holds)["num_records"].sum()),
                metrics=len(set[str]().union(*(held.metrics for held in known.get(name, {}).values()))),
                files=len(files),
                new_files=int((files[STATE] == NEW).sum()),
                bytes=int(files["size_bytes"].sum()),
                first=first,
                last=last,
            )
        )
    kept = {name: tables.open_folder(f"kept/{name}") for name in TABLES}
    return Status(
        uri=tables.place.uri,
        format=tables.format(),
        tables=tuple(found),
        metrics=len(set(names_of(known, "metrics"))),
        dataset_types=len(set[str]().union(*known.values())),
        runs=len(set(names_of(known, "runs"))),
        kept={
            name: int(snapshot.files["num_records"].sum())
            for name, snapshot in kept.items()
            if snapshot is not None
        },
        waiting=buffer.pending(),
        complete_since=complete_since(tables.place),
    )


def _moment(files: pl.DataFrame, column: str) -> int | None:
    if column not in files.columns:
        return None
    found = files[column].min() if column.startswith("min.") else files[column].max()
    return times.from_datetime(found) if isinstance(found, datetime.datetime) else None
