"""What sets of metrics and of specifications have in common: a mapping from names to definitions."""

import logging
from abc import abstractmethod
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, ValuesView
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from gnomon.definitions.serialization import JsonSerializationMixin
from gnomon.definitions.yaml_source import Place
from gnomon.errors import DefinitionTypeError, GnomonError, NameMismatchError, nearest
from gnomon.names import Name

__all__ = ["Named", "NamedSet"]


class Named(Protocol):
    """A definition that knows its name."""

    @property
    def name(self) -> Name:
        """Its name."""
        ...

    @property
    def json(self) -> Any:
        """The definition as plain values."""
        ...


_LOG = logging.getLogger(__name__)


class NamedSet[Member: Named](JsonSerializationMixin):
    """A mapping from names to definitions of one kind, in order of insertion.

    Parameters
    ----------
    members
        The definitions it holds at first.

    Attributes
    ----------
    problems
        Mistakes that the reading passed over.
    """

    _word: ClassVar[str]
    """What a member is called in messages."""
    _kind: ClassVar[type]
    """What every member is."""
    _missing: ClassVar[type[GnomonError]]
    """What is raised for a name that is not there."""

    def __init__(self, members: Iterable[Member] | None = None) -> None:
        self._members: dict[Name, Member] = {}
        self._places: dict[Name, Place] = {}
        self.problems: list[GnomonError] = []
        for member in members or ():
            self.insert(member)

    @staticmethod
    @abstractmethod
    def _key(name: str | Name) -> Name:
        """Read a name of a member."""

    @staticmethod
    @abstractmethod
    def _fits(key: Name) -> bool:
        """Say whether a name can be that of a member."""

    @abstractmethod
    def _table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Give titles and texts of a table of the members, sorted by name."""

    def _logged(self, source: Path) -> Self:
        if self.problems:
            _LOG.warning(
                "%s: %d mistakes were passed over, the first in %s. `gnomon lint` shows them all.",
                source,
                len(self.problems),
                self.problems[0],
            )
        return self

    def insert(self, member: Member) -> None:
        """Add a definition; one of the same name is replaced.

        Parameters
        ----------
        member
            The definition.

        Raises
        ------
        DefinitionTypeError
            If it is none.
        """
        if not isinstance(member, self._kind):
            raise DefinitionTypeError(f"A {self._word} is expected here, not {member!r}.")
        self._members[member.name] = member
        self._places.pop(member.name, None)

    def update(self, other: Self) -> None:
        """Add all of another set; those of the same name are replaced.

        Parameters
        ----------
        other
            The other set.
        """
        for member in other.values():
            self.insert(member)
        self._places.update(other._places)
        self.problems.extend(other.problems)

    def _chosen(self, condition: Callable[[Name, Member], bool]) -> Self:
        """Give a new set of the members for which a condition holds, with their places."""
        chosen = type(self)()
        for name, member in self._members.items():
            if condition(name, member):
                chosen._members[name] = member
                if name in self._places:
                    chosen._places[name] = self._places[name]
        return chosen

    def where(self, name: str | Name) -> Place | None:
        """Say where a member was defined.

        Parameters
        ----------
        name
            Name of a member of this set.

        Returns
        -------
        Place or None
            File and line; `None` if it was not read from a file.
        """
        return self._places.get(self[name].name)

    def keys(self) -> KeysView[Name]:
        """Give the names, in order of insertion."""
        return self._members.keys()

    def values(self) -> ValuesView[Member]:
        """Give the definitions, in order of insertion."""
        return self._members.values()

    def items(self) -> ItemsView[Name, Member]:
        """Give names with definitions, in order of insertion."""
        return self._members.items()

    def get(self, name: str | Name, default: Any = None) -> Any:
        """Give a member, or something else where there is none of the name.

        Parameters
        ----------
        name
            Name of a member.
        default
            What to give where there is none.

        Returns
        -------
        object
            The definition, or ``default``.
        """
        key = self._key(name)
        return self._members.get(key, default)

    def __getitem__(self, name: str | Name) -> Member:
        member = self._members.get(self._key(name))
        if member is None:
            hint = nearest(str(name), map(str, self._members))
            raise self._missing(f"There is no {self._word} {str(name)!r} here.{hint}")
        return member

    def __setitem__(self, name: str | Name, member: Member) -> None:
        key = self._key(name)
        if not self._fits(key):
            raise NameMismatchError(f"{str(name)!r} does not name a {self._word}.")
        if isinstance(member, self._kind) and key != member.name:
            raise NameMismatchError(
                f"The {self._word} {member.name} cannot be kept under the name {str(name)!r}."
            )
        self.insert(member)

    def __delitem__(self, name: str | Name) -> None:
        key = self[name].name
        del self._members[key]
        self._places.pop(key, None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | Name) and self._key(name) in self._members

    def __iter__(self) -> Iterator[Name]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NamedSet) or other._kind is not self._kind:
            return NotImplemented
        return bool(self._members == other._members)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __iadd__(self, other: Self) -> Self:
        self.update(other)
        return self

    @property
    def json(self) -> list[Any]:
        """The JSON of every member, in order of insertion."""
        return [member.json for member in self._members.values()]

    def __str__(self) -> str:
        word = self._word.capitalize()
        count = {0: "empty", 1: f"1 {word}"}.get(len(self), f"{len(self)} {word}s")
        return f"<{type(self).__name__}: {count}>"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Give a table for notebooks."""
        columns, rows = self._table_rows()
        cells = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
        head = "".join(f"<th>{escape(title)}</th>" for title in columns)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
