"""Quantum graphs built without what is marked bad."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsst.daf.butler import Butler, InvalidQueryError, MissingCollectionError
from lsst.pipe.base import Pipeline
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.pipeline_graph import PipelineGraph, PipelineGraphError
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.quantum_graph_builder import QuantumGraphBuilder, QuantumGraphBuilderError
from lsst.pipe.base.quantum_graph_skeleton import DatasetKey, QuantumGraphSkeleton

from gnomon import times
from gnomon.annotations import EffectiveFlag
from gnomon.curation.exclusions import Vetoes
from gnomon.errors import CollectionNotFoundError, ExpressionError, GnomonError, RepositoryError, nearest

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
        The flags that took effect, and how many datasets and quanta each of them took out directly; what was
        pruned for want of these is not counted.
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

    Existing input datasets that are vetoed, or whose data ID is, are left out one by one; quanta whose own
    data ID is vetoed are left out with their outputs. The base class then prunes what is left without its
    inputs. A dataset that is left out is dropped: no dataset of the same data ID in another collection takes
    its place. Prerequisite inputs are not looked at.

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
        datasets = [key for key in skeleton if isinstance(key, DatasetKey)]
        for dataset in datasets:
            ref = skeleton.get_dataset_ref(dataset) or skeleton.get_output_for_skip(dataset)
            if ref is not None and (flag := self._vetoes.of(ref.dataId.mapping, ref.id)):
                skeleton.remove_dataset_nodes([dataset])
                self.excluded[flag] += 1
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
        The flags that exclude, see `gnomon.curation.exclusions.exclusions`.
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
        With the flags that took effect. All that were given are recorded in the graph's metadata, under
        ``gnomon_exclusions``.

    Raises
    ------
    RepositoryError
        If there is no such pipeline, it cannot be used, its graph cannot be built, or nothing is left to do.
    CollectionNotFoundError
        If an input collection does not exist.
    ExpressionError
        If the Butler does not understand ``where``.
    """
    flags = sorted(exclude, key=lambda flag: (flag.target.key, flag.flag))
    searched = ", ".join(inputs)
    if not searched:
        raise RepositoryError("A graph needs at least one input collection.")
    try:
        pipeline_graph = Pipeline.from_uri(str(pipeline)).to_graph()
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no pipeline at {str(pipeline)!r}.") from error
    except (ValueError, PipelineGraphError) as error:
        # A configuration that is refused says why in the error behind this one.
        reason = error.__cause__ if isinstance(error.__cause__, GnomonError) else error
        raise RepositoryError(f"The pipeline {str(pipeline)!r} cannot be used: {reason}") from error
    try:
        builder = ExcludingQuantumGraphBuilder(
            pipeline_graph,
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
    except MissingCollectionError as error:
        known = butler.collections.query("*")
        missing = next((name for name in inputs if name not in known), searched)
        raise CollectionNotFoundError(
            f"The repository has no collection {missing!r}.{nearest(missing, known)}"
        ) from error
    except InvalidQueryError as error:
        raise ExpressionError(f"The condition {where!r} cannot be used: {error}") from error
    except (QuantumGraphBuilderError, PipelineGraphError) as error:
        raise RepositoryError(f"The graph cannot be built: {error}") from error
    quanta = dict(components.header.n_task_quanta)
    if not sum(quanta.values()):
        condition = f" where {where}" if where else ""
        raise RepositoryError(
            f"There is nothing left to do: what {searched} holds for this pipeline{condition} is left out by "
            f"{_flags_in_words(builder.excluded)}."
            if builder.excluded
            else f"There is nothing to do: {searched} holds no inputs of this pipeline{condition}."
        )
    return Graph(components, quanta, dict(builder.excluded))


def _flags_in_words(excluded: Mapping[EffectiveFlag, int]) -> str:
    counts = Counter(flag.flag for flag in excluded)
    return ", ".join(f"{name} (set {count} times)" for name, count in sorted(counts.items()))


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
