"""Pipeline tasks that measure: connections, configuration and a call into `gnomon.algorithms`.

The classes that others build on can be imported from here too; each is loaded when it is asked for, since
some need packages that an installation may not have.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.tasks.apdb_metrics import ApdbMetricConfig, ApdbMetricConnections, ApdbMetricTask
    from gnomon.tasks.bundle_task import MetricBundleConfig, MetricBundleConnections, MetricBundleTask
    from gnomon.tasks.catalog_metrics import (
        CatalogMetricConfig,
        CatalogMetricConnections,
        CatalogMetricTask,
    )
    from gnomon.tasks.collate_metrics import (
        CollateMetricsConfig,
        CollateMetricsConnections,
        CollateMetricsTask,
    )
    from gnomon.tasks.combine_metrics import (
        CombineMetricConfig,
        CombineMetricConnections,
        CombineMetricTask,
    )
    from gnomon.tasks.measuring import MetricSubtask, MetricSubtaskConfig, metric_output
    from gnomon.tasks.metadata_metrics import (
        MetadataMetricConfig,
        MetadataMetricConnections,
        MetadataMetricTask,
        SingleMetadataMetricConfig,
        SingleMetadataMetricConnections,
        SingleMetadataMetricTask,
    )
    from gnomon.tasks.metric_task import MetricConnections, MetricTask, MetricTaskConfig
    from gnomon.tasks.resource_metrics import CpuTimingMetricTask, MemoryMetricTask, TimingMetricTask

__all__ = [
    "ApdbMetricConfig",
    "ApdbMetricConnections",
    "ApdbMetricTask",
    "CatalogMetricConfig",
    "CatalogMetricConnections",
    "CatalogMetricTask",
    "CollateMetricsConfig",
    "CollateMetricsConnections",
    "CollateMetricsTask",
    "CombineMetricConfig",
    "CombineMetricConnections",
    "CombineMetricTask",
    "CpuTimingMetricTask",
    "MemoryMetricTask",
    "MetadataMetricConfig",
    "MetadataMetricConnections",
    "MetadataMetricTask",
    "MetricBundleConfig",
    "MetricBundleConnections",
    "MetricBundleTask",
    "MetricConnections",
    "MetricSubtask",
    "MetricSubtaskConfig",
    "MetricTask",
    "MetricTaskConfig",
    "SingleMetadataMetricConfig",
    "SingleMetadataMetricConnections",
    "SingleMetadataMetricTask",
    "TimingMetricTask",
    "metric_output",
]

# The beginnings of names, longest first where one begins another, and the modules that have them.
_MODULES = {
    "SingleMetadataMetric": "metadata_metrics",
    "MetadataMetric": "metadata_metrics",
    "ApdbMetric": "apdb_metrics",
    "CatalogMetric": "catalog_metrics",
    "CollateMetrics": "collate_metrics",
    "CombineMetric": "combine_metrics",
    "CpuTimingMetric": "resource_metrics",
    "TimingMetric": "resource_metrics",
    "MemoryMetric": "resource_metrics",
    "MetricBundle": "bundle_task",
    "MetricSubtask": "measuring",
    "metric_output": "measuring",
    "Metric": "metric_task",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        module = next(module for prefix, module in _MODULES.items() if name.startswith(prefix))
        return getattr(import_module(f"gnomon.tasks.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
