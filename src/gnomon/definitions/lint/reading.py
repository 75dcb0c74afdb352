"""Mistakes that the reading of a package meets, each told once where it stands.

One mistake makes others: of a base that is missing or that nobody can read, all heirs are broken. What
follows from something that is told anyway is left out.
"""

import itertools
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from gnomon.definitions.building import document_keys
from gnomon.definitions.lint.package import DefinedSpecification, Package
from gnomon.definitions.lint.rules import RULES, Finding, make_finding
from gnomon.definitions.loading import Document
from gnomon.definitions.specification import Specification
from gnomon.definitions.yaml_source import Located, Place
from gnomon.errors import DefinitionError, GnomonError

__all__ = ["empty_documents", "reading_mistakes", "unread_files"]

_SUGGESTION = re.compile(
    r"^(.*?[.?!'\"]) (Did you mean [^?]*\?|Known are[:,] .*|There is a partial of that id.*)$"
)
# What people write who remember an earlier version of the format, and is spelt too differently to be guessed.
_MEANT = {"provenance_query": "metadata_query"}
_MANY = 100  # unknown keys of one mapping that are looked at; nobody means more
_INCOMPLETE = ("no-threshold", "missing-key")
_NO_FILE = ("not-yaml", "unreadable-file")


def reading_mistakes(package: Package) -> Iterator[Finding]:
    """Find what the loader finds.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        What ends the reading of a file or definition, and what readers pass over.
    """
    consequent = _consequent_repetitions(package)
    for error in package.problems:
        rule = getattr(error, "rule", None)
        # Of several missing bases the loader tells the first.
        if rule != "missing-base" and (rule, error.file, error.line) not in consequent:
            yield _finding(error)
    yield from _missing_bases(package)
    for defined in package.specifications:
        for error in defined.problems:
            if not _follows(package, defined, error):
                yield _finding(error)


def empty_documents(package: Package) -> Iterator[Finding]:
    """Find documents without content.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``empty-document``.
    """
    for place in package.empty:
        yield make_finding(
            "empty-document", place, "This document is empty.", "Take out the '---' that begins it."
        )


def unread_files(package: Package) -> Iterator[Finding]:
    """Find YAML files that are not read.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``unread-file``.
    """
    for path in package.unread:
        if path.parent.name == "specs":
            message, mend = "A file directly in specs/ is not read.", "Move it to specs/PACKAGE/."
        else:
            message, mend = "Metrics are read from *.yaml files only.", f"Rename it to {path.stem}.yaml."
        yield make_finding("unread-file", Place(str(path), 1), message, mend)


def _finding(error: GnomonError) -> Finding:
    rule: str = getattr(error, "rule", None) or ""
    message, suggestion = " ".join(error.message.split()), ""
    if match := _SUGGESTION.match(message):
        message, suggestion = match[1], match[2]
    for key, meant in _MEANT.items():
        if rule == "unknown-key" and message.startswith(f"{key!r} "):
            suggestion = f"Did you mean {meant}?"
    return make_finding(
        rule if rule in RULES else "wrong-value", Place(error.file, error.line or 0), message, suggestion
    )


def _missing_bases(package: Package) -> Iterator[Finding]:
    lost = _Lost(package)
    for document in package.every_document:
        for base, error in package.documents.missing(document):
            if not lost.explains(document, base):
                yield _finding(error)


class _Lost:
    """Documents that exist, as far as anybody can know, but could not be read."""

    def __init__(self, package: Package) -> None:
        documents = package.documents
        self.files: set[tuple[str, str]] = set()
        self.identifiers: set[str] = set()
        self.names: set[tuple[str, str]] = set()
        specs = package.root / "specs"
        for error in package.problems:
            path = Path(error.file or "")
            if getattr(error, "rule", None) in _NO_FILE and path.is_relative_to(specs):
                folder, *rest = path.relative_to(specs).with_suffix("").parts
                self.files.add((folder, "/".join(rest)))
        self.folders = {folder for folder, _ in self.files}
        for folder, path_, content in documents.unusable:
            self.identifiers.add(f"{folder}:{path_}#{content.get('id')}")
            self.names.add((folder, str(content.get("name")).rpartition(".")[2]))
        for document in documents.nameless:
            self.names.add((document.package, str(document.content["name"]).rpartition(".")[2]))

    def explains(self, document: Document, base: str) -> bool:
        """Say whether a base may be one of them."""
        if "#" not in base:
            return document.package in self.folders or (
                (document.package, base.rpartition(".")[2]) in self.names
            )
        path, _, identifier = base.rpartition("#")
        folder, _, path = (path or document.path).rpartition(":")
        folder = folder or document.package
        return (folder, path) in self.files or f"{folder}:{path}#{identifier}" in self.identifiers


def _consequent_repetitions(package: Package) -> set[tuple[str, str | None, int]]:
    """Find specifications that have one name only since two partials of one id name two metrics."""
    turned = {
        second.partial_id
        for first, second in package.documents.repeated
        if second.partial_id is not None and first.content.get("metric") != second.content.get("metric")
    }
    found: set[tuple[str, str | None, int]] = set()
    for _, second in package.documents.repeated if turned else ():
        if second.partial_id is None and "metric" not in second.content and "." not in second.content["name"]:
            try:
                bases = package.documents.bases(second)
            except DefinitionError:
                continue
            if any(base.partial_id in turned for base in bases):
                found.add(("duplicate-specification", second.place.file, second.place.line))
    return found


def _follows(package: Package, defined: DefinedSpecification, error: GnomonError) -> bool:
    """Say whether something is missing only since its key is misspelt, or since a base lacks it too."""
    rule = getattr(error, "rule", None)
    if rule not in _INCOMPLETE:
        return False
    for base in package.documents.bases(defined.document):
        heir_of = package.by_document.get(base)
        if heir_of is not None and any(getattr(e, "rule", None) == rule for e in heir_of.problems):
            return True
    content = defined.content
    if _misspelt(content, document_keys(), tuple(Specification._kinds)):
        return True
    return any(
        _misspelt(content[kind], ("value", "unit", "operator"), ("value", "unit", "operator"))
        for kind in Specification._kinds
        if isinstance(content.get(kind), Located)
    )


def _misspelt(mapping: Located, known: tuple[str, ...], meant: tuple[str, ...]) -> bool:
    return any(
        get_close_matches(str(key), [word for word in meant if word not in mapping], n=1)
        for key in itertools.islice((key for key in mapping if key not in known), _MANY)
    )
