"""Collections that follow a flag: TAGGED collections that hold what nothing excludes.

``contents`` says what should be in one, ``changes`` is the record of what entered and left, ``syncing``
brings a collection up to it, ``tables`` writes what remains as a table of data IDs.
"""

from gnomon.curation.good_collections.changes import Change, SyncRecord, history
from gnomon.curation.good_collections.contents import Contents, Source, find_contents
from gnomon.curation.good_collections.syncing import SyncReport, sync
from gnomon.curation.good_collections.tables import write_table

__all__ = [
    "Change",
    "Contents",
    "Source",
    "SyncRecord",
    "SyncReport",
    "find_contents",
    "history",
    "sync",
    "write_table",
]
