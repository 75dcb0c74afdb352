"""The linter: every rule over every package."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gnomon.definitions.lint.established import established_readers
from gnomon.definitions.lint.inheritance import contradicting_thresholds, scalar_tags
from gnomon.definitions.lint.measured import against_direction, tier_order, unit_mismatches, unknown_metrics
from gnomon.definitions.lint.metadata import unasked_metadata
from gnomon.definitions.lint.package import Package, read_package
from gnomon.definitions.lint.reading import empty_documents, reading_mistakes, unread_files
from gnomon.definitions.lint.rules import RULES, Finding
from gnomon.definitions.lint.suppression import without_disabled
from gnomon.definitions.lint.targets import find_packages
from gnomon.errors import DefinitionError, nearest

__all__ = ["Report", "lint"]

_CHECKS: tuple[Callable[[Package], Iterator[Finding]], ...] = (
    reading_mistakes,
    empty_documents,
    unread_files,
    scalar_tags,
    contradicting_thresholds,
    unknown_metrics,
    unit_mismatches,
    against_direction,
    tier_order,
    established_readers,
)

# What a message says of whose part something is. The same mistake in a base is met in each of its heirs.
_OWNER = re.compile(r"\b(?:[Ii]n|of|[Tt]he)(?: the)?(?: metric| specification)? [^\s:,']+")


@dataclass(frozen=True, slots=True)
class Report:
    """What the linter found.

    Attributes
    ----------
    findings
        In the order of files and lines.
    metrics, specifications
        How many of them were looked at.
    """

    findings: tuple[Finding, ...]
    metrics: int
    specifications: int

    @property
    def failed(self) -> bool:
        """Whether there is anything but notes."""
        return any(finding.severity != "note" for finding in self.findings)


def lint(
    packages: Iterable[str | os.PathLike[str]],
    *,
    metadata: Collection[str] | None = None,
    disable: Collection[str] = (),
) -> Report:
    """Find every mistake in definition packages.

    Parameters
    ----------
    packages
        Directories, names, or files of packages (see `gnomon.definitions.lint.targets.find_packages`).
    metadata
        The keys that jobs carry; by default what they usually do.
    disable
        Ids of rules that are not looked at.

    Returns
    -------
    Report
        The findings: each mistake once, where it stands.

    Raises
    ------
    PackageNotFoundError
        If there is no such package (also an `OSError`).
    DefinitionError
        If a rule that is to be disabled does not exist.
    """
    for rule in disable:
        if rule not in RULES:
            raise DefinitionError(f"{rule!r} is no rule.{nearest(rule, RULES)}")
    findings: list[Finding] = []
    metrics = specifications = 0
    for root in find_packages(packages):
        package = read_package(root)
        metrics += len(package.metrics) + len(package.broken_metrics)
        specifications += len(package.specifications) + len(package.documents.nameless)
        found = [finding for check in _CHECKS for finding in check(package)]
        found += unasked_metadata(package, metadata)
        findings += _once(finding for finding in found if finding.rule not in disable)
    shown = [_shown(finding) for finding in without_disabled(findings)]
    shown.sort(key=lambda finding: (finding.file, finding.line or 0, finding.rule, finding.message))
    return Report(tuple(shown), metrics, specifications)


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen = set()
    for finding in findings:
        key = (finding.rule, finding.file, finding.line, _OWNER.sub("", finding.message))
        if key not in seen:
            seen.add(key)
            yield finding


def _shown(finding: Finding) -> Finding:
    """Write files as seen from here, and nothing that a terminal would obey."""
    here = f"{Path.cwd()}{os.sep}"
    file = finding.file.removeprefix(here)
    message, suggestion = (
        _printable(text.replace(here, "")) for text in (finding.message, finding.suggestion)
    )
    return replace(finding, file=file, message=message, suggestion=suggestion)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
