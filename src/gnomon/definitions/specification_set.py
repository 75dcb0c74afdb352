"""A set of specifications, by name, and how it is read from a definition package."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from gnomon.definitions.building import build_specification, read_specification
from gnomon.definitions.documents import located
from gnomon.definitions.loading import Documents
from gnomon.definitions.metric_set import MetricSet
from gnomon.definitions.named_set import NamedSet
from gnomon.definitions.packages import find_package, specification_directories
from gnomon.definitions.partial import SpecificationPartial
from gnomon.definitions.specification import Specification
from gnomon.definitions.tagged import wanted_tags
from gnomon.definitions.yaml_source import Located, Problems, merge, plain
from gnomon.errors import (
    DefinitionTypeError,
    NameMismatchError,
    NotFullyQualifiedError,
    PackageNotFoundError,
    SpecificationNotFoundError,
    SpecificationResolutionError,
    nearest,
)
from gnomon.names import Name

__all__ = ["SpecificationSet"]


class SpecificationSet(NamedSet[Specification]):
    """A mapping from names to specifications; partials are kept by their ids beside them.

    Parameters
    ----------
    specifications
        The specifications it holds at first.
    partials
        The partials, which later documents can have as bases (see `resolve_document`).

    Attributes
    ----------
    problems
        Mistakes that the reading passed over.

    Notes
    -----
    A key with a ``#`` is the id of a partial, ``package:path#id``. Iteration and length are about the
    specifications.
    """

    _word = "specification"
    _kind = Specification
    _missing = SpecificationNotFoundError

    def __init__(
        self,
        specifications: Iterable[Specification] | None = None,
        partials: Iterable[SpecificationPartial] | None = None,
    ) -> None:
        super().__init__(specifications)
        self._partials: dict[str, SpecificationPartial] = {}
        for partial in partials or ():
            if not isinstance(partial, SpecificationPartial):
                raise DefinitionTypeError(f"A partial is expected here, not {partial!r}.")
            self._partials[partial.name] = partial

    @staticmethod
    def _key(name: str | Name) -> Name:
        return name if isinstance(name, Name) else Name(spec=name)

    @staticmethod
    def _fits(key: Name) -> bool:
        return key.is_spec

    @classmethod
    def load_metrics_package(
        cls,
        package_name_or_path: str | os.PathLike[str] = "verify_metrics",
        subset: str | None = None,
        *,
        strict: bool = False,
    ) -> Self:
        """Read all specifications of a definition package.

        Parameters
        ----------
        package_name_or_path
            A directory with ``specs/<package>/**.yaml``, or the name of one (see `find_package`).
        subset
            Only the specifications of this package. The others are then not read at all.
        strict
            Whether mistakes that established readers pass over in silence, such as unknown and duplicate
            keys, are errors. If not, an unknown key is passed over, the last of duplicates holds, each is
            noted in ``problems``, and a line of log says that there are some.

        Returns
        -------
        SpecificationSet
            The specifications, with all that they inherit. It is empty if the package of ``subset`` has
            metrics and no specifications.

        Raises
        ------
        PackageNotFoundError
            If there is no such package (also an `OSError`).
        DefinitionError
            If a file is wrong; it says the file and the line.
        """
        package = find_package(package_name_or_path)
        return cls._load(specification_directories(package, subset), strict=strict)._logged(package)

    @classmethod
    def load_single_package(
        cls, package_specs_dirname: str | os.PathLike[str], *, strict: bool = False
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
        PackageNotFoundError
            If there is no such directory (also an `OSError`).
        DefinitionError
            If a file is wrong; it says the file and the line.
        """
        directory = Path(package_specs_dirname)
        if not directory.is_dir():
            raise PackageNotFoundError(f"{directory} is not a directory of specifications.")
        return cls._load([directory.resolve()], strict=strict)._logged(directory)

    @classmethod
    def _load(cls, directories: Iterable[Path], *, strict: bool) -> Self:
        problems = Problems(strict=strict)
        documents = Documents(problems)
        for directory in directories:
            documents.add_package(directory)
        specifications = cls()
        for name, content in documents.resolve():
            specifications.insert(build_specification(name, content, problems))
            specifications._places[name] = content.place
        for identifier, document in documents.partials.items():
            whole = plain(documents.inherited(document))
            specifications._partials[identifier] = SpecificationPartial({"id": identifier, **whole})
        specifications.problems = problems.found
        return specifications

    @classmethod
    def deserialize(cls, specifications: Iterable[Mapping[str, Any]] | None = None) -> Self:
        """Make a set of the JSON of its specifications.

        Parameters
        ----------
        specifications
            What ``json`` gave.

        Returns
        -------
        SpecificationSet
            The specifications.

        Raises
        ------
        DefinitionError
            If one of them is wrong.
        """
        return cls(read_specification(document) for document in specifications or ())

    def __contains__(self, name: object) -> bool:
        return name in self._partials if _is_partial(name) else super().__contains__(name)

    def __getitem__(self, name: str | Name) -> Any:
        """Give a specification, or with a ``#`` in the name a partial."""
        if not _is_partial(name):
            return super().__getitem__(name)
        try:
            return self._partials[str(name)]
        except KeyError:
            hint = nearest(str(name), self._partials)
            raise SpecificationNotFoundError(f"There is no partial {name!r} here.{hint}") from None

    def __setitem__(self, name: str | Name, member: Any) -> None:
        if not _is_partial(name):
            super().__setitem__(name, member)
            return
        if not isinstance(member, SpecificationPartial):
            raise DefinitionTypeError(f"A partial is expected here, not {member!r}.")
        if name != member.name:
            raise NameMismatchError(f"The partial {member.name} cannot be kept under the name {name!r}.")
        self._partials[member.name] = member

    def __delitem__(self, name: str | Name) -> None:
        if _is_partial(name):
            del self._partials[self[name].name]
        else:
            super().__delitem__(name)

    def update(self, other: Self) -> None:
        """Add all of another set, partials too; those of the same name are replaced.

        Parameters
        ----------
        other
            The other set.
        """
        super().update(other)
        self._partials.update(other._partials)

    def resolve_document(self, spec_doc: Mapping[str, Any]) -> dict[str, Any]:
        """Merge a document over its bases, which are partials and specifications of this set.

        Parameters
        ----------
        spec_doc
            Plain values. Its ``base``, if there is one, is a name or a list of names: whole ids of partials
            (``package:path#id``) or names of specifications, within its ``package`` if it says one. It is
            not changed.

        Returns
        -------
        dict
            The document with all that it inherits, and without ``base``.

        Raises
        ------
        SpecificationResolutionError
            If a base is not here.
        """
        document = located(spec_doc)
        bases = document.pop("base", None)
        if bases is None:
            return dict(plain(document))
        whole = Located(document.place)
        for base in [bases] if isinstance(bases, str | Name) else bases:
            inherited, metric = self._base(base, spec_doc.get("package"))
            whole = merge(whole, located(inherited))
            if metric is not None:
                whole["metric"] = metric
        return dict(plain(merge(whole, document)))

    def _base(self, base: str | Name, package: str | None) -> tuple[dict[str, Any], str | None]:
        try:
            if _is_partial(base):
                return self[base].json, None
            found = self[Name(package=package, spec=base)]
        except SpecificationNotFoundError as error:
            raise SpecificationResolutionError(
                f"The base {str(base)!r} is not here: {error.message}"
            ) from error
        return {key: value for key, value in found.json.items() if key != "name"}, found.name.metric

    def subset(
        self,
        name: str | Name | None = None,
        meta: Mapping[str, Any] | None = None,
        required_meta: Mapping[str, Any] | None = None,
        spec_tags: Iterable[str] | str | None = None,
        metric_tags: Iterable[str] | str | None = None,
        metrics: MetricSet | None = None,
    ) -> Self:
        """Give the specifications for which all that is asked holds.

        Parameters
        ----------
        name
            Name of a package, metric or specification; a plain string is taken as fully qualified.
        meta
            Metadata; only specifications whose query they answer are given.
        required_meta
            Terms; only specifications are given whose query has all of them, with these values.
        spec_tags
            Tags of which a specification must have *all*.
        metric_tags
            Tags of which the specification's metric must have *all*.
        metrics
            The metrics, where ``metric_tags`` is given.

        Returns
        -------
        SpecificationSet
            A new set with the same specifications, and all partials.

        Raises
        ------
        NotFullyQualifiedError
            If ``name`` lacks its package (also a `RuntimeError`).
        DefinitionTypeError
            If there are ``metric_tags`` and no ``metrics``.
        """
        wanted = wanted_tags(spec_tags)
        scope = Name(package=name) if isinstance(name, str) else name
        if scope is not None and not scope.is_fq:
            raise NotFullyQualifiedError(f"{str(scope)!r} does not say its package.")
        measured: set[Name] | None = None
        if metric_tags is not None:
            if metrics is None:
                raise DefinitionTypeError("Choosing by tags of metrics needs the metrics: metrics=...")
            measured = set(metrics.subset(tags=metric_tags))

        def chosen(key: Name, specification: Specification) -> bool:
            return (
                (scope is None or key == scope or key in scope)
                and (meta is None or specification.query_metadata(meta))
                and (required_meta is None or specification.query_metadata(required_meta, arg_driven=True))
                and wanted <= specification.tags
                and (measured is None or specification.metric_name in measured)
            )

        subset = self._chosen(chosen)
        subset._partials.update(self._partials)
        return subset

    def _table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        columns = ("Name", "Test", "Tags")
        return columns, [
            (str(name), specification.requirement, ", ".join(sorted(specification.tags)))
            for name, specification in sorted(self.items())
        ]


def _is_partial(name: object) -> bool:
    return isinstance(name, str) and "#" in name
