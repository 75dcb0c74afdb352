"""Measurements: values of metrics, with what explains them.

A `Measurement` is one scalar value of one metric; a `Blob` of `Datum` objects carries the data behind it.
Class and method names are those of the established verification framework, and `yaml_codec` reads and writes
its Butler files. `rows` is the Arrow schema in which measurements are kept and judged.

This room imports the top files and `gnomon.definitions`. It knows no store and no Butler.
"""

from gnomon.measurements.blob import Blob
from gnomon.measurements.datum import Datum
from gnomon.measurements.measurement import Measurement
from gnomon.measurements.notes import Notes
from gnomon.measurements.yaml_codec import from_yaml, to_yaml

__all__ = ["Blob", "Datum", "Measurement", "Notes", "from_yaml", "to_yaml"]
