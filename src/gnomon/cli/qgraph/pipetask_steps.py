"""What ``pipetask qgraph`` does around its graph builder: pipeline, collections, tables, pictures."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from astropy.table import Table
from lsst.ctrl.mpexec import PipelineGraphFactory  # type: ignore[attr-defined]
from lsst.ctrl.mpexec.cli.butler_factory import ButlerFactory
from lsst.ctrl.mpexec.cli.script.build import build as build_pipeline
from lsst.ctrl.mpexec.cli.script.qgraph import qgraph as show_qgraph
from lsst.ctrl.mpexec.showInfo import ShowInfo
from lsst.daf.butler import Butler, MissingCollectionError
from lsst.pipe.base.all_dimensions_quantum_graph_builder import DatasetQueryConstraintVariant
from lsst.pipe.base.dot_tools import graph2dot
from lsst.pipe.base.mermaid_tools import graph2mermaid
from lsst.pipe.base.pipeline_graph import PipelineGraph
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph
from lsst.pipe.base.quantum_reports import Report
from lsst.resources import ResourcePath

from gnomon.errors import CollectionNotFoundError, GnomonError, RepositoryError, nearest
from gnomon.repository.configuration import enable

__all__ = ["Prepared", "finish", "make_pipeline", "prepare", "read_show", "show_existing", "wanted"]


@dataclass(frozen=True)
class Prepared:
    """All that a graph is built from.

    Attributes
    ----------
    butler
        Client of the repository, which only reads.
    pipeline
        The pipeline, not yet resolved; mocked if that was asked for.
    inputs
        Collections to search, in order.
    output_run, output
        Where the outputs will go.
    options
        What else the builder takes, by the names of `gnomon.curation.graphs.build_graph`.
    """

    butler: Butler
    pipeline: PipelineGraph
    inputs: Sequence[str]
    output_run: str
    output: str | None
    options: Mapping[str, Any]


def read_show(items: Sequence[str]) -> ShowInfo:
    """Read what is to be shown.

    Parameters
    ----------
    items
        What ``--show`` was given.

    Returns
    -------
    lsst.ctrl.mpexec.showInfo.ShowInfo
        What remembers which of it was shown.

    Raises
    ------
    click.BadParameter
        If nobody knows one of the items.
    """
    try:
        return ShowInfo(list(items or ()))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--show") from error


def make_pipeline(given: Mapping[str, Any], show: ShowInfo) -> PipelineGraphFactory:
    """Read the pipeline, change it as the options say, write and show what they ask for.

    Parameters
    ----------
    given
        What was given on the command line, with the changes collected.
    show
        What is to be shown.

    Returns
    -------
    lsst.ctrl.mpexec.PipelineGraphFactory
        The pipeline.

    Raises
    ------
    RepositoryError
        If there is no such pipeline, or it cannot be used.
    """
    enable()
    # Only a Butler could tell more of the pipeline here, and one is opened later.
    arguments = {name: value for name, value in given.items() if name != "butler_config"}
    pipeline = given["pipeline"]
    named = f"The pipeline {pipeline!r}" if pipeline else "The pipeline"
    try:
        return build_pipeline(**arguments, show=show)
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no pipeline at {str(pipeline)!r}.") from error
    except Exception as error:  # the tasks of a pipeline are anybody's code
        raise RepositoryError(f"{named} cannot be used: {_told(error)}") from error


@contextmanager
def prepare(factory: PipelineGraphFactory, given: Mapping[str, Any]) -> Iterator[Prepared]:
    """Open the repository and find out from what the graph is built, as ``pipetask qgraph`` does.

    Parameters
    ----------
    factory
        The pipeline.
    given
        What was given on the command line.

    Yields
    ------
    Prepared
        What the builder takes; the repository is closed at the end.

    Raises
    ------
    RepositoryError
        If the repository cannot be opened, or the options contradict it or one another.
    CollectionNotFoundError
        If an input collection does not exist.
    click.UsageError
        If options are missing, or a file that they name is not what it must be.
    """
    if not given["output"] and not given["output_run"]:
        raise click.UsageError("A graph needs --output or --output-run.")
    if given["extend_run"] and given["replace_run"]:
        raise click.UsageError("--extend-run and --replace-run contradict each other.")
    if not factory:
        raise click.UsageError("There is no task to build a graph of: give a --pipeline or a --task.")
    options = {
        "where": given["data_query"] or "",
        "retained_dataset_types": _retained(given["retained_dataset_types"]),
        "prune_unanchored_quanta": given["prune_unanchored_quanta"],
        "clobber": given["clobber_outputs"],
        "dataset_query_constraint": DatasetQueryConstraintVariant.fromExpression(
            given["dataset_query_constraint"]
        ),
        "data_id_tables": [_table(place) for place in given["data_id_table"]],
        "attach_datastore_records": given["qgraph_datastore_records"],
    }
    pipeline = _pipeline_graph(factory, given)
    butler, inputs, run = _open(given)
    with butler:
        skip_existing = given["skip_existing"] or given["extend_run"]
        skip_existing_in = (*(given["skip_existing_in"] or ()), *([run] if skip_existing and run else ()))
        options["skip_existing_in"] = skip_existing_in
        options["metadata"] = {
            "butler_argument": str(given["butler_config"]),
            "extend_run": given["extend_run"],
            "skip_existing_in": skip_existing_in,
            "skip_existing": skip_existing,
            "retained_dataset_types": given["retained_dataset_types"],
            "data_query": given["data_query"] or "",
        }
        assert run is not None  # since an output was named
        yield Prepared(butler, pipeline, list(inputs), run, given["output"], options)


def wanted(given: Mapping[str, Any], show: ShowInfo) -> bool:
    """Say whether there is anything to draw or show, for which a graph has to be assembled.

    Parameters
    ----------
    given
        What was given on the command line.
    show
        What is to be shown.

    Returns
    -------
    bool
        True if there is.
    """
    return any(given[name] for name in ("qgraph_dot", "qgraph_mermaid", "summary")) or bool(show.unhandled)


def finish(graph: PredictedQuantumGraph, given: Mapping[str, Any], show: ShowInfo) -> None:
    """Draw and show a graph as the options say.

    Parameters
    ----------
    graph
        The graph.
    given
        What was given on the command line.
    show
        What is to be shown.
    """
    if given["qgraph_dot"]:
        graph2dot(graph, given["qgraph_dot"])
    if given["qgraph_mermaid"]:
        graph2mermaid(graph, given["qgraph_mermaid"])
    show.show_graph_info(graph, given["butler_config"])
    if given["summary"]:
        # The only way to the numbers that are public is the graph's old form.
        summary = graph.to_old_quantum_graph().getSummary()
        text = Report(qgraphSummary=summary).model_dump_json(exclude_none=True, indent=2)
        Path(given["summary"]).write_text(text, encoding="utf-8")


def show_existing(
    factory: PipelineGraphFactory, given: Mapping[str, Any], show: ShowInfo, *, save: str | None
) -> None:
    """Show, draw or copy a graph that exists, as ``pipetask qgraph --qgraph`` does.

    Parameters
    ----------
    factory
        The pipeline that was given, if any.
    given
        What was given on the command line.
    show
        What is to be shown.
    save
        Where to save it again.

    Raises
    ------
    RepositoryError
        If it cannot be read, or a pipeline was given too.
    """
    arguments = dict(given) | {"save_qgraph": save}
    try:
        graph = show_qgraph(
            factory if factory else None, **arguments, show=show, for_execution=bool(given["summary"])
        )
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no graph at {given['qgraph']!r}.") from error
    except Exception as error:  # a broken file has errors of many kinds
        raise RepositoryError(f"The graph {given['qgraph']!r} cannot be used: {_told(error)}") from error
    if graph is None:
        raise RepositoryError(f"The graph {given['qgraph']!r} has no quanta.")
    if given["summary"]:
        finish(graph, dict(given) | {"qgraph_dot": None, "qgraph_mermaid": None}, ShowInfo([]))


def _pipeline_graph(factory: PipelineGraphFactory, given: Mapping[str, Any]) -> PipelineGraph:
    try:
        graph = factory(resolve=False)
        if not given["mock"]:
            return graph
        # Importing it changes storage classes for good, so it waits until it is wanted.
        from lsst.pipe.base.tests.mocks import mock_pipeline_graph

        return mock_pipeline_graph(
            graph,
            unmocked_dataset_types=given["unmocked_dataset_types"] or (),
            force_failures=given["mock_failure"],
        )
    except Exception as error:  # the tasks of a pipeline are anybody's code
        raise RepositoryError(f"The pipeline cannot be used: {_told(error)}") from error


def _open(given: Mapping[str, Any]) -> tuple[Butler, Sequence[str], str | None]:
    repository = given["butler_config"]
    try:
        return ButlerFactory.make_butler_and_collections(
            repository,
            output=given["output"],
            output_run=given["output_run"],
            inputs=list(given["input"] or ()),
            extend_run=given["extend_run"],
            rebase=given["rebase"],
            replace_run=given["replace_run"],
            prune_replaced=given["prune_replaced"],
        )
    except MissingCollectionError as error:
        raise _missing(repository, given["input"] or ()) from error
    except FileNotFoundError as error:
        raise RepositoryError(f"There is no Butler repository at {repository!r}.") from error
    except (ValueError, TypeError) as error:  # options that contradict the repository or one another
        raise RepositoryError(_told(error)) from error
    except Exception as error:  # a broken file, database or object store: each has errors of its own
        raise RepositoryError(f"The Butler cannot open {repository!r}: {_told(error)}") from error


def _missing(repository: str, inputs: Sequence[str]) -> CollectionNotFoundError:
    with Butler.from_config(repository) as butler:
        known = butler.collections.query("*")
    missing = next((name for name in inputs if name not in known), ", ".join(inputs))
    return CollectionNotFoundError(f"The repository has no collection {missing!r}.{nearest(missing, known)}")


def _retained(path: str | None) -> list[str] | None:
    if path is None:
        return None
    hint = "--retained-dataset-types"
    try:
        names = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} is not YAML: {_told(error)}", param_hint=hint) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise click.BadParameter(f"{path} must be a list of names or patterns in YAML.", param_hint=hint)
    return names


def _table(place: str) -> Table:
    try:
        with ResourcePath(place).as_local() as local:
            table = Table.read(local.ospath)
    except FileNotFoundError as error:
        raise click.BadParameter(f"there is no file {place!r}.", param_hint="--data-id-table") from error
    except Exception as error:  # a reader of each format raises what it likes
        raise click.BadParameter(
            f"{place!r} is no table that astropy reads: {_told(error)}", param_hint="--data-id-table"
        ) from error
    # The builder names it where something is wrong with it.
    table.meta["filename"] = place
    return table


def _told(error: BaseException) -> str:
    """Say in a sentence what went wrong; a configuration that is refused says why in the error behind."""
    while not isinstance(error, GnomonError) and isinstance(error.__cause__, GnomonError):
        error = error.__cause__
    text = " ".join(str(error).split())
    return text or type(error).__name__
