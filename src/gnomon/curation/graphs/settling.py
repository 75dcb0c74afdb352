"""What each task of a graph lost, and which quanta went in consequence."""

from collections import Counter
from collections.abc import Sequence

from lsst.pipe.base.pipeline_graph import TaskNode
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.quantum_graph_skeleton import QuantumKey

from gnomon.curation.exclusions import Exclusion
from gnomon.curation.graphs.accounts import Accounts, InputKey, Pruned, TaskAccount
from gnomon.curation.graphs.prerequisites import minimum_of

__all__ = ["settle"]


def settle(
    accounts: Accounts, components: PredictedQuantumGraphComponents, *, unanchored: bool = False
) -> tuple[tuple[TaskAccount, ...], tuple[Pruned, ...]]:
    """Say what each task lost, and which quanta went in consequence.

    Parameters
    ----------
    accounts
        What was done.
    components
        The finished graph.
    unanchored
        Whether quanta were pruned too of which nothing came that is wanted.

    Returns
    -------
    tuple
        An account for each task, in the order of the pipeline, and the quanta that were pruned.
    """
    lengths = {label: len(task.dimensions.required) for label, task in accounts.tasks.items()}
    remaining = {
        QuantumKey(one.task_label, tuple(one.data_coordinate[: lengths[one.task_label]]))
        for one in components.quantum_datasets.values()
        if one.task_label in lengths
    }
    ran = _Settlement(accounts, remaining, unanchored=unanchored)
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
            for key, inputs in accounts.inputs.items():
                for one in inputs:
                    if (producer := accounts.producers.get(one)) is not None:
                        self._readers.setdefault(producer, []).append(key)
        self._minimum = {label: _minimums(task) for label, task in accounts.tasks.items()}

    def accounts(self) -> list[TaskAccount]:
        by_task: dict[str, list[QuantumKey]] = {label: [] for label in self._of.tasks}
        for key in self._of.inputs:
            by_task[key.task_label].append(key)
        return [self._account(label, keys) for label, keys in by_task.items()]

    def _account(self, label: str, keys: Sequence[QuantumKey]) -> TaskAccount:
        left_out = pruned = remaining = skipped = before = after = 0
        names = self._of.tasks[label].dimensions.required
        for key in keys:
            inputs = self._of.inputs[key]
            if key in self._remaining:
                remaining += 1
                there = self._there(inputs)
                before += there
                after += there - self._lost(key, inputs)
            elif key in self._of.skipped:
                skipped += 1
            elif self._was_starved(key, inputs):
                self._starved.add(key)
            elif key in self._of.quanta:
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

    def _there(self, inputs: Sequence[InputKey]) -> int:
        """How many of some inputs the stock graph would have."""
        if not self._of.missing and not self._starved:
            return len(inputs)
        return sum(map(self._exists, inputs))

    def _exists(self, key: InputKey) -> bool:
        return key not in self._of.missing and self._of.producers.get(key) not in self._starved

    def _lost(self, key: QuantumKey, inputs: Sequence[InputKey]) -> int:
        if not (self._of.gone or self._of.lost or self._of.quanta or self._consequence):
            return 0
        own = self._of.lost.get(key, ())
        return sum(1 for one in inputs if one in own or self._reason(one) is not None)

    def _reason(self, key: InputKey) -> Exclusion | None:
        if (why := self._of.gone.get(key)) is not None:
            return why
        if (producer := self._of.producers.get(key)) is None:
            return None
        return self._of.quanta.get(producer) or self._consequence.get(producer)

    def _why(self, key: QuantumKey, inputs: Sequence[InputKey]) -> Exclusion | None:
        own = self._of.lost.get(key)
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
            why = self._of.quanta.get(reader) or self._why(reader, self._of.inputs[reader])
            if why is not None:
                return why
            waiting += self._readers.get(reader, ())
        return None

    def _was_starved(self, key: QuantumKey, inputs: Sequence[InputKey]) -> bool:
        """Whether the stock graph would not have had it either, for want of inputs."""
        counts = Counter(one.parent_dataset_type_name for one in inputs if self._exists(one))
        return any(counts[name] < least for name, least in self._minimum[key.task_label].items())


def _minimums(task: TaskNode) -> dict[str, int]:
    """How many datasets of each type a quantum needs."""
    return {edge.parent_dataset_type_name: minimum_of(task, edge) for edge in task.inputs.values()}
