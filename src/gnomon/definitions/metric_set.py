"""A set of metrics, by name, and how it is read from a definition package."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from gnomon.definitions.documents import broken, check_keys, expect, strings
from gnomon.definitions.metric import EXTENSION, Metric
from gnomon.definitions.named_set import NamedSet
from gnomon.definitions.packages import find_package, metric_files, read_file
from gnomon.definitions.recipe import Recipe
from gnomon.definitions.tagged import wanted_tags
from gnomon.definitions.units import parse_unit
from gnomon.definitions.yaml_source import Located, Place, Problems, read_documents
from gnomon.errors import DataIdError, DefinitionError, MetricNotFoundError
from gnomon.names import Name

__all__ = ["MetricSet"]

_OURS = ("dimensions", "better", "measure")
_KEYS = ("name", "description", "unit", "reference", "tags", *_OURS)
_REFERENCE_KEYS = ("doc", "url", "page", EXTENSION)


class MetricSet(NamedSet[Metric]):
    """A mapping from names to metrics.

    Parameters
    ----------
    metrics
        The metrics it holds at first.

    Attributes
    ----------
    problems
        Mistakes that the reading passed over.
    """

    _word = "metric"
    _kind = Metric
    _missing = MetricNotFoundError

    def __init__(self, metrics: Iterable[Metric] | None = None) -> None:
        super().__init__(metrics)

    @staticmethod
    def _key(name: str | Name) -> Name:
        return name if isinstance(name, Name) else Name(metric=name)

    @staticmethod
    def _fits(key: Name) -> bool:
        return key.is_metric

    @classmethod
    def load_metrics_package(
        cls,
        package_name_or_path: str | os.PathLike[str] = "verify_metrics",
        subset: str | None = None,
        *,
        strict: bool = False,
    ) -> Self:
        """Read all metrics of a definition package.

        Parameters
        ----------
        package_name_or_path
            A directory with ``metrics/*.yaml``, or the name of one (see `find_package`).
        subset
            Only the metrics of this package, that is of one file.
        strict
            Whether mistakes that established readers pass over in silence, unknown and duplicate keys, are
            errors. If not, an unknown key is passed over, the last of duplicates holds, both are noted in
            ``problems``, and a line of log says that there are some.

        Returns
        -------
        MetricSet
            The metrics, in the order of the files. It is empty if the package of ``subset`` has
            specifications and no metrics.

        Raises
        ------
        PackageNotFoundError
            If there is no such package (also an `OSError`).
        DefinitionError
            If a file is wrong; it says the file and the line.
        """
        package = find_package(package_name_or_path)
        metrics = cls()
        for path in metric_files(package, subset):
            metrics.update(cls._load_file(path, Problems(strict=strict)))
        return metrics._logged(package)

    @classmethod
    def load_single_package(cls, metrics_yaml_path: str | os.PathLike[str], *, strict: bool = False) -> Self:
        """Read the metrics of one file.

        Parameters
        ----------
        metrics_yaml_path
            A YAML file with a mapping from metric names to their definitions; its stem names the package.
        strict
            As for `load_metrics_package`.

        Returns
        -------
        MetricSet
            The metrics, in the order of the file.

        Raises
        ------
        DefinitionError
            If the file is wrong; it says the file and the line.
        """
        path = Path(metrics_yaml_path)
        return cls._load_file(path, Problems(strict=strict))._logged(path)

    @classmethod
    def _load_file(cls, path: Path, problems: Problems) -> Self:
        documents = read_documents(read_file(path), file=str(path), problems=problems)
        return cls.from_documents(path.stem, documents, problems)

    @classmethod
    def from_documents(cls, package: str, documents: Iterable[tuple[Any, Place]], problems: Problems) -> Self:
        """Make a set of what was read from a file of metrics.

        Parameters
        ----------
        package
            Name of the package.
        documents
            What `gnomon.definitions.yaml_source.read_documents` gave.
        problems
            What to do about mistakes.

        Returns
        -------
        MetricSet
            The metrics, in the order of the file.

        Raises
        ------
        DefinitionError
            If a document is no mapping, or as ``problems`` says.
        """
        metrics = cls()
        for document, place in documents:
            if document is None:
                continue
            for name, definition in expect(document, Located, "A metrics file", place).items():
                where = document.where(name)
                try:
                    metric = _metric(package, name, definition, where, problems)
                except DefinitionError as error:
                    problems.note(error)
                    continue
                if metric.name in metrics:
                    first = metrics._places[metric.name].line
                    problems.add(
                        f"The metric {metric.name} is defined twice (first in line {first}).",
                        where,
                        "duplicate-metric",
                    )
                metrics.insert(metric)
                metrics._places[metric.name] = where
        metrics.problems = problems.found
        return metrics

    @classmethod
    def deserialize(cls, metrics: Iterable[Mapping[str, Any]] | None = None) -> Self:
        """Make a set of the JSON of its metrics.

        Parameters
        ----------
        metrics
            What ``json`` gave.

        Returns
        -------
        MetricSet
            The metrics.

        Raises
        ------
        DefinitionError
            If one of them is wrong.
        """
        return cls(Metric.deserialize(**document) for document in metrics or ())

    def subset(
        self, package: str | Name | None = None, tags: Iterable[str] | str | None = None
    ) -> "MetricSet":
        """Give the metrics of a package, or those that carry tags, or both.

        Parameters
        ----------
        package
            Name of a package.
        tags
            Tags of which a metric must have *all*.

        Returns
        -------
        MetricSet
            A new set with the same metrics; all of them if neither is given.
        """
        wanted = wanted_tags(tags)
        package = None if package is None else Name(package=package).package
        return self._chosen(
            lambda name, metric: (package is None or name.package == package) and wanted <= metric.tags
        )

    def _table_rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        columns = ("Name", "Description", "Units", "Reference", "Tags")
        return columns, [
            (str(name), metric.description, metric.unit_str, metric.reference, ", ".join(sorted(metric.tags)))
            for name, metric in sorted(self.items())
        ]


def _metric(package: str, name: Any, definition: Any, place: Place, problems: Problems) -> Metric:
    definition = expect(definition, Located, f"The metric {name!r}", place)
    check_keys(definition, _KEYS, f"the metric {name}", problems)
    reference = definition.get("reference")
    if reference is None:
        reference = Located(place)
    else:
        reference = expect(reference, Located, "A reference", definition.where("reference"))
        check_keys(reference, _REFERENCE_KEYS, "a reference", problems)
    ours = _extension(definition, reference, problems)
    description = expect(
        definition.get("description") or "", str, "A description", definition.where("description")
    )
    where, rule = place, "wrong-name"
    try:
        full_name = Name(package=package, metric=expect(name, str, "The name of a metric", place))
        where, rule = definition.where("unit"), "unknown-unit"
        unit = parse_unit(definition.get("unit"))
        where, rule = ours.where("better"), "wrong-value"
        recipe = None
        if ours.get("measure") is not None:
            written = expect(ours["measure"], Located, "'measure'", ours.where("measure"))
            recipe = Recipe.read(written, f"'measure' of {name}", problems)
        return Metric(
            full_name,
            description.rstrip("\n"),
            unit,
            tags=strings(definition, "tags", problems),
            reference_doc=reference.get("doc"),
            reference_url=reference.get("url"),
            reference_page=reference.get("page"),
            dimensions=strings(ours, "dimensions", problems) if "dimensions" in ours else None,
            better=ours.get("better"),
            measure=recipe,
        )
    except DefinitionError as error:
        if error.file is not None:
            raise
        raise broken(f"In the metric {name}: {error.message}", where, rule) from error
    except DataIdError as error:
        raise broken(f"In the metric {name}: {error}", ours.where("dimensions"), rule) from error
    except TypeError as error:
        raise broken(f"In the metric {name}: {error}", where, rule) from error


def _extension(definition: Located, reference: Located, problems: Problems) -> Located:
    """Give what is ours in a metric: below its reference, or beside it where no other reader is expected."""
    if EXTENSION not in reference:
        return definition
    ours = expect(reference[EXTENSION], Located, f"{EXTENSION!r}", reference.where(EXTENSION))
    check_keys(ours, _OURS, f"{EXTENSION!r} in a reference", problems)
    for key in _OURS:
        if key in definition and key in ours:
            problems.add(
                f"{key!r} stands both here and below the reference, which holds.",
                definition.where(key),
                "duplicate-key",
            )
    whole = Located(ours.place)
    for part in (definition, ours):
        whole.update({key: part[key] for key in _OURS if key in part})
        whole.places.update(part.places)
    return whole
