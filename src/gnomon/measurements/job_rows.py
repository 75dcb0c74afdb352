"""A job as rows of the metrics store: measurements that no Butler dataset holds, such as those of CI."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gnomon import dataids
from gnomon.errors import DataIdError, MeasurementError
from gnomon.measurements.job import Job
from gnomon.measurements.job_differences import own_metadata
from gnomon.measurements.plain import jsonify
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.measurements.values import moments, values_of

__all__ = ["JOB_DATASET_TYPE", "rows_of_job"]

JOB_DATASET_TYPE = ""
"""The dataset type of a measurement that is in no dataset."""

_JOB = "job"
_NAMESPACE = uuid.UUID("6a0d4a7c-6d67-4f6a-9a0c-2d1f3f0e8b11")


def rows_of_job(
    job: Job, *, run: str, data_id: Mapping[str, int | str] | None = None, software: str | None = None
) -> pa.Table:
    """Arrange the measurements of a job as rows.

    Parameters
    ----------
    job
        The job. Each measurement's identifier is its key, so that the same job again is no news.
    run
        The label of the submission, which stands in place of a RUN collection.
    data_id
        What the measurements are about. Without it, what the job's metadata say under the names of
        dimensions.
    software
        The version of what computed the values.

    Returns
    -------
    pyarrow.Table
        Measurements that have a value, in `gnomon.measurements.rows.SCHEMA`. What else the metadata say is in
        ``extras`` under ``job``.

    Raises
    ------
    MeasurementError
        If the label is empty, or a measurement cannot be stored.
    DataIdError
        If the data ID is not complete, or a value has the wrong type.
    """
    if not run.strip():
        raise MeasurementError(
            "A job needs a label under which it is submitted, such as ci/4711; an empty one was given."
        )
    metadata = own_metadata(job)
    given = _data_id(metadata) if data_id is None else dict(data_id)
    dataids.check_dimensions(given)
    try:
        known = dataids.complete(given)
    except DataIdError as error:
        raise DataIdError(f"{error.message} Say what the job is about with a data ID of your own.") from error
    rest = {key: jsonify(value, f"The metadata {key}") for key, value in metadata.items() if key not in known}
    measured = [m for m in job.measurements.values() if m.quantity is not None]
    values = [values_of(measurement) for measurement in measured]
    others = {name: str(value) for name, value in known.items() if name not in DATA_ID_COLUMNS}
    numbers, missing = moments([one.measured_at for one in values])
    shared: dict[str, Any] = {
        "run": run,
        "dataset_type": JOB_DATASET_TYPE,
        OTHER_DIMENSIONS: sorted(others.items()) or None,
        "software": software,
        **{name: known.get(name) for name in DATA_ID_COLUMNS},
    }
    columns: dict[str, Any] = {
        "dataset_id": [_key(measurement.identifier) for measurement in measured],
        "metric": [one.metric for one in values],
        "value": [one.value for one in values],
        "unit": [one.unit for one in values],
        "uncertainty": [one.uncertainty for one in values],
        "count": [one.count for one in values],
        "measured_at": pa.array(numbers, pa.int64(), mask=np.asarray(missing)),
        "extras": [_with_metadata(one.extras, rest) for one in values],
    }
    arrays = []
    for item in SCHEMA:
        kind = pa.int64() if pa.types.is_timestamp(item.type) else item.type
        column = columns[item.name] if item.name in columns else [shared.get(item.name)] * len(values)
        arrays.append(
            (column if isinstance(column, pa.Array) else pa.array(column, type=kind)).cast(item.type)
        )
    return conform(pa.table(arrays, names=SCHEMA.names))


def _data_id(metadata: Mapping[str, Any]) -> dict[str, int | str]:
    """Read what metadata say under the names of dimensions; numbers may be texts there."""
    found: dict[str, int | str] = {}
    for name, value in metadata.items():
        if name.rstrip("0123456789") not in dataids.REQUIRED or value is None or value == "":
            continue
        try:
            found[name] = int(value) if dataids.takes_integer(name) else str(value)
        except (TypeError, ValueError):
            raise DataIdError(f"The job's metadata say {name} = {value!r}; an integer is expected.") from None
    return found


def _key(identifier: str) -> bytes:
    try:
        return uuid.UUID(identifier).bytes
    except ValueError:  # any text may be one
        return uuid.uuid5(_NAMESPACE, identifier).bytes


def _with_metadata(extras: str | None, metadata: Mapping[str, Any]) -> str | None:
    if not metadata:
        return extras
    content = {} if extras is None else json.loads(extras)
    return json.dumps({**content, _JOB: metadata}, ensure_ascii=False, allow_nan=False, default=str)
