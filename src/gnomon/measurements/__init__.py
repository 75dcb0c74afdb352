"""Measurements: values of metrics, with what explains them.

A `Measurement` is one scalar value of one metric; a `Blob` of `Datum` objects carries the data behind it. A
`Job` is the measurements of one run, with metrics, specifications and `Metadata`. Class and method names are
those of the established verification framework: `Job.read` and `Job.write` are its JSON files, and
`yaml_codec` reads and writes those of its Butler. `rows` is the Arrow schema in which measurements are kept
and judged.

This room imports the top files and `gnomon.definitions`. It knows no store and no Butler.
"""

from gnomon.measurements.blob import Blob
from gnomon.measurements.blob_set import BlobSet
from gnomon.measurements.conflicts import Conflict
from gnomon.measurements.datum import Datum
from gnomon.measurements.job import Job
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.measurement_set import MeasurementSet
from gnomon.measurements.metadata import Metadata
from gnomon.measurements.notes import Notes
from gnomon.measurements.yaml_codec import from_yaml, to_yaml

__all__ = [
    "Blob",
    "BlobSet",
    "Conflict",
    "Datum",
    "Job",
    "Measurement",
    "MeasurementSet",
    "Metadata",
    "Notes",
    "from_yaml",
    "to_yaml",
]
