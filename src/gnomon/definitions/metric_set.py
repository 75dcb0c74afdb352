"""A set of metrics, by name, and how it is read from a definition package."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from gnomon.definitions.documents import check_keys, expect, strings
from gnomon.definitions.metric import Metric
from gnomon.definitions.named_set import NamedSet
from gnomon.definitions.packages import find_package, read_file
from gnomon.definitions.yaml_source import Located, Place, Problems, read_documents
from gnomon.errors import DataIdError, DefinitionError, MetricNotFoundError, nearest
from gnomon.names import Name

__all__ = ["MetricSet"]

_KEYS = ("description", "unit", "reference", "tags", "dimensions", "better")
_REFERENCE_KEYS = ("doc", "url", "page")


class MetricSet(NamedSet[Metric]):
    """A mapping from names to metrics.

    Parameters
    ----------
    metrics
        The metrics it holds at first.

    Attributes
    ----------
    problems
        Mistakes that a reading with ``strict=False`` passed over.
    """

    _word = "metric"
    _missing = MetricNotFoundError

    def __init__(self, metrics: Iterable[Metric] | None = None) -> None:
        super().__init__(metrics)

    @staticmethod
    def _key(name: str | Name) -> Name:
        return name if isinstance(name, Name) else Name(metric=name)

    @classmethod
    def load_metrics_package(
        cls,
        package_name_or_path: str | os.PathLike[str] = "verify_metrics",
        subset: str | None = None,
        *,
        strict: bool = True,
    ) -> Self:
        """Read all metrics of a definition package.

        Parameters
        ----------
        package_name_or_path
            A directory with ``metrics/*.yaml``, or the name of one (see `find_package`).
        subset
            Only the metrics of this package, that is of one file.
        strict
            Whether unknown and duplicate keys are errors. If not, an unknown key is passed over, the last
            of duplicates holds, and both are noted in ``problems``.

        Returns
        -------
        MetricSet
            The metrics, in the order of the files.

        Raises
        ------
        DefinitionError
            If there is no such package, or a file is wrong; it says the file and the line.
        """
        directory = find_package(package_name_or_path) / "metrics"
        files = sorted(directory.glob("*.yaml"))
        if subset is not None:
            known = [path.stem for path in files]
            files = [path for path in files if path.stem == subset]
            if not files:
                raise DefinitionError(
                    f"{directory} defines no metrics of the package {subset!r}.{nearest(subset, known)}"
                )
        metrics = cls()
        for path in files:
            metrics.update(cls.load_single_package(path, strict=strict))
        return metrics

    @classmethod
    def load_single_package(cls, metrics_yaml_path: str | os.PathLike[str], *, strict: bool = True) -> Self:
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
        problems = Problems(strict=strict)
        metrics = cls()
        for document, place in read_documents(read_file(path), file=str(path), problems=problems):
            if document is None:
                continue
            for name, definition in expect(document, Located, "A metrics file", place).items():
                where = document.where(name)
                metric = _metric(path.stem, name, definition, where, problems)
                if metric.name in metrics:
                    problems.add(
                        f"The metric {metric.name} is defined twice (first in line "
                        f"{metrics._places[metric.name].line}).",
                        where,
                    )
                metrics.insert(metric)
                metrics._places[metric.name] = where
        metrics.problems = problems.found
        return metrics

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
            A new set with the same metrics.
        """
        wanted = {tags} if isinstance(tags, str) else set(tags or ())
        package = None if package is None else Name(package=package).package
        return self._chosen(
            lambda name, metric: (package is None or name.package == package) and wanted <= metric.tags
        )


def _metric(package: str, name: Any, definition: Any, place: Place, problems: Problems) -> Metric:
    definition = expect(definition, Located, f"The metric {name!r}", place)
    check_keys(definition, _KEYS, f"the metric {name}", problems)
    reference = definition.get("reference")
    if reference is None:
        reference = Located(place)
    else:
        reference = expect(reference, Located, "A reference", definition.where("reference"))
        check_keys(reference, _REFERENCE_KEYS, "a reference", problems)
    description = expect(
        definition.get("description") or "", str, "A description", definition.where("description")
    )
    try:
        return Metric(
            Name(package=package, metric=expect(name, str, "The name of a metric", place)),
            description,
            definition.get("unit"),
            tags=strings(definition, "tags", problems),
            reference_doc=reference.get("doc"),
            reference_url=reference.get("url"),
            reference_page=reference.get("page"),
            dimensions=strings(definition, "dimensions", problems) if "dimensions" in definition else None,
            better=definition.get("better"),
        )
    except DefinitionError as error:
        if error.file is not None:
            raise
        raise DefinitionError(
            f"In the metric {name}: {error.message}", file=place.file, line=place.line
        ) from error
    except (DataIdError, TypeError) as error:
        raise DefinitionError(f"In the metric {name}: {error}", file=place.file, line=place.line) from error
