"""Lineage: what a dataset was made from and what was made from it, in a database of its own.

================== =======================================================================
``lineage``        the front door: `Lineage`, `open_lineage`
``edges``          the words: an edge, how it is known, what is known of a dataset
``tables``         what sort of database it is
``recording``      many rows in one step, so that repeating it changes nothing
``walking``        along the edges, both ways; ``looking_up`` what stands at their ends
``gathering``      what a repository says of how its datasets were made, all of it
``graph_files``    the part of it that quantum graphs say
``put_provenance`` the part that the files of datasets say; ``saying`` records it
``input_tables``   the part that a product's own table of inputs says
``on_the_fly``     lineage of which nothing was recorded
================== =======================================================================

A datum goes from one of the four sources through ``gathering`` into ``recording``, and from there through
``walking`` out again.
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
