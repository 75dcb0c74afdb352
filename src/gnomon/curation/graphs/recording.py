"""The record of what was left out, in the graph and in its output run."""

from typing import TYPE_CHECKING

from lsst.daf.butler import Butler

if TYPE_CHECKING:
    from gnomon.curation.graphs.building import Graph

__all__ = ["add_record"]


def add_record(graph: "Graph", butler: Butler, *, dataset: bool) -> None:
    """Write down in a graph what was left out."""
    graph.components.header.metadata["gnomon"] = graph.exclusions.to_dict()
