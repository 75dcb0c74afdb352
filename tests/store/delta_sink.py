"""A small real set of Delta tables for rows of a hot buffer: one for each dataset type."""

from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from gnomon.errors import StoreError

_ATTEMPTS = 20


class DeltaSink:
    """Appends to tables below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append_buffered(self, rows: pl.DataFrame, *, application: str, numbers: pl.Series, last: int) -> None:
        parts = rows.with_columns(numbers.alias("number")).partition_by("dataset_type", as_dict=True)
        for (name,), part in parts.items():
            for attempt in range(_ATTEMPTS):
                try:
                    self._append(self.folder / str(name), part, application, last)
                    break
                except CommitFailedError as error:
                    if attempt == _ATTEMPTS - 1:
                        raise StoreError(str(error)) from error
                except (DeltaError, OSError) as error:
                    raise StoreError(str(error)) from error

    def _append(self, place: Path, rows: pl.DataFrame, application: str, last: int) -> None:
        properties = CommitProperties(app_transactions=[Transaction(application, last)])
        table: DeltaTable | None
        try:
            table = DeltaTable(place.as_uri())
        except TableNotFoundError:
            table = None
        if table is not None:
            known = table.transaction_version(application)
            rows = rows.filter(pl.col("number") > (-1 if known is None else known))
        if rows.is_empty():
            return
        data = rows.drop("dimensions").to_arrow()
        data = data.cast(pa.schema([_plain(field) for field in data.schema]))
        if table is None:
            write_deltalake(place.as_uri(), data, mode="error", commit_properties=properties)
        else:
            write_deltalake(table, data, mode="append", commit_properties=properties)

    def rows(self) -> pl.DataFrame:
        """Everything in all tables."""
        folders = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        tables = [pl.DataFrame(DeltaTable(path.as_uri()).to_pyarrow_table()) for path in folders]
        return pl.concat(tables) if tables else pl.DataFrame(schema={"dataset_id": pl.Binary})


def _plain(field: pa.Field) -> pa.Field:
    kinds = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    kinds |= {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return pa.field(field.name, kinds.get(field.type, field.type))
