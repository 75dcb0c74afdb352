"""What was left out of a graph, and what went in consequence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lsst.daf.butler import DataCoordinate, DatasetRef
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode
from lsst.pipe.base.quantum_graph_skeleton import (
    DatasetKey,
    PrerequisiteDatasetKey,
    QuantumGraphSkeleton,
    QuantumKey,
)

from gnomon.curation.exclusions import Exclusion
from gnomon.curation.exclusions.requirements import OBSERVATIONS, Requirement

__all__ = ["Accounts", "Effect", "InputKey", "LeftOut", "Pruned", "TaskAccount"]

Effect = Literal["quantum", "input", "prerequisite", "output", "replaced"]
"""What was done; see `gnomon.curation.graphs.record.RECORD_COLUMNS`."""

type InputKey = DatasetKey | PrerequisiteDatasetKey


class LeftOut(NamedTuple):
    """One thing that was left out.

    Parameters
    ----------
    effect
        What was done.
    what
        The task's label, or the dataset type.
    data_id
        Its data ID.
    dataset_id
        The UUID of a dataset, as text; empty for quanta and for what is not made yet.
    why
        The reason.
    instead
        The UUID of the dataset that took its place.
    """

    effect: Effect
    what: str
    data_id: dict[str, int | str]
    dataset_id: str
    why: Exclusion
    instead: str = ""


class Pruned(NamedTuple):
    """A quantum that went since what it needed was left out.

    Parameters
    ----------
    task, data_id
        The quantum.
    why
        Why the first of its missing inputs is missing.
    """

    task: str
    data_id: dict[str, int | str]
    why: Exclusion


@dataclass(frozen=True)
class TaskAccount:
    """What one task lost.

    Parameters
    ----------
    label
        The task.
    expected
        How many quanta the stock builder would make: those that remain, and those that were lost.
    left_out
        How many were left out for their own data ID.
    pruned
        How many went since what they needed was left out.
    remaining
        How many the graph has.
    inputs_expected, inputs_remaining
        How many datasets these quanta would read, and do; a dataset that two quanta read counts twice.
    skipped
        How many had been run before.
    """

    label: str
    expected: int
    left_out: int
    pruned: int
    remaining: int
    inputs_expected: int
    inputs_remaining: int
    skipped: int = 0

    @property
    def loss(self) -> float:
        """The fraction of its inputs that it lost."""
        return 1 - self.inputs_remaining / self.inputs_expected if self.inputs_expected else 0.0


@dataclass
class Accounts:
    """Writes down what a builder does; `gnomon.curation.graphs.settling` says what came of it.

    Attributes
    ----------
    left_out
        What was left out, in the order in which it was.
    observed
        How many inputs name an observation.
    asked
        How many of them each requirement was asked of.
    inputs, producers
        What each quantum would read, and which quantum makes a dataset.
    missing
        Inputs that do not exist.
    skipped
        Quanta that were run before.
    quanta, gone
        Quanta and inputs that were left out, and why.
    lost
        What single quanta lost besides, and why.
    swapped
        Inputs in whose place another dataset was taken, and why.
    tainted
        How many quanta of each task were run before with something that is left out now, and are taken over.
    tasks
        The tasks, by label.
    """

    left_out: list[LeftOut] = field(default_factory=list)
    observed: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    quanta: dict[QuantumKey, Exclusion] = field(default_factory=dict)
    gone: dict[InputKey, Exclusion] = field(default_factory=dict)
    missing: set[InputKey] = field(default_factory=set)
    lost: dict[QuantumKey, dict[InputKey, Exclusion]] = field(default_factory=dict)
    inputs: dict[QuantumKey, tuple[InputKey, ...]] = field(default_factory=dict)
    producers: dict[InputKey, QuantumKey] = field(default_factory=dict)
    skipped: set[QuantumKey] = field(default_factory=set)
    swapped: dict[InputKey, Exclusion] = field(default_factory=dict)
    tainted: Counter[str] = field(default_factory=Counter)
    _said: set[tuple[InputKey, DatasetRef | None]] = field(default_factory=set)
    tasks: dict[str, TaskNode] = field(default_factory=dict)

    def look(self, subgraph: PipelineGraph, skeleton: QuantumGraphSkeleton) -> None:
        """Write down what there is before anything is left out.

        Parameters
        ----------
        subgraph
            The part of the pipeline that is looked at.
        skeleton
            Its quanta and datasets.
        """
        for label, task in subgraph.tasks.items():
            self.tasks[label] = task
            metadata = task.metadata_output.parent_dataset_type_name
            for key in skeleton.get_quanta(label):
                self.inputs[key] = tuple(skeleton.iter_inputs_of(key))
                for output in skeleton.iter_outputs_of(key):
                    self.producers[output] = key
                if skeleton.get_output_for_skip(DatasetKey(metadata, key.data_id_values)) is not None:
                    self.skipped.add(key)
                    self.missing.update(
                        output
                        for output in skeleton.iter_outputs_of(key)
                        if skeleton.get_output_for_skip(output) is None
                    )
        inputs = {name for name in subgraph.dataset_types if subgraph.producer_of(name) is None}
        self.missing.update(
            node
            for node in skeleton
            if isinstance(node, DatasetKey)
            and node.parent_dataset_type_name in inputs
            and skeleton.get_dataset_ref(node) is None
        )

    def quantum(self, key: QuantumKey, data_id: DataCoordinate, why: Exclusion) -> None:
        """Write down that a quantum was left out with its outputs."""
        self.quanta[key] = why
        self.left_out.append(LeftOut("quantum", key.task_label, _plain(data_id), "", why))

    def dataset(self, key: InputKey, ref: DatasetRef, why: Exclusion) -> None:
        """Write down that an input was left out."""
        self.gone[key] = why
        self.left_out.append(LeftOut("input", ref.datasetType.name, _plain(ref.dataId), str(ref.id), why))

    def prerequisite(
        self, quantum: QuantumKey, ref: DatasetRef, why: Exclusion, instead: DatasetRef | None
    ) -> None:
        """Write down that a prerequisite of one quantum was left out, or that another takes its place."""
        key = PrerequisiteDatasetKey(ref.datasetType.name, ref.id.bytes)
        if instead is None:
            self.lost.setdefault(quantum, {})[key] = why
        said = (key, instead)
        if said not in self._said:
            self._said.add(said)
            effect: Effect = "prerequisite" if instead is None else "replaced"
            replacement = "" if instead is None else str(instead.id)
            self.left_out.append(
                LeftOut(effect, ref.datasetType.name, _plain(ref.dataId), str(ref.id), why, replacement)
            )

    def was_run(self, quantum: QuantumKey) -> bool:
        """Say whether a quantum was run before."""
        return quantum in self.skipped

    def why_lost(self, quantum: QuantumKey) -> Exclusion | None:
        """Say why a quantum reads something no more that it would read."""
        if own := self.lost.get(quantum):
            return next(iter(own.values()))
        for key in self.inputs[quantum]:
            if (why := self.gone.get(key) or self.swapped.get(key)) is not None:
                return why
            if (producer := self.producers.get(key)) in self.quanta:
                return self.quanta[producer]
        return None

    def replaced(
        self, ref: DatasetRef, instead: DatasetRef, why: Exclusion, *, key: InputKey | None = None
    ) -> None:
        """Write down that an older dataset took the place of one that was left out."""
        if key is not None:
            self.swapped[key] = why
        said = (PrerequisiteDatasetKey(ref.datasetType.name, ref.id.bytes), instead)
        if said in self._said:
            return
        self._said.add(said)
        self.left_out.append(
            LeftOut("replaced", ref.datasetType.name, _plain(ref.dataId), str(ref.id), why, str(instead.id))
        )

    def output(
        self,
        key: InputKey,
        data_id: DataCoordinate,
        ref: DatasetRef | None,
        why: Exclusion,
        readers: Iterable[QuantumKey],
    ) -> None:
        """Write down that nobody reads what a task makes, or made before."""
        for quantum in readers:
            self.lost.setdefault(quantum, {})[key] = why
        dataset_id = "" if ref is None else str(ref.id)
        self.left_out.append(
            LeftOut("output", key.parent_dataset_type_name, _plain(data_id), dataset_id, why)
        )

    def ask(self, number: int, names: Sequence[str], requirements: Iterable[Requirement]) -> None:
        """Write down how many inputs of one type were asked for what is required."""
        if not OBSERVATIONS.isdisjoint(names):
            self.observed += number
        for need in requirements:
            if need.asks(names):
                self.asked[need.name] += number


def _plain(data_id: DataCoordinate) -> dict[str, int | str]:
    return dict(zip(data_id.dimensions.required, data_id.required_values, strict=True))
