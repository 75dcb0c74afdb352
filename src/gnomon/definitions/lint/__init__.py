"""The linter of definition packages: mistakes that readers pass over in silence, and all others.

`lint` reads packages as far as possible and gives a `Report`; each `Finding` says the file, the line, what is
wrong and how to mend it. `RULES` has every `Rule`, and `FORMATS` writes a report for people, programs, code
scanners (SARIF) and GitHub's annotations.

`gnomon.definitions.lint.package` has what rules look at; the rules are in the modules beside it, a group in
each, and ``linter`` has the list of them.
"""

from gnomon.definitions.lint.formats import FORMATS
from gnomon.definitions.lint.linter import Report, lint
from gnomon.definitions.lint.metadata import USUAL_METADATA, job_metadata
from gnomon.definitions.lint.rules import RULES, Finding, Rule

__all__ = [
    "FORMATS",
    "RULES",
    "USUAL_METADATA",
    "Finding",
    "Report",
    "Rule",
    "job_metadata",
    "lint",
]
