"""What sets of metrics and of specifications have in common: a mapping from names to definitions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, ValuesView
from typing import ClassVar, Protocol, Self

from gnomon.definitions.yaml_source import Place
from gnomon.errors import DefinitionError, GnomonError, nearest
from gnomon.names import Name

__all__ = ["Named", "NamedSet"]


class Named(Protocol):
    """A definition that knows its name."""

    @property
    def name(self) -> Name:
        """Its name."""
        ...


class NamedSet[Member: Named](ABC):
    """A mapping from names to definitions of one kind, in order of insertion.

    Parameters
    ----------
    members
        The definitions it holds at first.

    Attributes
    ----------
    problems
        Mistakes that a reading with ``strict=False`` passed over.
    """

    _word: ClassVar[str]
    """What a member is called in messages."""
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

    def insert(self, member: Member) -> None:
        """Add a definition; one of the same name is replaced.

        Parameters
        ----------
        member
            The definition.
        """
        self._members[member.name] = member

    def update(self, other: Self) -> None:
        """Add all of another set; those of the same name are replaced.

        Parameters
        ----------
        other
            The other set.
        """
        self._members.update(other._members)
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

    def __getitem__(self, name: str | Name) -> Member:
        member = self._members.get(self._key(name))
        if member is None:
            hint = nearest(str(name), map(str, self._members))
            raise self._missing(f"There is no {self._word} {str(name)!r} here.{hint}")
        return member

    def __setitem__(self, name: str | Name, member: Member) -> None:
        if self._key(name) != member.name:
            raise DefinitionError(
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
        return self._members == other._members if isinstance(other, type(self)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __iadd__(self, other: Self) -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} {self._word}s>"
