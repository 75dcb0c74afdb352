"""What is left out: a selection by flags, tags and metrics, asked about datasets and data IDs.

A `Selection` says what is wanted; `find_exclusions` asks annotations and metrics once, as of one cut; the
`Exclusions` that come of it answer about any number of datasets and data IDs, each with its reason.

================== =============================================================
``selection``      what is asked for
``finding``        from there to what it leaves out: `find_exclusions`
``exclusions``     the answer; ``exclusion`` one reason in it
``tags``           what annotations with certain tags are about
``metrics``        required metrics, from the store
``requirements``   what inputs have to fulfil, and which are asked
``placing``        timespans, collections and queries taken to data
``places``         answers by dataset, run, record and data ID; ``lookup`` with a person's word against them
``visits``         to which visits exposures belong
``freshness``      how old annotations and metrics may be
================== =============================================================
"""

from gnomon.curation.exclusions.exclusion import Exclusion
from gnomon.curation.exclusions.exclusions import Exclusions, Unapplied
from gnomon.curation.exclusions.finding import find_exclusions
from gnomon.curation.exclusions.selection import Selection

__all__ = ["Exclusion", "Exclusions", "Selection", "Unapplied", "find_exclusions"]
