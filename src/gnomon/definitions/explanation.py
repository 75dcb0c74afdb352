"""Where each part of a definition comes from: which document, which file, which line."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gnomon.definitions.building import build_specification
from gnomon.definitions.documents import expect
from gnomon.definitions.loading import Document, Documents
from gnomon.definitions.metric import Metric
from gnomon.definitions.metric_set import MetricSet
from gnomon.definitions.packages import find_package, metric_files, read_file, specification_directories
from gnomon.definitions.specification import Specification
from gnomon.definitions.yaml_source import Located, Place, Problems, read_documents
from gnomon.errors import SpecificationNotFoundError, nearest
from gnomon.names import Name

__all__ = [
    "MetricExplanation",
    "Part",
    "SpecificationExplanation",
    "Step",
    "explain_metric",
    "explain_specification",
]

type _Names = Mapping[Document, str]
_IDENTITY = ("id", "name", "base", "package")


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a definition, or one item of a list, and where it stands.

    Attributes
    ----------
    key
        Such as ``threshold.value``.
    value
        What was read.
    place
        File and line.
    source
        The document: the id of a partial, the name of a specification or metric.
    """

    key: str
    value: Any
    place: Place
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """One document on the way to a specification.

    Attributes
    ----------
    source
        The id of a partial or the name of a specification.
    place
        File and line.
    depth
        0 for the specification itself, 1 for its bases, 2 for theirs.
    gives
        What it says itself.
    """

    source: str
    place: Place
    depth: int
    gives: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class SpecificationExplanation:
    """A specification with its way.

    Attributes
    ----------
    specification
        The specification.
    steps
        The documents in the order in which they are merged, itself last.
    parts
        What holds in the end, and where it comes from.
    """

    specification: Specification
    steps: tuple[Step, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class MetricExplanation:
    """A metric with its places.

    Attributes
    ----------
    metric
        The metric.
    parts
        What it says, and where that stands; what an anchor gives stands where the anchor does.
    """

    metric: Metric
    parts: tuple[Part, ...]


def explain_specification(
    package_name_or_path: str | os.PathLike[str], name: str | Name
) -> SpecificationExplanation:
    """Say step by step how a specification comes to be what it is.

    Parameters
    ----------
    package_name_or_path
        A definition package (see `find_package`).
    name
        Full name of a specification in it.

    Returns
    -------
    SpecificationExplanation
        The specification, its documents in the order of their merging, and what each part comes from.

    Raises
    ------
    SpecificationNotFoundError
        If it is not there.
    DefinitionError
        If a file is wrong.
    """
    wanted = name if isinstance(name, Name) else Name(spec=name)
    package = find_package(package_name_or_path)
    problems = Problems(strict=False)
    documents = Documents(problems)
    for directory in specification_directories(package):
        if directory.name == wanted.package or wanted.package is None:
            documents.add_package(directory)
    resolved = dict(documents.resolve())
    if wanted not in resolved:
        hint = nearest(str(wanted), map(str, resolved))
        raise SpecificationNotFoundError(f"{package} has no specification {str(wanted)!r}.{hint}")
    document = documents.specifications[wanted]
    names = {each: str(name) for name, each in documents.specifications.items()}
    return SpecificationExplanation(
        build_specification(wanted, resolved[wanted], problems),
        tuple(_steps(documents, document, names, 0)),
        tuple(part for parts in _merged(documents, document, names).values() for part in parts),
    )


def explain_metric(package_name_or_path: str | os.PathLike[str], name: str | Name) -> MetricExplanation:
    """Say where each part of a metric stands.

    Parameters
    ----------
    package_name_or_path
        A definition package (see `find_package`).
    name
        Full name of a metric in it.

    Returns
    -------
    MetricExplanation
        The metric and the places of its parts.

    Raises
    ------
    MetricNotFoundError
        If it is not there.
    DefinitionError
        If a file is wrong.
    """
    package = find_package(package_name_or_path)
    metric = MetricSet.load_metrics_package(package)[name]
    problems = Problems(strict=False)
    parts: list[Part] = []
    key = metric.name.metric or ""
    for path in metric_files(package, metric.name.package):
        for content, place in read_documents(read_file(path), file=str(path), problems=problems):
            if content is not None and key in content:
                definition = expect(content, Located, "A metrics file", place)[key]
                parts = list(_parts(expect(definition, Located, "A metric", place), str(metric.name)))
    return MetricExplanation(metric, tuple(parts))


def _source(document: Document, name: str | None = None) -> str:
    return name or document.partial_id or f"{document.package}: {document.content.get('name')}"


def _steps(documents: Documents, document: Document, names: _Names, depth: int) -> Iterator[Step]:
    for base in documents.bases(document):
        yield from _steps(documents, base, names, depth + 1)
    source = _source(document, names.get(document))
    yield Step(source, document.place, depth, tuple(_own(document, source)))


def _own(document: Document, source: str) -> Iterator[Part]:
    return (part for part in _parts(document.content, source) if part.key not in _IDENTITY)


def _parts(content: Located, source: str, prefix: str = "") -> Iterator[Part]:
    for key, value in content.items():
        path, place = f"{prefix}{key}", content.where(key)
        if isinstance(value, Located) and value:
            yield from _parts(value, source, f"{path}.")
        elif isinstance(value, frozenset):
            yield Part(path, sorted(value), place, source)
        else:
            yield Part(path, value, place, source)


def _merged(documents: Documents, document: Document, names: _Names) -> dict[str, list[Part]]:
    """Merge as `gnomon.definitions.yaml_source.merge` does, remembering the source of each part."""
    whole: dict[str, list[Part]] = {}
    for base in documents.bases(document):
        inherited = _merged(documents, base, names)
        if base.partial_id is None:  # a specification hands a single tag down as a list
            for part in inherited.get("tags", ()):
                if isinstance(part.value, str):
                    inherited["tags"] = [Part("tags", [part.value], part.place, part.source)]
        for key, parts in inherited.items():
            _lay_over(whole, key, parts)
    for part in _own(document, _source(document, names.get(document))):
        _lay_over(whole, part.key, [part])
    return whole


def _lay_over(whole: dict[str, list[Part]], key: str, parts: list[Part]) -> None:
    old = whole.get(key)
    if old is not None and all(isinstance(part.value, list) for part in (*old, *parts)):
        whole[key] = [*old, *parts]
        return
    for other in list(whole):
        if other.startswith(f"{key}.") or key.startswith(f"{other}."):
            del whole[other]
    whole[key] = list(parts)
