"""Bringing a store that an earlier version of gnomon wrote into the present format.

A step leads from one format to the next. It only adds, in such a way that doing it again adds nothing, and
deletes nothing before the marker says the new format: whenever it is killed, what there was is there, and the
step completes what it began.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from gnomon.errors import StoreError
from gnomon.measurements.rows import SCHEMA
from gnomon.store.layout.catalog import Catalog
from gnomon.store.layout.engine_errors import reading_of
from gnomon.store.layout.kept import TABLES
from gnomon.store.layout.place import Place
from gnomon.store.layout.schema import (
    FORMAT_VERSION,
    RECORDED_AT,
    SOURCE,
    STORED_SCHEMA,
    SUPERSEDED_AT,
    table_names,
)
from gnomon.store.layout.tables import Tables, collect, read_format, write_format
from gnomon.store.upkeep.maintenance import Progress, silent

__all__ = ["Made", "init_store"]

_BLOCK = 500_000  # rows that are in memory at once
_TIDY, _CHAINS, _REMOVALS = "tidy", "chains", "removals"


@dataclass(frozen=True)
class Made:
    """What came of making a store.

    Attributes
    ----------
    uri
        Where it is.
    is_new
        Whether there was none.
    former
        The format from which it was brought to the present one; `None` if that was not needed.
    rows
        Measurements that were taken over.
    """

    uri: str
    is_new: bool
    former: int | None = None
    rows: int = 0


def init_store(uri: str, *, progress: Progress = silent) -> Made:
    """Make a store, or bring the one that is there into the present format.

    Whoever writes to the store with an earlier version of gnomon should have ended: what comes meanwhile is
    taken over too, but not what comes after the end.

    Parameters
    ----------
    uri
        A folder or ``s3://bucket/prefix``.
    progress
        Told how many of how many measurements have been taken over.

    Returns
    -------
    Made
        What was done.

    Raises
    ------
    NotOursError
        If there is something else; it is left as it is.
    StoreError
        If a store cannot be there, or is of a later format, or cannot be read or written. What was there is
        there then, and the same call goes on with it.
    """
    place = Place(uri)
    former = read_format(place)
    if former is None or former >= FORMAT_VERSION:
        tables = Tables(place)
        is_new = tables.init()
        rows = 0
        if not is_new and former == FORMAT_VERSION and _is_there(place):
            rows = _finish_first(tables, progress)
        return Made(place.uri, is_new, rows=rows)
    rows = 0
    for version in range(former, FORMAT_VERSION):
        rows += _STEPS[version](Tables(place, oldest=version), progress)
    return Made(place.uri, is_new=False, former=former, rows=rows)


def _first_to_second(tables: Tables, progress: Progress) -> int:
    """From tables by dimensions alone to those of single measurements and of bundles."""
    rows = _take_over(tables, progress)
    try:
        write_format(tables.place, 2)
    except OSError as error:
        raise tables.unwritable(error) from error
    return max(rows, _finish_first(tables, progress))


def _is_there(place: Place) -> bool:
    return bool({_TIDY, _CHAINS, _REMOVALS} & set(place.folders("")))


def _finish_first(tables: Tables, progress: Progress) -> int:
    """Take over what came before the marker was changed, and delete the former tables."""
    rows = _take_over(tables, progress)
    try:
        for folder in (_TIDY, _CHAINS, _REMOVALS):
            tables.place.delete(folder)
    except OSError as error:
        raise tables.unwritable(error) from error
    return rows


def _take_over(tables: Tables, progress: Progress) -> int:
    place = tables.place
    catalog = Catalog(place)
    former = [(name, *_files(place, f"{_TIDY}/{name}")) for name in place.folders(_TIDY)]
    total = sum(int(files["num_records"].sum()) for _, _, files in former)
    done = 0
    for name, identity, files in former:
        for part in _blocks(place, f"{_TIDY}/{name}", files):
            _append(tables, catalog, f"gnomon-format-1/{identity}", part)
            done += len(part)
            progress(done, total)
    for small in (_CHAINS, _REMOVALS):
        _keep(tables, small)
    return done


def _append(tables: Tables, catalog: Catalog, application: str, part: pl.DataFrame) -> None:
    """Append rows, those left out that an earlier attempt has appended."""
    last = int(part["_number"][-1])
    try:
        for table, rows in table_names(part):
            catalog.add(table, rows)
            tables.append(table, rows, application=application, last=last)
    except (DeltaError, OSError) as error:
        raise tables.unwritable(error) from error


def _files(place: Place, folder: str) -> tuple[str, pl.DataFrame]:
    """Give a table's identity and its files in the order in which they came, and who brought each."""
    nothing = pl.DataFrame(schema={"path": pl.String, "num_records": pl.Int64, SOURCE: pl.String})
    if not place.files(f"{folder}/_delta_log"):
        return "", nothing
    with reading_of(f"The table {place.uri}/{folder}"):
        delta = DeltaTable(place.table(folder), storage_options=place.storage_options)
        files = pl.DataFrame(pa.table(delta.get_add_actions()))
        identity = str(delta.metadata().id)
    sources = _sources(place, folder)
    # The order must be the same whenever this is done again, and what comes meanwhile be the last.
    who = pl.col("path").replace_strict(sources, default=None, return_dtype=pl.String)
    in_order = files.sort("modification_time", "path")
    return identity, in_order.select("path", "num_records", who.alias(SOURCE))


def _sources(place: Place, folder: str) -> dict[str, str]:
    """Say who brought which file, as far as the log remembers."""
    found: dict[str, str] = {}
    for name in place.files(f"{folder}/_delta_log"):
        content = place.read(f"{folder}/_delta_log/{name}") if name.endswith(".json") else None
        try:
            actions = [json.loads(line) for line in (content or b"").splitlines() if line.strip()]
        except ValueError as error:
            raise StoreError(f"The commit {place.uri}/{folder}/_delta_log/{name} cannot be read.") from error
        source = next((a["commitInfo"].get("gnomon.source") for a in actions if "commitInfo" in a), None)
        if source is not None:
            found |= {action["add"]["path"]: source for action in actions if "add" in action}
    return found


def _blocks(place: Place, folder: str, files: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Read a former table in blocks, rows numbered, in the present schema."""
    number = 0
    waiting: list[pl.DataFrame] = []
    size = 0
    for path, rows, source in files.select("path", "num_records", SOURCE).iter_rows():
        frame = pl.scan_parquet(
            [place.file(f"{folder}/{path}")],
            glob=False,
            hive_partitioning=False,
            storage_options=place.storage_options,
        )
        for begin in range(0, rows, _BLOCK):
            part = collect(frame.slice(begin, _BLOCK)).select(*SCHEMA.names, RECORDED_AT)
            waiting.append(
                part.with_columns(
                    pl.lit(source, pl.String).alias(SOURCE),
                    pl.lit(None, pl.Datetime("us")).alias(SUPERSEDED_AT),
                    (pl.int_range(pl.len()) + number).alias("_number"),
                ).select(*STORED_SCHEMA.names, "_number")
            )
            number += len(part)
            size += len(part)
            if size >= _BLOCK:
                yield pl.concat(waiting)
                waiting, size = [], 0
    if waiting:
        yield pl.concat(waiting)


def _keep(tables: Tables, name: str) -> None:
    """Take over the rows of a former small table that are not there yet."""
    _, files = _files(tables.place, name)
    if files.is_empty():
        return
    schema = TABLES[name]
    kinds = dict(pl.DataFrame(schema.empty_table()).schema)
    parts = [
        collect(
            pl.scan_parquet(
                [tables.place.file(f"{name}/{path}")],
                glob=False,
                hive_partitioning=False,
                storage_options=tables.place.storage_options,
            )
        )
        for path in files["path"]
    ]
    given = pl.concat(parts).select(
        pl.col(column).cast(kind) if column in parts[0].columns else pl.lit(None, kind).alias(column)
        for column, kind in kinds.items()
    )
    frame = tables.kept(name, schema)
    if frame is not None:
        key = [column for column, kind in kinds.items() if not isinstance(kind, pl.List)]
        given = given.join(collect(frame), on=key, how="anti", nulls_equal=True)
    if len(given):
        tables.keep(name, given.to_arrow().cast(schema))


_STEPS: dict[int, Callable[[Tables, Progress], int]] = {1: _first_to_second}
"""By the format from which it leads to the next."""
