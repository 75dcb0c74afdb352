"""The established verification API, under its own names.

Code that was written for it moves by changing one import: ``import gnomon.verify as verify``.
"""

from gnomon.definitions import Metric, MetricSet, Specification, SpecificationSet, ThresholdSpecification
from gnomon.measurements import Blob, Datum, Measurement
from gnomon.names import Name

__all__ = [
    "Blob",
    "Datum",
    "Measurement",
    "Metric",
    "MetricSet",
    "Name",
    "Specification",
    "SpecificationSet",
    "ThresholdSpecification",
]
