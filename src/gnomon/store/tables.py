"""The Delta tables under a store's URI: where they are, how they are read and written.

Only this module knows Delta Lake. ``tidy/<dimensions>`` holds measurements, one table for each set of required
dimensions; ``chains`` the definitions of CHAINED collections; ``removals`` which datasets are gone.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from gnomon.dataids import required
from gnomon.errors import NotOursError, StoreError
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA

__all__ = ["CHAINS_SCHEMA", "RECORDED_AT", "REMOVALS_SCHEMA", "STORED_SCHEMA", "Tables", "dimensions_of"]

RECORDED_AT = "recorded_at"
"""The column that the store adds to each row: when it came in, TAI."""

FORMAT_VERSION = 1
_MARKER = "gnomon-store.json"
_NO_DIMENSIONS = "repository"

STORED_SCHEMA = SCHEMA.append(pa.field(RECORDED_AT, pa.timestamp("us"), nullable=False))
CHAINS_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("children", pa.list_(pa.string()), nullable=False),
        pa.field(RECORDED_AT, pa.timestamp("us"), nullable=False),
    ]
)
REMOVALS_SCHEMA = pa.schema(
    [
        pa.field("dataset_id", pa.binary(16), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field(RECORDED_AT, pa.timestamp("us"), nullable=False),
    ]
)


def dimensions_of(rows: pl.DataFrame) -> pl.Series:
    """Name, for each row, the table in which it belongs: its required dimensions, joined by hyphens.

    Parameters
    ----------
    rows
        Measurements with the data-ID columns.

    Returns
    -------
    polars.Series
        Strings, one a row.
    """
    patterns = rows.select(pl.col(name).is_not_null() for name in DATA_ID_COLUMNS)
    names = {
        pattern: _table_name(name for name, present in zip(DATA_ID_COLUMNS, pattern, strict=True) if present)
        for pattern in patterns.unique().iter_rows()
    }
    key = patterns.select(pl.struct(pl.all()).alias("pattern"))["pattern"]
    lookup = pl.DataFrame(
        {
            "pattern": [dict(zip(DATA_ID_COLUMNS, pattern, strict=True)) for pattern in names],
            "table": list(names.values()),
        },
        schema={"pattern": key.dtype, "table": pl.String},
    )
    return key.to_frame().join(lookup, on="pattern", how="left", maintain_order="left")["table"]


class Tables:
    """The tables of one store.

    Parameters
    ----------
    uri
        A local folder, or a URI that Delta Lake can open.

    Raises
    ------
    StoreError
        If the store was written by a newer version of gnomon.
    NotOursError
        If the folder holds something else.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.removeprefix("file://").rstrip("/")
        if "://" in self.uri:
            raise StoreError(f"A store is a local folder; {uri!r} is not one. Other places are not supported yet.")
        self._root = Path(self.uri)
        marker = self._root / _MARKER
        try:
            version = json.loads(marker.read_text())["format"]
        except FileNotFoundError:
            if self._root.exists() and (not self._root.is_dir() or any(self._root.iterdir())):
                raise NotOursError(
                    f"{self.uri} exists and is not a metrics store: it has no {_MARKER}. Nothing was changed."
                ) from None
            version = FORMAT_VERSION
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{marker} cannot be read: {error}") from error
        if version != FORMAT_VERSION:
            raise StoreError(
                f"The store {self.uri} has format {version}; this version of gnomon knows {FORMAT_VERSION}."
            )

    def measurements(self) -> Iterator[pl.LazyFrame]:
        """Give each table of measurements, lazily.

        Yields
        ------
        polars.LazyFrame
            Rows in `STORED_SCHEMA`.
        """
        tidy = self._root / "tidy"
        if tidy.is_dir():
            for folder in sorted(tidy.iterdir()):
                if (frame := self._scan(folder)) is not None:
                    yield frame

    def measurements_at(self, dimensions: str) -> pl.LazyFrame | None:
        """Give one table of measurements.

        Parameters
        ----------
        dimensions
            As `dimensions_of` names it.

        Returns
        -------
        polars.LazyFrame or None
            `None` if nothing was ever stored there.
        """
        return self._scan(self._root / "tidy" / dimensions)

    def chains(self) -> pl.LazyFrame | None:
        """Give the definitions of chains, all that ever held."""
        return self._scan(self._root / "chains")

    def removals(self) -> pl.LazyFrame | None:
        """Give what was removed, when and why."""
        return self._scan(self._root / "removals")

    def append_measurements(self, dimensions: str, rows: pa.Table, *, source: str) -> None:
        """Append rows of one set of dimensions; all of them become visible at once.

        Parameters
        ----------
        dimensions
            As `dimensions_of` names it.
        rows
            In `STORED_SCHEMA`.
        source
            Who brought them, for the table's history.
        """
        self._write(self._root / "tidy" / dimensions, rows, source)

    def append_chains(self, rows: pa.Table) -> None:
        """Append definitions of chains, in `CHAINS_SCHEMA`."""
        self._write(self._root / "chains", rows, "define_chain")

    def append_removals(self, rows: pa.Table) -> None:
        """Append removals, in `REMOVALS_SCHEMA`."""
        self._write(self._root / "removals", rows, "remove")

    def _scan(self, folder: Path) -> pl.LazyFrame | None:
        if not (folder / "_delta_log").is_dir():
            return None
        try:
            return pl.scan_delta(DeltaTable(str(folder)))
        except TableNotFoundError:  # its first commit is still being written
            return None
        except (DeltaError, OSError) as error:
            raise StoreError(f"The table {folder} cannot be read: {error}") from error

    def _write(self, folder: Path, rows: pa.Table, source: str) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            marker = self._root / _MARKER
            if not marker.exists():
                # Renaming makes the marker whole or absent, whenever the process dies.
                unfinished = marker.with_suffix(".unfinished")
                unfinished.write_text(json.dumps({"format": FORMAT_VERSION}) + "\n")
                unfinished.replace(marker)
            write_deltalake(
                str(folder),
                rows,
                mode="append",
                commit_properties=CommitProperties(custom_metadata={"gnomon.source": source}),
            )
        except (DeltaError, OSError) as error:
            raise StoreError(f"The store {self.uri} cannot be written: {error}") from error


def _table_name(dimensions: Iterable[str]) -> str:
    identifying = required(dimensions)
    return "-".join(name for name in DATA_ID_COLUMNS if name in identifying) or _NO_DIMENSIONS
