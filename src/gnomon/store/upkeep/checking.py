"""Looking for what is wrong in a store, and mending what can be mended."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.exceptions import CommitFailedError, DeltaError

from gnomon.errors import GnomonError, StoreError
from gnomon.measurements.rows import NO_METRIC
from gnomon.store.hot_buffer.buffer import Buffer
from gnomon.store.layout import bundles
from gnomon.store.layout.catalog import Catalog, Contents, Known
from gnomon.store.layout.engine_errors import reading_of
from gnomon.store.layout.kept import TABLES, Kept
from gnomon.store.layout.keys import KEY
from gnomon.store.layout.schema import CURRENT_STATES, MERGED, STATE, SUPERSEDED, SUPERSEDED_AT
from gnomon.store.layout.tables import MARKER, Snapshot, Tables, collect
from gnomon.store.upkeep.maintenance import LEADING, Progress, compact, in_parts, silent
from gnomon.store.upkeep.rewriting import replace_files
from gnomon.store.upkeep.vacuum import GRACE, UNFINISHED, unreferenced

__all__ = ["Finding", "check"]

type Kind = Literal["damage", "catalog", "leftover", "note"]

_FOLDERS = frozenset({"single", "bundle", "kept", "catalog", "history"})
_FORMER = frozenset({"tidy", "chains", "removals"})
_APPLICATION = "gnomon-repair"
_AGAIN = (
    "Restore it from a copy. If there is none, `gnomon store check --repair --forget-damaged` goes on "
    "without it; then append or harvest again what it held"
)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes
    ----------
    kind
        ``damage``: something is lost or cannot be read; ``catalog``: answers lack what is there, until the
        catalog is mended; ``leftover``: what a killed process left, which takes room; ``note``: no harm.
    place
        Where, relative to the store.
    what
        What is wrong.
    remedy
        What to do.
    repaired
        Whether it was mended.
    """

    kind: Kind
    place: str
    what: str
    remedy: str
    repaired: bool = False

    @property
    def is_harmful(self) -> bool:
        """Whether answers are wrong or not to be had."""
        return self.kind in ("damage", "catalog") and not self.repaired

    def __str__(self) -> str:
        end = "Repaired." if self.repaired else f"{self.remedy}."
        return f"{self.kind}: {self.place}: {self.what}. {end}"


def check(
    tables: Tables,
    catalog: Catalog,
    kept: Kept,
    buffer: Buffer,
    *,
    repair: bool = False,
    forget_damaged: bool = False,
    alone: bool = False,
    progress: Progress = silent,
) -> list[Finding]:
    """Look for what is wrong in a store: every file is read whole.

    Parameters
    ----------
    tables
        The store's tables.
    catalog
        Its catalog.
    kept
        Its small tables.
    buffer
        Its buffer on this host.
    repair
        Whether to mend the catalog, and tables in which a measurement holds twice.
    forget_damaged
        Whether, with ``repair``, tables go on without files that are lost or damaged.
    alone
        Whether nobody else uses the store, so that a repair may take out of the catalog what no table has.
    progress
        Told how many of how many files are done.

    Returns
    -------
    list of Finding
        What was found, worst first.
    """
    found: list[Finding] = []
    place = tables.place
    if not place.exists(MARKER):
        return found
    names = {name.folder: name for name in tables.names()}
    folders = [*names, *(f"kept/{name}" for name in place.folders("kept"))]
    opened: dict[str, Snapshot] = {}
    for folder in folders:
        problems, snapshot = _log(tables, folder)
        found += problems
        if snapshot is not None:
            opened[folder] = snapshot
    total = sum(len(snapshot.files) for snapshot in opened.values())
    done = 0
    contents: Known = {}
    whole = len(opened) == len([folder for folder in folders if _has_files(tables, folder)])
    for folder, snapshot in opened.items():
        damaged: list[str] = []
        for path, problem in _files(snapshot):
            done += 1
            progress(done, total)
            if problem is not None:
                damaged.append(path)
                found.append(Finding("damage", f"{folder}/{path}", problem, _AGAIN))
        if damaged and repair and forget_damaged:
            _forget(tables, snapshot, damaged)
            places = {f"{folder}/{path}" for path in damaged}
            found = [replace(item, repaired=True) if item.place in places else item for item in found]
            damaged = []
            again = tables.open_folder(folder)
            if again is None:
                continue
            snapshot = again
        if damaged or folder not in names:
            whole = whole and not damaged
            continue
        try:
            for item in _rows(snapshot):
                if repair:
                    compact(tables, names[folder], removals=kept.removals(), whole=True)
                found.append(replace(item, repaired=repair))
            contents[names[folder]] = _contents(snapshot)
        except StoreError as error:
            whole = False
            found += _unreadable(snapshot, error)
    found += _catalog(catalog, contents, repair=repair, alone=alone, whole=whole)
    found += _buffer(buffer)
    found += _leftovers(tables, folders)
    rank: dict[Kind, int] = {"damage": 0, "catalog": 1, "leftover": 2, "note": 3}
    return sorted(found, key=lambda item: rank[item.kind])


def _has_files(tables: Tables, folder: str) -> bool:
    return any(entry.name.endswith(".parquet") for entry in tables.place.tree(folder))


def _log(tables: Tables, folder: str) -> tuple[list[Finding], Snapshot | None]:
    """Read the log of a table, each commit by itself and all together."""
    log = f"{folder}/_delta_log"
    if folder.startswith("kept/") and folder.removeprefix("kept/") not in TABLES:
        return [Finding("note", folder, "gnomon knows no such table", "Nothing needs to be done")], None
    commits = [name for name in tables.place.files(log) if name.endswith(".json")]
    restore = "Restore the table's log from a copy of the store"
    problems = ((f"{log}/{name}", _commit_problem(tables.place.read(f"{log}/{name}"))) for name in commits)
    found = [Finding("damage", place, problem, restore) for place, problem in problems if problem is not None]
    snapshot = None
    try:
        snapshot = tables.open_folder(folder)
        if snapshot is not None:
            with reading_of(f"The list of files of {folder}"):
                len(snapshot.files)
    except StoreError as error:
        snapshot = None
        if not found:  # else it is the same thing once more
            found.append(Finding("damage", log, error.message.rstrip("."), restore))
    if snapshot is None and not found and _has_files(tables, folder):
        found.append(Finding("damage", log, "The log of this table is gone", restore))
    return found, snapshot


def _commit_problem(content: bytes | None) -> str | None:
    """Say what is wrong with a commit; `None` if nothing is, or it was put into a checkpoint meanwhile."""
    if content is None:
        return None
    try:
        actions = [json.loads(line) for line in content.splitlines() if line.strip()]
        kinds = [kind for action in actions for kind in action]
        info = next((action["commitInfo"] for action in actions if "commitInfo" in action), None)
        promised = None if info is None else info.get("operationMetrics", {}).get("num_added_files")
    except (ValueError, TypeError, AttributeError) as error:
        return f"This commit cannot be read ({error})"
    if info is None:
        return "This commit lacks its beginning or end: it does not say what was done"
    if promised is not None and kinds.count("add") < int(promised):
        return f"This commit names {kinds.count('add')} files of {promised}: its end is missing"
    if not kinds or set(kinds) <= {"commitInfo"}:
        return "This commit does nothing: its end is missing"
    return None


def _files(snapshot: Snapshot) -> Iterator[tuple[str, str | None]]:
    """Read each file of a table whole, and say what is wrong with it."""
    for path, size, rows in snapshot.files.select("path", "size_bytes", "num_records").iter_rows():
        yield path, _file_problem(snapshot, path, size, rows)


def _file_problem(snapshot: Snapshot, path: str, size: int, rows: int | None) -> str | None:
    name = f"{snapshot.folder}/{path}"
    place = snapshot.place
    if not place.exists(name):
        return "This file is gone"
    if place.size(name) != size:
        return f"This file has {place.size(name)} bytes instead of {size}"
    try:
        with reading_of("It"), place.input(name) as source:
            file = pq.ParquetFile(source, page_checksum_verification=True)
            if rows is not None and file.metadata.num_rows != rows:
                return f"This file has {file.metadata.num_rows} rows, and the table's log says {rows}"
            read = 0
            for group in range(file.num_row_groups):
                values = file.read_row_group(group)
                read += len(values)
                if wrong := _wrong_bounds(values, file.metadata.row_group(group)):
                    return f"This file is damaged: what it says of its column {wrong} is not so"
            if read != file.metadata.num_rows:
                return f"This file has {read} rows, and its end says {file.metadata.num_rows}"
    except StoreError as error:
        cause = error.__cause__ or error
        return f"This file is damaged: {str(cause).strip().rstrip('.')[:200]}"
    except (ValueError, TypeError, MemoryError, OverflowError, UnicodeError) as error:
        return f"This file is damaged: {error}"
    return None


def _wrong_bounds(values: pa.Table, group: Any) -> str | None:
    """Name a column whose bounds, by which questions pass over it, are not those of its values."""
    for index in range(group.num_columns):
        column = group.column(index)
        statistics = column.statistics
        if statistics is None or column.path_in_schema not in values.column_names:
            continue
        own = values[column.path_in_schema]
        if statistics.has_null_count and statistics.null_count != own.null_count:
            return str(column.path_in_schema)
        if statistics.has_min_max:
            least, greatest = pc.min_max(own).as_py().values()
            # A long text may be cut short there.
            if least is not None and not (statistics.min <= least and greatest <= statistics.max):
                return str(column.path_in_schema)
    return None


def _unreadable(snapshot: Snapshot, error: StoreError) -> list[Finding]:
    """Say which files make a question fail, though each looked good."""
    found = []
    for path in snapshot.files["path"]:
        frame = snapshot.scan((*CURRENT_STATES, SUPERSEDED), paths=[path])
        try:
            collect(frame.select(pl.all().null_count()))
        except StoreError as problem:
            what = f"This file is damaged: {problem.__cause__ or problem}".splitlines()[0].rstrip(".")
            found.append(Finding("damage", f"{snapshot.folder}/{path}", what, _AGAIN))
    return found or [Finding("damage", snapshot.folder, error.message.rstrip("."), _AGAIN)]


def _forget(tables: Tables, snapshot: Snapshot, paths: list[str]) -> None:
    files = snapshot.files.filter(pl.col("path").is_in(paths))
    try:
        replace_files(snapshot, files, [], application=_APPLICATION)
    except CommitFailedError as error:
        raise StoreError(
            f"The table {snapshot.folder} was changed at the same moment: check again. Nothing was forgotten."
        ) from error
    except (DeltaError, OSError) as error:
        raise tables.unwritable(error) from error


def _rows(snapshot: Snapshot) -> Iterator[Finding]:
    """Look for measurements that hold twice in files that are in order, and for ends that should not be."""
    remedy = "`gnomon store check --repair` puts the table in order"
    files = snapshot.files.filter(pl.col(STATE) == MERGED)
    twice = 0
    if len(files):
        key = ["dataset_id"] if snapshot.name.is_bundle else list(KEY)
        leading = [name for name in LEADING if name in snapshot.name.dimensions]
        for part in in_parts(snapshot, files, columns=list(dict.fromkeys((*key, "metric", *leading)))):
            again = part.filter(part.select(key).is_duplicated())
            if len(again) and snapshot.name.is_bundle:
                again = _measured_twice(snapshot, again["dataset_id"].unique())
            twice += len(again)
    if twice:
        yield Finding(
            "damage", snapshot.folder, f"{twice} measurements hold that share their key with another", remedy
        )
    for state, wrong, what in (
        (CURRENT_STATES, pl.col(SUPERSEDED_AT).is_not_null(), "are said to hold and not to hold"),
        ((SUPERSEDED,), pl.col(SUPERSEDED_AT).is_null(), "hold no more, and nobody says since when"),
    ):
        count = collect(snapshot.scan(state).select(wrong.sum())).item()
        if count:
            yield Finding("note", snapshot.folder, f"{count} rows {what}", remedy)


def _measured_twice(snapshot: Snapshot, ids: pl.Series) -> pl.DataFrame:
    rows = collect(snapshot.scan((MERGED,)).filter(pl.col("dataset_id").is_in(ids.implode())))
    measured = bundles.unfold(rows, bundles.metric_columns(rows.columns))
    return measured.filter(measured.select(KEY).is_duplicated())


def _contents(snapshot: Snapshot) -> dict[str, Contents]:
    """Say what is in a table, whether or not it holds."""
    frame = snapshot.scan((*CURRENT_STATES, SUPERSEDED))
    result: dict[str, Contents] = {}
    for dataset_type, run in collect(frame.select("dataset_type", "run").unique()).iter_rows():
        result.setdefault(dataset_type, Contents()).runs.add(run)
    if not snapshot.name.is_bundle:
        for dataset_type, metric in collect(frame.select("dataset_type", "metric").unique()).iter_rows():
            if metric != NO_METRIC:
                result[dataset_type].metrics.add(metric)
        return result
    columns = bundles.metric_columns(snapshot.columns)
    if columns and result:
        there = collect(frame.select(pl.col(column.name).is_not_null().any() for column in columns)).row(0)
        metrics = {column.metric for column, is_there in zip(columns, there, strict=True) if is_there}
        if bundles.WITHOUT_VALUE in snapshot.columns:
            empty = collect(frame.select(pl.col(bundles.WITHOUT_VALUE).explode().drop_nulls().unique()))
            metrics |= {column.metric for column in bundles.metric_columns(empty.to_series())}
        for held in result.values():
            held.metrics |= metrics
    return result


def _catalog(
    catalog: Catalog, contents: Known, *, repair: bool, alone: bool, whole: bool
) -> Iterator[Finding]:
    """Hold the catalog against the tables."""
    known, damaged = catalog.inspect()
    mended = repair and (whole or not damaged)
    remedy = "`gnomon store check --repair` makes it anew"
    found = [
        Finding("catalog", f"catalog/{name}", reason, remedy, repaired=mended)
        for name, reason in damaged.items()
    ]
    for table, types in contents.items():
        for dataset_type, held in types.items():
            said = known.get(table, {}).get(dataset_type, Contents())
            for of in ("metrics", "runs"):
                lacking = sorted(getattr(held, of) - getattr(said, of))
                if lacking or dataset_type not in known.get(table, {}):
                    what = f"The catalog lacks {len(lacking)} {of} of {dataset_type or 'jobs'}"
                    what += f", such as {lacking[0]}" if lacking else ""
                    found.append(Finding("catalog", table.folder, what, remedy, repaired=mended))
    for table, types in known.items():
        if table not in contents and not whole:
            continue
        for dataset_type, said in types.items():
            held = contents.get(table, {}).get(dataset_type, Contents())
            beyond = sorted((said.metrics - held.metrics) | (said.runs - held.runs))
            if beyond or dataset_type not in contents.get(table, {}):
                what = f"The catalog has {len(beyond)} names of {dataset_type or 'jobs'} that no row has"
                what += f", such as {beyond[0]}" if beyond else ""
                end = "It does no harm; `gnomon store check --repair --alone` takes them out"
                gone = repair and alone and whole
                found.append(Finding("note", table.folder, what, end, repaired=gone))
    if mended and found:
        if alone and whole:
            catalog.replace(contents)
        else:
            catalog.mend(contents, damaged)
    yield from found


def _buffer(buffer: Buffer) -> Iterator[Finding]:
    try:
        buffer.rows()
    except GnomonError as error:
        yield Finding("damage", str(buffer.path), error.message.rstrip("."), "The message says what to do")


def _leftovers(tables: Tables, folders: list[str]) -> Iterator[Finding]:
    place = tables.place
    remedy = "`gnomon store vacuum` deletes them"
    for folder in folders:
        try:
            entries = unreferenced(tables, folder, GRACE)
        except StoreError:  # the table is among the findings already
            continue
        if entries:
            size = sum(entry.size for entry in entries) / 1e6
            yield Finding(
                "leftover", folder, f"{len(entries)} files ({size:.1f} MB) that no table has", remedy
            )
    for folder in ("", "catalog", "history"):
        entries = [
            entry
            for entry in place.tree(folder, recursive=False)
            if UNFINISHED.search(entry.name) and entry.age > GRACE.total_seconds()
        ]
        if entries:
            what = f"{len(entries)} files that a process did not finish"
            yield Finding("leftover", folder or ".", what, remedy)
    for name in place.folders(""):
        if name in _FORMER:
            what = "This folder is of a former format"
            yield Finding("leftover", name, what, "`gnomon store init` completes what it began")
        elif name not in _FOLDERS:
            yield Finding("note", name, "This folder is not the store's", "Nothing needs to be done")
