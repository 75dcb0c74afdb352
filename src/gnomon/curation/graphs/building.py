"""Quantum graphs built without what is left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import astropy.table
from lsst.daf.butler import Butler, InvalidQueryError, MissingCollectionError
from lsst.pipe.base import Pipeline
from lsst.pipe.base.all_dimensions_quantum_graph_builder import DatasetQueryConstraintVariant
from lsst.pipe.base.pipeline_graph import PipelineGraph, PipelineGraphError
from lsst.pipe.base.quantum_graph import PredictedQuantumGraphComponents
from lsst.pipe.base.quantum_graph_builder import QuantumGraphBuilderError
from lsst.pipe.base.quantum_graph_skeleton import QuantumKey

from gnomon import __version__, times
from gnomon.curation.exclusions import Exclusions
from gnomon.curation.graphs.accounts import LeftOut, Pruned, TaskAccount
from gnomon.curation.graphs.builder import ExcludingQuantumGraphBuilder, Lack
from gnomon.curation.graphs.falling_back import OnShadow
from gnomon.curation.graphs.record import head_of, record_of
from gnomon.curation.graphs.recording import add_head, add_record
from gnomon.curation.graphs.settling import settle
from gnomon.curation.graphs.warnings import asked_of, check_losses, lost, warnings_of
from gnomon.errors import (
    CollectionNotFoundError,
    ExpressionError,
    GnomonError,
    RepositoryError,
    nearest,
)

__all__ = ["Graph", "build_graph"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A quantum graph, and what was left out of it.

    Attributes
    ----------
    components
        The graph, ready to be written or executed.
    quanta
        How many quanta each task has, by label.
    exclusions
        What was to be left out.
    tasks
        What each task lost; empty if nothing was asked to be left out.
    left_out
        What was left out directly, each with its reason.
    pruned
        The quanta that went in consequence.
    warnings
        What a person should know before the graph is run.
    """

    components: PredictedQuantumGraphComponents
    quanta: Mapping[str, int]
    exclusions: Exclusions
    tasks: tuple[TaskAccount, ...] = ()
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)
    pruned: tuple[Pruned, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()

    def write(self, path: str | Path) -> None:
        """Write the graph to a file that ``pipetask``, quantum-backed execution and BPS take.

        Parameters
        ----------
        path
            A path or URI that ends in ``.qg``.
        """
        self.components.write(str(path))


def build_graph(
    butler: Butler,
    pipeline: str | Path | Pipeline | PipelineGraph,
    *,
    exclusions: Exclusions,
    inputs: Sequence[str],
    output_run: str,
    output: str | None = None,
    where: str = "",
    bind: Mapping[str, Any] | None = None,
    on_shadow: OnShadow = "drop",
    max_loss: float | None = None,
    record: bool = True,
    metadata: Mapping[str, Any] | None = None,
    data_id_tables: Iterable[astropy.table.Table] = (),
    dataset_query_constraint: DatasetQueryConstraintVariant = DatasetQueryConstraintVariant.ALL,
    skip_existing_in: Sequence[str] = (),
    retained_dataset_types: Sequence[str] | None = None,
    prune_unanchored_quanta: tuple[str, str] | None = None,
    clobber: bool = False,
    attach_datastore_records: bool = True,
) -> Graph:
    """Build a quantum graph without what is left out.

    Nothing is written, so that this is a dry run too.

    Parameters
    ----------
    butler
        Client of the repository.
    pipeline
        A pipeline, its graph, or its file or URI.
    exclusions
        What is left out, see `gnomon.curation.exclusions.find_exclusions`. An empty selection gives the stock
        graph.
    inputs
        Collections to search for input datasets.
    output_run
        The RUN collection that will hold the outputs.
    output
        The CHAINED collection that will lead to it.
    where, bind
        A further condition on data IDs, in the Butler's language.
    on_shadow
        ``drop`` leaves a data ID out if its dataset is; ``fall-back`` takes the first other dataset of the
        same type and data ID in the input collections that nothing leaves out.
    max_loss
        The fraction of its inputs that a task may lose; None means any, as long as something is left to do.
    record
        Whether the run is to hold a record of what was left out: the dataset ``gnomon_exclusions``, which is
        written when the run is initialized. Nothing is recorded for an empty selection.
    metadata
        What else is written into the graph's header.
    data_id_tables, dataset_query_constraint, skip_existing_in, retained_dataset_types
        As for the stock builder.
    prune_unanchored_quanta, clobber, attach_datastore_records
        As for the stock builder.

    Returns
    -------
    Graph
        With what was left out, and what each task lost.

    Raises
    ------
    GraphLossError
        If nothing is left to do for what was left out, or a task lost more of its inputs than allowed.
    RepositoryError
        If there is no such pipeline, it cannot be used, its graph cannot be built, or nothing is to do.
    CollectionNotFoundError
        If an input collection does not exist.
    ExpressionError
        If the Butler does not understand ``where``.
    ExclusionError
        If a task cannot be made without something that is left out, or a requirement can be asked of nothing.
    """
    searched = ", ".join(inputs)
    if not searched:
        raise RepositoryError("A graph needs at least one input collection.")
    if retained_dataset_types is not None and not skip_existing_in:
        raise RepositoryError(
            "Dataset types are retained where quanta that were run before are skipped: give skip_existing_in "
            "(--skip-existing-in, --skip-existing or --extend-run) too, or no retained_dataset_types."
        )
    pipeline_graph = _resolved(pipeline)
    data_id_tables = list(data_id_tables)
    _check_tables(butler, data_id_tables)
    without: dict[QuantumKey, Lack] = {}
    with _explained(butler, inputs, where):
        while True:
            builder = ExcludingQuantumGraphBuilder(
                pipeline_graph,
                butler,
                exclusions=exclusions,
                on_shadow=on_shadow,
                without=without,
                where=where,
                bind=bind,
                data_id_tables=data_id_tables,
                dataset_query_constraint=dataset_query_constraint,
                input_collections=list(inputs),
                output_run=output_run,
                skip_existing_in=skip_existing_in,
                retained_dataset_types=retained_dataset_types,
                prune_unanchored_quanta=prune_unanchored_quanta,
                clobber=clobber,
            )
            components = builder.finish(
                output=output, metadata=metadata, attach_datastore_records=attach_datastore_records
            )
            if not builder.doomed:
                break
            without |= builder.doomed
    quanta = dict(components.header.n_task_quanta)
    tasks, pruned = settle(builder.accounts, components, unanchored=prune_unanchored_quanta is not None)
    left_out = tuple(builder.accounts.left_out)
    if not sum(quanta.values()):
        condition = f" where {where}" if where else ""
        if not left_out:
            raise RepositoryError(
                f"There is nothing to do: {searched} holds no inputs of this pipeline{condition}."
            )
        if skipped := sum(task.skipped for task in tasks):
            raise RepositoryError(
                f"There is nothing to do: {skipped} quanta of this pipeline{condition} were run before, and "
                f"the others are left out by {_in_words(left_out)}."
            )
        raise lost(
            f"There is nothing left to do: what {searched} holds for this pipeline{condition} is left out by "
            f"{_in_words(left_out)}.",
            tasks,
            left_out,
            pruned,
        )
    warnings = warnings_of(exclusions, tasks, builder.accounts)
    if max_loss is not None:
        check_losses(tasks, left_out, max_loss, pruned=pruned)
    if exclusions.selection:
        head = head_of(
            exclusions,
            tasks,
            left_out,
            pruned,
            warnings,
            {
                "asked": asked_of(exclusions, builder.accounts),
                "on_shadow": on_shadow,
                "built_at": times.to_utc_iso(times.now()),
                "software": f"gnomon {__version__}",
            },
        )
        if record:
            whole = record_of(head, exclusions, left_out, pruned)
            head["record"] = add_record(components, whole, butler)
        add_head(components, head)
    return Graph(components, quanta, exclusions, tasks, left_out, pruned, warnings)


def _resolved(pipeline: str | Path | Pipeline | PipelineGraph) -> PipelineGraph:
    if isinstance(pipeline, PipelineGraph):
        return pipeline.copy()  # a record may be added to it
    try:
        given = pipeline if isinstance(pipeline, Pipeline) else Pipeline.from_uri(str(pipeline))
        return given.to_graph()
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no pipeline at {str(pipeline)!r}.") from error
    except (ValueError, PipelineGraphError) as error:
        # A configuration that is refused says why in the error behind this one.
        reason = error.__cause__ if isinstance(error.__cause__, GnomonError) else error
        raise RepositoryError(f"The pipeline {str(pipeline)!r} cannot be used: {reason}") from error


def _check_tables(butler: Butler, tables: Iterable[astropy.table.Table]) -> None:
    known = list(butler.dimensions.dimensions.names)
    for table in tables:
        for column in table.colnames:
            if column not in known:
                name = table.meta.get("filename", "of data IDs")
                hint = nearest(column, known)
                raise RepositoryError(f"The table {name} has the column {column!r}: no dimension.{hint}")


@contextmanager
def _explained(butler: Butler, inputs: Sequence[str], where: str) -> Iterator[None]:
    try:
        yield
    except MissingCollectionError as error:
        known = butler.collections.query("*")
        missing = next((name for name in inputs if name not in known), ", ".join(inputs))
        raise CollectionNotFoundError(
            f"The repository has no collection {missing!r}.{nearest(missing, known)}"
        ) from error
    except InvalidQueryError as error:
        raise ExpressionError(f"The condition {where!r} cannot be used: {error}") from error
    # A prerequisite input that is not there at all is told as a missing file.
    except (QuantumGraphBuilderError, PipelineGraphError, FileNotFoundError) as error:
        raise RepositoryError(f"The graph cannot be built: {error}") from error


def _in_words(left_out: Iterable[LeftOut]) -> str:
    marks = {(one.why.rule, one.why.name, one.why.target.key) for one in left_out}
    counts = Counter((rule, name) for rule, name, _ in marks)
    return ", ".join(f"{rule} {name} ({count} times)" for (rule, name), count in sorted(counts.items()))
