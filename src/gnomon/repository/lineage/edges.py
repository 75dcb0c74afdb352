"""The words of lineage: an edge from a dataset to one that it was made from, and how that is known."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import polars as pl
import pyarrow as pa

from gnomon.dataids import takes_integer
from gnomon.errors import LineageError, nearest

__all__ = [
    "DATASETS",
    "EDGES",
    "KINDS",
    "Dataset",
    "DatasetsLike",
    "Edge",
    "EdgesLike",
    "Kind",
    "bits_of",
    "data_id_of",
    "data_id_text",
    "dataset_frame",
    "edge_frame",
    "identifier",
]

Kind = Literal["predicted", "read", "used"]
"""How it is known that a dataset was made from another.

*predicted*: a quantum graph says that it would be an input. *read*: it was handed to the task before the
dataset was written, even if the task then discarded it. *used*: the task, or the dataset itself, says that it
went in.
"""

KINDS: Mapping[str, int] = {"predicted": 1, "read": 2, "used": 4}
"""The bit that stands for each kind in the database; a greater one is the stronger word."""

_LENGTH = 16

EDGES = pl.Schema(
    {"child": pl.Binary, "parent": pl.Binary, "kind": pl.String, "quantum": pl.Binary, "task": pl.String}
)
"""The columns of edges: UUIDs of 16 bytes; quantum and task may be null."""

DATASETS = pl.Schema(
    {"dataset": pl.Binary, "dataset_type": pl.String, "data_id": pl.String, "run": pl.String}
)
"""The columns of what is known of datasets: the UUID; type, data ID (a JSON object) and run may be null."""


class Edge(NamedTuple):
    """That a dataset was made from another.

    Attributes
    ----------
    child, parent
        UUIDs of the dataset that was made, and of what it was made from.
    kind
        How that is known.
    quantum
        The UUID of the quantum that made it, where it is known.
    task
        The label of that quantum's task.
    """

    child: uuid.UUID
    parent: uuid.UUID
    kind: Kind = "read"
    quantum: uuid.UUID | None = None
    task: str | None = None


class Dataset(NamedTuple):
    """What is known of a dataset, so that it can be named after it is gone.

    Attributes
    ----------
    id
        Its UUID.
    dataset_type, data_id, run
        What the repository says of it; `None` where nobody knows it.
    """

    id: uuid.UUID
    dataset_type: str | None = None
    data_id: Mapping[str, int | str] | None = None
    run: str | None = None


type EdgesLike = pa.Table | pl.DataFrame | Iterable[Edge]
type DatasetsLike = pa.Table | pl.DataFrame | Iterable[Dataset]


def data_id_text(data_id: Mapping[str, int | str] | None) -> str | None:
    """Write a data ID as it is kept.

    Parameters
    ----------
    data_id
        Dimensions and values.

    Returns
    -------
    str or None
        A JSON object with sorted keys.
    """
    if data_id is None:
        return None
    return json.dumps(dict(sorted(data_id.items())), separators=(",", ":"), ensure_ascii=False)


def data_id_of(text: str | None) -> dict[str, int | str]:
    """Read what `data_id_text` wrote.

    Parameters
    ----------
    text
        The JSON object.

    Returns
    -------
    dict
        Dimensions and values; empty if nothing is known.
    """
    return {} if text is None else dict(json.loads(text))


def bits_of(kinds: Iterable[str] | None) -> int:
    """Turn names of kinds into a mask.

    Parameters
    ----------
    kinds
        Names; `None` means all.

    Returns
    -------
    int
        The sum of their bits.

    Raises
    ------
    LineageError
        If there is no such kind, or none is given.
    """
    if kinds is None:
        return sum(KINDS.values())
    mask = 0
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise LineageError(f"{kind!r} is no kind of lineage.{nearest(str(kind), get_args(Kind))}")
        mask |= KINDS[kind]
    if not mask:
        raise LineageError(f"No kind of lineage was given; there are {', '.join(KINDS)}.")
    return mask


def identifier(given: uuid.UUID | bytes | str) -> bytes:
    """Read the UUID of a dataset or quantum.

    Parameters
    ----------
    given
        A UUID, its 16 bytes or its text.

    Returns
    -------
    bytes
        Its 16 bytes.

    Raises
    ------
    LineageError
        If it is none.
    """
    if isinstance(given, uuid.UUID):
        return given.bytes
    if isinstance(given, bytes) and len(given) == _LENGTH:
        return given
    if isinstance(given, str):
        try:
            return uuid.UUID(given).bytes
        except ValueError:
            pass
    raise LineageError(f"{given!r} is not the UUID of a dataset.")


def edge_frame(edges: EdgesLike) -> pl.DataFrame:
    """Bring edges into columns.

    Parameters
    ----------
    edges
        A table with the columns of `EDGES`, of which ``quantum`` and ``task`` may be absent, or edges.

    Returns
    -------
    polars.DataFrame
        In the schema `EDGES`.

    Raises
    ------
    LineageError
        If it has other columns, a UUID is none, a kind unknown, or a dataset made from itself.
    """
    if isinstance(edges, pa.Table | pl.DataFrame):
        frame = _conform(edges, EDGES, ("child", "parent", "kind"))
    else:
        rows = [
            (
                identifier(edge.child),
                identifier(edge.parent),
                edge.kind,
                None if edge.quantum is None else identifier(edge.quantum),
                edge.task,
            )
            for edge in edges
        ]
        frame = pl.DataFrame(rows, schema=EDGES, orient="row")
    _check_ids(frame, ("child", "parent", "quantum"))
    bits_of(frame["kind"].unique().to_list() or None)
    own = frame.filter(pl.col("child") == pl.col("parent"))
    if len(own):
        raise LineageError(f"The dataset {uuid.UUID(bytes=own['child'][0])} is said to be made from itself.")
    return frame


def dataset_frame(datasets: DatasetsLike) -> pl.DataFrame:
    """Bring what is known of datasets into columns.

    Parameters
    ----------
    datasets
        A table with the columns of `DATASETS`, of which all but the first may be absent, or datasets.

    Returns
    -------
    polars.DataFrame
        In the schema `DATASETS`.

    Raises
    ------
    LineageError
        If it has other columns, a UUID is none, or a data ID no JSON object.
    """
    if isinstance(datasets, pa.Table | pl.DataFrame):
        frame = _conform(datasets, DATASETS, ("dataset",))
        for text in frame["data_id"].drop_nulls().head(1):
            _check_data_id(text)
    else:
        rows = [(identifier(d.id), d.dataset_type, data_id_text(d.data_id), d.run) for d in datasets]
        frame = pl.DataFrame(rows, schema=DATASETS, orient="row")
    _check_ids(frame, ("dataset",))
    return frame


def _conform(table: pa.Table | pl.DataFrame, schema: pl.Schema, needed: Iterable[str]) -> pl.DataFrame:
    frame = pl.from_arrow(table) if isinstance(table, pa.Table) else table
    assert isinstance(frame, pl.DataFrame)
    for name in frame.columns:
        if name not in schema:
            raise LineageError(f"The table has a column {name!r}.{nearest(name, schema)}")
    for name in needed:
        if name not in frame.columns:
            raise LineageError(f"The table lacks the column {name!r}; it has {', '.join(frame.columns)}.")
    try:
        return frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in schema.items()
        )
    except pl.exceptions.PolarsError as error:
        raise LineageError(f"The table's columns are not of the expected types: {error}") from error


def _check_ids(frame: pl.DataFrame, names: Iterable[str]) -> None:
    for name in names:
        column = frame[name]
        if name != "quantum" and column.null_count():
            raise LineageError(f"A UUID is missing in {name!r}.")
        wrong: list[Any] = column.filter(column.bin.size() != _LENGTH).head(1).to_list()
        if wrong:
            raise LineageError(f"{wrong[0]!r} in {name!r} is not a UUID of {_LENGTH} bytes.")


def _check_data_id(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or any(takes_integer(k) and type(v) is not int for k, v in value.items()):
        raise LineageError(f"{text!r} is not the JSON object of a data ID.")
