"""What was left out of a graph, and what went in consequence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lsst.daf.butler import DataCoordinate, DatasetRef
from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.quantum_graph_skeleton import (
    DatasetKey,
    PrerequisiteDatasetKey,
    QuantumGraphSkeleton,
    QuantumKey,
)

from gnomon.curation.exclusions import Exclusion
from gnomon.curation.exclusions.requirements import OBSERVATIONS, Requirement
from gnomon.curation.graphs.prerequisites import minimum_of

__all__ = ["Accounts", "Effect", "LeftOut", "Pruned", "TaskAccount"]

Effect = Literal["quantum", "input", "prerequisite", "output", "replaced"]
"""What was done; see `gnomon.curation.graphs.record.RECORD_COLUMNS`."""

type _Key = DatasetKey | PrerequisiteDatasetKey


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
    """Writes down what a builder does; `settle` says what came of it.

    Attributes
    ----------
    left_out
        What was left out, in the order in which it was.
    observed
        How many inputs name an observation.
    asked
        How many of them each requirement was asked of.
    """

    left_out: list[LeftOut] = field(default_factory=list)
    observed: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    _quanta: dict[QuantumKey, Exclusion] = field(default_factory=dict)
    _gone: dict[_Key, Exclusion] = field(default_factory=dict)
    _missing: set[_Key] = field(default_factory=set)
    _lost: dict[QuantumKey, dict[_Key, Exclusion]] = field(default_factory=dict)
    _inputs: dict[QuantumKey, tuple[_Key, ...]] = field(default_factory=dict)
    _producers: dict[_Key, QuantumKey] = field(default_factory=dict)
    _skipped: set[QuantumKey] = field(default_factory=set)
    _said: set[tuple[_Key, DatasetRef | None]] = field(default_factory=set)
    _tasks: dict[str, TaskNode] = field(default_factory=dict)

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
            self._tasks[label] = task
            metadata = task.metadata_output.parent_dataset_type_name
            for key in skeleton.get_quanta(label):
                self._inputs[key] = tuple(skeleton.iter_inputs_of(key))
                for output in skeleton.iter_outputs_of(key):
                    self._producers[output] = key
                if skeleton.get_output_for_skip(DatasetKey(metadata, key.data_id_values)) is not None:
                    self._skipped.add(key)
                    self._missing.update(
                        output
                        for output in skeleton.iter_outputs_of(key)
                        if skeleton.get_output_for_skip(output) is None
                    )
        inputs = {name for name in subgraph.dataset_types if subgraph.producer_of(name) is None}
        self._missing.update(
            node
            for node in skeleton
            if isinstance(node, DatasetKey)
            and node.parent_dataset_type_name in inputs
            and skeleton.get_dataset_ref(node) is None
        )

    def quantum(self, key: QuantumKey, data_id: DataCoordinate, why: Exclusion) -> None:
        """Write down that a quantum was left out with its outputs."""
        self._quanta[key] = why
        self.left_out.append(LeftOut("quantum", key.task_label, _plain(data_id), "", why))

    def dataset(self, key: _Key, ref: DatasetRef, why: Exclusion) -> None:
        """Write down that an input was left out."""
        self._gone[key] = why
        self.left_out.append(LeftOut("input", ref.datasetType.name, _plain(ref.dataId), str(ref.id), why))

    def prerequisite(
        self, quantum: QuantumKey, ref: DatasetRef, why: Exclusion, instead: DatasetRef | None
    ) -> None:
        """Write down that a prerequisite of one quantum was left out, or that another takes its place."""
        key = PrerequisiteDatasetKey(ref.datasetType.name, ref.id.bytes)
        if instead is None:
            self._lost.setdefault(quantum, {})[key] = why
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
        return quantum in self._skipped

    def replaced(self, ref: DatasetRef, instead: DatasetRef, why: Exclusion) -> None:
        """Write down that an older dataset took the place of one that was left out."""
        self.left_out.append(
            LeftOut("replaced", ref.datasetType.name, _plain(ref.dataId), str(ref.id), why, str(instead.id))
        )

    def output(
        self,
        key: _Key,
        data_id: DataCoordinate,
        ref: DatasetRef | None,
        why: Exclusion,
        readers: Iterable[QuantumKey],
    ) -> None:
        """Write down that nobody reads what a task makes, or made before."""
        for quantum in readers:
            self._lost.setdefault(quantum, {})[key] = why
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

    def settle(
        self, components: PredictedQuantumGraphComponents, *, unanchored: bool = False
    ) -> tuple[tuple[TaskAccount, ...], tuple[Pruned, ...]]:
        """Say what each task lost, and which quanta went in consequence.

        Parameters
        ----------
        components
            The finished graph.
        unanchored
            Whether quanta were pruned too of which nothing came that is wanted.

        Returns
        -------
        tuple
            An account for each task, in the order of the pipeline, and the quanta that were pruned.
        """
        lengths = {label: len(task.dimensions.required) for label, task in self._tasks.items()}
        remaining = {
            QuantumKey(one.task_label, tuple(one.data_coordinate[: lengths[one.task_label]]))
            for one in components.quantum_datasets.values()
            if one.task_label in lengths
        }
        ran = _Settlement(self, remaining, unanchored=unanchored)
        return tuple(ran.accounts()), tuple(ran.pruned)


class _Settlement:
    """Goes through the quanta from the first task to the last."""

    def __init__(self, accounts: Accounts, remaining: set[QuantumKey], *, unanchored: bool) -> None:
        self._of = accounts
        self._remaining = remaining
        self._starved: set[QuantumKey] = set()
        self._consequence: dict[QuantumKey, Exclusion] = {}
        self.pruned: list[Pruned] = []
        self._readers: dict[QuantumKey, list[QuantumKey]] = {}
        if unanchored:
            for key, inputs in accounts._inputs.items():
                for one in inputs:
                    if (producer := accounts._producers.get(one)) is not None:
                        self._readers.setdefault(producer, []).append(key)
        self._minimum = {label: _minimums(task) for label, task in accounts._tasks.items()}

    def accounts(self) -> list[TaskAccount]:
        by_task: dict[str, list[QuantumKey]] = {label: [] for label in self._of._tasks}
        for key in self._of._inputs:
            by_task[key.task_label].append(key)
        return [self._account(label, keys) for label, keys in by_task.items()]

    def _account(self, label: str, keys: Sequence[QuantumKey]) -> TaskAccount:
        left_out = pruned = remaining = skipped = before = after = 0
        names = self._of._tasks[label].dimensions.required
        for key in keys:
            inputs = self._of._inputs[key]
            if key in self._remaining:
                remaining += 1
                there = self._there(inputs)
                before += there
                after += there - self._lost(key, inputs)
            elif key in self._of._skipped:
                skipped += 1
            elif self._was_starved(key, inputs):
                self._starved.add(key)
            elif key in self._of._quanta:
                left_out += 1
                before += self._there(inputs)
            elif (why := self._why(key, inputs) or self._why_unanchored(key)) is not None:
                pruned += 1
                before += self._there(inputs)
                self._consequence[key] = why
                self.pruned.append(Pruned(label, dict(zip(names, key.data_id_values, strict=True)), why))
            else:
                self._starved.add(key)  # by a hook of the task, with or without us
        return TaskAccount(
            label, left_out + pruned + remaining, left_out, pruned, remaining, before, after, skipped
        )

    def _there(self, inputs: Sequence[_Key]) -> int:
        """How many of some inputs the stock graph would have."""
        if not self._of._missing and not self._starved:
            return len(inputs)
        return sum(map(self._exists, inputs))

    def _exists(self, key: _Key) -> bool:
        return key not in self._of._missing and self._of._producers.get(key) not in self._starved

    def _lost(self, key: QuantumKey, inputs: Sequence[_Key]) -> int:
        if not (self._of._gone or self._of._lost or self._of._quanta or self._consequence):
            return 0
        own = self._of._lost.get(key, ())
        return sum(1 for one in inputs if one in own or self._reason(one) is not None)

    def _reason(self, key: _Key) -> Exclusion | None:
        if (why := self._of._gone.get(key)) is not None:
            return why
        if (producer := self._of._producers.get(key)) is None:
            return None
        return self._of._quanta.get(producer) or self._consequence.get(producer)

    def _why(self, key: QuantumKey, inputs: Sequence[_Key]) -> Exclusion | None:
        own = self._of._lost.get(key)
        if own:
            return next(iter(own.values()))
        return next((found for one in inputs if (found := self._reason(one)) is not None), None)

    def _why_unanchored(self, key: QuantumKey) -> Exclusion | None:
        """Why nothing came of a quantum that lost nothing itself: something further down did."""
        waiting, seen = list(self._readers.get(key, ())), {key}
        while waiting:
            reader = waiting.pop()
            if reader in seen:
                continue
            seen.add(reader)
            why = self._of._quanta.get(reader) or self._why(reader, self._of._inputs[reader])
            if why is not None:
                return why
            waiting += self._readers.get(reader, ())
        return None

    def _was_starved(self, key: QuantumKey, inputs: Sequence[_Key]) -> bool:
        """Whether the stock graph would not have had it either, for want of inputs."""
        counts = Counter(one.parent_dataset_type_name for one in inputs if self._exists(one))
        return any(counts[name] < least for name, least in self._minimum[key.task_label].items())


def _minimums(task: TaskNode) -> dict[str, int]:
    """How many datasets of each type a quantum needs."""
    return {edge.parent_dataset_type_name: minimum_of(task, edge) for edge in task.inputs.values()}


def _plain(data_id: DataCoordinate) -> dict[str, int | str]:
    return dict(zip(data_id.dimensions.required, data_id.required_values, strict=True))
