"""The established verification API, under its own names.

Code that was written for it moves by changing one import: ``import gnomon.verify as verify``, or
``from gnomon import verify as lsst_verify``. Where something behaves otherwise, the page *Moving from
lsst.verify* of the documentation says how and why.

The classes are those of `gnomon.definitions` and `gnomon.measurements`. Only what asks for a report is more
than that, since reports are the business of `gnomon.judgement`: `SpecificationSet` and `Job`.
"""

from gnomon.definitions import (
    BaselineSpecification,
    MetadataQuery,
    Metric,
    MetricSet,
    RangeSpecification,
    Specification,
    SpecificationPartial,
    StatisticalSpecification,
    ThresholdSpecification,
    ToleranceSpecification,
)
from gnomon.errors import DefinitionError as VerifySpecificationError
from gnomon.errors import GnomonError as VerifyError
from gnomon.errors import MetricComputationError, SpecificationResolutionError
from gnomon.judgement import Report
from gnomon.measurements import Blob, BlobSet, Datum, Measurement, MeasurementSet, Metadata
from gnomon.measurements import Notes as MeasurementNotes
from gnomon.names import Name
from gnomon.verify.job import Job
from gnomon.verify.output import output_quantities
from gnomon.verify.specification_set import SpecificationSet
from gnomon.verify.timer import time_this_to_measurement

__all__ = [
    "BaselineSpecification",
    "Blob",
    "BlobSet",
    "Datum",
    "Job",
    "Measurement",
    "MeasurementNotes",
    "MeasurementSet",
    "Metadata",
    "MetadataQuery",
    "Metric",
    "MetricComputationError",
    "MetricSet",
    "Name",
    "RangeSpecification",
    "Report",
    "Specification",
    "SpecificationPartial",
    "SpecificationResolutionError",
    "SpecificationSet",
    "StatisticalSpecification",
    "ThresholdSpecification",
    "ToleranceSpecification",
    "VerifyError",
    "VerifySpecificationError",
    "output_quantities",
    "time_this_to_measurement",
]
