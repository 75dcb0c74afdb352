"""Writing measurements into one Parquet file, metric by metric, so that memory bounds one metric only."""

import uuid
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from gnomon.errors import NotOursError, StoreError
from gnomon.measurements.rows import SCHEMA
from gnomon.store.layout.engine_errors import in_one_line
from gnomon.store.layout.place import Place
from gnomon.store.upkeep.maintenance import Progress

__all__ = ["write_parquet"]

_GROUP = 500_000


def write_parquet(
    path: str,
    metrics: Iterable[str],
    load: Callable[[str], pa.Table],
    *,
    overwrite: bool,
    progress: Progress,
) -> int:
    """Write measurements into a file, which is there when it is whole.

    Parameters
    ----------
    path
        The file: a path, or ``s3://bucket/name``.
    metrics
        Names of metrics, each once.
    load
        Gives the measurements of one of them, in `gnomon.measurements.rows.SCHEMA`.
    overwrite
        Whether a file that is there already may be replaced.
    progress
        Told how many of how many metrics are done.

    Returns
    -------
    int
        How many measurements were written.

    Raises
    ------
    NotOursError
        If there is such a file already; it is left as it is.
    StoreError
        If it cannot be written; there is no such file then.
    """
    folder, _, name = path.rpartition("/")
    if not PurePosixPath(name).name:
        raise StoreError(f"{path!r} names no file to export to; expected for example measurements.parquet.")
    place = Place(folder or ("/" if path.startswith("/") else "."))
    if place.exists(name) and not overwrite:
        raise NotOursError(
            f"{path} exists already; it is left as it is. Ask for it to be overwritten, or name another."
        )
    names = list(metrics)
    # An object of a bucket appears when it is closed; a file of a disk is renamed.
    unfinished = name if place.folder is None else f"{name}.unfinished-{uuid.uuid4().hex}"
    count = 0
    try:
        try:
            with (
                place.output(unfinished) as stream,
                pq.ParquetWriter(stream, SCHEMA, compression="zstd", write_page_checksum=True) as writer,
            ):
                for done, metric in enumerate(names):
                    rows = load(metric)
                    writer.write_table(rows, row_group_size=_GROUP)
                    count += len(rows)
                    progress(done + 1, len(names))
            if place.folder is not None:
                (place.folder / unfinished).replace(place.folder / name)
        except BaseException:
            place.delete(unfinished)
            raise
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be written: {in_one_line(error)}") from error
    return count
