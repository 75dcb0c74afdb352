"""Making a specification of a document that has all that it inherits."""

from collections.abc import Mapping
from typing import Any

from gnomon.definitions.documents import Fields, broken, check_keys, expect, located, strings
from gnomon.definitions.metadata_query import MetadataQuery
from gnomon.definitions.specification import TIERS, Specification
from gnomon.definitions.yaml_source import Located, Place, Problems, plain
from gnomon.errors import DefinitionError, nearest
from gnomon.names import Name

__all__ = ["build_specification", "check_document_keys", "document_keys", "read_specification"]

_ABOUT = ("name", "id", "base", "metric", "package", "type")
_COMMON = ("metadata_query", "tags", "tier", "sigmas", "min_count")
_THRESHOLD = "threshold"


def build_specification(name: Name, content: Located, problems: Problems) -> Specification:
    """Make a specification of a resolved document.

    Parameters
    ----------
    name
        Its full name.
    content
        The document with all that it inherits.
    problems
        What to do about unknown keys.

    Returns
    -------
    Specification
        Of the kind whose key the document has: a ``threshold`` beside another kind's key is for readers
        that know no other.

    Raises
    ------
    DefinitionError
        If something is missing or of the wrong type; it says the file and the line, of a base if it came
        from there.
    """
    kind = _kind(name, content)
    common = _read_common(content, problems)
    try:
        return Specification._kinds[kind]._read(name, content, common, problems)
    except DefinitionError as error:
        if error.file is not None:
            raise
        place = content.where(kind)
        raise broken(f"In {name}: {error.message}", place, error.rule or "wrong-value") from error


def read_specification(document: Mapping[str, Any]) -> Specification:
    """Make a specification of its JSON.

    Parameters
    ----------
    document
        What ``json`` of a specification gave, or a document of a file with all that it inherits. Keys that
        mean nothing are passed over.

    Returns
    -------
    Specification
        The specification.

    Raises
    ------
    DefinitionError
        If something is missing or of the wrong type.
    """
    content = expect(located(document), Located, "A specification", Place(None, 0))
    for key in ("name", "metric", "package"):
        if content.get(key) is not None and not isinstance(content[key], str | Name):
            raise broken(f"{key!r} of a specification is a string.", content.place, "wrong-type")
    name = Name(content.get("package"), content.get("metric"), content.get("name"))
    return build_specification(name, content, Problems(strict=False))


def _kind(name: Name, content: Located) -> str:
    kinds = Specification._kinds
    particular = [key for key in content if key != _THRESHOLD and key in kinds]
    stated = content.get("type")
    if stated is not None and (not isinstance(stated, str) or stated not in kinds):
        raise broken(
            f"{stated!r} is no type of specification.{nearest(str(stated), kinds)}",
            content.where("type"),
            "unknown-type",
        )
    if len(particular) > 1:
        raise broken(
            f"{name} is of two kinds, {particular[0]!r} and {particular[1]!r}; it can only be of one.",
            content.where(particular[1]),
            "two-kinds",
        )
    found = particular[0] if particular else _THRESHOLD
    if stated is not None and stated != found:
        raise broken(
            f"{name} says that its type is {stated!r}, and has no key {stated!r}."
            if stated != _THRESHOLD
            else f"{name} says that its type is {stated!r}, and has the key {found!r} of another.",
            content.where("type"),
            "two-kinds",
        )
    return str(found)


def _read_common(content: Located, problems: Problems) -> dict[str, Any]:
    query = content.get("metadata_query")
    if query is not None:
        query = plain(expect(query, Located, "A metadata query", content.where("metadata_query")))
    try:
        query = MetadataQuery(query)
    except DefinitionError as error:
        raise broken(error.message, content.where("metadata_query"), "wrong-value") from error
    fields = Fields(content, "a specification", problems)
    common: dict[str, Any] = {"metadata_query": query, "tags": strings(content, "tags", problems)}
    if content.get("tier") is not None:
        common["tier"] = fields.choice("tier", TIERS)
    if content.get("sigmas") is not None:
        common["sigmas"] = fields.number("sigmas")
    if content.get("min_count") is not None:
        common["min_count"] = fields.integer("min_count")
    return common


def document_keys() -> tuple[str, ...]:
    """List the keys that mean something in a document of specifications.

    Returns
    -------
    tuple of str
        Those of all kinds.
    """
    return (*_ABOUT, *_COMMON, *Specification._kinds)


def check_document_keys(content: Located, problems: Problems) -> None:
    """Report keys of a document that mean nothing.

    Parameters
    ----------
    content
        The document as it stands in its file.
    problems
        Where to report.
    """
    check_keys(content, document_keys(), "a specification", problems)
