"""Quantum graphs built without what is left out.

=================== ============================================================
``building``        the way in: `build_graph`
``builder``         the stock builder's graph, less what is left out
``prerequisites``   the same for prerequisite inputs; ``falling_back`` what takes their place
``accounts``        what was left out; ``settling`` what each task lost, and what went in consequence
``warnings``        what a person should know before the graph is run
``record``          the record of what was left out; ``recording`` how it gets into graph and run
``explaining``      what a graph's file says of it: `explain`
=================== ============================================================
"""

from gnomon.curation.graphs.accounts import LeftOut, Pruned, TaskAccount
from gnomon.curation.graphs.builder import ExcludingQuantumGraphBuilder
from gnomon.curation.graphs.building import Graph, build_graph
from gnomon.curation.graphs.explaining import Explanation, explain
from gnomon.curation.graphs.falling_back import OnShadow

__all__ = [
    "ExcludingQuantumGraphBuilder",
    "Explanation",
    "Graph",
    "LeftOut",
    "OnShadow",
    "Pruned",
    "TaskAccount",
    "build_graph",
    "explain",
]
