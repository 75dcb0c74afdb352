"""Definitions: what is measured and what is asked of it.

A `Metric` names a scalar quantity, its unit and its meaning; a `Specification` is a test of a metric. Both
come from a *definition package*, a directory with ``metrics/*.yaml`` and ``specs/<package>/**.yaml``, read by
`MetricSet.load_metrics_package` and `SpecificationSet.load_metrics_package`. Class and method names are
those of the established verification framework.

This room imports only the top files. It knows no measurements, no store and no Butler.
"""

from gnomon.definitions.baseline import BaselineSpecification
from gnomon.definitions.metadata_query import MetadataQuery
from gnomon.definitions.metric import Metric
from gnomon.definitions.metric_set import MetricSet
from gnomon.definitions.packages import find_package
from gnomon.definitions.partial import SpecificationPartial
from gnomon.definitions.ranges import RangeSpecification, ToleranceSpecification
from gnomon.definitions.recipe import Recipe
from gnomon.definitions.specification import Specification
from gnomon.definitions.specification_set import SpecificationSet
from gnomon.definitions.statistical import StatisticalSpecification
from gnomon.definitions.threshold import ThresholdSpecification
from gnomon.definitions.units import parse_unit, unit_string

__all__ = [
    "BaselineSpecification",
    "MetadataQuery",
    "Metric",
    "MetricSet",
    "RangeSpecification",
    "Recipe",
    "Specification",
    "SpecificationPartial",
    "SpecificationSet",
    "StatisticalSpecification",
    "ThresholdSpecification",
    "ToleranceSpecification",
    "find_package",
    "parse_unit",
    "unit_string",
]
