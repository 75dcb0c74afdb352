"""The stock builder's graph, less what is left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lsst.daf.butler import Butler, DataCoordinate, DatasetRef
from lsst.pipe.base.all_dimensions_quantum_graph_builder import AllDimensionsQuantumGraphBuilder
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode
from lsst.pipe.base.quantum_graph_builder import QuantumGraphBuilder
from lsst.pipe.base.quantum_graph_skeleton import (
    DatasetKey,
    PrerequisiteDatasetKey,
    QuantumGraphSkeleton,
    QuantumKey,
)

from gnomon.curation.exclusions import Exclusion, Exclusions
from gnomon.curation.graphs.accounts import Accounts, InputKey
from gnomon.curation.graphs.falling_back import OnShadow, find_older
from gnomon.curation.graphs.made_before import cut_made_before
from gnomon.curation.graphs.prerequisites import ExcludingFinder, find_instead, minimum_of
from gnomon.errors import ExclusionError

__all__ = ["ExcludingQuantumGraphBuilder", "Lack"]

type Lack = tuple[DatasetRef, Exclusion]
"""A dataset that a quantum lacks, and why."""

_BASE = (
    "input_collections",
    "output_run",
    "skip_existing_in",
    "retained_dataset_types",
    "prune_unanchored_quanta",
    "clobber",
)


class ExcludingQuantumGraphBuilder(QuantumGraphBuilder):
    """Builds the graph that the stock builder would, without what is left out.

    * Input datasets that are left out, or whose run or data ID is, go one by one; quanta whose own data ID is
      left out go with their outputs. The base class then prunes what has no longer the inputs that it needs.
    * Prerequisite inputs go too, whichever way they are found. A task that needs one more than there are
      loses the quantum.
    * A dataset that the graph is to make is made, even if its data ID is marked, and nobody in this graph
      reads it. The same holds of one that exists and would be taken over instead of being made again: its
      task is not run again, which might make the same under another name, and nobody reads it.
    * Init-inputs are what tasks cannot be made without: one that is left out is an error of the graph.

    Parameters
    ----------
    pipeline_graph
        The pipeline.
    butler
        Client of the repository.
    exclusions
        What is left out.
    on_shadow
        What becomes of a data ID whose dataset is left out while an older one of the same type and data ID
        stands in a later input collection: ``drop`` leaves the data ID out; ``fall-back`` takes the first of
        the others that nothing leaves out.
    without
        Quanta that an earlier attempt found to lack what they need, with one dataset that each lacks.
    **kwargs
        As for the stock builder, `AllDimensionsQuantumGraphBuilder`.

    Attributes
    ----------
    accounts
        What was left out, and why.
    doomed
        Quanta that were found, too late to take them out, to lack prerequisite inputs that their task needs.
        If there are any, the graph is of no use and is to be built again ``without`` them.
    """

    def __init__(
        self,
        pipeline_graph: PipelineGraph,
        butler: Butler,
        *,
        exclusions: Exclusions,
        on_shadow: OnShadow = "drop",
        without: Mapping[QuantumKey, Lack] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pipeline_graph, butler, **{name: kwargs[name] for name in _BASE if name in kwargs})
        self._stock = AllDimensionsQuantumGraphBuilder(pipeline_graph, butler, **kwargs)
        # Finders that the stock builder uses up must be gone from ours too.
        self._stock.prerequisite_info = self.prerequisite_info
        self._exclusions = exclusions
        self._on_shadow: OnShadow = on_shadow
        self._without = dict(without or {})
        self.accounts = Accounts()
        self.doomed: dict[QuantumKey, Lack] = {}

    def process_subgraph(self, subgraph: PipelineGraph) -> QuantumGraphSkeleton:
        """Let the stock builder make the skeleton, and take out what is left out."""
        if self._exclusions:
            self._check_init_inputs(subgraph)
        skeleton = self._stock.process_subgraph(subgraph)
        if not self._exclusions.selection:
            return skeleton
        self.accounts.look(subgraph, skeleton)
        if not self._exclusions:
            return skeleton
        for key, (ref, why) in self._without.items():
            if key in skeleton:
                self.accounts.prerequisite(key, ref, why, None)
                skeleton.remove_quantum_node(key, remove_outputs=True)
        self._exclude_quanta(subgraph, skeleton)
        self._exclude_datasets(subgraph, skeleton)
        cut_made_before(
            self._pipeline_graph,
            subgraph,
            skeleton,
            self.accounts,
            rerun=self._retained_dataset_type_patterns is not None,
        )
        for label in subgraph.tasks:
            self._watch_finders(label)
        return skeleton

    def _check_init_inputs(self, subgraph: PipelineGraph) -> None:
        """Refuse what no task can be made without, or find another in its place."""
        known = self.empty_dimensions_datasets.inputs
        names = {
            edge.parent_dataset_type_name
            for task in subgraph.tasks.values()
            for edge in task.init.inputs.values()
        }
        wanted = {key: ref for key, ref in known.items() if key.parent_dataset_type_name in names}
        found = self._exclusions.of_datasets(list(wanted.values()), required=False)
        for (key, ref), why in zip(wanted.items(), found, strict=True):
            if why is None:
                continue
            older = {}
            if self._on_shadow == "fall-back":
                older = find_older(self.butler, self.input_collections, [ref], self._exclusions)
            if not older:
                raise ExclusionError(
                    f"Tasks cannot be made without the init-input {ref.datasetType.name} of "
                    f"{ref.run}, which is left out: {why}."
                )
            (instead,) = older.values()
            self.empty_dimensions_datasets = replace(
                self.empty_dimensions_datasets,
                inputs={**self.empty_dimensions_datasets.inputs, key: instead},
            )
            self.accounts.replaced(ref, instead, why)

    def _exclude_quanta(self, subgraph: PipelineGraph, skeleton: QuantumGraphSkeleton) -> None:
        for label, task in subgraph.tasks.items():
            shaped = self._exclusions.lookup.shaped(tuple(task.dimensions.data_coordinate_keys))
            if not shaped:
                continue
            full = shaped.reach > len(task.dimensions.required)
            for key in list(skeleton.get_quanta(label)):
                data_id = skeleton.get_data_id(key)
                why = shaped.at_data_id(data_id.full_values if full else key.data_id_values)
                if why is not None:
                    self.accounts.quantum(key, data_id, why)
                    skeleton.remove_quantum_node(key, remove_outputs=True)

    def _exclude_datasets(self, subgraph: PipelineGraph, skeleton: QuantumGraphSkeleton) -> None:
        by_type: dict[str, list[InputKey]] = {}
        for node in skeleton:
            if isinstance(node, DatasetKey | PrerequisiteDatasetKey):
                by_type.setdefault(node.parent_dataset_type_name, []).append(node)
        for dataset_type, keys in by_type.items():
            if (producer := subgraph.producer_of(dataset_type)) is None:
                self._exclude_inputs(subgraph, skeleton, dataset_type, keys)
            elif isinstance(producer, TaskNode):
                self._exclude_outputs(subgraph, skeleton, dataset_type, keys, producer)

    def _exclude_inputs(
        self,
        subgraph: PipelineGraph,
        skeleton: QuantumGraphSkeleton,
        dataset_type: str,
        keys: Iterable[InputKey],
    ) -> None:
        """Take out input datasets, or put older ones in their place."""
        existing = [(key, ref) for key in keys if (ref := skeleton.get_dataset_ref(key)) is not None]
        found = self._exclusions.of_datasets([ref for _, ref in existing])
        dimensions = subgraph.dataset_types[dataset_type].dimensions
        names = tuple(dimensions.data_coordinate_keys)
        self.accounts.ask(len(existing), names, self._exclusions.requirements)
        gone = [(key, ref, why) for (key, ref), why in zip(existing, found, strict=True) if why is not None]
        if not gone:
            return
        falling_back = self._on_shadow == "fall-back"
        regular = [(key, ref, why) for key, ref, why in gone if isinstance(key, DatasetKey)]
        older: Mapping[DataCoordinate, DatasetRef] = {}
        if falling_back:
            refs = [ref for _, ref, _ in regular]
            older = find_older(self.butler, self.input_collections, refs, self._exclusions)
        leaving: list[InputKey] = []
        for key, ref, why in regular:
            if (instead := older.get(ref.dataId)) is not None:
                skeleton.set_dataset_ref(instead.expanded(ref.dataId), key)
                self.accounts.replaced(ref, instead, why, key=key)
            else:
                leaving.append(key)
                self.accounts.dataset(key, ref, why)
        prerequisites: dict[InputKey, Lack] = {
            key: (ref, why) for key, ref, why in gone if not isinstance(key, DatasetKey)
        }
        if prerequisites:
            self._exclude_prerequisites(subgraph, skeleton, dataset_type, prerequisites)
        skeleton.remove_dataset_nodes([*leaving, *prerequisites])

    def _exclude_prerequisites(
        self,
        subgraph: PipelineGraph,
        skeleton: QuantumGraphSkeleton,
        dataset_type: str,
        gone: Mapping[InputKey, Lack],
    ) -> None:
        """Take out prerequisites that were found together, with the quanta that cannot do without."""
        for task in subgraph.tasks.values():
            edges = [
                edge
                for edge in task.prerequisite_inputs.values()
                if edge.parent_dataset_type_name == dataset_type
            ]
            if not edges:
                continue
            needed = max(minimum_of(task, edge) for edge in edges)
            for quantum in list(skeleton.get_quanta(task.label)):
                read = {
                    key
                    for key in skeleton.iter_inputs_of(quantum)
                    if key.parent_dataset_type_name == dataset_type
                }
                lost = {key: gone[key] for key in read if key in gone}
                if not lost:
                    continue
                left = len(read) - len(lost)
                if self._on_shadow == "fall-back":
                    data_id = skeleton.get_data_id(quantum)
                    found = self._search_anew(task.label, dataset_type, data_id, list(lost.values()))
                    others = [skeleton.add_prerequisite_node(ref) for ref in found]
                    skeleton.add_input_edges(quantum, others)
                    left = len((read - lost.keys()) | set(others))
                else:
                    for ref, why in lost.values():
                        self.accounts.prerequisite(quantum, ref, why, None)
                if left < needed <= len(read) and not self.accounts.was_run(quantum):
                    skeleton.remove_quantum_node(quantum, remove_outputs=True)

    def _search_anew(
        self, label: str, dataset_type: str, data_id: DataCoordinate, lost: Sequence[Lack]
    ) -> list[DatasetRef]:
        """Search prerequisites once more for a quantum that would have read one that is left out."""
        return find_instead(
            label,
            dataset_type,
            data_id,
            pipeline_graph=self._pipeline_graph,
            butler=self.butler,
            collections=self.input_collections,
            exclusions=self._exclusions,
            lost=lost,
            told=partial(self._told, label),
        )

    def _told(
        self, label: str, data_id: DataCoordinate, ref: DatasetRef, why: Exclusion, instead: DatasetRef | None
    ) -> None:
        self.accounts.prerequisite(QuantumKey(label, data_id.required_values), ref, why, instead)

    def _exclude_outputs(
        self,
        subgraph: PipelineGraph,
        skeleton: QuantumGraphSkeleton,
        dataset_type: str,
        keys: Iterable[InputKey],
        producer: TaskNode,
    ) -> None:
        """Cut what is made, or exists and is taken over, from those that would read it."""
        lookup = self._exclusions.lookup
        dimensions = subgraph.dataset_types[dataset_type].dimensions
        consumers = list(subgraph.consumers_of(dataset_type))
        existing = lookup.by_dataset and bool(self.skip_existing_in or self.output_run_exists)
        # Quanta that are left out took outputs of the same data ID with them.
        known = dimensions == producer.dimensions and dataset_type not in lookup.types
        if not consumers or (known and not existing):
            return
        shaped = lookup.shaped(tuple(dimensions.data_coordinate_keys), dataset_type)
        full = shaped.reach > len(dimensions.required)
        cut: dict[InputKey, tuple[Exclusion, DatasetRef | None]] = {}
        for key in keys:
            assert isinstance(key, DatasetKey)
            values = skeleton.get_data_id(key).full_values if full else key.data_id_values
            ref = skeleton.get_output_for_skip(key) or skeleton.get_output_in_the_way(key)
            if ref is not None and not self._taken_over(skeleton, producer, key):
                ref = None
            why = shaped.at_data_id(values) if ref is None else shaped.at_dataset(ref.id, ref.run, values)
            if why is not None:
                cut[key] = (why, ref)
        readers: dict[InputKey, list[QuantumKey]] = {key: [] for key in cut}
        if cut:
            for task in consumers:
                for quantum in skeleton.get_quanta(task.label):
                    read = [key for key in skeleton.iter_inputs_of(quantum) if key in cut]
                    skeleton.remove_input_edges(quantum, read)
                    for key in read:
                        readers[key].append(quantum)
        for key, (why, ref) in cut.items():
            if readers[key]:
                self.accounts.output(key, skeleton.get_data_id(key), ref, why, readers[key])

    def _taken_over(self, skeleton: QuantumGraphSkeleton, producer: TaskNode, key: DatasetKey) -> bool:
        """Say whether an output that exists will be there under the same UUID, and not be made anew.

        What is clobbered keeps its UUID, and with it what is said of it.
        """
        if skeleton.get_output_in_the_way(key) is not None:
            return True
        quantum = skeleton.get_producer_of(key)
        if not isinstance(quantum, QuantumKey):
            return True
        metadata = DatasetKey(producer.metadata_output.parent_dataset_type_name, quantum.data_id_values)
        return skeleton.get_output_for_skip(metadata) is not None

    def _watch_finders(self, label: str) -> None:
        info = self.prerequisite_info[label]

        def doom(data_id: DataCoordinate, ref: DatasetRef, why: Exclusion) -> None:
            self.doomed[QuantumKey(label, data_id.required_values)] = (ref, why)

        for name, finder in list(info.finders.items()):
            info.finders[name] = ExcludingFinder(
                finder,
                info,
                self._pipeline_graph,
                exclusions=self._exclusions,
                on_shadow=self._on_shadow,
                told=partial(self._told, label),
                doomed=doom,
            )
