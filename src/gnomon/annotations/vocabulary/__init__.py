"""Which flags there are, and what each means.

A flag is a word that is asserted of a target. Curated flags stand in files with a name and a version:
``standard-1.yaml`` ships with the package, and a site lays down its own, perhaps for one instrument, with
`gnomon.annotations.Annotations.lay_down`. ``user/<name>`` is free for whoever wants to try something. A flag
outside both is refused, because a misspelt flag would exclude nothing and tell nobody.

A *virtual* flag is an expression over flags, such as ``bad_focus | trailed | (clouds & !recovered)``. Nobody
asserts
it: it is evaluated when it is asked for, and the answer names the flags from which it follows.
"""

from gnomon.annotations.vocabulary.files import (
    combine,
    load,
    load_vocabulary,
    parse_vocabulary,
    refuse_contradiction,
    shipped,
)
from gnomon.annotations.vocabulary.flags import Flag, Severity, VirtualFlag, Vocabulary, VocabularyDocument

__all__ = [
    "Flag",
    "Severity",
    "VirtualFlag",
    "Vocabulary",
    "VocabularyDocument",
    "combine",
    "load",
    "load_vocabulary",
    "parse_vocabulary",
    "refuse_contradiction",
    "shipped",
]
