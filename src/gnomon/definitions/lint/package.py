"""A definition package as the rules look at it: what could be read, with its places, and what could not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gnomon.definitions.building import build_specification
from gnomon.definitions.loading import EXTENSIONS, Document, Documents
from gnomon.definitions.metric import Metric
from gnomon.definitions.metric_set import MetricSet
from gnomon.definitions.packages import metric_files, read_file, specification_directories
from gnomon.definitions.specification import Specification
from gnomon.definitions.yaml_source import Located, Place, Problems, read_documents
from gnomon.errors import DefinitionError, GnomonError
from gnomon.names import Name

__all__ = ["DefinedMetric", "DefinedSpecification", "Package", "read_package"]


@dataclass(frozen=True, slots=True)
class DefinedMetric:
    """A metric and what it was made of.

    Attributes
    ----------
    metric
        The metric.
    definition
        The mapping, with what anchors gave.
    """

    metric: Metric
    definition: Located


@dataclass(frozen=True, slots=True, eq=False)
class DefinedSpecification:
    """A specification and what it was made of.

    Attributes
    ----------
    name
        Its full name.
    document
        What stands in the file.
    content
        That with all that it inherits.
    specification
        What was built of it; `None` if that failed.
    problems
        Mistakes met in building it.
    """

    name: Name
    document: Document
    content: Located
    specification: Specification | None
    problems: tuple[GnomonError, ...]

    @property
    def metric(self) -> str:
        """The full name of its metric."""
        return f"{self.name.package}.{self.name.metric}"


@dataclass(frozen=True, eq=False)
class Package:
    """All of a definition package.

    Attributes
    ----------
    root
        Its directory.
    metrics
        The metrics by full name.
    broken_metrics
        Full names of metrics that are defined but wrong.
    metric_packages
        Packages of which all metrics are known: there is a file of them and it could be read.
    documents
        The documents of specifications.
    specifications
        Those whose bases could be resolved.
    problems
        Mistakes met in reading and resolving; those in building are with each specification.
    empty
        Where documents without content stand.
    unread
        Files that nobody reads.
    """

    root: Path
    metrics: Mapping[str, DefinedMetric]
    broken_metrics: frozenset[str]
    metric_packages: frozenset[str]
    documents: Documents
    specifications: tuple[DefinedSpecification, ...]
    problems: tuple[GnomonError, ...]
    empty: tuple[Place, ...]
    unread: tuple[Path, ...]

    @cached_property
    def by_document(self) -> Mapping[Document, DefinedSpecification]:
        """The specifications by their documents."""
        return {defined.document: defined for defined in self.specifications}

    @property
    def every_document(self) -> Iterator[Document]:
        """All documents that could be read: partials, specifications and those without a name."""
        yield from self.documents.partials.values()
        yield from self.documents.specifications.values()
        yield from self.documents.nameless
        for passed_over, _ in self.documents.repeated:
            yield passed_over


def read_package(root: Path) -> Package:
    """Read a definition package as far as possible.

    Parameters
    ----------
    root
        Its directory.

    Returns
    -------
    Package
        What could be read, and what was wrong with the rest.
    """
    problems = Problems(strict=False, keep_going=True)
    metrics: dict[str, DefinedMetric] = {}
    broken: set[str] = set()
    complete: set[str] = set()
    empty: list[Place] = []
    for path in metric_files(root):
        try:
            documents = read_documents(read_file(path), file=str(path), problems=problems)
            found = MetricSet.from_documents(path.stem, documents, problems)
        except DefinitionError as error:
            problems.note(error)
            continue
        complete.add(path.stem)
        empty += [place for content, place in documents if content is None]
        definitions = {
            f"{path.stem}.{name}": definition
            for content, _ in documents
            for name, definition in (content or {}).items()
        }
        known = {str(name): metric for name, metric in found.items()}
        broken.update(definitions.keys() - known.keys())
        metrics.update({name: DefinedMetric(metric, definitions[name]) for name, metric in known.items()})
    specifications = Documents(problems)
    directories = specification_directories(root)
    for directory in directories:
        specifications.add_package(directory)
    built = tuple(_build(specifications, name, content) for name, content in specifications.resolve())
    for document in specifications.partials.values():
        try:
            specifications.resolve_document(document)
        except DefinitionError as error:
            problems.note(error)
    return Package(
        root,
        metrics,
        frozenset(broken),
        frozenset(complete),
        specifications,
        built,
        # MetricSet keeps the list that is still growing, so what it found is in it once.
        tuple(problems.found),
        (*empty, *specifications.empty),
        tuple(_unread(root)),
    )


def _build(documents: Documents, name: Name, content: Located) -> DefinedSpecification:
    problems = Problems(strict=False, keep_going=True)
    specification = None
    try:
        specification = build_specification(name, content, problems)
    except GnomonError as error:
        if error.file is None:
            error.file, error.line = content.place
        problems.note(error)
    document = documents.specifications[name]
    return DefinedSpecification(name, document, content, specification, tuple(problems.found))


def _unread(root: Path) -> Iterator[Path]:
    for folder, suffixes in ((root / "metrics", (".yml",)), (root / "specs", EXTENSIONS)):
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file())
