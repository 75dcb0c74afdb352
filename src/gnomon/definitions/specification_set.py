"""A set of specifications, by name, and how it is read from a definition package."""

import os
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from pathlib import Path
from typing import Any, Self

from gnomon.definitions.loading import Documents, build_specification
from gnomon.definitions.packages import find_package
from gnomon.definitions.specification import Specification
from gnomon.definitions.yaml_source import Place, Problems
from gnomon.errors import DefinitionError, GnomonError, SpecificationNotFoundError, nearest
from gnomon.names import Name

__all__ = ["SpecificationSet"]


class SpecificationSet:
    """A mapping from names to specifications.

    Parameters
    ----------
    specifications
        The specifications it holds at first.

    Attributes
    ----------
    problems
        Mistakes that a reading with ``strict=False`` passed over.
    """

    def __init__(self, specifications: Iterable[Specification] | None = None) -> None:
        self._specifications: dict[Name, Specification] = {}
        self._places: dict[Name, Place] = {}
        self.problems: list[GnomonError] = []
        for specification in specifications or ():
            self.insert(specification)

    @classmethod
    def load_metrics_package(
        cls,
        package_name_or_path: str | os.PathLike[str] = "verify_metrics",
        subset: str | None = None,
        *,
        strict: bool = True,
    ) -> Self:
        """Read all specifications of a definition package.

        Parameters
        ----------
        package_name_or_path
            A directory with ``specs/<package>/**.yaml``, or the name of one (see `find_package`).
        subset
            Only the specifications of this package. The others are then not read at all.
        strict
            Whether every mistake is an error. If not, unknown keys are passed over, the last of duplicates
            holds, a specification that cannot be made is left out, and each is noted in ``problems``.

        Returns
        -------
        SpecificationSet
            The specifications, with all that they inherit.

        Raises
        ------
        DefinitionError
            If there is no such package, or a file is wrong; it says the file and the line.
        """
        root = find_package(package_name_or_path) / "specs"
        directories = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        if subset is not None:
            known = [path.name for path in directories]
            directories = [path for path in directories if path.name == subset]
            if not directories:
                raise DefinitionError(
                    f"{root} specifies nothing for the package {subset!r}.{nearest(subset, known)}"
                )
        return cls._load(directories, strict=strict)

    @classmethod
    def load_single_package(
        cls, package_specs_dirname: str | os.PathLike[str], *, strict: bool = True
    ) -> Self:
        """Read the specifications of one directory ``specs/<package>``.

        Parameters
        ----------
        package_specs_dirname
            The directory, whose name is the package's.
        strict
            As for `load_metrics_package`.

        Returns
        -------
        SpecificationSet
            The specifications, with all that they inherit.

        Raises
        ------
        DefinitionError
            If there is no such directory, or a file is wrong; it says the file and the line.
        """
        directory = Path(package_specs_dirname)
        if not directory.is_dir():
            raise DefinitionError(f"{directory} is not a directory of specifications.")
        return cls._load([directory.resolve()], strict=strict)

    @classmethod
    def _load(cls, directories: Iterable[Path], *, strict: bool) -> Self:
        problems = Problems(strict=strict)
        documents = Documents(problems)
        for directory in directories:
            documents.add_package(directory)
        specifications = cls()
        for name, content in documents.resolve():
            try:
                specification = build_specification(name, content, problems)
            except DefinitionError as error:
                problems.note(error)
                continue
            specifications.insert(specification)
            specifications._places[name] = content.place
        specifications.problems = problems.found
        return specifications

    def insert(self, specification: Specification) -> None:
        """Add a specification; one of the same name is replaced.

        Parameters
        ----------
        specification
            The specification.
        """
        self._specifications[specification.name] = specification

    def update(self, other: "SpecificationSet") -> None:
        """Add all specifications of another set; those of the same name are replaced.

        Parameters
        ----------
        other
            The other set.
        """
        self._specifications.update(other._specifications)
        self._places.update(other._places)
        self.problems.extend(other.problems)

    def subset(
        self,
        name: str | Name | None = None,
        meta: Mapping[str, Any] | None = None,
        spec_tags: Iterable[str] | str | None = None,
    ) -> "SpecificationSet":
        """Give the specifications of a package or metric, or those that apply to metadata, or carry tags.

        Parameters
        ----------
        name
            Name of a package, metric or specification; a plain string is taken as fully qualified.
        meta
            Metadata; only specifications whose query they answer are given.
        spec_tags
            Tags of which a specification must have *all*.

        Returns
        -------
        SpecificationSet
            A new set with the same specifications.
        """
        wanted = {spec_tags} if isinstance(spec_tags, str) else set(spec_tags or ())
        scope = Name(package=name) if isinstance(name, str) else name
        chosen = SpecificationSet()
        for key, specification in self._specifications.items():
            inside = scope is None or key == scope or key in scope
            if (
                inside
                and (meta is None or specification.query_metadata(meta))
                and wanted <= specification.tags
            ):
                chosen._specifications[key] = specification
                if key in self._places:
                    chosen._places[key] = self._places[key]
        return chosen

    def where(self, name: str | Name) -> Place | None:
        """Say where a specification was defined.

        Parameters
        ----------
        name
            Name of a specification in this set.

        Returns
        -------
        Place or None
            File and line; `None` if it was not read from a file.
        """
        return self._places.get(self[name].name)

    def keys(self) -> KeysView[Name]:
        """Give the names, in order of insertion."""
        return self._specifications.keys()

    def values(self) -> ValuesView[Specification]:
        """Give the specifications, in order of insertion."""
        return self._specifications.values()

    def items(self) -> ItemsView[Name, Specification]:
        """Give names with specifications, in order of insertion."""
        return self._specifications.items()

    def __getitem__(self, name: str | Name) -> Specification:
        specification = self._specifications.get(_key(name))
        if specification is None:
            hint = nearest(str(name), map(str, self._specifications))
            raise SpecificationNotFoundError(f"There is no specification {str(name)!r} here.{hint}")
        return specification

    def __setitem__(self, name: str | Name, specification: Specification) -> None:
        if _key(name) != specification.name:
            raise DefinitionError(
                f"The specification {specification.name} cannot be kept under the name {str(name)!r}."
            )
        self.insert(specification)

    def __delitem__(self, name: str | Name) -> None:
        key = self[name].name
        del self._specifications[key]
        self._places.pop(key, None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | Name) and _key(name) in self._specifications

    def __iter__(self) -> Iterator[Name]:
        return iter(self._specifications)

    def __len__(self) -> int:
        return len(self._specifications)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpecificationSet):
            return NotImplemented
        return self._specifications == other._specifications

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __iadd__(self, other: "SpecificationSet") -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return f"<SpecificationSet of {len(self)} specifications>"


def _key(name: str | Name) -> Name:
    return name if isinstance(name, Name) else Name(spec=name)
