"""Reading the Butler's measurements as rows."""

import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from astropy.units import UnitConversionError
from lsst.daf.butler import Butler, DatasetNotFoundError, DatasetRef, DatasetType
from lsst.resources import ResourcePath

from gnomon import times
from gnomon.errors import GnomonError, MeasurementError
from gnomon.measurements import Job, Measurement
from gnomon.measurements.rows import DATA_ID_COLUMNS, OTHER_DIMENSIONS, SCHEMA, conform
from gnomon.measurements.yaml_codec import from_yaml
from gnomon.repository.configuration import BUNDLE
from gnomon.repository.observation_times import Observation, observation_times, recorded_time

__all__ = ["Unreadable", "make_table", "read_rows", "row_of", "software_of"]

_OWN_EXTRAS = ("gnomon_uncertainty", "gnomon_count")
_LARGEST_COUNT = 2**63 - 1


@dataclass(frozen=True)
class Unreadable:
    """A dataset that could not be read, and why."""

    dataset_id: str
    dataset_type: str
    place: str
    reason: str


def read_rows(
    butler: Butler,
    dataset_type: DatasetType,
    refs: Sequence[DatasetRef],
    *,
    software: Mapping[str, str | None],
) -> tuple[pa.Table, list[Unreadable]]:
    """Read datasets of one type and arrange them as rows.

    Parameters
    ----------
    butler
        The repository's client.
    dataset_type
        The datasets' type.
    refs
        The datasets.
    software
        What computed the values, by run.

    Returns
    -------
    tuple
        Rows in `gnomon.measurements.rows.SCHEMA`, and what could not be read.
    """
    unreadable: list[Unreadable] = []
    kept: list[tuple[DatasetRef, dict[str, Any]]] = []
    for ref, place in zip(refs, _places(butler, refs), strict=True):
        try:
            if isinstance(place, OSError):
                raise place
            kept.extend((ref, _values(measurement)) for measurement in _measurements(dataset_type, place))
        except (GnomonError, OSError) as error:
            where = "" if isinstance(place, OSError) else str(place)
            unreadable.append(Unreadable(str(ref.id), dataset_type.name, where, str(error)))
    observations = observation_times(butler, [ref.dataId for ref, _ in kept])
    late = [ref for ref, values in kept if values["measured_at"] is None]
    ingested = _ingest_dates(butler, dataset_type, late)
    rows = []
    for (ref, values), observation in zip(kept, observations, strict=True):
        row = _row(ref, values, observation) | {"software": software[ref.run]}
        if row["measured_at"] is None:
            row["measured_at"] = ingested.get(ref)
        rows.append(row)
    return make_table(rows), unreadable


def _measurements(dataset_type: DatasetType, place: ResourcePath) -> list[Measurement]:
    content = _content(place)
    if dataset_type.storageClass_name != BUNDLE:
        return [from_yaml(content, file=str(place))]
    return list(Job.parse(content, file=str(place)).measurements.values())


def row_of(ref: DatasetRef, measurement: Measurement) -> dict[str, Any]:
    """Arrange one measurement as a row, without asking a repository.

    Parameters
    ----------
    ref
        The dataset that holds it, with a data ID that has its dimension records.
    measurement
        The measurement.

    Returns
    -------
    dict
        A value for each column of `gnomon.measurements.rows.SCHEMA`, times in TAI microseconds. What computed
        it is not known, nor when if the measurement does not say.

    Raises
    ------
    MeasurementError
        If its uncertainty or count cannot be stored.
    """
    return _row(ref, _values(measurement), recorded_time(ref.dataId))


def _row(ref: DatasetRef, values: Mapping[str, Any], observation: Observation) -> dict[str, Any]:
    data_id = dict(ref.dataId.mapping)
    own = {name: data_id.pop(name, None) for name in DATA_ID_COLUMNS}
    others = {name: str(value) for name, value in data_id.items()}
    return {
        **values,
        **own,
        "dataset_id": ref.id.bytes,
        "run": ref.run,
        "dataset_type": ref.datasetType.name,
        OTHER_DIMENSIONS: others or None,
        "obs_begin": observation.begin,
        "obs_end": observation.end,
        "software": None,
    }


def make_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Make a table of rows.

    Parameters
    ----------
    rows
        What `row_of` gave.

    Returns
    -------
    pyarrow.Table
        In `gnomon.measurements.rows.SCHEMA`.
    """
    arrays = [
        pa.array([row[item.name] for row in rows], type=_plain(item.type)).cast(item.type) for item in SCHEMA
    ]
    return conform(pa.table(arrays, names=SCHEMA.names))


def software_of(butler: Butler, run: str) -> str | None:
    """Give the version of gnomon that wrote a run, from its record of packages.

    Parameters
    ----------
    butler
        The repository's client.
    run
        A RUN collection.

    Returns
    -------
    str or None
        Such as ``gnomon 1.0``; `None` where there is no such record, or none that can be read.
    """
    try:
        version = butler.get("packages", collections=run).get("gnomon")
    except (DatasetNotFoundError, LookupError, OSError, ValueError):
        return None
    return None if version is None else f"gnomon {version}"


def _values(measurement: Measurement) -> dict[str, Any]:
    """Take a measurement apart."""
    try:
        uncertainty = measurement.uncertainty
        deviation = None if uncertainty is None else float(uncertainty.to_value(measurement.unit))
    except UnitConversionError as error:
        raise MeasurementError(f"The uncertainty has another kind of unit than the value: {error}") from error
    try:
        count = measurement.count
    except (ValueError, OverflowError) as error:
        raise MeasurementError("The count of samples is not an integer.") from error
    if count is not None and abs(count) > _LARGEST_COUNT:
        raise MeasurementError(f"The count of samples is {count:.3g}, more than can be stored.")
    return {
        "metric": str(measurement.metric_name),
        "value": measurement.value,
        "unit": measurement.unit_str,
        "uncertainty": deviation,
        "count": count,
        "measured_at": measurement.measured_at,
        "extras": _extras(measurement),
    }


def _extras(measurement: Measurement) -> str | None:
    """Write what has no column of its own as JSON."""
    name = str(measurement.metric_name)
    timed = measurement.measured_at is not None
    result: dict[str, Any] = {}
    if blob := measurement.blobs.get(name):
        datums = {
            key: {"value": datum.value, "unit": datum.unit_str}
            for key, datum in blob.items()
            if key not in _OWN_EXTRAS
        }
        if datums:
            result["extras"] = datums
    own_note = f"{name}.measured_at"
    if notes := {key: note for key, note in measurement.notes.items() if not (timed and key == own_note)}:
        result["notes"] = notes
    if not timed:
        result["measured_at"] = "the registry's ingest date"
    return json.dumps(_finite(result), ensure_ascii=False, allow_nan=False, default=str) if result else None


def _finite(value: Any) -> Any:
    """Replace NaN and the infinities, of which JSON has none, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _plain(type_: pa.DataType) -> pa.DataType:
    """Give the type in which values stand before they are cast: times are counts of microseconds."""
    return pa.int64() if pa.types.is_timestamp(type_) else type_


def _content(place: ResourcePath) -> bytes:
    if not place.unquoted_fragment.startswith("zip-path="):
        return place.read()
    with place.open("rb") as archive, zipfile.ZipFile(archive) as members:
        return members.read(place.unquoted_fragment.removeprefix("zip-path="))


def _places(butler: Butler, refs: Sequence[DatasetRef]) -> list[ResourcePath | OSError]:
    """Say where the files are; in bulk, which the public interface does not offer, if that is possible."""
    try:
        many = butler._datastore.getManyURIs(refs, allow_missing=True)
    except (AttributeError, NotImplementedError, TypeError):
        many = {}
    return [_place(butler, ref) if ref not in many else _single(many[ref].primaryURI) for ref in refs]


def _place(butler: Butler, ref: DatasetRef) -> ResourcePath | OSError:
    try:
        return butler.getURI(ref)
    except (OSError, LookupError, RuntimeError) as error:
        return FileNotFoundError(f"The datastore has no file of it: {error}")


def _single(place: ResourcePath | None) -> ResourcePath | OSError:
    return FileNotFoundError("It is stored in several files.") if place is None else place


def _ingest_dates(
    butler: Butler, dataset_type: DatasetType, refs: Sequence[DatasetRef]
) -> dict[DatasetRef, int]:
    """Give when the registry learned of datasets, in TAI microseconds."""
    if not refs:
        return {}
    wanted = {ref.id: ref for ref in refs}
    name = dataset_type.name
    with butler.query() as query:
        query = query.join_dataset_search(name, sorted({ref.run for ref in refs}))
        rows = query.general(
            dataset_type.dimensions, dataset_fields={name: {"dataset_id", "ingest_date"}}, find_first=False
        )
        return {
            wanted[row[f"{name}.dataset_id"]]: int(times.to_tai_us(row[f"{name}.ingest_date"]))
            for row in rows
            if row[f"{name}.dataset_id"] in wanted
        }
