"""What was left out of a graph that was written to a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from lsst.pipe.base.pipeline_graph import TaskImportMode
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph
from lsst.resources import ResourcePath

from gnomon.annotations import Cut
from gnomon.curation.graphs.accounts import TaskAccount
from gnomon.curation.graphs.record import FORMAT, decode
from gnomon.curation.graphs.recording import HEADER_KEY
from gnomon.errors import FormatError, GraphNotOursError, RepositoryError

__all__ = ["Explanation", "explain"]

_RECORD = re.compile(r"^config\.record\s*=\s*(['\"])(?P<text>[A-Za-z0-9+/=]*)\1\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Explanation:
    """What was left out of a graph.

    Parameters
    ----------
    head
        All that the header says.
    record
        All that was left out, with the columns of `gnomon.curation.graphs.record.RECORD_COLUMNS`; None if the
        graph carries no record.
    """

    head: Mapping[str, Any]
    record: pa.Table | None = field(repr=False)

    @property
    def cut(self) -> Cut:
        """The events of the annotations on which the graph rests."""
        return Cut.parse(self.head["cut"])

    @property
    def policy(self) -> str:
        """The policy by which flags counted."""
        return str(self.head["policy"])

    @property
    def digest(self) -> str:
        """Names what was left out: equal digests leave out the same."""
        return str(self.head["digest"])

    @property
    def selection(self) -> Mapping[str, Any]:
        """What was asked for."""
        selection: Mapping[str, Any] = self.head["selection"]
        return selection

    @property
    def metrics_at(self) -> str | None:
        """As of which moment metrics counted, ISO 8601 in UTC."""
        return self.head.get("metrics_at")

    @property
    def tasks(self) -> tuple[TaskAccount, ...]:
        """What each task lost."""
        return tuple(TaskAccount(**task) for task in self.head["tasks"])

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should have known."""
        return tuple(self.head["warnings"])

    def rows(self, *effects: str) -> list[dict[str, Any]]:
        """Give what was left out, one row each.

        Parameters
        ----------
        *effects
            Only with these effects, see `gnomon.curation.graphs.record.RECORD_COLUMNS`; all by default.

        Returns
        -------
        list of dict
            Empty if the graph carries no record.
        """
        rows: list[dict[str, Any]] = [] if self.record is None else self.record.to_pylist()
        return [row for row in rows if not effects or row["effect"] in effects]


def explain(path: str | Path) -> Explanation:
    """Say what was left out of a graph.

    Parameters
    ----------
    path
        A path or URI of a quantum graph.

    Returns
    -------
    Explanation
        What is recorded in it. No task of its pipeline is imported.

    Raises
    ------
    GraphNotOursError
        If nothing was left out of it by gnomon, or it was asked for nothing.
    RepositoryError
        If there is no such file, or it is no quantum graph.
    FormatError
        If its record cannot be read.
    """
    uri = ResourcePath(str(path), forceAbsolute=True)
    if uri.getExtension() != ".qg":
        raise RepositoryError(f"A quantum graph is a file that ends in .qg; given was {str(path)!r}.")
    if not uri.exists():
        raise RepositoryError(f"There is no quantum graph at {str(path)!r}.")
    try:
        with PredictedQuantumGraph.open(uri, import_mode=TaskImportMode.DO_NOT_IMPORT) as reader:
            head = reader.header.metadata.get(HEADER_KEY)
            pipeline_graph = reader.components.pipeline_graph
    except Exception as error:  # whatever the middleware makes of a file that is something else
        raise RepositoryError(f"{str(path)!r} cannot be read as a quantum graph: {error}") from error
    if not isinstance(head, Mapping):
        raise GraphNotOursError(
            f"The graph {str(path)!r} was not built by gnomon, or was asked to leave out nothing."
        )
    if head.get("format") != FORMAT:
        raise FormatError(
            f"The record in {str(path)!r} has format {head.get('format')!r}; this gnomon reads {FORMAT}."
        )
    name = head.get("record")
    if name is None or name not in pipeline_graph.tasks:
        return Explanation(head, None)
    found = _RECORD.search(pipeline_graph.tasks[name].get_config_str())
    if found is None:
        raise FormatError(f"The record in {str(path)!r} cannot be found in its task {name}.")
    return Explanation(head, decode(found["text"]))
