"""The record of what was left out of a graph: a table with a head, small enough to travel in the graph."""

import base64
import binascii
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gnomon.curation.exclusions import Exclusion, Exclusions
from gnomon.curation.exclusions.exclusion import COLUMNS, table_of
from gnomon.curation.graphs.accounts import LeftOut, Pruned, TaskAccount
from gnomon.errors import FormatError

__all__ = ["FORMAT", "RECORD_COLUMNS", "decode", "encode", "head_of", "head_of_table", "record_of"]

FORMAT = 1
"""The version of the record."""

_KEY = b"gnomon"

RECORD_COLUMNS = pa.schema(
    [
        pa.field("effect", pa.string(), nullable=False, metadata={"doc": "what was done; see the docs"}),
        pa.field("what", pa.string(), nullable=False, metadata={"doc": "task or dataset type"}),
        pa.field("data_id", pa.string(), nullable=False, metadata={"doc": "JSON object"}),
        pa.field("dataset_id", pa.string(), nullable=False, metadata={"doc": "UUID, where it exists"}),
        pa.field("instead", pa.string(), nullable=False, metadata={"doc": "UUID of what took its place"}),
        *COLUMNS,
    ]
)
"""The columns of the record. An effect is one of

* ``quantum``: a task's quantum was left out, for its data ID;
* ``input``, ``prerequisite``: a dataset was left out from among the inputs;
* ``output``: a dataset that the graph makes, or that was made before, is read by nobody;
* ``replaced``: another dataset of the same data ID took its place;
* ``pruned``: a quantum went since what it needed was left out;
* ``nothing``: a mark that was in force and left out nothing here.
"""


def head_of(
    exclusions: Exclusions,
    tasks: Sequence[TaskAccount],
    left_out: Iterable[LeftOut],
    pruned: Sequence[Pruned],
    warnings: Sequence[str],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Say in short what was left out.

    Parameters
    ----------
    exclusions
        What was to be left out.
    tasks, left_out, pruned, warnings
        What came of it.
    more
        What else belongs in it.

    Returns
    -------
    dict
        Plain JSON values, the same size however much was left out.
    """
    counts = Counter((one.why.rule, one.why.name, one.effect) for one in left_out)
    return {
        "format": FORMAT,
        **exclusions.to_dict(),
        **more,
        "counts": [
            {"rule": rule, "name": name, "effect": effect, "count": count}
            for (rule, name, effect), count in sorted(counts.items())
        ],
        "pruned": len(pruned),
        "tasks": [asdict(task) for task in tasks],
        "warnings": list(warnings),
    }


def record_of(
    head: Mapping[str, Any], exclusions: Exclusions, left_out: Sequence[LeftOut], pruned: Sequence[Pruned]
) -> pa.Table:
    """Write down all that was left out, each with its reason.

    Parameters
    ----------
    head
        See `head_of`; it goes into the table's metadata.
    exclusions
        What was to be left out.
    left_out, pruned
        What came of it.

    Returns
    -------
    pyarrow.Table
        With `RECORD_COLUMNS`.
    """
    used = {id(one.why) for one in left_out} | {id(one.why) for one in pruned}
    idle = [mark for mark in exclusions.marks if id(mark) not in used]
    rows: list[tuple[str, str, str, str, str]] = [
        (one.effect, one.what, _json(one.data_id), one.dataset_id, one.instead) for one in left_out
    ]
    rows += [("pruned", one.task, _json(one.data_id), "", "") for one in pruned]
    rows += [("nothing", "", "", "", "")] * len(idle)
    why: list[Exclusion] = [*(one.why for one in left_out), *(one.why for one in pruned), *idle]
    first = zip(*rows, strict=True) if rows else [()] * 5
    columns = [pa.array(column, pa.string()) for column in first]
    table = pa.table([*columns, *table_of(why).columns], RECORD_COLUMNS)
    return table.replace_schema_metadata({_KEY: json.dumps(head).encode()})


def head_of_table(table: pa.Table) -> dict[str, Any]:
    """Give the head of a record that was read.

    Parameters
    ----------
    table
        The dataset ``gnomon_exclusions``.

    Returns
    -------
    dict
        See `head_of`.

    Raises
    ------
    FormatError
        If the table is no record.
    """
    try:
        head: dict[str, Any] = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError) as error:
        raise FormatError("The table is no record of what was left out of a graph.") from error
    return head


def encode(table: pa.Table) -> str:
    """Write a record as text.

    Parameters
    ----------
    table
        The record.

    Returns
    -------
    str
        ASCII, compressed.
    """
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=9)
    return base64.b64encode(buffer.getvalue()).decode()


def decode(text: str) -> pa.Table:
    """Read what `encode` wrote.

    Parameters
    ----------
    text
        The text.

    Returns
    -------
    pyarrow.Table
        The record.

    Raises
    ------
    FormatError
        If it is no record.
    """
    try:
        # Reading ahead in a thread of its own would end the process if that ends meanwhile.
        content = io.BytesIO(base64.b64decode(text, validate=True))
        return pq.ParquetFile(content, pre_buffer=False).read(use_threads=False)
    except (binascii.Error, pa.ArrowInvalid, ValueError) as error:
        raise FormatError(f"The record of what was left out cannot be read: {error}") from error


def _json(data_id: Mapping[str, int | str]) -> str:
    return json.dumps(data_id, separators=(",", ":"))
