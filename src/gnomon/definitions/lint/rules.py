"""What the linter knows to be wrong, and how it says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gnomon.definitions.yaml_source import Place

__all__ = ["RULES", "Finding", "Rule", "Severity", "make_finding"]

type Severity = Literal["error", "warning", "note"]
"""How bad it is. Notes do not count for the exit status."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of mistake.

    Attributes
    ----------
    id
        Its name, in words joined by hyphens.
    severity
        ``error`` for what is certainly wrong, ``warning`` for what most likely is, ``note`` for the rest.
    title
        What is wrong, in one line.
    help
        Why that matters and how to mend it.
    """

    id: str
    severity: Severity
    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in one place.

    Attributes
    ----------
    rule
        The id of the rule.
    severity
        That of the rule.
    file
        The file, relative to the working directory where it is below it.
    line
        Counted from 1; `None` where it is about the file as a whole.
    message
        What is wrong, in one line.
    suggestion
        How to mend it; empty where nothing is known.
    """

    rule: str
    severity: Severity
    file: str
    line: int | None
    message: str
    suggestion: str = ""


def make_finding(rule: str, place: Place, message: str, suggestion: str = "") -> Finding:
    """Make a finding of a rule.

    Parameters
    ----------
    rule
        The id of the rule.
    place
        Where the mistake stands.
    message, suggestion
        As for `Finding`.

    Returns
    -------
    Finding
        The finding.
    """
    return Finding(rule, RULES[rule].severity, place.file or "", place.line or None, message, suggestion)


_RULES = (
    Rule(
        "not-yaml",
        "error",
        "A file is not YAML",
        "Nothing in the file can be read. The message says what the parser met; tabs in the indentation and "
        "colons in strings without quotes are the usual causes.",
    ),
    Rule(
        "unreadable-file",
        "error",
        "A file cannot be read",
        "The operating system refused. Look at the permissions and at broken links.",
    ),
    Rule(
        "unread-file",
        "warning",
        "A file stands where nobody reads it",
        "Metrics are read from metrics/*.yaml and specifications from specs/PACKAGE/**.yaml. Rename or move "
        "the file.",
    ),
    Rule(
        "unknown-key",
        "warning",
        "A key means nothing",
        "Readers pass the key over in silence, so what it was to say does not hold. Correct its spelling or "
        "take it out.",
    ),
    Rule(
        "duplicate-key",
        "error",
        "A key stands twice in one mapping",
        "The last one holds and the other is lost in silence. Take one of them out, or merge the two.",
    ),
    Rule(
        "wrong-type",
        "error",
        "A value is of the wrong type",
        "The message says which type is expected. Strings that look like numbers, booleans or dates need "
        "quotes.",
    ),
    Rule("wrong-value", "error", "A value is out of its range", "The message says what is possible."),
    Rule(
        "wrong-name",
        "error",
        "A name cannot be one",
        "Names of packages, metrics and specifications are without white space and dots of their own.",
    ),
    Rule(
        "unknown-unit",
        "error",
        "A unit does not exist",
        "Units are those of astropy, such as mmag or arcsec; '' is dimensionless.",
    ),
    Rule(
        "missing-key",
        "error",
        "A part is missing",
        "A threshold has a value, an operator and a unit, each of its own or inherited; '' is the unit of "
        "what is dimensionless.",
    ),
    Rule(
        "wrong-document",
        "error",
        "A document is neither a partial nor a specification",
        "A document of a specification file has either 'id' (a partial, to be a base of others) or 'name' (a "
        "specification).",
    ),
    Rule(
        "unknown-type",
        "error",
        "A specification is of a type that does not exist",
        "The message says which types there are.",
    ),
    Rule(
        "two-kinds",
        "error",
        "A specification is of two kinds",
        "A specification has one of threshold, range, tolerance, baseline and statistics (with a threshold). "
        "One of the two may be inherited.",
    ),
    Rule(
        "missing-base",
        "error",
        "A base does not exist",
        "A base is '#id' for a partial of the same file, 'path#id' for one of another file of the package, "
        "or the name of a specification.",
    ),
    Rule(
        "base-cycle",
        "error",
        "Documents are bases of one another",
        "What inherits from itself has no content. Take one of the bases in the circle out.",
    ),
    Rule(
        "no-metric",
        "error",
        "A specification says no metric",
        "Write 'metric', a name such as metric.design, or a base that has a metric.",
    ),
    Rule(
        "no-threshold",
        "error",
        "A specification has no threshold",
        "Write one, or a base that has one; a document that is only there to be a base has 'id' instead of "
        "'name'.",
    ),
    Rule(
        "duplicate-metric",
        "error",
        "A metric is defined twice",
        "The last one holds and the other is lost in silence. Take one of them out.",
    ),
    Rule(
        "duplicate-specification",
        "error",
        "A specification or partial is defined twice",
        "The last one holds and the other is lost in silence, though it may be in another file. Take one of "
        "them out or rename it.",
    ),
    Rule(
        "empty-document",
        "warning",
        "A document is empty",
        "There is one '---' too many, often at the end of the file. Some readers stop there.",
    ),
    Rule(
        "scalar-tag",
        "warning",
        "A scalar tag replaces inherited tags",
        "Lists of tags are appended to what is inherited, anything else replaces it. Write a list, of one "
        "tag if need be.",
    ),
    Rule(
        "contradicts-generic",
        "warning",
        "An inherited threshold contradicts the generic specification of the same name",
        "The name of a specification for one data set says which generic specification it is about, and its "
        "threshold comes from another one: often the base was copied from the document above. Correct the "
        "base, or write the threshold in the document itself if it is meant.",
    ),
    Rule(
        "tier-order",
        "error",
        "A lesser tier asks more than a greater one",
        "Whatever meets a design must meet the minimum, and whatever meets a stretch the design. The two "
        "thresholds may be exchanged, or one of them mistyped.",
    ),
    Rule(
        "unknown-metric",
        "error",
        "A specification is about a metric that is not defined",
        "The specification never applies. Correct the name, or define the metric.",
    ),
    Rule(
        "unit-mismatch",
        "error",
        "A threshold is in a unit that does not convert into the metric's",
        "No measurement can be held against it.",
    ),
    Rule(
        "direction",
        "warning",
        "A threshold limits the better side",
        "The metric says which direction is better, and the operator asks for the other one. Turn the "
        "operator, or correct 'better'.",
    ),
    Rule(
        "unasked-metadata",
        "warning",
        "A query asks for metadata that no job carries",
        "All terms of a query must be in the metadata of a job, so the specification never applies. Correct "
        "the term, or say with --job or --metadata what your jobs carry.",
    ),
    Rule(
        "established-reader",
        "note",
        "Readers of the established format refuse this",
        "What is ours in a metric stands below reference: {gnomon: ...}, where other readers pass it over, "
        "and a specification of another kind can have a threshold for them beside it.",
    ),
)

RULES: Mapping[str, Rule] = {rule.id: rule for rule in _RULES}
"""Every rule by its id."""
