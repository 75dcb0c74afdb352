"""Specification files: documents, partials, and what they inherit from one another.

A document with ``id`` is a *partial*, one with ``name`` a *specification*. Both may have a ``base``: the id
of a partial (``#x`` in this file, ``path#x`` in another one of the package, ``package:path#x``) or the name
of a specification (``metric.spec``). Bases are merged left to right and the document itself over them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gnomon.definitions.building import check_document_keys
from gnomon.definitions.documents import expect, strings
from gnomon.definitions.hints import Hints
from gnomon.definitions.packages import read_file
from gnomon.definitions.yaml_source import Located, Place, Problems, merge, read_documents
from gnomon.errors import DefinitionError, NameFormatError, SpecificationResolutionError
from gnomon.names import Name

__all__ = ["Document", "Documents"]

EXTENSIONS = (".yaml", ".yml")
_NOT_INHERITED = ("id", "name", "base")
_RESOLUTION = ("missing-base", "base-cycle", "no-metric")
MAX_LEVELS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One document of a specification file."""

    package: str
    path: str
    """Path of its file below the package's directory, without extension, with forward slashes."""
    content: Located
    bases: tuple[str, ...]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.content.place

    @property
    def partial_id(self) -> str | None:
        """Its full id, ``package:path#id``, if it is a partial."""
        identifier = self.content.get("id")
        return None if identifier is None else f"{self.package}:{self.path}#{identifier}"

    def error(self, message: str, key: str = "", rule: str = "wrong-document") -> DefinitionError:
        """Make an error about this document, or one of its keys."""
        place = self.content.where(key)
        kind = SpecificationResolutionError if rule in _RESOLUTION else DefinitionError
        error = kind(message, file=place.file, line=place.line)
        error.rule = rule
        return error


@dataclass(eq=False)
class Documents:
    """All documents that may refer to one another, and their resolution.

    Parameters
    ----------
    problems
        What to do about mistakes that need not end the reading.
    """

    problems: Problems = field(default_factory=Problems)

    def __post_init__(self) -> None:
        self.partials: dict[str, Document] = {}
        self.specifications: dict[Name, Document] = {}
        self.empty: list[Place] = []
        """Where documents without content stand."""
        self.unusable: list[tuple[str, str, Located]] = []
        """Documents that could not be taken, though others may refer to them: package, path and content."""
        self.nameless: list[Document] = []
        """Specifications whose name could not be found out."""
        self.repeated: list[tuple[Document, Document]] = []
        """Documents of the same name: the one that is passed over, and the one that holds."""
        self._unnamed: list[Document] = []
        self._identifiers: dict[str, list[str]] = defaultdict(list)
        self._metrics: dict[Document, str | None] = {}
        self._resolved: dict[Document, Located] = {}
        self._failed: dict[Document, DefinitionError] = {}
        self._hints = Hints()

    def add_package(self, directory: Path) -> None:
        """Read every file of one package.

        Parameters
        ----------
        directory
            ``specs/<package>``, whose name is the package's.

        Raises
        ------
        DefinitionError
            If a file is wrong.
        """
        for path in sorted(directory.rglob("*")):
            if path.suffix in EXTENSIONS and path.is_file():
                self.add_file(directory.name, path.relative_to(directory).with_suffix("").as_posix(), path)

    def add_file(self, package: str, relative: str, path: Path) -> None:
        """Read one file.

        Parameters
        ----------
        package
            Name of the package.
        relative
            Path below the package's directory, without extension.
        path
            The file.

        Raises
        ------
        DefinitionError
            If the file is wrong.
        """
        try:
            documents = read_documents(read_file(path), file=str(path), problems=self.problems)
        except DefinitionError as error:
            self.problems.note(error)
            return
        for content, place in documents:
            if content is None:  # a trailing --- makes an empty document
                self.empty.append(place)
                continue
            try:
                self.add(package, relative, expect(content, Located, "A document of specifications", place))
            except DefinitionError as error:
                if isinstance(content, Located):
                    self.unusable.append((package, relative, content))
                self.problems.note(error)

    def add(self, package: str, relative: str, content: Located) -> None:
        """Add one document.

        Parameters
        ----------
        package
            Name of the package.
        relative
            Path of its file below the package's directory, without extension.
        content
            What was read.

        Raises
        ------
        DefinitionError
            If it is neither a partial nor a specification, or repeats one.
        """
        check_document_keys(content, self.problems)
        document = Document(package, relative, content, tuple(strings(content, "base", self.problems)))
        if ("id" in content) == ("name" in content):
            raise document.error("A document has either 'id' (a partial) or 'name' (a specification).")
        identity = expect(
            content.get("id", content.get("name")),
            str,
            "'id' or 'name'",
            content.where("id" if "id" in content else "name"),
        )
        if not identity:
            raise document.error("'id' or 'name' is empty.")
        stated = content.get("package", package)
        if stated != package:
            raise document.error(f"This file belongs to the package {package!r}, not {stated!r}.", "package")
        partial_id = document.partial_id
        if partial_id is None:
            self._unnamed.append(document)
            return
        if partial_id in self.partials:
            self._twice(f"The partial {partial_id}", self.partials[partial_id], document)
        else:
            self._identifiers[identity].append(partial_id)
        self.partials[partial_id] = document

    def resolve(self) -> Iterator[tuple[Name, Located]]:
        """Give every specification with all that it inherits.

        Yields
        ------
        tuple of Name and Located
            In the order of the files.

        Raises
        ------
        DefinitionError
            If a base is missing, or bases form a cycle, or a name is none or stands twice.
        """
        self._hints = Hints()
        for document in self._unnamed:
            try:
                name = self._name(document)
            except DefinitionError as error:
                self.nameless.append(document)
                self.problems.note(error)
                continue
            if name in self.specifications:
                self._twice(f"The specification {name}", self.specifications[name], document)
            self.specifications[name] = document
        self._unnamed = []
        for name, document in self.specifications.items():
            try:
                resolved = self.resolve_document(document)
            except DefinitionError as error:
                self.problems.note(error)
                continue
            yield name, resolved

    def resolve_document(self, document: Document) -> Located:
        """Merge a document over all its bases.

        Parameters
        ----------
        document
            A partial or a specification.

        Returns
        -------
        Located
            The whole, each key with the place that its value came from.

        Raises
        ------
        DefinitionError
            If a base is missing, or bases form a cycle.
        """
        return self._resolve(document, ())

    def _resolve(self, document: Document, above: tuple[Document, ...]) -> Located:
        known = self._resolved.get(document)
        if known is not None:
            return known
        if document in self._failed:
            raise self._failed[document]
        try:
            self._refuse_endless(document, above)
            whole = Located(document.place)
            for base in self.bases(document):
                whole = merge(whole, self._inherited(base, (*above, document)))
            self._resolved[document] = whole = merge(whole, document.content)
        except DefinitionError as error:
            # Whatever is built on it fails for the same reason, and says so in the same words.
            self._failed[document] = error
            raise
        return whole

    def bases(self, document: Document) -> list[Document]:
        """Find the bases of a document.

        Parameters
        ----------
        document
            A partial or a specification.

        Returns
        -------
        list of Document
            In the order in which they are merged.

        Raises
        ------
        SpecificationResolutionError
            If one is missing.
        """
        return [self._find(document, base) for base in document.bases]

    def missing(self, document: Document) -> list[tuple[str, DefinitionError]]:
        """Find all bases of a document that are not there.

        Parameters
        ----------
        document
            A partial or a specification.

        Returns
        -------
        list of tuple
            Each such base as it is written, and the error that says so.
        """
        found = []
        for base in document.bases:
            try:
                self._find(document, base)
            except DefinitionError as error:
                if error.rule == "missing-base":
                    found.append((base, error))
        return found

    def inherited(self, base: Document) -> Located:
        """Give what a document hands down to those whose base it is.

        Parameters
        ----------
        base
            A partial or a specification.

        Returns
        -------
        Located
            Its whole, without what names it.
        """
        return self._inherited(base, ())

    def _inherited(self, base: Document, above: tuple[Document, ...]) -> Located:
        whole = _without(self._resolve(base, above), _NOT_INHERITED)
        if base.partial_id is None and isinstance(whole.get("tags"), str):
            # A specification hands down its tags, which are many even if they are one; a partial its text.
            whole["tags"] = [whole["tags"]]
        return whole

    def _metric(self, document: Document, above: tuple[Document, ...] = ()) -> str | None:
        """Give the metric that a document says or inherits, without resolving the rest."""
        if document in self._metrics:
            return self._metrics[document]
        self._refuse_endless(document, above)
        metric = document.content.get("metric")
        if metric is not None:
            expect(metric, str, "'metric'", document.content.where("metric"))
        for base in reversed(document.bases):
            if metric is not None:
                break
            if "#" in base:
                metric = self._metric(self._find(document, base), (*above, document))
            else:
                metric = self._spec_name(document, base).metric
        self._metrics[document] = metric
        return metric

    def _name(self, document: Document) -> Name:
        given = document.content["name"]
        try:
            if "." in given:
                return Name(document.package, document.content.get("metric"), given)
            metric = self._metric(document)
            if metric is None:
                raise document.error(
                    f"The specification {given!r} says no metric, and neither does any of its bases.",
                    "name",
                    "no-metric",
                )
            return Name(document.package, metric, given)
        except NameFormatError as error:
            message = f"The specification {given!r}: {error.message}"
            raise document.error(message, "name", "wrong-name") from error

    def _spec_name(self, document: Document, base: str) -> Name:
        try:
            if "." in base:
                return Name(document.package, None, base)
            # A bare name stands for a specification of the same metric.
            metric = document.content.get("metric")
            return Name(document.package, metric, base) if metric is not None else Name(spec=base)
        except NameFormatError as error:
            raise document.error(f"The base {base!r}: {error.message}", "base", "wrong-name") from error

    def _find(self, document: Document, base: str) -> Document:
        if "#" in base:
            path, _, identifier = base.rpartition("#")
            if not path:
                path = f"{document.package}:{document.path}"
            elif ":" not in path:
                path = f"{document.package}:{path}"
            partial = self.partials.get(f"{path}#{identifier}")
            if partial is None:
                hint = self._near_partial(path, identifier)
                raise document.error(
                    f"There is no partial {path}#{identifier}, which {base!r} means.{hint}",
                    "base",
                    "missing-base",
                )
            return partial
        name = self._spec_name(document, base)
        if not name.has_metric:
            metric = self._metric(document)
            name = name if metric is None else Name(document.package, metric, base)
        specification = self.specifications.get(name)
        if specification is None:
            if base in self._identifiers:
                hint = f" There is a partial of that id: write '#{base}' or 'path#{base}'."
            else:
                hint = self._hints.nearest(str(name), map(str, self.specifications))
            raise document.error(
                f"There is no specification {name} to be a base.{hint}", "base", "missing-base"
            )
        return specification

    def _near_partial(self, path: str, identifier: str) -> str:
        return self._hints.nearest(f"{path}#{identifier}", self._identifiers.get(identifier) or self.partials)

    def _refuse_endless(self, document: Document, above: tuple[Document, ...]) -> None:
        if document in above:
            circle = above[above.index(document) :]
            # The same circle is told in the same words from wherever it is entered.
            first = min(range(len(circle)), key=lambda i: (circle[i].place.file or "", circle[i].place.line))
            circle = (*circle[first:], *circle[: first + 1])
            chain = " -> ".join(d.partial_id or str(d.content["name"]) for d in circle)
            raise circle[0].error(
                f"These are bases of one another, in a circle: {chain}.", "base", "base-cycle"
            )
        if len(above) >= MAX_LEVELS:
            raise document.error(
                f"This inherits through more than {MAX_LEVELS} levels.", "base", "base-cycle"
            )

    def _twice(self, what: str, first: Document, second: Document) -> None:
        self.repeated.append((first, second))
        self.problems.add(
            f"{what} stands here twice (first in {first.place.file}:{first.place.line}).",
            second.place,
            "duplicate-specification",
        )


def _without(content: Located, keys: Iterable[str]) -> Located:
    rest = Located(content.place)
    rest.update(content)
    rest.places = content.places
    for key in keys:
        rest.pop(key, None)
    return rest
