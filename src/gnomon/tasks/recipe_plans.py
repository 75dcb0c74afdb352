"""Which metrics of a definition package a task measures from a catalog, and at which granularity.

The dimensions that a metric states are those of its datasets. A dimension that stands in its ``group_by`` too
is no part of the quantum: the quantum's catalogs are split by it, and each group is a dataset of its own.
What else stands in ``group_by`` makes extras of each dataset.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lsst.daf.butler import DimensionUniverse

from gnomon.definitions import Metric, MetricSet, find_package
from gnomon.errors import MetricNotFoundError, SettingsError, nearest
from gnomon.names import Name

__all__ = ["Plan", "granularity", "make_plans", "read_metrics"]


@dataclass(frozen=True, eq=False)
class Plan:
    """How one metric's measurements are written.

    Attributes
    ----------
    metric
        The metric, with its recipe.
    dimensions
        Those of its datasets.
    split
        The dimensions by which a quantum's catalogs are split; empty where there is one dataset a quantum.
    """

    metric: Metric
    dimensions: frozenset[str]
    split: tuple[str, ...]

    @property
    def name(self) -> str:
        """The metric without its package."""
        return str(self.metric.name.metric)


def read_metrics(
    definitions: str, package: str, names: Sequence[str] | None, skip: Iterable[str]
) -> tuple[Metric, ...]:
    """Read the metrics that are to be measured.

    Parameters
    ----------
    definitions
        A definition package: its folder, or a name as `find_package` takes it.
    package
        The package of the metrics, that is the stem of their file.
    names
        The metrics, each without its package; `None` for all that have a recipe.
    skip
        Those of them that are not to be measured.

    Returns
    -------
    tuple of Metric
        In the order of the names, or of the file.

    Raises
    ------
    SettingsError
        If no definition package is given, or a metric has no recipe, or none has.
    MetricNotFoundError
        If a metric is not defined.
    DefinitionError
        If the definition package is not there, or its file is wrong.
    """
    if not definitions:
        raise SettingsError("Set 'definitions' to the definition package in which the metrics are defined.")
    path = find_package(definitions) / "metrics" / f"{package}.yaml"
    known = (
        _read(path, _stamp(path)) if path.is_file() else MetricSet.load_metrics_package(definitions, package)
    )
    by_name = {str(name.metric): metric for name, metric in known.items()}
    left_out = list(skip)
    for name in [*(names or ()), *left_out]:
        if name not in by_name:
            raise MetricNotFoundError(f"{path} does not define the metric {name!r}.{nearest(name, by_name)}")
        if by_name[name].measure is None:
            raise SettingsError(
                f"{path} does not say how {package}.{name} is measured: there is no 'measure' below its "
                "reference."
            )
    chosen = (
        [name for name, metric in by_name.items() if metric.measure is not None] if names is None else names
    )
    if not chosen:
        raise SettingsError(f"No metric of {path} says how it is measured: none has 'measure'.")
    return tuple(by_name[name] for name in chosen if name not in left_out)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=32)
def _read(path: Path, stamp: tuple[int, int]) -> MetricSet:  # noqa: ARG001  # a changed file is read anew
    # Connections are made anew for each quantum, and their metrics would be read as often.
    return MetricSet.load_single_package(path)


def granularity(
    metrics: Sequence[Metric], configured: Iterable[str] | None, default: Iterable[str]
) -> frozenset[str]:
    """Give the dimensions of a quantum that measures some metrics.

    Parameters
    ----------
    metrics
        The metrics.
    configured
        What the configuration says, which holds; `None` where it says nothing.
    default
        For metrics that do not say at which dimensions they are measured.

    Returns
    -------
    frozenset of str
        The dimensions that the metrics state, without those by which each splits its catalogs.

    Raises
    ------
    SettingsError
        If the metrics do not agree.
    """
    if configured is not None:
        return frozenset(configured)
    found: dict[frozenset[str], Name] = {}
    universe = DimensionUniverse()
    for metric in metrics:
        stated = metric.dimensions
        if stated is None:
            continue
        groups = metric.measure.group_by if metric.measure is not None else ()
        kept = [name for name in stated if name not in groups]
        found.setdefault(frozenset(universe.conform(kept).required), metric.name)
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        raise SettingsError(
            f"{first} is measured for each {_shown(one)}, {second} for each {_shown(other)}. Name the "
            "metrics of one granularity in 'metrics' and measure the others in another task, or set "
            "'dimensions'."
        )
    return next(iter(found), frozenset(default))


def make_plans(metrics: Sequence[Metric], quantum: Iterable[str]) -> tuple[Plan, ...]:
    """Say how each metric's measurements are written.

    Parameters
    ----------
    metrics
        The metrics.
    quantum
        The dimensions of a quantum.

    Returns
    -------
    tuple of Plan
        One each.

    Raises
    ------
    SettingsError
        If a metric is split by a dimension that needs another one.
    """
    universe = DimensionUniverse()
    whole = universe.conform(quantum)
    plans = []
    for metric in metrics:
        groups = metric.measure.group_by if metric.measure is not None else ()
        stated = None if metric.dimensions is None else universe.conform(metric.dimensions).names
        split = tuple(
            name
            for name in groups
            if name in universe.dimensions.names
            and name not in whole.names
            and (stated is None or name in stated)
        )
        finer = universe.conform([*whole.required, *split])
        if lacking := set(finer.required) - set(whole.names) - set(split):
            raise SettingsError(
                f"{metric.name} is grouped by {', '.join(split)}, which needs {min(lacking)} too: add that "
                "to 'group_by' or to the dimensions."
            )
        plans.append(Plan(metric, frozenset(finer.required), split))
    return tuple(plans)


def _shown(dimensions: Iterable[str]) -> str:
    return ", ".join(sorted(dimensions)) or "repository"
