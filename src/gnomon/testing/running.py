"""Running a metric without a repository."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsst.pipe.base import NoWorkFound, PipelineTask, connectionTypes

from gnomon.algorithms.catalogs import Catalog
from gnomon.algorithms.recipes import measure_catalog
from gnomon.definitions import Metric, MetricSet
from gnomon.errors import MeasurementTypeError, MetricNotFoundError, nearest
from gnomon.measurements import Measurement
from gnomon.names import Name
from gnomon.repository.configuration import enable
from gnomon.tasks.metric_task import MetricTask
from gnomon.testing.catalogs import make_handle

__all__ = ["measure_yaml", "run_metric", "run_metrics"]


def run_metric(
    task: MetricTask | type[MetricTask],
    *,
    config: Mapping[str, Any] | None = None,
    data_id: Mapping[str, int | str] | None = None,
    **inputs: Any,
) -> Measurement | None:
    """Run a task that measures one metric.

    Parameters
    ----------
    task
        The task, or its class.
    config
        Configuration of the class by name, such as ``{"connections.package": "mine"}``.
    data_id
        What the task is told of where the measurement will be stored.
    **inputs
        What the input connections name: datasets, or handles that `make_handle` made. A dataset is wrapped
        where the connection defers its loading, and a single one listed where it takes several.

    Returns
    -------
    Measurement or None
        What would be written; `None` where there is nothing to measure.

    Raises
    ------
    MetricComputationError
        If the metric cannot be computed.
    MeasurementTypeError
        If an input is no connection's, or the task gives something else than a measurement.
    NameMismatchError
        If it measures another metric than it announces.
    """
    made = _made(task, config)
    try:
        measurement = made.run(**_inputs(made, inputs)).measurement
    except NoWorkFound:
        return None
    if measurement is None:
        return None
    completed: Measurement = made._complete(measurement, made.getOutputMetric(made.config), data_id)
    return completed


def run_metrics(
    task: PipelineTask | type[PipelineTask], *, config: Mapping[str, Any] | None = None, **inputs: Any
) -> dict[str, Measurement]:
    """Run a task that measures several metrics: a bundle, or one that measures catalogs by recipes.

    Parameters
    ----------
    task
        The task, or its class.
    config
        Configuration of the class by name.
    **inputs
        As for `run_metric`.

    Returns
    -------
    dict
        The measurements by metric, without the package; those that could not be made are absent.

    Raises
    ------
    MetricComputationError
        If a metric could not be computed: the first such error.
    MeasurementTypeError
        If an input is no connection's.
    """
    made = _made(task, config)
    try:
        result = made.run(**_inputs(made, inputs))
    except NoWorkFound:
        return {}
    for error in result.failures.values():
        raise error
    return dict(result.measurements)


def measure_yaml(
    definition: str | os.PathLike[str] | Metric, metric: str | None = None, **columns: Any
) -> Measurement | None:
    """Measure a metric that its YAML says how to measure.

    Parameters
    ----------
    definition
        The file of its package, or the metric itself.
    metric
        Its name without the package; not needed where the file has a single metric.
    **columns
        The catalog's columns: lists, arrays or quantities; and single values, as those of a data ID.

    Returns
    -------
    Measurement or None
        `None` where nothing is left to aggregate.

    Raises
    ------
    MetricNotFoundError
        If the file does not define it.
    DefinitionError
        If the file is wrong.
    MetricComputationError
        If the metric cannot be computed.
    """
    handle_columns = {name: value for name, value in columns.items() if not isinstance(value, int | str)}
    constants = {name: value for name, value in columns.items() if name not in handle_columns}
    catalog = Catalog.of(handle_columns).with_constants(constants)
    return measure_catalog(_metric(definition, metric), catalog)


def _metric(definition: str | os.PathLike[str] | Metric, metric: str | None) -> Metric:
    if isinstance(definition, Metric):
        return definition
    path = Path(definition)
    metrics = MetricSet.load_single_package(path, strict=True)
    if metric is None and len(metrics) == 1:
        return next(iter(metrics.values()))
    names = [str(name.metric) for name in metrics]
    if metric not in names:
        raise MetricNotFoundError(f"{path} has no metric {metric!r}.{nearest(str(metric), names)}")
    return metrics[Name(package=path.stem, metric=metric)]


def _made(task: Any, config: Mapping[str, Any] | None) -> Any:
    enable()
    if not isinstance(task, type):
        return task
    cls: Any = task
    configured = cls.ConfigClass()
    for name, value in (config or {}).items():
        *path, last = name.split(".")
        target = configured
        for part in path:
            target = getattr(target, part)
        setattr(target, last, value)
    configured.validate()
    return cls(config=configured)


def _inputs(task: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    connections = task.config.connections.ConnectionsClass(config=task.config)
    names = sorted(connections.inputs | connections.prerequisiteInputs)
    prepared = {}
    for name, value in inputs.items():
        if name not in names:
            raise MeasurementTypeError(f"{type(task).__name__} has no input {name!r}.{nearest(name, names)}")
        prepared[name] = _prepared(getattr(connections, name), value)
    return prepared


def _prepared(connection: connectionTypes.BaseInput, value: Any) -> Any:
    if not connection.multiple:
        return _one(connection, value)
    values = value if isinstance(value, list | tuple) else [value]
    return [_one(connection, item) for item in values]


def _one(connection: connectionTypes.BaseInput, value: Any) -> Any:
    is_handle = hasattr(value, "dataId") and hasattr(value, "get")
    if connection.deferLoad:
        return value if is_handle else make_handle(value)
    return value.get() if is_handle else value
