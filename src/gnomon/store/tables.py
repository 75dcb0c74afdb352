"""The Delta tables under a store's URI: where they are, how they are read and written.

Only this module knows Delta Lake. ``tidy/<dimensions>`` holds measurements, one table for each set of
required dimensions; ``chains`` the definitions of CHAINED collections; ``removals`` which datasets are gone.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.request import url2pathname

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from gnomon.dataids import required
from gnomon.errors import NotOursError, StoreError
from gnomon.measurements import observations
from gnomon.measurements.rows import DATA_ID_COLUMNS, SCHEMA

__all__ = [
    "CHAINS_SCHEMA",
    "OBSERVATIONS_SCHEMA",
    "RECORDED_AT",
    "REMOVALS_SCHEMA",
    "STORED_SCHEMA",
    "TAGGED_SCHEMA",
    "Tables",
    "Tidy",
    "collect",
    "dimensions_of",
]

RECORDED_AT = "recorded_at"
"""The column that the store adds to each row: when it came in, TAI."""

FORMAT_VERSION = 1
_ATTEMPTS = 5
_MARKER = "gnomon-store.json"
_NO_DIMENSIONS = "repository"

# What Delta Lake cannot have in a path: some end in a panic of its own, some in another folder's name.
_UNUSABLE = re.compile(r"[\[\]\\^|\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")

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

TAGGED_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("dataset_ids", pa.list_(pa.binary(16)), nullable=False),
        pa.field(RECORDED_AT, pa.timestamp("us"), nullable=False),
    ]
)
OBSERVATIONS_SCHEMA = observations.SCHEMA.append(pa.field(RECORDED_AT, pa.timestamp("us"), nullable=False))


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


class Tidy(NamedTuple):
    """One table of measurements.

    Attributes
    ----------
    dimensions
        The required dimensions of its rows: the data-ID columns that tell one data ID from another.
    rows
        Rows in `STORED_SCHEMA`.
    """

    dimensions: tuple[str, ...]
    rows: pl.LazyFrame


class Tables:
    """The tables of one store.

    Parameters
    ----------
    uri
        A local folder, as a path or with ``file://``.

    Raises
    ------
    StoreError
        If the place cannot hold a store, or the store was written by a newer version of gnomon.
    NotOursError
        If there is something else.
    """

    def __init__(self, uri: str) -> None:
        folder = _folder(uri)
        self.uri = str(folder)
        self._root = folder.resolve()
        self._check()

    def _check(self) -> bool:
        """Refuse what is not a store of this version; say whether there is one yet."""
        marker = self._root / _MARKER
        try:
            found = json.loads(marker.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            if self._is_foreign():
                raise NotOursError(
                    f"{self.uri} exists and is not a metrics store: it has no {_MARKER}. Nothing was changed."
                ) from None
            return False
        except (OSError, ValueError) as error:
            raise StoreError(f"{marker} cannot be read: {error}") from error
        version = found.get("format") if isinstance(found, dict) else None
        if not isinstance(version, int):
            raise StoreError(f"{marker} cannot be read: it does not say the store's format.")
        if version != FORMAT_VERSION:
            raise StoreError(
                f"The store {self.uri} has format {version}; this version of gnomon knows {FORMAT_VERSION}."
            )
        return True

    def _is_foreign(self) -> bool:
        try:
            # A process that was killed can leave the marker under its unfinished name.
            foreign = any(not path.name.startswith(f"{_MARKER}.") for path in self._root.iterdir())
            # Another process may have made the store since we looked for the marker.
            return foreign and not (self._root / _MARKER).exists()
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            return True
        except OSError as error:
            raise StoreError(f"The folder {self.uri} cannot be read: {error}") from error

    def measurements(self) -> Iterator[Tidy]:
        """Give each table of measurements, lazily.

        Yields
        ------
        Tidy
            Its dimensions and its rows.
        """
        tidy = self._root / "tidy"
        if tidy.is_dir():
            for folder in sorted(tidy.iterdir()):
                if (frame := self._scan(folder, STORED_SCHEMA)) is not None:
                    names = () if folder.name == _NO_DIMENSIONS else tuple(folder.name.split("-"))
                    yield Tidy(names, frame)

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
        return self._scan(self._root / "tidy" / dimensions, STORED_SCHEMA)

    def chains(self) -> pl.LazyFrame | None:
        """Give the definitions of chains, all that ever held."""
        return self._scan(self._root / "chains", CHAINS_SCHEMA)

    def removals(self) -> pl.LazyFrame | None:
        """Give what was removed, when and why."""
        return self._scan(self._root / "removals", REMOVALS_SCHEMA)

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

    def tagged(self) -> pl.LazyFrame | None:
        """Give the definitions of TAGGED collections, all that ever held."""
        return self._scan(self._root / "tagged", TAGGED_SCHEMA)

    def observations(self) -> pl.LazyFrame | None:
        """Give what is known of observations, all that ever held."""
        return self._scan(self._root / "observations", OBSERVATIONS_SCHEMA)

    def append_tagged(self, rows: pa.Table) -> None:
        """Append definitions of TAGGED collections, in `TAGGED_SCHEMA`."""
        self._write(self._root / "tagged", rows, "define_tagged")

    def append_observations(self, rows: pa.Table) -> None:
        """Append observations, in `OBSERVATIONS_SCHEMA`."""
        self._write(self._root / "observations", rows, "keep_observations")

    def append_chains(self, rows: pa.Table) -> None:
        """Append definitions of chains, in `CHAINS_SCHEMA`."""
        self._write(self._root / "chains", rows, "define_chain")

    def append_removals(self, rows: pa.Table) -> None:
        """Append removals, in `REMOVALS_SCHEMA`."""
        self._write(self._root / "removals", rows, "remove")

    def _scan(self, folder: Path, schema: pa.Schema) -> pl.LazyFrame | None:
        if not (folder / "_delta_log").is_dir():
            return None
        try:
            added = pa.table(DeltaTable(folder.as_uri()).get_add_actions())
        except TableNotFoundError:  # its first commit is still being written
            return None
        except (DeltaError, OSError) as error:
            raise StoreError(f"The table {folder} cannot be read: {error}") from error
        # Not `polars.scan_delta`, which takes the percent signs of an encoded path for its own.
        files = [folder / name for name in added["path"].to_pylist()]
        if not files:
            return pl.LazyFrame(schema.empty_table())
        return pl.scan_parquet(files, glob=False, hive_partitioning=False)

    def _write(self, folder: Path, rows: pa.Table, source: str) -> None:
        is_store = self._check()
        try:
            if not is_store:
                self._root.mkdir(parents=True, exist_ok=True)
                # Renaming makes the marker whole or absent, whenever the process dies; the name is this
                # process's own, since another one may be at the same place.
                unfinished = self._root / f"{_MARKER}.{uuid.uuid4().hex}"
                unfinished.write_text(json.dumps({"format": FORMAT_VERSION}) + "\n", encoding="utf-8")
                unfinished.replace(self._root / _MARKER)
            self._commit(folder, rows, source)
        except (DeltaError, OSError) as error:
            raise StoreError(f"The store {self.uri} cannot be written: {error}") from error

    @staticmethod
    def _commit(folder: Path, rows: pa.Table, source: str) -> None:
        """Append rows as one commit; where another process makes the table at this moment, once more."""
        for attempt in range(_ATTEMPTS):
            try:
                write_deltalake(
                    folder.as_uri(),
                    rows,
                    mode="append",
                    commit_properties=CommitProperties(custom_metadata={"gnomon.source": source}),
                )
            except CommitFailedError:  # nothing of it is visible
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Read what a question came to.

    Parameters
    ----------
    frame
        A question to the tables.

    Returns
    -------
    polars.DataFrame
        The answer.

    Raises
    ------
    StoreError
        If a file of a table is missing or damaged.
    """
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(f"The store cannot be read: {error}") from error


def _folder(uri: str) -> Path:
    path = url2pathname(uri.removeprefix("file://")) if uri.startswith("file:///") else uri
    if "://" in path:
        raise StoreError(
            f"A store is a local folder; {uri!r} is not one. Other places are not supported yet."
        )
    if not path:
        raise StoreError("A store is a local folder; none was named.")
    folder = Path(path).absolute()
    if found := _UNUSABLE.search(str(folder.resolve())):
        raise StoreError(
            f"A store's path cannot have {found[0]!r} in it, which Delta Lake does not take: {folder} has it."
        )
    return folder


def _table_name(dimensions: Iterable[str]) -> str:
    identifying = required(dimensions)
    return "-".join(name for name in DATA_ID_COLUMNS if name in identifying) or _NO_DIMENSIONS
