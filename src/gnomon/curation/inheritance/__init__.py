"""Which flags a thing has from others: a visit from its exposures, a dataset from what it was made from.

Only what holds in the end is inherited: a policy has decided before. Flags on a data ID cover every data ID
that contains it, so that from a visit to its detectors nothing needs to flow. A person's *clear* at what
would inherit stands against an inherited flag; a program's does not.

=============== =================================================================
``rules``       which flags flow where: a file with a name and a version
``inherited``   what comes out: a flag, its causes, and of how many it holds
``covering``    which flags cover which data IDs, many at once
``records``     from exposures to visits and back
``lineage``     from inputs to outputs
``virtual``     virtual flags, evaluated where others arrive
``implied``     the night, filter and band of a data ID
``inheriting``  all of it: `inherit`, `Inheritance`
``asking``      from a log to what some things inherit: `find_inherited`
=============== =================================================================
"""

from gnomon.curation.inheritance.asking import find_inherited, needed_flags
from gnomon.curation.inheritance.inherited import InheritedFlag, Source
from gnomon.curation.inheritance.inheriting import Inheritance, inherit
from gnomon.curation.inheritance.rules import (
    STANDARD,
    Flow,
    InheritanceRules,
    Threshold,
    load_inheritance,
    parse_inheritance,
    shipped,
)

__all__ = [
    "STANDARD",
    "Flow",
    "Inheritance",
    "InheritanceRules",
    "InheritedFlag",
    "Source",
    "Threshold",
    "find_inherited",
    "inherit",
    "load_inheritance",
    "needed_flags",
    "parse_inheritance",
    "shipped",
]
