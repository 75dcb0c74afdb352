"""Lineage: what a dataset was made from and what was made from it, in a database of its own.

=============== ===================================================================
``edges``       the words: an edge, how it is known, what is known of a dataset
``tables``      what sort of database it is
``recording``   many rows in one step, so that repeating it changes nothing
``walking``     along the edges, both ways
``lineage``     the front door: `Lineage`, `open_lineage`
=============== ===================================================================
"""

from gnomon.repository.lineage.edges import DATASETS, EDGES, KINDS, Dataset, Edge, Kind
from gnomon.repository.lineage.lineage import Added, Lineage, Ways, open_lineage

__all__ = [
    "DATASETS",
    "EDGES",
    "KINDS",
    "Added",
    "Dataset",
    "Edge",
    "Kind",
    "Lineage",
    "Ways",
    "open_lineage",
]
