"""A partial: a piece of a specification that others take over."""

from collections.abc import Mapping
from typing import Any

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.errors import DefinitionTypeError

__all__ = ["SpecificationPartial"]


class SpecificationPartial(JsonSerializationMixin):
    """A document that is only there to be a base of others.

    Parameters
    ----------
    yaml_doc
        Plain values; ``id`` is its whole id, ``package:path#id``. It is not changed.

    Raises
    ------
    DefinitionTypeError
        If it has no ``id``.
    """

    def __init__(self, yaml_doc: Mapping[str, Any]) -> None:
        if not isinstance(yaml_doc.get("id"), str):
            raise DefinitionTypeError(f"A partial is a mapping with an 'id', not {yaml_doc!r:.60}.")
        self.yaml_doc = {key: value for key, value in yaml_doc.items() if key != "id"}
        self.name: str = yaml_doc["id"]

    @property
    def json(self) -> dict[str, Any]:
        """What it hands down, as plain values."""
        return self.yaml_doc

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpecificationPartial):
            return NotImplemented
        return (self.name, self.yaml_doc) == (other.name, other.yaml_doc)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<SpecificationPartial {self.name}>"
