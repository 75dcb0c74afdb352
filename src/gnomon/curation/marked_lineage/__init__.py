"""Lineage with what people and bots say of it: what is wrong upstream of a product, what a bad input touched.

=============== ===================================================================
``marking``     flags and annotations of every dataset on the way, and of its records
``records``     which records the data ID of a dataset names
``wider``       stretches of time and standing queries, taken to what they are about
``tree``        as an indented tree, folded where it is large
``dot``         as a graph for Graphviz
``document``    as plain values, complete
=============== ===================================================================
"""

from gnomon.curation.marked_lineage.document import to_document
from gnomon.curation.marked_lineage.dot import to_dot
from gnomon.curation.marked_lineage.marking import Mark, MarkedLineage, Node, mark_lineage
from gnomon.curation.marked_lineage.tree import Line, to_tree

__all__ = ["Line", "Mark", "MarkedLineage", "Node", "mark_lineage", "to_document", "to_dot", "to_tree"]
