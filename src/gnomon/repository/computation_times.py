"""When measurements were computed that do not say it themselves.

Their quantum's task metadata say it, where the repository has them. Else what is left is when the registry
learned of the dataset, and the row says that it is this.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

import polars as pl
from astropy.time import Time
from lsst.daf.butler import Butler, DatasetType

from gnomon import times
from gnomon.measurements.values import MEASURED_AT, moments
from gnomon.repository.file_places import file_places
from gnomon.repository.file_reading import read_files
from gnomon.repository.finding import DATASET_ID, RUN, find
from gnomon.repository.producers import Producers

__all__ = ["INGEST_DATE", "ComputationTimes", "ended_at"]

INGEST_DATE = "the registry's ingest date"
"""What the extras of a row say under ``measured_at`` if that is the last resort."""

_BATCH = 5_000
_ENDED = "ended"
_FEW = 0.3  # a part of all datasets of a type, below which asking for single ones is quicker


def ended_at(content: bytes | str) -> str | None:
    """Say when a quantum ended.

    Parameters
    ----------
    content
        Its task metadata, as JSON.

    Returns
    -------
    str or None
        The time in UTC as it stands there, without an offset; of a quantum that did not end, when it began.
        `None` if there is neither.
    """
    try:
        quantum = json.loads(content)["metadata"]["quantum"]
        for key in ("endUtc", "startUtc"):
            for part in ("scalars", "arrays"):
                value = quantum.get(part, {}).get(key)
                text = value[-1] if isinstance(value, list) and value else value
                if isinstance(text, str):
                    return text.removesuffix("+00:00")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


class ComputationTimes:
    """The times at which the quanta of runs ended.

    Parameters
    ----------
    butler
        The repository's client.
    runs
        RUN collections that exist.
    """

    def __init__(self, butler: Butler, runs: Iterable[str]) -> None:
        self._butler = butler
        self._runs = list(runs)
        self._producers = Producers(butler, self._runs)
        self._ended: dict[str, pl.DataFrame] = {}

    def fill(self, rows: pl.DataFrame, dataset_type: DatasetType) -> pl.DataFrame:
        """Put in when each row was computed, where it does not say it.

        Parameters
        ----------
        rows
            With the columns ``dataset_id``, ``run``, ``measured_at``, ``extras``, and those of the data ID.
        dataset_type
            Their type.

        Returns
        -------
        polars.DataFrame
            The same rows in the same order. Where ``measured_at`` is the ingest date, ``extras`` says so.
        """
        late = rows.filter(pl.col(MEASURED_AT).is_null()).unique(DATASET_ID)
        if late.is_empty():
            return rows
        known = self._of_quanta(late, dataset_type)
        rest = late.filter(pl.col(RUN).is_in(self._runs)).join(known, on=DATASET_ID, how="anti")
        ingested = _ingest_dates(self._butler, dataset_type, rest)
        return (
            rows.join(known, on=DATASET_ID, how="left", maintain_order="left")
            .join(ingested, on=DATASET_ID, how="left", maintain_order="left")
            .with_columns(
                pl.coalesce(MEASURED_AT, _ENDED, "ingested").alias(MEASURED_AT),
                pl.when(
                    pl.col(MEASURED_AT).is_null(),
                    pl.col(_ENDED).is_null(),
                    pl.col("ingested").is_not_null(),
                )
                .then(_with_label("extras"))
                .otherwise("extras")
                .alias("extras"),
            )
            .drop(_ENDED, "ingested")
        )

    def _of_quanta(self, late: pl.DataFrame, dataset_type: DatasetType) -> pl.DataFrame:
        """Give when the quanta ended that wrote datasets; those of which nobody knows it are left out."""
        frames = [pl.DataFrame(schema={DATASET_ID: late.schema[DATASET_ID], _ENDED: pl.Datetime("us")})]
        runs = set(late[RUN].unique().to_list())
        sources: dict[str, tuple[DatasetType, list[str]]] = {}
        for run, kinds in self._producers.metadata_of(dataset_type).items():
            for kind in kinds if run in runs else ():
                sources.setdefault(kind.name, (kind, []))[1].append(run)
        for kind, some in sources.values():
            required = list(kind.dimensions.required)
            wanted = late.filter(pl.col(RUN).is_in(some))
            ended = self._of_metadata(kind, some, wanted)
            frames.append(
                wanted.select(DATASET_ID, RUN, *required)
                .join(ended, on=[RUN, *required], how="inner")
                .select(DATASET_ID, _ENDED)
            )
        # Whoever read the dataset ended later than the one who wrote it.
        return pl.concat(frames).drop_nulls().group_by(DATASET_ID).agg(pl.col(_ENDED).min())

    def _of_metadata(self, kind: DatasetType, runs: Sequence[str], wanted: pl.DataFrame) -> pl.DataFrame:
        """Give when quanta ended, by run and data ID; each file is read once."""
        required = list(kind.dimensions.required)
        key = [RUN, *required]
        known = self._ended.get(kind.name)
        fresh = wanted.select(key).unique()
        if known is not None:
            fresh = fresh.join(known, on=key, how="anti")
        if fresh.is_empty() and known is not None:
            return known
        datasets = find(self._butler, kind, runs, data_ids=fresh if required else None)
        datasets = datasets.join(fresh, on=key, how="semi").select(DATASET_ID, *key)
        ids = datasets[DATASET_ID].to_list()
        texts: list[str | None] = [None] * len(ids)
        for position, text in read_files(file_places(self._butler, ids), _read):
            texts[position] = text if isinstance(text, str) else None
        numbers, missing = moments(texts)
        ended = pl.Series(_ENDED, numbers).cast(pl.Datetime("us")).set(pl.Series(missing), None)
        # What is not there is known too, and not looked for again.
        result = fresh.join(datasets.with_columns(ended).drop(DATASET_ID), on=key, how="left")
        both = result if known is None else pl.concat([known, result])
        self._ended[kind.name] = both
        return both


def _read(content: bytes, file: str) -> str | None:
    del file
    return ended_at(content)


def _with_label(extras: str) -> pl.Expr:
    label = json.dumps({MEASURED_AT: INGEST_DATE})
    return (
        pl.when(pl.col(extras).is_null())
        .then(pl.lit(label))
        .otherwise(pl.concat_str(pl.col(extras).str.head(-1), pl.lit(", " + label[1:])))
    )


def _ingest_dates(butler: Butler, dataset_type: DatasetType, datasets: pl.DataFrame) -> pl.DataFrame:
    """Give when the registry learned of datasets."""
    ids: list[bytes] = []
    dates: list[Time] = []
    own = dataset_type.name
    id_key, date_key = f"{own}.{DATASET_ID}", f"{own}.ingest_date"
    runs = datasets[RUN].unique().to_list()
    for some in _chosen(butler, dataset_type, runs, datasets):
        with butler.query() as query:
            query = query.join_dataset_search(own, runs)
            if some is not None:
                query = query.where(query.expression_factory[own].dataset_id.in_iterable(some))
            found = query.general(
                dataset_type.dimensions, dataset_fields={own: {"dataset_id", "ingest_date"}}, find_first=False
            )
            for row in found:
                ids.append(row[id_key].bytes)
                dates.append(row[date_key])
    frame = pl.DataFrame({DATASET_ID: ids}, schema={DATASET_ID: pl.Binary})
    return frame.with_columns(pl.Series("ingested", _tai(dates), pl.Int64).cast(pl.Datetime("us")))


def _chosen(
    butler: Butler, dataset_type: DatasetType, runs: Sequence[str], datasets: pl.DataFrame
) -> Iterable[list[Any] | None]:
    """Say which datasets to ask for at a time; `None` is all, which is quicker than many by their UUIDs."""
    if datasets.is_empty():
        return []
    with butler.query() as query:
        count = query.datasets(dataset_type, list(runs), find_first=False).count(exact=False)
    if len(datasets) > _FEW * count:
        return [None]
    ids = datasets[DATASET_ID].to_list()
    return ([uuid.UUID(bytes=given) for given in some] for some in batched(ids, _BATCH))


def _tai(dates: Sequence[Time]) -> Sequence[int]:
    """Express times in TAI microseconds, in one conversion."""
    if not dates:
        return []
    if any(date.scale != "tai" for date in dates):
        return [int(times.to_tai_us(date)) for date in dates]
    whole = Time([d.jd1 for d in dates], [d.jd2 for d in dates], format="jd", scale="tai")
    result: list[int] = times.to_tai_us(whole).tolist()
    return result
