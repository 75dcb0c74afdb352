"""What was made before from what is left out now, and would be taken over instead of being made again."""

from collections import Counter

from lsst.pipe.base.pipeline_graph import PipelineGraph, TaskNode
from lsst.pipe.base.quantum_graph_skeleton import DatasetKey, QuantumGraphSkeleton, QuantumKey

from gnomon.curation.exclusions import Exclusion
from gnomon.curation.graphs.accounts import Accounts, InputKey
from gnomon.curation.graphs.prerequisites import minimum_of

__all__ = ["cut_made_before"]


def cut_made_before(
    pipeline_graph: PipelineGraph,
    subgraph: PipelineGraph,
    skeleton: QuantumGraphSkeleton,
    accounts: Accounts,
    *,
    rerun: bool = False,
) -> None:
    """Cut what quanta made before that could not be run now, from those that would read it.

    The middleware does not look at the inputs of a quantum that was run before. If too few of them remain to
    run it, it was run with what is left out now, and so nobody reads what it made: as if it had not been run.
    Where enough of them remain, what it made is taken over, and counted.

    Parameters
    ----------
    pipeline_graph
        The whole pipeline, in the order in which its tasks run.
    subgraph
        The part of it that is looked at.
    skeleton
        Its quanta and datasets, from which all is gone that is left out; changed in place.
    accounts
        What was done, and is written down.
    rerun
        Whether quanta that were run before may be run again. Those that cannot be go.
    """
    if not accounts.skipped:
        return
    dead: dict[InputKey, Exclusion] = {}
    made: set[DatasetKey] = set()
    readers: dict[DatasetKey, list[QuantumKey]] = {}
    removed: list[QuantumKey] = []
    for label in pipeline_graph.tasks:
        if label not in subgraph.tasks:
            continue
        least = _minimums(subgraph.tasks[label])
        for quantum in skeleton.get_quanta(label):
            there = [key for key in skeleton.iter_inputs_of(quantum) if key not in accounts.missing]
            cut = [key for key in there if key in dead]
            if made_before := [key for key in cut if isinstance(key, DatasetKey) and key in made]:
                skeleton.remove_input_edges(quantum, made_before)
                for key in made_before:
                    readers.setdefault(key, []).append(quantum)
            why = accounts.why_lost(quantum) or next((dead[key] for key in cut), None)
            if why is None:
                continue
            was_run = accounts.was_run(quantum)
            left = Counter(key.parent_dataset_type_name for key in there if key not in dead)
            stock = Counter(
                key.parent_dataset_type_name
                for key in accounts.inputs[quantum]
                if key not in accounts.missing
            )
            if not any(left[name] < needed <= stock[name] for name, needed in least.items()):
                accounts.tainted[label] += was_run
                continue
            outputs = list(skeleton.iter_outputs_of(quantum))
            dead.update(dict.fromkeys(outputs, why))
            if was_run:
                made.update(outputs)
                removed.append(quantum)
    for key, quanta in readers.items():
        accounts.output(key, skeleton.get_data_id(key), skeleton.get_output_for_skip(key), dead[key], quanta)
    if rerun:
        for quantum in removed:
            skeleton.remove_quantum_node(quantum, remove_outputs=True)


def _minimums(task: TaskNode) -> dict[str, int]:
    """How many datasets of each type a quantum needs."""
    least: dict[str, int] = {}
    for edge in (*task.inputs.values(), *task.prerequisite_inputs.values()):
        name = edge.parent_dataset_type_name
        least[name] = max(least.get(name, 0), minimum_of(task, edge))
    return least
