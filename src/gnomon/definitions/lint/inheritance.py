"""Mistakes in what documents take over from one another."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gnomon.definitions.lint.package import DefinedSpecification, Package
from gnomon.definitions.lint.rules import Finding, make_finding
from gnomon.definitions.loading import Document
from gnomon.definitions.specification import amount
from gnomon.definitions.threshold import ThresholdSpecification
from gnomon.definitions.units import same_quantity
from gnomon.definitions.yaml_source import Located
from gnomon.errors import DefinitionError

__all__ = ["Contradiction", "contradicting_thresholds", "contradictions", "scalar_tags"]


def scalar_tags(package: Package) -> Iterator[Finding]:
    """Find tags that replace a list of inherited ones, since they are no list.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``scalar-tag``, once for each place, however many inherit from there.
    """
    seen = set()
    documents = package.documents
    for document in (*documents.partials.values(), *documents.specifications.values()):
        try:
            layers = [documents.inherited(base) for base in documents.bases(document)]
        except DefinitionError:
            continue
        inherited: list[object] = []
        for layer in (*layers, document.content):
            if "tags" not in layer:
                continue
            tags, place = layer["tags"], layer.where("tags")
            if isinstance(tags, list):
                inherited = inherited + tags
                continue
            kept = tags if isinstance(tags, frozenset) else {str(tags)}
            lost = list(dict.fromkeys(str(tag) for tag in inherited if str(tag) not in kept))
            if lost and place not in seen:
                seen.add(place)
                if tags is None:
                    yield make_finding(
                        "scalar-tag",
                        place,
                        f"These empty tags replace the inherited {_list(lost)}.",
                        "Take 'tags' out to keep what is inherited.",
                    )
                else:
                    own = sorted(map(str, kept))
                    yield make_finding(
                        "scalar-tag",
                        place,
                        f"The tag {_list(own)} is no list and so replaces the inherited {_list(lost)}.",
                        f"Write tags: [{', '.join(own)}]; a list is appended to what is inherited.",
                    )
            inherited = []


def _list(words: list[str]) -> str:
    return ", ".join(words)


@dataclass(frozen=True, slots=True, eq=False)
class Contradiction:
    """A specification with the threshold of another generic one than its name says.

    Attributes
    ----------
    defined
        The specification.
    source
        The name or id that its threshold comes from.
    generic
        The generic specification that its name speaks of.
    """

    defined: DefinedSpecification
    source: str
    generic: DefinedSpecification


@dataclass(frozen=True, slots=True, eq=False)
class _Generic:
    defined: DefinedSpecification
    specification: ThresholdSpecification
    words: frozenset[str]


def contradicting_thresholds(package: Package) -> Iterator[Finding]:
    """Find inherited thresholds that contradict the generic specification of the same name.

    Parameters
    ----------
    package
        The package.

    Yields
    ------
    Finding
        Of the rule ``contradicts-generic``.
    """
    for found in contradictions(package):
        mine, generic = found.defined.specification, found.generic.specification
        assert isinstance(mine, ThresholdSpecification)
        assert isinstance(generic, ThresholdSpecification)
        name = found.generic.name
        base = f"{name.metric}.{name.spec}"
        bases = found.defined.document.bases
        yield make_finding(
            "contradicts-generic",
            found.defined.document.content.where("base"),
            f"{mine.name} inherits {mine.operator_str} {amount(mine.threshold)} from {found.source}, but its "
            f"name is that of {name}, which has {generic.operator_str} {amount(generic.threshold)}.",
            f"Put {base} last in 'base', or write the threshold here if it is meant."
            if base in bases
            else f"Did you mean base: {base}?",
        )


def contradictions(package: Package) -> list[Contradiction]:
    """Find specifications whose inherited threshold is not that of the generic one of the same name.

    A name consists of words, joined by underscores. A generic specification has no query. One with a query
    that takes its threshold from the generic B is about another one, G, if its name has all words of G that
    B lacks, and none of B that G lacks. If the threshold comes from a partial, G is the generic one with the
    most words, all of them in the name.

    Parameters
    ----------
    package
        The package.

    Returns
    -------
    list of Contradiction
        Those whose threshold differs from G's. What inherits the contradiction itself is left out.
    """
    generics: dict[str, dict[str, list[_Generic]]] = defaultdict(lambda: defaultdict(list))
    by_document: dict[Document, _Generic] = {}
    for defined in package.specifications:
        specification = defined.specification
        if isinstance(specification, ThresholdSpecification) and not specification.metadata_query:
            generic = _Generic(defined, specification, _words(defined))
            by_document[defined.document] = generic
            for word in generic.words:
                generics[defined.metric][word].append(generic)
    found: dict[Document, Contradiction] = {}
    chains: dict[Document, list[Document]] = {}
    for defined in package.specifications:
        mine = defined.specification
        if not isinstance(mine, ThresholdSpecification) or not mine.metadata_query:
            continue
        chain = _way_of_the_value(package, defined)
        if len(chain) < 2:
            continue
        base = next((by_document[document] for document in chain[1:] if document in by_document), None)
        if base is not None and base.defined.metric == defined.metric:
            meant = _instead_of(base, _words(defined), generics[defined.metric])
            source = str(base.defined.name)
        elif base is not None or chain[-1].partial_id is not None:
            meant = _most_words(_words(defined), generics[defined.metric])
            source = chain[-1].partial_id or str(package.by_document[chain[-1]].name)
        else:
            continue  # the threshold of another data set was taken over on purpose
        if meant is not None and not same_quantity(meant.specification.threshold, mine.threshold):
            found[defined.document] = Contradiction(defined, source, meant.defined)
            chains[defined.document] = chain
    return [
        contradiction
        for document, contradiction in found.items()
        if not any(
            above in found and found[above].generic is contradiction.generic for above in chains[document][1:]
        )
    ]


def _words(defined: DefinedSpecification) -> frozenset[str]:
    return frozenset(filter(None, (defined.name.spec or "").split("_")))


def _has_value(content: Located) -> bool:
    threshold = content.get("threshold")
    return isinstance(threshold, Located) and "value" in threshold


def _way_of_the_value(package: Package, defined: DefinedSpecification) -> list[Document]:
    """List the documents from a specification to the one in which its threshold is written."""
    documents = package.documents
    chain = [defined.document]
    while not _has_value(chain[-1].content):
        givers = [
            base
            for base in documents.bases(chain[-1])
            if _has_value(base.content) or _has_value(documents.resolve_document(base))
        ]
        if not givers:
            return []
        chain.append(givers[-1])
    return chain


def _instead_of(
    base: _Generic, name: frozenset[str], generics: Mapping[str, list[_Generic]]
) -> _Generic | None:
    candidates = {
        generic
        for word in name - base.words
        for generic in generics.get(word, ())
        if generic.words - base.words <= name and not (base.words - generic.words) & name
    }
    return _only(candidates, lambda generic: -len(base.words ^ generic.words))


def _most_words(name: frozenset[str], generics: Mapping[str, list[_Generic]]) -> _Generic | None:
    candidates = {generic for word in name for generic in generics.get(word, ()) if generic.words <= name}
    return _only(candidates, lambda generic: len(generic.words))


def _only(candidates: set[_Generic], rank: Callable[[_Generic], int]) -> _Generic | None:
    """Give the one that ranks highest, or nothing if several do and differ."""
    if not candidates:
        return None
    highest = max(map(rank, candidates))
    best = [generic for generic in candidates if rank(generic) == highest]
    first = min(best, key=lambda generic: generic.defined.name)
    alike = all(same_quantity(first.specification.threshold, other.specification.threshold) for other in best)
    return first if alike else None
