"""Quantum graphs built without what is marked bad."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsst.daf.butler import Butler
from lsst.pipe.base import Pipeline
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.pipeline_graph import PipelineGraph
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.quantum_graph_builder import QuantumGraphBuilder
from lsst.pipe.base.quantum_graph_skeleton import QuantumGraphSkeleton

from gnomon import times
from gnomon.annotations import EffectiveFlag
from gnomon.curation.exclusions import Vetoes
from gnomon.errors import RepositoryError

__all__ = ["ExcludingQuantumGraphBuilder", "Graph", "build_graph"]


@dataclass(frozen=True)
class Graph:
    """A quantum graph, and what was left out of it.

    Attributes
    ----------
    components
        The graph, ready to be written or executed.
    quanta
        How many quanta each task has, by label.
    excluded
        The flags that took effect, and how many datasets and quanta each of them took out directly.
    """

    components: PredictedQuantumGraphComponents
    quanta: Mapping[str, int]
    excluded: Mapping[EffectiveFlag, int]

    def write(self, path: Path) -> None:
        """Write the graph to a file that ``pipetask``, quantum-backed execution and BPS take.

        Parameters
        ----------
        path
            Must end in ``.qg``.
        """
        self.components.write(str(path))


class ExcludingQuantumGraphBuilder(QuantumGraphBuilder):
    """Builds the graph that the stock builder would, without what is vetoed.

    Existing input datasets that are vetoed, or whose data ID is, are left out one by one; quanta whose own data
    ID is vetoed are left out with their outputs. The base class then prunes what is left without its inputs. A
    dataset that is left out is dropped: no dataset of the same data ID in another collection takes its place.
    Prerequisite inputs are not looked at.

    Parameters
    ----------
    pipeline_graph
        The pipeline.
    butler
        Client of the repository.
    vetoes
        What is left out.
    where, bind
        As for the stock builder.
    **kwargs
        As for `lsst.pipe.base.quantum_graph_builder.QuantumGraphBuilder`.
    """

    def __init__(
        self,
        pipeline_graph: PipelineGraph,
        butler: Butler,
        *,
        vetoes: Vetoes,
        where: str = "",
        bind: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pipeline_graph, butler, **kwargs)
        self._stock = AllDimensionsQuantumGraphBuilder(
            pipeline_graph, butler, where=where, bind=bind, **kwargs
        )
        # Finders that the stock builder uses up must be gone from ours too.
        self._stock.prerequisite_info = self.prerequisite_info
        self._vetoes = vetoes
        self.excluded: Counter[EffectiveFlag] = Counter()

    def process_subgraph(self, subgraph: PipelineGraph) -> QuantumGraphSkeleton:
        """Let the stock builder make the skeleton, and take out what is vetoed."""
        skeleton = self._stock.process_subgraph(subgraph)
        if not self._vetoes:
            return skeleton
        for key in list(skeleton.iter_all_quanta()):
            if flag := self._vetoes.of(skeleton.get_data_id(key).mapping):
                skeleton.remove_quantum_node(key, remove_outputs=True)
                self.excluded[flag] += 1
        vetoed = []
        for key in skeleton:
            if key.is_task:
                continue
            ref = skeleton.get_dataset_ref(key) or (
                None if key.is_prerequisite else skeleton.get_output_for_skip(key)
            )
            if ref is not None and (flag := self._vetoes.of(ref.dataId.mapping, ref.id)):
                vetoed.append(key)
                self.excluded[flag] += 1
        skeleton.remove_dataset_nodes(vetoed)
        return skeleton


def build_graph(
    butler: Butler,
    pipeline: str | Path,
    *,
    exclude: Iterable[EffectiveFlag],
    inputs: Sequence[str],
    output_run: str,
    output: str | None = None,
    where: str = "",
    bind: Mapping[str, Any] | None = None,
) -> Graph:
    """Build a quantum graph without what is marked bad.

    Parameters
    ----------
    butler
        Client of the repository.
    pipeline
        A pipeline file or URI.
    exclude
        The flags that take effect, see `gnomon.curation.exclusions.exclusions`.
    inputs
        Collections to search for input datasets.
    output_run
        The RUN collection that will hold the outputs.
    output
        The CHAINED collection that will lead to it.
    where, bind
        A further condition on data IDs, in the Butler's language.

    Returns
    -------
    Graph
        With the flags that took effect. They are recorded in the graph's metadata too.

    Raises
    ------
    RepositoryError
        If nothing is left to do.
    """
    flags = sorted(exclude, key=lambda flag: (flag.target.key, flag.flag))
    builder = ExcludingQuantumGraphBuilder(
        Pipeline.from_uri(str(pipeline)).to_graph(),
        butler,
        vetoes=Vetoes(flags),
        where=where,
        bind=bind,
        input_collections=list(inputs),
        output_run=output_run,
    )
    components = builder.finish(
        output=output,
        metadata={"gnomon_exclusions": [_record(flag) for flag in flags]},
        attach_datastore_records=True,
    )
    quanta = dict(components.header.n_task_quanta)
    if not sum(quanta.values()):
        raise RepositoryError(
            f"There is nothing left to do: {len(flags)} flags leave out all that {list(inputs)} hold for this pipeline."
            if flags
            else f"There is nothing to do: {list(inputs)} hold no inputs of this pipeline."
        )
    return Graph(components, quanta, dict(builder.excluded))


def _record(flag: EffectiveFlag) -> dict[str, str]:
    return {
        "target": flag.target.key,
        "flag": flag.flag,
        "by": flag.by.name,
        "kind": flag.by.kind,
        "reason": flag.reason,
        "annotation": str(flag.annotation_id),
        "recorded_at": times.to_utc_iso(flag.recorded_at),
    }
