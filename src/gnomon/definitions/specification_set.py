"""A set of specifications, by name, and how it is read from a definition package."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from gnomon.definitions.loading import Documents, build_specification
from gnomon.definitions.named_set import NamedSet
from gnomon.definitions.packages import find_package
from gnomon.definitions.specification import Specification
from gnomon.definitions.yaml_source import Problems
from gnomon.errors import DefinitionError, SpecificationNotFoundError, nearest
from gnomon.names import Name

__all__ = ["SpecificationSet"]


class SpecificationSet(NamedSet[Specification]):
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

    _word = "specification"
    _missing = SpecificationNotFoundError

    def __init__(self, specifications: Iterable[Specification] | None = None) -> None:
        super().__init__(specifications)

    @staticmethod
    def _key(name: str | Name) -> Name:
        return name if isinstance(name, Name) else Name(spec=name)

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
        return self._chosen(
            lambda key, specification: (
                (scope is None or key == scope or key in scope)
                and (meta is None or specification.query_metadata(meta))
                and wanted <= specification.tags
            )
        )
