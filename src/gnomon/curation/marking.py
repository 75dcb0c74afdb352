"""Marking what a query of a repository finds: first the things, then one annotation about all of them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lsst.daf.butler import Butler, DataCoordinate, DatasetRef

from gnomon import dataids
from gnomon.annotations import Actor, Annotation, Annotations, Assertion, Target
from gnomon.curation.selecting import (
    check_collections,
    find_data_ids,
    find_dataset_types,
    find_datasets,
    is_dimension,
    record_target,
    shortened,
)
from gnomon.curation.standing_queries import evaluate
from gnomon.curation.things import Thing
from gnomon.errors import AnnotationError, DataIdError, nearest

__all__ = ["Found", "Request", "find", "mark"]

type Means = Literal["datasets", "records", "data IDs", "standing query"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be marked, in the words of a person.

    Parameters
    ----------
    dataset_types
        Datasets of these types, names or shell patterns.
    collections
        Where they are looked for, names or shell patterns.
    where
        A condition on data IDs, in the Butler's language.
    element
        Not the datasets but the records of this dimension: those of the datasets found, or without dataset
        types all that fulfil the condition.
    dataset_ids
        Datasets by their UUIDs, beside those that are found.
    data_ids
        Not the datasets but their data IDs, with the dataset type: datasets that appear later are meant too.
        Without collections, the data IDs need no dataset yet.
    standing
        Not what is found now but whatever fulfils the condition whenever that matters.
    find_first
        Whether only the first dataset of each data ID counts, and not those that it shadows.
    repository
        The label of the repository, where people use one.
    """

    dataset_types: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    where: str = ""
    element: str | None = None
    dataset_ids: tuple[uuid.UUID, ...] = ()
    data_ids: bool = False
    standing: bool = False
    find_first: bool = False
    repository: str | None = None

    def __post_init__(self) -> None:
        if not (self.dataset_types or self.element or self.dataset_ids):
            raise AnnotationError(
                "Say what is meant: datasets of a type, the records of a dimension, or single datasets."
            )
        if self.data_ids and (self.element or self.dataset_ids or not self.dataset_types):
            raise AnnotationError("Data IDs are marked with a dataset type, and with nothing else.")
        if self.standing:
            if self.data_ids or self.dataset_ids or self.find_first:
                raise AnnotationError(
                    "A standing query is about whatever fulfils its condition: it takes no single datasets, "
                    "no data IDs, and looks at shadowed datasets too."
                )
            if bool(self.dataset_types) == bool(self.element):
                raise AnnotationError(
                    "A standing query is about datasets of types or about the records of a dimension; the "
                    "Butler's language has no condition for both at once."
                )
            if not self.where.strip():
                raise AnnotationError("A standing query without a condition would mark everything for ever.")


@dataclass(frozen=True)
class Found:
    """What a request means in a repository.

    Attributes
    ----------
    targets
        What an annotation would be about.
    means
        What they are.
    things
        What is there now.
    query
        The query by which the things were found, frozen; None where there was none.
    """

    targets: tuple[Target, ...]
    means: Means
    things: tuple[Thing, ...]
    query: Target | None = None

    def __str__(self) -> str:
        number = len(self.things)
        if self.means == "standing query":
            return f"whatever fulfils the condition, now {number} {'thing' if number == 1 else 'things'}"
        counted = f"{number} {self.means.removesuffix('s') if number == 1 else self.means}"
        later = ", whatever datasets they have or will have" if self.means == "data IDs" else ""
        return f"{counted}{later}"


def find(butler: Butler, request: Request) -> Found:
    """Find what a request means.

    Parameters
    ----------
    butler
        Client of the repository.
    request
        What is to be marked.

    Returns
    -------
    Found
        At least one thing, or a standing query.

    Raises
    ------
    DatasetTypeNotFoundError, CollectionNotFoundError, DataIdError
        If the repository has no such dataset type, collection or dimension.
    ExpressionError
        If the Butler does not understand the condition.
    AnnotationError
        If nothing is found, or a dataset given by its UUID is not there.
    """
    if request.element is not None and not is_dimension(butler, request.element):
        known = dataids.REQUIRED
        raise DataIdError(f"{request.element!r} is no dimension.{nearest(request.element, known)}")
    collections = check_collections(butler, request.collections)
    if request.standing:
        return _standing(butler, request)
    if request.data_ids and not collections:
        kinds = find_dataset_types(butler, request.dataset_types)
        return _data_ids(
            request,
            [
                (kind.name, data_id)
                for kind in kinds
                for data_id in find_data_ids(butler, kind.dimensions.names, where=request.where)
            ],
        )
    if request.element is not None and not (request.dataset_types or request.dataset_ids):
        if collections:
            raise AnnotationError("Records are in no collection: give a dataset type to look for there.")
        return _records(
            request, request.element, find_data_ids(butler, [request.element], where=request.where)
        )
    refs = _datasets(butler, request, collections)
    if request.element is not None:
        data_ids = _subsets(butler, refs, request.element)
        return _records(request, request.element, data_ids, collections)
    if request.data_ids:
        return _data_ids(request, [(ref.datasetType.name, ref.dataId) for ref in refs], collections)
    targets = tuple(Target.dataset(ref.id, request.repository) for ref in refs)
    things = tuple(map(Thing.of_dataset, refs))
    return Found(targets, "datasets", things, _frozen(request, targets, collections))


def mark(
    annotations: Annotations,
    found: Found,
    *,
    text: str = "",
    flags: Iterable[Assertion] = (),
    tags: Iterable[str] = (),
    urls: Iterable[str] = (),
    level: int | str = 20,
    actor: Actor,
    key: str | None = None,
) -> Annotation:
    """Say something about all that was found, in one annotation.

    Parameters
    ----------
    annotations
        The log.
    found
        What it is about.
    text, flags, tags, urls, level, actor, key
        As of `gnomon.annotations.Annotations.add`.

    Returns
    -------
    Annotation
        The annotation, with the frozen query, too, by which things were found, unless a flag is only for
        things of some kind.

    Raises
    ------
    AnnotationError
        If it says nothing, or a part of it cannot be recorded.
    """
    said = list(flags)
    targets = list(found.targets)
    if found.query is not None and not _scoped(annotations, said):
        targets.append(found.query)
    return annotations.add(
        targets=targets, text=text, flags=said, tags=tags, urls=urls, level=level, actor=actor, key=key
    )


def _scoped(annotations: Annotations, said: Sequence[Assertion]) -> bool:
    vocabulary = annotations.vocabulary
    known = [vocabulary.flags.get(vocabulary.check(assertion.flag)) for assertion in said]
    return any(flag is not None and (flag.targets or flag.instruments) for flag in known)


def _datasets(butler: Butler, request: Request, collections: Sequence[str]) -> list[DatasetRef]:
    refs: dict[uuid.UUID, DatasetRef] = {}
    if request.dataset_types:
        if not collections:
            raise AnnotationError("Say in which collections the datasets are looked for.")
        for dataset_type in find_dataset_types(butler, request.dataset_types):
            for ref in find_datasets(
                butler,
                dataset_type.name,
                collections=collections,
                where=request.where,
                find_first=request.find_first,
            ):
                refs.setdefault(ref.id, ref)
    if request.dataset_ids:
        # By its UUID alone a dataset comes without its night, filter and the like.
        given = {
            ref.id: ref if ref.dataId.hasFull() else ref.expanded(butler.registry.expandDataId(ref.dataId))
            for ref in butler.get_many_datasets(request.dataset_ids)
        }
        if missing := [id for id in request.dataset_ids if id not in given]:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise AnnotationError(f"The repository has no dataset {missing[0]}{more}.")
        refs |= {id: given[id] for id in request.dataset_ids}
    if not refs:
        raise _nothing(request)
    return list(refs.values())


def _subsets(butler: Butler, refs: Iterable[DatasetRef], element: str) -> list[DataCoordinate]:
    group = butler.dimensions.conform([element])
    found: dict[tuple[Any, ...], DataCoordinate] = {}
    for ref in refs:
        if element not in ref.dataId.dimensions:
            raise AnnotationError(
                f"Datasets of type {ref.datasetType.name} have no {element}; their dimensions are "
                f"{', '.join(ref.dataId.dimensions.names)}."
            )
        subset = ref.dataId.subset(group)
        found.setdefault(subset.required_values, subset)
    return [found[key] for key in sorted(found)]


def _records(
    request: Request, element: str, data_ids: Sequence[DataCoordinate], collections: Sequence[str] = ()
) -> Found:
    if not data_ids:
        raise _nothing(request)
    targets = tuple(record_target(element, data_id) for data_id in data_ids)
    things = tuple(Thing.of_record(element, data_id) for data_id in data_ids)
    return Found(targets, "records", things, _frozen(request, targets, collections))


def _data_ids(
    request: Request, found: Iterable[tuple[str, DataCoordinate]], collections: Sequence[str] = ()
) -> Found:
    once = {
        Target.of_data_id(dict(data_id.required), dataset_type=kind): Thing(dict(data_id.mapping), kind)
        for kind, data_id in found
    }
    if not once:
        raise _nothing(request)
    targets = tuple(once)
    return Found(targets, "data IDs", tuple(once.values()), _frozen(request, targets, collections))


def _standing(butler: Butler, request: Request) -> Found:
    # A pattern would lead to other collections and types tomorrow than the ones that are looked at today.
    for name in (*request.dataset_types, *request.collections):
        if any(sign in name for sign in "*?["):
            raise AnnotationError(f"A standing query takes names, and no pattern such as {name!r}.")
    if request.element is not None:
        if request.collections:
            raise AnnotationError("Records are in no collection: leave the collections out.")
        names = [request.element]
    else:
        names = [kind.name for kind in find_dataset_types(butler, request.dataset_types)]
    targets = tuple(
        Target.query(request.where, of=name, collections=request.collections, repository=request.repository)
        for name in names
    )
    things = tuple(thing for target in targets for thing in evaluate(target, butler=butler))
    return Found(targets, "standing query", things)


def _frozen(request: Request, targets: Sequence[Target], collections: Sequence[str]) -> Target | None:
    names = request.dataset_types or ((request.element,) if request.element else ())
    if request.dataset_ids or len(names) != 1:
        return None
    return Target.query(
        request.where,
        of=str(names[0]),
        collections=collections,
        repository=request.repository,
        results=targets,
    )


def _nothing(request: Request) -> AnnotationError:
    what = (
        f"datasets of type {', '.join(request.dataset_types)}" if request.dataset_types else request.element
    )
    place = f" in {', '.join(request.collections)}" if request.collections else ""
    condition = f" where {shortened(request.where)}" if request.where else ""
    return AnnotationError(f"There is nothing to mark: the repository has no {what}{place}{condition}.")
